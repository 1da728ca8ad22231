"""Polars by hand: what was kept, added and removed between the packs of two builds.

    python bench/rivals/polars_diff.py OLD NEW

Both are folders of packs; those of the same name are compared.
"""

from __future__ import annotations

import polars as pl
from changes import tell_changes


def query(before: pl.LazyFrame, after: pl.LazyFrame) -> pl.LazyFrame:
    """By one join for those who stayed.

    Tried: anti-joins both ways (twice the time), one query after the other (half as much time
    again), is_in on sorted series (a little slower).
    """
    kept = after.join(before, on="user_id", how="semi").select(kept=pl.len())
    heights = before.select(old=pl.len()), after.select(new=pl.len())
    counts = pl.concat([kept, *heights], how="horizontal")
    both = pl.col("kept")
    return counts.select(both, added=pl.col("new") - both, removed=pl.col("old") - both)


if __name__ == "__main__":
    tell_changes(query)
