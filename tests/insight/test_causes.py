"""Causes: every planted one is found, they add up, and they are what SQL written by hand counts."""

from __future__ import annotations

import json
import shutil
from datetime import date, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import audience
from audience.errors import UsageError
from audience.insight.causes import Explained, Reasons
from support import Run

PROJECT = """\
tables:
  users: {path: users/, key: user_id, snapshot: dt}
  events: {path: events.parquet, key: user_id, time: ts, action: action}
tags:
  city: {label: 城市线级, values: {一线: "1", 二线: "2", 三线: "3"}}
"""
RULES = """\
campaign: c
phase: p
packs:
  heavy:
    label: 高活跃
    where:
      age: 18..
      city: [一线, 二线]
      did: {event: open, within: 10d, times: 2..}
"""
OLD, NEW = date(2024, 3, 10), date(2024, 3, 14)


def user(number: int, age: int | None, city: str | None = "1") -> dict[str, Any]:
    return {"user_id": number, "age": age, "city": city}


def opens(number: int, *days: int) -> list[dict[str, Any]]:
    return [{"user_id": number, "ts": datetime(2024, 3, day, 4), "action": "open"} for day in days]


# Everybody has a cause: who is on the old day, who on the new one, and when they opened the app.
BEFORE = [
    user(1, 30),  # stays
    user(2, 30),  # old events fall out
    user(3, 30),  # newer ones come in
    user(4, 30),  # moves to a third-tier city
    user(5, 30, "3"),  # moves to a first-tier one
    user(6, 30),  # leaves the table
    user(8, 20),  # too young once the rule says 25
    user(9, 30, None),  # becomes known
    user(10, 24),  # has a birthday, and is not too young
    user(11, 17),  # turns 18, and is too young for the new rule
]
AFTER = [
    user(1, 30),
    user(2, 30),
    user(3, 30),
    user(4, 30, "3"),
    user(5, 30, "1"),
    user(7, 30),  # enters
    user(8, 20),
    user(9, 30, "2"),
    user(10, 25),
    user(11, 18),
]
EVENTS = [
    *opens(1, 8, 9, 12),
    *opens(2, 2, 3),
    *opens(3, 9, 12),
    *(each for number in (4, 5, 6, 7, 8, 9, 10, 11) for each in opens(number, 8, 9)),
]


USERS = {"user_id": pl.Int64, "age": pl.Int64, "city": pl.String}
ACTIONS = {"user_id": pl.Int64, "ts": pl.Datetime("us"), "action": pl.String}


def made(
    root: Path, before: list[Any], after: list[Any], events: list[Any], rules: str = RULES
) -> Path:
    """A project with a snapshot of the users on the old day, and one on the new day."""
    for day, rows in ((OLD, before), (NEW, after)):
        folder = root / "users" / f"dt={day}"
        folder.mkdir(parents=True)
        pl.DataFrame(rows, schema=USERS).write_parquet(folder / "part.parquet")
    pl.DataFrame(events, schema=ACTIONS).write_parquet(root / "events.parquet")
    (root / "rules").mkdir()
    (root / "rules" / "p.yaml").write_text(rules)
    (root / "audience.yaml").write_text(PROJECT)
    return root


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return made(tmp_path, BEFORE, AFTER, EVENTS)


def built(root: Path, day: date) -> None:
    audience.build(audience.load(root), as_of=day)


def edited(root: Path, old: str, new: str, file: str = "rules/p.yaml") -> None:
    text = (root / file).read_text()
    assert old in text
    (root / file).write_text(text.replace(old, new))


def told(root: Path, **options: Any) -> Reasons:
    opened = audience.load(root)
    return audience.reasons(opened, audience.diff(opened, f"c/p@{OLD}", f"c/p@{NEW}"), **options)


def causes(explained: Explained) -> dict[tuple[str, str], tuple[int, int]]:
    return {(each.kind, each.detail): (each.added, each.removed) for each in explained.causes}


OPENED = "did open, within 10d: times 2.."
LIVES = "城市线级 (city) in [1, 2]"


