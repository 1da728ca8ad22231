"""A table's columns as rules see them: one set of expressions for every engine."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import narwhals.stable.v2 as nw
import pyarrow as pa

from audience.engine.base import DAY
from audience.engine.tables import TableData
from audience.kinds import Kind


def canonical(
    frame: nw.LazyFrame[Any], table: TableData, columns: Sequence[str], time_zone: str
) -> nw.LazyFrame[Any]:
    """Select columns of a raw scan in their canonical form (see :meth:`Engine.scan`)."""
    spec = table.spec
    out = [_column(spec.time, table, time_zone).alias(DAY)] if spec.time else []
    for name in columns:
        if name == spec.key:
            whole = table.tags[name].type.kind is Kind.INTEGER
            out.append(nw.col(name).cast(nw.Int64 if whole else nw.String).alias(name))
        else:
            out.append(_column(name, table, time_zone).alias(name))
    return frame.select(*out)


def _column(name: str, table: TableData, time_zone: str) -> nw.Expr:
    column = nw.col(name)
    kind = table.tags[name].type
    if name in table.partitions:
        return column
    stored = table.schema.field(name).type
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
