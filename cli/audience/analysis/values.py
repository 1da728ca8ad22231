"""The values that users are told apart by, each as a condition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from audience.analysis.tags import report_tags
from audience.errors import Location
from audience.insight.tags import QUANTILES, TagReport
from audience.kinds import Kind, Tag
from audience.operators import PREDICATES
from audience.rules.tree import All, Condition, Not, Test
from audience.workspace import Workspace

_MOST_VALUES = 24
_EDGES = (0.25, 0.5, 0.75, 0.9)
_OTHERS, _MISSING = "(others)", "(missing)"


@dataclass(frozen=True)
class Value:
    """A tag's value, or a stretch of values, as text and as the condition of who has it."""

    tag: Tag
    text: str
    condition: Condition


def values_of(
    workspace: Workspace, tags: Sequence[str], at: Location, *, engine: str
) -> tuple[Value, ...]:
    """The values of tags by name or label, default all; numbers and dates in quantiles.

    Those of one tag have nobody in common and leave nobody out, unless it holds lists. Raises
    UsageError, DataError.
    """
    known = workspace.catalog.users.tags
    reports = report_tags(workspace, tags, top=_MOST_VALUES, engine=engine)
    return tuple(value for each in reports for value in _of_tag(known[each.name], each, at))


def _of_tag(tag: Tag, report: TagReport, at: Location) -> Iterator[Value]:
    """What a tag's users are told apart by, and at last those of whom it is not known."""
    if report.values:
        for each in report.values:
            name = "has_any" if tag.type.kind is Kind.LIST else "eq"
            argument: Any = (each.value,) if name == "has_any" else each.value
            shown = f"{each.label} ({_spelled(each.value)})" if each.label else _spelled(each.value)
            if shown in {_OTHERS, _MISSING}:  # no other line may be called so
                shown = f"“{shown}”"
            yield Value(tag, shown, _test(tag, name, argument, at))
        if report.distinct > len(report.values) and tag.type.kind is not Kind.LIST:
            listed = _test(tag, "in", tuple(each.value for each in report.values), at)
            known = _test(tag, "is", "known", at)
            yield Value(tag, _OTHERS, All((known, Not(listed, at)), at))
    elif report.quantiles:
        yield from _bins(tag, report, at)
    if report.missing:
        yield Value(tag, _MISSING, _test(tag, "is", "unknown", at))


def _bins(tag: Tag, report: TagReport, at: Location) -> Iterator[Value]:
    by_place = dict(zip(QUANTILES, report.quantiles, strict=True))
    edges = sorted({_plain(by_place[place]) for place in _EDGES})
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
