"""Who is in which node, as columns: the algebra of :mod:`audience.engine.algebra`, row by row.

A node that several others name becomes a column of its own, so that it is computed once; others
are written into what they are part of. Columns are added level by level: a frame for each level,
not for each node, keeps Spark's plan small.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

from audience.engine.answers import POSSIBLE, Answer, kept_of, put_together, sides_of
from audience.engine.base import OWN
from audience.operators.table import balanced
from audience.plan.build import reachable
from audience.plan.nodes import Const, Kept, Node, parts_of

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

Keep = Callable[["DataFrame", Kept, str, str], "DataFrame"]
"""Adds to a frame a column of whom a limit keeps, of those of whom another column holds."""


class _Columns:
    """Sets of users as columns of booleans, none missing."""

    def complement(self, one: Column) -> Column:
        return ~one

    def all(self, parts: Sequence[Column]) -> Column:
        return balanced(operator.and_, parts)

    def any(self, parts: Sequence[Column]) -> Column:
        return balanced(operator.or_, parts)

    def at_least(self, least: int, parts: Sequence[Column]) -> Column:
        return balanced(operator.add, [column.cast("int") for column in parts]) >= least


_COLUMNS = _Columns()


@dataclass
class _Level:
    columns: dict[str, Column] = field(default_factory=dict)
    limits: list[tuple[Kept, str, str]] = field(default_factory=list)


class Algebra:
    """Puts the nodes of a plan together; ``leaves`` are those that rows and lists have told."""

    def __init__(
        self, nodes: Sequence[Node], roots: Sequence[int], leaves: Mapping[int, Answer[Column]]
    ):
        self.nodes = nodes
        self.roots = roots
        self._leaves = leaves
        self._answers: dict[int, Answer[Column]] = {}
        self._heights: dict[int, int] = {}
        """By node the level that its columns can be used from."""
        self._levels: dict[int, _Level] = {}

    def add_to(
        self, frame: DataFrame, keep: Keep
    ) -> tuple[DataFrame, Mapping[int, Answer[Column]]]:
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
        self._heights[number] = max((self._heights[part] for part in parts_of(node)), default=0)
        match node:
            case _ if number in self._leaves:
                found = self._leaves[number]
                if found.possible is not None and POSSIBLE not in sides:
                    found = Answer(found.closed, found.sure, None)
            case Const(value):
                found = Answer.certain(F.lit(value))
            case Kept():
                found = self._kept(number, node)
            case _:
                found = put_together(node, self._answers, _COLUMNS)
        self._answers[number] = found

    def _kept(self, number: int, node: Kept) -> Answer[Column]:
        part, name = self._answers[node.part], f"{OWN}kept_{number}"
        level = self._level(self._heights[number])
        level.limits.append((node, f"{OWN}closed_{node.part}", name))
        self._heights[number] += 1
        return kept_of(part, F.col(name), _COLUMNS)

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
