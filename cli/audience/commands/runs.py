"""Runs that are told of: in the log of what is published, and to whom it may concern."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audience.commands.exits import ExitCode, exit_of
from audience.commands.output import say
from audience.errors import StoreError, UsageError

if TYPE_CHECKING:
    from audience.rules.project import Project


@dataclass
class Run:
    """A run while it goes on: its project once that is open, and what is to be told of it."""

    project: Project | None = None
    logged: bool = True
    facts: dict[str, Any] = field(default_factory=dict)


@contextmanager
def told(command: str, notify: str | None = None, *, reads: bool = False) -> Iterator[Run]:
    """Log what a command does, however it ends; where it fails, tell it to ``notify``.

    One that ``reads`` what is published may be run by people who cannot write to the log: then it
    says so. Raises UsageError at once where nobody could ever be told.
    """
    if notify is not None:
        from audience.notify import check_target

        check_target(notify)
    run = Run()
    begun, clock = datetime.now(UTC), time.perf_counter()
    code, message = ExitCode.OK, ""
    try:
        yield run
    except BaseException as error:
        code = exit_of(error)
        message = str(error) or code.meaning  # a signal has no words of its own
        raise
    finally:
        seconds = round(time.perf_counter() - clock, 3)
        record = {
            "time": f"{begun:%Y-%m-%dT%H:%M:%S}Z",
            "command": command,
            "exit": int(code),
            "seconds": seconds,
            **run.facts,
        }
        if message:
            record["message"] = message[:_LONGEST]
        failure = _log(run, record)
        if failure and code is ExitCode.OK and not reads:
            # The failure is that of the log, and it is how the run ends.
            record |= {"exit": int(exit_of(failure)), "message": str(failure)}
        elif failure:
            say(f"warning: {failure}")
            failure = None
        if notify and record["exit"]:
            _notify(notify, {**record, **_origin(run)})
    if failure:
        raise failure


_LONGEST = 2_000


def _log(run: Run, record: dict[str, Any]) -> StoreError | None:
    """Add a run to the log; why that can't be done."""
    if run.project is None or not run.logged:
        return None
    from audience.store.shelves import shelves

    try:
        shelves(run.project.packs).append(record, run.project.access)
    except (StoreError, UsageError) as error:
        return StoreError(f"the run is not in the log: {error}")
    except UnicodeError:
        return StoreError("the run is not in the log: a name in it is not UTF-8")
    return None


def _origin(run: Run) -> dict[str, str]:
    """Where a run was: who is told may have many machines and projects."""
    import socket

    place = Path(run.project.source.path) if run.project else Path()
    with suppress(OSError):  # the working directory may have been removed
        place = place.absolute()
    return {"host": socket.gethostname(), "project": str(place)}


def _notify(target: str, record: dict[str, Any]) -> None:
    from audience.notify import NotifyError, notify
    from audience.report.words import visible

    try:
        notify(target, record)
    except NotifyError as error:
        say(f"warning: --notify could not be told: {visible(str(error))}")
