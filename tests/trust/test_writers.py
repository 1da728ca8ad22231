"""One writer at a time; who is told to end, or killed, leaves what was there."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import audience
from audience.store.publish import campaign_lock
from support import MakeProject

RULE = """\
campaign: c
phase: p
as_of: 2024-03-01
packs:
  pack: {where: {age: 40..}}
"""
USERS = [{"user_id": n, "age": n % 60} for n in range(300)]


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "audience", "build-pack", "--quiet", *words],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("pairs", [5, pytest.param(50, marks=pytest.mark.soak)])
def test_of_two_that_start_together_one_may_be_turned_away(
    make_project: MakeProject, pairs: int
) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    codes = []
    for _ in range(pairs):
        both = [start(folder), start(folder)]
        told = [each.communicate()[1] for each in both]
        found = sorted(each.returncode for each in both)
        assert found in ([0, 0], [0, 6])
        for text in told:
            assert text in ("", "error: campaign `c` is being published by another process\n")
        codes.append(found)
        (verified,) = audience.verify(audience.load(folder))
        assert verified.faults == ()
    runs = audience.read_log(audience.load(folder))
    assert runs.faults == ()
    assert len(runs.runs) == 2 * pairs


def test_another_campaign_is_not_turned_away(make_project: MakeProject) -> None:
    folder = make_project(USERS, {"a.yaml": RULE.replace("campaign: c", "campaign: d")})
    with campaign_lock(folder / "packs", "c"):
        process = start(folder)
        assert process.communicate()[1] == ""
        assert process.returncode == 0


HOLD = """\
import sys, time
from pathlib import Path
from audience.store.publish import campaign_lock
with campaign_lock(Path(sys.argv[1]), "c"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_killed_writer_blocks_nobody(make_project: MakeProject) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    words = [sys.executable, "-c", HOLD, str(folder / "packs")]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        turned_away = start(folder)
        assert "is being published" in turned_away.communicate()[1]
        assert turned_away.returncode == 6
        holder.kill()
        holder.wait()
        process = start(folder)
        assert process.communicate()[1] == ""
        assert process.returncode == 0


def opened_by_a_reader(pipe: Path) -> int:
    """A pipe, open for writing once somebody reads it: before, that can't be."""
    for _ in range(600):
        try:
            return os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            time.sleep(0.05)
    raise AssertionError("nobody reads it")


@pytest.mark.parametrize(
    ("sign", "code", "told"),
    [
        (signal.SIGTERM, 143, "told to end; nothing was published by this run"),
        (signal.SIGINT, 130, "interrupted; nothing was published by this run"),
    ],
)
def test_told_to_end(make_project: MakeProject, sign: int, code: int, told: str) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    assert start(folder).communicate() == ("", "")
    before = audience.show(audience.load(folder), "c/p")[0].manifest
    # A list that nobody writes into: the build waits for it.
    os.mkfifo(folder / "wait.txt")
    (folder / "rules/a.yaml").write_text(RULE + "  more: {where: {ids: {path: wait.txt}}}\n")
    process = start(folder)
    writing = opened_by_a_reader(folder / "wait.txt")
    time.sleep(0.3)  # it opens, and then it reads
    process.send_signal(sign)
    _, text = process.communicate(timeout=30)
    os.close(writing)
    assert process.returncode == code, text
    assert told in text
    project = audience.load(folder)
    assert audience.show(project, "c/p")[0].manifest == before
    assert [each["exit"] for each in audience.read_log(project).runs] == [0, code]
