"""Waterfalls: a rule's conditions counted, with the packs' own plan and in one pass.

For each condition of a rule there are packs that the rule file does not have: it alone, it and all
before it, the rule without it, the rule with a bound moved. They share what they have in common, as
packs do, so that a waterfall costs little more than its pack.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

from audience.builder import prepare, run_build
from audience.engine.steps import Steps
from audience.given import day_or_none, paths_of
from audience.insight.summary import PackSize
from audience.insight.waterfall import Nearby, Step, Waterfall
from audience.plan.build import Request
from audience.rules.project import Project
from audience.rules.tree import All, Condition, Kept, Pack, RuleFile, Side, Stage
from audience.rules.variations import Place, nearby, places
from audience.rules.words import words


@dataclass
class _Asked:
    """The packs that one rule's waterfall asks for, by what they are for."""

    pack: Pack
    found: dict[str, Condition] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)
    nearby: dict[int, list[tuple[str, str]]] = field(default_factory=dict)

    def name(self, *parts: object) -> str:
        """What one of them is called."""
        return "·".join(map(str, (self.pack.name, *parts)))


def waterfall(
    project: Project,
    rules: str | Path | Sequence[str | Path] = (),
    *,
    as_of: date | str | None = None,
    packs: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    engine: str = "polars",
    cache: bool = True,
) -> tuple[Waterfall, ...]:
    """What each condition of packs costs, and what nearby bounds would give.

    ``rules`` are files, by default all of the project's; ``packs`` limits it to packs of those
    names. Nothing is published. Raises RuleError, DataError, UsageError, NotPublishedError.
    """
    day = day_or_none(as_of)
    workspace, requests = prepare(project, paths_of(rules), day, packs, variables or {})
    asked = [list(_ask_all(request)) for request in requests]
    changed = [
        replace(request, file=_with(request, each), packs=None)
        for request, each in zip(requests, asked, strict=True)
    ]
    results = run_build(
        workspace,
        changed,
        engine=engine,
        dry_run=True,
        steps=Steps(None),
        use_cache=cache,
    )
    out = []
    for request, each, result in zip(requests, asked, results, strict=True):
        sizes = {pack.name: pack for pack in result.summary.packs}
        for one in each:
            out.append(_waterfall(request, one, sizes, result.summary.base))
    return tuple(out)


def _ask_all(request: Request) -> Iterator[_Asked]:
    for pack in request.file.packs:
        if request.packs is None or pack.name in request.packs:
            yield _ask(pack, request.file.base)


def _ask(pack: Pack, base: Condition | None) -> _Asked:
    asked = _Asked(pack)
    asked.found[asked.name()] = pack.where
    before: list[Condition] = []
    for number, place in enumerate(places(pack.where, base)):
        asked.places.append(place)
        asked.found[asked.name(number, "alone")] = place.condition
        if place.in_order:
            # What limits the conditions before it has them inside.
            held = isinstance(place.condition, (Kept, Side, Stage))
            before = [place.condition] if held else [*before, place.condition]
            asked.found[asked.name(number, "after")] = All(tuple(before), pack.at)
        without = place.put(None)
        if without is not None:
            asked.found[asked.name(number, "without")] = without
        for text, condition in nearby(place.condition):
            name = asked.name(number, "at", text)
            whole = place.put(condition)
            assert whole is not None
            asked.found[name] = whole
            asked.nearby.setdefault(number, []).append((text, name))
    return asked


def _with(request: Request, asked: Sequence[_Asked]) -> RuleFile:
    packs = [
        Pack(name, "", condition, each.pack.at)
        for each in asked
        for name, condition in each.found.items()
    ]
    return replace(request.file, packs=tuple(packs), stages=())


def _waterfall(
    request: Request, asked: _Asked, sizes: Mapping[str, PackSize], base: int
) -> Waterfall:
    size = sizes[asked.name()].size
    steps = []
    for number, place in enumerate(asked.places):
        alone = sizes[asked.name(number, "alone")]
        after = sizes.get(asked.name(number, "after"))
        without = sizes.get(asked.name(number, "without"))
        around = tuple(
            Nearby(text, sizes[name].size, sizes[name].size - size)
            for text, name in asked.nearby.get(number, ())
        )
        steps.append(
            Step(
                place.depth,
                _asked_words(place.condition),
                str(place.condition.at),
                alone.size,
                after.size if after else None,
                without.size if without else None,
                alone.only_missing,
                around,
            )
        )
    name = f"{request.file.name}/{asked.pack.name}"
    return Waterfall(name, asked.pack.label, request.as_of, base, size, tuple(steps))


def _asked_words(condition: Condition) -> str:
    match condition:
        case Kept():
            return words(condition).removesuffix(" of")
        case Side():
            return "this side of the split"
        case Stage(own) if own is not None:
            return "in none of the stages before"
        case Stage():
            return "in none of the other stages"
        case _:
            return words(condition)
