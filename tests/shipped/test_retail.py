"""The retail example: every number of its page against SQL written by hand, on the real tables."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import duckdb
import pytest

import audience
from shipped.sql import read_queries

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "docs/examples/retail"
ROW = re.compile(r"^\| `(\w+)/(\w+)` \| ([^|]*) \| (\d+) \| ([\d.]+) % \|", re.MULTILINE)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("retail")
    subprocess.run(
        [sys.executable, str(EXAMPLE / "prepare.py"), "--out", str(target / "data")],
        check=True,
        capture_output=True,
    )
    shutil.copy(EXAMPLE / "audience.yaml", target)
    shutil.copytree(EXAMPLE / "rules", target / "rules")
    return target


@pytest.fixture(scope="module")
def results(folder: Path) -> dict[str, Any]:
    built = audience.build(audience.load(folder), dry_run=True)
    return {result.summary.phase: result for result in built}


@pytest.fixture(scope="module")
def database(folder: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'America/New_York'")
    connection.execute(f"CREATE TABLE users AS FROM '{folder}/data/users.parquet'")
    connection.execute(
        f"CREATE TABLE events AS SELECT * EXCLUDE dt, CAST(ts AS DATE) AS day "
        f"FROM read_parquet('{folder}/data/events/*/*.parquet', hive_partitioning = true)"
    )
    return connection


@pytest.mark.parametrize("phase", ["autumn", "holiday"])
def test_packs_are_what_sql_selects(
    phase: str, results: dict[str, Any], database: duckdb.DuckDBPyConnection
) -> None:
    queries = read_queries(ROOT / f"tests/oracle/retail/{phase}.sql")
    result = results[phase]
    assert result.summary.base == len(database.sql(queries.pop("base")).fetchall())
    assert list(queries) == [pack.name for pack in result.summary.packs]
    for name, query in queries.items():
        wanted = sorted(row[0] for row in database.sql(query).fetchall())
        assert result.ids(name).to_pylist() == wanted, name


def test_the_page_tells_the_numbers_there_are(results: dict[str, Any]) -> None:
    rows = ROW.findall((EXAMPLE / "README.md").read_text())
    told = {(phase, pack): (label.strip(), int(size)) for phase, pack, label, size, _ in rows}
    found = {
        (phase, pack.name): (pack.label, pack.size)
        for phase, result in results.items()
        for pack in result.summary.packs
    }
    assert told == found
    for phase, pack, _, size, share in rows:
        base = results[phase].summary.base
        assert share == f"{100 * int(size) / base:.1f}", f"{phase}/{pack}"
