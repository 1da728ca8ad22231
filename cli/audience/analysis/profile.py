"""Profiles: a pack's users by the values of tags, counted with the packs' own plan in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

from audience.analysis.ask import ask
from audience.analysis.single import single
from audience.analysis.values import values_of
from audience.evaluation import prepare
from audience.given import day_or_none
from audience.insight.profile import Counts, Profile, profile_of
from audience.rules.language import Language
from audience.rules.project import Project
from audience.rules.tree import All, Condition, Not

BASE = "base"
_PACK, _BASELINE, _REST, _BOTH = "pack", "baseline", "rest", "both"


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
    lang: str = Language.ENGLISH,
) -> Profile:
    """Who the users of a pack in the rules are, by the values of tags, against its base or a pack.

    ``tags`` are names or labels, default all. Numbers and dates are in the quantiles of the whole
    table. Both packs are evaluated at the day of the first. Values are told in ``lang``, `en` or
    `zh`. Nothing is published. Raises RuleError, DataError, UsageError.
    """
    language = Language.of(lang)
    day = day_or_none(as_of)
    names = [pack] if against == BASE else [pack, against]
    workspace, requests = prepare(project, (), day, names, variables or {})
    request, own = single(requests, pack)
    baseline: Condition = All((), own.at)
    if against != BASE:
        other, found = single(requests, against)
        parts = (other.file.base, found.where) if other.file.base else (found.where,)
        baseline = All(parts, found.at)
    values = values_of(workspace, request.snapshot, tags, own.at, engine=engine, language=language)
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
        if not value.spare or answers.size(str(number))
    ]
    name = f"{request.file.name}/{own.name}"
    four = (answers.size(_PACK), answers.size(_BASELINE), answers.size(_REST), answers.size(_BOTH))
    return profile_of(name, against, four, counts)
