"""Polars by anti joins, the usual way: what was kept, added and removed between two builds.

    python bench/rivals/polars_anti.py OLD NEW

Both are folders of packs; those of the same name are compared.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import polars as pl


def main() -> None:
    """Print kept, added and removed of every pack as JSON."""
    old, new = map(Path, sys.argv[1:])
    names = sorted(path.name for path in old.glob("*.parquet") if (new / path.name).exists())
    queries: list[pl.LazyFrame] = []
    for name in names:
        before, after = pl.scan_parquet(old / name), pl.scan_parquet(new / name)
        added = after.join(before, on="user_id", how="anti").select(added=pl.len())
        removed = before.join(after, on="user_id", how="anti").select(removed=pl.len())
        queries.append(pl.concat([added, removed, after.select(new=pl.len())], how="horizontal"))
    changes = {}
    frames = pl.collect_all(queries, engine="streaming")
    for name, frame in zip(names, frames, strict=True):
        more, fewer, now = frame.row(0)
        changes[name.removesuffix(".parquet")] = {
            "kept": now - more,
            "added": more,
            "removed": fewer,
        }
    print(json.dumps(changes))


if __name__ == "__main__":
    main()
