"""Causes as grids, without the counts that must be hidden."""

from __future__ import annotations

from collections.abc import Iterator

from audience.insight.causes import Explained, Reasons, cause_of, shift_of
from audience.insight.cells import Cell
from audience.report.counts import Teller
from audience.report.grid import Column, Grid
from audience.report.words import percent

KINDS = {
    "rule": "rule edited",
    "tag": "tag changed",
    "window": "days moved on",
    "list": "list changed",
    "limit": "limit cut elsewhere",
    "suppressed": "suppressed",
    "entered": "entered the table",
    "left": "left the table",
    "unknown": "can't be told",
}


def reasons_grids(reasons: Reasons, hidden: frozenset[Cell] = frozenset()) -> list[Grid]:
    """For each pack that changed its causes, largest first, and what can't be told."""
    grids = [_grid(each, Teller(hidden)) for each in reasons.packs if each.causes]
    if reasons.untold:
        rows = tuple((text,) for text in reasons.untold)
        grids.append(Grid("what can't be told", (Column("why"),), rows))
    return grids


def _grid(explained: Explained, tell: Teller) -> Grid:
    columns = (
        Column("cause"),
        Column("added", True),
        Column("removed", True),
        Column("of the change", True),
        Column("what"),
    )
    label = f"  {explained.label}" if explained.label else ""
    return Grid(f"why {explained.pack}{label} changed", columns, tuple(_rows(explained, tell)))


def _rows(explained: Explained, tell: Teller) -> Iterator[tuple[str, ...]]:
    whole = explained.added + explained.removed
    for number, cause in enumerate(explained.causes):
        added, removed = (cause_of(explained.pack, number, part) for part in ("added", "removed"))
        yield (
            KINDS[cause.kind],
            tell.count(added, cause.added),
            tell.count(removed, cause.removed),
            tell.of(percent((cause.added + cause.removed) / whole), added, removed),
            cause.detail,
        )
        for place, each in enumerate(cause.transitions):
            users = tell.count(shift_of(explained.pack, number, place), each.users)
            yield ("", "", "", "", f"  {each.old} → {each.new}: {users}")
