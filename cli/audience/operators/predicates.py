"""The predicates. A column that is missing gives null here, and null is false where it is used."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING

from audience.kinds import DAYS, ORDERED, SCALARS, Kind, Value
from audience.operators.table import Takes, balanced, predicate

if TYPE_CHECKING:
    from narwhals.stable.v2 import Expr

_FEW = 8

_TEXT = frozenset({Kind.TEXT})
_LIST = frozenset({Kind.LIST})
_ALL = SCALARS | _LIST

Days = tuple[date | None, date]
"""The first and the last day of a window; None is open."""


@predicate(on=SCALARS, takes=Takes.VALUE)
def eq(column: Expr, value: Value) -> Expr:
    """Equals, exactly: case and spaces count."""
    return column == value


@predicate(on=SCALARS, takes=Takes.VALUE, over_missing=True)
def ne(column: Expr, value: Value) -> Expr:
    """The exact complement of `eq`: another value, or a missing one."""
    return ~(column == value).fill_null(False)


@predicate(on=SCALARS, takes=Takes.VALUES)
def in_(column: Expr, values: Sequence[Value]) -> Expr:
    """Is one of the values."""
    return _is_one_of(column, values)


@predicate(on=SCALARS, takes=Takes.VALUES, over_missing=True)
def not_in(column: Expr, values: Sequence[Value]) -> Expr:
    """The exact complement of `in`: none of the values, or a missing one."""
    return ~_is_one_of(column, values).fill_null(False)


@predicate(on=ORDERED, takes=Takes.FLOOR)
def gt(column: Expr, bound: Value) -> Expr:
    """Greater than; a date: later than."""
    return column > bound


@predicate(on=ORDERED, takes=Takes.CEILING)
def gte(column: Expr, bound: Value) -> Expr:
    """At least; a date: on or after."""
    return column >= bound


@predicate(on=ORDERED, takes=Takes.CEILING)
def lt(column: Expr, bound: Value) -> Expr:
    """Less than; a date: before."""
    return column < bound


@predicate(on=ORDERED, takes=Takes.FLOOR)
def lte(column: Expr, bound: Value) -> Expr:
    """At most; a date: on or before."""
    return column <= bound


@predicate(on=_TEXT, takes=Takes.TEXT)
def starts_with(column: Expr, text: str) -> Expr:
    """The text begins so; case counts."""
    return column.str.starts_with(text)


@predicate(on=_TEXT, takes=Takes.TEXT)
def ends_with(column: Expr, text: str) -> Expr:
    """The text ends so; case counts."""
    return column.str.ends_with(text)


@predicate(on=_TEXT, takes=Takes.TEXT)
def contains(column: Expr, text: str) -> Expr:
    """The text has this somewhere, letter for letter."""
    return column.str.contains(text, literal=True)


@predicate(on=_TEXT, takes=Takes.PATTERN)
def matches(column: Expr, pattern: str) -> Expr:
    """The regular expression is found somewhere in the text; `^` and `$` tie it to the ends."""
    return column.str.contains(pattern)


@predicate(on=DAYS, takes=Takes.WITHIN)
def within(column: Expr, days: Days) -> Expr:
    """In the last so many calendar days: `30d` is the day of as_of and the 29 before it."""
    return _in_days(column, days)


@predicate(on=DAYS, takes=Takes.AGO)
def ago(column: Expr, days: Days) -> Expr:
    """So many calendar days before as_of, both ends in; never later than as_of."""
    return _in_days(column, days)


@predicate(on=_LIST, takes=Takes.ITEMS)
def has_all(column: Expr, items: Sequence[Value]) -> Expr:
    """The list has every one of the elements."""
    return balanced(operator.and_, [column.list.contains(item) for item in items])


@predicate(on=_LIST, takes=Takes.ITEMS)
def has_any(column: Expr, items: Sequence[Value]) -> Expr:
    """The list has at least one of the elements."""
    return balanced(operator.or_, [column.list.contains(item) for item in items])


@predicate(on=_ALL, takes=Takes.STATE)
def is_(column: Expr, state: str) -> Expr:
    """`unknown`: the value is missing; `known`: it is not. An empty list is known."""
    return column.is_null() if state == "unknown" else ~column.is_null()


def _in_days(column: Expr, days: Days) -> Expr:
    first, last = days
    return column <= last if first is None else (column >= first) & (column <= last)


def _is_one_of(column: Expr, values: Sequence[Value]) -> Expr:
    if len(values) <= _FEW and all(isinstance(value, str) for value in values):
        # A few texts are compared one by one in half the time that looking them up takes.
        return balanced(operator.or_, [column == value for value in values])
    return column.is_in(list(values))
