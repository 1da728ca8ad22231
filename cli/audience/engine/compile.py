"""Plan nodes → narwhals expressions.

Of users only single tests are asked for, missing where the value is; they are put together
elsewhere. Conditions over event rows are compiled whole: a test of a missing value is false there,
and so is everything above it, which is the language's two-valued logic.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw

from audience.operators.table import balanced
from audience.plan.nodes import And, AtLeast, Const, Node, Not, Or, Test


@dataclass
class Compiler:
    """Compiles nodes over one frame."""

    nodes: Sequence[Node]

    def expression(self, number: int) -> nw.Expr:
        """A boolean expression for a node."""
        node = self.nodes[number]
        match node:
            case Test():
                return _holds(node)
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
                raise AssertionError(f"{node} is not told by a row")

    def _all(self, parts: Sequence[int]) -> list[nw.Expr]:
        return [self.expression(part) for part in parts]

    def _at_least(self, count: int, parts: Sequence[int]) -> nw.Expr:
        ones = [part.cast(nw.Int32) for part in self._all(parts)]
        return _reduce(operator.add, ones) >= count


def _reduce(function: Callable[[Any, Any], Any], parts: list[nw.Expr]) -> nw.Expr:
    return balanced(function, parts)


def with_tests(frame: nw.LazyFrame[Any], tests: Mapping[str, Test]) -> nw.LazyFrame[Any]:
    """Add a boolean column for each test, false where the value is missing."""
    made = [_holds(test).alias(name) for name, test in tests.items()]
    return frame.with_columns(*made) if made else frame


def _holds(test: Test) -> nw.Expr:
    return test.predicate.holds(nw.col(test.column), test.argument).fill_null(False)
