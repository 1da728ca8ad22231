"""Cases as tables: Parquet files of the project's own column types, in a folder that goes away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.parquet as pq

from audience.cases.reader import Case, Row, UserKey
from audience.engine.tables import TableData, open_table
from audience.errors import DataError
from audience.kinds import Kind

APART = 1 << 40
"""Integer keys of different cases are kept apart by this much, texts by the case's number."""


def write_tables(
    cases: Sequence[Case], tables: Mapping[str, TableData], folder: Path, time_zone: str
) -> dict[str, TableData]:
    """The tables of some cases put together, opened. Users of case n have :func:`apart` keys."""
    out: dict[str, TableData] = {}
    for name, table in tables.items():
        rows = [
            _shifted(row, table, number)
            for number, case in enumerate(cases)
            for row in case.rows[name]
        ]
        fields = _fields(table)
        try:
            columns = [
                pa.array(
                    [_stored(row.get(each.name), each.type, time_zone) for row in rows], each.type
                )
                for each in fields
            ]
        except (pa.ArrowException, OverflowError, ValueError) as error:
            raise DataError(f"a case's rows of `{name}`: {error}") from None
        path = folder / f"{len(out)}.parquet"
        pq.write_table(pa.table(columns, pa.schema(fields)), path)
        spec = replace(
            table.spec,
            path=path.name,
            day="",
            gaps=(),
            snapshot="",
            max_age=None,
            allow_empty=True,
        )
        out[name] = open_table(spec, folder, time_zone)
    return out


def apart(key: UserKey, number: int) -> UserKey:
    """A key of the n-th of several cases that are run together."""
    return key + number * APART if isinstance(key, int) else f"{number}/{key}"


def can_be_apart(case: Case) -> bool:
    """Whether no key of a case could be taken for one of another, apart as they are."""
    for row in (row for rows in case.rows.values() for row in rows):
        for value in row.values():
            if isinstance(value, int) and abs(value) >= APART // 2:
                return False
            if isinstance(value, str) and "/" in value:
                return False
    return True


def _shifted(row: Row, table: TableData, number: int) -> Row:
    key = row.get(table.spec.key)
    if not number or not isinstance(key, int | str) or isinstance(key, bool):
        return row
    return {**row, table.spec.key: apart(key, number)}


def _fields(table: TableData) -> list[pa.Field]:
    """The columns as the project stores them; keys wide enough to be kept apart."""
    fields = []
    for each in table.schema:
        kind = each.type.value_type if pa.types.is_dictionary(each.type) else each.type
        if each.name == table.spec.key:
            kind = pa.int64() if pa.types.is_integer(kind) else pa.string()
        fields.append(pa.field(each.name, kind))
    for name, partition in table.partitions.items():
        fields.append(pa.field(name, pa.int64() if partition.kind is Kind.INTEGER else pa.string()))
    return fields


def _stored(value: Any, kind: pa.DataType, time_zone: str) -> Any:
    if isinstance(value, datetime) and pa.types.is_timestamp(kind) and kind.tz is None:
        return value.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None)
    if pa.types.is_decimal(kind) and isinstance(value, Decimal):
        return value.quantize(Decimal(1).scaleb(-kind.scale))
    return value
