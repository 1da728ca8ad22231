"""Behaviour: a table's events → for each fold, which users differ from a user without events."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from fractions import Fraction
from typing import Any

import narwhals.stable.v2 as nw

from audience.engine.base import DAY, OWN
from audience.engine.rows import Events, matching, select_rows
from audience.kinds import Kind, Type
from audience.operators.table import balanced
from audience.plan.nodes import Fold, Limit, Node
from audience.rules.scalars import fit_bound

MILLIONTHS = 10**6
"""Fractions are summed as whole millionths: exact for money, and whatever the order of the rows."""

LARGEST = 1e18
"""A value beyond can't be summed exactly: 38 digits of millionths hold 10^14 of these."""

_BEYOND = 10**7
"""Infinity is so many times the largest value: more than any bound that a rule can have.

So many infinities of a user still have room in 38 digits, beside as many values.
"""

_SUMMED = {"sum", "mean"}


def passing(tables: Mapping[str, Events], fold: Fold, nodes: Sequence[Node]) -> nw.LazyFrame[Any]:
    """The keys, each once, for whom the fold's answer is not the one of a user without events."""
    events = tables[fold.rows.table]
    rows = select_rows(tables, fold.rows, nodes)
    if _is_any(fold):
        return rows.select(events.key).unique()
    measured = _all_measured(fold, events)
    grouped = _aggregated(rows, fold, events, measured)
    holds = balanced(operator.and_, [each.holds for each in measured]).fill_null(False)
    return grouped.filter(~holds if fold.absent else holds).select(events.key)


@dataclass(frozen=True)
class Together:
    """Folds of rows one by one, to be answered in one pass over all rows that any of them wants.

    Of a row that does not count for a fold all values are missing, which measures pass over.
    """

    measured: Mapping[str, Sequence[Measured]]

    @property
    def inputs(self) -> list[nw.Expr]:
        """What rows need."""
        every = (each for several in self.measured.values() for each in several)
        made = {name: made for each in every for name, made in each.inputs.items()}
        return [each.alias(name) for name, each in made.items()]

    @property
    def holds(self) -> list[nw.Expr]:
        """By name for whom each fold holds, of those who have rows."""
        return [
            balanced(operator.and_, [each.holds for each in several]).fill_null(False).alias(name)
            for name, several in self.measured.items()
        ]


def together(folds: Mapping[str, Fold], events: Events, nodes: Sequence[Node]) -> Together:
    """Folds by name, as parts of one pass."""
    out = {}
    for name, fold in folds.items():
        counts = matching(fold.rows, nodes, events.action)
        out[name] = [
            _measured(limit, events, each=False, tag=name, counts=counts) for limit in fold.limits
        ]
    return Together(out)


def measures_of(
    tables: Mapping[str, Events], fold: Fold, nodes: Sequence[Node]
) -> tuple[nw.LazyFrame[Any], Callable[[Mapping[str, Any]], dict[Limit | str, Any]]]:
    """The aggregates of rows that are one user's: a row, or none without events; how to read it."""
    events = tables[fold.rows.table]
    measured = _all_measured(fold, events)
    rows = select_rows(tables, fold.rows, nodes)
    pairs = list(zip(fold.limits, measured, strict=True))

    def read(row: Mapping[str, Any]) -> dict[Limit | str, Any]:
        return {limit: each.value(row) for limit, each in pairs}

    # Engines hand 128 bits over in their own ways, or not at all: as texts they are alike.
    wide = [each.prefix + "value" for each in measured if each.is_whole]
    frame = _aggregated(rows, fold, events, measured)
    if wide:
        frame = frame.with_columns(*(nw.col(name).cast(nw.String) for name in wide))
    return frame, read


def magnitude(column: nw.Expr) -> nw.Expr:
    """How large each value of a column is, infinity aside."""
    size = column.abs()
    return nw.when(size < float("inf")).then(size)


def summed(fold: Fold, types: Mapping[str, Type]) -> tuple[str, ...]:
    """The columns of fractions whose values a fold adds up."""
    names = {limit.column for limit in fold.limits if limit.name in _SUMMED or fold.each}
    return tuple(sorted(name for name in names if name and types[name].kind is Kind.NUMBER))


def _aggregated(
    rows: nw.LazyFrame[Any], fold: Fold, events: Events, measured: Sequence[Measured]
) -> nw.LazyFrame[Any]:
    """A row for each user, with the aggregates."""
    inputs = {name: made for each in measured for name, made in each.inputs.items()}
    if inputs:
        rows = rows.with_columns(*(made.alias(name) for name, made in inputs.items()))
    if fold.each is not None:
        rows = _put_together(rows, fold.each, events, tuple(inputs))
    aggregates = {name: made for each in measured for name, made in each.aggregates.items()}
    return rows.group_by(events.key).agg(*(made.alias(name) for name, made in aggregates.items()))


def _put_together(
    rows: nw.LazyFrame[Any], each: str, events: Events, sums: Sequence[str]
) -> nw.LazyFrame[Any]:
    """Rows of a user with one value of a column as one event; a row without a value is its own."""
    key, value = events.key, OWN + "each"
    rows = rows.select(key, nw.col(each).alias(value), DAY, *sums)
    alone = rows.filter(nw.col(value).is_null()).select(key, DAY, *sums)
    counts = {name: OWN + "known_" + name for name in sums}
    grouped = (
        rows.filter(~nw.col(value).is_null())
        .group_by(key, value)
        .agg(
            nw.col(DAY).min(),
            *(nw.col(name).sum() for name in sums),
            *(nw.col(name).count().alias(count) for name, count in counts.items()),
        )
    )
    # The sum of nothing is 0 to an engine; of an event without any value it is missing.
    known = [
        nw.when(nw.col(count) > 0).then(nw.col(name).cast(events.wide)).alias(name)
        for name, count in counts.items()
    ]
    return nw.concat([grouped.select(key, DAY, *known), alone], how="vertical")


