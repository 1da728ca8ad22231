"""Conditions in words: one line for each, without the parts it is made of."""

from __future__ import annotations

from decimal import Decimal

from audience.kinds import Tag
from audience.rules.moments import WEEKDAYS
from audience.rules.scalars import Duration, Range
from audience.rules.tree import (
    All,
    AtLeast,
    Condition,
    Did,
    Either,
    Ids,
    Kept,
    MeasureTest,
    Named,
    Not,
    Published,
    Rows,
    Side,
    Stage,
    Test,
)

SIGNS = {"eq": "=", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_WEEKDAYS = {number: name for name, number in WEEKDAYS.items() if name.isascii()}
_MOST_VALUES = 5


def words(condition: Condition) -> str:
    """What a condition asks, on one line."""
    match condition:
        case Test():
            return _test(condition)
        case All():
            return "all of"
        case Either():
            return "any of"
        case Not():
            return "not"
        case AtLeast(count):
            return f"at least {count} of"
        case Named(name):
            return name
        case Did(rows):
            each = f", each {condition.each.name}" if condition.each else ""
            limits = " and ".join(map(measure_words, condition.measures))
            return f"did {_rows(rows)}{each}: {limits}"
        case Ids(None, path):
            return f"ids in {path}"
        case Ids(values):
            return f"ids, {len(values or ()):,} written out"
        case Published(reference):
            return f"published {reference}"
        case Kept(_, keep, by, descending):
            order = f" by {by.name} ({'greatest' if descending else 'least'} first)" if by else ""
            return f"the first {keep:,}{order} of"
        case Side():
            return "this side of a split of"
        case Stage(own):
            return "the stage:" if own is not None else "none of the stages before:"


def measure_words(test: MeasureTest) -> str:
    """What a measure is held against."""
    column = f"({test.tag.name})" if test.tag else ""
    bounds = str(test.range)
    if isinstance(test.range, Range) and test.range.low == test.range.high:
        bounds = _plain(test.range.low)
    if test.measure.of_days:
        bounds = f"{window_word(test.range)} {bounds}"
    return f"{test.measure.name}{column} {bounds}"


def window_word(window: object) -> str:
    """The key that a window is written behind."""
    if not isinstance(window, Range):
        return "within"
    sides = (window.low, window.high)
    return "ago" if any(isinstance(side, Duration) for side in sides) else "between"


def _test(test: Test) -> str:
    name = test.predicate.name
    argument = test.argument
    if isinstance(argument, tuple):
        shown = _listed(argument)
    elif isinstance(argument, bool):
        shown = "true" if argument else "false"
    else:
        shown = str(argument)
    return f"{_named(test.tag)} {SIGNS.get(name, name.replace('_', ' '))} {shown}"


def _rows(rows: Rows) -> str:
    text = " or ".join(rows.actions) if rows.actions is not None else "anything"
    if rows.where is not None:
        text += f" where {_where(rows.where)}"
    if rows.hours is not None:
        text += f", hours {rows.hours}"
    if rows.weekdays:
        text += f", weekdays {_listed(tuple(_WEEKDAYS[day] for day in rows.weekdays))}"
    if rows.window is not None:
        text += f", {window_word(rows.window)} {rows.window}"
    if rows.then is not None:
        same = "".join(f", same {one.name}" for one, _ in rows.then.same)
        text += f", then after {rows.then.after}{same} ({_rows(rows.then.rows)})"
    return text


def _where(condition: Condition) -> str:
    match condition:
        case All(parts):
            return ", ".join(map(_where, parts))
        case Either(parts):
            return f"any of ({', '.join(map(_where, parts))})"
        case Not(part):
            return f"not ({_where(part)})"
        case AtLeast(count, parts):
            return f"at least {count} of ({', '.join(map(_where, parts))})"
        case _:
            return words(condition)


def _named(tag: Tag) -> str:
    return f"{tag.label} ({tag.name})" if tag.label and tag.label != tag.name else tag.name


def _listed(values: tuple[object, ...]) -> str:
    shown = ", ".join(str(value) for value in values[:_MOST_VALUES])
    return f"[{shown}{', …' if len(values) > _MOST_VALUES else ''}]"


def _plain(bound: object) -> str:
    return f"{bound:f}" if isinstance(bound, Decimal) else str(bound)
