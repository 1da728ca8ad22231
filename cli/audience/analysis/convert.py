"""Conversion: packs and conditions held against each other over periods, counted in one pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

from audience.analysis.ask import Answers, Conditions, ask, warnings_of
from audience.analysis.counted import Span, Told, asked_values, conversion_among, told_values
from audience.analysis.values import Value, values_of
from audience.engine.codes import Codebook
from audience.errors import Location, Source, UsageError
from audience.evaluation import at_day
from audience.given import day_or_none, several
from audience.insight.convert import (
    Conversions,
    Day,
    Part,
    Period,
    market_day,
    rate_of,
    sources_of,
)
from audience.plan.build import Request
from audience.rules.asked import Asked, Asker
from audience.rules.language import Language
from audience.rules.project import Project
from audience.rules.reader import Problems
from audience.rules.tree import All, Condition, Either, Not
from audience.workspace import Workspace, open_asker, opened, today

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_MOST_DAYS = 400
_HERE = Location(Source("", ""), 1, 1)
_FROM, _TO, _BOTH, _MARKET, _NO_SOURCE = "from", "to", "both", "market", "no source"


@dataclass(frozen=True)
class _Question:
    """What is asked about: A is whoever is in all of ``start``; B and the market may be none."""

    start: tuple[Asked, ...]
    end: Asked | None
    market: Asked | None
    sources: tuple[Asked, ...]

    def shares(self, span: Span) -> Conditions:
        """The conditions of A and the market."""
        out: dict[str, Condition] = {_FROM: All(tuple(map(span.set, self.start)), _HERE)}
        if self.market is not None:
            out[_MARKET] = span.set(self.market)
        return out

    def conditions(self, span: Span, values: Sequence[Value]) -> Conditions:
        """All conditions that are counted of a period, by name."""
        out = dict(self.shares(span))
        out |= {_part(number): span.set(each) for number, each in enumerate(self.start)}
        if self.end is not None:
            end = out[_TO] = span.set(self.end)
            out[_BOTH] = All((out[_FROM], end), _HERE)
            out |= asked_values(values)
            # Where users come from is what they were and had, whenever that was.
            origins = tuple(each.condition for each in self.sources)
            out |= {_source(number): each for number, each in enumerate(origins)}
            if origins:
                out[_NO_SOURCE] = All((end, Not(Either(origins, _HERE), _HERE)), _HERE)
        return out


def convert(
    project: Project,
    start: str | Sequence[str],
    end: str | None = None,
    *,
    by: str | Sequence[str] = (),
    periods: str | Sequence[str] = (),
    sources: str | Sequence[str] = (),
    market: str | None = None,
    daily: bool = False,
    as_of: date | str | None = None,
    variables: Mapping[str, str] | None = None,
    engine: str | None = None,
    spark: SparkSession | None = None,
    cache: bool = True,
    lang: str = Language.ENGLISH,
) -> Conversions:
    """Of the users of A, who are in every one of ``start``, how many did B, which is ``end``.

    These, the ``sources`` and the ``market`` are packs in the rules or conditions, each as
    ``[name=]…``; ``by`` are tags, default all; ``periods`` are as ``promo=2023-05-23..2023-06-18``.
    A period is evaluated at its last day, and behaviour without a window of its own, but that of
    sources, is of its days. ``daily`` tells the market share of each day. Values are told in
    ``lang``, `en` or `zh`. Nothing is published. Raises ConditionError, RuleError, DataError,
    NotPublishedError, UsageError.
    """
    language = Language.of(lang)
    _check(end, by, periods, sources, market, daily=daily, as_of=as_of)
    project = project.on(engine, spark)
    workspace = opened(project)
    asker = open_asker(workspace, Problems(), variables)
    question = _read(asker, several(start), end, market, several(sources))
    read = asker.read_days("--period", several(periods))
    own = asker.as_of
    asker.finish()
    spans = [Span(each.name, each.first, each.last) for each in read]
    spans = spans or [Span("", None, day_or_none(as_of) or own or today(project))]
    _check_days(project, spans, daily=daily)
    days = [list(span.days()) if daily else [] for span in spans]
    requests = [_request(workspace, asker, each) for each in spans]
    newest = max((each.snapshot for each in requests if each.snapshot), default=None)
    values: tuple[Value, ...] = ()
    codes = Codebook()
    if end is not None:
        values = values_of(workspace, newest, by, _HERE, codes, cache=cache, language=language)
    pairs = [
        (request, question.conditions(span, values))
        for request, span in zip(requests, spans, strict=True)
    ]
    pairs += [
        (_request(workspace, asker, day), question.shares(day)) for each in days for day in each
    ]
    answers = ask(workspace, pairs, cache=cache, codes=codes)
    rest = iter(answers[len(spans) :])
    told = told_values(values, answers[: len(spans)])
    return Conversions(
        _called(question.start),
        question.end.name if question.end else "",
        question.market.name if question.market else "",
        tuple(
            _period(question, span, found, told, tuple(_day(day, next(rest)) for day in own_days))
            for span, found, own_days in zip(spans, answers, days, strict=False)
        ),
        warnings_of(answers),
    )


def _check(
    end: str | None,
    by: str | Sequence[str],
    periods: str | Sequence[str],
    sources: str | Sequence[str],
    market: str | None,
    *,
    daily: bool,
    as_of: date | str | None,
) -> None:
    """What can't be combined."""
    if end is None and market is None:
        raise UsageError("expected --to, what they are to have done, or --market, or both")
    if end is None and (by or sources):
        raise UsageError("--by and --source are of those who did --to, which is missing")
    if daily and (market is None or not periods):
        raise UsageError("--daily is the share of a --market on each day of a --period")
    if periods and as_of is not None:
        raise UsageError("--as-of and --period: a period is evaluated at its last day")


