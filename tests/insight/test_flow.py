"""Flows: every cell against SQL written by hand, and rows and columns that add up."""

from __future__ import annotations

import csv
import io
import itertools
import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import audience
from audience.analysis.flow import days_between
from audience.errors import UsageError
from audience.insight.flow import NOWHERE, flow_between, hidden_in_flows, shared_flow, size_of_stage
from audience.rules.scalars import Duration
from support import MakeProject, Run

FIRST = date(2024, 1, 1)
DAYS = 60
EVENTS = pl.DataFrame(
    [
        {
            "user_id": user,
            "ts": datetime(2024, 1, 1, 4) + timedelta(days=(user * 7 + n * 11) % DAYS),
            "action": ["open", "buy", "open", "open"][(user + n) % 4],
        }
        for user in range(400)
        for n in range(user % 5)
    ]
)
# Two snapshots: some users come, some go, and ages change.
SNAPSHOTS = {
    "2024-01-01": pl.DataFrame({"user_id": range(350), "age": [n % 50 for n in range(350)]}),
    "2024-02-15": pl.DataFrame(
        {"user_id": range(30, 400), "age": [(n + n % 2) % 50 for n in range(30, 400)]}
    ),
}
PROJECT = """\
tables:
  users: {path: users/, key: user_id, snapshot: dt}
  events: {path: events.parquet, key: user_id, time: ts, action: action}
"""
RULES = """\
campaign: c
phase: p
base: {age: 10..}
stages:
  life:
    buyers: {did: {event: buy, within: 20d}}
    active: {did: {event: open, within: 15d}}
    lost: otherwise
packs:
  young: {where: {age: ..30}}
"""
SQL = """
WITH days(day, snapshot) AS (
    VALUES (DATE '{start}', DATE '{first}'), (DATE '{end}', DATE '{second}')
),
staged AS (
    SELECT day, u.user_id, CASE
        WHEN EXISTS (SELECT 1 FROM events e WHERE e.user_id = u.user_id AND action = 'buy'
            AND (ts + INTERVAL 8 HOUR)::DATE BETWEEN day - 19 AND day) THEN 'buyers'
        WHEN EXISTS (SELECT 1 FROM events e WHERE e.user_id = u.user_id AND action = 'open'
            AND (ts + INTERVAL 8 HOUR)::DATE BETWEEN day - 14 AND day) THEN 'active'
        ELSE 'lost' END AS stage
    FROM days JOIN users u ON u.dt = snapshot WHERE age >= 10
)
SELECT coalesce(a.stage, ''), coalesce(b.stage, ''), count(*)
FROM (FROM staged WHERE day = DATE '{start}') a
FULL JOIN (FROM staged WHERE day = DATE '{end}') b ON a.user_id = b.user_id
GROUP BY ALL
"""


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    folder = make_project([{"user_id": 1}], {"a.yaml": RULES}, events=EVENTS, project=PROJECT)
    (folder / "users.parquet").unlink()
    for day, users in SNAPSHOTS.items():
        (folder / f"users/dt={day}").mkdir(parents=True)
        users.write_parquet(folder / f"users/dt={day}/0.parquet")
    return folder


def by_sql(start: str, end: str, snapshots: tuple[str, str]) -> dict[tuple[str, str], int]:
    first, second = snapshots
    users = pl.concat(
        frame.with_columns(dt=pl.lit(date.fromisoformat(day))) for day, frame in SNAPSHOTS.items()
    )
    with duckdb.connect() as connection:
        connection.register("users", users.to_arrow())
        connection.register("events", EVENTS.to_arrow())
        query = SQL.format(start=start, end=end, first=first, second=second)
        return {(one, other): n for one, other, n in connection.execute(query).fetchall()}


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
@pytest.mark.parametrize(
    ("start", "end", "snapshots"),
    [
        ("2024-01-25", "2024-02-10", ("2024-01-01", "2024-01-01")),
        ("2024-01-25", "2024-02-20", ("2024-01-01", "2024-02-15")),
    ],
)
def test_against_sql(
    folder: Path, start: str, end: str, snapshots: tuple[str, str], engine: str
) -> None:
    (found,) = audience.flow(audience.load(folder), "life", start, end, engine=engine)
    cells = {(one, other): n for one, row in found.moved.items() for other, n in row.items() if n}
    assert cells == by_sql(start, end, snapshots)
    assert len(cells) >= 7
    entered = sum(n for (one, _), n in cells.items() if one == NOWHERE)
    assert (found.entered, found.left) == (
        entered,
        sum(n for (_, other), n in cells.items() if other == NOWHERE),
    )
    assert found.stayed == sum(n for (one, other), n in cells.items() if one == other)
    assert (entered > 0) == (snapshots[0] != snapshots[1])


