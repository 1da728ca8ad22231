"""A table's columns as rules see them: one set of expressions for every engine."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from itertools import groupby
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from audience.engine.base import DAY, HOUR, ROW, Engine
from audience.engine.footers import form_of
from audience.engine.tables import TableData, TableFile
from audience.kinds import Kind

_UNSIGNED = "uint64"
"""What 64 bits with a sign do not hold."""


def scan(
    engine: Engine,
    table: TableData,
    files: Sequence[TableFile],
    columns: Sequence[str],
    clock: Collection[str] = (),
    *,
    numbered: bool = False,
    dated: bool = True,
) -> nw.LazyFrame[Any]:
    """The columns of some of a table's files, as rules see them.

    NaN is missing, floats and decimals are doubles, timestamps are local days, keys are 64-bit
    integers or texts. An event table has :data:`DAY` beside them, and what ``clock`` asks for:
    :data:`HOUR`, :data:`TIME`. Files that store a column differently, or lie in different
    partitions that are asked for, are read apart. Files that are all alike can be ``numbered``:
    then :data:`ROW` numbers their rows together from 0. Without ``dated`` there is no day.
    """
    timed = table.spec.time if dated or clock else ""
    needed = [name for name in dict.fromkeys((*columns, timed)) if name]
    stored = [name for name in needed if name not in table.partitions]
    groups: dict[tuple[str, ...], list[TableFile]] = {}
    for file in files:
        groups.setdefault(shape(table, file, needed), []).append(file)
    parts = []
    wide = None
    if len(groups) > 1:
        unsigned = any(_UNSIGNED in each for each in groups)
        wide = engine.wide if unsigned else nw.Int64
    table.check_pages(files, stored)
    for group in groups.values():
        raw = engine.read(group, stored, numbered=numbered)
        found: list[Any] = _canonical(table, group[0], columns, engine.time_zone, wide)
        if dated and table.spec.time:
            day = _column(table.spec.time, table, group[0], engine.time_zone)
            found.append(day.alias(DAY))
        if numbered:
            found.append(ROW)
        extra = [_clock(name, table, group[0], engine.time_zone).alias(name) for name in clock]
        parts.append(raw.select(*found, *extra))
    return parts[0] if len(parts) == 1 else nw.concat(parts, how="vertical")


def alike(table: TableData, columns: Sequence[str]) -> Iterator[Sequence[TableFile]]:
    """A table's files in their order, in runs of those that store some columns alike."""
    for _, files in groupby(table.files, key=lambda file: shape(table, file, columns)):
        yield list(files)


def shape(table: TableData, file: TableFile, columns: Sequence[str]) -> tuple[str, ...]:
    """What files must have in common to be read together."""
    return tuple(
        file.keys[name] if name in table.partitions else _stored(file.schema.field(name))
        for name in columns
    )


def _stored(column: pa.Field) -> str:
    return str(column.type) + form_of(column)


def in_order(fetched: pa.Table) -> pa.Table:
    """Rows that are numbered in the order of the files, which an engine need not keep."""
    numbers = np.asarray(fetched[ROW])
    if bool((numbers[1:] < numbers[:-1]).any()):
        return fetched.take(pa.array(np.argsort(numbers)))
    return fetched


def _canonical(
    table: TableData,
    file: TableFile,
    columns: Sequence[str],
    time_zone: str,
    wide: Any,
) -> list[nw.Expr]:
    """Columns of one file's form; ``wide`` is the type that whole numbers get."""
    spec = table.spec
    out = []
    for name in columns:
        whole = table.tags[name].type.kind is Kind.INTEGER
        if name == spec.key:
            out.append(nw.col(name).cast(nw.Int64 if whole else nw.String).alias(name))
        else:
            column = _column(name, table, file, time_zone)
            # Parts that are put together must be of one type, whatever width they have.
            out.append((column if wide is None or not whole else column.cast(wide)).alias(name))
    return out


def _clock(name: str, table: TableData, file: TableFile, time_zone: str) -> nw.Expr:
    """The hour or the moment of an event; of a table whose time is a date, no moment."""
    stored = file.schema.field(table.spec.time).type
    column = nw.col(table.spec.time)
    if not pa.types.is_timestamp(stored):
        return nw.lit(None, nw.Datetime("us"))
    if stored.tz is not None:
        # The one zone that every engine converts to: that of its session. And microseconds, as
        # some functions of engines don't know finer ones.
        column = column.cast(nw.Datetime("us", time_zone))
    if name == HOUR:
        return column.dt.hour()
    if table.zoned:
        return column
    naive = column if stored.tz is None else column.dt.replace_time_zone(None)
    return naive.cast(nw.Datetime("us"))


def _column(name: str, table: TableData, file: TableFile, time_zone: str) -> nw.Expr:
    kind = table.tags[name].type
    if name in table.partitions:
        value = file.keys[name]
        return nw.lit(int(value), nw.Int64) if kind.kind is Kind.INTEGER else nw.lit(value)
    column = nw.col(name)
    stored = file.schema.field(name).type
    match kind.kind:
        case Kind.NUMBER:
            return _number(column, stored)
        case Kind.TEXT if pa.types.is_dictionary(stored):
            return column.cast(nw.String)
        case Kind.TIMESTAMP:
            if stored.tz is not None:
                column = column.dt.convert_time_zone(time_zone)
            return column.dt.date()
        case Kind.DATE if pa.types.is_date64(stored):
            return column.cast(nw.Date)
        case _:
            return column


def _number(column: nw.Expr, stored: pa.DataType) -> nw.Expr:
    if pa.types.is_decimal(stored):
        return column.cast(nw.Float64)
    column = column.cast(nw.Float64)
    return nw.when(~column.is_nan()).then(column)
