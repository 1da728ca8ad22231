"""Profiles: a pack's users by the values of tags, counted with the packs' own plan in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from audience.analysis.ask import ask
from audience.analysis.single import single
from audience.analysis.tags import report_tags
from audience.errors import Location
from audience.evaluation import prepare
from audience.given import day_or_none
from audience.insight.profile import Counts, Profile, profile_of
from audience.insight.tags import QUANTILES, TagReport
from audience.kinds import Kind, Tag
from audience.operators import PREDICATES
from audience.rules.project import Project
from audience.rules.tree import All, Condition, Not, Test

BASE = "base"
_MOST_VALUES = 24
_EDGES = (0.25, 0.5, 0.75, 0.9)
_PACK, _BASELINE, _REST, _BOTH = "pack", "baseline", "rest", "both"


@dataclass(frozen=True)
class _Value:
    tag: Tag
    text: str
    condition: Condition


def profile(
    project: Project,
    pack: str,
    *,
    against: str = BASE,
    tags: Sequence[str] = (),
    as_of: date | str | None = None,
    variables: Mapping[str, str] | None = None,
    engine: str = "polars",
    cache: bool = True,
) -> Profile:
    """Who the users of a pack in the rules are, by the values of tags, against its base or a pack.

    ``tags`` are names or labels, default all. Numbers and dates are in the quantiles of the whole
    table. Both packs are evaluated at the day of the first. Nothing is published. Raises RuleError,
    DataError, UsageError.
    """
    day = day_or_none(as_of)
    names = [pack] if against == BASE else [pack, against]
    workspace, requests = prepare(project, (), day, names, variables or {})
    request, own = single(requests, pack)
    baseline: Condition = All((), own.at)
    if against != BASE:
        other, found = single(requests, against)
        parts = (other.file.base, found.where) if other.file.base else (found.where,)
        baseline = All(parts, found.at)
    known = workspace.catalog.users.tags
    reports = report_tags(workspace, tags, top=_MOST_VALUES, engine=engine)
    values = [value for each in reports for value in _values(known[each.name], each, own.at)]
    groups = {
        _PACK: own.where,
        _BASELINE: baseline,
        _REST: All((baseline, Not(own.where, own.at)), own.at),
        _BOTH: All((baseline, own.where), own.at),
    }
    conditions = {str(number): value.condition for number, value in enumerate(values)}
    pairs = [(request, {**groups, **conditions})]
    (answers,) = ask(workspace, pairs, engine=engine, cache=cache)
    counts = [
        Counts(
            value.tag.name,
            value.tag.label,
            value.text,
            answers.both(_PACK, str(number)),
            answers.both(_BASELINE, str(number)),
            answers.both(_REST, str(number)),
        )
        for number, value in enumerate(values)
    ]
    name = f"{request.file.name}/{own.name}"
    four = (answers.size(_PACK), answers.size(_BASELINE), answers.size(_REST), answers.size(_BOTH))
    return profile_of(name, against, four, counts)


def _values(tag: Tag, report: TagReport, at: Location) -> Iterator[_Value]:
    """What a tag's users are told apart by, and at last those of whom it is not known."""
    if report.values:
        for each in report.values:
            name = "has_any" if tag.type.kind is Kind.LIST else "eq"
            argument: Any = (each.value,) if name == "has_any" else each.value
            shown = f"{each.label} ({_spelled(each.value)})" if each.label else _spelled(each.value)
            yield _Value(tag, shown, _test(tag, name, argument, at))
        if report.distinct > len(report.values) and tag.type.kind is not Kind.LIST:
            listed = _test(tag, "in", tuple(each.value for each in report.values), at)
            known = _test(tag, "is", "known", at)
            yield _Value(tag, "(others)", All((known, Not(listed, at)), at))
    elif report.quantiles:
        yield from _bins(tag, report, at)
    if report.missing:
        yield _Value(tag, "(missing)", _test(tag, "is", "unknown", at))


def _bins(tag: Tag, report: TagReport, at: Location) -> Iterator[_Value]:
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
        yield _Value(tag, text, All(tuple(tests), at))
        low = edge


def _test(tag: Tag, name: str, argument: Any, at: Location) -> Test:
    return Test(tag, PREDICATES[name], argument, at)


def _plain(value: Any) -> Any:
    return value.date() if isinstance(value, datetime) else value


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:,}" if isinstance(value, (int, float)) else str(value)
