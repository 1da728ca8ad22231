"""Conversions as charts, without what must be hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import inf

from audience.insight.cells import Cell
from audience.insight.convert import Conversion, ConversionLine, Rate
from audience.insight.report import Part, Report
from audience.report.charts.rates import Measured, RateRow, Rates
from audience.report.charts.rows import Label
from audience.report.language import Words
from audience.report.portraits import MOST_BARS, value_label
from audience.report.telling import Telling, called, goal_called, in_full, pack_name

Parts = Sequence[Part[Conversion]]
"""One conversion in several periods."""


def conversions_of(report: Report) -> list[Parts]:
    """A report's conversions, each with its periods."""
    groups: dict[tuple[str, str], list[Part[Conversion]]] = {}
    for part in report.conversions:
        groups.setdefault((part.found.source, part.found.target), []).append(part)
    return list(groups.values())


def title_of(report: Report, parts: Parts, words: Words) -> str:
    """From what a pack is called to what the goal is."""
    source, target = _names(report, parts)
    return words("conversion", source=source, target=target)


def _names(report: Report, parts: Parts) -> tuple[str, str]:
    first = parts[0].found
    name = pack_name(first.source)
    return called(name, report.labels.get(name, "")), goal_called(report.goal, first.target)


def overview_chart(report: Report, words: Words) -> Rates:
    """The rate of each pack, in the order of :func:`by_rate`."""
    found = by_rate(conversions_of(report), words)
    rows = [
        RateRow(Label(_names(report, parts)[0], _in_full(report, parts)), overall(parts, words))
        for parts in found
    ]
    known = [rate for row in rows for rate in row.rates if rate and rate.rate is not None]
    highest = max(known, key=lambda rate: rate.rate or 0, default=None)
    _, target = _names(report, found[0])
    return Rates(
        words("overview_chart", target=target),
        words("overview_told", n=len(rows), highest="–" if highest is None else highest.text),
        tuple(period_name(part.found, words) for part in found[0]),
        tuple(rows),
    )


def _in_full(report: Report, parts: Parts) -> str:
    name = pack_name(parts[0].found.source)
    return in_full(name, report.labels.get(name, ""))


def by_rate(conversions: Sequence[Parts], words: Words) -> list[Parts]:
    """Conversions as they are shown: the highest rate of the first period first.

    What is hidden is last, as its place would bound it.
    """

    def order(parts: Parts) -> float:
        rate = overall(parts, words)[0].rate
        return inf if rate is None else -rate

    return sorted(conversions, key=order)


def overall(parts: Parts, words: Words) -> tuple[Measured, ...]:
    """The rates of all users, one for each period."""
    return tuple(
        _measured(Telling(words, part.hidden), part.found.rate, "converted", "users")
        for part in parts
    )


def silence_of(parts: Parts, words: Words) -> str:
    """Why there is nothing to draw by value; '' where there is.

    Nobody converted, or of every value the rate is 0 or hidden.
    """
    if not any(each.hidden or each.rate for each in overall(parts, words)):
        return words("nobody_converted")
    lines = [line for rates in _by_value(parts, words).values() for line in rates if line]
    if lines and not any(line.rate for line in lines):
        return words("no_value_told", rates=_told(parts, words))
    return ""


def conversions_chart(report: Report, parts: Parts, words: Words) -> Rates:
    """Rates by value; those that are hidden in every period are last."""
    source, target = _names(report, parts)
    rows = [RateRow(Label(words("overall")), overall(parts, words))]
    labels = {_key(line): value_label(line) for part in parts for line in part.found.lines}
    rates = _by_value(parts, words)
    rows += [RateRow(labels[key], rates[key]) for key in ranked(parts, words)[:MOST_BARS]]
    return Rates(
        words("conversion_chart", source=source, target=target),
        words("conversion_told", rates=_told(parts, words)),
        tuple(period_name(part.found, words) for part in parts),
        tuple(rows),
    )


def _told(parts: Parts, words: Words) -> str:
    return ", ".join(
        f"{period_name(part.found, words)} {rate.text}" if len(parts) > 1 else rate.text
        for part, rate in zip(parts, overall(parts, words), strict=True)
    )


def ranked(parts: Parts, words: Words) -> list[tuple[str, str]]:
    """Tags and values of all periods, those that tell most in any of them first."""
    best: dict[tuple[str, str], int] = {}
    for part in parts:
        for at, line in enumerate(part.found.lines):
            best[_key(line)] = min(at, best.get(_key(line), at))
    rates = _by_value(parts, words)
    shown = {key: any(rate and not rate.hidden for rate in rates[key]) for key in best}
    return sorted(best, key=lambda key: (not shown[key], best[key]))


def _by_value(parts: Parts, words: Words) -> Mapping[tuple[str, str], tuple[Measured | None, ...]]:
    """The rates of each tag and value, one for each period; None where it has no such value."""
    out: dict[tuple[str, str], list[Measured | None]] = {}
    for number, part in enumerate(parts):
        tell = Telling(words, part.hidden)
        for at, line in enumerate(part.found.lines):
            rates = out.setdefault(_key(line), [None] * len(parts))
            rates[number] = _measured(tell, line.rate, (at, "converted"), (at, "users"))
    return {key: tuple(rates) for key, rates in out.items()}


def period_name(found: Conversion, words: Words) -> str:
    """What a period is called, with its days."""
    days = words.days(found.first, found.as_of)
    return f"{found.period} ({days})" if found.period else days


def _key(line: ConversionLine) -> tuple[str, str]:
    return line.tag, line.value


def _measured(tell: Telling, rate: Rate, *cells: Cell) -> Measured:
    if tell.hides(*cells):
        return Measured(None, None, None, tell.words("hidden"), hidden=True)
    return Measured(rate.rate, rate.low, rate.high, tell.words.percent(rate.rate))