def test_each_planted_cause_is_found(project: Path) -> None:
    built(project, OLD)
    built(project, NEW)
    (heavy,) = told(project).packs
    assert (heavy.old_size, heavy.new_size, heavy.kept) == (6, 8, 3)
    assert causes(heavy) == {
        ("tag", LIVES): (2, 1),
        ("window", f"{OPENED}: newer events came in"): (1, 0),
        ("window", f"{OPENED}: older events fell out"): (0, 1),
        ("tag", "age >= 18"): (1, 0),
        ("entered", "new in the user table"): (1, 0),
        ("left", "not in the user table any more"): (0, 1),
    }
    lives = heavy.causes[0]
    assert lives.at.startswith("rules/p.yaml:8:")
    assert [(each.old, each.new, each.users) for each in lives.transitions] == [
        ("(missing)", "二线 (2)", 1),
        ("一线 (1)", "三线 (3)", 1),
        ("三线 (3)", "一线 (1)", 1),
    ]
    assert not told(project).untold


CITY = "city: [一线, 二线]"
EDITS = [
    ("age: 18..", "age: 25..", {("rule", "age >= 18 → age >= 25"): (0, 1)}),
    ("age: 18..\n", "age: 18..25\n", {("rule", "new: age <= 25"): (0, 1)}),
    # 4 stays with it, and 9 never comes: neither is a change.
    (CITY, "city: [一线, 二线, 三线]", {}),
    (f"      {CITY}\n", "", {}),
    (CITY, "not: {city: 二线}", {}),
    (CITY, "city: [二线]", {("rule", f"{LIVES} → 城市线级 (city) in [2]"): (0, 3)}),
    (CITY, "not: {city: 一线}", {("rule", "new: not 城市线级 (city) = 1"): (0, 3)}),
    ("times: 2..", "times: 3..", {("rule", f"{OPENED} → did open, within 10d: times 3.."): (0, 2)}),
    ("event: open,", "event: [open, buy],", {}),
    ("where:\n", "limit: {keep: 1, by: age}\n    where:\n", None),
]


@pytest.mark.parametrize(("old", "new", "rule"), EDITS, ids=[each[1].strip() for each in EDITS])
def test_an_edited_rule(
    project: Path, old: str, new: str, rule: dict[tuple[str, str], tuple[int, int]] | None
) -> None:
    """What the data would have done anyway is not the edit's."""
    built(project, OLD)
    edited(project, old, new)
    built(project, NEW)
    (heavy,) = told(project).packs
    found = causes(heavy)
    by_rule = {name: counts for name, counts in found.items() if name[0] == "rule"}
    if rule is None:  # a hash decides who of those of thirty is kept
        assert list(by_rule) == [("rule", "new: the first 1 by age (greatest first)")]
    else:
        assert by_rule == rule
    assert sum(each.added for each in heavy.causes) == heavy.added
    assert sum(each.removed for each in heavy.causes) == heavy.removed
    assert "unknown" not in {kind for kind, _ in found}


def test_rules_are_those_of_the_manifests(project: Path) -> None:
    built(project, OLD)
    built(project, NEW)
    before = told(project)
    edited(project, "age: 18..", "age: 99..")
    assert told(project) == before
    (project / "rules" / "p.yaml").unlink()
    assert told(project) == before


def test_variables_have_the_values_of_their_build(project: Path) -> None:
    edited(project, "phase: p\n", "phase: p\nvars: {least: 18}\n")
    edited(project, "age: 18..", "age: ${least}..")
    opened = audience.load(project)
    audience.build(opened, as_of=OLD)
    audience.build(opened, as_of=NEW, variables={"least": "25"})
    (heavy,) = told(project).packs
    assert causes(heavy)["rule", "age >= 18 → age >= 25"] == (0, 1)


def test_a_dictionary_of_then(project: Path) -> None:
    """A label that stood for another value was another rule."""
    built(project, OLD)
    edited(project, '一线: "1", 二线: "2", 三线: "3"', '一线: "3", 二线: "2"', "audience.yaml")
    built(project, NEW)
    (heavy,) = told(project).packs
    assert causes(heavy)["rule", f"{LIVES} → 城市线级 (city) in [3, 2]"] == (0, 3)


