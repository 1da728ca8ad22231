"""The log of runs as a file of lines, and beside it the hash of the last one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from audience import private
from audience.errors import StoreError
from audience.private import OWNER, Access
from audience.store.chain import NAME, Chain, Log, line_of, previous_of

LAST = ".log.last"
_LOCK = ".log.lock"
_PATIENCE = 30.0
"""Seconds: others hold the lock for as long as it takes to write a line."""


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
                last = whole.rstrip(b"\n").rpartition(b"\n")[2]
                line, own = line_of(run, previous_of(_last(root), last))
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
    chain = Chain()
    for number, line in enumerate(lines[:-1], 1):
        chain.add(f"{path}:{number}", line)
    runs, faults = chain.runs, chain.faults
    last = _last(root)
    # Between a line and the note of it a run may have been killed: then it has the line before.
    noted = {chain.before, runs[-1]["previous"] if runs else ""}
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
