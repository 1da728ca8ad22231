"""Behaviour: a table's events → for each fold, which users differ from a user without events."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Any

import narwhals.stable.v2 as nw

from audience.engine.base import DAY, OWN
from audience.engine.compile import Compiler
from audience.kinds import Kind, Type
from audience.operators.table import balanced
from audience.plan.nodes import Days, Fold, Limit, Node
from audience.rules.scalars import fit_bound

MILLIONTHS = 10**6
"""Fractions are summed as whole millionths: exact for money, and whatever the order of the rows."""

_INFINITE = 1e30


@dataclass(frozen=True)
class EventColumns:
    """The columns of an event table that folds use."""

    key: str
    action: str
    types: Mapping[str, Type]


def matching(fold: Fold, nodes: Sequence[Node], columns: EventColumns) -> nw.Expr:
    """Whether an event row counts for a fold."""
    tests = [_in_days(fold.days)]
    if fold.actions is not None:
        action = nw.col(columns.action)
        tests.append(
            action.is_in(list(fold.actions)) if len(fold.actions) > 1 else action == fold.actions[0]
        )
    if fold.where is not None:
        tests.append(Compiler(nodes).expression(fold.where))
    return balanced(operator.and_, tests)


def any_matching(folds: Sequence[Fold], nodes: Sequence[Node], columns: EventColumns) -> nw.Expr:
    """Whether an event row counts for any of the folds."""
    return balanced(operator.or_, [matching(fold, nodes, columns) for fold in folds])


def passing(
    events: nw.LazyFrame[Any], fold: Fold, nodes: Sequence[Node], columns: EventColumns
) -> nw.LazyFrame[Any]:
    """The keys, each once, for whom the fold's answer is not the one of a user without events."""
    rows = events.filter(matching(fold, nodes, columns) & ~nw.col(columns.key).is_null())
    if _is_any(fold):
        return rows.select(columns.key).unique()
    measured = [_measured(limit, columns) for limit in fold.limits]
    inputs = {column: expression for each in measured for column, expression in each.inputs.items()}
    if inputs:
        rows = rows.with_columns(*(expression.alias(name) for name, expression in inputs.items()))
    aggregates = {name: made for each in measured for name, made in each.aggregates.items()}
    grouped = rows.group_by(columns.key).agg(
        *(expression.alias(name) for name, expression in aggregates.items())
    )
    holds = balanced(operator.and_, [each.holds for each in measured]).fill_null(False)
    return grouped.filter(~holds if fold.absent else holds).select(columns.key)


def _is_any(fold: Fold) -> bool:
    """The common case: at least one event, which needs no counting."""
    return fold.limits == (Limit("times", None, 1, None),)


def _in_days(days: Days) -> nw.Expr:
    first, last = days
    day = nw.col(DAY)
    return day <= last if first is None else (day >= first) & (day <= last)


@dataclass(frozen=True)
class _Measured:
    """A limit as expressions: what rows need, what groups need, and whether it holds of a group."""

    inputs: Mapping[str, nw.Expr]
    aggregates: Mapping[str, nw.Expr]
    holds: nw.Expr


def _measured(limit: Limit, columns: EventColumns) -> _Measured:
    name = DAY if limit.column is None else limit.column
    inputs: dict[str, nw.Expr] = {}
    scale = 1
    if limit.name in {"sum", "mean"}:
        fraction = columns.types[name].kind is Kind.NUMBER
        scale = MILLIONTHS if fraction else 1
        exact = nw.col(name)
        if fraction:
            # Infinity counts as more than any bound that a rule can have.
            exact = (exact * MILLIONTHS).clip(-_INFINITE, _INFINITE).round(0)
        whole = f"{OWN}whole_{name}"
        # 128 bits: 64 would wrap without a word.
        inputs[whole] = exact.cast(nw.Int128)
        name = whole
    made = limit.measure.aggregates(nw.col(name))
    prefix = f"{OWN}{limit.name}_{name}_"
    value = nw.col(prefix + "value")
    if "less" in made:
        value = value.cast(nw.Int64) - nw.col(prefix + "less").cast(nw.Int64)
    if "count" in made:
        times = nw.col(prefix + "count").cast(nw.Int128)
        holds = _mean_in_range(value, times, limit, scale) & (times > 0)
    else:
        holds = _in_range(value, limit, scale, columns)
    return _Measured(inputs, {prefix + part: made[part] for part in made}, holds)


def _in_range(value: nw.Expr, limit: Limit, scale: int, columns: EventColumns) -> nw.Expr:
    tests = []
    if limit.low is not None:
        tests.append(value >= _bound(limit.low, limit, scale, columns, up=True))
    if limit.high is not None:
        tests.append(value <= _bound(limit.high, limit, scale, columns, up=False))
    return balanced(operator.and_, tests)


def _bound(
    bound: Decimal | int, limit: Limit, scale: int, columns: EventColumns, *, up: bool
) -> int | float:
    if limit.column is not None and limit.name in {"min", "max"}:
        return fit_bound(Decimal(bound), columns.types[limit.column], up=up)
    rounding = ROUND_CEILING if up else ROUND_FLOOR
    return int((Decimal(bound) * scale).to_integral_value(rounding))


def _mean_in_range(total: nw.Expr, times: nw.Expr, limit: Limit, scale: int) -> nw.Expr:
    """Whether total ÷ times is in range, without a division: both sides stay whole numbers."""
    tests: list[nw.Expr] = []
    for bound, compare in ((limit.low, operator.ge), (limit.high, operator.le)):
        if bound is not None:
            numerator, denominator = (Decimal(bound) * scale).as_integer_ratio()
            tests.append(compare(total * denominator, times * numerator))
    return balanced(operator.and_, tests)
