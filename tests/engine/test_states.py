"""The arrays that events are counted in, against sets and fractions, one user at a time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import chain
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience.engine import states
from audience.engine.states import Events, Tally, TooWide
from audience.kinds import Kind, Type
from audience.plan.nodes import Fold, Limit, Rows
from audience.sorting import Sorting
from fuzz.evaluator import exact

LAW = settings(derandomize=True, deadline=None, max_examples=60, database=None)
USERS = 4
EPOCH = date(1970, 1, 1)
ROWS = Rows("events", None, None, (None, date.max))
SMALLEST = Decimal("0.000000001")
"""The distance of two bounds that a rule can have."""


@dataclass(frozen=True)
class Column:
    """How a column is stored, what kind rules see, and values to take."""

    stored: pa.DataType
    kind: Kind
    values: st.SearchStrategy[Any]


def whole(stored: pa.DataType, low: int, high: int) -> Column:
    near = [low, low + 1, high - 1, high, *(each for each in (-1, 0, 1, 2) if each >= low)]
    return Column(stored, Kind.INTEGER, st.sampled_from(near) | st.integers(low, high))


HALVES = [number * 5e-7 for number in (1, -1, 3, -3, 5, 2**21 + 1)]
FRACTIONS = st.sampled_from(
    [*HALVES, 0.1, 0.2, -0.0, 0.0, 19.99, -5.0, 0.0078125, -0.0078125, 1e-300, -1e-300, 1e9]
) | st.floats(-(2.0**22), 2.0**22)
HUGE = st.sampled_from([2.0**40, -(2.0**40), 2.0**40 + 1, 1e18, math.inf, -math.inf, 1.0])
INTEGERS = {
    "int8": whole(pa.int8(), -(2**7), 2**7 - 1),
    "int16": whole(pa.int16(), -(2**15), 2**15 - 1),
    "int32": whole(pa.int32(), -(2**31), 2**31 - 1),
    "int64": whole(pa.int64(), -(2**63), 2**63 - 1),
    "middle": whole(pa.int64(), -(2**59), 2**59),
    "uint8": whole(pa.uint8(), 0, 2**8 - 1),
    "uint32": whole(pa.uint32(), 0, 2**32 - 1),
    "uint64": whole(pa.uint64(), 0, 2**64 - 1),
}
NUMBERS = {
    **INTEGERS,
    "fractions": Column(pa.float64(), Kind.NUMBER, FRACTIONS),
    "huge": Column(pa.float64(), Kind.NUMBER, HUGE),
}
DAYS = st.integers(-3, 5).map(lambda number: EPOCH + timedelta(days=number))
OTHERS = {
    "texts": Column(pa.large_string(), Kind.TEXT, st.text("a\x00é京", max_size=2)),
    "short": Column(pa.string(), Kind.TEXT, st.sampled_from(["", "a", "A", "ß"])),
    "dates": Column(pa.date32(), Kind.DATE, st.sampled_from([date.min, date.max]) | DAYS),
    "bools": Column(pa.bool_(), Kind.BOOL, st.booleans()),
}


@dataclass(frozen=True)
class Batch:
    """Rows as they come: a day for all or one each, whose they are, and values."""

    day: int | None
    days: list[int]
    positions: list[int]
    values: list[Any]

    def events(self, stored: pa.DataType) -> Events:
        day: Any = np.array(self.days, dtype=np.int32) if self.day is None else self.day
        places = np.array(self.positions, dtype=np.intp)
        return Events(places, day, {"v": pa.array(self.values, stored)})

    def day_of(self, row: int) -> int:
        return self.days[row] if self.day is None else self.day


@st.composite
def batches(draw: st.DrawFn, values: st.SearchStrategy[Any]) -> list[Batch]:
    """Several batches; every user may be in none, and days come in any order."""
    out = []
    day_numbers = st.integers(-2, 6) | st.sampled_from([-719162, 2932896])
    for _ in range(draw(st.integers(0, 4))):
        count = draw(st.integers(0, 6))

        def some(each: st.SearchStrategy[Any], count: int = count) -> list[Any]:
            return draw(st.lists(each, min_size=count, max_size=count))

        one = draw(st.none() | day_numbers)
        given_values = some(st.none() | values)
        out.append(Batch(one, some(day_numbers), some(st.integers(0, USERS - 2)), given_values))
    return out


def rows_of(given: Sequence[Batch], user: int) -> list[tuple[int, Any]]:
    """A user's days and values."""
    return [
        (batch.day_of(row), batch.values[row])
        for batch in given
        for row, position in enumerate(batch.positions)
        if position == user
    ]


