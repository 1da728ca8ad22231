"""The log of runs: a JSON line each, chained by hashes, so that an edit shows.

A line names the SHA-256 of the line before it and its own. Who cuts lines off the end leaves a
chain that is whole: keep the last hash elsewhere where that matters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from audience import private
from audience.errors import StoreError
from audience.private import OWNER, Access
from audience.store.manifest import digest_of

NAME = "log.jsonl"
_LOCK = ".log.lock"
_PATIENCE = 30.0
"""Seconds: others hold the lock for as long as it takes to write a line."""


@dataclass(frozen=True)
class Log:
    """The runs, oldest first, and what is wrong with the file."""

    runs: tuple[Mapping[str, Any], ...]
    faults: tuple[str, ...]


def append(root: Path, run: Mapping[str, Any], access: Access = OWNER) -> None:
    """Add a run, on the disk when this returns. Raises StoreError."""
    path = root / NAME
    try:
        private.make_folders(root, access)
        with FileLock(root / _LOCK, timeout=_PATIENCE, mode=access.file):
            if not path.exists():
                private.create(path, access).close()
            with path.open("r+b") as file:
                before = file.read()
                # A line without its end was being written when the machine stopped.
                whole = before[: before.rfind(b"\n") + 1]
                file.seek(len(whole))
                file.truncate()
                file.write(_line(run, whole))
                private.flush(file)
    except Timeout:
        raise StoreError(f"cannot write {path}: another process holds it") from None
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from None


def read_log(root: Path) -> Log:
    """All runs, each line held against its hash and the one before it. Raises StoreError."""
    path = root / NAME
    try:
        lines = path.read_bytes().split(b"\n")
    except FileNotFoundError:
        return Log((), ())
    except OSError as error:
        raise StoreError(f"cannot read {path}: {error.strerror or error}") from None
    runs: list[Mapping[str, Any]] = []
    faults: list[str] = []
    before = ""
    for number, line in enumerate(lines[:-1], 1):
        try:
            run = json.loads(line)
            own = run.pop("sha256")
            previous = run["previous"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            faults.append(f"{path}:{number}: the line is damaged")
            before = ""
            continue
        if _digest(run) != own:
            faults.append(f"{path}:{number}: the line is not as it was written")
        elif previous != before and not (not before and faults):
            faults.append(f"{path}:{number}: the line before it is missing or another")
        before = own
        runs.append(run)
    return Log(tuple(runs), tuple(faults))


def _line(run: Mapping[str, Any], before: bytes) -> bytes:
    last = before.rstrip(b"\n").rpartition(b"\n")[2]
    try:
        previous = json.loads(last)["sha256"] if last else ""
    except (ValueError, KeyError, TypeError):
        previous = "damaged"
    chained = {**run, "previous": previous}
    return (_dump({**chained, "sha256": _digest(chained)}) + "\n").encode()


def _digest(run: Mapping[str, Any]) -> str:
    return digest_of(_dump(run).encode())


def _dump(run: Mapping[str, Any]) -> str:
    return json.dumps(run, ensure_ascii=False, separators=(", ", ": "))
