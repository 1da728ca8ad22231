"""Pruning and forgetting: what goes, what stays, and that nobody comes back."""

from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest

import audience
from audience.api import today
from audience.commands import upkeep
from audience.errors import BusyError, NotPublishedError, RuleError, UsageError
from audience.store.publish import campaign_lock
from support import MakeProject, Run

RULE = """\
campaign: c
phase: p
packs:
  old: {where: {age: 40..}}
  young: {where: {age: ..45}}
"""
USERS = pl.DataFrame(
    {"user_id": [91001001, 91001002, 91001003, 91001004], "age": [20, 42, 50, None]}
)
DAYS = [date(2024, 3, day) for day in range(1, 7)]


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    folder = make_project(USERS, {"a.yaml": RULE})
    for day in DAYS:
        audience.build(audience.load(folder), as_of=day)
    return folder


def days(folder: Path, phase: str = "p") -> list[int]:
    found = audience.list_builds(audience.load(folder)).builds
    return [each.as_of.day for each in found if each.phase == phase]


def test_the_newest_stay(folder: Path, run: Run) -> None:
    done = run("prune", "--keep", "2", "--dry-run", at=folder)
    assert done.out.split() == [f"c/p@2024-03-0{day}" for day in (1, 2, 3, 4)]
    assert "would remove 4 builds" in done.err
    assert days(folder) == [1, 2, 3, 4, 5, 6]
    done = run("prune", "--keep", "2", at=folder)
    assert done.code == 0
    assert "removed 4 builds" in done.err
    assert days(folder) == [5, 6]
    assert len(list((folder / "packs/c/p/.builds").iterdir())) == 2
    assert (folder / "packs/c/p/latest/old.parquet").exists()
    assert run("prune", "--keep", "2", "-q", at=folder).out == ""
    assert [each.faults for each in audience.verify(audience.load(folder))] == [(), ()]
    assert audience.read_log(audience.load(folder)).runs[0]["removed"] == [
        f"c/p@2024-03-0{day}" for day in (1, 2, 3, 4)
    ]


def test_by_age_the_newest_stays_however_old(folder: Path) -> None:
    project = audience.load(folder)
    age = (today(project) - DAYS[3]).days
    assert len(audience.prune(project, older_than=f"{age}d")) == 3
    assert days(folder) == [4, 5, 6]
    audience.prune(project, older_than="1d")
    assert days(folder) == [6]


def test_number_and_age_must_both_be_passed(folder: Path) -> None:
    project = audience.load(folder)
    age = (today(project) - DAYS[1]).days
    audience.prune(project, keep=2, older_than=f"{age}d")
    assert days(folder) == [2, 3, 4, 5, 6]


@pytest.mark.parametrize(
    ("named", "stays"),
    [("c/p@2024-03-02/old", 2), ("c/p/old", 4)],
)
def test_what_a_rule_names_stays(folder: Path, named: str, stays: int, run: Run) -> None:
    rule = "campaign: d\nphase: q\nas_of: 2024-03-04\npacks: {again: {where: {published: NAMED}}}\n"
    (folder / "rules/b.yaml").write_text(rule.replace("NAMED", named))
    done = run("prune", "--keep", "1", at=folder)
    assert days(folder) == [stays, 6]
    assert f"kept c/p@2024-03-0{stays}: rules/b.yaml:4:" in done.err


def test_only_the_phases_that_are_named(folder: Path) -> None:
    (folder / "rules/b.yaml").write_text(RULE.replace("phase: p", "phase: q"))
    project = audience.load(folder)
    for day in DAYS[:3]:
        audience.build(project, as_of=day, rules=str(folder / "rules/b.yaml"))
    audience.prune(project, ["c/q"], keep=1)
    assert (days(folder, "p"), days(folder, "q")) == ([1, 2, 3, 4, 5, 6], [3])
    audience.prune(project, ["c"], keep=1)
    assert days(folder, "p") == [6]