def measure(name: str, rows: Sequence[tuple[int, Any]]) -> Any:
    """What a user's rows come to; None where there is nothing to measure."""
    days = [day for day, _ in rows]
    values = [value for _, value in rows if value is not None]
    match name:
        case "times":
            return len(rows)
        case "days":
            return len(set(days))
        case "first":
            return min(days, default=None)
        case "last":
            return max(days, default=None)
        case "distinct":
            return len(set(values))
        case "min":
            return min(values, default=None)
        case "max":
            return max(values, default=None)
    total = sum(map(exact, values), Fraction(0))
    if name == "sum":
        return total
    return total / len(values) if values else None


def holds(name: str, rows: Sequence[tuple[int, Any]], limit: Limit) -> bool:
    value = measure(name, rows)
    if value is None:
        return False
    if name in ("first", "last"):
        value = date.fromordinal(value + EPOCH.toordinal())
    sides = [_fitted(name, rows, side) for side in (limit.low, limit.high)]
    return bool((sides[0] is None or value >= sides[0]) and (sides[1] is None or value <= sides[1]))


def _fitted(name: str, rows: Sequence[tuple[int, Any]], bound: Any) -> Any:
    """Values of fractions are compared with the fraction that is nearest to what is written."""
    fractions = any(isinstance(value, float) for _, value in rows)
    if isinstance(bound, Decimal):
        return float(bound) if fractions and name in ("min", "max") else Fraction(bound)
    return bound


def check(name: str, column: Column, given: Sequence[Batch], low: Any, high: Any) -> None:
    """A tally of one limit, alone and beside others, against Python."""
    measured = "v" if name in ("distinct", "sum", "mean", "min", "max") else None
    limit = Limit(name, measured, low, high)
    fold = Fold(ROWS, None, (limit,))
    twice = Fold(ROWS, None, (limit, Limit("times", None, 0, None)))
    wanted = [holds(name, rows_of(given, user), limit) for user in range(USERS)]
    for each in (fold, twice):
        tally = Tally(each, {"v": Type(column.kind)}, USERS, Sorting())
        try:
            add(tally, column, given)
        except TooWide:
            assert may_be_too_wide(name, column, given)
            return
        assert tally.holds().tolist() == wanted


def add(tally: Tally, column: Column, given: Sequence[Batch]) -> None:
    for batch in given:
        tally.add(batch.events(column.stored))


def may_be_too_wide(name: str, column: Column, given: Sequence[Batch]) -> bool:
    values = list(chain.from_iterable(batch.values for batch in given))
    there = [value for value in values if value is not None]
    if name in ("min", "max"):
        return bool(column.stored == pa.uint64())
    if name not in ("sum", "mean"):
        return False
    largest = Fraction(max(map(abs, there)))
    if column.kind is Kind.NUMBER:
        return largest > 2**40 or largest * 10**6 * len(there) >= 2**62
    return largest * len(there) >= 2**62


# Bounds at and next to what users have


def around(values: Sequence[Any], steps: Sequence[Any]) -> st.SearchStrategy[Any]:
    near = [value + step for value in values if value is not None for step in steps]
    return st.none() | st.sampled_from([*near, *steps])


def decimal(value: Any) -> Decimal:
    """A bound as a rule can have it: nine decimal places, and no more than 1e18."""
    if isinstance(value, float) and not math.isfinite(value):
        return Decimal(10) ** 18
    exactly = Fraction(value)
    rounded = Decimal(math.floor(exactly * 10**9)).scaleb(-9)
    return min(max(rounded, -(Decimal(10) ** 18)), Decimal(10) ** 18)


@pytest.mark.parametrize("name", ["times", "days"])
@LAW
@given(given=batches(st.booleans()), data=st.data())
def test_events_and_days(name: str, given: list[Batch], data: st.DataObject) -> None:
    bounds = st.none() | st.integers(0, 6) | st.just(10**12)
    check(name, OTHERS["bools"], given, data.draw(bounds), data.draw(bounds))


@LAW
@given(given=batches(st.booleans()))
def test_any_event(given: list[Batch]) -> None:
    check("times", OTHERS["bools"], given, 1, None)


