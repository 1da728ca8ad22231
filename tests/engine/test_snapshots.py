"""Daily snapshots of the user table: which one is read, and that it is the only one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import audience
from audience.errors import DataError, RuleError

ENGINES = ["polars", "duckdb"]
PROJECT = """\
tables:
  users: {{path: users/, key: id, snapshot: dt{users}}}
{more}"""
EVENTS = "  events: {path: events/, key: id, time: ts, day: dt, action: action}\n"
RULE = "campaign: c\nphase: {phase}\nas_of: {day}\npacks:\n{packs}"


def project(folder: Path, users: str = "", more: str = "") -> Any:
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "audience.yaml").write_text(PROJECT.format(users=users, more=more))
    return audience.load(folder)


def snapshot(folder: Path, day: str, name: str = "part-0", **columns: Any) -> Path:
    """Write a file of a day's snapshot."""
    path = folder / f"users/dt={day}/{name}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(columns).write_parquet(path)
    return path


def rule(folder: Path, day: str, packs: Mapping[str, str], phase: str = "p") -> Path:
    text = "".join(f"  {name}: {{where: {where}}}\n" for name, where in packs.items())
    path = folder / f"rules/{phase}.yaml"
    path.write_text(RULE.format(phase=phase, day=day, packs=text))
    return path


def select(opened: Any, day: str, where: str, engine: str = "polars") -> list[Any]:
    path = rule(opened.root, day, {"x": where})
    result = audience.build(opened, [path], dry_run=True, engine=engine)[0]
    return result.ids("x").to_pylist()


@pytest.fixture
def opened(tmp_path: Path) -> Any:
    """Three snapshots; user 1 grows older, 2 goes, 3 comes."""
    snapshot(tmp_path, "2024-03-01", id=[1, 2], age=[20, 30])
    snapshot(tmp_path, "2024-03-05", id=[2, 1], age=[31, 40])
    snapshot(tmp_path, "2024-03-06", id=[3, 1], age=[5, 41])
    return project(tmp_path)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("day", "known", "grown"),
    [
        ("2024-03-01", [1, 2], []),
        ("2024-03-04", [1, 2], []),
        ("2024-03-05", [1, 2], [1]),
        ("2024-03-06", [1, 3], [1]),
        ("2024-06-01", [1, 3], [1]),
    ],
)
def test_the_newest_that_is_not_after_as_of_is_read(
    opened: Any, day: str, known: list[int], grown: list[int], engine: str
) -> None:
    assert select(opened, day, "{age: known}", engine) == known
    assert select(opened, day, "{age: 40..}", engine) == grown
    assert select(opened, day, "{not: {age: 40..}}", engine) == [
        user for user in known if user not in grown
    ]


def test_before_the_first_there_is_none(opened: Any) -> None:
    with pytest.raises(
        DataError, match="no snapshot of 2024-02-29 or before; the first is of 2024-03-01"
    ):
        select(opened, "2024-02-29", "{age: known}")


@pytest.mark.parametrize("engine", ENGINES)
def test_files_of_one_run_read_each_its_own(opened: Any, engine: str) -> None:
    days = {"a": "2024-03-02", "b": "2024-03-06", "c": "2024-03-05", "d": "2024-03-04"}
    paths = [
        rule(opened.root, day, {"x": "{age: 21..}", "all": "{age: known}"}, phase)
        for phase, day in days.items()
    ]
    results = audience.build(opened, paths, engine=engine)
    found = {
        each.summary.phase: (str(each.summary.snapshot), each.ids("x").to_pylist())
        for each in results
    }
    assert found == {
        "a": ("2024-03-01", [2]),
        "b": ("2024-03-06", [1]),
        "c": ("2024-03-05", [1, 2]),
        "d": ("2024-03-01", [2]),
    }
    assert [each.summary.users for each in results] == [2, 2, 2, 2]
    assert results[1].ids("all").to_pylist() == [1, 3]


@pytest.mark.parametrize("engine", ENGINES)
def test_one_day_given_for_all_files_is_one_snapshot(opened: Any, engine: str) -> None:
    for phase, day in {"a": "2024-03-02", "b": "2024-03-06"}.items():
        rule(opened.root, day, {"x": "{age: known}"}, phase)
    results = audience.build(opened, as_of="2024-03-05", dry_run=True, engine=engine)
    assert {str(each.summary.snapshot) for each in results} == {"2024-03-05"}
    assert {str(each.summary.as_of) for each in results} == {"2024-03-05"}


