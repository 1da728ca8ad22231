"""Why a user is in a pack or not, as grids: what is missing, the tree, events that counted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from audience.insight.findings import shown, told
from audience.insight.needs import Need
from audience.insight.reasons import Reason
from audience.insight.why import Why, walk
from audience.report.grid import Column, Grid

_HELD, _FAILED = "✓", "✗"


def why_grids(found: Why, indent: str = "  ") -> list[Grid]:
    """The answer over the tree; of one who is not in the pack first what is missing."""
    of = f"  snapshot {found.snapshot}" if found.snapshot else ""
    label = f"  {found.label}" if found.label else ""
    title = found.headline + label + of
    columns = (Column("condition"), Column("found"))
    grids = []
    if found.missing:
        rows = tuple(_need_rows(found.missing, indent))
        grids.append(Grid(title, (Column("what is missing"), Column("found")), rows))
        title = "the rule: what held and what did not"
    rows = tuple(
        (f"{indent * depth}{_mark(each)} {each.asked}", told(each.found, gaps=True))
        for depth, each in walk(found.tree)
    )
    return [*grids, Grid(title, columns, rows), *_event_grids(found.tree)]


def why_rows(found: Why) -> list[dict[str, Any]]:
    """A row for each condition, in the order of the text, for CSV."""
    return [
        {
            "pack": found.pack,
            "user": found.user,
            "as_of": found.as_of.isoformat(),
            "depth": depth,
            "kind": each.kind,
            "held": str(each.held).lower(),
            "condition": each.asked,
            "found": told(each.found, gaps=True),
        }
        for depth, each in walk(found.tree)
    ]


def _mark(reason: Reason) -> str:
    return _HELD if reason.held else _FAILED


def _need_rows(needs: Sequence[Need], indent: str, depth: int = 0) -> Iterator[tuple[str, str]]:
    for each in needs:
        must = "" if each.must_hold or each.choices else "must not: "
        yield indent * depth + must + each.asked, told(each.found, gaps=True)
        yield from _need_rows(each.choices, indent, depth + 1)


def _event_grids(tree: Reason) -> Iterator[Grid]:
    seen: set[str] = set()
    for _, each in walk(tree):
        if each.counted and each.asked not in seen:
            seen.add(each.asked)
            columns = tuple(Column(name) for name in each.counted[0])
            rows = tuple(tuple(map(_cell, row.values())) for row in each.counted)
            yield Grid(f"newest events that counted: {each.asked}", columns, rows)


def _cell(value: Any) -> str:
    return "" if value is None else shown(value, grouped=isinstance(value, float))