def test_old_data_that_is_gone(project: Path) -> None:
    built(project, OLD)
    built(project, NEW)
    shutil.rmtree(project / "users" / f"dt={OLD}")
    found = told(project)
    (heavy,) = found.packs
    assert any(
        f"the snapshot of the user table that c/p@{OLD} read is gone" in each
        for each in found.untold
    )
    assert any("gone or not as they were" in each for each in found.untold)
    # Who left is told by the table of today, and days by the events; not what a tag was.
    assert causes(heavy) == {
        ("left", "not in the user table any more"): (0, 1),
        ("window", f"{OPENED}: newer events came in"): (1, 0),
        ("window", f"{OPENED}: older events fell out"): (0, 1),
        ("unknown", f"the tables of c/p@{OLD} are not as they were"): (4, 1),
    }


def test_rules_that_cannot_be_read_any_more(project: Path) -> None:
    built(project, OLD)
    built(project, NEW)
    for folder in (project / "users").iterdir():
        path = folder / "part.parquet"
        pl.read_parquet(path).drop("city").write_parquet(path)
    edited(
        project,
        'tags:\n  city: {label: 城市线级, values: {一线: "1", 二线: "2", 三线: "3"}}\n',
        "",
        "audience.yaml",
    )
    found = told(project)
    (heavy,) = found.packs
    assert sum("can't be read any more" in each for each in found.untold) == 2
    assert {kind for kind, _ in causes(heavy)} == {"left", "unknown"}
    assert sum(each.added + each.removed for each in heavy.causes) == 8


def test_suppressed_since(project: Path) -> None:
    (project / "out.txt").write_text("1\n")
    edited(project, "tables:", "suppress:\n  - {path: out.txt}\ntables:", "audience.yaml")
    built(project, OLD)
    (project / "out.txt").write_text("8\n9\n")
    built(project, NEW)
    found = causes(told(project).packs[0])
    assert found["suppressed", "on a suppress list"] == (0, 1)
    assert found["suppressed", "on a suppress list then, and no more"] == (1, 0)


def test_suppressed_and_gone_anyway(project: Path) -> None:
    """2 has nothing in the window any more, and 4 has moved: the list is not what took them out."""
    edited(
        project,
        "tables:",
        "suppress:\n  - {path: out.txt, allow_empty: true}\ntables:",
        "audience.yaml",
    )
    (project / "out.txt").write_text("")
    built(project, OLD)
    (project / "out.txt").write_text("1\n2\n4\n")
    built(project, NEW)
    found = causes(told(project).packs[0])
    assert found["suppressed", "on a suppress list"] == (0, 1)
    assert found["window", f"{OPENED}: older events fell out"] == (0, 1)
    assert found["tag", LIVES] == (2, 1)


def test_a_stage_before_those_who_are_left(project: Path) -> None:
    stages = "campaign: c\nphase: p\nstages:\n  s:\n    grown: {age: 18..}\n    rest: otherwise\n"
    (project / "rules" / "p.yaml").write_text(stages)
    built(project, OLD)
    edited(project, "18..", "25..")
    built(project, NEW)
    grown, rest = told(project).packs
    edit = ("rule", "age >= 18 → age >= 25")
    assert causes(grown)[edit] == (0, 1)
    assert causes(rest)[edit] == (1, 0)  # 8, who is twenty; 11 was in it before too
    assert "unknown" not in {kind for kind, _ in [*causes(grown), *causes(rest)]}


def test_a_first_event_that_is_longer_ago(project: Path) -> None:
    edited(project, "within: 10d, times: 2..", "first: {ago: 5d..}")
    built(project, OLD)
    built(project, NEW)
    (heavy,) = told(project).packs
    asked = "did open: first ago 5d..: the day is another"
    assert causes(heavy)["window", asked][0] > 0


def test_a_list_with_other_ids(project: Path) -> None:
    (project / "vip.txt").write_text("1\n2\n3\n")
    edited(project, "age: 18..", "ids: {path: vip.txt}")
    built(project, OLD)
    (project / "vip.txt").write_text("1\n8\n")
    built(project, NEW)
    found = causes(told(project).packs[0])
    assert found["list", "vip.txt: not the ids of then"] == (1, 1)


def test_a_limit_that_cuts_elsewhere(project: Path) -> None:
    edited(project, "where:\n", "limit: {by: age, keep: 5}\n    where:\n")
    built(project, OLD)
    built(project, NEW)
    (heavy,) = told(project).packs
    limits = {name: each for name, each in causes(heavy).items() if name[0] == "limit"}
    # 8 is twenty, and was the fifth of those; now there are eight who are older.
    assert limits == {("limit", "the first 5 by age (greatest first)"): (0, 1)}