@pytest.mark.parametrize("engine", ENGINES)
def test_several_files_are_one_snapshot(tmp_path: Path, engine: str) -> None:
    for part, ids in (("a", [5, 1]), ("b", [3]), ("c", [2])):
        snapshot(tmp_path, "2024-03-01", part, id=ids, age=[20] * len(ids))
    snapshot(tmp_path, "20240302", id=[9], age=[20])
    opened = project(tmp_path)
    assert select(opened, "2024-03-01", "{age: 20}", engine) == [1, 2, 3, 5]
    assert select(opened, "2024-03-02", "{age: 20}", engine) == [9], "a day without dashes"


@pytest.mark.parametrize("engine", ENGINES)
def test_further_partitions_are_tags(tmp_path: Path, engine: str) -> None:
    for day, tiers in (("2024-03-01", {"1": [1], "2": [2]}), ("2024-03-02", {"1": [1, 2]})):
        for tier, ids in tiers.items():
            path = tmp_path / f"users/dt={day}/tier={tier}/p.parquet"
            path.parent.mkdir(parents=True)
            pl.DataFrame({"id": ids}).write_parquet(path)
    opened = project(tmp_path)
    assert select(opened, "2024-03-01", "{tier: 1}", engine) == [1]
    assert select(opened, "2024-03-02", "{tier: 1}", engine) == [1, 2]


def test_the_partition_of_snapshots_is_no_tag(opened: Any) -> None:
    with pytest.raises(RuleError, match="unknown tag or keyword `dt`"):
        select(opened, "2024-03-05", "{dt: 2024-03-05}")


# Age


@pytest.mark.parametrize(
    ("max_age", "day", "fresh"),
    [
        ("2d", "2024-03-08", True),
        ("2d", "2024-03-09", False),
        ("0d", "2024-03-06", True),
        ("0d", "2024-03-07", False),
        ("1w", "2024-03-13", True),
        ("1w", "2024-03-14", False),
        ("1m", "2024-04-06", True),
        ("1m", "2024-04-07", False),
        ("2d", "2024-03-03", True),
        ("2d", "2024-03-04", False),
    ],
)
def test_the_age_at_as_of_has_its_bound_in(
    opened: Any, max_age: str, day: str, fresh: bool
) -> None:
    """Those read are of 03-06 and 03-01: that a newer one follows as_of makes neither fresh."""
    aged = project(opened.root, f", max_age: {max_age}")
    if fresh:
        assert select(aged, day, "{age: known}")
    else:
        with pytest.raises(DataError, match=f"older than `max_age: {max_age}` allows"):
            select(aged, day, "{age: known}")


def test_one_stale_file_stops_the_run(opened: Any) -> None:
    aged = project(opened.root, ", max_age: 1d")
    rule(aged.root, "2024-03-04", {"x": "{age: known}"}, "a")
    rule(aged.root, "2024-03-06", {"x": "{age: known}"}, "b")
    with pytest.raises(DataError, match="the newest snapshot at 2024-03-04 is of 2024-03-01"):
        audience.build(aged)
    assert not list(aged.root.rglob("packs/**/*.parquet"))


# Columns that come and go


