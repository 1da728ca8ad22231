"""What is kept of each user's events while they pass: one array a measure, one place a user.

A row of events adds to its user's place, and that is all: no grouping, no joining, and memory that
does not grow with events. Places are positions of a keyring.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from audience.bits import Flags
from audience.engine.folds import MILLIONTHS, bound_of
from audience.kinds import Kind, Type
from audience.plan.nodes import Fold, Limit
from audience.sorting import Sorting

Numbers = npt.NDArray[Any]

Places = npt.NDArray[np.intp]
"""Positions as the machine's own kind of index: adding at others takes five times as long."""

_EPOCH = date(1970, 1, 1).toordinal()


def days_since_1970(day: date) -> int:
    """A day as a number."""
    return day.toordinal() - _EPOCH


_WIDEST = 2**62
"""Sums that could leave 63 bits are left to 128 bits elsewhere."""

_LARGEST = 2.0**40
"""Fractions up to here are whole millionths in 63 bits."""

_COMPACT = 1 << 24
"""So many pairs of user and value are kept before equal ones among them are put together."""


class TooWide(Exception):
    """A value that these arrays have no room for: the fold is to be computed another way."""


@dataclass(frozen=True)
class Events:
    """Rows of events that count: whose (a position each), on which days, and their values.

    ``day`` is in days since 1970: one for all, or one a row. Values may be missing.
    """

    positions: Places
    day: int | Numbers
    values: Mapping[str, pa.Array]


class State(Protocol):
    """What is kept for one measure."""

    def add(self, events: Events) -> None:
        """Count some rows. Raises TooWide."""
        ...

    def holds(self, limit: Limit) -> Flags:
        """By position, who is in a limit's range."""
        ...


def open_state(
    limit: Limit, column: Type | None, count: int, sorting: Sorting, *, alone: bool
) -> State:
    """An empty state for so many users; ``alone`` where only having any event matters."""
    match limit.name:
        case "times":
            return _Any(count) if alone else _Times(count)
        case "first" | "last":
            return _Day(count, first=limit.name == "first")
        case "days":
            return _Days(_Pairs(count, sorting))
    assert column is not None
    assert limit.column is not None
    match limit.name:
        case "distinct":
            return _Distinct(_Pairs(count, sorting), limit.column)
        case "sum" | "mean":
            return _Sum(count, limit.column, column, mean=limit.name == "mean")
        case _:
            return _Extreme(count, limit.column, column, least=limit.name == "min")


class Tally:
    """A fold in the making: a state for each measure that its limits are of."""

    def __init__(self, fold: Fold, types: Mapping[str, Type], count: int, sorting: Sorting) -> None:
        self.fold = fold
        alone = fold.limits == (Limit("times", None, 1, None),)
        self._states = {
            (limit.name, limit.column): open_state(
                limit, types[limit.column] if limit.column else None, count, sorting, alone=alone
            )
            for limit in fold.limits
        }

    def add(self, events: Events) -> None:
        """Count some rows. Raises TooWide."""
        for state in self._states.values():
            state.add(events)

    def holds(self) -> Flags:
        """By position, of whom the fold holds: of users without any event too."""
        found = [self._states[each.name, each.column].holds(each) for each in self.fold.limits]
        return np.asarray(np.logical_and.reduce(found), dtype=np.bool_)


class _Any:
    def __init__(self, count: int) -> None:
        self._seen = np.zeros(count, dtype=np.bool_)

    def add(self, events: Events) -> None:
        self._seen[events.positions] = True

    def holds(self, _limit: Limit) -> Flags:
        return self._seen


class _Times:
    def __init__(self, count: int) -> None:
        self._times = np.zeros(count, dtype=np.int32)
        self._rows = 0

    def add(self, events: Events) -> None:
        self._rows += len(events.positions)
        if self._rows >= 2**31:
            raise TooWide
        np.add.at(self._times, events.positions, np.int32(1))

    def holds(self, limit: Limit) -> Flags:
        return _between(self._times, _whole(limit.low, up=True), _whole(limit.high, up=False))


