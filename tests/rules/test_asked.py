"""What callers give in the rule language: names of packs in any file, conditions, days."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import pytest

import audience
from audience.errors import ConditionError, RuleError, UsageError
from audience.rules.asked import Asker
from audience.rules.reader import Problems
from audience.rules.tree import Named
from audience.workspace import open_asker, open_workspace
from support import MakeProject, Run

USERS = [{"user_id": n, "age": 10 * n, "plus": n % 2 == 0} for n in range(1, 9)]
FIRST = """\
campaign: c
phase: one
as_of: 2024-02-20
base: {age: 20..}
define: {人: {age: 30..}}
rows: {点: {action: open}}
stages:
  life: {活跃: {did: {event: open}}, lost: otherwise}
packs:
  老: {label: 老用户, where: {age: 50..}}
  both: {where: {plus: true}}
"""
SECOND = FIRST.replace("phase: one", "phase: two").replace("  老:", "  older:").replace("人", "x")


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    events = [
        # Users 1 to 8 open on the 1st to the 8th of January, and again a month later.
        {"user_id": n, "ts": date(2024, 1, n) + timedelta(days=31 * again), "action": "open"}
        for n in range(1, 9)
        for again in (0, 1)
    ]
    return make_project(USERS, {"a.yaml": FIRST, "b.yaml": SECOND}, events=events)


def asker(folder: Path) -> Asker:
    problems = Problems()
    workspace = open_workspace(audience.load(folder), problems)
    return open_asker(workspace, problems)


def told(found: Asker) -> list[str]:
    return [str(each) for each in found.problems.errors]


@pytest.mark.parametrize(
    ("text", "name", "label"),
    [
        ("老", "老", "老用户"),
        ("one/老", "one/老", "老用户"),
        ("c/one/老", "c/one/老", "老用户"),
        ("长者=c/one/老", "长者", "老用户"),
        ("人", "人", ""),
        ("one/life.活跃", "one/life.活跃", ""),
        ("{age:   30..}", "{age: 30..}", ""),
        ("成人={age: 30..}", "成人", ""),
        ("{any: [c/one/老, two/older]}", "{any: [c/one/老, two/older]}", ""),
        ("{did: {event: open, where: 点}}", "", ""),
        ("{age: 30.., plus: true, not: {age: [41, 42, 43, 44, 45]}, user_age: 1}", "", ""),
    ],
)
def test_what_is_given_and_what_it_is_called(
    folder: Path, text: str, name: str, label: str
) -> None:
    found = asker(folder)
    read = found.read_all("--from", [text])
    if name:
        assert told(found) == []
        assert [(each.name, each.label) for each in read] == [(name, label)]
    else:
        assert len(told(found)) == 1


def test_long_conditions_are_cut_and_ids_not_shown(folder: Path) -> None:
    found = asker(folder)
    long = "{any: [" + ", ".join(f"{{age: {n}}}" for n in range(50)) + "]}"
    names = [each.name for each in found.read_all("--from", [long, "{ids: [1, 2]}"])]
    assert len(names[0]) == 60
    assert names[0].endswith("…")
    assert names[1] == "--from#2"


def test_a_name_is_drawn_from_the_base_of_its_file(folder: Path) -> None:
    found = asker(folder)
    (read,) = found.read_all("--from", ["one/both"])
    assert isinstance(read.condition, Named)
    assert read.condition.base is not None
    assert found.as_of == date(2024, 2, 20)
    assert found.file().name == "c/one"
    found.read_all("--to", ["two/both"])
    assert found.file().name == "/"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("both", "--from:1:1: `both` is in several files; expected one of c/one/both, c/two/both"),
        (
            "oldre",
            "--from:1:1: no pack, stage or definition `oldre` in any rule file; expected one of "
            "人, life.活跃, life.lost, 老, both, x, older; did you mean older?",
        ),
        ("two/老", "--from:1:1: no pack, stage or definition `老` in phase `two`; expected one of"),
        ("c/two/老", "--from:1:1: no pack, stage or definition `老` in rules/b.yaml"),
        ("tow/older", "--from:1:1: no rule file of phase `tow`; expected one of one, two; did you"),
        ("c/tow/older", "--from:1:1: no rule file of campaign and phase `c/tow`; expected one of"),
        ("a/b/c/d", "--from:1:1: `a/b/c/d` is no name"),
        ("一 二={age: 3..}", "--from:1:1: unsafe name `一 二`: ` ` may not stand in a name"),
        ("={age: 3..}", "--from:1:1: unsafe name ``: a name is missing"),
        ("老人={agee: 3..}", "--from:1:5: unknown tag or keyword `agee`"),
        ("老人={age: 3..", "--from:1:4: not valid YAML"),
        ("x=", "--from:1:3: nothing is given; expected a pack or a condition"),
        ("[老]", "--from:1:1: a list is no condition"),
        ("{age: '${floor}'}", "--from:1:8: variables stand in rule files alone"),
        (
            "{did: {event: open, where: d}}",
            "--from:1:28: no condition over event rows `d` in any rule file; expected one of 点",
        ),
    ],
)
def test_what_is_wrong_has_its_place(
    folder: Path, monkeypatch: pytest.MonkeyPatch, text: str, problem: str
) -> None:
    monkeypatch.chdir(folder)
    found = asker(folder)
    assert found.read_all("--from", [text]) == [] or "unsafe" in problem
    (one,) = told(found)
    assert one.startswith(problem)
    with pytest.raises(ConditionError):
        found.finish()


def test_a_name_twice(folder: Path) -> None:
    found = asker(folder)
    found.read_all("--source", ["x={age: 3..}", "y={age: 3..}", "x=老"])
    found.read_days("--period", ["a=2024-01-01..2024-01-02", "a=2024-02-01..2024-02-02"])
    assert told(found) == [
        "--period#2:1:1: `a` is given twice; expected each once, or NAME= before it",
        "--source#3:1:1: `x` is given twice; expected each once, or NAME= before it",
    ]


def test_days(folder: Path) -> None:
    found = asker(folder)
    read = found.read_days(
        "--period", ["大促=2024-01-01..2024-01-02", "2024-01-05", "b=2024-01-03.."]
    )
    assert [(each.name, each.first.day, each.last.day) for each in read] == [
        ("大促", 1, 2),
        ("2024-01-05", 5, 5),
    ]
    assert told(found) == [
        "--period#3:1:3: `2024-01-03..` is open on one side; "
        "expected both days, as 2023-05-23..2023-06-18"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("大促:2024-01-01..2024-01-02", "[NAME=]FROM..TO, such as promo=2023-05-23..2023-06-18"),
        ("2024-01-01,2024-01-02", "[NAME=]FROM..TO, such as promo=2023-05-23..2023-06-18"),
        ("a=20240101-20240102", "[NAME=]FROM..TO, such as promo=2023-05-23..2023-06-18"),
        ("a=2024-01-02..2024-01-01", "the smaller side first"),
        ("2024-02-30", "a date of the calendar"),
    ],
)
def test_days_that_are_none(folder: Path, text: str, expected: str) -> None:
    found = asker(folder)
    assert found.read_days("--period", [text]) == []
    (one,) = found.problems.errors
    assert one.expected == expected


def test_what_is_wrong_in_a_rule_file_is_told_of_it(folder: Path, run: Run) -> None:
    """Only where the file is named: another one may be as wrong as it likes."""
    (folder / "rules/a.yaml").write_text(FIRST.replace("age: 50..", "agee: 50.."))
    words = ("convert", "--to", "{plus: true}", "--by", "plus", "--as-of", "2024-02-01", "--from")
    done = run(*words, "老", at=folder)
    assert (done.code, "rules/a.yaml:10:27" in done.err) == (3, True), done.err
    assert run(*words, "older", at=folder).code == 0
    (folder / "rules/a.yaml").write_text("campaign: {")
    done = run(*words, "老", at=folder)
    assert done.code == 3
    assert "rules/a.yaml:1:12: error: not valid YAML" in done.err
    assert "--from:1:1: error: no pack" in done.err
    assert run(*words, "older", at=folder).code == 0
    with pytest.raises(RuleError):
        audience.convert(audience.load(folder), "老", "older")


def test_conditions_need_no_rule_file(make_project: MakeProject) -> None:
    folder = make_project(USERS)
    (folder / "rules").rmdir()
    project = audience.load(folder)
    found = audience.convert(project, "{age: 30..}", "{plus: true}", as_of="2024-01-01")
    assert (found.conversions[0].rate.users, found.conversions[0].rate.of) == (3, 6)
    with pytest.raises(UsageError, match="has a variable `x`"):
        audience.convert(project, "{age: 30..}", "{plus: true}", variables={"x": "1"})


RULES = """\
campaign: c
phase: p
base: {did: {event: open, times: 2..}}
define: {opened: {did: {event: open}}}
stages:
  life: {here: opened, gone: otherwise}
