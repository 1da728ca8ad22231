"""Each exit code, by a process of its own that ends with it: what cron and scripts rely on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from audience.commands.exits import ExitCode
from audience.store.publish import campaign_lock
from support import MakeProject, Run

RULE = """\
campaign: c
phase: p
as_of: 2024-03-01
packs:
  pack: {where: {age: 40..}}
"""
USERS = [{"user_id": n, "age": n % 60} for n in range(100)]
EXPECT = "{where: {age: 40..}, expect: {size: 1000..}}"
CASES = "cases:\n  - {name: one, users: [{user_id: 1, age: 50}], packs: {pack: {out: [1]}}}\n"


def nothing(folder: Path) -> None:
    pass


def expect(folder: Path) -> None:
    (folder / "rules/a.yaml").write_text(RULE.replace("{where: {age: 40..}}", EXPECT))


def wrong(folder: Path) -> None:
    (folder / "rules/a.yaml").write_text(RULE.replace("age", "agee"))


def damaged(folder: Path) -> None:
    (folder / "packs/c/p/latest/pack.parquet").write_bytes(b"x")


def in_the_way(folder: Path) -> None:
    (folder / "packs").rename(folder / "old")
    (folder / "packs").write_text("")


BUILD = ("build-pack", "--quiet")
WAYS: dict[ExitCode, list[tuple[Callable[[Path], object], tuple[str, ...]]]] = {
    ExitCode.OK: [(nothing, BUILD), (nothing, ("verify", "--quiet"))],
    ExitCode.USAGE: [
        (nothing, (*BUILD, "rules/none.yaml")),
        (nothing, (*BUILD, "--nothing")),
        (nothing, (*BUILD, "--pack", "none")),
        (nothing, (*BUILD, "--as-of", "2999-01-01")),
    ],
    ExitCode.RULES: [(wrong, BUILD), (wrong, ("check",))],
    ExitCode.DATA: [(lambda folder: (folder / "users.parquet").unlink(), BUILD)],
    ExitCode.STORE: [
        (damaged, ("verify",)),
        (damaged, ("export-pack", "c/p/pack", "out.csv")),
        (in_the_way, BUILD),
    ],
    ExitCode.NOT_PUBLISHED: [
        (nothing, ("show-pack", "c/none")),
        (nothing, ("diff-packs", "c/p", "c/p@2020-01-01")),
    ],
    ExitCode.EXPECTATION: [(expect, BUILD)],
    ExitCode.CASES: [
        (lambda folder: (folder / "rules/a.cases.yaml").write_text(CASES), ("test", "--quiet"))
    ],
}


@pytest.fixture
def folder(make_project: MakeProject, run: Run) -> Path:
    folder = make_project(USERS, {"a.yaml": RULE})
    assert run("build-pack", at=folder).code == 0
    return folder


@pytest.mark.parametrize("code", WAYS)
def test_every_way_to_end(folder: Path, shell: Run, code: ExitCode) -> None:
    """Without an environment: no HOME, no PATH, no language."""
    for number, (change, words) in enumerate(WAYS[code]):
        if number and change is not nothing:
            (folder / "rules/a.yaml").write_text(RULE)
        change(folder)
        done = shell(*words, at=folder, env={})
        assert done.code == code, (words, done.err)
        assert "Traceback" not in done.err
        quiet = code is ExitCode.OK
        assert (done.out + done.err == "") == quiet, (words, done.out, done.err)


def test_busy(folder: Path, shell: Run) -> None:
    with campaign_lock(folder / "packs", "c"):
        done = shell(*BUILD, at=folder, env={})
    assert done.code == ExitCode.BUSY
    assert done.err == "error: campaign `c` is being published by another process\n"


def test_all_are_here_or_where_signals_are() -> None:
    elsewhere = {ExitCode.BUSY, ExitCode.INTERNAL, ExitCode.INTERRUPTED, ExitCode.TERMINATED}
    assert set(ExitCode) == set(WAYS) | elsewhere
    here = Path(__file__).parent
    assert "130" in (here / "test_writers.py").read_text()
    assert "143" in (here / "test_writers.py").read_text()
    assert "ExitCode.INTERNAL" in (here.parent / "commands/test_commands.py").read_text()


@pytest.mark.skipif(not hasattr(os, "setsid"), reason="sessions are of POSIX")
def test_another_working_folder_and_no_terminal(folder: Path, shell: Run, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = shell(*BUILD, "--project", str(folder), at=elsewhere, env={})
    assert (done.code, done.out, done.err) == (0, "", "")
