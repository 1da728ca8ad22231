"""Who ends a run on Spark need not wait for Java; and what nobody holds any more is given back."""

from __future__ import annotations

import gc
import logging
import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
import pyarrow as pa
import pytest
from py4j.protocol import Py4JNetworkError

import audience
from audience.commands import app
from audience.commands.exits import Terminated, TerminatedAmid, exit_of
from audience.engine.spark.engine import SparkEngine
from audience.engine.spark.members import Spread
from audience.errors import UnreadableError
from engine.ways import project, put, rule

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ENDS = [
    (signal.SIGTERM, 143, "told to end; nothing was published by this run beyond what was said\n"),
    (signal.SIGINT, 130, "interrupted; nothing was published by this run beyond what was said\n"),
]


def java_of(process: int) -> int | None:
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, rest = stat.read_text().rsplit(")", 1)
            words = stat.with_name("cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        is_spark = name.endswith("(java") and b"org.apache.spark.deploy.SparkSubmit" in words
        if is_spark and int(rest.split()[1]) == process:
            return int(stat.parent.name)
    return None


def wait_for_java(process: subprocess.Popen[str]) -> int:
    while (java := java_of(process.pid)) is None:
        assert process.poll() is None
        time.sleep(0.02)
    return java


def has_ended(process: int) -> bool:
    for _ in range(200):
        try:
            if Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False


@pytest.mark.parametrize("times", [2, pytest.param(12, marks=pytest.mark.soak)])
def test_told_to_end_at_any_moment(tmp_path: Path, times: int) -> None:
    """Nothing but what was asked for is told, whatever Java was doing."""
    rng = np.random.default_rng(1)
    rows = 200_000
    days = [
        datetime(2024, 2, 1) + timedelta(seconds=int(s)) for s in rng.integers(0, 1 << 21, rows)
    ]
    put(tmp_path, "users.parquet", id=list(range(1000)), v=list(range(1000)))
    columns = {"id": rng.integers(0, 1000, rows), "ts": pa.array(days, pa.timestamp("us"))}
    put(tmp_path, "events/e.parquet", **columns)
    flat = "  events: {path: events, key: id, time: ts}\n"
    opened = project(tmp_path, flat, more="engine: spark\nspark: {master: 'local[1]'}\n")
    then = "then: {after: 1d..2d, then: {after: ..1d, then: {after: ..1d}}}"
    rule(
        tmp_path, {str(n): f"{{did: {{within: {n}d, {then}}}}}" for n in range(9, 29)}, "2024-03-01"
    )
    for number in range(times):
        sign, code, told = ENDS[number % 2]
        process = subprocess.Popen(
            [sys.executable, "-m", "audience", "build-pack", "--quiet", "--no-cache"],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            text=True,
        )
        java = wait_for_java(process)
        time.sleep(random.uniform(0, 12) if times > 2 else 5)
        process.send_signal(sign)
        asked = time.monotonic()
        assert process.communicate()[1] == told
        assert process.returncode == code
        assert time.monotonic() - asked < 10
        assert has_ended(java)
    runs = audience.read_log(opened).runs
    assert {each["exit"] for each in runs} == {143, 130}
    assert not (tmp_path / "packs/c/p").exists()


@pytest.mark.parametrize(("sign", "code", "told"), ENDS)
def test_told_to_end_while_java_starts(tmp_path: Path, sign: int, code: int, told: str) -> None:
    """It does not hear yet when the program ends, and would be there for ever."""
    put(tmp_path, "users.parquet", id=[1], v=[1])
    project(tmp_path, "", more="engine: spark\nspark: {master: 'local[1]'}\n")
    rule(tmp_path, {"a": "{v: 1}"}, "2024-03-01")
    process = subprocess.Popen(
        [sys.executable, "-m", "audience", "build-pack", "--quiet"],
        cwd=tmp_path,
        stderr=subprocess.PIPE,
        text=True,
    )
    java = wait_for_java(process)
    process.send_signal(sign)
    assert process.communicate()[1] == told
    assert process.returncode == code
    assert has_ended(java)


def test_one_that_was_told_to_end_amid_a_question() -> None:
    """Py4J lets go of its line to Java when it is interrupted, and only then."""
    assert issubclass(TerminatedAmid, KeyboardInterrupt)
    assert exit_of(TerminatedAmid()) == 143
    with pytest.raises(TerminatedAmid):
        app._end(signal.SIGTERM, None)


@contextmanager
def asked_to_end(sign: int) -> Iterator[None]:
    before = signal.signal(sign, app._end) if sign == signal.SIGTERM else None
    try:
        yield
    finally:
        if before is not None:
            signal.signal(sign, before)


@pytest.mark.parametrize("slow", [False, True])
@pytest.mark.parametrize(
    ("sign", "raised"), [(signal.SIGTERM, Terminated), (signal.SIGINT, KeyboardInterrupt)]
)
def test_a_signal_that_comes_where_nothing_can_be_raised(
    sign: int, raised: type[BaseException], slow: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It comes again, however long it takes to see to that."""
    monkeypatch.setattr(sys, "unraisablehook", app._again)
    begin = threading.Thread.start

    def begin_slowly(thread: threading.Thread) -> None:
        begin(thread)
        time.sleep(0.2)

    if slow:
        monkeypatch.setattr(threading.Thread, "start", begin_slowly)

    class Unlucky:
        def __del__(self) -> None:
            signal.raise_signal(sign)

    done = []

    def wait() -> None:
        Unlucky()
        done.append("went on")
        time.sleep(30)

    with asked_to_end(sign), pytest.raises(raised):
        wait()
    assert done


AMID = """
import signal
import time
from audience.commands import app
from audience.commands.exits import Terminated

class Unlucky:
    def __del__(self):
        signal.raise_signal(signal.SIGTERM)

def run():
    try:
        Unlucky()
        time.sleep(30)
    except Terminated:
        return 143
    return 0

app._run = run
app.main()
"""


def test_the_program_hears_such_a_signal() -> None:
    done = subprocess.run([sys.executable, "-c", AMID], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (143, "")


def test_what_else_cannot_be_raised_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "unraisablehook", app._again)

    class Broken:
        def __del__(self) -> None:
            raise ZeroDivisionError

    Broken()
    assert "ZeroDivisionError" in capsys.readouterr().err


@pytest.mark.parametrize("asked", [KeyboardInterrupt, TerminatedAmid])
def test_a_line_that_fails_after_an_interruption(asked: type[BaseException]) -> None:
    """What was asked for is what ends the run, not what came of it."""

    def cut() -> NoReturn:
        try:
            raise asked
        finally:
            try:
                raise ConnectionError("closed")
            finally:
                raise Py4JNetworkError("no line")

    engine = SparkEngine("UTC")
    with pytest.raises(asked), engine.refusals():
        cut()
    with pytest.raises(UnreadableError), engine.refusals():
        raise Py4JNetworkError("no line")


def test_what_is_logged_of_a_line_that_was_cut(
    spark: SparkSession, caplog: pytest.LogCaptureFixture
) -> None:
    for name in (None, "py4j.clientserver"):
        log = logging.getLogger(name)
        log.error("KeyboardInterrupt while sending command.")
        log.error("Exception occurred while shutting down connection")
        log.error("something else")
    assert caplog.messages == ["something else"] * 2


class Held:
    def __init__(self, given: list[int]) -> None:
        self.given = given

    def unpersist(self) -> None:
        self.given.append(os.getpid())


def test_who_interrupts_does_not_wait_for_what_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[object] = []
    later: list[object] = []
    monkeypatch.setattr("audience.engine.spark.engine.release", later.append)

    class Frame:
        def unpersist(self) -> None:
            waited.append(self)

    frames: list[Any] = [Frame(), Frame(), Frame()]
    for frame, error in zip(
        frames, (KeyboardInterrupt, Terminated, ZeroDivisionError), strict=True
    ):
        engine = SparkEngine("UTC")
        engine._held.append(frame)
        try:
            raise error
        except BaseException:
            engine.close()
    assert later == frames[:2]
    assert waited == frames[2:]


def test_what_nobody_holds_is_given_back(tmp_path: Path, spark: SparkSession) -> None:
    """Soon, and by a line of its own: to ask Java while a frame goes may be amid a question."""
    put(tmp_path, "users.parquet", id=[1, 2, 3], v=[1, 2, None])
    path = rule(tmp_path, {"a": "{v: 2}"}, "2024-03-01")
    held = spark.sparkContext._jsc.getPersistentRDDs
    opened = project(tmp_path, "")
    before = set(held())
    (found,) = audience.build(opened, path, dry_run=True, engine="spark", cache=False)
    assert found.ids("a").to_pylist() == [2]
    of_it = set(held()) - before
    assert of_it
    assert [each for each in gc.get_objects() if type(each) is Spread]
    del found
    gc.collect()
    for _ in range(200):
        if not of_it & set(held()):
            break
        time.sleep(0.05)
    assert not of_it & set(held())
