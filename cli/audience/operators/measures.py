"""The measures of a user's events.

Each function gets the column it measures, or for a measure of the events themselves the day, and
names the aggregates that are needed. Sums are of whole numbers: the engine hands money over in
millionths, so that no order of the rows can move a user across a threshold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from audience.kinds import NUMBERS, SCALARS
from audience.operators.table import measure

if TYPE_CHECKING:
    from narwhals.stable.v2 import Expr

Aggregates = dict[str, "Expr"]


@measure(of_nothing=0, counts=True)
def times(day: Expr) -> Aggregates:
    """How many events. `1..` where no other measure is given."""
    return {"value": day.count()}


@measure(of_nothing=0, counts=True)
def days(day: Expr) -> Aggregates:
    """On how many distinct days."""
    return {"value": day.n_unique()}


@measure(on=SCALARS, of_nothing=0, counts=True)
def distinct(column: Expr) -> Aggregates:
    """How many distinct values; a missing value is none."""
    return {"value": column.n_unique(), "less": column.is_null().any()}


@measure(on=NUMBERS, of_nothing=0)
def sum_(column: Expr) -> Aggregates:
    """The exact sum; missing values add nothing."""
    return {"value": column.sum()}


@measure(on=NUMBERS, of_nothing=None)
def mean(column: Expr) -> Aggregates:
    """The exact mean of the values that are not missing."""
    return {"value": column.sum(), "count": column.count()}


@measure(on=NUMBERS, of_nothing=None)
def min_(column: Expr) -> Aggregates:
    """The least value."""
    return {"value": column.min()}


@measure(on=NUMBERS, of_nothing=None)
def max_(column: Expr) -> Aggregates:
    """The greatest value."""
    return {"value": column.max()}


@measure(of_nothing=None, of_days=True)
def first(day: Expr) -> Aggregates:
    """The day of the first such event of all time, up to as_of: `within`, `ago` or `between`."""
    return {"value": day.min()}


@measure(of_nothing=None, of_days=True)
def last(day: Expr) -> Aggregates:
    """The day of the last such event of all time, up to as_of: `within`, `ago` or `between`."""
    return {"value": day.max()}