def test_a_published_pack_that_is_a_newer_one(project: Path) -> None:
    other = RULES.replace("phase: p", "phase: q").replace("age: 18..", "published: c/p/heavy")
    (project / "rules" / "q.yaml").write_text(other)
    for day in (OLD, NEW):
        for file in ("p", "q"):
            audience.build(audience.load(project), project / "rules" / f"{file}.yaml", as_of=day)
    opened = audience.load(project)
    (heavy,) = audience.reasons(opened, audience.diff(opened, f"c/q@{OLD}", f"c/q@{NEW}")).packs
    assert ("list", "published c/p/heavy") in causes(heavy)
    assert "unknown" not in {kind for kind, _ in causes(heavy)}


def test_phases_whose_packs_have_other_names(project: Path) -> None:
    (project / "rules" / "q.yaml").write_text(
        RULES.replace("phase: p", "phase: q").replace("heavy", "heavier").replace("18..", "25..")
    )
    for file, day in (("p", OLD), ("q", NEW)):
        audience.build(audience.load(project), project / "rules" / f"{file}.yaml", as_of=day)
    opened = audience.load(project)
    none = audience.reasons(opened, audience.diff(opened, "c/p", "c/q"))
    assert none.packs == ()
    assert none.untold == ("no pack is on both sides; name one of each: campaign/phase/pack",)
    (pair,) = audience.reasons(opened, audience.diff(opened, "c/p/heavy", "c/q/heavier")).packs
    assert causes(pair)["rule", "age >= 18 → age >= 25"] == (0, 1)


def test_backwards(project: Path) -> None:
    built(project, OLD)
    built(project, NEW)
    opened = audience.load(project)
    (heavy,) = audience.reasons(opened, audience.diff(opened, f"c/p@{NEW}", f"c/p@{OLD}")).packs
    assert causes(heavy)["window", f"{OPENED}: events of other days"] == (1, 1)
    assert sum(each.added + each.removed for each in heavy.causes) == 8


def test_another_engine_tells_the_same(project: Path) -> None:
    built(project, OLD)
    edited(project, "age: 18..", "age: 25..")
    built(project, NEW)
    assert told(project, engine="duckdb") == told(project)
    assert told(project, cache=False) == told(project)


def test_a_file_alone_has_no_rules(project: Path) -> None:
    built(project, OLD)
    built(project, NEW)
    opened = audience.load(project)
    lone = project / "lone.parquet"
    audience.export(opened, f"c/p@{OLD}/heavy", lone)
    with pytest.raises(UsageError, match="lies alone"):
        audience.reasons(opened, audience.diff(opened, str(lone), f"c/p@{NEW}/heavy"))


def test_the_command(project: Path, run: Run) -> None:
    built(project, OLD)
    edited(project, "age: 18..", "age: 25..")
    built(project, NEW)
    words = ("diff-packs", f"c/p@{OLD}", f"c/p@{NEW}", "--why")
    table = run(*words, "--min-cell", "0", at=project)
    assert "why heavy  高活跃 changed" in table.out
    assert "age >= 18 → age >= 25" in table.out
    assert "  一线 (1) → 三线 (3): 1" in table.out
    plain = json.loads(run(*words, "--format", "json", "--min-cell", "0", at=project).out)
    (pack,) = plain["why"]["packs"]
    assert sum(each["added"] for each in pack["causes"]) == plain["packs"][0]["added"]
    hidden = json.loads(run(*words, "--format", "json", "--min-cell", "5", at=project).out)
    (pack,) = hidden["why"]["packs"]
    assert {each["added"] for each in pack["causes"]} <= {0, None}
    assert {t["users"] for each in pack["causes"] for t in each["transitions"]} == {None}


def test_why_needs_a_project(project: Path, run: Run, tmp_path_factory: Any) -> None:
    built(project, OLD)
    built(project, NEW)
    opened = audience.load(project)
    folders = [str(audience.show(opened, f"c/p@{day}")[0].folder) for day in (OLD, NEW)]
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    assert run("diff-packs", *folders, at=elsewhere).code == 0
    ran = run("diff-packs", *folders, "--why", at=elsewhere)
    assert (ran.code, "it needs a project" in ran.err) == (2, True)