def test_both_days_are_as_builds_of_them_say(folder: Path) -> None:
    project = audience.load(folder)
    (found,) = audience.flow(project, "c/p/life", "2024-01-25", "2024-02-20")
    for day, sizes in (("2024-01-25", found.before), ("2024-02-20", found.after)):
        (result,) = audience.build(project, as_of=day, dry_run=True)
        packs = {each.name: each.size for each in result.summary.packs}
        assert sizes == {name: packs[f"life.{name}"] for name in ("buyers", "active", "lost")}


def test_several_days_are_a_series(folder: Path) -> None:
    project = audience.load(folder)
    series = audience.flow(project, "life", "2024-01-25", "2024-02-20", step="10d")
    days = [(each.start.isoformat(), each.end.isoformat()) for each in series]
    assert days == [
        ("2024-01-25", "2024-01-31"),
        ("2024-01-31", "2024-02-10"),
        ("2024-02-10", "2024-02-20"),
    ]
    for one, other in itertools.pairwise(series):
        assert one.after == other.before


@pytest.mark.parametrize(
    ("start", "end", "step", "count"),
    [
        (date(2024, 1, 1), date(2024, 1, 31), None, 2),
        (date(2024, 1, 1), date(2024, 1, 31), Duration(10, "d"), 4),
        (date(2024, 1, 31), date(2024, 5, 31), Duration(1, "m"), 5),
    ],
)
def test_days_between(start: date, end: date, step: Duration | None, count: int) -> None:
    days = days_between(start, end, step)
    assert (days[0], days[-1], len(days)) == (start, end, count)


PLACES = st.lists(st.tuples(st.sampled_from("abc "), st.sampled_from("abc ")), max_size=60)


@given(PLACES)
@settings(deadline=None)
def test_rows_and_columns_add_up(people: list[tuple[str, str]]) -> None:
    def side(at: int) -> dict[str, pa.Array]:
        return {
            name: pa.array([n for n, one in enumerate(people) if one[at] == name], pa.int64())
            for name in "abc"
        }

    found = flow_between(FIRST, side(0), FIRST + timedelta(days=1), side(1))
    for name in "abc":
        assert found.before[name] == sum(found.moved[name].values())
        assert found.after[name] == sum(row[name] for row in found.moved.values())
        for other in "abc":
            ids = found.ids(name, other).to_pylist()
            assert ids == [n for n, one in enumerate(people) if one == (name, other)]
        assert found.ids("", name).to_pylist() == [
            n for n, one in enumerate(people) if one == (" ", name)
        ]
        assert found.ids(name, "").to_pylist() == [
            n for n, one in enumerate(people) if one == (name, " ")
        ]