@pytest.fixture
def growing(tmp_path: Path) -> Any:
    """The older snapshot lacks `plus`, and its `level` is a text."""
    snapshot(tmp_path, "2024-03-01", id=[1, 2], age=[20, 30], level=["1", "2"], gone=[1, 1])
    snapshot(tmp_path, "2024-03-05", id=[1, 2], age=[20, 30], level=[1, 2], plus=[True, None])
    return project(tmp_path)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_column_that_an_older_one_lacks_matters_to_rules_that_need_it(
    growing: Any, engine: str
) -> None:
    assert select(growing, "2024-03-05", "{plus: true}", engine) == [1]
    assert select(growing, "2024-03-01", "{age: 30}", engine) == [2]
    with pytest.raises(DataError, match="its snapshot of 2024-03-01 has no column `plus`"):
        select(growing, "2024-03-04", "{plus: true}", engine)
    with pytest.raises(DataError, match="has no column `plus`"):
        select(growing, "2024-03-04", "{age: 30, not: {plus: unknown}}", engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_column_of_another_kind_matters_to_rules_that_need_it(growing: Any, engine: str) -> None:
    assert select(growing, "2024-03-05", "{level: 2..}", engine) == [2]
    with pytest.raises(DataError, match="`level` is text in the snapshot of 2024-03-01"):
        select(growing, "2024-03-01", "{level: 2..}", engine)


def test_a_limit_needs_its_column_too(growing: Any) -> None:
    path = rule(growing.root, "2024-03-01", {"x": "{age: known}, limit: {keep: 1, by: level}"})
    with pytest.raises(DataError, match="`level` is text in the snapshot of 2024-03-01"):
        audience.build(growing, [path])
    result = audience.build(growing, [path], as_of="2024-03-05", dry_run=True)[0]
    assert result.ids("x").to_pylist() == [2]


def test_a_column_that_the_newest_lacks_is_no_tag(growing: Any) -> None:
    with pytest.raises(RuleError, match="unknown tag or keyword `gone`"):
        select(growing, "2024-03-01", "{gone: 1}")


def test_a_key_of_another_kind_is_refused_where_it_is_read(tmp_path: Path) -> None:
    snapshot(tmp_path, "2024-03-01", id=["1"], age=[20])
    snapshot(tmp_path, "2024-03-05", id=[1], age=[20])
    opened = project(tmp_path)
    assert select(opened, "2024-03-05", "{age: 20}") == [1]
    with pytest.raises(DataError, match="`id` is text in the snapshot of 2024-03-01"):
        select(opened, "2024-03-01", "{age: 20}")


@pytest.mark.parametrize("engine", ENGINES)
def test_another_width_of_a_kind_is_the_same_kind(tmp_path: Path, engine: str) -> None:
    old = {"id": pl.Series([7, 8], dtype=pl.Int32), "age": pl.Series([1, 2], dtype=pl.Int8)}
    snapshot(tmp_path, "2024-03-01", **old)
    snapshot(tmp_path, "2024-03-05", id=[7, 8], age=[1, 2])
    opened = project(tmp_path)
    for phase, day in (("a", "2024-03-01"), ("b", "2024-03-05")):
        rule(opened.root, day, {"x": "{age: 2}"}, phase)
    results = audience.build(opened, engine=engine)
    assert [each.ids("x").to_pylist() for each in results] == [[8], [8]]
    files = [each.published.folder / "x.parquet" for each in results]
    assert [pl.read_parquet_schema(path)["id"] for path in files] == [pl.Int32, pl.Int64]


# Keys


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("ids", "told"), [([1, 1, 2], "1 of 3 rows repeat a key"), ([None, 1, 2], "missing in 1 of 3")]
)
def test_keys_are_checked_in_the_snapshot_that_is_read(
    tmp_path: Path, ids: list[Any], told: str, engine: str
) -> None:
    snapshot(tmp_path, "2024-03-01", id=[1, 2], age=[20, 30])
    snapshot(tmp_path, "2024-03-02", id=ids, age=[20, 30, 40])
    snapshot(tmp_path, "2024-03-03", id=[1, 2], age=[20, 30])
    opened = project(tmp_path)
    for day in ("2024-03-01", "2024-03-03"):
        assert select(opened, day, "{age: 20}", engine) == [1]
    with pytest.raises(DataError, match=told):
        select(opened, "2024-03-02", "{age: 20}", engine)


def test_a_file_that_is_damaged_matters_where_it_is_read(tmp_path: Path) -> None:
    path = snapshot(tmp_path, "2024-03-01", id=[1], age=[20])
    snapshot(tmp_path, "2024-03-02", id=[1], age=[20])
    path.write_bytes(path.read_bytes()[:-9])
    opened = project(tmp_path)
    assert select(opened, "2024-03-02", "{age: 20}") == [1]
    with pytest.raises(DataError, match="cannot read"):
        select(opened, "2024-03-01", "{age: 20}")


@pytest.mark.parametrize(
    "name",
    ["dt=2024-13-45", "dt=yesterday", "dt=__HIVE_DEFAULT_PARTITION__", "day=2024-03-01", "x"],
)
def test_folders_that_are_no_day_are_refused(opened: Any, name: str) -> None:
    path = opened.root / "users" / name / "p.parquet"
    path.parent.mkdir()
    pl.DataFrame({"id": [1], "age": [1]}).write_parquet(path)
    with pytest.raises(DataError, match=r"is no day|is in no partition folder `dt=…`"):
        audience.check(opened, [rule(opened.root, "2024-03-05", {"x": "{age: 1}"})])


# With events, and on record


def events(folder: Path, *days: str) -> None:
    for day in days:
        path = folder / f"events/dt={day}/e.parquet"
        path.parent.mkdir(parents=True)
        moment = datetime.fromisoformat(day + "T12:00")
        frame = pl.DataFrame({"id": [1, 2, 3], "ts": [moment] * 3, "action": ["buy"] * 3})
        frame.write_parquet(path)


