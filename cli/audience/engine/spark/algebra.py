"""Who is in which node, as columns: the algebra of :mod:`audience.engine.algebra`, row by row.

A node that several others name becomes a column of its own, so that it is computed once; others
are written into what they are part of. Columns are added level by level: a frame for each level,
not for each node, keeps Spark's plan small.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pyspark.sql import functions as F

from audience.engine.algebra import POSSIBLE, sides_of
from audience.engine.base import OWN
from audience.operators.table import balanced
from audience.plan.build import reachable
from audience.plan.nodes import And, AtLeast, Const, Kept, Left, Node, Not, Or, parts_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Keep = Callable[["DataFrame", Kept, str, str], "DataFrame"]
"""Adds to a frame a column of whom a limit keeps, of those of whom another column holds."""


@dataclass(frozen=True)
class Answer:
    """Who is in a node: as the rules say, and whatever missing values were, surely and possibly.

    The same object where no missing value matters; None where nobody asks.
    """

    closed: Column
    sure: Column | None
    possible: Column | None

    @classmethod
    def certain(cls, column: Column) -> Answer:
        """An answer that no missing value could change."""
        return cls(column, column, column)


@dataclass
class _Level:
    columns: dict[str, Column] = field(default_factory=dict)
    limits: list[tuple[Kept, str, str]] = field(default_factory=list)


class Algebra:
    """Puts the nodes of a plan together; ``leaves`` are those that rows and lists have told."""

    def __init__(self, nodes: Sequence[Node], roots: Sequence[int], leaves: Mapping[int, Answer]):
        self.nodes = nodes
        self.roots = roots
        self._leaves = leaves
        self._answers: dict[int, Answer] = {}
        self._heights: dict[int, int] = {}
        """By node the level that its columns can be used from."""
        self._levels: dict[int, _Level] = {}

    def add_to(self, frame: DataFrame, keep: Keep) -> tuple[DataFrame, Mapping[int, Answer]]:
        """The frame with all that the roots' answers are made of, and the answers."""
        numbers = reachable(self.nodes, self.roots)
        sides = sides_of(self.nodes, numbers, self.roots)
        used = Counter(part for number in numbers for part in set(parts_of(self.nodes[number])))
        limited = {node.part for number in numbers if isinstance(node := self.nodes[number], Kept)}
        for number in numbers:
            self._compute(number, sides[number])
            if number in limited or (used[number] > 1 and number not in self._leaves):
                self._keep(number)
        for _, level in sorted(self._levels.items()):
            for limit, part, name in level.limits:
                frame = keep(frame, limit, part, name)
            if level.columns:
                frame = frame.withColumns(level.columns)
        return frame, {root: self._answers[root] for root in self.roots}

    def _compute(self, number: int, sides: Collection[str]) -> None:
        node = self.nodes[number]
        parts = [self._answers[part] for part in parts_of(node)]
        self._heights[number] = max((self._heights[part] for part in parts_of(node)), default=0)
        match node:
            case _ if number in self._leaves:
                found = self._leaves[number]
                if found.possible is not None and POSSIBLE not in sides:
                    found = Answer(found.closed, found.sure, None)
            case Const(value):
                found = Answer.certain(F.lit(value))
            case Not():
                found = _complement(parts[0])
            case Left():
                found = _combined([parts[0], _complement(parts[1])], _all)
            case And():
                found = _combined(parts, _all)
            case Or():
                found = _combined(parts, _any)
            case AtLeast(least):
                own = [self._answers[part] for part in node.parts]
                found = _combined(own, lambda columns: _at_least(least, columns))
            case Kept():
                found = self._kept(number, node)
            case _:
                raise AssertionError(f"{node} is told by rows or lists")
        self._answers[number] = found

    def _kept(self, number: int, node: Kept) -> Answer:
        part, name = self._answers[node.part], f"{OWN}kept_{number}"
        level = self._level(self._heights[number])
        level.limits.append((node, f"{OWN}closed_{node.part}", name))
        self._heights[number] += 1
        kept = F.col(name)
        assert part.sure is not None
        if part.sure is part.closed:
            return Answer.certain(kept)
        return Answer(kept, kept & part.sure, kept)

    def _keep(self, number: int) -> None:
        """Make columns of a node."""
        level = self._level(self._heights[number])
        made: dict[int, Column] = {}

        def column(side: str, found: Column | None) -> Column | None:
            if found is None or id(found) in made:
                return None if found is None else made[id(found)]
            name = f"{OWN}{side}_{number}"
            level.columns[name] = found
            made[id(found)] = F.col(name)
            return made[id(found)]

        answer = self._answers[number]
        closed = column("closed", answer.closed)
        assert closed is not None
        sure, possible = column("sure", answer.sure), column("possible", answer.possible)
        self._answers[number] = Answer(closed, sure, possible)
        self._heights[number] += 1

    def _level(self, height: int) -> _Level:
        return self._levels.setdefault(height, _Level())


def _complement(inner: Answer) -> Answer:
    closed = ~inner.closed

    def turned(column: Column | None) -> Column | None:
        if column is inner.closed:
            return closed
        return None if column is None else ~column

    return Answer(closed, turned(inner.possible), turned(inner.sure))


def _combined(answers: Sequence[Answer], function: Callable[[list[Any]], Column]) -> Answer:
    closed = function([each.closed for each in answers])

    def side(found: Sequence[Column | None]) -> Column | None:
        if all(column is each.closed for column, each in zip(found, answers, strict=True)):
            return closed
        there = [column for column in found if column is not None]
        return function(there) if len(there) == len(found) else None

    return Answer(
        closed, side([each.sure for each in answers]), side([each.possible for each in answers])
    )


def _all(columns: list[Any]) -> Column:
    found: Column = balanced(operator.and_, columns)
    return found


def _any(columns: list[Any]) -> Column:
    found: Column = balanced(operator.or_, columns)
    return found


def _at_least(least: int, columns: Iterable[Column]) -> Column:
    return balanced(operator.add, [column.cast("int") for column in columns]) >= least
