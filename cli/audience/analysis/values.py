"""The values that users are told apart by, each as a condition."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise
from typing import Any

from audience.analysis.outline import Outline, outlines
from audience.analysis.tags import chosen_tags
from audience.cache import Cache
from audience.engine.codes import Codebook
from audience.engine.tables import open_snapshot
from audience.errors import Location
from audience.kinds import Kind, Tag
from audience.operators import PREDICATES
from audience.rules.language import Language
from audience.rules.speech import Speech
from audience.rules.tree import All, Condition, Not, Test
from audience.rules.words import SPEECHES
from audience.workspace import Workspace

_MOST_VALUES = 24


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
    tags: str | Sequence[str],
    at: Location,
    codes: Codebook,
    *,
    cache: bool = True,
    language: Language = Language.ENGLISH,
) -> tuple[Value, ...]:
    """The values of tags by name or label, default all; numbers and dates in quantiles.

    They are those of the user table on the day of a snapshot. Those of one tag have nobody in
    common and leave nobody out, on no day, unless it holds lists. Columns that are read go into
    ``codes``. Raises UsageError, DataError.
    """
    chosen = chosen_tags(workspace, tags)
    users = workspace.tables[workspace.project.users.name]
    if snapshot is not None:
        users = open_snapshot(users, snapshot, [tag.name for tag in chosen])
    # Of the others it is known how they are told apart.
    unknown = [tag for tag in chosen if not tag.bins and tag.type.kind is not Kind.BOOL]
    project = workspace.project
    with closing(
        Cache(project.cache if cache else None, project.cache_size, project.access)
    ) as kept:
        found = outlines(project, users, unknown, _MOST_VALUES, codes, kept)
    by_tag = {each.tag.name: each for each in found}
    every = (by_tag.get(tag.name) or Outline(tag, (), ()) for tag in chosen)
    speech = SPEECHES[language]
    return tuple(value for each in every for value in _of_tag(each, at, speech))


def _of_tag(found: Outline, at: Location, speech: Speech) -> Iterator[Value]:
    """What a tag's users are told apart by, and at last those of whom it is not known."""
    tag = found.tag
    if tag.type.kind is Kind.BOOL:
        for truth in (True, False):
            yield Value(tag, speech.found(tag, truth), _test(tag, "eq", truth, at))
    for each in found.values:
        name = "has_any" if tag.type.kind is Kind.LIST else "eq"
        argument: Any = (each.value,) if name == "has_any" else each.value
        yield Value(tag, speech.found(tag, each.value), _test(tag, name, argument, at))
    if tag.bins:
        yield from _bins(tag, tag.bins, ("gte", "lt"), at, speech)
    elif found.edges:
        edges = sorted({_plain(edge) for edge in found.edges})
        yield from _bins(tag, edges, ("gt", "lte"), at, speech)
    elif tag.type.kind not in {Kind.LIST, Kind.BOOL}:
        known = _test(tag, "is", "known", at)
        parts: tuple[Condition, ...] = (known,)
        if found.values:
            listed = _test(tag, "in", tuple(each.value for each in found.values), at)
            parts = (known, Not(listed, at))
        yield Value(tag, speech.others, All(parts, at), spare=True)
    yield Value(tag, speech.missing, _test(tag, "is", "unknown", at), spare=True)


def _bins(
    tag: Tag, edges: Sequence[Any], bounds: tuple[str, str], at: Location, speech: Speech
) -> Iterator[Value]:
    """The bins between edges; ``bounds`` are the tests of a bin's lower and upper edge."""
    for low, high in pairwise((None, *edges, None)):
        sides = [
            (name, edge) for name, edge in zip(bounds, (low, high), strict=True) if edge is not None
        ]
        tests = tuple(_test(tag, name, edge, at) for name, edge in sides)
        whole = tag.type.kind is Kind.INTEGER
        yield Value(tag, speech.between(sides, whole=whole), All(tests, at))


def _test(tag: Tag, name: str, argument: Any, at: Location) -> Test:
    return Test(tag, PREDICATES[name], argument, at)


def _plain(value: Any) -> Any:
    return value.date() if isinstance(value, datetime) else value
