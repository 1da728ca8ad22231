"""The values that users are told apart by, each as a condition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from audience.analysis.outline import Outline, outlines
from audience.analysis.tags import chosen_tags
from audience.engine.tables import open_snapshot
from audience.errors import Location
from audience.kinds import Kind, Tag
from audience.operators import PREDICATES
from audience.rules.tree import All, Condition, Not, Test
from audience.workspace import Workspace

_MOST_VALUES = 24
_OTHERS, _MISSING = "(others)", "(missing)"


@dataclass(frozen=True)
class Value:
    """A tag's value, or a stretch of values, as text and as the condition of who has it.

    One that is ``spare`` makes those of its tag complete, and is told where somebody has it.
    """

    tag: Tag
    text: str
    condition: Condition
    spare: bool = False


def values_of(
    workspace: Workspace,
    snapshot: date | None,
    tags: Sequence[str],
    at: Location,
    *,
    engine: str,
) -> tuple[Value, ...]:
    """The values of tags by name or label, default all; numbers and dates in quantiles.

    They are those of the user table on the day of a snapshot. Those of one tag have nobody in
    common and leave nobody out, on no day, unless it holds lists. Raises UsageError, DataError.
    """
    chosen = chosen_tags(workspace, tags)
    users = workspace.tables[workspace.project.users.name]
    if snapshot is not None:
        users = open_snapshot(users, snapshot, [tag.name for tag in chosen])
    zone = workspace.project.time_zone
    found = outlines(users, chosen, _MOST_VALUES, engine=engine, time_zone=zone)
    return tuple(value for each in found for value in _of_tag(each, at))


def _of_tag(found: Outline, at: Location) -> Iterator[Value]:
    """What a tag's users are told apart by, and at last those of whom it is not known."""
    tag = found.tag
    if tag.type.kind is Kind.BOOL:
        for truth in (True, False):
            yield Value(tag, _spelled(truth), _test(tag, "eq", truth, at))
    for each in found.values if tag.type.kind is not Kind.BOOL else ():
        name = "has_any" if tag.type.kind is Kind.LIST else "eq"
        argument: Any = (each.value,) if name == "has_any" else each.value
        shown = f"{each.label} ({_spelled(each.value)})" if each.label else _spelled(each.value)
        if shown in {_OTHERS, _MISSING}:  # no other line may be called so
            shown = f"“{shown}”"
        yield Value(tag, shown, _test(tag, name, argument, at))
    if found.edges:
        yield from _bins(found, at)
    elif tag.type.kind not in {Kind.LIST, Kind.BOOL}:
        known = _test(tag, "is", "known", at)
        parts: tuple[Condition, ...] = (known,)
        if found.values:
            listed = _test(tag, "in", tuple(each.value for each in found.values), at)
            parts = (known, Not(listed, at))
        yield Value(tag, _OTHERS, All(parts, at), spare=True)
    yield Value(tag, _MISSING, _test(tag, "is", "unknown", at), spare=True)


def _bins(found: Outline, at: Location) -> Iterator[Value]:
    tag = found.tag
    edges = sorted({_plain(edge) for edge in found.edges})
    low = None
    for edge in (*edges, None):
        tests = []
        if low is not None:
            tests.append(_test(tag, "gt", low, at))
        if edge is not None:
            tests.append(_test(tag, "lte", edge, at))
        text = " and ".join(
            f"{sign} {_spelled(bound)}"
            for sign, bound in ((">", low), ("<=", edge))
            if bound is not None
        )
        yield Value(tag, text, All(tuple(tests), at))
        low = edge


def _test(tag: Tag, name: str, argument: Any, at: Location) -> Test:
    return Test(tag, PREDICATES[name], argument, at)


def _plain(value: Any) -> Any:
    return value.date() if isinstance(value, datetime) else value


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:,}" if isinstance(value, (int, float)) else str(value)