@pytest.mark.parametrize("seed", range(40))
def test_small_cells_cannot_be_added_up(seed: int) -> None:
    draw = np.random.default_rng(seed)
    people = [("abc "[a], "abc "[b]) for a, b in draw.choice(4, (120, 2), p=[0.6, 0.25, 0.1, 0.05])]
    sides = [
        {name: pa.array([n for n, one in enumerate(people) if one[at] == name]) for name in "abc"}
        for at in (0, 1)
    ]
    found = flow_between(FIRST, sides[0], FIRST, sides[1])
    hidden = hidden_in_flows([found], 10)[0]
    cells = [(one, other) for one in found.moved for other in found.moved if one or other]
    rows = [
        *([float(cell == each) for each in cells] for cell in cells if cell not in hidden),
        *(
            [float(each[0] == n) for each in cells]
            for n in "abc"
            if size_of_stage("before", n) not in hidden
        ),
        *(
            [float(each[1] == n) for each in cells]
            for n in "abc"
            if size_of_stage("after", n) not in hidden
        ),
    ]
    known = np.array(rows)
    for at, (one, other) in enumerate(cells):
        if 0 < found.moved[one][other] < 10:
            assert (one, other) in hidden
            target = np.eye(len(cells))[at]
            rank = np.linalg.matrix_rank
            assert rank(np.vstack([known, target])) > rank(known)


@pytest.mark.parametrize("seed", range(30))
def test_flows_that_follow_each_other_cannot_be_added_up(seed: int) -> None:
    """The day between is in both: whoever has the tables knows it from either."""
    draw = np.random.default_rng(seed)
    days = [FIRST + timedelta(days=n) for n in range(3)]
    where = draw.choice(4, (150, 3), p=[0.55, 0.25, 0.12, 0.08])
    stages = [
        {name: pa.array(np.flatnonzero(where[:, at] == n)) for n, name in enumerate("abc")}
        for at in range(3)
    ]
    flows = [flow_between(days[at], stages[at], days[at + 1], stages[at + 1]) for at in range(2)]
    hidden = hidden_in_flows(flows, 10)
    cells = [
        (at, one, other)
        for at, each in enumerate(flows)
        for one in each.moved
        for other in each.moved
        if one or other
    ]

    def row(chosen: set[tuple[int, str, str]]) -> list[float]:
        return [float(cell in chosen) for cell in cells]

    known, sizes = [], {}
    for at, each in enumerate(flows):
        for one, other in ((one, other) for n, one, other in cells if n == at):
            if (one, other) not in hidden[at]:
                known.append(row({(at, one, other)}))
        for n in each.before:
            before = row({cell for cell in cells if cell[:2] == (at, n)})
            after = row({cell for cell in cells if (cell[0], cell[2]) == (at, n)})
            known += [before] if size_of_stage("before", n) not in hidden[at] else []
            known += [after] if size_of_stage("after", n) not in hidden[at] else []
            sizes[at, n] = before, after
    # The size of a stage on the day between is one number, whether it is told or not.
    for n in "abc":
        known.append([a - b for a, b in zip(sizes[0, n][1], sizes[1, n][0], strict=True)])
    whole = np.array(known)
    rank = np.linalg.matrix_rank
    for place, (at, one, other) in enumerate(cells):
        if 0 < flows[at].moved[one][other] < 10:
            assert (one, other) in hidden[at]
            target = np.eye(len(cells))[place]
            assert rank(np.vstack([whole, target])) > rank(whole)


def test_days_in_their_order(folder: Path, run: Run) -> None:
    ran = run("flow", "life", "--from", "2024-02-20", "--to", "2024-01-25", at=folder)
    assert (ran.code, "expected the earlier day first" in ran.err) == (2, True)


WORDS = ("flow", "life", "--from", "2024-01-25", "--to", "2024-02-20")


def test_the_command(folder: Path, run: Run) -> None:
    shown = run(*WORDS, at=folder)
    assert shown.code == 0
    assert "(entered)" in shown.out
    (told,) = json.loads(run(*WORDS, "-f", "json", at=folder).out)["flows"]
    assert (told["from"], told["to"]) == ("2024-01-25", "2024-02-20")
    rows = list(csv.DictReader(io.StringIO(run(*WORDS, "-f", "csv", at=folder).out)))
    assert {(row["stage_from"], row["stage_to"]): int(row["users"]) for row in rows} == {
        (one, other): n
        for one, row in told["moved"].items()
        for other, n in row.items()
        if one or other
    }
    assert not (folder / "packs").exists()


