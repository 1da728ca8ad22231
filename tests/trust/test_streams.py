"""Standard streams that are closed, full or without a reader: the run goes on to its own end."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest

import audience
from audience.commands import app
from support import MakeProject

RULE = """\
campaign: c
phase: p
as_of: 2024-03-01
packs:
  gone: {where: {age: 90..}}
  old: {where: {age: 40..}, expect: {size: 100..}}
"""
USERS = [{"user_id": 1, "age": 20}, {"user_id": 2, "age": 45}]
TOLD = "warning: c/p: pack `gone` is empty\nerror: c/p: pack `old` has 1 user"
PROGRAM = f"{sys.executable} -m audience"


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    return make_project(USERS, {"a.yaml": RULE})


def bash(line: str, folder: Path) -> tuple[int, str, str]:
    """A line of a shell: how the program, first in its pipe, ended; stdout and stderr."""
    script = f"{line}; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("reader", ["true", "head -1"])
@pytest.mark.parametrize("command", ["build-pack", "size", "size --format json"])
def test_a_reader_that_goes_away_changes_nothing_else(
    folder: Path, command: str, reader: str
) -> None:
    code, out, err = bash(f"{PROGRAM} {command} | {reader}", folder)
    assert code == 8
    assert err.startswith(TOLD)
    assert len(err.splitlines()) == 2
    assert out.count("\n") == (reader != "true")
    if command == "build-pack":
        assert [each["exit"] for each in audience.read_log(audience.load(folder)).runs] == [8]


@pytest.mark.parametrize("command", ["--help", "--version", "tags", "check"])
def test_nor_does_it_where_all_is_well(folder: Path, command: str) -> None:
    assert bash(f"{PROGRAM} {command} 2>&1 | true", folder)[0] == 0


def test_a_reader_of_both_streams_may_go_away(folder: Path) -> None:
    told = folder / "told"
    code, _, _ = bash(f"{PROGRAM} build-pack --notify 'cat > {told}' 2>&1 | true", folder)
    assert code == 8
    assert [each["exit"] for each in audience.read_log(audience.load(folder)).runs] == [8]
    assert told.exists()


def test_a_published_build_is_said_though_nobody_reads_the_table(folder: Path) -> None:
    (folder / "rules/a.yaml").write_text(RULE.replace("100..", "1.."))
    code, _, err = bash(f"{PROGRAM} build-pack | true", folder)
    assert code == 0
    assert "published c/p@2024-03-01: 2 packs" in err


@pytest.mark.parametrize(
    ("closed", "open_ones"),
    [
        (">&-", "err"),
        ("2>&-", "out"),
        ("<&-", "out err"),
        (">&- 2>&-", ""),
        ("<&- >&-", "err"),
        ("<&- >&- 2>&-", ""),
    ],
)
def test_closed_streams_lead_nowhere(folder: Path, closed: str, open_ones: str) -> None:
    code, out, err = bash(f"{PROGRAM} build-pack {closed}", folder)
    assert code == 8
    assert ("old" in out) == ("out" in open_ones)
    assert err.startswith(TOLD) if "err" in open_ones else not err
    assert "Traceback" not in err
    assert [each["exit"] for each in audience.read_log(audience.load(folder)).runs] == [8]
    # No file of ours took the number of a stream, and got what was meant for it.
    (folder / "rules/a.yaml").write_text(RULE.replace("100..", "1.."))
    assert bash(f"{PROGRAM} build-pack {closed}", folder)[0] == 0
    assert all(not each.faults for each in audience.verify(audience.load(folder)))


@pytest.mark.parametrize("command", ["--help", "--version", "check", "forget --from -"])
def test_so_do_they_in_every_command(folder: Path, command: str) -> None:
    expected = 2 if command.startswith("forget") else 0
    assert bash(f"{PROGRAM} {command} <&- >&- 2>&-", folder)[0] == expected


def test_closed_streams_are_taken_before_a_file_of_ours_gets_their_number(folder: Path) -> None:
    code = (
        "import os, sys\n"
        "from audience.commands.output import open_streams\n"
        "taken = os.open('taken', os.O_CREAT | os.O_RDWR)\n"
        "assert taken == 1\n"
        "open_streams()\n"
        "print('what is meant for stdout', flush=True)\n"
        "os.fstat(0)\n"
        "assert sys.stdin.read() == ''\n"
    )
    (folder / "code.py").write_text(code)
    # With stdin closed too, the file would get its number.
    assert bash(f"{sys.executable} code.py >&-", folder) == (0, "", "")
    assert (folder / "taken").read_text() == ""


def test_a_stderr_that_cannot_be_written_to_changes_nothing(folder: Path) -> None:
    code, out, _ = bash(f"{PROGRAM} size 2>/dev/full", folder)
    assert code == 8
    assert "old" in out


def test_words_of_a_library_that_gives_up_need_no_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    def write(*_: object) -> NoReturn:
        raise BrokenPipeError

    def leave(code: int) -> NoReturn:
        raise SystemExit(code)

    monkeypatch.setattr(os, "write", write)
    monkeypatch.setattr(os, "_exit", leave)
    give_up: Callable[[int], Any] = app._give_up
    with pytest.raises(SystemExit) as end:
        give_up(6)
    assert end.value.code == 4
