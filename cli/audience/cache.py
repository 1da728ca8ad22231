"""What is kept from one run to the next: a folder of entries that may be deleted at any time.

An entry's name is made of all that it was computed from, so nothing in it can be out of date; its
digest is of its name and its content, so nothing that was damaged or moved is trusted. What can't
be read is computed again, what can't be written is not kept, and neither is an error.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pyarrow as pa

from audience import private
from audience.private import OWNER, Access

_MAGIC = b"audience cache 1\n"
_DIGEST = 32
_SUFFIX = ".entry"


class Cache:
    """Arrow tables by name, at most ``limit`` bytes of them; those used least lately go first.

    Without a folder nothing is kept.
    """

    def __init__(self, folder: Path | None, limit: int, access: Access = OWNER) -> None:
        self.folder = folder if limit > 0 else None
        self.limit = limit
        self.access = access
        self.read_bytes = self.written_bytes = 0
        self._writer = ThreadPoolExecutor(1)
        self._writing: list[Future[None]] = []

    def get(self, *name: object) -> pa.Table | None:
        """The entry of a name; None where there is none that is whole."""
        if self.folder is None:
            return None
        key = repr(name).encode()
        path = self._path(key)
        try:
            data = path.read_bytes()
        except OSError:
            return None
        start = len(_MAGIC) + _DIGEST
        content = memoryview(data)[start:]
        if data[:start] != _MAGIC + _digest(key, content):
            with suppress(OSError):
                path.unlink()
            return None
        with suppress(OSError):
            os.utime(path)
        self.read_bytes += len(data)
        try:
            with pa.ipc.open_stream(pa.py_buffer(content)) as stream:
                return stream.read_all()
        except (pa.ArrowException, OSError):
            return None

    def has(self, *name: object) -> bool:
        """Whether there is an entry of a name, whole or not."""
        try:
            return self.folder is not None and self._path(repr(name).encode()).is_file()
        except OSError:
            return False

    @property
    def has_room(self) -> bool:
        """Whether this run may keep more: a run takes half of what there is and a last entry."""
        return self.folder is not None and self.written_bytes <= self.limit // 2

    def put(self, table: pa.Table, *name: object) -> None:
        """Keep a table under a name, when there is time; without room, nothing."""
        if not self.has_room:
            return
        self.written_bytes += table.nbytes
        self._writing.append(self._writer.submit(self._put, table, repr(name).encode()))

    def close(self) -> None:
        """Wait for what is being written, and keep to the limit."""
        self._writer.shutdown()
        for each in self._writing:
            each.result()
        if self.folder is not None and self._writing:
            with suppress(OSError):
                self._sweep(self.folder)
        self._writing.clear()

    def _put(self, table: pa.Table, key: bytes) -> None:
        assert self.folder is not None
        path = self._path(key)
        draft = path.with_name(f".{uuid.uuid4().hex}")
        try:
            self._make_folders(path.parent)
            sink = pa.BufferOutputStream()
            with pa.ipc.new_stream(sink, table.schema) as stream:
                stream.write_table(table)
            content = memoryview(sink.getvalue())
            with private.create(draft, self.access) as file:
                file.write(_MAGIC + _digest(key, content))
                file.write(content)
            draft.replace(path)
        except OSError:
            with suppress(OSError):
                draft.unlink()

    def _path(self, key: bytes) -> Path:
        assert self.folder is not None
        name = hashlib.sha256(key).hexdigest()
        return self.folder / name[:2] / (name[2:] + _SUFFIX)

    def _make_folders(self, folder: Path) -> None:
        if folder.is_dir():
            return
        assert self.folder is not None
        private.make_folders(folder, self.access)
        with (
            suppress(FileExistsError),
            private.create(self.folder / ".gitignore", self.access) as mark,
        ):
            mark.write(b"*\n")

    def _sweep(self, folder: Path) -> None:
        """Remove the entries that were used least lately, and what crashed runs have left."""
        entries = []
        for path in folder.glob("*/*"):
            with suppress(OSError):
                stat = path.stat()
                entries.append((stat.st_mtime_ns, stat.st_size, path))
        total = sum(size for _, size, _ in entries)
        newest = max((used for used, _, _ in entries), default=0)
        hour = 3_600 * 10**9
        for used, size, path in sorted(entries, key=lambda entry: entry[0]):
            leftover = path.suffix != _SUFFIX and used < newest - hour
            if total > self.limit or leftover:
                with suppress(OSError):
                    path.unlink()
                total -= size


def _digest(key: bytes, content: memoryview) -> bytes:
    digest = hashlib.sha256(len(key).to_bytes(8, "little") + key)
    digest.update(content)
    return digest.digest()


def stamps(files: Iterable[object]) -> str:
    """One short text for the stamps of some files, in their order."""
    return hashlib.sha256("\n".join(map(str, files)).encode()).hexdigest()[:32]