def test_who_moved_can_be_written(folder: Path, run: Run) -> None:
    (folder / "out.txt").write_text("7\n")
    extra = "suppress:\n  - {path: out.txt}\n"
    (folder / "audience.yaml").write_text(PROJECT + extra)
    (found,) = audience.flow(audience.load(folder), "life", "2024-01-25", "2024-02-20")
    for cell in ("lost:active", ":lost", "buyers:"):
        one, _, other = cell.partition(":")
        assert run(*WORDS, "--cell", cell, "--write", "moved.csv", at=folder).code == 0
        lines = (folder / "moved.csv").read_text().split()
        assert lines[0] == "user_id"
        assert len(lines) - 1 == found.moved[one][other]
        assert "7" not in lines


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("flow", "young", "--from", "2024-01-25", "--to", "2024-02-20"), "no set of stages"),
        (
            ("flow", "lief", "--from", "2024-01-25", "--to", "2024-02-20"),
            "no set of stages `lief`; there is life; did you mean life?",
        ),
        (("flow", "p/lief", "--from", "2024-01-25", "--to", "2024-02-20"), "did you mean life?"),
        (("flow", "c/p", "--from", "2024-01-25", "--to", "2024-02-20"), "no set of stages `c/p`"),
        (("flow", "life", "--from", "2024-02-20", "--to", "2024-02-20"), "needs two days"),
        (("flow", "life", "--from", "2024-02-20", "--to", "2999-01-01"), "in the future"),
        ((*WORDS, "--step", "0d"), "leads nowhere"),
        ((*WORDS, "--step", "soon"), "--step: "),
        ((*WORDS, "--cell", "lost:active"), "belong together"),
        ((*WORDS, "--cell", "lost", "--write", "x.csv"), "expected FROM:TO"),
        (
            (*WORDS, "--cell", "lots:active", "--write", "x.csv"),
            "leave a side empty for in no stage, as in `:lost`; did you mean lost?",
        ),
        ((*WORDS, "--cell", ":", "--write", "x.csv"), "nobody who is known"),
        ((*WORDS, "--cell", "a:b", "--step", "5d", "--write", "x.csv"), "makes several"),
    ],
)
def test_what_is_no_flow(folder: Path, run: Run, words: tuple[str, ...], told: str) -> None:
    done = run(*words, at=folder)
    assert done.code == 2
    assert told in done.err


def test_a_name_in_several_files(folder: Path, run: Run) -> None:
    (folder / "rules/b.yaml").write_text(RULES.replace("phase: p", "phase: q"))
    with pytest.raises(UsageError, match="in several files"):
        audience.flow(audience.load(folder), "life", "2024-01-25", "2024-02-20")
    found: Any = audience.flow(audience.load(folder), "c/q/life", "2024-01-25", "2024-02-20")
    assert len(found) == 1
    assert audience.flow(audience.load(folder), "q/life", "2024-01-25", "2024-02-20") == found
    (folder / "rules/c.yaml").write_text(RULES.replace("campaign: c", "campaign: d"))
    with pytest.raises(UsageError, match="`p/life` is in several files: c/p/life, d/p/life"):
        audience.flow(audience.load(folder), "p/life", "2024-01-25", "2024-02-20")


def test_a_stage_may_be_called_as_a_side_is() -> None:
    """Who moved from a stage called `before` to one called `after` is no stage's size."""
    stages = {"before": pa.array(range(100)), "after": pa.array(range(100, 120))}
    later = {"before": pa.array(range(3, 100)), "after": pa.array([0, 1, 2, *range(100, 120)])}
    found = flow_between(FIRST, stages, FIRST, later)
    (hidden,) = hidden_in_flows([found], 5)
    assert ("before", "after") in hidden
    assert size_of_stage("before", "after") not in hidden
    told = shared_flow(found, hidden)
    assert told["moved"]["before"]["after"] is None
    assert told["before"] == {"before": 100, "after": 20}
