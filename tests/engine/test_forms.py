"""Times in forms that files had before: each engine reads them in a way of its own."""

from __future__ import annotations

import zlib
from base64 import b64decode
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import audience
from engine.ways import project, put, rule

OLD = (
    "eNoLcAwyFGUQtRG10RFlAzLYRNlkGBgYmICYjZGRAQKYoDQzlMapQaLmX2S7EBsDQwOUXjCbrw9Ii7JI2pgySLAV"
    "J2ek5iaKsgAFVJkkmDJToIySYlURBjE2SRlJHTUGGaBqVTYGSZC8KFBULEksSY3DU0YUZC8Tg40mm6QaA9BsBmSl"
    "JcVwpVlYlIodYRRjU+MAUgwaCgWJRYWlqSW6yQUFuolFRfnlCmWpRcWZ+XkKRmZ6BnqGkjpAH4E8tR2IA4ABBADq"
    "6Cox"
)
"""A Parquet file from before there were logical types: `id` 1, 2, 3 and moments in `ts`."""


@pytest.mark.parametrize("engine", ["polars", "duckdb", "spark"])
def test_times_in_old_forms(tmp_path: Path, engine: str) -> None:
    """Moments without a logical type, beside those with one; 96 bits beside nanoseconds."""
    day = datetime(2024, 3, 1)
    moments = [datetime(2024, 2, 29, 15, 59, 59, 999000), datetime(2024, 2, 29, 16), day]
    put(tmp_path, "users.parquet", id=[1, 2, 3, 4])
    (tmp_path / "moments").mkdir()
    (tmp_path / "moments/0.parquet").write_bytes(zlib.decompress(b64decode(OLD)))
    put(tmp_path, "moments/1.parquet", id=[4], ts=pa.array([day], pa.timestamp("us", "UTC")))
    clocks = pa.table({"id": [1, 2, 3], "ts": pa.array(moments, pa.timestamp("ns"))})
    (tmp_path / "clocks").mkdir()
    path = tmp_path / "clocks/0.parquet"
    pq.write_table(clocks, path, use_deprecated_int96_timestamps=True)
    put(tmp_path, "clocks/1.parquet", id=[4], ts=pa.array([day], pa.timestamp("ns")))
    tables = "".join(
        f"  {name}: {{path: {name}, key: id, time: ts}}\n" for name in ("moments", "clocks")
    )
    wheres = {
        "a": "{did: {in: moments, within: 1d}}",
        "b": "{did: {in: moments, hours: 0..8}}",
        "c": "{did: {in: clocks, within: 1d}}",
        "d": "{did: {in: clocks, then: {in: moments, after: 8h..8h}}}",
    }
    rules = rule(tmp_path, wheres, "2024-03-01")
    found = audience.build(project(tmp_path, tables), rules, dry_run=True, engine=engine)[0]
    assert {name: found.ids(name).to_pylist() for name in found.packs} == {
        "a": [2, 3, 4],
        "b": [2],
        "c": [3, 4],
        "d": [1, 2, 3, 4],
    }
