"""Files and folders that hold people: for the owner alone, or for the owner's group.

Modes are set, not asked for: a umask neither adds to them nor takes from them.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any


@dataclass(frozen=True)
class Access:
    """Who may read what is written: the modes of files and of folders."""

    file: int = 0o600
    folder: int = 0o700


OWNER = Access()
GROUP = Access(0o640, 0o750)
SHARED = Access(0o644, 0o755)
"""What has no ids in it, and is made to be sent."""


def create(path: Path, access: Access = OWNER) -> IO[bytes]:
    """A new file, open for writing. Raises OSError, FileExistsError where there is one."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, access.file)
    os.fchmod(handle, access.file)
    return os.fdopen(handle, "wb")


def write(path: Path, data: bytes, access: Access = OWNER) -> None:
    """A new file, on the disk when this returns. Raises OSError."""
    with create(path, access) as file:
        file.write(data)
        flush(file)


def flush(file: IO[Any]) -> None:
    """Bring what was written to a file to the disk. Raises OSError."""
    file.flush()
    os.fsync(file.fileno())


def flush_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def make_folder(folder: Path, access: Access = OWNER) -> None:
    """Make one folder, in one that is there. Raises OSError, FileExistsError."""
    folder.mkdir(access.folder)
    # A folder above may hand down its group; that is not ours to undo.
    folder.chmod(access.folder | folder.stat().st_mode & stat.S_ISGID)


def make_folders(folder: Path, access: Access = OWNER) -> None:
    """Make a folder and those above it that are missing. Raises OSError."""
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        try:
            make_folder(each, access)
        except FileExistsError:
            continue  # another process was faster
        flush_folder(each.parent)
