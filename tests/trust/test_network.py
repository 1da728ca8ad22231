"""No run touches a network: none is there, and nothing asks for one."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from support import MakeProject

RULE = """\
campaign: c
phase: p
as_of: 2024-03-01
packs:
  老客: {where: {age: 40..}}
"""
USERS = [{"user_id": n, "age": n % 60} for n in range(300)]
RUNS = [["build-pack"], ["size", "--engine", "duckdb"], ["export-pack", "c/p/老客", "out.csv"]]
ALONE = ["unshare", "--map-root-user", "--net"]
TRACED = ["strace", "-f", "-qq", "-e", "trace=socket,connect", "-o", "trace"]


def runs(folder: Path, *before: str) -> None:
    for words in RUNS:
        subprocess.run(
            [*before, sys.executable, "-m", "audience", *words],
            cwd=folder,
            check=True,
            capture_output=True,
        )
        if before[0] == "strace":
            assert "AF_INET" not in (folder / "trace").read_text()


@pytest.mark.skipif(
    not shutil.which("unshare") or subprocess.run([*ALONE, "true"], check=False).returncode != 0,
    reason="a run can't be cut off here",
)
def test_without_a_network(make_project: MakeProject) -> None:
    runs(make_project(USERS, {"a.yaml": RULE}), *ALONE)


@pytest.mark.skipif(not shutil.which("strace"), reason="there is no strace here")
def test_no_socket_is_asked_for(make_project: MakeProject) -> None:
    runs(make_project(USERS, {"a.yaml": RULE}), *TRACED)
