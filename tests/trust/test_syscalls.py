"""The whole program killed, or failed by the kernel, at every call that changes files of packs.

A layer between the program and the kernel does it (`faults.c`): once to count the calls, then again
for each of them.
"""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import audience
from support import MakeProject

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(not shutil.which("cc"), reason="there is no compiler here"),
]

RULE = """\
campaign: c
phase: p
as_of: 2024-03-01
packs:
  老客: {where: {age: 40..}}
  young: {where: {age: ..30}}
"""
USERS = pl.DataFrame({"user_id": range(500), "age": [n % 60 for n in range(500)]})
KILL = 0


@pytest.fixture(scope="session")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("layer") / "faults.so"
    source = Path(__file__).with_name("faults.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", made, source, "-ldl"], check=True)
    return made


def build(layer: Path, folder: Path, at: int, how: int) -> subprocess.CompletedProcess[str]:
    """A run of the program in which the call of number ``at`` goes wrong."""
    log = folder.parent / "calls"
    log.unlink(missing_ok=True)
    faults = {"ROOT": folder / "packs", "LOG": log, "AT": at, "HOW": how}
    environment = os.environ | {f"FAULT_{name}": str(value) for name, value in faults.items()}
    return subprocess.run(
        [sys.executable, "-m", "audience", "build-pack", "--quiet", "--no-cache"],
        cwd=folder,
        env=environment | {"LD_PRELOAD": str(layer)},
        capture_output=True,
        text=True,
        check=False,
    )


def calls(folder: Path) -> list[str]:
    return [line.split()[0] for line in (folder.parent / "calls").read_text().splitlines()]


@pytest.mark.parametrize("how", [KILL, errno.ENOSPC, errno.EIO])
def test_at_every_call(make_project: MakeProject, tmp_path: Path, layer: Path, how: int) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    project = audience.load(folder)
    (old,) = audience.build(project)
    assert old.published
    (folder / "rules/a.yaml").write_text(RULE.replace("40..", "50.."))
    shutil.copytree(folder, tmp_path / "before", symlinks=True)
    assert build(layer, folder, 0, how).returncode == 0
    every = calls(folder)
    assert len(every) > 30
    assert {"open64", "write", "fsync", "rename", "symlink", "mkdir"} <= set(every)
    (new,) = audience.build(project)
    assert new.published
    good = {each.published.manifest.sha256 for each in (old, new)}
    struck = 0
    for at, name in enumerate(every, start=1):
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "before", folder, symlinks=True)
        done = build(layer, folder, at, how)
        assert "Traceback" not in done.stderr
        struck += done.returncode != 0
        if how != KILL and done.returncode:
            assert done.returncode == 5, (name, at, done.stderr)
            assert len(done.stderr.splitlines()) == 1, done.stderr
            assert os.strerror(how) in done.stderr
        (verified,) = audience.verify(project)
        assert verified.faults == (), (name, at)
        assert audience.show(project, "c/p")[0].manifest.sha256 in good
        audience.build(project)
        audience.build(project)
        assert audience.show(project, "c/p")[0].manifest.sha256 == new.published.manifest.sha256
        builds = folder / "packs/c/p/.builds"
        assert len(list(builds.iterdir())) == 1, (name, at)
        assert audience.read_log(project).faults == ()
    assert struck == len(every) if how == KILL else struck > len(every) / 2