# Rules that a generator writes, and the same in SQL.
AGES = st.integers(15, 30)
TESTS = st.one_of(
    AGES.map(lambda age: (f"{{age: {age}..}}", f"coalesce(age >= {age}, false)")),
    st.sampled_from("123").map(
        lambda city: (f"{{city: {{in: ['{city}']}}}}", f"coalesce(city = '{city}', false)")
    ),
    st.tuples(st.integers(1, 8), st.integers(1, 3)).map(
        lambda each: (
            f"{{did: {{event: open, within: {each[0]}d, times: {each[1]}..}}}}",
            f"(SELECT count(*) FROM events e WHERE e.user_id = u.user_id AND "
            f"(ts + INTERVAL 8 HOUR)::DATE BETWEEN DATE '{{day}}' - {each[0] - 1} "
            f"AND DATE '{{day}}') >= {each[1]}",
        )
    ),
)


def _joined(parts: list[tuple[str, str]], word: str, sign: str) -> tuple[str, str]:
    texts, queries = zip(*parts, strict=True)
    return f"{{{word}: [{', '.join(texts)}]}}", "(" + f" {sign} ".join(queries) + ")"


CONDITIONS = st.recursive(
    TESTS,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: _joined(parts, "all", "AND")),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: _joined(parts, "any", "OR")),
        inner.map(lambda part: (f"{{not: {part[0]}}}", f"(NOT {part[1]})")),
    ),
    max_leaves=5,
)
PEOPLE = st.dictionaries(
    st.integers(1, 25),
    st.tuples(st.none() | AGES, st.none() | st.sampled_from("123")),
    min_size=5,
)
ROWS = st.lists(st.tuples(st.integers(1, 25), st.integers(1, 14)), min_size=1, max_size=60)
SHAPES = {
    "pack": ("packs: {heavy: {where: RULE}}", "heavy", "{rule}"),
    "stage": ("stages: {s: {heavy: RULE, rest: otherwise}}", "s.rest", "(NOT {rule})"),
    "second": (
        "stages: {s: {one: {age: ..20}, heavy: RULE, rest: otherwise}}",
        "s.heavy",
        "(NOT coalesce(age <= 20, false) AND {rule})",
    ),
    "base": (
        "base: RULE\npacks: {heavy: {where: {age: 17..}}}",
        "heavy",
        "({rule} AND coalesce(age >= 17, false))",
    ),
    "named": (
        "define: {one: RULE}\npacks: {heavy: {where: {any: [one, {all: [one, {age: 20..}]}]}}}",
        "heavy",
        "{rule}",
    ),
}
"""Where a generated rule stands, which pack is looked at, and what that is in SQL."""


@pytest.mark.not_on_spark("it takes minutes; others there do the same")
@settings(derandomize=True, deadline=None, max_examples=80)
@given(
    old=CONDITIONS,
    new=CONDITIONS,
    before=PEOPLE,
    after=PEOPLE,
    events=ROWS,
    shape=st.sampled_from(sorted(SHAPES)),
)
def test_causes_of_any_change(
    tmp_path_factory: pytest.TempPathFactory,
    old: tuple[str, str],
    new: tuple[str, str],
    before: dict[int, tuple[int | None, str | None]],
    after: dict[int, tuple[int | None, str | None]],
    events: list[tuple[int, int]],
    shape: str,
) -> None:
    """Nothing is left untold; edits have whom SQL counts, and so has what only data did."""
    text, pack, whole = SHAPES[shape]
    tables = [[user(number, *each) for number, each in side.items()] for side in (before, after)]
    root = made(
        tmp_path_factory.mktemp("any"),
        tables[0],
        tables[1],
        [row for number, day in events for row in opens(number, day)],
        f"campaign: c\nphase: p\n{text.replace('RULE', old[0])}\n",
    )
    built(root, OLD)
    edited(root, old[0], new[0])
    built(root, NEW)
    found = told(root)
    heavy = next(each for each in found.packs if each.pack == pack)
    assert not found.untold
    assert sum(each.added for each in heavy.causes) == heavy.added
    assert sum(each.removed for each in heavy.causes) == heavy.removed
    kinds: dict[str, int] = {}
    for each in heavy.causes:
        kind = "data" if each.kind in {"tag", "window"} else each.kind
        kinds[kind] = kinds.get(kind, 0) + each.added + each.removed
        if each.kind == "tag":
            assert sum(t.users for t in each.transitions) == each.added + each.removed
    assert kinds == _by_sql(root, *(whole.replace("{rule}", each[1]) for each in (old, new)))