packs:
  top: {where: {all: [opened], age: 20..}, limit: {keep: 3, by: age}}
  halves: {where: opened, split: {a: 50%, b: 50%}}
  lately: {where: {did: {event: open, within: 40d}}}
  late: {where: {did: {event: open, last: {ago: ..40d}}}}
  again: {where: {did: {event: open, then: {event: open, after: 1d..}}}}
"""


@pytest.mark.parametrize(
    ("text", "users"),
    [
        # In the days of the first three users' first visits.
        ("{did: {event: open}}", 3),
        ("{did_not: {event: open}}", 5),
        ("{any: [{did: {event: open}}, {age: 80}]}", 4),
        ("{at_least: 2, of: [{did: {event: open}}, {plus: true}]}", 1),
        ("{did: {event: open, between: 2024-01-01..2024-01-02}}", 2),
        ("{did: {event: open, within: 1d}}", 1),
        # Of packs likewise, but not of their base, which nobody would be in who came once.
        ("{all: [c/p/opened]}", 0),
        ("{did: {event: open, last: {within: 2d}}}", 2),
        ("{did: {event: open, first: {within: 30d}}}", 3),
    ],
)
def test_behaviour_without_a_window_is_of_the_period(folder: Path, text: str, users: int) -> None:
    (folder / "rules/a.yaml").write_text(RULES)
    (folder / "rules/b.yaml").unlink()
    found = audience.convert(
        audience.load(folder), text, "{plus: true}", periods=["x=2024-01-01..2024-01-03"]
    )
    assert found.periods[0].users == users


@pytest.mark.parametrize(
    ("name", "users"),
    [
        ("opened", 2),
        ("life.here", 2),
        ("life.gone", 6),
        ("top", 2),
        ("halves", 2),
        ("lately", 8),
        ("late", 8),
        ("again", 0),
    ],
)
def test_behaviour_behind_names_is_of_the_period_too(folder: Path, name: str, users: int) -> None:
    """The base asks for two visits ever, and all have made them by the period's last day."""
    (folder / "rules/a.yaml").write_text(RULES)
    (folder / "rules/b.yaml").unlink()
    project = audience.load(folder)
    found = audience.convert(project, name, "{plus: true}", periods=["x=2024-02-07..2024-02-08"])
    assert found.periods[0].users == users
    sides = [
        audience.convert(
            project, f"halves.{side}", "{plus: true}", periods=["x=2024-02-07..2024-02-08"]
        )
        for side in "ab"
    ]
    assert sum(each.periods[0].users for each in sides) == 2