def test_who_knows_no_rules_removes_nothing(folder: Path, run: Run) -> None:
    project = audience.load(folder)
    (folder / "rules/b.yaml").write_text("campaign: d\nphase: [\n")
    with pytest.raises(RuleError):
        audience.prune(project, keep=1)
    (folder / "rules/b.yaml").unlink()
    with pytest.raises(UsageError, match="--keep"):
        audience.prune(project)
    with pytest.raises(UsageError, match="--older-than"):
        audience.prune(project, older_than="soon")
    with pytest.raises(NotPublishedError, match="nothing is published of `x`"):
        audience.prune(project, ["x"], keep=1)
    with campaign_lock(folder / "packs", "c"), pytest.raises(BusyError):
        audience.prune(project, keep=1)
    assert run("prune", "--keep", "0", at=folder).code == 2
    assert days(folder) == [1, 2, 3, 4, 5, 6]


def everything(folder: Path) -> bytes:
    """All bytes below a folder, packs as the ids that are in them."""
    out = []
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink():
            out.append(path.read_bytes())
            if path.suffix == ".parquet":
                out.append(str(pq.read_table(path).to_pydict()).encode())
    return b"\n".join(out)


LISTED = """\
campaign: c
phase: listed
as_of: 2024-03-06
packs:
  vip:  # not 91001002
    label: 91001002 元
    where:
      any:
        - {ids: [91001001, 91001002]}
        - {user_id: 91001002..91001003}
        - {user_id: {in: [91001002, 7]}}
        - {ids: ["${who}"]}
        - {age: 7..}
vars: {who: 91001002}
"""


@pytest.mark.not_on_spark("nothing is kept between runs")
def test_a_person_is_in_nothing_any_more(folder: Path, run: Run) -> None:
    (folder / "rules/b.yaml").write_text(LISTED)
    (folder / "rules/a.yaml").write_text(RULE.replace("40..", "41.."))
    assert run("build-pack", "rules/b.yaml", at=folder).code == 0
    audience.build(audience.load(folder), rules=str(folder / "rules/a.yaml"), as_of=DAYS[0])
    assert (folder / ".audience/cache").is_dir()
    before = {each.name: each for each in audience.list_builds(audience.load(folder)).builds}
    done = run("forget", "91001002", "7", at=folder)
    assert done.code == 0
    assert "took 1 of 2 ids out of 13 packs in 7 builds" in done.err
    found = everything(folder / "packs")
    assert b"91001002" not in found
    assert b"ids: [91001001, forgotten]" in found
    # A short id is taken out where ids are asked for, and is a number like others elsewhere.
    assert b"user_id: {in: [forgotten, forgotten]}" in found
    assert b"age: 7.." in found
    assert not (folder / ".audience/cache").exists()
    project = audience.load(folder)
    assert [each.faults for each in audience.verify(project)] == [()] * 7
    for each in audience.list_builds(project).builds:
        assert each.forgotten == 1
        assert each.base_size == before[each.name].base_size - 1
    assert audience.members(project, "c/p/old").to_pylist() == [91001003]
    build, _ = audience.show(project, "c/p")
    summary = json.loads((build.folder / "summary.json").read_text())
    assert [(each["name"], each["size"]) for each in summary["packs"]] == [("old", 1), ("young", 1)]
    assert [each["both"] for each in summary["overlaps"]] == [0, 0]
    last = audience.read_log(project).runs[-1]
    assert (last["people"], last["packs"], last["exit"]) == (1, 13, 0)
    assert "91001002" not in json.dumps(last)


def test_nothing_is_changed_where_nobody_is_found(folder: Path, run: Run) -> None:
    before = everything(folder / "packs/c")
    done = run("forget", "77", "78", at=folder)
    assert done.code == 0
    assert "took 0 of 2 ids out of 0 packs" in done.err
    assert everything(folder / "packs/c") == before


@pytest.mark.parametrize("source", ["-", "gone.txt"])
def test_ids_need_not_stand_on_the_command_line(
    folder: Path, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "gone.txt").write_text("91001001\n\n91001003\n")
    with (folder / "gone.txt").open() as file:
        monkeypatch.setattr(upkeep.sys, "stdin", file)
        project = audience.load(folder)
        ids = upkeep._read(project, Path(source) if source == "-" else folder / source, "")
    assert ids == ["91001001", "91001003"]
    assert audience.forget(project, ids).found == 2
    assert audience.members(project, "c/p/old").to_pylist() == [91001002]


