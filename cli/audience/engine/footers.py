"""Footers of Parquet files: what a file holds, as far as it says so itself."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from audience.engine.pages import Chunk, chunk_of
from audience.errors import DataError
from audience.kinds import Kind, Type
from audience.objects import REQUESTS, AnyPath, ObjectPath
from audience.threads import in_threads
from audience.trail import opening

_NOTE = b"ARROW:schema"
_FORM = b"audience:form"
_MAGIC = b"PAR1"
_END = 1 << 16
"""So much of an object's end is asked for at first: few footers are longer."""

Ranges = dict[tuple[Any, Any], int]
"""How many values lie between two, both in: what statistics tell of groups of rows."""


@dataclass(frozen=True)
class Footer:
    """What a file's footer tells: counts of nulls (None: not said), and bounds of its time.

    ``bounded`` where the bounds are of all rows that have a time.
    """

    schema: pa.Schema
    missing: dict[str, int | None]
    rows: int
    sizes: dict[str, int]
    """By column, its bytes as they lie on the disk."""
    bounds: tuple[Any, ...]
    bounded: bool
    chunks: tuple[Chunk, ...] = ()
    """Where the pages of each column lie."""
    ranges: dict[str, Ranges] = field(default_factory=dict)


def open_parquet(path: AnyPath, **options: Any) -> pq.ParquetFile:
    """A Parquet file, to be closed. Raises what opening files and Parquet raises."""
    return pq.ParquetFile(path.open() if isinstance(path, ObjectPath) else path, **options)


def read_footers(
    table: str, time: str, paths: Sequence[AnyPath], listed: Collection[str] = ()
) -> Iterator[Footer]:
    """The footers of files, as :func:`read_footer` reads them; objects' ends several at a time."""
    ends: Sequence[bytes | None] = [None] * len(paths)
    if any(isinstance(path, ObjectPath) for path in paths):
        ends = in_threads(lambda path: _read_end(table, path), paths, REQUESTS)
    for path, end in zip(paths, ends, strict=True):
        yield read_footer(table, time, path, listed, end)


def read_footer(
    table: str,
    time: str,
    path: AnyPath,
    listed: Collection[str] = (),
    end: bytes | None = None,
) -> Footer:
    """Read a footer; ``time`` names the column whose bounds are wanted. Raises DataError.

    ``listed`` are the columns whose ranges are wanted; ``end`` is the file's, where it was read.
    """
    with opening(f"table `{table}`: {path}"):
        return _read_footer(table, time, path, listed, end)


def _read_end(table: str, path: AnyPath) -> bytes | None:
    """The end of an object, with its footer. Raises DataError."""
    if not isinstance(path, ObjectPath):
        return None
    try:
        size = path.stat().size
        end = path.read_range(max(0, size - _END), size)
        length = int.from_bytes(end[-8:-4], "little") + 8
        if len(end) < length <= size and end.endswith(_MAGIC):
            end = path.read_range(size - length, size)
    except OSError as error:
        raise DataError(f"table `{table}`: cannot read {path}: {_one_line(error)}") from None
    return end[-length:]


def _read_footer(
    table: str, time: str, path: AnyPath, listed: Collection[str], end: bytes | None
) -> Footer:
    try:
        with open_parquet(path) if end is None else pq.ParquetFile(pa.BufferReader(end)) as file:
            metadata = file.metadata
            schema = _as_written(file.schema_arrow, metadata.metadata or {})
            schema = _with_forms(schema, metadata.schema)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise DataError(f"table `{table}`: cannot read {path}: {_one_line(error)}") from None
    counts: dict[str, int | None] = {}
    sizes: dict[str, int] = {}
    bounds: list[Any] = []
    chunks: list[Chunk | None] = []
    ranges: dict[str, Ranges] = {name: {} for name in listed}
    bounded = 0
    groups = [metadata.row_group(group) for group in range(metadata.num_row_groups)]
    for row_group in groups:
        for number in range(row_group.num_columns):
            column = row_group.column(number)
            if not _is_sound(column, metadata.schema.column(number), row_group.num_rows):
                raise DataError(
                    f"table `{table}`: cannot read {path}: its footer contradicts itself about "
                    f"`{column.path_in_schema}`"
                )
            flat = "." not in column.path_in_schema or column.path_in_schema in schema.names
            whole = column.path_in_schema if flat else column.path_in_schema.partition(".")[0]
            sizes[whole] = sizes.get(whole, 0) + column.total_compressed_size
            chunks.append(chunk_of(whole, column))
            if not flat:  # a nested path's nulls are those of its elements
                continue
            stats = column.statistics
            known = None if row_group.num_rows else 0
            if stats is not None and stats.has_null_count:
                known = stats.null_count
            name = column.path_in_schema
            if name == time and stats is not None and stats.has_min_max:
                with suppress(ValueError, OverflowError):  # what Python's times cannot hold
                    bounds += [stats.min, stats.max]
                    bounded += isinstance(bounds[-1], date)
            elif name == time:
                bounded += known == row_group.num_rows
            if name in ranges and stats is not None and stats.has_min_max and known is not None:
                with suppress(ValueError, OverflowError):
                    ends = (stats.min, stats.max)
                    ranges[name][ends] = ranges[name].get(ends, 0) + row_group.num_rows - known
            counts[name] = known if name not in counts else add_known(counts[name], known)
    if sum(row_group.num_rows for row_group in groups) != metadata.num_rows:
        raise DataError(f"table `{table}`: cannot read {path}: its footer contradicts itself")
    if not groups:
        counts = dict.fromkeys(schema.names, 0)
    every = bounded == len(groups)
    pages = tuple(filter(None, chunks))
    return Footer(schema, counts, metadata.num_rows, sizes, tuple(bounds), every, pages, ranges)


