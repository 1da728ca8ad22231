"""The tag dictionary with what is really in the columns."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from audience.kinds import Kind, Tag, Value

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)


@dataclass(frozen=True)
class ValueCount:
    """A value as stored, its label if it has one, and how many rows have it."""

    value: Value
    label: str
    count: int


@dataclass(frozen=True)
class TagReport:
    """A tag and its column. ``missing`` is a share of the rows.

    Text, bool and list tags have ``values``, the most frequent first (``distinct`` says how many
    there are); numbers and dates have ``quantiles``: values that are in the column, at
    :data:`QUANTILES` of its sorted values.
    """

    name: str
    label: str
    type: str
    rows: int
    missing: float | None
    distinct: int
    values: tuple[ValueCount, ...]
    quantiles: tuple[Value, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        out = asdict(self)
        out["quantiles"] = dict(zip(map(str, QUANTILES), map(_plain, self.quantiles), strict=False))
        out["values"] = [{**asdict(each), "value": _plain(each.value)} for each in self.values]
        return out


def report_tag(tag: Tag, column: pa.ChunkedArray, top: int) -> TagReport:
    """What a tag's column holds; at most ``top`` values are listed."""
    rows = len(column)
    missing = column.null_count / rows if rows else None
    known = column.drop_null()
    distinct = 0
    values: tuple[ValueCount, ...] = ()
    quantiles: tuple[Value, ...] = ()
    if tag.type.kind in {Kind.INTEGER, Kind.NUMBER, Kind.DATE, Kind.TIMESTAMP}:
        ordered = known.combine_chunks().sort() if len(known) else pa.array([])
        distinct = len(known.unique())
        if len(ordered):
            places = [round(each * (len(ordered) - 1)) for each in QUANTILES]
            quantiles = tuple(ordered[place].as_py() for place in places)
    if tag.type.kind in {Kind.BOOL, Kind.TEXT, Kind.LIST} or tag.choices is not None:
        counts = _count(pc.list_flatten(known) if tag.type.kind is Kind.LIST else known)
        distinct = len(counts)
        labels = {choice.value: choice.label for choice in tag.choices or ()}
        listed = counts + [(value, 0) for value in labels if value not in dict(counts)]
        values = tuple(
            ValueCount(value, labels.get(value, ""), count) for value, count in listed[:top]
        )
    return TagReport(tag.name, tag.label, str(tag.type), rows, missing, distinct, values, quantiles)


def _count(column: pa.ChunkedArray | pa.Array) -> list[tuple[Any, int]]:
    counted = pc.value_counts(column.drop_null())
    pairs = [(each["values"].as_py(), each["counts"].as_py()) for each in counted]
    return sorted(pairs, key=lambda pair: (-pair[1], str(pair[0])))


def _plain(value: Value) -> Value:
    return value.isoformat() if isinstance(value, date) else value
