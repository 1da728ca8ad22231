"""Sessions of Spark: one that is handed over, the one that is running, or a new one."""

from __future__ import annotations

import logging
import os
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from subprocess import Popen
from traceback import walk_tb
from typing import TYPE_CHECKING

from audience.engine.spark.java import java_home
from audience.errors import UsageError
from audience.rules.engines import FIXED, SparkSpec

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_APP = "audience"
_LOG = "AUDIENCE_SPARK_LOG"
_PATIENCE = 5.0
"""Seconds, for a master to take up a connection."""
_CALLING = "An error occurred while calling "
_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)
"""Where a Linux says how much memory we may use: of today, and of before."""
_KNOWN = (" while sending command.", " while shutting down connection")
_QUIET = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "ERROR",
    # To note for each column which line made it takes longer than to make it.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
}
_LOCAL = {
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.shuffle.partitions": "8",
}
"""What suits one machine, unless the project says otherwise."""


def check_installed() -> None:
    """Raises UsageError where there is no PySpark."""
    if find_spec("pyspark") is None:
        raise UsageError("the spark engine is not installed: pip install audience[spark]")


def open_session(settings: SparkSpec, time_zone: str, given: SparkSession | None) -> SparkSession:
    """A session of our own, as rules need it, on top of the one given or running, or of a new one.

    Time zone, ANSI mode and case are set here, whatever other sessions have: what a rule means
    does not depend on them. Raises UsageError.
    """
    from pyspark.errors import PySparkException
    from pyspark.sql import SparkSession

    base = given or SparkSession.getActiveSession() or start(settings)
    with _kept():
        session = base.newSession()
        session.catalog.setCurrentDatabase(base.catalog.currentDatabase())
    for name, value in FIXED.items():
        session.conf.set(name, value)
    try:
        session.conf.set("spark.sql.session.timeZone", time_zone)
    except PySparkException:
        raise UsageError(
            f"`time_zone: {time_zone}` is nothing that Spark's Java knows; --engine polars does"
        ) from None
    # A larger method is never compiled by Java: rows with many tests took four times as long.
    session.conf.set("spark.sql.codegen.hugeMethodLimit", "8000")
    return session


@contextmanager
def active(session: SparkSession) -> Iterator[None]:
    """What makes a session the active one gives that back to the one that was."""
    from pyspark.sql import SparkSession

    before = SparkSession.getActiveSession()
    try:
        yield
    finally:
        if before is not None:
            SparkSession._activeSession = before
            java = session._jvm.SparkSession  # type: ignore[union-attr]
            java.setActiveSession(before._jsparkSession)


@contextmanager
def _kept() -> Iterator[None]:
    """To make a session also changes what RDDs of all others become."""
    from pyspark.core.rdd import RDD

    made = RDD.__dict__.get("toDF")
    try:
        yield
    finally:
        if made is not None:
            RDD.toDF = made  # type: ignore[method-assign]


def check_master(master: str) -> None:
    """Raises UsageError where none of a cluster's masters answers: Spark asks for a minute."""
    silent = []
    for address in master.removeprefix("spark://").split(","):
        host, _, port = address.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), _PATIENCE).close()
        except OSError as error:
            silent.append(f"{address} ({error.strerror or 'no answer'})")
        except UnicodeError:
            silent.append(f"{address} (no name of a host)")
        else:
            return
    raise UsageError(f"no master of Spark answers: {', '.join(silent)}")


def start(settings: SparkSpec) -> SparkSession:
    """A new session, with all that the settings say. Raises UsageError."""
    from pyspark.logger import PySparkLogger
    from pyspark.sql import SparkSession

    if settings.master.startswith("spark://"):
        check_master(settings.master)
    # It writes each error to the standard error, as JSON, before anybody can catch it.
    PySparkLogger.getLogger("DataFrameQueryContextLogger").disabled = True
    for name in (None, "py4j.clientserver"):
        logging.getLogger(name).addFilter(_is_news)
    os.environ.setdefault("JAVA_HOME", str(java_home()))
    chosen = {**_QUIET, **settings.config}
    if settings.is_local:
        os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
        chosen = {**_LOCAL, "spark.driver.memory": f"{_quarter()}m", **chosen}
    made = SparkSession.builder.appName(_APP).master(settings.master)
    for name, value in chosen.items():
        made = made.config(name, value)
    with _logged(), _interruptible(), _none_left():
        try:
            return made.getOrCreate()
        except Exception as error:  # Java's own errors come in any class
            raise UsageError(f"Spark does not start: {reason_of(error)}") from None


def reason_of(error: Exception) -> str:
    """The first line that says something: of a failed job, that of what failed it."""
    from py4j.protocol import Py4JNetworkError

    text = str(error)
    if isinstance(error, (Py4JNetworkError, ConnectionError)):
        return "Spark's Java has ended, or is out of reach"
    if "JAVA_GATEWAY_EXITED" in text:
        return f"Java ended at once; {_LOG}=FILE keeps what it has to say"
    if "OutOfMemoryError" in text:
        return "Java has no more memory; `spark.driver.memory` and its like give it more"
    for line in text.splitlines():
        if "Caused by:" in line:
            text = line.split("Caused by:", 1)[1]
    lines = [line.removeprefix(": ").strip() for line in text.strip().splitlines()]
    told = [line for line in lines if not line.startswith(_CALLING)]
    return (told or [type(error).__name__])[0][:300]


def _quarter() -> int:
    """Of the memory of this machine, or of the part of it that we may use, in MiB; at least 1 GiB.

    With its own 1 GiB Spark ended at ten million users. A quarter is what Java takes of itself.
    """
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _LIMITS:
        with suppress(OSError, ValueError):  # there is no limit, or no such file
            whole = min(whole, int(path.read_text()))
    return max(1 << 10, whole >> 22)


def _is_news(record: logging.LogRecord) -> bool:
    """What Py4J could not ask is raised too; here it adds all that Python was about."""
    return not str(record.msg).endswith(_KNOWN)


@contextmanager
def _interruptible() -> Iterator[None]:
    """Whoever interrupts the program ends it: Spark would ask Java first, amid another question."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.getsignal(signal.SIGINT)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _none_left() -> Iterator[None]:
    """Java ends with whoever started it, but not before it has told where it listens.

    PySpark takes away the folder where it would tell that, and keeps no hold of the process.
    """
    try:
        yield
    except BaseException as error:
        for frame, _ in walk_tb(error.__traceback__):
            for value in frame.f_locals.values():
                if isinstance(value, Popen):
                    value.terminate()
        raise


@contextmanager
def _logged() -> Iterator[None]:
    """What Java writes to the standard error goes to a log: a process inherits it as it is now."""
    log = os.environ.get(_LOG, os.devnull)
    try:
        Path(log).open("ab").close()
    except OSError as error:
        raise UsageError(f"{_LOG}: cannot write {log}: {error.strerror}") from None
    kept = os.dup(2)
    with Path(log).open("ab") as file:
        os.dup2(file.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
