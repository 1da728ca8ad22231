"""Event columns whose values are none of their dictionary's, as far as footers tell."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engine.ways import BY_DAY, FLAT, event, every_way, ids, project, put, warnings

ENGINES = ["polars", "duckdb"]
WITH_ACTIONS = "time: ts, action: a, actions: [buy, browse]"
WITH_COLUMNS = "time: ts, columns: {b: {values: {小米: mi, 华为: hw}}, n: {values: [1, 2]}}"
LACKS = "table `events`: `{}` has values that its dictionary lacks: {}"


def told(folder: Path, keys: str, where: str, engine: str, line: str = BY_DAY) -> Any:
    opened = project(folder, line.replace("time: ts", keys))
    return every_way(opened, {"p": where}, engine, "2024-03-02")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("line", [BY_DAY, FLAT])
def test_actions_that_are_spelled_in_another_way(tmp_path: Path, engine: str, line: str) -> None:
    put(tmp_path, "users.parquet", id=[1, 2])
    event(tmp_path, 1, id=[1, 2, 2], a=["BUY", "BUY", None])
    event(tmp_path, 2, id=[1, 2], a=["BROWSE", "BUY"])
    event(tmp_path, 2, "f", id=[1, 2], a=pa.array(["buy", "cart"]).dictionary_encode())
    found = told(tmp_path, WITH_ACTIONS, "{did: {event: buy}}", engine, line)
    assert ids(found) == {"p": [1]}
    assert warnings(found) == (LACKS.format("a", "BROWSE..BUY (2 events), BUY (2 events)"),)


@pytest.mark.parametrize("engine", ENGINES)
def test_columns_of_events(tmp_path: Path, engine: str) -> None:
    put(tmp_path, "users.parquet", id=[1, 2])
    event(tmp_path, 1, id=[1, 2], b=["Mi", "Mi"], n=[7, 9])
    event(tmp_path, 2, id=[1, 2], b=["mi", "hw"], n=[1, 2])
    found = told(tmp_path, WITH_COLUMNS, "{did: {where: {b: 小米, n: 1..}}}", engine)
    assert warnings(found) == (
        LACKS.format("b", "Mi (2 events)"),
        LACKS.format("n", "7..9 (2 events)"),
    )
    # Columns that no rule reads, and days that none asks for, are not looked at.
    found = told(tmp_path, WITH_COLUMNS, "{did: {where: {b: 小米}, within: 1d}}", engine)
    assert warnings(found) == ()
    assert warnings(told(tmp_path, WITH_COLUMNS, "{did: {times: 1..}}", engine)) == ()


def test_groups_of_rows_are_told_apart(tmp_path: Path) -> None:
    put(tmp_path, "users.parquet", id=[1])
    path = event(tmp_path, 1, id=[1] * 4, a=["buy", "buy", "zap", "zip"])
    pq.write_table(pq.ParquetFile(path).read(), path, row_group_size=2)
    event(tmp_path, 2, statistics=False, id=[1], a=["BUY"])
    found = told(tmp_path, WITH_ACTIONS, "{did: {event: buy}}", "polars")
    assert warnings(found) == (LACKS.format("a", "zap..zip (2 events)"),)


def test_of_many_ranges_the_largest(tmp_path: Path) -> None:
    put(tmp_path, "users.parquet", id=[1])
    for number in range(1, 6):
        event(tmp_path, 1, f"f{number}", id=[1] * number, a=[f"A{number}"] * number)
    found = told(tmp_path, WITH_ACTIONS, "{did: {event: buy}}", "polars")
    listed = "A5 (5 events), A4 (4 events), A3 (3 events), …"
    assert warnings(found) == (LACKS.format("a", listed),)


def test_no_rows_and_no_values(tmp_path: Path) -> None:
    put(tmp_path, "users.parquet", id=[1])
    empty = event(tmp_path, 1, id=pa.array([], pa.int64()), a=pa.array([], pa.string()), ts=[])
    schema = pq.read_schema(event(tmp_path, 2, id=[1], a=pa.array([None], pa.string())))
    with pq.ParquetWriter(empty, schema, write_statistics=False) as writer:
        writer.write_table(schema.empty_table())
    found = told(tmp_path, WITH_ACTIONS, "{did: {event: buy}}", "polars")
    assert warnings(found) == ()
