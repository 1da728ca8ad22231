"""A cache's folder in tests: something to keep, and what is found of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa

from audience.cache import Cache

LIMIT = 10**6
TABLES = {
    "numbers": pa.table({"key": pa.array([1, 2, None]), "v": pa.array([0.5, None, -0.0])}),
    "bytes": pa.table({"held": pa.array([b"\x00\xff" * 50], pa.large_binary())}),
    "no rows": pa.table({"numbers": pa.array([], pa.list_(pa.int64()))}),
    "metadata": pa.table({"a": ["用户"]}).replace_schema_metadata({b"orphans": b"\x01\x00"}),
    "coded": pa.table({"a": pa.array(["x", "y", "x"]).dictionary_encode()}),
}


def keep(folder: Path, *names: Any, limit: int = LIMIT, table: pa.Table | None = None) -> None:
    """Keep a table under some names, one run for all."""
    cache = Cache(folder, limit)
    for name in names:
        cache.put(TABLES["numbers"] if table is None else table, name)
    cache.close()


def found(folder: Path, *name: Any) -> pa.Table | None:
    cache = Cache(folder, LIMIT)
    try:
        return cache.get(*name)
    finally:
        cache.close()


def entries(folder: Path) -> list[Path]:
    return sorted(folder.glob("*/*.entry"))


def everything(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in entries(folder))
