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
from typing import TYPE_CHECKING

from audience.analysis.ask import Answers, ask
from audience.evaluation import prepare
from audience.given import day_or_none, paths_of
from audience.insight.waterfall import Nearby, Step, Waterfall
from audience.plan.build import Request
from audience.rules.language import Language
from audience.rules.project import Project
from audience.rules.speech import Speech
from audience.rules.tree import All, Condition, Kept, Pack, Side, Stage
from audience.rules.variations import Place, nearby, places
from audience.rules.words import SPEECHES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass
class Steps:
    """The conditions that one pack's waterfall asks for, and what they are for."""

    pack: Pack
    speech: Speech
    conditions: dict[str, Condition] = field(default_factory=dict)
    places: list[Place] = field(default_factory=list)
    nearby: dict[int, list[tuple[str, str]]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, pack: Pack, base: Condition | None, language: Language, *, bounds: bool = True
    ) -> Steps:
        """Those of a pack in a file with a base; without ``bounds`` none of moved ones."""
        asked = cls(pack, SPEECHES[language])
        asked.conditions[asked.name()] = pack.where
        before: list[Condition] = []
        for number, place in enumerate(places(pack.where, base)):
            asked.places.append(place)
            asked.conditions[asked.name(number, "alone")] = place.condition
            if place.in_order:
                # What limits the conditions before it has them inside.
                held = isinstance(place.condition, (Kept, Side, Stage))
                before = [place.condition] if held else [*before, place.condition]
                asked.conditions[asked.name(number, "after")] = All(tuple(before), pack.at)
            without = place.put(None)
            if without is not None:
                asked.conditions[asked.name(number, "without")] = without
            if bounds:
                asked._move_bounds(number, place)
        return asked

    def name(self, *parts: object) -> str:
        """What one of them is called."""
        return "·".join(map(str, (self.pack.name, *parts)))

    def _move_bounds(self, number: int, place: Place) -> None:
        for text, condition in nearby(place.condition, self.speech):
            name = self.name(number, "at", text)
            whole = place.put(condition)
            assert whole is not None
            self.conditions[name] = whole
            self.nearby.setdefault(number, []).append((text, name))

    def counted(self, found: Answers) -> Waterfall:
        """The waterfall, from the answers."""
        size = found.size(self.name())

        def sized(name: str) -> int | None:
            return found.size(name) if name in self.conditions else None

        steps = []
        for number, place in enumerate(self.places):
            alone = self.name(number, "alone")
            around = []
            for text, name in self.nearby.get(number, ()):
                other = found.size(name)
                around.append(Nearby(text, other, other - size))
            steps.append(
                Step(
                    place.depth,
                    self.speech.step(place.condition),
                    str(place.condition.at),
                    found.size(alone),
                    sized(self.name(number, "after")),
                    sized(self.name(number, "without")),
                    found.only_missing(alone),
                    tuple(around),
                )
            )
        name = f"{found.request.file.name}/{self.pack.name}"
        day = found.request.as_of
        return Waterfall(name, self.pack.label, day, found.base, size, tuple(steps))


def waterfall(
    project: Project,
    rules: str | Path | Sequence[str | Path] = (),
    *,
    as_of: date | str | None = None,
    packs: str | Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    engine: str | None = None,
    spark: SparkSession | None = None,
    cache: bool = True,
    lang: str = Language.ENGLISH,
) -> tuple[Waterfall, ...]:
    """What each condition of packs costs, and what nearby bounds would give.

    ``rules`` are files, by default all of the project's; ``packs`` limits it to packs of those
    names. Conditions are in ``lang``, `en` or `zh`. Nothing is published. Raises RuleError,
    DataError, UsageError, NotPublishedError.
    """
    language = Language.of(lang)
    day = day_or_none(as_of)
    workspace, requests = prepare(
        project.on(engine, spark), paths_of(rules), day, packs, variables or {}
    )
    asked = [list(_steps(request, language)) for request in requests]
    conditions = [
        {name: each for one in of_file for name, each in one.conditions.items()}
        for of_file in asked
    ]
    pairs = list(zip(requests, conditions, strict=True))
    answers = ask(workspace, pairs, cache=cache)
    return tuple(
        replace(one.counted(found), warnings=found.warnings)
        for of_file, found in zip(asked, answers, strict=True)
        for one in of_file
    )


def _steps(request: Request, language: Language) -> Iterator[Steps]:
    for pack in request.file.packs:
        if request.packs is None or pack.name in request.packs:
            yield Steps.of(pack, request.file.base, language)
