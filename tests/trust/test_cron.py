"""Under a real cron: the line that `schedule` prints builds the packs, and a failure is seen."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

import audience
from support import MakeProject, Run

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(
        not shutil.which("cron") or not shutil.which("crontab") or os.geteuid() != 0,
        reason="there is no cron here, or no right to run it",
    ),
]

RULE = """\
campaign: nightly
phase: p
packs:
  老客: {where: {age: 40..}, expect: {size: 1..}}
"""
USERS = [{"user_id": 1, "age": 20}, {"user_id": 2, "age": 45}]
MINUTES = 3


@pytest.fixture
def cron() -> Iterator[None]:
    before = subprocess.run(["crontab", "-l"], capture_output=True, text=True, check=False)
    with subprocess.Popen(["cron", "-f"]) as daemon:
        yield
        daemon.kill()
    if before.returncode == 0:
        subprocess.run(["crontab", "-"], input=before.stdout, text=True, check=True)
    else:
        subprocess.run(["crontab", "-r"], check=False)


def test_nightly(make_project: MakeProject, run: Run, cron: None) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    told = folder / "told.json"
    done = run("schedule", "rules/a.yaml", "--notify", f"cat > {told}", at=folder)
    line = next(line for line in done.out.splitlines() if line.startswith("0 "))
    every_minute = "* * * * * " + line.split(" ", 5)[5]
    subprocess.run(["crontab", "-"], input=f"{every_minute}\n", text=True, check=True)
    project = audience.load(folder)
    runs = wait(lambda: audience.read_log(project).runs)
    assert [each["exit"] for each in runs] == [0]
    assert audience.members(project, "nightly/p/老客").to_pylist() == [2]
    assert not told.exists()
    (folder / "rules/a.yaml").write_text(RULE.replace("1..", "100.."))
    assert wait(lambda: told.exists() and told.read_text())
    assert json.loads(told.read_text())["exit"] == 8
    assert audience.members(project, "nightly/p/老客").to_pylist() == [2]


def wait(for_what: Callable[[], Any]) -> Any:
    """Until something is there, for some minutes."""
    for _ in range(MINUTES * 60):
        found = for_what()
        if found:
            return found
        time.sleep(1)
    raise AssertionError("nothing came")
