"""A cluster of Spark on the loopback: a master and workers, each a process, none left behind.

``python tests/cluster.py FOLDER`` starts one, prints its address, and stops it at the end of the
standard input.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pyspark

from audience.engine.spark.java import java_home

HOME = Path(pyspark.__file__).parent
HOST = "127.0.0.1"
_ADDRESS = re.compile(r"spark://127\.0\.0\.1:\d+")
_REGISTERED = re.compile(r"Successfully registered with master")
_PATIENCE = 60.0
"""Seconds until a process says that it is ready."""


@dataclass(frozen=True)
class Cluster:
    """A running cluster: the master's address, and the processes of its workers."""

    master: str
    workers: Sequence[subprocess.Popen[bytes]]

    def kill(self, number: int) -> None:
        """Kill a worker and whatever it has started, as a machine dies."""
        _kill(self.workers[number])


@contextmanager
def cluster(folder: Path, workers: int = 2, memory: str = "1g") -> Iterator[Cluster]:
    """A cluster whose workers have a core and so much memory each; logs go to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as running:
        log = folder / "master.log"
        words = ["master.Master", "--host", HOST, "--port", "0", "--webui-port", "0"]
        process = running.enter_context(_running(words, log))
        address = _told(log, _ADDRESS.search, process)
        started = []
        for number in range(workers):
            log = folder / f"worker-{number}.log"
            words = ["worker.Worker", "--host", HOST, "--webui-port", "0", "--cores", "1"]
            words += ["--memory", memory, "--work-dir", str(folder / f"work-{number}"), address]
            process = running.enter_context(_running(words, log))
            _told(log, _REGISTERED.search, process)
            started.append(process)
        yield Cluster(address, started)


@contextmanager
def _running(words: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process of Spark's own, in a group that ends as a whole."""
    home = java_home()
    command = [str(home / "bin/java"), "-Xmx256m", "-cp", f"{HOME}/jars/*"]
    name, *rest = words
    own = {"SPARK_HOME": str(HOME), "JAVA_HOME": str(home), "SPARK_LOCAL_IP": HOST}
    # Workers ask for it where Spark came as a wheel.
    (core,) = HOME.glob("jars/spark-core_*.jar")
    own["SPARK_SCALA_VERSION"] = core.name.removeprefix("spark-core_").partition("-")[0]
    with log.open("wb") as file:
        process = subprocess.Popen(
            [*command, f"org.apache.spark.deploy.{name}", *rest],
            stdout=file,
            stderr=file,
            env={**os.environ, **own},
            start_new_session=True,
        )
    try:
        yield process
    finally:
        _kill(process)


def _kill(process: subprocess.Popen[bytes]) -> None:
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def _told(
    log: Path, found: Callable[[str], re.Match[str] | None], process: subprocess.Popen[bytes]
) -> str:
    """What a process writes to its log once it is ready."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        text = log.read_text(errors="replace")
        if match := found(text):
            return match[0]
        if process.poll() is not None:
            break
        time.sleep(0.05)
    raise RuntimeError(f"{log} does not say that it is ready:\n{log.read_text()[-2000:]}")


def main() -> None:
    place = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(tempfile.mkdtemp())
    with cluster(place) as found:
        sys.stdout.write(f"{found.master}\n")
        sys.stdout.flush()
        sys.stdin.read()


if __name__ == "__main__":
    main()
