"""The whole program killed, or failed by the kernel, at every call that changes files of packs.

strace does it: once to see the calls, then again for each of them.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

import audience
from support import MakeProject

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(not shutil.which("strace"), reason="there is no strace here"),
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
CALLS = "openat,mkdir,rename,symlink,unlink,unlinkat,rmdir,write,fsync,fchmod,chmod,ftruncate"
LINE = re.compile(r"^\d+ +(\w+)\(")


def traced(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    words = ["strace", "-f", "-y", "-qq", "-o", str(folder.parent / "trace"), *options]
    words += [sys.executable, "-m", "audience", "build-pack", "--quiet", "--no-cache"]
    environment = os.environ | {"POLARS_MAX_THREADS": "1"}
    return subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def changes(folder: Path) -> Iterator[tuple[str, int]]:
    """Each call that changes something below the packs, and the how manieth of its kind it is."""
    traced(folder, "-e", f"trace={CALLS}")
    counts: dict[str, int] = {}
    for line in (folder.parent / "trace").read_text(errors="replace").splitlines():
        found = LINE.match(line)
        if found is None:
            continue
        name = found[1]
        counts[name] = counts.get(name, 0) + 1
        changing = name != "openat" or "O_CREAT" in line
        if changing and f"{folder}/packs" in line:
            yield name, counts[name]


@pytest.mark.parametrize("fault", ["signal=KILL", "error=ENOSPC", "error=EIO"])
def test_at_every_call(make_project: MakeProject, tmp_path: Path, fault: str) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    project = audience.load(folder)
    (old,) = audience.build(project)
    assert old.published
    (folder / "rules/a.yaml").write_text(RULE.replace("40..", "50.."))
    shutil.copytree(folder, tmp_path / "before", symlinks=True)
    calls = list(changes(folder))
    assert len({name for name, _ in calls}) >= 6
    (new,) = audience.build(project)
    assert new.published
    good = {each.published.manifest.sha256 for each in (old, new)}
    struck = 0
    for name, nth in calls:
        shutil.rmtree(folder)
        shutil.copytree(tmp_path / "before", folder, symlinks=True)
        done = traced(folder, "-e", f"trace={name}", "-e", f"inject={name}:{fault}:when={nth}")
        assert "Traceback" not in done.stderr
        struck += done.returncode != 0
        if fault != "signal=KILL" and done.returncode:
            assert done.returncode == 5, (name, nth, done.stderr)
            assert len(done.stderr.splitlines()) == 1, done.stderr
        (verified,) = audience.verify(project)
        assert verified.faults == (), (name, nth)
        assert audience.show(project, "c/p")[0].manifest.sha256 in good
        audience.build(project)
        audience.build(project)
        assert audience.show(project, "c/p")[0].manifest.sha256 == new.published.manifest.sha256
        builds = folder / "packs/c/p/.builds"
        assert len(list(builds.iterdir())) == 1, (name, nth)
        assert audience.read_log(project).faults == ()
    assert struck > len(calls) / 2