class _Day:
    """The first or the last day; none is a day beyond all others."""

    def __init__(self, count: int, *, first: bool) -> None:
        self._first = first
        self._none = np.iinfo(np.int32).max if first else np.iinfo(np.int32).min
        self._days = np.full(count, self._none, dtype=np.int32)
        self._latest = np.iinfo(np.int32).min

    def add(self, events: Events) -> None:
        better = np.minimum if self._first else np.maximum
        if isinstance(events.day, int) and not self._first and events.day >= self._latest:
            # Days come in their order: the last one that is written stays.
            self._days[events.positions] = self._latest = events.day
        elif isinstance(events.day, int):
            # Of one day: who stands twice is given the same twice.
            known = self._days[events.positions]
            self._days[events.positions] = better(known, np.int32(events.day))
        else:
            better.at(self._days, events.positions, events.day.astype(np.int32))
            self._latest = max(self._latest, int(events.day.max(initial=self._latest)))

    def holds(self, limit: Limit) -> Flags:
        low, high = _day(limit.low), _day(limit.high)
        there: Flags = self._days != self._none
        return _between(self._days, low, high) & there


class _Pairs:
    """Pairs of a user and a value, each once; the value as a number of 32 bits."""

    def __init__(self, count: int, sorting: Sorting) -> None:
        self._count = count
        self._sort = sorting.sort
        self._pairs = [np.zeros(0, dtype=np.int64)]
        self._held = 0
        self._compact = _COMPACT

    def put(self, positions: Places, codes: Numbers) -> None:
        pairs = positions.astype(np.int64) << 32
        pairs |= codes
        self._pairs.append(pairs)
        self._held += len(pairs)
        if self._held > self._compact:
            self._pairs = [self._distinct()]
            self._held = len(self._pairs[0])
            self._compact = max(_COMPACT, 2 * self._held)

    def holds(self, limit: Limit) -> Flags:
        """By position, whose number of values is in a range."""
        whose = self._distinct() >> 32
        starts = np.flatnonzero(_first_of_its_kind(whose))
        counts = np.diff(starts, append=len(whose))
        low, high = _whole(limit.low, up=True), _whole(limit.high, up=False)
        out = np.full(self._count, _between(np.zeros(1), low, high)[0])
        out[whose[starts]] = _between(counts, low, high)
        return out

    def _distinct(self) -> Numbers:
        pairs = self._sort(np.concatenate(self._pairs))
        return pairs[_first_of_its_kind(pairs)]


def _first_of_its_kind(ascending: Numbers) -> Flags:
    """Which numbers are not those before them."""
    first = np.ones(len(ascending), dtype=np.bool_)
    np.not_equal(ascending[1:], ascending[:-1], out=first[1:])
    return first


class _Days:
    """On how many days."""

    def __init__(self, pairs: _Pairs) -> None:
        self._pairs = pairs

    def add(self, events: Events) -> None:
        # From a day that is before all, so that no number is below 0.
        days = np.asarray(events.day, dtype=np.int64) + _EPOCH
        self._pairs.put(events.positions, np.broadcast_to(days, events.positions.shape))

    def holds(self, limit: Limit) -> Flags:
        return self._pairs.holds(limit)


class _Distinct:
    """How many distinct values; each value is numbered when it comes up."""

    def __init__(self, pairs: _Pairs, column: str) -> None:
        self._column = column
        self._pairs = pairs
        self._codes: dict[Any, int] = {}

    def add(self, events: Events) -> None:
        coded = events.values[self._column].dictionary_encode()
        numbers = [
            self._codes.setdefault(value, len(self._codes))
            for value in coded.dictionary.to_pylist()
        ]
        if coded.null_count:
            known = coded.is_valid().to_numpy(zero_copy_only=False)
            codes = np.asarray(coded.indices.drop_null())
            positions = events.positions[known]
        else:
            codes, positions = np.asarray(coded.indices), events.positions
        self._pairs.put(positions, np.asarray(numbers, dtype=np.int64)[codes])

    def holds(self, limit: Limit) -> Flags:
        return self._pairs.holds(limit)


