"""What a report may tell of a result, and what packs are called."""

from __future__ import annotations

from dataclasses import dataclass

from audience.insight.cells import Cell
from audience.insight.report import Goal
from audience.report.charts.canvas import cut
from audience.report.language import Words

_HEADING = 220.0


@dataclass(frozen=True)
class Telling:
    """Tells counts and texts made from them in a language, unless they are hidden."""

    words: Words
    hidden: frozenset[Cell]

    def hides(self, *cells: Cell) -> bool:
        """Whether any of these is hidden."""
        return not self.hidden.isdisjoint(cells)

    def known(self, cell: Cell, value: int) -> int | None:
        """A count, None where it is hidden."""
        return None if cell in self.hidden else value

    def count(self, cell: Cell, value: int) -> str:
        """A count as a text."""
        return self.words.count(self.known(cell, value))

    def users(self, cell: Cell, value: int) -> str:
        """A count with its unit."""
        return self.words.users(self.known(cell, value))

    def of(self, text: str, *cells: Cell) -> str:
        """A text that is made from some counts."""
        return self.words("hidden") if self.hides(*cells) else text


def pack_name(name: str) -> str:
    """A pack's name without its campaign and phase."""
    return name.rpartition("/")[2]


def called(name: str, label: str) -> str:
    """What people call a pack: its label if it has one."""
    return label or pack_name(name)


def in_full(name: str, label: str) -> str:
    """A pack's label and name."""
    return f"{label} ({name})" if label else name


def goal_called(goal: Goal | None, target: str) -> str:
    """What a goal is called in a heading: a long condition is cut, where a word ends."""
    name = goal.name if goal is not None else target
    if goal is not None and goal.words and goal.unnamed:
        name = goal.words
    elif "{" not in name:
        name = pack_name(name)
    name = (goal.label if goal is not None else "") or name
    short = cut(name, _HEADING)
    if short == name:
        return name
    words = short[:-1].rpartition(" ")[0] or short[:-1]
    return words.rstrip(" ,:[{(，、：（=≥≤<>≠") + "…"
