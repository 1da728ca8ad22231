"""Suppress lists: who is on one is in no pack; and a list in doubt stops everything.

The project's two users on the list are 2 and 4; `c/p@2024-02-01` is published with a good list
before a list is spoilt.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import time
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import audience
from audience.commands.exits import ExitCode
from laws.test_laws import AS_OF, ENGINES, TRIED, Condition, Tables, conditions, render
from support import MakeProject, Run

USERS = pl.DataFrame({"user_id": [1, 2, 3, 4, 5, 6], "age": [20, 30, 40, 50, 60, None]})
GOOD = "id\n2\n4\n77\n"
SUPPRESS = "suppress:\n  - {{path: optout.csv{}}}\n"
PLACE = "audience.yaml:5:12"
RULE = """\
campaign: c
phase: p
as_of: {day}
packs:
  grown: {{where: {{age: 30..}}}}
  others: {{where: {{not: grown}}}}
"""


@pytest.fixture
def folder(make_project: MakeProject, run: Run) -> Path:
    """A project with a list, and a build of the month before."""
    made = make_project(USERS, {"a.yaml": RULE.format(day="2024-02-01")}, extra=SUPPRESS.format(""))
    (made / "optout.csv").write_text(GOOD)
    assert run("build-pack", "-q", at=made).code == 0
    (made / "rules/a.yaml").write_text(RULE.format(day="2024-03-01"))
    return made


def suppress(folder: Path, options: str) -> None:
    """Write the project file with such a suppress list."""
    path = folder / "audience.yaml"
    head = path.read_text().partition("suppress:")[0]
    path.write_text(head + SUPPRESS.format(options))


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in {".lock", ".log.lock", ".log.last", "log.jsonl"}
    }


def check_refused(run: Run, folder: Path, *told: str, path: str = "optout.csv") -> None:
    """Nothing is published, counted or told; what was published is as it was."""
    before = tree(folder / "packs")
    for words in (("build-pack",), ("build-pack", "--engine", "duckdb"), ("size",)):
        done = run(*words, at=folder)
        assert done.code == ExitCode.DATA, done.err
        assert done.out == ""
        assert f"error: {PLACE}: suppress list `{path}`: " in done.err
        assert "nothing is published" in done.err
        for part in told:
            assert part in done.err
    assert tree(folder / "packs") == before
    assert (folder / "packs/c/p/latest").readlink() == Path("2024-02-01")


def members(folder: Path, pack: str) -> list[Any]:
    return pq.read_table(folder / f"packs/c/p/latest/{pack}.parquet")["user_id"].to_pylist()


# Fail-closed


def test_a_missing_list_stops_the_build(run: Run, folder: Path) -> None:
    (folder / "optout.csv").unlink()
    check_refused(run, folder, "there is no such file")
    suppress(folder, ", max_age: 1d")
    check_refused(run, folder, "there is no such file")
    done = run("check", at=folder)
    assert done.code == ExitCode.RULES
    assert f"{PLACE}: error: there is no file `optout.csv`" in done.err


def test_a_folder_is_no_list(run: Run, folder: Path) -> None:
    (folder / "optout.csv").unlink()
    (folder / "optout.csv").mkdir()
    check_refused(run, folder, "cannot be read")


UNREADABLE = {
    "not UTF-8": ("用户\n2\n".encode("gbk"), "not UTF-8"),
    "half a character": ("id\n2\n用".encode()[:-1], "not UTF-8"),
    "rows of two lengths": (b"id,x\n2,a\n4\n", "column"),
    "no bytes": (b"", "empty"),
    "blank lines": (b"\n\n", "empty"),
    "only names": (b"id\n", "it is empty"),
    "text ids": (b"id\nalice\n", "`a…e` is no whole number"),
    "a fraction": (b"id\n2.0\n", "`…` is no whole number"),
    "two columns": (b"id,name\n2,a\n", "which column"),
}


@pytest.mark.parametrize("name", UNREADABLE)
def test_a_list_that_cannot_be_taken_stops_the_build(run: Run, folder: Path, name: str) -> None:
    data, told = UNREADABLE[name]
    (folder / "optout.csv").write_bytes(data)
    check_refused(run, folder, told)


def test_quotes_that_never_end_stop_the_build(run: Run, folder: Path) -> None:
    (folder / "optout.csv").write_text('id,x\n2,"a\n4,b\n')
    suppress(folder, ", column: id")
    check_refused(run, folder, "cannot be read")


def test_a_column_that_is_missing_stops_the_build(run: Run, folder: Path) -> None:
    (folder / "optout.csv").write_text("user_id,day\n2,x\n")
    suppress(folder, ", column: userid")
    check_refused(run, folder, "it has no column `userid`", "did you mean user_id?")


@pytest.mark.parametrize(
    ("table", "told"),
    [
        ({"id": ["2", "4"]}, "the key is a whole number"),
        ({"id": [2.0, 4.0]}, "the key is a whole number"),
        ({"id": [2, None]}, "row 2"),
        ({"id": pl.Series([], dtype=pl.Int64)}, "it is empty"),
    ],
)
def test_a_parquet_list_of_another_kind_stops_the_build(
    run: Run, folder: Path, table: dict[str, Any], told: str
) -> None:
    pl.DataFrame(table).write_parquet(folder / "o.parquet")
    path = folder / "audience.yaml"
    path.write_text(path.read_text().replace("optout.csv", "o.parquet"))
    check_refused(run, folder, told, path="o.parquet")
    pl.DataFrame({"id": [2]}).write_parquet(folder / "o.parquet")
    (folder / "o.parquet").write_bytes((folder / "o.parquet").read_bytes()[:-6])
    check_refused(run, folder, "cannot be read", path="o.parquet")


def test_numbers_are_no_ids_where_keys_are_texts(run: Run, make_project: MakeProject) -> None:
    users = pl.DataFrame({"user_id": ["2", "4"]})
    rule = "campaign: c\nphase: p\nas_of: 2024-03-01\npacks: {a: {where: {user_id: known}}}\n"
    extra = SUPPRESS.format("").replace("csv", "parquet")
    folder = make_project(users, {"a.yaml": rule}, extra=extra)
    pl.DataFrame({"id": [2]}).write_parquet(folder / "optout.parquet")
    done = run("build-pack", at=folder)
    assert done.code == ExitCode.DATA
    assert "its ids are int64, the key is text" in done.err
    pl.DataFrame({"id": ["2"]}).write_parquet(folder / "optout.parquet")
    assert run("build-pack", at=folder).code == 0
    assert members(folder, "a") == ["4"]


def test_one_bad_list_of_several_stops_the_build(run: Run, folder: Path) -> None:
    path = folder / "audience.yaml"
    more = "  - {path: more.txt}\n"
    path.write_text(path.read_text() + more)
    (folder / "more.txt").write_text("5\nx\n")
    before = tree(folder / "packs")
    done = run("build-pack", at=folder)
    assert done.code == ExitCode.DATA
    assert "audience.yaml:6:12: suppress list `more.txt`: row 2: `…`" in done.err
    assert tree(folder / "packs") == before
    (folder / "more.txt").write_text("5\n2\n")
    assert run("build-pack", at=folder).code == 0
    assert members(folder, "grown") == [3]
    assert members(folder, "others") == [1, 6]


def test_it_stops_the_build_of_every_file(run: Run, folder: Path) -> None:
    (folder / "rules/b.yaml").write_text(RULE.format(day="2024-03-01").replace(": p", ": q"))
    (folder / "optout.csv").write_text("")
    check_refused(run, folder)
    assert not (folder / "packs/c/q").exists()


# Age


@pytest.mark.parametrize(
    ("max_age", "hours", "fresh"),
    [
        ("1d", 23.9, True),
        ("1d", 24.1, False),
        ("1d", 0, True),
        ("2d", 47.9, True),
        ("2d", 48.1, False),
        ("1w", 167.9, True),
        ("1w", 168.1, False),
        ("1m", 27 * 24, True),
        ("1m", 32 * 24, False),
        ("", 10_000, True),
    ],
)
def test_a_list_is_as_fresh_as_its_file(
    run: Run, folder: Path, max_age: str, hours: float, fresh: bool
) -> None:
    suppress(folder, f", max_age: {max_age}" if max_age else "")
    moment = time.time() - hours * 3600
    os.utime(folder / "optout.csv", (moment, moment))
    if fresh:
        assert run("build-pack", at=folder).code == 0
    else:
        check_refused(run, folder, f"`max_age: {max_age}`", "written")


@pytest.mark.parametrize(("seconds", "code"), [(-60, 0), (86_400, 0), (86_401, 4)])
def test_a_list_of_exactly_that_age_is_fresh(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch, seconds: int, code: int
) -> None:
    class Clock(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime(2024, 3, 1, 12, tzinfo=tz)

    monkeypatch.setattr("audience.lists.datetime", Clock)
    suppress(folder, ", max_age: 1d")
    os.utime(folder / "optout.csv", (datetime(2024, 3, 1, 12).timestamp() - seconds,) * 2)
    assert run("build-pack", at=folder).code == code


def test_the_age_is_held_against_now_and_not_against_as_of(run: Run, folder: Path) -> None:
    suppress(folder, ", max_age: 1d")
    for day in ("2024-02-02", str(date.today() - timedelta(days=2))):
        assert run("size", "--as-of", day, at=folder).code == 0
    os.utime(folder / "optout.csv", (time.time() - 100_000,) * 2)
    assert run("size", "--as-of", "2024-02-02", at=folder).code == ExitCode.DATA


def test_an_empty_list_suppresses_nobody_where_that_is_allowed(run: Run, folder: Path) -> None:
    suppress(folder, ", allow_empty: true")
    (folder / "optout.csv").write_text("id\n")
    assert run("build-pack", at=folder).code == 0
    assert members(folder, "grown") == [2, 3, 4, 5]
    (folder / "optout.csv").unlink()
    done = run("build-pack", at=folder)
    assert done.code == ExitCode.DATA, "empty is not missing"


# Who is left out

WIDE = """\
campaign: c
phase: p
as_of: 2024-03-01
stages:
  s: {young: {age: ..35}, rest: otherwise}