@pytest.mark.parametrize("name", ["first", "last"])
@LAW
@given(given=batches(st.booleans()), data=st.data())
def test_the_first_and_the_last_day(name: str, given: list[Batch], data: st.DataObject) -> None:
    numbers = [measure(name, rows_of(given, user)) for user in range(USERS)]
    found = [EPOCH + timedelta(days=number) for number in numbers if number is not None]
    inside = [day for day in found if date.min < day < date.max]
    steps = [timedelta(days=step) for step in (-1, 0, 1)]
    bound = st.sampled_from([EPOCH, *found, *(day + step for day in inside for step in steps)])
    low, high = data.draw(st.none() | bound), data.draw(bound)
    check(name, OTHERS["bools"], given, low, high)


@pytest.mark.parametrize("stored", [*NUMBERS, *OTHERS])
@LAW
@given(data=st.data())
def test_distinct_values(stored: str, data: st.DataObject) -> None:
    column = {**NUMBERS, **OTHERS}[stored]
    given = data.draw(batches(column.values))
    bounds = st.none() | st.integers(0, 5)
    check("distinct", column, given, data.draw(bounds), data.draw(bounds))


@pytest.mark.parametrize("stored", NUMBERS)
@pytest.mark.parametrize("name", ["sum", "mean", "min", "max"])
@LAW
@given(data=st.data())
def test_amounts(name: str, stored: str, data: st.DataObject) -> None:
    column = NUMBERS[stored]
    given = data.draw(batches(column.values))
    plain = name in ("min", "max") or not any(
        isinstance(value, float) and math.isinf(value) for batch in given for value in batch.values
    )
    users = range(USERS) if plain else ()
    found = [measure(name, rows_of(given, user)) for user in users]
    known = [decimal(value) for value in found if value is not None]
    steps = [step * scale for step in (-1, 0, 1) for scale in (1, Decimal("1e-6"), SMALLEST)]
    bounds = around(known, steps).map(lambda each: None if each is None else decimal(each))
    low, high = data.draw(bounds), data.draw(bounds)
    if plain:
        check(name, column, given, low, high)
        return
    fold = Fold(ROWS, None, (Limit(name, "v", low, high),))
    tally = Tally(fold, {"v": Type(column.kind)}, USERS, Sorting())
    with pytest.raises(TooWide):
        add(tally, column, given)


def test_pairs_are_put_together_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "_COMPACT", 3)
    values: list[list[int | None]] = [[1, 2, 1], [1, 1, 1, 1], [3], [2, 2], [None, 4]]
    given = [Batch(7, [], [0] * len(each), each) for each in values]
    for count in range(6):
        check("distinct", NUMBERS["int64"], given, count, count)
        check("days", NUMBERS["int64"], given, count, count)


def test_a_value_is_known_by_its_number_whatever_it_is_stored_as() -> None:
    tally = Tally(
        Fold(ROWS, None, (Limit("distinct", "v", 1, 1),)), {"v": Type(Kind.INTEGER)}, 1, Sorting()
    )
    for stored in (pa.int8(), pa.uint64(), pa.int64()):
        tally.add(Batch(1, [], [0, 0], [5, None]).events(stored))
    assert tally.holds().tolist() == [True]


@pytest.mark.parametrize(
    "stored, value", [("int64", 2**62), ("int64", -(2**63)), ("huge", math.inf), ("huge", 2.0**41)]
)
def test_a_sum_that_63_bits_have_no_room_for(stored: str, value: Any) -> None:
    column = NUMBERS[stored]
    for name in ("sum", "mean"):
        limit = Limit(name, "v", Decimal(1), None)
        tally = Tally(Fold(ROWS, None, (limit,)), {"v": Type(column.kind)}, 1, Sorting())
        tally.add(Batch(1, [], [0], [None]).events(column.stored))
        with pytest.raises(TooWide):
            tally.add(Batch(1, [], [0], [value]).events(column.stored))


def test_a_sum_that_only_several_batches_make_too_wide() -> None:
    limit = Limit("sum", "v", Decimal(1), None)
    tally = Tally(Fold(ROWS, None, (limit,)), {"v": Type(Kind.INTEGER)}, 1, Sorting())
    batch = Batch(1, [], [0], [2**61 - 1]).events(pa.int64())
    tally.add(batch)
    tally.add(batch)
    with pytest.raises(TooWide):
        tally.add(batch)
