"""Runs that are told of: in the log of what is published, and to whom it may concern."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from audience.commands.exits import ExitCode, exit_of
from audience.commands.output import say
from audience.errors import StoreError

if TYPE_CHECKING:
    from audience.rules.project import Project


@dataclass
class Run:
    """A run while it goes on: its project once that is open, and what is to be told of it."""

    project: Project | None = None
    logged: bool = True
    facts: dict[str, Any] = field(default_factory=dict)


@contextmanager
def told(command: str, notify: str | None = None) -> Iterator[Run]:
    """Log what a command does, however it ends; where it fails, tell it to ``notify``."""
    run = Run()
    begun, clock = datetime.now(UTC), time.perf_counter()
    code, message = ExitCode.OK, ""
    try:
        yield run
    except BaseException as error:
        code, message = exit_of(error), str(error)
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
        if notify and (code is not ExitCode.OK or failure):
            _notify(notify, record)
    if failure:
        raise failure


_LONGEST = 2_000


def _log(run: Run, record: dict[str, Any]) -> StoreError | None:
    """Add a run to the log; why that can't be done."""
    if run.project is None or not run.logged:
        return None
    from audience.store.log import append

    try:
        append(run.project.packs, record, run.project.access)
    except StoreError as error:
        return StoreError(f"the run is not in the log: {error}")
    return None


def _notify(target: str, record: dict[str, Any]) -> None:
    from audience.notify import NotifyError, notify

    try:
        notify(target, record)
    except NotifyError as error:
        say(f"warning: --notify could not be told: {error}")
