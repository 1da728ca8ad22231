"""What an operator is, and the two tables that hold them all."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar

from audience.kinds import Kind

if TYPE_CHECKING:
    from narwhals.stable.v2 import Expr

Part = TypeVar("Part")


class Takes(StrEnum):
    """What is written behind a predicate; the value is how messages and the docs call it."""

    VALUE = "a value of the column"
    VALUES = "a list of values of the column"
    CEILING = "a number or a date; a fraction on a whole column is rounded up"
    FLOOR = "a number or a date; a fraction on a whole column is rounded down"
    TEXT = "a text"
    PATTERN = "a regular expression"
    WITHIN = "a duration such as 30d"
    AGO = "a range of durations such as 31d..90d"
    STATE = "known or unknown"
    ITEMS = "an element or a list of elements"


@dataclass(frozen=True)
class Predicate:
    """A test of one column's value.

    ``holds`` gets the column and the argument, dates already absolute, and gives a boolean
    expression; where that is null (a missing value) the predicate does not hold.
    ``over_missing`` marks those that select missing values as a side effect, which is worth a
    warning.
    """

    name: str
    kinds: frozenset[Kind]
    takes: Takes
    holds: Callable[[Expr, Any], Expr] = field(compare=False)
    doc: str = field(compare=False)
    over_missing: bool = False

    @property
    def asks_missing(self) -> bool:
        """Whether it asks for the state of the value itself, so that no answer is unknown."""
        return self.takes is Takes.STATE


@dataclass(frozen=True)
class Measure:
    """A number made of one user's matching events, to be held against a range.

    ``aggregates`` names what is computed for each user: ``value``, from which ``less`` is taken,
    and which ``count`` divides. ``of_nothing`` is the number of a user without any event: 0 or,
    as for a mean, None (missing, so no range holds). ``counts`` marks those whose ranges are of
    whole numbers.
    """

    name: str
    kinds: frozenset[Kind]
    aggregates: Callable[[Expr], Mapping[str, Expr]] = field(compare=False)
    doc: str = field(compare=False)
    of_nothing: int | None
    counts: bool
    of_days: bool = False
    """Held against days, and of all time: the window of the behaviour does not bound it."""

    @property
    def over_column(self) -> bool:
        """Whether the measure is of a column (``sum: {amount: …}``) or of the events themselves."""
        return bool(self.kinds)


PREDICATES: dict[str, Predicate] = {}
MEASURES: dict[str, Measure] = {}


def balanced(combine: Callable[[Any, Any], Any], parts: Sequence[Part]) -> Part:
    """Combine parts pair by pair: engines nest only so deep, and a long list is no deep one."""
    level: list[Part] = list(parts)
    while len(level) > 1:
        pairs = [combine(*level[n : n + 2]) for n in range(0, len(level) - 1, 2)]
        level = pairs + (level[-1:] if len(level) % 2 else [])
    return level[0]


def predicate(
    *, on: frozenset[Kind], takes: Takes, over_missing: bool = False
) -> Callable[[Callable[[Any, Any], Any]], Callable[[Any, Any], Any]]:
    """Enter a function into the table of predicates, under its own name (``in_`` is ``in``)."""

    def enter(function: Callable[[Any, Any], Any]) -> Callable[[Any, Any], Any]:
        name = function.__name__.removesuffix("_")
        doc = (function.__doc__ or "").strip()
        PREDICATES[name] = Predicate(name, on, takes, function, doc, over_missing)
        return function

    return enter


def measure(
    *,
    on: frozenset[Kind] = frozenset(),
    of_nothing: int | None,
    counts: bool = False,
    of_days: bool = False,
) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Enter a function into the table of measures, under its own name."""

    def enter(function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        name = function.__name__.removesuffix("_")
        doc = (function.__doc__ or "").strip()
        MEASURES[name] = Measure(name, on, function, doc, of_nothing, counts, of_days)
        return function

    return enter
