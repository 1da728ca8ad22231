"""The tag dictionary with what is really in the columns."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audience.counting import counted
from audience.kinds import Kind, Tag, Value

_ORDERED = {Kind.INTEGER, Kind.NUMBER, Kind.DATE, Kind.TIMESTAMP}
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
    known = column.drop_null()
    distinct = 0
    values: tuple[ValueCount, ...] = ()
    quantiles: tuple[Value, ...] = ()
    if tag.type.kind in _ORDERED:
        distinct = len(known.unique())
        quantiles = values_at(known, QUANTILES)
    if is_listed(tag):
        counts = _count(pc.list_flatten(known) if tag.type.kind is Kind.LIST else known)
        distinct = len(counts)
        values = listed_values(tag, counts, top)
    return _report(tag, rows, column.null_count, distinct, values, quantiles)


def report_counts(
    tag: Tag, rows: int, missing: int, counts: Sequence[tuple[Any, int]], top: int
) -> TagReport:
    """The same of how often each value is there, or how often lists have it."""
    values = listed_values(tag, counts, top) if is_listed(tag) else ()
    quantiles = values_among(counts, QUANTILES) if tag.type.kind in _ORDERED else ()
    return _report(tag, rows, missing, len(counts), values, quantiles)


def is_listed(tag: Tag) -> bool:
    """Whether a tag's values are listed with how many have them."""
    return tag.type.kind in {Kind.BOOL, Kind.TEXT, Kind.LIST} or tag.choices is not None


def _report(
    tag: Tag,
    rows: int,
    missing: int,
    distinct: int,
    values: tuple[ValueCount, ...],
    quantiles: tuple[Value, ...],
) -> TagReport:
    share = missing / rows if rows else None
    return TagReport(tag.name, tag.label, str(tag.type), rows, share, distinct, values, quantiles)


def listed_values(tag: Tag, counts: Iterable[tuple[Any, int]], top: int) -> tuple[ValueCount, ...]:
    """The most frequent values, those that the dictionary alone has last; at most so many."""
    found = sorted(counts, key=lambda pair: (-pair[1], str(pair[0])))
    labels = {choice.value: choice.label for choice in tag.choices or ()}
    there = {value for value, _ in found}
    every = found + [(value, 0) for value in labels if value not in there]
    return tuple(ValueCount(value, labels.get(value, ""), count) for value, count in every[:top])


def values_among(counts: Iterable[tuple[Any, int]], shares: Sequence[float]) -> tuple[Value, ...]:
    """As :func:`values_at`, of how often each value is there."""
    ordered = sorted(counts)
    ends = list(accumulate(count for _, count in ordered))
    places = [round(share * (ends[-1] - 1)) for share in shares] if ends else []
    return tuple(ordered[bisect_right(ends, place)][0] for place in places)


def values_at(known: pa.ChunkedArray, shares: Sequence[float]) -> tuple[Value, ...]:
    """The values at some shares (0 to 1) of the way through a column in ascending order.

    None of them is missing. They are values that are in the column; of an empty one there is none.
    """
    count = len(known)
    if not count:
        return ()
    kind = known.type
    places = [round(share * (count - 1)) for share in shares]
    whole = pa.types.is_date32(kind) or pa.types.is_integer(kind)
    if not whole and not pa.types.is_floating(kind):
        ordered = known.combine_chunks().sort()
        return tuple(ordered[place].as_py() for place in places)
    # No order is needed but that of the places.
    numbers = np.asarray(known.cast(pa.int32()) if pa.types.is_date32(kind) else known)
    low, high = numbers.min(), numbers.max()
    if whole and int(high) - int(low) < _SPAN and high < 2**63:
        ends = np.cumsum(counted(numbers, int(low), int(high)))
        found = low + np.searchsorted(ends, places, side="right")
    else:
        found = np.partition(numbers, places)[places]
    values = pa.array(found.astype(numbers.dtype))
    return tuple((values.cast(kind) if pa.types.is_date32(kind) else values).to_pylist())


_SPAN = 1 << 22
"""Whole numbers that lie closer together are counted one by one."""


def _count(column: pa.ChunkedArray | pa.Array) -> list[tuple[Any, int]]:
    found = pc.value_counts(column.drop_null())
    return [(each["values"].as_py(), each["counts"].as_py()) for each in found]


def _plain(value: Value) -> Value:
    return value.isoformat() if isinstance(value, date) else value