def _is_any(fold: Fold) -> bool:
    """The common case: at least one event, which needs no counting."""
    return fold.limits == (Limit("times", None, 1, None),)


@dataclass(frozen=True)
class Measured:
    """A limit as expressions: what rows need, what groups need, and whether it holds of a group."""

    limit: Limit
    column: str
    """What is measured."""
    inputs: Mapping[str, nw.Expr]
    aggregates: Mapping[str, nw.Expr]
    holds: nw.Expr
    prefix: str
    scale: int
    is_whole: bool

    def value(self, row: Mapping[str, Any]) -> Any:
        """The measure itself, of a row of aggregates; None where it is missing."""
        value, count = row[self.prefix + "value"], row.get(self.prefix + "count")
        if value is None or count == 0:
            return None
        if self.prefix + "less" in row:
            return int(value) - int(row[self.prefix + "less"])
        if not self.is_whole:
            return value
        found = Fraction(int(value), self.scale * (1 if count is None else int(count)))
        return int(found) if found.denominator == 1 else float(found)


def _all_measured(fold: Fold, events: Events) -> list[Measured]:
    return [_measured(limit, events, each=fold.each is not None) for limit in fold.limits]


def _measured(
    limit: Limit, events: Events, *, each: bool, tag: str = "", counts: nw.Expr | None = None
) -> Measured:
    """A limit; where not all rows count, ``tag`` names what is made for it."""
    types, wide = events.types, events.wide
    name = DAY if limit.column is None else limit.column
    made_of = nw.col(name)
    inputs: dict[str, nw.Expr] = {}
    scale = 1
    whole = limit.name in _SUMMED or (each and limit.column is not None)
    if whole:
        fraction = types[name].kind is Kind.NUMBER
        scale = MILLIONTHS if fraction else 1
        exact = _millionths(made_of, wide) if fraction else made_of
        name = f"{OWN}whole_{name}"
        # 64 bits would wrap without a word.
        inputs[name] = made_of = exact.cast(wide)
    if counts is not None:
        name = f"{tag}_{name}"
        inputs = {name: nw.when(counts).then(made_of)}
    made = limit.measure.aggregates(nw.col(name))
    prefix = f"{OWN}{limit.name}_{name}_"
    value = nw.col(prefix + "value")
    if "less" in made:
        value = value.cast(nw.Int64) - nw.col(prefix + "less").cast(nw.Int64)
    if "count" in made:
        times = nw.col(prefix + "count").cast(wide)
        holds = _mean_in_range(value, times, limit, scale, wide) & (times > 0)
    else:
        column = None if whole or limit.column is None else types[limit.column]
        holds = _in_range(value, limit, scale, column, wide)
    aggregates = {prefix + part: made[part] for part in made}
    return Measured(limit, name, inputs, aggregates, holds, prefix, scale, whole)


def _millionths(column: nw.Expr, wide: Any) -> nw.Expr:
    """Whole millionths: the whole part exactly, the fraction rounded, halves up.

    Engines round halves each in their own way; floor is one.
    """
    value = column.clip(-LARGEST, LARGEST)
    whole = value.floor()
    fraction = ((value - whole) * MILLIONTHS + 0.5).floor()
    infinite = column.abs() == float("inf")
    scale = nw.when(infinite).then(nw.lit(_BEYOND * MILLIONTHS)).otherwise(nw.lit(MILLIONTHS))
    return whole.cast(wide) * scale.cast(wide) + fraction.cast(wide)


def _in_range(value: nw.Expr, limit: Limit, scale: int, column: Type | None, wide: Any) -> nw.Expr:
    tests: list[nw.Expr] = []
    if limit.low is not None:
        tests.append(value >= _spelled(bound_of(limit.low, scale, column, up=True), wide))
    if limit.high is not None:
        tests.append(value <= _spelled(bound_of(limit.high, scale, column, up=False), wide))
    return balanced(operator.and_, tests)


def _spelled(number: Any, wide: Any) -> Any:
    """A number as a literal: one of more than 64 bits by its digits, as not all engines take it."""
    if isinstance(number, int) and abs(number) >= 2**63:
        number = nw.lit(str(number)).cast(wide)
    return number


def bound_of(
    bound: Decimal | int | date, scale: int, column: Type | None, *, up: bool
) -> int | float | date:
    """A bound in the unit in which values are held; ``up`` rounds it so, else down."""
    if isinstance(bound, date):
        return bound
    if (
        column is not None
        and column.kind in {Kind.NUMBER, Kind.INTEGER}
        and isinstance(bound, Decimal)
    ):
        return fit_bound(bound, column, up=up)
    rounding = ROUND_CEILING if up else ROUND_FLOOR
    return int((Decimal(bound) * scale).to_integral_value(rounding))


def _mean_in_range(total: nw.Expr, times: nw.Expr, limit: Limit, scale: int, wide: Any) -> nw.Expr:
    """Whether total ÷ times is in range, without a division: both sides stay whole numbers."""
    tests: list[nw.Expr] = []
    for bound, compare in ((limit.low, operator.ge), (limit.high, operator.le)):
        if bound is not None:
            assert not isinstance(bound, date)
            numerator, denominator = (Decimal(bound) * scale).as_integer_ratio()
            left, right = _spelled(denominator, wide), _spelled(numerator, wide)
            tests.append(compare(total * left, times * right))
    return balanced(operator.and_, tests)
