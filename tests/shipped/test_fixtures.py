"""The made-up tables: the same each time, and snapshots that tell the state of their day."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

ROOT = Path(__file__).parents[2]
PAIR = "FROM snapshots old JOIN snapshots new ON old.user_id = new.user_id AND old.dt < new.dt"


def make(folder: Path, *words: str) -> dict[str, bytes]:
    command = [sys.executable, "-B", str(ROOT / "fixtures/make.py"), "--out", str(folder)]
    subprocess.run([*command, "--users", "300", "--days", "20", *words], check=True)
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*.parquet")}


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'Asia/Shanghai'")
    for name, folder in (("snapshots", "users"), ("events", "events")):
        connection.execute(
            f"CREATE TABLE {name} AS FROM read_parquet('{ROOT}/fixtures/{folder}/*/*.parquet', "
            "hive_partitioning = true)"
        )
    return connection


def test_the_same_options_make_the_same_bytes(tmp_path: Path) -> None:
    made = make(tmp_path / "one")
    assert made == make(tmp_path / "other")
    assert made != make(tmp_path / "seed", "--seed", "14")
    assert len(made) == 3 + 20


def test_the_newest_snapshot_is_the_plain_table(tmp_path: Path) -> None:
    snapshots = make(tmp_path / "one")
    plain = make(tmp_path / "other", "--snapshots", "")
    assert plain["users/part-0.parquet"] == snapshots["users/dt=2023-06-30/part-0.parquet"]
    assert len(plain) == 1 + 20


@pytest.mark.parametrize(
    "query",
    [
        # nothing of a snapshot is later than its day
        "FROM snapshots WHERE registered > dt OR uninstalled > dt OR last_active::DATE > dt",
        # a key is there once
        "FROM snapshots GROUP BY dt, user_id HAVING count(*) > 1",
        # nobody gets younger, poorer, or is forgotten
        f"{PAIR} WHERE new.age < old.age OR new.age > old.age + 1",
        f"{PAIR} WHERE new.jd_value < old.jd_value OR new.ltv < old.ltv",
        "FROM snapshots old ANTI JOIN snapshots new "
        "ON old.user_id = new.user_id AND new.dt = DATE '2023-06-30'",
        # what is once known is not unknown later
        f"{PAIR} WHERE old.city_tier IS NOT NULL AND new.city_tier IS NULL",
        # before they registered, and after they uninstalled, nobody opens the app
        "FROM snapshots u JOIN events e USING (user_id) WHERE e.action = 'open' "
        "AND e.dt <= u.dt AND (e.dt < u.registered OR e.dt >= u.uninstalled)",
    ],
)
def test_no_row_contradicts(query: str, database: duckdb.DuckDBPyConnection) -> None:
    assert database.sql(f"SELECT 1 {query}").fetchall() == []


def test_the_last_event_is_when_they_were_active(database: duckdb.DuckDBPyConnection) -> None:
    """But for the few whose last visit is of an event without their id."""
    apart = database.sql(
        "SELECT u.dt, count(*) FROM snapshots u JOIN events e USING (user_id) "
        "WHERE e.dt <= u.dt AND u.last_active IS NOT NULL GROUP BY u.dt, u.user_id, u.last_active "
        "HAVING max(e.ts) <> u.last_active"
    ).fetchall()
    assert len(apart) < 5


def test_tags_move_between_snapshots(database: duckdb.DuckDBPyConnection) -> None:
    names = ["city_tier", "device_brand", "device_price", "plus", "house_owner", "car_owner"]
    names += ["marital", "purchasing_power", "newsletter", "jd_value", "interests", "rival_apps"]
    shares = ", ".join(f"avg((old.{name} IS DISTINCT FROM new.{name})::INT)" for name in names)
    for row in database.sql(f"SELECT {shares} {PAIR} GROUP BY old.dt, new.dt").fetchall():
        assert all(0.001 < share < 0.7 for share in row), row
