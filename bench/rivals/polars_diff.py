"""Polars by hand: what was kept, added and removed between the packs of two builds.

    python bench/rivals/polars_diff.py OLD NEW

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
        # Tried: anti-joins both ways (twice the time), one query after the other (half as much
        # time again), is_in on sorted series (a little slower).
        before, after = pl.scan_parquet(old / name), pl.scan_parquet(new / name)
        kept = after.join(before, on="user_id", how="semi").select(kept=pl.len())
        heights = before.select(old=pl.len()), after.select(new=pl.len())
        queries.append(pl.concat([kept, *heights], how="horizontal"))
    changes = {}
    frames = pl.collect_all(queries, engine="streaming")
    for name, frame in zip(names, frames, strict=True):
        both, was, now = frame.row(0)
        changes[name.removesuffix(".parquet")] = {
            "kept": both,
            "added": now - both,
            "removed": was - both,
        }
    print(json.dumps(changes))


if __name__ == "__main__":
    main()
