"""Small cells: which counts of a table must not be told, so that nobody is found by a few.

A count below the least is hidden. Then others are hidden as well, until what is left tells none of
them: not by a sum whose other parts are there, nor by several sums together. A difference of two
counts is a count that is told too: of 100 in the base and 97 in a pack, 3 are not in it.

This is the suppression of tabular data by complementary cells (Cox: Suppression Methodology and
Statistical Disclosure Control, JASA 75, 1980), with linear equations solved exactly.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

Cell = Hashable
Row = dict[Cell, Fraction]


@dataclass
class Table:
    """Counts by cell, and how they hang together.

    ``sums`` are wholes with the parts that add up to them. ``groups`` are groups of people that
    no cell counts and that cells tell all the same: those of the first cells less those of the
    second ones.
    """

    counts: dict[Cell, int] = field(default_factory=dict)
    sums: list[tuple[Cell, tuple[Cell, ...]]] = field(default_factory=list)
    groups: list[tuple[tuple[Cell, ...], tuple[Cell, ...]]] = field(default_factory=list)


def hidden_cells(table: Table, least: int) -> frozenset[Cell]:
    """The cells that may not be told, where counts from 1 to below ``least`` may not be.

    Whoever sees the others, and knows how they add up, can work out none of these counts.
    """
    counts = table.counts
    hidden = {cell for cell, count in counts.items() if 0 < count < least}
    targets: list[Row] = [{cell: Fraction(1)} for cell in hidden]
    for more, less in table.groups:
        if 0 < sum(counts[cell] for cell in more) - sum(counts[cell] for cell in less) < least:
            one = Fraction(1)
            targets.append(dict.fromkeys(more, one) | dict.fromkeys(less, -one))
    while len(hidden) < len(counts):
        known = _reduced(_equations(table.sums, hidden))
        told = next((each for each in targets if _follows(each, known, hidden)), None)
        if told is None:
            break
        hidden.add(_another(told, table, hidden))
    return frozenset(hidden)


def _equations(sums: Iterable[tuple[Cell, tuple[Cell, ...]]], hidden: set[Cell]) -> Sequence[Row]:
    """The sums, of the cells that are not known."""
    rows = []
    for whole, parts in sums:
        row = {part: Fraction(1) for part in parts if part in hidden}
        if whole in hidden:
            row[whole] = Fraction(-1)
        if row:
            rows.append(row)
    return rows


def _reduced(rows: Iterable[Row]) -> Mapping[Cell, Row]:
    """Equations by a cell that each alone has: reduced row echelon form."""
    out: dict[Cell, Row] = {}
    for row in rows:
        left = _less(row, out)
        if not left:
            continue
        pivot = next(iter(left))
        left = {cell: value / left[pivot] for cell, value in left.items()}
        for other, earlier in out.items():
            if pivot in earlier:
                out[other] = _minus(earlier, left, earlier[pivot])
        out[pivot] = left
    return out


def _less(row: Row, known: Mapping[Cell, Row]) -> Row:
    """A row, with the cells that equations stand for replaced."""
    left = dict(row)
    for pivot, equation in known.items():
        if pivot in left:
            left = _minus(left, equation, left[pivot])
    return left


def _minus(row: Row, other: Row, times: Fraction) -> Row:
    out = dict(row)
    for cell, value in other.items():
        found = out.get(cell, Fraction(0)) - times * value
        if found:
            out[cell] = found
        else:
            out.pop(cell, None)
    return out


def _follows(target: Row, known: Mapping[Cell, Row], hidden: set[Cell]) -> bool:
    """Whether a count can be worked out."""
    return not _less({cell: value for cell, value in target.items() if cell in hidden}, known)


def _another(told: Row, table: Table, hidden: set[Cell]) -> Cell:
    """The cell to hide next, of those that tell: the smallest, and a part sooner than a whole."""
    counts = table.counts
    shown = [cell for cell in told if cell not in hidden]
    if shown:
        return min(shown, key=lambda cell: (told[cell] > 0, counts[cell]))
    reached = set(told)
    sums = [(whole, parts) for whole, parts in table.sums if hidden & {whole, *parts}]
    candidates: dict[Cell, Any] = {}
    for whole, parts in sums:
        for cell in (whole, *parts):
            if cell not in hidden:
                near = bool(reached & {whole, *parts})
                candidates[cell] = min(
                    candidates.get(cell, (True, True, counts[cell])),
                    (not near, cell == whole, counts[cell]),
                )
    left = candidates or {cell: count for cell, count in counts.items() if cell not in hidden}
    return min(left, key=lambda cell: left[cell])
