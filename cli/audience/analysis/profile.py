"""Profiles: a pack's users by the values of tags, counted with the packs' own plan in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

from audience.analysis.ask import ask
from audience.analysis.counted import asked_values, profile_among, told_values
from audience.analysis.single import single
from audience.analysis.values import values_of
from audience.engine.codes import Codebook
from audience.evaluation import prepare
from audience.given import day_or_none
from audience.insight.profile import Profile
from audience.rules.language import Language
from audience.rules.project import Project
from audience.rules.tree import All, Condition

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

BASE = "base"
_PACK, _BASELINE, _BOTH = "pack", "baseline", "both"


def profile(
    project: Project,
    pack: str,
    *,
    against: str = BASE,
    tags: str | Sequence[str] = (),
    as_of: date | str | None = None,
    variables: Mapping[str, str] | None = None,
    engine: str | None = None,
    spark: SparkSession | None = None,
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
    workspace, requests = prepare(project.on(engine, spark), (), day, names, variables or {})
    request, own = single(requests, pack)
    codes = Codebook()
    values = values_of(
        workspace,
        request.snapshot,
        tags,
        own.at,
        codes,
        cache=cache,
        language=language,
    )
    groups: dict[str, Condition] = {_PACK: own.where}
    if against != BASE:
        other, found = single(requests, against)
        parts = (other.file.base, found.where) if other.file.base else (found.where,)
        groups[_BASELINE] = All(parts, found.at)
        groups[_BOTH] = All((*parts, own.where), own.at)
    pairs = [(request, {**groups, **asked_values(values)})]
    (answers,) = ask(workspace, pairs, cache=cache, codes=codes)
    told = told_values(values, [answers])
    name = f"{request.file.name}/{own.name}"
    pair = None if against == BASE else (_BASELINE, _BOTH)
    out = profile_among(name, against, answers, told, _PACK, pair)
    return replace(out, warnings=answers.warnings)
