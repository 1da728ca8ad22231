"""A crash or a full disk at any call leaves a build that is whole, and the next run none of it."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from audience.rules.reference import Reference
from audience.store.read import open_build, open_side
from audience.store.verify import verify
from trust.publisher import CALLS, CONTENTS, DAY, publish_one

PUBLISHER = Path(__file__).with_name("publisher.py")
PHASE = Path("c/p")


def run(root: Path, start: int, times: int, *fault: str) -> subprocess.CompletedProcess[str]:
    words = [sys.executable, str(PUBLISHER), str(root), str(start), str(times), *fault]
    return subprocess.run(words, capture_output=True, text=True, check=False)


def content(root: Path) -> int | None:
    """Which of the two contents is published, whole; None for none."""
    if not (root / PHASE / str(DAY)).exists():
        return None
    (found,) = verify(root)
    assert found.faults == ()
    build = open_build(root, Reference("c", "p", DAY, ""))
    number = int(json.loads((build.folder / "summary.json").read_text())["content"])
    for name in ("one", "two"):
        assert build.ids(name).to_pylist() == CONTENTS[number]
    return number


def litter(root: Path) -> list[str]:
    """What lies there beside the build that is published."""
    known = {"c", ".lock", "p", "latest", str(DAY), ".builds"}
    build = (root / PHASE / str(DAY)).resolve()
    known |= {build.name, "manifest.json", "summary.json", "one.parquet", "two.parquet"}
    return [str(path) for path in root.rglob("*") if path.name not in known]


@pytest.mark.parametrize(
    "fault", ["kill", *(pytest.param(name, marks=pytest.mark.soak) for name in ("ENOSPC", "EIO"))]
)
@pytest.mark.parametrize("name", CALLS)
def test_at_every_call(tmp_path: Path, name: str, fault: str) -> None:
    for nth in range(1, 1_000):
        root = tmp_path / f"packs{nth}"
        publish_one(root, 0)
        # What the second build replaces, the third clears away.
        times = 3 if name in {"unlink", "rmdir"} else 1
        done = run(root, 1, times, name, str(nth), fault)
        found = content(root)
        if done.returncode == 0:
            assert found == 1  # it did no harm: something was not cleared away
            if int(done.stdout) < nth:
                break
        else:
            assert found in (0, 1)
            assert done.returncode == (-signal.SIGKILL if fault == "kill" else 5), done.stderr
            assert fault == "kill" or len(done.stderr.splitlines()) == 1, done.stderr
        # The next runs work as if nothing had been, and clear away what was left.
        for number in (1, 0, 0):
            publish_one(root, number)
        assert content(root) == 0
        assert litter(root) == []
    assert nth > 1, "no such call is made"


@pytest.mark.soak
@pytest.mark.parametrize("name", ["open", "mkdir", "symlink", "rename", "fsync", "write"])
def test_at_every_call_of_the_first_publish(tmp_path: Path, name: str) -> None:
    for nth in range(1, 1_000):
        root = tmp_path / f"packs{nth}"
        done = run(root, 0, 1, name, str(nth), "kill")
        assert content(root) in (None, 0)
        if done.returncode == 0:
            break
        for number in (0, 0):
            publish_one(root, number)
        assert content(root) == 0
        assert litter(root) == []
    assert nth > 1


def test_readers_see_one_build_or_the_other(tmp_path: Path) -> None:
    root = tmp_path / "packs"
    publish_one(root, 0)
    with subprocess.Popen([sys.executable, str(PUBLISHER), str(root), "1", "100"]) as writer:
        seen = []
        while writer.poll() is None:
            # As all of the program reads: one that is overtaken twice begins anew.
            packs = open_side(root, "c/p").packs
            assert packs["one"].equals(packs["two"])
            seen.append(CONTENTS.index(packs["one"].to_pylist()))
    assert writer.returncode == 0
    assert set(seen) == {0, 1}
    assert len(seen) > 20


@pytest.mark.soak
def test_at_500_random_moments(tmp_path: Path) -> None:
    root = tmp_path / "packs"
    publish_one(root, 0)
    draw = random.Random(20240301)
    for _ in range(500):
        words = [sys.executable, str(PUBLISHER), str(root), "1", "1000"]
        with subprocess.Popen(words, stdout=subprocess.DEVNULL) as writer:
            time.sleep(0.25 + draw.random() * 0.3)
            writer.kill()
        assert content(root) in (0, 1)
        publish_one(root, 0)
        publish_one(root, 0)
        assert litter(root) == []