def _by_sql(root: Path, old: str, new: str) -> dict[str, int]:
    """How many came and went by leaving, entering, an edit, and data."""
    db = duckdb.connect()
    db.execute(f"CREATE VIEW events AS FROM '{root}/events.parquet'")
    for name, day in (("before", OLD), ("after", NEW)):
        db.execute(f"CREATE VIEW {name} AS FROM '{root}/users/dt={day}/part.parquet'")

    def ids(table: str, rule: str, day: date) -> set[int]:
        rows = db.sql(f"SELECT user_id FROM {table} u WHERE {rule.replace('{day}', str(day))}")
        return {number for (number,) in rows.fetchall()}

    then, now = ids("before", old, OLD), ids("after", new, NEW)
    was_there, is_there = ids("before", "true", OLD), ids("after", "true", NEW)
    anyway = ids("after", old, NEW)
    changed = then ^ now
    left, entered = changed - is_there, changed - was_there
    stayed = changed - left - entered
    counts = {
        "left": len(left),
        "entered": len(entered),
        "rule": len(stayed & (anyway ^ now)),
    }
    by_data = stayed - (anyway ^ now)
    return {kind: count for kind, count in counts.items() if count} | (
        {"data": len(by_data)} if by_data else {}
    )


def test_keys_of_another_type(project: Path) -> None:
    built(project, OLD)
    built(project, NEW)
    for path in [*project.glob("users/*/*.parquet"), project / "events.parquet"]:
        pl.read_parquet(path).with_columns(pl.col("user_id").cast(pl.String)).write_parquet(path)
    with pytest.raises(UsageError, match="the keys of these builds are int64"):
        told(project)


OPENED_ZH = "近10天 open：次数 ≥ 2"


def test_causes_in_chinese(project: Path) -> None:
    built(project, OLD)
    built(project, NEW)
    (english,), (heavy,) = (told(project, lang=lang).packs for lang in ("en", "zh"))
    assert causes(heavy) == {
        ("tag", "城市线级 属于 一线、二线"): (2, 1),
        ("window", f"{OPENED_ZH}（有新事件进入时间窗）"): (1, 0),
        ("window", f"{OPENED_ZH}（有旧事件移出时间窗）"): (0, 1),
        ("tag", "age ≥ 18"): (1, 0),
        ("entered", "用户表中新增"): (1, 0),
        ("left", "已不在用户表中"): (0, 1),
    }
    assert [(each.old, each.new, each.users) for each in heavy.causes[0].transitions] == [
        ("一线", "三线", 1),
        ("三线", "一线", 1),
        ("（缺失）", "二线", 1),
    ]
    changes = [[(each.added, each.removed) for each in one.causes] for one in (english, heavy)]
    assert sorted(changes[0]) == sorted(changes[1])


def test_edits_in_chinese(project: Path) -> None:
    built(project, OLD)
    edited(project, "age: 18..", "age: 25..")
    edited(project, "      city: [一线, 二线]\n", "      not: {city: 三线}\n")
    built(project, NEW)
    details = {each.detail for each in told(project, lang="zh").packs[0].causes}
    assert "age ≥ 18 → age ≥ 25" in details
    assert all("new:" not in each and "gone:" not in each for each in details)


def test_what_cannot_be_told_in_chinese(project: Path) -> None:
    built(project, OLD)
    built(project, NEW)
    shutil.rmtree(project / "users" / f"dt={OLD}")
    found = told(project, lang="zh")
    assert any(
        each.detail == f"c/p@{OLD} 所用的数据表已不是当时的样子" for each in found.packs[0].causes
    )
    assert any("个已不存在或有变动" in each for each in found.untold)
    assert any(each == f"c/p@{OLD} 所用的用户表快照已不存在" for each in found.untold)