packs:
  all: {where: {any: [{age: known}, {age: unknown}]}}
  nobody: {where: {not: all}}
  named: {where: {ids: [2, 3]}}
  unnamed: {where: {not: {ids: [3]}}}
  then: {where: {published: c/p/old}}
  kept: {where: {age: known}, limit: {keep: 3, by: age, order: asc}}
  top: {where: {age: known}, split: {a: 50%, b: 50%}}
  foreign: {where: q/both}
"""


@pytest.mark.parametrize("engine", ENGINES)
def test_who_is_on_a_list_is_in_no_pack_stage_or_side(run: Run, folder: Path, engine: str) -> None:
    suppress(folder, ", allow_empty: true")
    (folder / "optout.csv").write_text("id\n")
    old = "campaign: c\nphase: p\nas_of: 2024-02-10\npacks: {old: {where: {age: known}}}\n"
    (folder / "rules/a.yaml").write_text(old)
    assert run("build-pack", "-q", at=folder).code == 0
    assert members(folder, "old") == [1, 2, 3, 4, 5]
    (folder / "optout.csv").write_text(GOOD)
    (folder / "rules/a.yaml").write_text(WIDE)
    q = "campaign: c\nphase: q\npacks: {both: {where: {ids: [1, 2]}}}\n"
    (folder / "rules/q.yaml").write_text(q)
    done = run("build-pack", "rules/a.yaml", "-f", "json", "--engine", engine, at=folder)
    assert done.code == 0
    (built,) = json.loads(done.out)["builds"]
    found = {pack["name"]: members(folder, pack["name"]) for pack in built["packs"]}
    assert sorted(found.pop("top.a") + found.pop("top.b")) == found.pop("top") == [1, 3, 5]
    assert found == {
        "s.young": [1],
        "s.rest": [3, 5, 6],
        "all": [1, 3, 5, 6],
        "nobody": [],
        "named": [3],
        "unnamed": [1, 5, 6],
        "then": [1, 3, 5],
        "kept": [1, 3, 5],
        "foreign": [1],
    }
    assert (built["base"], built["users"], built["suppressed"]) == (4, 6, 2)
    (stages,) = built["stages"]
    assert (stages["total"], stages["rest"]) == (4, 0)
    assert [pack["share"] for pack in built["packs"] if pack["name"] == "all"] == [1.0]


def test_the_manifest_and_the_summary_say_how_many_were_left_out(run: Run, folder: Path) -> None:
    rule = RULE.format(day="2024-03-01").replace("packs:", "base: {age: 45..}\npacks:")
    (folder / "rules/a.yaml").write_text(rule)
    done = run("build-pack", at=folder)
    assert "base 1 of 6 users, 1 suppressed" in done.out
    latest = folder / "packs/c/p/latest"
    manifest = json.loads((latest / "manifest.json").read_text())
    assert (manifest["base_size"], manifest["suppressed"]) == (1, 1)
    digest = hashlib.sha256(GOOD.encode()).hexdigest()
    listed = {"kind": "suppress", "name": "optout.csv", "size": 3, "sha256": digest}
    assert manifest["lists"] == [listed]
    assert json.loads((latest / "summary.json").read_text())["suppressed"] == 1


def test_a_new_list_is_a_new_build_of_the_day(run: Run, folder: Path) -> None:
    assert "published" in run("build-pack", at=folder).err
    assert "unchanged" in run("build-pack", at=folder).err
    (folder / "optout.csv").write_text("id\n2\n4\n5\n")
    assert "published" in run("build-pack", at=folder).err
    assert members(folder, "grown") == [3]


@pytest.mark.parametrize("engine", ENGINES)
def test_no_pack_of_any_rule_has_anybody_of_any_list(tmp_path: Path, engine: str) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "audience.yaml").write_text(
        "tables:\n  users: {path: users.parquet, key: user_id}\n"
        "  events: {path: events.parquet, key: user_id, time: ts, action: action,\n"
        "    allow_empty: true}\n"
        "suppress:\n  - {path: out.csv, allow_empty: true}\n"
    )
    head = f"campaign: laws\nphase: {{}}\nas_of: {AS_OF}\n"

    @settings(
        max_examples=TRIED[engine],
        derandomize=True,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(
        rows=st.builds(
            Tables,
            users=st.integers(1, 30),
            events=st.integers(0, 40),
            seed=st.integers(0, 2**32),
            text_keys=st.booleans(),
        ),
        where=conditions,
        keep=st.integers(1, 9),
        share=st.floats(0, 1),
    )
    def holds(rows: Tables, where: Condition, keep: int, share: float) -> None:
        rows.write(tmp_path)
        keys = pl.read_parquet(tmp_path / "users.parquet")["user_id"].to_list()
        (tmp_path / "out.csv").write_text("id\n")
        condition = render(where)
        old = tmp_path / "rules/old.yaml"
        old.write_text(head.format("old") + "packs: {x: {where: {user_id: known}}}\n")
        project = audience.load(tmp_path)
        audience.build(project, [old], engine=engine)
        rng = random.Random(rows.seed)
        out = rng.sample(keys, round(share * len(keys)))
        (tmp_path / "out.csv").write_text("\n".join(["id", *map(str, out)]) + "\n")
        listed = ", ".join(repr(key) for key in keys)
        rule = tmp_path / "rules/laws.yaml"
        rule.write_text(
            head.format("all") + "stages: {s: {one: " + condition + ", rest: otherwise}}\n"
            f"packs:\n  yes: {{where: {condition}}}\n  no: {{where: {{not: {condition}}}}}\n"
            f"  ids: {{where: {{ids: [{listed}]}}}}\n  old: {{where: {{published: laws/old/x}}}}\n"
            f"  kept:\n    where: {{user_id: known}}\n    limit: {{keep: {keep}}}\n"
            "    split: {a: 50%, b: 50%}\n"
        )
        result = audience.build(project, [rule], dry_run=True, engine=engine)[0]
        found = {pack.name: set(result.ids(pack.name).to_pylist()) for pack in result.summary.packs}
        assert not set().union(*found.values()) & set(out)
        rest = set(keys) - set(out)
        assert found["yes"] | found["no"] == found["ids"] == found["old"] == rest
        assert found["s.one"] | found["s.rest"] == rest
        assert len(found["kept"]) == min(keep, len(rest)), "they take nobody's place"
        assert (result.summary.base, result.summary.suppressed) == (len(rest), len(out))

    holds()