@pytest.mark.parametrize("engine", ENGINES)
def test_behaviour_is_held_against_the_users_of_the_day(opened: Any, engine: str) -> None:
    days = [f"2024-03-0{day}" for day in range(1, 7)]
    events(opened.root, *days)
    with_events = project(opened.root, more=EVENTS)
    for phase, day in (("a", "2024-03-02"), ("b", "2024-03-06")):
        packs = {"did": "{did: {times: 1..}}", "did_not": "{did_not: {times: 3..}}"}
        rule(opened.root, day, packs, phase)
    older, newer = audience.build(with_events, dry_run=True, engine=engine)
    assert older.ids("did").to_pylist() == older.ids("did_not").to_pylist() == [1, 2]
    assert newer.ids("did").to_pylist() == [1, 3]
    assert newer.ids("did_not").to_pylist() == []


@pytest.mark.parametrize("engine", ENGINES)
def test_the_manifest_names_the_snapshot_its_files_and_the_windows(
    opened: Any, engine: str
) -> None:
    events(opened.root, *(f"2024-03-0{day}" for day in (1, 2, 3, 4, 5, 6)))
    snapshot(opened.root, "2024-03-05", "part-1", id=[8], age=[1])
    with_events = project(opened.root, more=EVENTS)
    wheres = {"x": "{did: {event: buy, within: 2d}}", "y": "{did: {between: ..2024-03-02}}"}
    rule(opened.root, "2024-03-05", {"x": wheres["x"]}, "a")
    rule(opened.root, "2024-03-06", wheres, "b")
    rule(opened.root, "2024-03-01", {"x": "{age: known}"}, "c")
    found = {}
    for result in audience.build(with_events, engine=engine):
        manifest = json.loads((result.published.folder / "manifest.json").read_text())
        paths = [each["path"] for each in manifest["inputs"]]
        users = [path for path in paths if path.startswith("users/")]
        days = [path[10:20].removeprefix("=") for path in paths if path.startswith("events/")]
        found[manifest["phase"]] = (manifest["snapshot"], users, days, manifest["windows"])
        assert result.summary.snapshot == date.fromisoformat(manifest["snapshot"])
    folder = "users/dt=2024-03-0"
    window = {"table": "events", "first": "2024-03-04", "last": "2024-03-05"}
    assert found["a"][:2] == (
        "2024-03-05",
        [f"{folder}5/part-0.parquet", f"{folder}5/part-1.parquet"],
    )
    assert found["a"][2:] == (["2024-03-04", "2024-03-05"], [window])
    assert found["b"][:2] == ("2024-03-06", [f"{folder}6/part-0.parquet"])
    assert found["b"][2][0] == "2024-03-01"
    assert found["b"][3] == [{"table": "events", "first": "", "last": "2024-03-06"}]
    assert found["c"] == ("2024-03-01", [f"{folder}1/part-0.parquet"], [], [])


@pytest.mark.parametrize("engine", ENGINES)
def test_known_gaps_and_snapshots_go_together(opened: Any, engine: str) -> None:
    events(opened.root, "2024-03-01", "2024-03-02", "2024-03-05", "2024-03-06")
    where = "{did: {within: 4d, times: 2..}}"
    gaps = EVENTS.replace("day: dt", "day: dt, known_gaps: [2024-03-03]")
    with pytest.raises(DataError, match=r"1 day that a rule's window asks for: 2024-03-04"):
        select(project(opened.root, more=gaps), "2024-03-06", where, engine)
    gaps = gaps.replace("[2024-03-03]", "[2024-03-03..2024-03-04]")
    assert select(project(opened.root, more=gaps), "2024-03-06", where, engine) == [1, 3]
    assert select(project(opened.root, more=gaps), "2024-03-05", where, engine) == [1, 2]


@pytest.mark.parametrize("engine", ENGINES)
def test_ids_of_nobody_are_those_of_the_snapshot_that_is_read(opened: Any, engine: str) -> None:
    """User 2 has gone by 03-06, user 3 has not yet come on 03-01."""
    for phase, day in (("a", "2024-03-01"), ("b", "2024-03-06")):
        rule(opened.root, day, {"x": "{ids: [1, 2, 9]}", "y": "{ids: [1, 3]}"}, phase)
    results = audience.build(opened, dry_run=True, engine=engine)
    alone = [
        audience.build(opened, [opened.root / f"rules/{phase}.yaml"], dry_run=True, engine=engine)[
            0
        ]
        for phase in "ab"
    ]
    told = [sorted(each for each in result.warnings if "not in" in each) for result in alone]
    assert [len(each) for each in told] == [2, 1]
    assert [
        sorted(each for each in result.warnings if "not in" in each) for result in results
    ] == told


def test_explain_says_which_files_of_how_many(opened: Any) -> None:
    path = rule(opened.root, "2024-03-05", {"x": "{age: known}"})
    assert "1 of 3 files" in audience.explain(opened, [path])