def test_texts_are_forgotten_too(make_project: MakeProject) -> None:
    users = USERS.with_columns(pl.format("u{}", pl.col("user_id")).alias("user_id"))
    folder = make_project(users, {"a.yaml": RULE})
    project = audience.load(folder)
    audience.build(project, as_of=DAYS[0])
    found = audience.forget(project, ["u91001002", "91001003"])
    assert (found.found, found.packs) == (1, 2)
    assert audience.members(project, "c/p/old").to_pylist() == ["u91001003"]


@pytest.mark.not_on_spark("a pack is a folder there: see test_spark_publish")
def test_a_build_that_cannot_be_read_is_told_and_the_others_are_done(
    folder: Path, run: Run
) -> None:
    (folder / "packs/c/p/2024-03-02/old.parquet").write_bytes(b"x")
    done = run("forget", "91001002", at=folder)
    assert done.code == 5
    assert "2024-03-02" in done.err
    assert "old.parquet is not the file that was published" in done.err
    project = audience.load(folder)
    assert audience.members(project, "c/p@2024-03-03/old").to_pylist() == [91001003]


LISTS = {
    "gone.csv": "user_id,since\r\n91001001,2024-01-01\r\n91001003,2024-01-02\r\n",
    "gone.txt": "\ufeff91001001\r\n91001003\r\n",
}


@pytest.mark.parametrize("name", LISTS)
def test_a_list_is_read_as_suppress_lists_are(folder: Path, run: Run, name: str) -> None:
    (folder / name).write_text(LISTS[name], newline="")
    column = ("--column", "user_id") if name.endswith(".csv") else ()
    done = run("forget", "--from", name, *column, at=folder)
    assert done.code == 0, done.err
    assert "took 2 of 2 ids out of" in done.err
    assert audience.members(audience.load(folder), "c/p/young").to_pylist() == [91001002]


@pytest.mark.parametrize(
    ("words", "code", "told"),
    [
        (("abc",), 2, "is nobody's id: keys are whole numbers here"),
        (("12.5",), 2, "is nobody's id"),
        (("+91001002",), 2, "is nobody's id"),
        (("91001001,91001002",), 2, "is nobody's id"),
        (("--from", "gone.doc"), 2, "ids are read from .csv, .txt, .parquet files"),
        (("--from", "gone.csv"), 4, "the list `gone.csv`: "),
        (("--from", "none.txt"), 4, "there is no such file"),
    ],
)
def test_what_can_be_nobodys_id_is_refused(
    folder: Path, run: Run, words: tuple[str, ...], code: int, told: str
) -> None:
    (folder / "gone.csv").write_text("user_id,why\n91001001,asked\n")
    before = everything(folder / "packs/c")
    done = run("forget", *words, at=folder)
    assert (done.code, told in done.err) == (code, True), done.err
    assert "91001" not in done.err
    assert everything(folder / "packs/c") == before


def test_a_draft_of_a_run_that_was_killed_has_nobody_left(folder: Path, run: Run) -> None:
    """Also in a phase of which nothing was published."""
    build = folder / "packs/c/p/latest"
    draft = folder / "packs/c/first/.builds/.draft-1"
    shutil.copytree(build.resolve(), draft)
    assert run("forget", "91001002", at=folder).code == 0
    assert b"91001002" not in everything(folder / "packs/c")
    assert not draft.exists()


def test_the_log_has_the_manifests_that_are_there_now(folder: Path, run: Run) -> None:
    assert run("forget", "91001002", at=folder).code == 0
    project = audience.load(folder)
    changed = audience.read_log(project).runs[-1]["changed"]
    builds = audience.list_builds(project).builds
    assert changed == [{"build": each.name, "manifest": each.sha256} for each in builds]


def test_a_build_reads_what_its_own_phase_published_before_it(folder: Path, run: Run) -> None:
    """What a rule of a phase names of that phase itself is the build before its own day."""
    rule = RULE + "  again: {where: {published: c/p/old}}\nas_of: 2024-03-05\n"
    (folder / "rules/a.yaml").write_text(rule)
    run("prune", "--keep", "1", at=folder)
    assert days(folder) == [4, 6]
    assert run("build-pack", at=folder).code == 0


def test_nobody_named(folder: Path, run: Run) -> None:
    done = run("forget", at=folder)
    assert done.code == 2
    assert "at least one id" in done.err