def _check_days(project: Project, spans: Sequence[Span], *, daily: bool) -> None:
    last, now = max(span.last for span in spans), today(project)
    if last > now:
        raise UsageError(f"{last} lies in the future; today is {now}")
    days = sum((span.last - (span.first or span.last)).days + 1 for span in spans)
    if daily and days > _MOST_DAYS:
        raise UsageError(f"{days:,} days are too many: at most {_MOST_DAYS}")


def _read(
    asker: Asker, start: Sequence[str], end: str | None, market: str | None, sources: Sequence[str]
) -> _Question:
    if not start:
        raise UsageError("expected --from, whose conversion it is")

    def one(option: str, text: str | None) -> Asked | None:
        return next(iter(asker.read_all(option, [] if text is None else [text])), None)

    starts = tuple(asker.read_all("--from", start))
    ends, markets = one("--to", end), one("--market", market)
    return _Question(starts, ends, markets, tuple(asker.read_all("--source", sources)))


def _request(workspace: Workspace, asker: Asker, span: Span) -> Request:
    return at_day(workspace, Request(asker.file(), span.last), span.last)


def _period(
    question: _Question,
    span: Span,
    found: Answers,
    told: Told,
    days: tuple[Day, ...],
) -> Period:
    users = found.size(_FROM)
    several = len(question.start) > 1
    reached = found.both(_FROM, _MARKET) if question.market else 0
    penetration = rate_of(reached, found.size(_MARKET)) if question.market else None
    parts = tuple(_part_of(question, number, found) for number in range(len(question.start)))
    period = Period(
        span.name,
        span.first,
        span.last,
        users,
        parts if several else (),
        penetration=penetration,
        days=days,
    )
    if question.end is None:
        return period
    target = found.size(_TO)
    names = (_called(question.start), question.end.name)
    conversion = conversion_among(names, span, found, told, _FROM, _BOTH)
    counts = [
        (each.name, each.label, found.both(_TO, _source(number)))
        for number, each in enumerate(question.sources)
    ]
    return replace(
        period,
        conversion=conversion,
        swing=users - conversion.rate.users if several else None,
        target_users=target,
        sources=sources_of(counts, target),
        no_source=found.size(_NO_SOURCE) if counts else None,
    )


def _part_of(question: _Question, number: int, found: Answers) -> Part:
    asked, name = question.start[number], _part(number)
    users = found.size(name)
    rate = rate_of(found.both(name, _TO), users) if question.end else None
    return Part(asked.name, asked.label, users, rate)


def _day(span: Span, found: Answers) -> Day:
    return market_day(span.last, found.size(_FROM), found.size(_MARKET))


def _called(start: Sequence[Asked]) -> str:
    return " & ".join(each.name for each in start)


def _part(number: int) -> str:
    return f"from {number}"


def _source(number: int) -> str:
    return f"source {number}"
