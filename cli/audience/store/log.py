"""The log of runs: a JSON line each, chained by hashes, so that an edit shows.

A line names the SHA-256 of the line before it and its own, and a file beside the log that of the
last line, so that lines that were cut off are missed too. Who rewrites the log and that file leaves
a chain that is whole: keep the last hash elsewhere where that matters.
"""

from __future__ import annotations

import json
import os
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
LAST = ".log.last"
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
            if not os.path.lexists(path):
                private.create(path, access).close()
            # A link is not followed: it could lead out of the packs' folder.
            with os.fdopen(os.open(path, os.O_RDWR | os.O_NOFOLLOW), "r+b") as file:
                before = file.read()
                # A line without its end was being written when the machine stopped.
                whole = before[: before.rfind(b"\n") + 1]
                line, own = _line(run, _previous(_last(root), whole))
                file.seek(len(whole))
                file.truncate()
                file.write(line)
                private.flush(file)
            _keep(root, own, access)
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
        gone = (f"{path} is gone: there were runs in it",) if _last(root) else ()
        return Log((), gone)
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
        if _digest(run) != own or _dump({**run, "sha256": own}).encode() != line:
            faults.append(f"{path}:{number}: the line is not as it was written")
        elif previous != before and not (not before and faults):
            faults.append(f"{path}:{number}: the line before it is missing or another")
        before = own
        runs.append(run)
    last = _last(root)
    # Between a line and the note of it a run may have been killed: then it has the line before.
    noted = {before, runs[-1]["previous"] if runs else ""}
    if last is not None and last not in noted:
        faults.append(f"{path}: its last lines are missing or others")
    return Log(tuple(runs), tuple(faults))


def _last(root: Path) -> str | None:
    """The hash of the last line, as it was noted beside the log; None where nothing was."""
    try:
        return (root / LAST).read_text(encoding="ascii").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        return None


def _keep(root: Path, own: str, access: Access) -> None:
    draft = root / f"{LAST}.draft"
    draft.unlink(missing_ok=True)
    private.write(draft, own.encode(), access)
    draft.replace(root / LAST)
    private.flush_folder(root)


def _line(run: Mapping[str, Any], previous: str) -> tuple[bytes, str]:
    """A run as a line, and its hash."""
    chained = {**run, "previous": previous}
    own = _digest(chained)
    return (_dump({**chained, "sha256": own}) + "\n").encode(), own


def _previous(noted: str | None, lines: bytes) -> str:
    """The hash that the next line names: that of the last one, or of one that should be there."""
    last = lines.rstrip(b"\n").rpartition(b"\n")[2]
    try:
        run = json.loads(last) if last else {"sha256": "", "previous": ""}
        own, before = str(run["sha256"]), str(run["previous"])
    except (ValueError, KeyError, TypeError):
        return noted or "damaged"
    # A run may have been killed between its line and the note of it.
    return own if noted in {None, own, before} else str(noted)


def _digest(run: Mapping[str, Any]) -> str:
    return digest_of(_dump(run).encode())


def _dump(run: Mapping[str, Any]) -> str:
    return json.dumps(run, ensure_ascii=False, separators=(", ", ": "))
