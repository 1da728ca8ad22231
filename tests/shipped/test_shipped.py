"""The shipped campaign on the fixtures, against SQL written by hand, and its own cases."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

import audience
from shipped.cases import all_case_files, read_case_file, write_tables
from shipped.sql import read_queries

ROOT = Path(__file__).parents[2]
SQL = ROOT / "tests/oracle/shipped"
PHASES = ["1-seize-rivals", "2-expand-category", "3-convert", "4-optimise"]


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'Asia/Shanghai'")
    # Tables, not views: a filter on a view may be answered from statistics, which leave NaN out.
    connection.execute(f"CREATE TABLE users AS FROM '{ROOT}/fixtures/users/*.parquet'")
    connection.execute(
        f"CREATE TABLE events AS SELECT * EXCLUDE dt, CAST(ts AS DATE) AS day "
        f"FROM read_parquet('{ROOT}/fixtures/events/*/*.parquet', hive_partitioning = true)"
    )
    return connection


@pytest.fixture(scope="module", params=["polars", "duckdb"])
def results(request: pytest.FixtureRequest) -> dict[str, Any]:
    built = audience.build(audience.load(ROOT), dry_run=True, engine=request.param)
    return {result.summary.phase: result for result in built}


@pytest.mark.parametrize("phase", PHASES)
def test_packs_are_what_sql_selects(
    phase: str, results: dict[str, Any], database: duckdb.DuckDBPyConnection
) -> None:
    queries = read_queries(SQL / f"{phase}.sql")
    result = results[phase]
    base = database.sql(queries.pop("base")).fetchall()
    assert result.summary.base == len(base)
    assert list(queries) == [pack.name for pack in result.summary.packs]
    for name, query in queries.items():
        wanted = sorted(row[0] for row in database.sql(query).fetchall())
        assert result.ids(name).to_pylist() == wanted, name


@pytest.mark.parametrize("phase", PHASES)
def test_no_pack_is_nobody_or_everybody(phase: str, results: dict[str, Any]) -> None:
    for pack in results[phase].summary.packs:
        assert 0.002 < pack.share < 0.5, pack


@pytest.mark.parametrize("phase", PHASES)
def test_overlaps_are_what_the_ids_say(phase: str, results: dict[str, Any]) -> None:
    result = results[phase]
    packs = {pack.name: set(result.ids(pack.name).to_pylist()) for pack in result.summary.packs}
    for overlap in result.summary.overlaps:
        both = packs[overlap.pack] & packs[overlap.other]
        assert overlap.both == len(both)
        assert overlap.share == len(both) / len(packs[overlap.pack])
    assert len(result.summary.overlaps) == len(packs) * (len(packs) - 1)


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
@pytest.mark.parametrize("path", all_case_files(ROOT / "rules"), ids=lambda path: path.stem)
def test_cases_beside_the_rules(path: Path, engine: str, tmp_path: Path) -> None:
    case_file = read_case_file(path)
    schemas = {
        "users": pl.read_parquet_schema(ROOT / "fixtures/users/part-0.parquet"),
        "events": pl.read_parquet_schema(ROOT / "fixtures/events/dt=2023-06-01/part-0.parquet"),
    }
    if not case_file.events:
        case_file.events.append({"user_id": 1, "ts": _noon(date(2000, 1, 1))})
    write_tables(case_file, {name: pl.Schema(kinds) for name, kinds in schemas.items()}, tmp_path)
    text = (
        (ROOT / "audience.yaml").read_text().replace("fixtures/", "").replace("    day: dt\n", "")
    )
    (tmp_path / "audience.yaml").write_text(text)
    (tmp_path / "rules").symlink_to(ROOT / "rules")
    project = audience.load(tmp_path)
    result = audience.build(
        project, [case_file.rules], as_of=case_file.as_of, dry_run=True, engine=engine
    )[0]
    packs = {pack.name: set(result.ids(pack.name).to_pylist()) for pack in result.summary.packs}
    assert {expected.pack for expected in case_file.expectations} == set(packs)
    wrong = [
        f"{expected.case}: {expected.pack}"
        for expected in case_file.expectations
        if not expected.members <= packs[expected.pack] or expected.strangers & packs[expected.pack]
    ]
    assert not wrong


def _noon(day: date) -> str:
    return f"{day} 12:00"
