"""Plan nodes → narwhals expressions.

Missing values: a leaf is null where its column is. Closed, it is false there, and so is
everything above it: that is the language's two-valued logic. Open, null runs up through and, or
and not (Kleene), and what comes out true is true whatever the missing values were; the
difference is who is selected only because a value is missing.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import narwhals.stable.v2 as nw

from audience.engine.base import OWN
from audience.operators.table import balanced
from audience.plan.build import reachable
from audience.plan.nodes import And, AtLeast, Const, Node, Not, Or, Test, parts_of


@dataclass
class Compiler:
    """Compiles nodes over one frame.

    ``given`` has the nodes that are columns of the frame already: parts that several nodes share.
    """

    nodes: Sequence[Node]
    given: Mapping[int, str] = field(default_factory=dict)
    open: bool = False

    def expression(self, number: int) -> nw.Expr:
        """A boolean expression for a node."""
        if number in self.given:
            return nw.col(self.given[number])
        node = self.nodes[number]
        match node:
            case Test():
                return self._test(node)
            case Const(value):
                return nw.lit(value, nw.Boolean)
            case Not(part):
                return ~self.expression(part)
            case And(parts):
                return _reduce(operator.and_, self._all(parts))
            case Or(parts):
                return _reduce(operator.or_, self._all(parts))
            case AtLeast(count, parts):
                return self._at_least(count, parts)
            case _:
                raise AssertionError(f"{node} is not told by a row of users")

    def _all(self, parts: Sequence[int]) -> list[nw.Expr]:
        return [self.expression(part) for part in parts]

    def _test(self, node: Test) -> nw.Expr:
        column = nw.col(node.column)
        closed = node.predicate.holds(column, node.argument).fill_null(False)
        if self.open and not node.predicate.asks_missing:
            return nw.when(~column.is_null()).then(closed)
        return closed

    def _at_least(self, count: int, parts: Sequence[int]) -> nw.Expr:
        # Kleene: certain with the parts that are surely true, so unknown counts as not.
        ones = [part.fill_null(False).cast(nw.Int32) for part in self._all(parts)]
        enough = _reduce(operator.add, ones) >= count
        if not self.open:
            return enough
        maybe = [part.fill_null(True).cast(nw.Int32) for part in self._all(parts)]
        possible = _reduce(operator.add, maybe) >= count
        return nw.when(enough).then(nw.lit(True)).when(~possible).then(nw.lit(False))


def _reduce(function: Callable[[Any, Any], Any], parts: list[nw.Expr]) -> nw.Expr:
    return balanced(function, parts)


def with_shared(
    frame: nw.LazyFrame[Any],
    nodes: Sequence[Node],
    numbers: Sequence[int],
    *,
    open: bool = False,
) -> tuple[nw.LazyFrame[Any], dict[int, str]]:
    """Add a column for each node that several others use: no expression is written out twice.

    Without this a plan of shared parts would be unfolded into a tree, whose size may be
    exponential.
    """
    uses: dict[int, int] = {}
    for number in numbers:
        for part in parts_of(nodes[number]):
            uses[part] = uses.get(part, 0) + 1
    columns: dict[int, str] = {}
    for number in numbers:  # parts stand before what is made of them
        if uses.get(number, 0) > 1 and number not in columns and parts_of(nodes[number]):
            name = f"{OWN}{'open' if open else 'node'}_{number}"
            shared = Compiler(nodes, columns, open).expression(number)
            frame = frame.with_columns(shared.alias(name))
            columns[number] = name
    return frame, columns


def tells_missing(nodes: Sequence[Node], number: int) -> bool:
    """Whether a node can select someone only because a value is missing: it has a negation."""
    parts = (nodes[part] for part in reachable(nodes, [number]))
    return any(
        isinstance(part, Not) or (isinstance(part, Test) and part.predicate.over_missing)
        for part in parts
    )
