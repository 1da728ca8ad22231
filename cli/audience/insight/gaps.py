"""By how much a value is out of the bounds that a condition asks for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

import numpy as np

from audience.kinds import DAYS, NUMBERS, Kind, Tag
from audience.plan import nodes
from audience.rules.english import SIGNS
from audience.rules.tree import Test

WINDOW = "the window"
_LOW = {"gt", "gte"}
_HIGH = {"lt", "lte"}


@dataclass(frozen=True)
class Gap:
    """What a value lacks to be at a bound, or is beyond it; of days, how many.

    ``by`` is above 0, or 0 where the value is at a bound that is not in. ``open``: it must be more
    than ``by``, as the bound is not in. ``bound`` is as it is told.
    """

    by: Decimal | int
    bound: str
    beyond: bool = False
    open: bool = False
    days: bool = False
    count: bool = False

    def __str__(self) -> str:
        side = "beyond" if self.beyond else "short of"
        if self.open and not self.by:
            return f"just {side} {self.bound}"
        by = ("over " if self.open else "") + plainly(self.by)
        if self.days:
            by += " day" if self.by == 1 else " days"
        if self.bound == WINDOW:
            side = "after" if self.beyond else "before"
        if self.count and self.beyond:
            return f"{by} too many"
        return f"{by} {side} {self.bound}"


def gap_of_test(test: Test, planned: nodes.Node, value: Any) -> Gap | None:
    """A tag's value against a test's bound; None where it is in, is missing or has no order.

    ``planned`` is the test with its days absolute.
    """
    kind, name = test.tag.type.kind, test.predicate.name
    if value is None or (kind not in NUMBERS and kind not in DAYS):
        return None
    if name in {"within", "ago"}:
        window = planned.argument if isinstance(planned, nodes.Test) else None
        return _of_window(value, window) if isinstance(window, tuple) else None
    if name not in {"eq", *_LOW, *_HIGH}:
        return None
    return _of_bound(name, test.argument, value, test.tag)


def gap_of_limit(limit: nodes.Limit, value: Any, *, whole: bool = False) -> Gap | None:
    """A measure against its range; None where it is in or missing. ``whole``: no fractions."""
    if value is None:
        return None
    if limit.measure.of_days:
        return _of_window(value, (limit.low, limit.high))
    found = _exact(value)
    if found is None:
        return None
    counts = limit.measure.counts
    low, high = (_side(each) for each in (limit.low, limit.high))
    if low is not None and found < low:
        return Gap(_rounded(low - found, whole), _told(low), count=counts)
    if high is not None and found > high:
        return Gap(_rounded(found - high, whole), _told(high), beyond=True, count=counts)
    return None


def _side(bound: Decimal | int | date | None) -> Decimal | None:
    return None if bound is None or isinstance(bound, date) else Decimal(bound)


def _of_window(value: date, window: tuple[Any, ...]) -> Gap | None:
    first, last = window
    if first is not None and value < first:
        return Gap((first - value).days, WINDOW, days=True)
    if last is not None and value > last:
        return Gap((value - last).days, WINDOW, beyond=True, days=True)
    return None


def _of_bound(name: str, bound: Any, value: Any, tag: Tag) -> Gap | None:
    """Of a bound that is not in, whole numbers and days lack one more."""
    sign = f"{SIGNS[name]} {_told(bound)}"
    days = tag.type.kind in DAYS
    whole = days or tag.type.kind is Kind.INTEGER
    strict = name in {"gt", "lt"}
    less: Decimal | int
    if days:
        less = (bound - value).days
    else:
        found, wanted = (_exact(each, single=tag.type.single) for each in (value, bound))
        if found is None or wanted is None:
            return None
        less = wanted - found
    extra = 1 if strict and whole else 0
    open_ = strict and not whole
    if name not in _HIGH and (less > 0 or (name == "gt" and less == 0)):
        return Gap(_plain(less + extra), sign, open=open_, days=days)
    if name not in _LOW and (less < 0 or (name == "lt" and less == 0)):
        return Gap(_plain(extra - less), sign, beyond=True, open=open_, days=days)
    return None


def _exact(value: Any, *, single: bool = False) -> Decimal | None:
    """A number as it is spelled, so that a gap of 7.49 is not one of 7.489999; None: infinite."""
    spelled = Decimal(str(np.float32(value)) if single else str(value))
    return spelled if spelled.is_finite() else None


def _rounded(by: Decimal, whole: bool) -> Decimal | int:
    return int(by.to_integral_value("ROUND_CEILING")) if whole else _plain(by)


def _plain(by: Decimal | int) -> Decimal | int:
    if isinstance(by, int) or by == by.to_integral_value():
        return int(by)
    return by.normalize()


def _told(bound: Any) -> str:
    if isinstance(bound, date):
        return str(bound)
    return plainly(bound)


def plainly(value: int | float | Decimal) -> str:
    """A number with its thousands told apart, in as many digits as it takes: ``4,200.5``."""
    if isinstance(value, float):
        return f"{value:,.15g}"
    if isinstance(value, int) or value == value.to_integral_value():
        return f"{int(value):,}"
    return f"{value.normalize():,f}"
