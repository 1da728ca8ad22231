"""Flows: how many users moved from each stage to each between two days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import pyarrow as pa

from audience.bits import complement
from audience.insight.cells import Cell, Table, hidden_cells
from audience.membership import Membership

NOWHERE = ""
"""In no stage: not in the base on that day."""


@dataclass(frozen=True)
class Flow:
    """Users by their stage on one day and on another.

    ``moved`` has for each stage of the first day, and for :data:`NOWHERE`, how many were in each
    stage of the other day, and nowhere; rows and columns add up to ``before`` and ``after``.
    """

    start: date
    end: date
    before: dict[str, int]
    after: dict[str, int]
    moved: dict[str, dict[str, int]]
    members: Membership = field(repr=False, compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """What there is to be said of the data that was read."""

    @property
    def stayed(self) -> int:
        """Users in the same stage on both days."""
        return sum(self.moved[stage][stage] for stage in self.before if stage in self.after)

    @property
    def entered(self) -> int:
        """Users in a stage on the second day alone."""
        return sum(self.moved[NOWHERE].values())

    @property
    def left(self) -> int:
        """Users in a stage on the first day alone."""
        return sum(row[NOWHERE] for row in self.moved.values())

    def ids(self, source: str, target: str) -> pa.Array:
        """Who moved so, ascending."""
        return self.members.select(self._bits("from", source) & self._bits("to", target)).sort()

    def _bits(self, side: str, stage: str) -> Any:
        if stage != NOWHERE:
            return self.members.bits[f"{side}:{stage}"]
        stages = self.before if side == "from" else self.after
        anywhere = self.members.union([f"{side}:{each}" for each in stages])
        return complement(anywhere, self.members.count)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "from": self.start.isoformat(),
            "to": self.end.isoformat(),
            "before": self.before,
            "after": self.after,
            "moved": self.moved,
            "stayed": self.stayed,
            "entered": self.entered,
            "left": self.left,
        }


def flow_between(
    start: date, old: Mapping[str, pa.Array], end: date, new: Mapping[str, pa.Array]
) -> Flow:
    """The flow between two days, of the ids of each stage on the one and on the other.

    On each day a user is in one stage at most.
    """
    sides = {**{f"from:{name}": ids for name, ids in old.items()}}
    sides |= {f"to:{name}": ids for name, ids in new.items()}
    members = Membership.from_ids(sides)
    common = members.common(list(sides))
    before = {name: len(ids) for name, ids in old.items()}
    after = {name: len(ids) for name, ids in new.items()}
    moved: dict[str, dict[str, int]] = {}
    for name, size in before.items():
        row = {other: common[f"from:{name}", f"to:{other}"] for other in after}
        moved[name] = {**row, NOWHERE: size - sum(row.values())}
    moved[NOWHERE] = {
        other: size - sum(moved[name][other] for name in before) for other, size in after.items()
    } | {NOWHERE: 0}
    return Flow(start, end, before, after, moved, members)


def size_of_stage(side: str, stage: str) -> Cell:
    """The cell of a stage's size: on the first day, ``before``, or on the last, ``after``."""
    return ("size", side, stage)


def hidden_in_flows(found: Sequence[Flow], least: int) -> list[frozenset[Cell]]:
    """The counts of flows that can't be shared: cells are (from, to), or :func:`size_of_stage`.

    They are read together: where one ends, another one begins.
    """
    if least < 2:
        return [frozenset() for _ in found]
    tables = [table_of_flow(each) for each in found]
    names = [_named(each) for each in found]
    whole = Table()
    for table, own in zip(tables, names, strict=True):
        whole.counts |= {own[cell]: count for cell, count in table.counts.items()}
        for one, other in table.sums:
            whole.sums.append(
                (tuple(own[cell] for cell in one), tuple(own[cell] for cell in other))
            )
    hidden = hidden_cells(whole, least)
    return [frozenset(cell for cell, name in own.items() if name in hidden) for own in names]


def _named(found: Flow) -> dict[Cell, Cell]:
    """What cells are called among several flows: a stage's size by its day."""
    days = {"before": found.start, "after": found.end}
    out: dict[Cell, Cell] = {}
    for side, day in days.items():
        sizes = found.before if side == "before" else found.after
        out |= {size_of_stage(side, name): (day, name) for name in sizes}
    moves = ((one, other) for one, row in found.moved.items() for other in row)
    return out | {(one, other): (found.start, found.end, one, other) for one, other in moves}


def table_of_flow(found: Flow) -> Table:
    """Its counts, and how they add up."""
    table = Table({(one, other): n for one, row in found.moved.items() for other, n in row.items()})
    for name, size in found.before.items():
        cell = size_of_stage("before", name)
        table.counts[cell] = size
        table.sums.append(((cell,), tuple((name, other) for other in found.moved[name])))
    for name, size in found.after.items():
        cell = size_of_stage("after", name)
        table.counts[cell] = size
        table.sums.append(((cell,), tuple((other, name) for other in found.moved)))
    return table


def shared_flow(found: Flow, hidden: frozenset[Cell]) -> dict[str, Any]:
    """A flow as JSON has it, nothing (null) in the place of what is hidden."""
    out = found.to_dict()
    if not hidden:
        return out
    for side in ("before", "after"):
        out[side] = {
            name: None if size_of_stage(side, name) in hidden else size
            for name, size in out[side].items()
        }
    out["moved"] = {
        one: {other: None if (one, other) in hidden else n for other, n in row.items()}
        for one, row in out["moved"].items()
    }
    return {**out, "stayed": None, "entered": None, "left": None}
