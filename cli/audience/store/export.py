"""Ids that leave the program: one file, whole or not there."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from audience import private
from audience.errors import StoreError, UsageError
from audience.private import OWNER, Access

SUFFIXES = (".parquet", ".csv", ".txt")
_BATCH = 1 << 18


def write_ids(path: Path, ids: pa.Array, key: str, access: Access = OWNER) -> None:
    """Write ids as Parquet or CSV, with a column named ``key``, or as text, an id a line.

    The suffix says which. A file that is there is replaced in one step. Raises UsageError,
    StoreError.
    """
    kind = path.suffix.lower()
    if kind not in SUFFIXES:
        raise UsageError(f"`{path}`: expected a name that ends in {', '.join(SUFFIXES)}")
    try:
        private.make_folders(path.parent, access)
        with _replacing(path, access) as file:
            if kind == ".parquet":
                pq.write_table(pa.table({key: ids}), file, compression="zstd")
            else:
                _write_lines(file, ids, key if kind == ".csv" else "", path)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from None


def write_file(path: Path, data: bytes, access: Access = OWNER) -> None:
    """Write a file without ids; one that is there is replaced in one step. Raises StoreError."""
    if not path.name:
        raise StoreError(f"cannot write {path}: it is a folder")
    try:
        private.make_folders(path.parent, access)
        with _replacing(path, access) as file:
            file.write(data)
    except OSError as error:
        raise StoreError(f"cannot write {path}: {error.strerror or error}") from None


@contextmanager
def _replacing(path: Path, access: Access) -> Iterator[IO[bytes]]:
    """A new file that takes a path's place once it is whole and on the disk."""
    draft = path.with_name(f".{path.name[:100]}.{uuid.uuid4().hex}")
    try:
        with private.create(draft, access) as file:
            yield file
            private.flush(file)
        draft.replace(path)
    except BaseException:
        with suppress(OSError):
            draft.unlink()
        raise
    private.flush_folder(path.parent)


def _write_lines(file: IO[bytes], ids: pa.Array, header: str, path: Path) -> None:
    """Lines of UTF-8; with a header they are CSV, quoted where they must be."""
    if header:
        file.write(_csv_line(header))
    for start in range(0, len(ids), _BATCH):
        batch = ids.slice(start, _BATCH).to_pylist()
        if header and pa.types.is_integer(ids.type):
            file.write("".join(f"{each}\n" for each in batch).encode())
        elif header:
            file.write(b"".join(map(_csv_line, batch)))
        else:
            texts = list(map(str, batch))
            if any(not text.strip() or "\n" in text or "\r" in text for text in texts):
                raise StoreError(
                    f"{path}: an id is empty or has line breaks, which a text file can't hold; "
                    "CSV and Parquet can"
                )
            file.write("".join(f"{text}\n" for text in texts).encode())


def _csv_line(text: str) -> bytes:
    out = io.StringIO()
    # Left alone, a bare carriage return is not quoted, where readers end the line.
    writer = csv.writer(out, lineterminator="\n")
    if "\r" in text:
        writer = csv.writer(out, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow([text])
    return out.getvalue().encode()
