"""Summaries and comparisons as grids, without the counts that must be hidden."""

from __future__ import annotations

from dataclasses import dataclass

from audience.insight.cells import Cell
from audience.insight.diff import NOBODY, BuildDiff
from audience.insight.sharing import (
    BASE,
    SUPPRESSED,
    USERS,
    both_of,
    missing_of,
    moved_of,
    part_of,
    rest_of,
    size_of,
    total_of,
)
from audience.insight.summary import Summary, overlap_table
from audience.report.grid import Column, Grid
from audience.report.words import HIDDEN, change, number, percent


@dataclass(frozen=True)
class Teller:
    """Tells counts, and what is computed from them, unless they are hidden."""

    hidden: frozenset[Cell]

    def count(self, cell: Cell, value: int) -> str:
        """A count."""
        return HIDDEN if cell in self.hidden else number(value)

    def of(self, text: str, *cells: Cell) -> str:
        """A text that is made from some counts."""
        return HIDDEN if self.hidden & set(cells) else text


def summary_grids(summary: Summary, hidden: frozenset[Cell] = frozenset()) -> list[Grid]:
    """Sizes, that stages add up, then the overlap of all packs with each other."""
    tell = Teller(hidden)
    label = f"  {summary.label}" if summary.label else ""
    title = f"{summary.name}{label}  as of {summary.as_of}"
    title += f"  snapshot {summary.snapshot}" if summary.snapshot else ""
    title += f"  base {tell.count(BASE, summary.base)} of {tell.count(USERS, summary.users)} users"
    if summary.suppressed:
        title += f", {tell.count(SUPPRESSED, summary.suppressed)} suppressed"
    columns = [
        Column("#", True),
        Column("pack"),
        Column("label"),
        Column("size", True),
        Column("of base", True),
    ]
    doubtful = any(pack.only_missing for pack in summary.packs)
    if doubtful:
        columns.append(Column("only by a missing value", True))
    rows = []
    for place, pack in enumerate(summary.packs, 1):
        size = size_of(pack.name)
        row = [str(place), pack.name, pack.label, tell.count(size, pack.size)]
        row.append(tell.of(percent(pack.share), size, BASE))
        if doubtful:
            row.append(tell.count(missing_of(pack.name), pack.only_missing))
        rows.append(tuple(row))
    grids = [Grid(title, tuple(columns), tuple(rows))]
    if summary.stages:
        grids.append(_stages_grid(summary, tell))
    stages = [set(each.packs) for each in summary.stages]
    names = {pack.name for pack in summary.packs}
    if len(names) > 1 and not any(names <= each for each in stages):  # stages have no overlap
        grids.append(_overlap_grid(summary, tell))
    return grids


def _stages_grid(summary: Summary, tell: Teller) -> Grid:
    """That everybody in the base is in one stage, or how many are in none."""
    rows = []
    for stages in summary.stages:
        parts = [(f"{len(stages.packs)} stages", total_of(stages.name), stages.total)]
        parts += [("in none", rest_of(stages.name), stages.rest)] if stages.rest else []
        for what, cell, users in parts:
            share = percent(users / summary.base if summary.base else None)
            rows.append((stages.name, what, tell.count(cell, users), tell.of(share, cell, BASE)))
    columns = (Column("stages"), Column(""), Column("size", True), Column("of base", True))
    title = f"stages: parts of the base of {tell.count(BASE, summary.base)} users"
    return Grid(title, columns, tuple(rows))


def _overlap_grid(summary: Summary, tell: Teller) -> Grid:
    pairs = overlap_table(summary)
    heads = [Column(str(place), True) for place in range(1, len(summary.packs) + 1)]
    rows = []
    for place, one in enumerate(summary.packs, 1):
        cells = []
        for other in summary.packs:
            if one is other:
                cells.append("·")
            else:
                both = pairs[one.name, other.name]
                cell = both_of(one.name, other.name)
                share = tell.of(percent(both.share), cell, size_of(one.name))
                text = f"{number(both.both)} {share}" if both.both else "0"
                cells.append(tell.of(text, cell))
        rows.append((str(place), one.name, *cells))
    title = "overlap: users in both, and their share of the row's pack"
    return Grid(title, (Column("#", True), Column("pack"), *heads), tuple(rows))


def diff_grids(
    diff: BuildDiff, *, matrix: bool, hidden: frozenset[Cell] = frozenset()
) -> list[Grid]:
    """What changed, what is on one side only, and on request how users moved."""
    tell = Teller(hidden)
    grids = []
    title = f"{diff.old} → {diff.new}"
    if diff.packs:
        names = ("pack", "label", "old", "new", "change", "kept", "added", "removed", "Jaccard")
        columns = tuple(Column(name, name not in {"pack", "label"}) for name in names)
        rows = []
        for pack in diff.packs:
            old, new = size_of(pack.old, "old"), size_of(pack.new, "new")
            kept = moved_of(pack.old, pack.new)
            jaccard = "–" if pack.jaccard is None else f"{pack.jaccard:.3f}"
            rows.append(
                (
                    pack.name,
                    pack.label,
                    tell.count(old, pack.old_size),
                    tell.count(new, pack.new_size),
                    tell.of(change(pack.change), old, new),
                    tell.count(kept, pack.kept),
                    tell.count(part_of(pack.new, "added"), pack.added),
                    tell.count(part_of(pack.old, "removed"), pack.removed),
                    tell.of(jaccard, old, new, kept),
                )
            )
        grids.append(Grid(title, columns, tuple(rows)))
    lone = [("old", diff.old, pack) for pack in diff.only_old]
    lone += [("new", diff.new, pack) for pack in diff.only_new]
    if lone:
        heads = (Column("pack"), Column("label"), Column("size", True), Column("only in"))
        head = "packs on one side only" if diff.packs else f"{title}: no pack on both sides"
        lines = tuple(
            (pack.name, pack.label, tell.count(size_of(pack.name, side), pack.size), where)
            for side, where, pack in lone
        )
        grids.append(Grid(head, heads, lines))
    if matrix:
        grids.append(_matrix_grid(diff, tell))
    return grids


def _matrix_grid(diff: BuildDiff, tell: Teller) -> Grid:
    names = list(diff.matrix[0].into) if diff.matrix else []
    heads = (Column("old pack"), Column("size", True), *(Column(name, True) for name in names))
    rows = tuple(
        (
            row.pack,
            tell.count(size_of(row.pack, "old"), row.size),
            *(tell.count(moved_of(row.pack, name), row.into[name]) for name in names),
            tell.count(moved_of(row.pack, NOBODY), row.out),
        )
        for row in diff.matrix
    )
    title = "where each old pack's users are among the new packs (one user may be in several)"
    return Grid(title, (*heads, Column("in none", True)), rows)
