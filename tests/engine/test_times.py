"""What footers don't tell of the times of events is read, once: on both engines, in every way."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import audience
from audience.engine import times
from audience.engine.tables import open_table
from engine.ways import BY_DAY, FLAT, answer, event, every_way, ids, project, put, rule, warnings

ENGINES = ["polars", "duckdb"]
MARCH = datetime(2024, 3, 1, 12)
DID = {"did": "{did: {within: 3d}}", "none": "{did_not: {within: 3d}}"}
STRICT = BY_DAY.replace(", known_gaps: [..2030-01-01]", "")


def clock(*values: datetime | None) -> pa.Array:
    return pa.array(values, pa.timestamp("us"))


def older(folder: Path, day: int, keys: list[int], *moments: datetime) -> Path:
    """A file with times in the form of old writers, which have no statistics."""
    path = folder / f"events/dt=2024-03-{day:02}/old.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.table({"id": keys, "ts": list(moments)})
    pq.write_table(table, path, use_deprecated_int96_timestamps=True)
    return path


# Days without rows


def nothing() -> dict[str, Any]:
    return {"id": pa.array([], pa.int64()), "ts": clock()}


HOLLOW = {
    "inside": ([2], STRICT, "the files of 1 day that a rule's window asks for have no rows: 2024-"),
    "several": ([1, 2], STRICT, "the files of 2 days that a rule's window asks for have no rows: "),
    "a known gap": ([2], STRICT.replace("day: dt", "day: dt, known_gaps: [2024-03-02]"), ""),
    "allowed": ([2], STRICT.replace("day: dt", "day: dt, allow_empty: true"), ""),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", HOLLOW)
def test_a_day_of_which_nothing_is_told(tmp_path: Path, engine: str, name: str) -> None:
    days, line, error = HOLLOW[name]
    put(tmp_path, "users.parquet", id=[1, 2])
    for day in (1, 2, 3):
        event(tmp_path, day, **(nothing() if day in days else {"id": [1]}))
    told = every_way(project(tmp_path, line), DID, engine, "2024-03-03")
    if error:
        assert isinstance(told, str)
        assert error in told
    else:
        assert ids(told) == {"did": [1], "none": [2]}


def test_a_day_with_rows_in_one_of_its_files(tmp_path: Path) -> None:
    put(tmp_path, "users.parquet", id=[1, 2])
    event(tmp_path, 1, "a", **nothing())
    event(tmp_path, 1, "b", id=[1])
    event(tmp_path, 2, **nothing())  # outside the window
    told = every_way(project(tmp_path, STRICT), DID, "polars")
    assert ids(told) == {"did": [1], "none": [2]}


def test_a_day_may_be_allowed_to_be_empty_but_not_to_be_missing(tmp_path: Path) -> None:
    put(tmp_path, "users.parquet", id=[1, 2])
    event(tmp_path, 1, id=[1])
    event(tmp_path, 3, id=[1])
    line = STRICT.replace("day: dt", "day: dt, allow_empty: true")
    told = every_way(project(tmp_path, line), DID, "polars", "2024-03-03")
    assert "has no partition of 1 day that a rule's window asks for: 2024-03-02" in told


# Events without a time


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize("line", [BY_DAY, FLAT])
def test_events_without_a_time_are_counted(
    tmp_path: Path, engine: str, statistics: bool, line: str
) -> None:
    put(tmp_path, "users.parquet", id=[1, 2])
    event(tmp_path, 1, statistics=statistics, id=[1, 2, 9], ts=clock(MARCH, None, None))
    event(tmp_path, 2, statistics=statistics, id=[1], ts=clock(datetime(2024, 3, 2)))
    opened = project(tmp_path, line)
    wheres = DID | {"then": "{did: {within: 3d, then: {after: 1d}}}"}
    told = every_way(opened, wheres, engine, "2024-03-02")
    assert ids(told) == {"did": [1], "none": [2], "then": [1]}
    assert warnings(told) == ("table `events`: 2 events without a time count for nobody",)


@pytest.mark.parametrize("engine", ENGINES)
def test_days_outside_the_windows_are_not_counted(tmp_path: Path, engine: str) -> None:
    put(tmp_path, "users.parquet", id=[1, 2])
    event(tmp_path, 1, id=[1, 1], ts=clock(None, MARCH))
    event(tmp_path, 2, id=[1])
    wheres = {"did": "{did: {within: 1d}}"}
    assert warnings(every_way(project(tmp_path), wheres, engine, "2024-03-02")) == ()


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("statistics", [True, False])
@pytest.mark.parametrize("line", [BY_DAY, FLAT])
def test_no_event_has_a_time(tmp_path: Path, engine: str, statistics: bool, line: str) -> None:
    put(tmp_path, "users.parquet", id=[1, 2])
    for day in (1, 2):
        event(tmp_path, day, statistics=statistics, id=[1, 2], ts=clock(None, None))
    told = every_way(project(tmp_path, line), DID, engine, "2024-03-02")
    assert "table `events`: `ts` is missing in all 4 rows" in told


def test_what_footers_tell_of_missing_times(tmp_path: Path) -> None:
    event(tmp_path, 1, "a", id=[1, 2], ts=clock(MARCH, MARCH))
    event(tmp_path, 1, "b", id=[1, 2], ts=clock(MARCH, None))
    event(tmp_path, 1, "c", id=[1, 2], ts=clock(None, None))
    event(tmp_path, 1, "d", statistics=False, id=[1], ts=clock(MARCH))
    event(tmp_path, 1, "e", **nothing())
    put(tmp_path, "users.parquet", id=[1])
    opened = project(tmp_path)
    table = open_table(opened.events["events"], opened.root, opened.time_zone)
    assert [(file.dated, file.timeless, file.proven) for file in table.files] == [
        (True, 0, True),
        (True, 1, False),
        (True, 2, False),
        (False, None, False),
        (True, 0, True),
    ]


# Rows of another day


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("where", ["{did: {event: buy}}", "{did: {event: buy, then: {}}}"])
def test_a_row_of_another_day_that_no_statistics_tell(
    tmp_path: Path, engine: str, where: str
) -> None:
    """Also one that no rule asks for: the files are not what they say."""
    put(tmp_path, "users.parquet", id=[1, 2])
    stray = datetime(2024, 3, 2)
    rows = {"id": [1, 2, 2], "a": ["buy", "see", "see"]}
    event(tmp_path, 1, statistics=False, ts=clock(MARCH, stray, stray), **rows)
    event(tmp_path, 2, id=[1], a=["buy"])
    line = BY_DAY.replace("time: ts", "time: ts, action: a")
    told = every_way(project(tmp_path, line), {"p": where}, engine, "2024-03-02")
    assert "dt=2024-03-01/e.parquet has 2 rows of other days (`ts` in Asia/Shanghai)" in told
    assert "says, 2024-03-01;" in told


@pytest.mark.parametrize("engine", ENGINES)
def test_the_day_is_that_of_the_projects_zone(tmp_path: Path, engine: str) -> None:
    put(tmp_path, "users.parquet", id=[1, 2])
    late = pa.array([datetime(2024, 2, 29, 16, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    event(tmp_path, 1, statistics=False, id=[1], ts=late)
    assert ids(every_way(project(tmp_path), DID, engine)) == {"did": [1], "none": [2]}
    text = project(tmp_path).source.text.replace("Asia/Shanghai", "UTC")
    (tmp_path / "audience.yaml").write_text(text)
    told = every_way(audience.load(tmp_path), DID, engine)
    assert "has 1 row of other days (`ts` in UTC) than its partition `dt` says, 2024-03-01" in told


@pytest.mark.not_on_spark("nothing is kept between runs")
@pytest.mark.parametrize("engine", ENGINES)
def test_times_are_read_once(tmp_path: Path, engine: str, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "users.parquet", id=[1, 2])
    for day in (1, 2):
        older(tmp_path, day, [1], datetime(2024, 3, day, 12))
    opened = project(tmp_path)
    path = rule(tmp_path, DID, "2024-03-02")
    read: list[str] = []
    scan = times.scan

    def counted(engine: Any, table: Any, files: Any, *more: Any) -> Any:
        read.extend(file.path.parent.name for file in files)
        return scan(engine, table, files, *more)

    monkeypatch.setattr(times, "scan", counted)
    first = answer(opened, path, engine)
    assert ids(first) == {"did": [1], "none": [2]}
    assert read == ["dt=2024-03-01", "dt=2024-03-02"]
    assert answer(opened, path, engine) == first
    assert len(read) == 2
    # A file that is written anew is not the one that was read.
    older(tmp_path, 2, [1, 2], MARCH, datetime(2024, 3, 2))
    assert "has 1 row of other days" in answer(project(tmp_path), path, engine)
