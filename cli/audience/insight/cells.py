"""Small cells: which counts of a table must not be told, so that nobody is found by a few.

A count below the least is hidden. Then others are hidden as well, until what is left tells none of
them: not by a sum whose other parts are there, nor by several sums together. A difference of two
counts is a count that is told too: of 100 in the base and 97 in a pack, 3 are not in it.

This is the suppression of tabular data by complementary cells (Cox: Suppression Methodology and
Statistical Disclosure Control, JASA 75, 1980), with linear equations solved exactly.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from math import gcd, lcm
from typing import TypeVar

Cell = Hashable
Row = dict[Cell, Fraction]
Whole = dict[Cell, int]
"""A row times a number above 0, so that it has whole numbers: they are many times as fast."""

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
        self._rows = {number: _whole(row) for number, row in enumerate(rows) if row}
        self._where: dict[Cell, set[int]] = {}
        """The rows that have a cell."""
        for number, row in self._rows.items():
            for cell in row:
                self._where.setdefault(cell, set()).add(number)
        self._solved: dict[Cell, int] = {}
        self._used: set[int] = set()
        """Rows that are solved for a cell."""
        self._forgotten: set[Cell] = set()

    def forget(self, cell: Cell) -> None:
        """A cell is hidden: an equation that has it, and no other such cell, tells it."""
        self._forgotten.add(cell)
        rows = self._where.get(cell, set())
        number = min(rows - self._used, default=None)
        if number is None:
            return
        self._used.add(number)
        self._solved[cell] = number
        solved = self._rows[number]
        for other in rows - {number}:
            left = self._rows[other] = _without(self._rows[other], cell, solved)
            for each in solved:
                if each in left:
                    self._where[each].add(other)
                else:
                    self._where[each].discard(other)

    def tells(self, cell: Cell) -> bool:
        """Whether a cell that is not hidden could be worked out if it were."""
        return not self._where.get(cell, set()) <= self._used

    def told(self, target: Row) -> Whole | None:
        """The cells, and how often, by which a count is told; None where it can't be worked out.

        They tell it times a number above 0.
        """
        left = _whole(target)
        for cell in target:
            if cell in self._solved:
                left = _without(left, cell, self._rows[self._solved[cell]])
        return left if left and self._forgotten.isdisjoint(left) else None


def _whole(row: Row) -> Whole:
    """A row in whole numbers."""
    times = lcm(*(value.denominator for value in row.values()))
    return {cell: int(value * times) for cell, value in row.items()}


def _without(row: Whole, cell: Cell, solved: Whole) -> Whole:
    """A row in which a cell is replaced by what an equation says that it is."""
    if cell not in row:
        return row
    mine, other = row[cell], solved[cell]
    common = gcd(mine, other) if other > 0 else -gcd(mine, other)
    scale, times = other // common, mine // common
    out = dict(row) if scale == 1 else {each: scale * value for each, value in row.items()}
    for each, value in solved.items():
        found = out.get(each, 0) - times * value
        if found:
            out[each] = found
        else:
            del out[each]
    if scale != 1 and (factor := gcd(*out.values())) > 1:
        return {each: value // factor for each, value in out.items()}
    return out


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