def _is_sound(column: pq.ColumnChunkMetaData, declared: pq.ColumnSchema, rows: int) -> bool:
    """Whether a footer says the same of a column in all the places where it speaks of it."""
    if column.physical_type != declared.physical_type:
        return False  # asked for its statistics, the library would end the process
    if declared.max_repetition_level == 0:
        return bool(column.num_values == rows)
    return bool(column.num_values >= rows)


def _as_written(schema: pa.Schema, notes: Mapping[bytes, bytes]) -> pa.Schema:
    """A schema with dates that were milliseconds when they were written, as one engine has them.

    In the file they are days; only a note that Arrow leaves there tells them apart.
    """
    dates = [column.name for column in schema if pa.types.is_date32(column.type)]
    if not dates or _NOTE not in notes:
        return schema
    written = pa.ipc.read_schema(pa.py_buffer(b64decode(notes[_NOTE])))
    for name in dates:
        place = schema.get_field_index(name)
        if name in written.names and pa.types.is_date64(written.field(name).type):
            schema = schema.set(place, pa.field(name, pa.date64()))
    return schema


def _with_forms(schema: pa.Schema, stored: pq.ParquetSchema) -> pa.Schema:
    """A schema that notes of each time in which old form it is, if in one: see :func:`form_of`."""
    times = {column.name for column in schema if pa.types.is_timestamp(column.type)}
    for number in range(len(stored) if times else 0):
        column = stored.column(number)
        if column.path not in times:
            continue
        form = b"int96" if column.physical_type == "INT96" else b""
        if '"is_from_converted_type":true' in column.logical_type.to_json():
            form = b"converted"
        if form:
            place = schema.get_field_index(column.path)
            schema = schema.set(place, schema.field(place).with_metadata({_FORM: form}))
    return schema


def form_of(column: pa.Field) -> str:
    """The form in which times are stored, which engines read in ways of their own.

    `int96`; `converted`, as before there were logical types; nothing for any other.
    """
    noted: Mapping[bytes, bytes] = column.metadata or {}
    return noted.get(_FORM, b"").decode()


def add_known(left: int | None, right: int | None) -> int | None:
    """The sum of two numbers, None where one of them is not known."""
    return None if left is None or right is None else left + right


def kind_of(arrow: pa.DataType) -> Type:
    """The type that rules see in an Arrow type."""
    types = pa.types
    stored = str(arrow)
    if types.is_dictionary(arrow):
        return kind_of(arrow.value_type)
    if types.is_boolean(arrow):
        return Type(Kind.BOOL, stored=stored)
    if types.is_integer(arrow):
        return Type(Kind.INTEGER, stored=stored)
    if (types.is_floating(arrow) and not types.is_float16(arrow)) or types.is_decimal(arrow):
        return Type(Kind.NUMBER, single=types.is_float32(arrow), stored=stored)
    if types.is_string(arrow) or types.is_large_string(arrow) or types.is_string_view(arrow):
        return Type(Kind.TEXT, stored=stored)
    if types.is_date(arrow):
        return Type(Kind.DATE, stored=stored)
    if types.is_timestamp(arrow):
        return Type(Kind.TIMESTAMP, stored=stored)
    if types.is_list(arrow) or types.is_large_list(arrow):
        item = kind_of(arrow.value_type)
        if types.is_decimal(arrow.value_type):
            return Type(Kind.OTHER, stored=stored)
        if item.kind in {Kind.BOOL, Kind.INTEGER, Kind.NUMBER, Kind.TEXT, Kind.DATE}:
            return Type(Kind.LIST, item, stored=stored)
    return Type(Kind.OTHER, stored=stored)


def usable_kind(column: pa.Field) -> Type:
    """A column's type; of a name that an engine takes for a pattern, none that rules can test."""
    name = column.name
    if name in {"", "*"} or (name.startswith("^") and name.endswith("$")):
        return Type(Kind.OTHER, stored=f"named `{name}`")
    return kind_of(column.type)


def _one_line(error: BaseException) -> str:
    return " ".join(str(error).split())[:300]
