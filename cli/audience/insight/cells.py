"""Small cells: which counts of a table must not be told, so that nobody is found by a few.

A count below the least is hidden. Then others are hidden as well, until what is left tells none of
them: not by a sum whose other parts are there, nor by several sums together. A difference of two
counts is a count that is told too: of 100 in the base and 97 in a pack, 3 are not in it.

This is the suppression of tabular data by complementary cells (Cox: Suppression Methodology and
Statistical Disclosure Control, JASA 75, 1980), with linear equations solved exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TypeVar

Cell = Hashable
Row = dict[Cell, Fraction]
Cells = tuple[Cell, ...]
Thing = TypeVar("Thing", bound=Hashable)


@dataclass
class Table:
    """Counts by cell, and how they hang together.

    ``sums`` are cells that together are as many as other cells together, of a whole its parts;
    ``equations`` are cells that come to nothing, each so many times.
    ``groups`` are groups of people that no cell counts and that cells tell all the same: those of
    the first cells less those of the second ones. ``untold`` cells are not in the table, ``fixed``
    ones are told elsewhere too.
    """

    counts: dict[Cell, int] = field(default_factory=dict)
    sums: list[tuple[Cells, Cells]] = field(default_factory=list)
    groups: list[tuple[Cells, Cells]] = field(default_factory=list)
    equations: list[Row] = field(default_factory=list)
    untold: set[Cell] = field(default_factory=set)
    fixed: set[Cell] = field(default_factory=set)

    def size(self, more: Iterable[Cell], less: Iterable[Cell]) -> int:
        """How many are in the first cells and not in the second ones."""
        return sum(self.counts[cell] for cell in more) - sum(self.counts[cell] for cell in less)


def hidden_cells(table: Table, least: int) -> frozenset[Cell]:
    """The cells that may not be told, where counts from 1 to below ``least`` may not be.

    Whoever sees the others, and knows how they add up, can work out none of these counts. The
    answer depends on the table alone: two copies of one table hide the same.
    """
    counts = table.counts
    knowledge = _Knowledge([*(_row(table, *each) for each in table.sums), *table.equations])
    hidden = {cell for cell, count in counts.items() if cell in table.untold or 0 < count < least}
    for cell in [cell for cell in counts if cell in hidden]:
        knowledge.forget(cell)
    targets: list[Row] = [{cell: Fraction(1)} for cell, n in counts.items() if 0 < n < least]
    for more, less in table.groups:
        if 0 < table.size(more, less) < least:
            targets.append(_row(table, more, less))
    # What can't be worked out never can be when more is hidden: one pass is enough.
    for target in targets:
        while (told := knowledge.told(target)) is not None:
            shown = {cell: sign for cell, sign in told.items() if cell not in table.fixed}
            if not shown:
                break
            # One that others do not tell; a part sooner than a whole; the smallest.
            cell = min(
                shown, key=lambda cell: (knowledge.tells(cell), shown[cell] > 0, counts[cell])
            )
            hidden.add(cell)
            knowledge.forget(cell)
    return frozenset(hidden - table.untold)


def _row(table: Table, more: Cells, less: Cells) -> Row:
    """The first cells less the second ones. Where nobody is, nothing is to be found out."""
    row: Row = {}
    for cells, sign in ((more, 1), (less, -1)):
        for cell in cells:
            if table.counts[cell]:
                row[cell] = row.get(cell, Fraction(0)) + sign
    return {cell: value for cell, value in row.items() if value}


class _Knowledge:
    """What follows from sums, by somebody who is told all cells but those that are forgotten.

    Equations are in reduced echelon form over the forgotten cells; what else is in them is told.
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self._plain = [row for row in rows if row]
        self._named = Counter(cell for row in self._plain for cell in row)
        self._solved: dict[Cell, Row] = {}
        self._forgotten: set[Cell] = set()

    def forget(self, cell: Cell) -> None:
        """A cell is hidden: an equation that has it, and no other such cell, tells it."""
        self._forgotten.add(cell)
        row = next((row for row in self._plain if cell in row), None)
        if row is None:
            return
        solved = {other: value / row[cell] for other, value in row.items()}
        plain = []
        for each in self._plain:
            left = _without(each, cell, solved)
            if left is not each:
                self._named.subtract(each.keys())
                self._named.update(left.keys())
            if left:
                plain.append(left)
        self._plain = plain
        for pivot, each in self._solved.items():
            self._solved[pivot] = _without(each, cell, solved)
        self._solved[cell] = solved

    def tells(self, cell: Cell) -> bool:
        """Whether a cell that is not hidden could be worked out if it were."""
        return self._named[cell] > 0

    def told(self, target: Row) -> Row | None:
        """The cells, and how often, by which a count is told; None where it can't be worked out."""
        left = dict(target)
        for cell in target:
            if cell in self._solved:
                left = _without(left, cell, self._solved[cell])
        return left if left and self._forgotten.isdisjoint(left) else None


def _without(row: Row, cell: Cell, solved: Row) -> Row:
    """A row in which a cell is replaced by what an equation says that it is."""
    return reduce_row(row, solved, row[cell]) if cell in row else row


def reduce_row(
    row: dict[Thing, Fraction], other: dict[Thing, Fraction], times: Fraction
) -> dict[Thing, Fraction]:
    """A row less another one, so many times."""
    out = dict(row)
    for thing, value in other.items():
        found = out.get(thing, Fraction(0)) - times * value
        if found:
            out[thing] = found
        else:
            out.pop(thing, None)
    return out
