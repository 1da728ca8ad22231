"""Pages of Parquet files held against the checksums that their writer left.

A turned bit in a page is read as another value without a word by every reader there is; only the
CRC-32 that a page's header may have tells. Headers are Thrift structs in its compact protocol, of
which as much is read here as leads from one page to the next (Apache Parquet format, `PageHeader`).
"""

from __future__ import annotations

import mmap
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet as pq

from audience.errors import DataError
from audience.objects import AnyPath, ObjectPath

_STOP = 0
_NUMBERS = {4, 5, 6}
_COMPRESSED_SIZE, _CRC = 3, 4
_DEEPEST = 8
_HEADER = 1 << 12
"""Few headers of pages are longer."""

_HELD = 1 << 24
"""So many bytes of an object are held at a time, or one column of one row group."""


class _Broken(Exception):
    """What stands there is no page header."""


@dataclass(frozen=True)
class Chunk:
    """Where the pages of a column begin and end, in one row group of a file."""

    column: str
    start: int
    end: int


def chunk_of(name: str, column: pq.ColumnChunkMetaData) -> Chunk | None:
    """The pages of a column; None where there are none, as it has no values."""
    places = (column.data_page_offset, column.dictionary_page_offset)
    start = min((place for place in places if place), default=0)
    return Chunk(name, start, start + column.total_compressed_size) if start else None


def check_pages(where: str, path: AnyPath, chunks: Iterable[Chunk], *, required: bool) -> bool:
    """Hold pages of a file against their checksums; whether they have any.

    Pages without one are taken as they are unless checksums are ``required``. ``where`` is what
    messages begin with. Raises DataError.
    """
    try:
        if isinstance(path, ObjectPath):
            return _check_object(where, path, list(chunks), required)
        return _check_file(where, path, chunks, required)
    except (OSError, ValueError) as error:
        raise DataError(f"{where} cannot be read: {' '.join(str(error).split())[:200]}") from None


def _check_file(where: str, path: Path, chunks: Iterable[Chunk], required: bool) -> bool:
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole,
        memoryview(whole) as data,
    ):
        for chunk in chunks:
            if not required and not _has_checksum(data, chunk.start):
                return False
            place = f"{where}: column `{chunk.column}`"
            _check_chunk(place, data, chunk.start, chunk.end, required)
    return True


def _check_object(where: str, path: ObjectPath, chunks: Sequence[Chunk], required: bool) -> bool:
    size = path.stat().size
    for chunk in chunks:
        if not 0 <= chunk.start <= chunk.end <= size:
            raise DataError(f"{where}: column `{chunk.column}` lies outside of the file")
    if not required and not _begins_with_checksum(path, chunks[0]):
        return False  # what has none is not worth the way
    for some in _batches(chunks):
        found = path.read_ranges((chunk.start, chunk.end) for chunk in some)
        for chunk, content in zip(some, found, strict=True):
            data = memoryview(content)
            if not required and not _has_checksum(data, 0):
                return False
            length = chunk.end - chunk.start
            _check_chunk(f"{where}: column `{chunk.column}`", data, 0, length, required)
    return True


def _batches(chunks: Iterable[Chunk]) -> Iterator[Sequence[Chunk]]:
    """Chunks that are held at the same time."""
    some: list[Chunk] = []
    size = 0
    for chunk in chunks:
        length = chunk.end - chunk.start
        if some and size + length > _HELD:
            yield some
            some, size = [], 0
        some.append(chunk)
        size += length
    yield some


def _begins_with_checksum(path: ObjectPath, chunk: Chunk) -> bool:
    """Whether the first page has a checksum, as far as can be seen from its beginning."""
    head = path.read_range(chunk.start, min(chunk.end, chunk.start + _HEADER))
    try:
        return _CRC in _read_header(memoryview(head), 0)[0]
    except _Broken:
        return False
    except IndexError:
        return True


def _has_checksum(data: memoryview, start: int) -> bool:
    try:
        return _CRC in _read_header(data, start)[0]
    except (_Broken, IndexError):
        return False


def _check_chunk(where: str, data: memoryview, start: int, end: int, required: bool) -> None:
    place = start
    if not 0 <= start <= end <= len(data):
        raise DataError(f"{where} lies outside of the file")
    while place < end:
        try:
            header, body = _read_header(data, place)
            size = header[_COMPRESSED_SIZE]
        except (_Broken, IndexError, KeyError):
            raise DataError(f"{where} is damaged: a page has no header") from None
        place = body + size
        if size < 0 or place > end:
            raise DataError(f"{where} is damaged: a page is longer than its column")
        if _CRC in header:
            if zlib.crc32(data[body:place]) != header[_CRC] & 0xFFFFFFFF:
                raise DataError(f"{where} is damaged: a page differs from its checksum")
        elif required:
            raise DataError(
                f"{where} has pages without a checksum, which `checksums: require` asks for"
            )
        else:
            return


def _read_header(data: memoryview, place: int) -> tuple[dict[int, int], int]:
    """The whole numbers of a page's header by their field, and where the page itself begins."""
    found: dict[int, int] = {}
    field = 0
    while True:
        kind, place, field = _read_field(data, place, field)
        if kind == _STOP:
            return found, place
        if kind in _NUMBERS:
            value, place = _read_number(data, place)
            found[field] = (value >> 1) ^ -(value & 1)
        else:
            place = _skip(data, place, kind, 0)


def _read_field(data: memoryview, place: int, field: int) -> tuple[int, int, int]:
    head = data[place]
    kind, step = head & 0x0F, head >> 4
    place += 1
    if kind == _STOP:
        return kind, place, field
    if step:
        return kind, place, field + step
    value, place = _read_number(data, place)
    return kind, place, (value >> 1) ^ -(value & 1)


def _read_number(data: memoryview, place: int) -> tuple[int, int]:
    """A number in seven bits a byte, least first."""
    value = 0
    for shift in range(0, 70, 7):
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, place
    raise _Broken


def _skip(data: memoryview, place: int, kind: int, depth: int) -> int:
    """Where a value of a kind ends."""
    if depth > _DEEPEST:
        raise _Broken
    match kind:
        case 1 | 2:  # true and false are in the kind itself
            return place
        case 3:
            return place + 1
        case 4 | 5 | 6:
            return _read_number(data, place)[1]
        case 7:
            return place + 8
        case 8:  # bytes
            size, place = _read_number(data, place)
            return place + size
        case 9 | 10:  # a list or a set
            head = data[place]
            size, place = head >> 4, place + 1
            if size == 15:
                size, place = _read_number(data, place)
            for _ in range(min(size, len(data) - place)):
                place = _skip(data, place, head & 0x0F, depth + 1)
            return place
        case 12:  # a struct
            field = 0
            while True:
                inner, place, field = _read_field(data, place, field)
                if inner == _STOP:
                    return place
                place = _skip(data, place, inner, depth + 1)
    raise _Broken
