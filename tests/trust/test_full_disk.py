"""A disk that is really full: the build before stays, and one line says what happened."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

import audience
from support import MakeProject

RULE = """\
campaign: c
phase: p
as_of: 2024-03-01
packs:
  all: {where: {age: LEAST..}}
"""
KEYS = random.Random(1).sample(range(2**62), 40_000)
USERS = pl.DataFrame({"user_id": KEYS, "age": range(40_000)})


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """256 KB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)]
    if os.geteuid() != 0 or subprocess.run(words, capture_output=True, check=False).returncode:
        pytest.skip("nothing can be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def build(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "audience", "build-pack", "--quiet", *words],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_packs(make_project: MakeProject, small_disk: Path) -> None:
    rule = {"a.yaml": RULE.replace("LEAST", "39900")}
    folder = make_project(USERS, rule, extra=f"packs: {small_disk}/packs\n")
    assert build(folder).stderr == ""
    project = audience.load(folder)
    before = audience.show(project, "c/p")[0].manifest
    # More than there is room for.
    (folder / "rules/a.yaml").write_text(RULE.replace("LEAST", "0"))
    done = build(folder)
    assert (done.returncode, done.stdout) == (5, "")
    assert "No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) <= 2  # the run, and its line in the log if there was none
    assert audience.show(project, "c/p")[0].manifest == before
    assert [each.faults for each in audience.verify(project)] == [()]
    assert len(list((small_disk / "packs/c/p/.builds").iterdir())) == 1
    (folder / "rules/a.yaml").write_text(RULE.replace("LEAST", "39800"))
    assert build(folder).returncode == 0
    assert audience.show(project, "c/p")[0].manifest.packs[0].size == 200
    assert audience.read_log(project).faults == ()


def test_what_is_kept_between_runs_may_have_no_room(
    make_project: MakeProject, small_disk: Path
) -> None:
    """It is there for speed alone."""
    folder = make_project(USERS, {"a.yaml": RULE.replace("LEAST", "0")})
    (folder / ".audience").mkdir(exist_ok=True)
    (folder / ".audience/cache").symlink_to(small_disk)
    for _ in range(2):
        done = build(folder)
        assert done.returncode == 0, done.stderr
        assert audience.show(audience.load(folder), "c/p")[0].manifest.packs[0].size == 40_000


def test_an_export(make_project: MakeProject, small_disk: Path) -> None:
    folder = make_project(USERS, {"a.yaml": RULE.replace("LEAST", "0")})
    assert build(folder).returncode == 0
    for suffix in (".csv", ".txt", ".parquet"):
        file = small_disk / f"out{suffix}"
        file.write_text("what was there\n")
        done = subprocess.run(
            [sys.executable, "-m", "audience", "export-pack", "c/p/all", str(file)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0:
            assert suffix == ".parquet"  # small enough
            continue
        assert done.returncode == 5
        assert "No space left on device" in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert file.read_text() == "what was there\n"
        assert [each.name for each in small_disk.iterdir()] == [file.name]
        file.unlink()
    shutil.rmtree(folder)
