"""A condition changed in one place: a part left out, or a bound moved to a nearby value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from audience.kinds import NUMBERS
from audience.rules.scalars import Duration, Range, fit_number
from audience.rules.speech import Speech
from audience.rules.tree import (
    All,
    AtLeast,
    Condition,
    Did,
    Either,
    Kept,
    MeasureTest,
    Named,
    Not,
    Side,
    Stage,
    Test,
)

_STEPS = (-2, -1, 1, 2)
_BOUNDS = {"gt", "gte", "lt", "lte"}


@dataclass(frozen=True)
class Place:
    """A condition inside another one.

    ``put`` gives the whole with another condition in this place, or without it (None); the whole
    without its only part is None. ``in_order`` where it is one of conditions that hold one after
    the other.
    """

    condition: Condition
    depth: int
    in_order: bool
    put: Callable[[Condition | None], Condition | None]


def places(condition: Condition, base: Condition | None) -> Iterator[Place]:
    """A condition and all that it is made of, in the order of the text.

    What limits conditions has the base among them, which is no condition of the pack. What stands
    behind a name is told where the name is mentioned first.
    """
    own = list(_parts(base))
    for place in _places(condition, 0, True, lambda changed: changed, set()):
        if not any(part is place.condition for part in own):
            yield place


def _parts(condition: Condition | None) -> Iterator[Condition]:
    """A condition, and what it is made of."""
    if condition is not None:
        yield condition
        yield from (place.condition for place in _places(condition, 0, True, lambda _: None, set()))


def _places(
    condition: Condition,
    depth: int,
    in_order: bool,
    put: Callable[[Condition | None], Condition | None],
    seen: set[int],
) -> Iterator[Place]:
    match condition:
        case Kept(part) | Side(part) | Stage(part) if part is not None:
            # What limits the conditions comes after them.
            def put_held(changed: Condition | None) -> Condition | None:
                return put(None if changed is None else _holding(condition, changed))

            yield from _places(part, depth, in_order, put_held, seen)
            yield Place(
                condition,
                depth,
                in_order,
                lambda changed: put(part if changed is None else changed),
            )
            return
    # Of conditions that hold one after the other each has its line, and together they have none.
    within = isinstance(condition, All) and (in_order or len(condition.parts) == 1)
    if not within:
        yield Place(condition, depth, in_order, put)
    match condition:
        case All(parts) | Either(parts) | AtLeast(_, parts):
            for number, part in enumerate(parts):

                def put_part(changed: Condition | None, number: int = number) -> Condition | None:
                    kept = [changed if at == number else each for at, each in enumerate(parts)]
                    left = tuple(each for each in kept if each is not None)
                    return put(replace(condition, parts=left) if left else None)

                yield from _places(part, depth + (not within), in_order and within, put_part, seen)
        case Named(_, part, base) if id(part) not in seen:
            # What is changed is no more what the name stands for.
            def put_named(changed: Condition | None) -> Condition | None:
                if base is None:
                    return put(changed)
                return put(base if changed is None else All((base, changed), condition.at))

            seen.add(id(part))
            yield from _places(part, depth + 1, False, put_named, seen)
        case Not(part):

            def put_not(changed: Condition | None) -> Condition | None:
                return put(None if changed is None else Not(changed, condition.at))

            yield from _places(part, depth + 1, False, put_not, seen)


def _holding(condition: Kept | Side | Stage, part: Condition) -> Condition:
    if isinstance(condition, Stage):
        return replace(condition, own=part)
    return replace(condition, part=part)


def nearby(condition: Condition, speech: Speech) -> Iterator[tuple[str, Condition]]:
    """Bounds of one test or behaviour at nearby values: in words, and as it is."""
    match condition:
        case Test(tag, predicate, argument) if predicate.name in _BOUNDS:
            for value in _around(argument):
                if tag.type.kind in NUMBERS and not isinstance(value, date):
                    value = fit_number(Decimal(str(value)), tag.type)
                yield speech.bound(predicate.name, value), replace(condition, argument=value)
        case Test(_, _, (Duration() | Range()) as argument):
            for moved in _windows(argument):
                other = replace(condition, argument=moved)
                yield speech.tested(other), other
        case Did(rows, _, measures):
            if rows.window is not None:
                for window in _windows(rows.window):
                    changed = replace(rows, window=window)
                    yield speech.window(window), replace(condition, rows=changed)
            names = [each.measure.name for each in measures]
            for number, measure in enumerate(measures):
                # The same measure of two columns has two bounds that would read alike.
                told = speech.moved if names.count(names[number]) == 1 else speech.measure
                for moved in _measures(measure):
                    every = (*measures[:number], moved, *measures[number + 1 :])
                    yield told(moved), replace(condition, measures=every)


def _measures(test: MeasureTest) -> Iterator[MeasureTest]:
    """A measure with one side of its range moved."""
    if not isinstance(test.range, Range) or test.measure.of_days:
        return
    bounds: Range[Any] = test.range
    for side in ("low", "high"):
        value = getattr(bounds, side)
        if value is None:
            continue
        for moved in _around(value):
            low = moved if side == "low" else bounds.low
            high = moved if side == "high" else bounds.high
            if low is not None and high is not None and low > high:
                continue
            if test.measure.name in _COUNTS and moved < (1 if side == "low" else 0):
                continue  # everybody has at least no event
            changed: Range[Any] = Range(low, high)
            yield replace(test, range=changed)


_COUNTS = {"times", "days", "distinct"}


def _around(value: Any) -> Iterator[Any]:
    """Two nearby values on each side of a bound: of 5000 they are 3000, 4000, 6000 and 7000."""
    if isinstance(value, date):
        yield from (value + timedelta(days=7 * step) for step in _STEPS)
        return
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        return
    number = Decimal(str(value))
    step = step_of(number)
    whole = isinstance(value, int)
    if whole:
        step = max(step, Decimal(1))
    for times in _STEPS:
        moved = number + times * step
        yield int(moved) if whole else type(value)(moved)


def step_of(number: Decimal) -> Decimal:
    """One in the first digit, half or a tenth of it where that is small: 1000 of 5000, 1 of 18."""
    if not number:
        return Decimal(1)
    power = Decimal(10) ** number.copy_abs().adjusted()
    digit = int(abs(number) / power)
    return power if digit >= 5 else power / 2 if digit >= 2 else power / 10


def _windows(window: Duration | Range[Any]) -> Iterator[Any]:
    """A window that reaches further or less far, at either end of one that has two."""
    if isinstance(window, Duration):
        for count in _around(window.count):
            if count > 0:
                yield Duration(count, window.unit)
        return
    for side in ("low", "high"):
        end = getattr(window, side)
        for moved in _windows(end) if isinstance(end, Duration) else _around(end):
            low = moved if side == "low" else window.low
            high = moved if side == "high" else window.high
            if None in (low, high) or _first(low, high):
                yield Range(low, high)


def _first(low: Any, high: Any) -> bool:
    """Whether a range does not run backwards: of times ago the shorter one is first."""
    if isinstance(low, Duration):
        some_day = date(2024, 6, 15)
        return bool(low.before(some_day) >= high.before(some_day))
    return bool(low <= high)
