"""What the rivals of diff-packs share: the packs of two builds, and what they print."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import polars as pl

Query = Callable[[pl.LazyFrame, pl.LazyFrame], pl.LazyFrame]


def tell_changes(query: Query) -> None:
    """Print kept, added and removed of every pack that both builds have, as JSON.

    ``query`` makes of a pack as it was and as it is one row with these columns.
    """
    old, new = map(Path, sys.argv[1:])
    names = sorted(path.name for path in old.glob("*.parquet") if (new / path.name).exists())
    queries = [query(pl.scan_parquet(old / name), pl.scan_parquet(new / name)) for name in names]
    frames = pl.collect_all(queries, engine="streaming")
    found = zip(names, frames, strict=True)
    print(
        json.dumps({name.removesuffix(".parquet"): each.row(0, named=True) for name, each in found})
    )
