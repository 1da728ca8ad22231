"""Build the thirty packs by Polars and by Spark, on one core and on two, and on a cluster.

    python bench/scale.py --size S|M|L [--engines polars,spark] [--cores 1,2] [--cluster] [--kill]

Tells of each build its time, the memory of all its processes, what was shuffled, and whether the
ids are those of Polars. A cluster is a master and two workers of one core on this machine, with a
driver of 1 GB; with ``--kill`` there is a second build, in which one of the workers dies while
packs are written.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import data
from rows import Ground, program

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests"))
from cluster import HOST, Cluster, cluster

RULES = "thirty"
_EVERY = 0.2
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass
class Told:
    """What a build took: seconds, MB of all processes together at most, MB that were shuffled."""

    name: str
    wall: float = 0.0
    memory: float = 0.0
    read: float = 0.0
    shuffled: float = 0.0
    spilled: float = 0.0
    stages: int = 0
    ids: Mapping[str, tuple[int, str]] = field(default_factory=dict)

    def line(self, expected: Mapping[str, tuple[int, str]]) -> str:
        """A line of the table."""
        same = "yes" if self.ids == expected else "NO"
        return (
            f"| {self.name} | {self.wall:.1f} s | {self.memory:,.0f} MB | {self.read:,.0f} MB | "
            f"{self.shuffled:,.0f} MB | {self.spilled:,.0f} MB | {self.stages or '–'} | {same} |"
        )


class Watch:
    """The memory of processes, looked at again and again: the most that they had together."""

    def __init__(self, sessions: Callable[[], set[int]]) -> None:
        self.most = 0
        self._sessions = sessions
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        while not self._over.wait(_EVERY):
            sessions = self._sessions()
            pages = sum(pages for session, pages in _processes() if session in sessions)
            self.most = max(self.most, pages * _PAGE)


def _processes() -> Iterator[tuple[int, int]]:
    """Of each process its session and how many pages of memory it has."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            words = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue  # it has ended
        yield int(words[3]), int(words[21])


def build(
    ground: Ground, name: str, lines: str, cores: int, running: Cluster | None, kill: bool
) -> Told:
    """One cold build, with lines of its own in the project file."""
    told = Told(name)
    ground.cold()
    events = ground.out / "events"
    shutil.rmtree(events, ignore_errors=True)
    events.mkdir(parents=True)
    path = ground.folder / "audience.yaml"
    text = path.read_text()
    path.write_text(lines.replace("EVENTS", f"file://{events}") + text)
    words = [program(), "build-pack", str(ground.folder / "rules" / f"{RULES}.yaml"), "-q"]
    words += ["-p", str(ground.folder)]
    threads = {"POLARS_MAX_THREADS": str(cores)}
    try:
        started = time.perf_counter()
        process = subprocess.Popen(
            words,
            env={**os.environ, **threads},
            start_new_session=True,
            preexec_fn=lambda: os.sched_setaffinity(0, range(cores)),
        )
        sessions = (
            {process.pid, *(each.pid for each in running.workers)} if running else {process.pid}
        )
        with Watch(lambda: sessions) as watch:
            if kill and running is not None:
                _kill_while_writing(ground, process, running)
            code = process.wait()
        told.wall = time.perf_counter() - started
    finally:
        path.write_text(text)
    if code:
        raise SystemExit(f"{name} ended with {code}")
    told.memory = watch.most / 1e6
    _add_events(told, events)
    manifest = json.loads((ground.published(RULES) / "manifest.json").read_text())
    told.ids = {each["name"]: (each["size"], each["ids"]) for each in manifest["packs"]}
    return told


def _kill_while_writing(ground: Ground, process: subprocess.Popen[bytes], running: Cluster) -> None:
    while process.poll() is None:
        if list(ground.folder.glob("packs/*/*/.builds/.draft-*")):
            running.kill(0)
            return
        time.sleep(0.05)


def _add_events(told: Told, folder: Path) -> None:
    """Add up what Spark has logged of its stages."""
    for path in folder.glob("*/events_*"):
        for line in path.read_text(errors="replace").splitlines():
            event = json.loads(line)
            if event["Event"] != "SparkListenerStageCompleted":
                continue
            found = {
                each["Name"]: each.get("Value") for each in event["Stage Info"]["Accumulables"]
            }

            def of(name: str, found: Mapping[str, Any] = found) -> float:
                return int(found.get(f"internal.metrics.{name}") or 0) / 1e6

            told.stages += 1
            told.read += of("input.bytesRead")
            told.shuffled += of("shuffle.write.bytesWritten")
            told.spilled += of("diskBytesSpilled")


def spark(master: str, more: Mapping[str, str]) -> str:
    """The lines of a project file that is built by Spark."""
    config = {
        "spark.eventLog.enabled": "true",
        "spark.eventLog.compress": "false",
        "spark.eventLog.dir": "EVENTS",
        **more,
    }
    return f"engine: spark\nspark: {json.dumps({'master': master, 'config': config})}\n"


def main() -> None:
    """Build, and tell what it took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--size", choices=list(data.USERS), default="S")
    parser.add_argument("--engines", default="polars,spark")
    parser.add_argument("--cores", default="1,2")
    parser.add_argument("--memory", default="6g", help="Java's, of Spark on this machine")
    parser.add_argument("--cluster", action="store_true")
    parser.add_argument("--kill", action="store_true")
    chosen = parser.parse_args()
    ground = Ground(chosen.size, "int")
    data.make(chosen.size, "int")
    print(f"{data.USERS[chosen.size]:,} users, {data.EVENTS[chosen.size]:,} events\n")
    print("| build | time | memory | read | shuffled | spilled | stages | ids as from Polars |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |", flush=True)
    expected: Mapping[str, tuple[int, str]] = {}
    for cores in map(int, chosen.cores.split(",")):
        what = f"{cores} core{'' if cores == 1 else 's'}"
        if "polars" in chosen.engines:
            told = build(ground, f"Polars, {what}", "", cores, None, kill=False)
            expected = expected or told.ids
            print(told.line(expected), flush=True)
        if "spark" in chosen.engines:
            lines = spark(f"local[{cores}]", {"spark.driver.memory": chosen.memory})
            told = build(ground, f"Spark, {what}", lines, cores, None, kill=False)
            print(told.line(expected), flush=True)
    for kill in [False, True][: chosen.cluster * (1 + chosen.kill)]:
        with ExitStack() as stack:
            running = stack.enter_context(cluster(ground.out / "cluster", memory="4g"))
            more = {
                "spark.driver.memory": "1g",
                "spark.driver.host": HOST,
                "spark.driver.bindAddress": HOST,
                "spark.executor.memory": "3g",
                "spark.sql.shuffle.partitions": "16",
            }
            name = "Spark, 2 workers" + (", one of them killed" if kill else "")
            told = build(ground, name, spark(running.master, more), 2, running, kill)
            print(told.line(expected), flush=True)


if __name__ == "__main__":
    main()
