"""Polars by anti joins, the usual way: what was kept, added and removed between two builds.

    python bench/rivals/polars_anti.py OLD NEW

Both are folders of packs; those of the same name are compared.
"""

from __future__ import annotations

import polars as pl
from changes import tell_changes


def query(before: pl.LazyFrame, after: pl.LazyFrame) -> pl.LazyFrame:
    """By a join for those who came, and one for those who went."""
    added = after.join(before, on="user_id", how="anti").select(added=pl.len())
    removed = before.join(after, on="user_id", how="anti").select(removed=pl.len())
    counts = pl.concat([added, removed, after.select(new=pl.len())], how="horizontal")
    return counts.select("added", "removed", kept=pl.col("new") - pl.col("added"))


if __name__ == "__main__":
    tell_changes(query)
