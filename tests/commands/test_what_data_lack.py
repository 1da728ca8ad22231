"""Insights say what the data that they were counted from have not: on stderr, and in JSON."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import audience
from support import MakeProject, Run

PROJECT = """\
time_zone: UTC
tables:
  users: {path: users.parquet, key: user_id}
  events: {path: events/, key: user_id, time: ts, day: dt, action: action}
"""
RULES = """\
campaign: c
phase: p
as_of: 2024-03-10
packs:
  active: {where: {did: {event: view, within: 30d}}}
stages:
  life:
    seen: {where: {did: {event: view, within: 30d}}}
    rest: {where: otherwise}
"""
DID = "{did: {event: view}}"
EARLY = "a window begins on 2024-02-10, the days of table `events` on 2024-03-01"
STRAYS = "table `events`: 10 events of users who are not in the user table count for nobody"


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    folder = make_project([{"user_id": n} for n in range(20)], {"a.yaml": RULES}, project=PROJECT)
    for day in range(10):
        noon = datetime(2024, 3, 1, 12, tzinfo=UTC) + timedelta(days=day)
        path = folder / "events" / f"dt={noon:%Y-%m-%d}"
        path.mkdir(parents=True)
        events = {"user_id": [day, 99], "ts": [noon, noon], "action": ["view", "view"]}
        pl.DataFrame(events).write_parquet(path / "a.parquet")
    return folder


COMMANDS: dict[str, tuple[tuple[str, ...], str]] = {
    # Of the nearby values the widest window begins then.
    "waterfall": (("active",), f"c/p: {EARLY.replace('2024-02-10', '2024-01-31')}"),
    "profile": (("active",), f"c/p: {EARLY}"),
    "why": (("active", "3"), f"c/p: {EARLY}"),
    "flow": (("life", "--from", "2024-03-08", "--to", "2024-03-10"), f"c/p: {EARLY[:25]}"),
    "convert": (
        ("--from", DID, "--to", DID, "--period", "2024-02-10..2024-03-10"),
        f"warning: {EARLY}",
    ),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_data_lack_is_told(folder: Path, run: Run, command: str) -> None:
    words, text = COMMANDS[command]
    for format in ("table", "csv", "json", "markdown"):
        shared = () if command == "why" else ("--min-cell", "0")
        done = run(command, *words, "-f", format, *shared, at=folder)
        assert done.code == 0
        assert text in done.err
        if command != "why":  # it reads one user's events only
            assert done.err.count(STRAYS) == 1
        assert "begins on" not in done.out or format == "json"
        if format == "json":
            told = json.loads(done.out)["warnings"]
            assert done.err == "".join(f"warning: {each}\n" for each in told)


def test_figures_in_it_are_hidden_as_those_of_the_result_are(folder: Path, run: Run) -> None:
    done = run("profile", "active", "-f", "json", "--min-cell", "20", at=folder)
    hidden = STRAYS.replace("10 events", "… events")
    assert hidden in done.err
    assert hidden in json.loads(done.out)["warnings"]


def test_nothing_is_told_where_nothing_lacks(folder: Path, run: Run) -> None:
    rules = RULES.replace("30d", "3d")
    (folder / "rules/a.yaml").write_text(rules)
    for path in (folder / "events").glob("*/*.parquet"):
        pl.read_parquet(path).filter(pl.col("user_id") < 99).write_parquet(path)
    done = run("waterfall", "active", "-f", "json", at=folder)
    assert (done.err, json.loads(done.out)["warnings"]) == ("", [])


def test_the_library_tells_it_too(folder: Path) -> None:
    project = audience.load(folder)
    found = audience.profile(project, "active")
    assert f"c/p: {EARLY}" in found.warnings
    assert "warnings" not in found.to_dict()


def test_windows_that_end_after_the_last_day(folder: Path, run: Run) -> None:
    """Who names no day asks as of today: the table's last day is said, and what sets the day."""
    done = run("convert", "--from", DID, "--to", DID, at=folder)
    assert done.code == 4
    assert "; its last day is 2024-03-10, and --as-of sets the day that windows end on" in done.err
