"""A rule with numbers: what each condition costs, and what nearby bounds would give."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import pairwise
from typing import Any

from audience.insight.cells import Cell, Table, hidden_cells

BASE: Cell = "base"
SIZE: Cell = "size"


@dataclass(frozen=True)
class Nearby:
    """A bound at another value: how large the pack would be, and by how much that differs."""

    change: str
    size: int
    difference: int


@dataclass(frozen=True)
class Step:
    """One condition of a rule, all counts in users of the base.

    ``alone`` are those for whom it holds; ``after`` those left once it and all before it hold, of
    conditions that hold one after the other; ``without`` is the pack's size if it were left out,
    None where nothing would be left of the rule; ``only_missing`` are those for whom it holds only
    because a value is missing.
    """

    depth: int
    asked: str
    at: str
    alone: int
    after: int | None
    without: int | None
    only_missing: int
    nearby: tuple[Nearby, ...]


@dataclass(frozen=True)
class Waterfall:
    """A pack's rule, step by step, from the base of so many users to the pack's size."""

    pack: str
    label: str
    as_of: date
    base: int
    size: int
    steps: tuple[Step, ...]
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """What there is to be said of the data that was read."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        out = {**asdict(self), "as_of": self.as_of.isoformat()}
        del out["warnings"]
        return out


def hidden_in_waterfall(found: Waterfall, least: int) -> frozenset[Cell]:
    """The counts that can't be shared; cells are (step, what) and (step, change)."""
    return hidden_cells(table_of_waterfall(found), least) if least > 1 else frozenset()


def table_of_waterfall(found: Waterfall) -> Table:
    """Its counts, and which people they tell together."""
    table = Table({BASE: found.base, SIZE: found.size})
    for number, step in enumerate(found.steps):
        told: dict[Cell, int | None] = {
            (number, "alone"): step.alone,
            (number, "after"): step.after,
            (number, "without"): step.without,
            (number, "only_missing"): step.only_missing,
        }
        told |= {(number, each.change): each.size for each in step.nearby}
        table.counts |= {cell: count for cell, count in told.items() if count is not None}
    counts = table.counts
    marks = [cell for cell in counts if cell not in {BASE, SIZE}]
    # Steps follow each other, and variants differ from the pack, by people who are told that way.
    pairs = [(BASE, SIZE), *((BASE, cell) for cell in marks), *((SIZE, cell) for cell in marks)]
    after = [cell for cell in marks if isinstance(cell, tuple) and cell[1] == "after"]
    pairs += pairwise(after)
    # Whoever is left after a condition is of those for whom it holds alone.
    pairs += [((number, "alone"), (number, what)) for number, what in after]
    for one, other in pairs:
        more, less = (one, other) if counts[one] >= counts[other] else (other, one)
        table.groups.append(((more,), (less,)))
        if counts[more] == counts[less] > 0:
            table.sums.append(((more,), (less,)))
    return table


def shared_waterfall(found: Waterfall, hidden: frozenset[Cell]) -> dict[str, Any]:
    """A waterfall as JSON has it, nothing (null) in the place of what is hidden."""
    out = found.to_dict()
    for name, cell in (("base", BASE), ("size", SIZE)):
        out[name] = None if cell in hidden else out[name]
    for number, step in enumerate(out["steps"]):
        for what in ("alone", "after", "without", "only_missing"):
            step[what] = None if (number, what) in hidden else step[what]
        for each in step["nearby"]:
            if (number, each["change"]) in hidden:
                each["size"] = None
            if {(number, each["change"]), SIZE} & hidden:
                each["difference"] = None
    return out