class _Sum:
    """The exact sum, and for a mean how many values it is of: fractions as whole millionths."""

    def __init__(self, count: int, name: str, column: Type, *, mean: bool) -> None:
        self._name = name
        self._scale = MILLIONTHS if column.kind is Kind.NUMBER else 1
        self._sums = np.zeros(count, dtype=np.int64)
        self._values = np.zeros(count if mean else 0, dtype=np.int32)
        self._rows = self._largest = 0

    def add(self, events: Events) -> None:
        positions, values = _known(events, self._name)
        if not len(values):
            return
        if self._scale == MILLIONTHS:
            values = _millionths(values)
        self._rows += len(values)
        self._largest = max(self._largest, -int(values.min()), int(values.max()))
        if self._largest * self._rows >= _WIDEST or self._rows >= 2**31:
            raise TooWide
        np.add.at(self._sums, positions, values.astype(np.int64, copy=False))
        if len(self._values):
            np.add.at(self._values, positions, np.int32(1))

    def holds(self, limit: Limit) -> Flags:
        low, high = (
            None if bound is None else Decimal(str(bound)) * self._scale
            for bound in (limit.low, limit.high)
        )
        if limit.name == "sum":
            return _between(self._sums, _whole(low, up=True), _whole(high, up=False))
        # A mean is at least so much where the sum is at least that times the number of values.
        counts = np.unique(self._values)
        places = np.searchsorted(counts, self._values)
        found = self._values > 0
        if low is not None:
            found &= self._sums >= _multiples(low, counts, up=True)[places]
        if high is not None:
            found &= self._sums <= _multiples(high, counts, up=False)[places]
        return found


class _Extreme:
    """The least or the greatest value."""

    def __init__(self, count: int, name: str, column: Type, *, least: bool) -> None:
        self._name = name
        self._column = column
        self._at: Any = np.minimum.at if least else np.maximum.at
        kind: Any = np.float64 if column.kind is Kind.NUMBER else np.int64
        if column.kind is Kind.NUMBER:
            none: Any = np.inf if least else -np.inf
        else:
            none = np.iinfo(np.int64).max if least else np.iinfo(np.int64).min
        self._values = np.full(count, none, dtype=kind)
        self._seen = np.zeros(count, dtype=np.bool_)

    def add(self, events: Events) -> None:
        positions, values = _known(events, self._name)
        if values.dtype == np.uint64:
            raise TooWide
        self._at(self._values, positions, values.astype(self._values.dtype, copy=False))
        self._seen[positions] = True

    def holds(self, limit: Limit) -> Flags:
        low, high = (
            None if bound is None else bound_of(bound, 1, self._column, up=up)
            for bound, up in ((limit.low, True), (limit.high, False))
        )
        return _between(self._values, low, high) & self._seen


def _known(events: Events, name: str) -> tuple[Places, Numbers]:
    """The positions and values of the rows that have a value."""
    column = events.values[name]
    if not column.null_count:
        return events.positions, np.asarray(column)
    known = pc.is_valid(column).to_numpy(zero_copy_only=False)
    return events.positions[known], np.asarray(column.drop_null())


def _millionths(values: Numbers) -> Numbers:
    """Whole millionths: the whole part exactly, the fraction rounded, halves up."""
    if not bool(np.all(np.abs(values) <= _LARGEST)):
        raise TooWide
    whole = np.floor(values)
    fraction = np.floor((values - whole) * MILLIONTHS + 0.5)
    return whole.astype(np.int64) * MILLIONTHS + fraction.astype(np.int64)


def _between(values: Numbers, low: Any, high: Any) -> Flags:
    found = np.ones(len(values), dtype=np.bool_)
    if low is not None:
        found &= values >= low
    if high is not None:
        found &= values <= high
    return found


def _whole(bound: Any, *, up: bool) -> int | None:
    if bound is None:
        return None
    found = bound_of(bound, 1, None, up=up)
    assert isinstance(found, int)
    return found


def _day(bound: Any) -> int | None:
    return days_since_1970(bound) if isinstance(bound, date) else None


def _multiples(bound: Decimal, counts: Numbers, *, up: bool) -> Numbers:
    """The bound times each count, as the nearest whole number inside the range."""
    top, bottom = bound.as_integer_ratio()
    limits = np.iinfo(np.int64)
    out = []
    for count in counts.tolist():
        found = -(-top * count // bottom) if up else top * count // bottom
        out.append(min(max(found, limits.min), limits.max))
    return np.asarray(out, dtype=np.int64)
