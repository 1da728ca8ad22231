"""The section of conversions: all packs beside each other, then each by value."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from audience.insight.cells import Cell
from audience.insight.convert import Rate
from audience.insight.report import Report
from audience.report.grid import Grid
from audience.report.language import Words
from audience.report.page.markup import add, add_chart, add_tables, article
from audience.report.page.tables import MOST_ROWS, grid_of, remark_of, titled
from audience.report.portraits import index_text
from audience.report.rates import (
    Parts,
    by_rate,
    conversions_chart,
    conversions_of,
    overview_chart,
    period_name,
    ranked,
    silence_of,
    title_of,
)
from audience.report.telling import Telling, goal_called, pack_name

_WHOLE: tuple[Cell, Cell] = ("converted", "users")


def add_conversions(section: Element, report: Report, words: Words) -> None:
    """What is asked for, an overview where there are several packs, then each of them."""
    _add_goal(section, report, words)
    if all(part.found.first is None for part in report.conversions):
        add(section, "p", words("goal_until", day=report.as_of), class_="about")
    conversions = conversions_of(report)
    if len(conversions) > 1:
        chart = overview_chart(report, words)
        box = article(section, chart.title)
        add_chart(box, chart)
        add_tables(box, [overview_grid(report, words)], words, chart.title)
    for parts in conversions:
        box = article(section, title_of(report, parts, words), pack_name(parts[0].found.source))
        silence = silence_of(parts, words)
        if silence:
            add(box, "p", silence, class_="about")
            continue
        add_chart(box, conversions_chart(report, parts, words))
        grid = conversions_grid(report, parts, words)
        add_tables(box, [grid], words, grid.title)


def _add_goal(section: Element, report: Report, words: Words) -> None:
    """A condition in full, which headings have by its name or cut."""
    goal = report.goal
    if goal is None or goal.text in ("", goal.label):
        return
    called, told = goal_called(goal, goal.name), goal.words or goal.text
    if called == told:
        return
    line = add(section, "p", words("goal"), class_="about")
    if not goal.unnamed:
        add(line, "strong", called).tail = " "
    add(line, "span" if goal.words else "code", told)


def overview_grid(report: Report, words: Words) -> Grid:
    """The rates of packs, the highest first."""
    conversions = conversions_of(report)
    several = len(conversions[0]) > 1
    rows = []
    for parts in by_rate(conversions, words):
        name = pack_name(parts[0].found.source)
        for part in parts:
            period = (period_name(part.found, words),) if several else ()
            told = _rate_texts(Telling(words, part.hidden), part.found.rate, _WHOLE)
            rows.append((name, report.labels.get(name, ""), *period, *told))
    texts = ("pack", "label", *(("period",) if several else ()))
    numbers = ("converted", "of_users", "rate", "interval")
    return grid_of(words, overview_chart(report, words).title, texts, numbers, rows)


def conversions_grid(report: Report, parts: Parts, words: Words) -> Grid:
    """Rates by value and period."""
    several = len(parts) > 1
    rows: list[tuple[str, ...]] = []
    for part in parts:
        period = (period_name(part.found, words),) if several else ()
        told = _rate_texts(Telling(words, part.hidden), part.found.rate, _WHOLE)
        rows.append((words("overall"), "", *period, *told, "", ""))
    keys = ranked(parts, words)
    for key in keys[:MOST_ROWS]:
        for part in parts:
            tell = Telling(words, part.hidden)
            period = (period_name(part.found, words),) if several else ()
            for at, line in enumerate(part.found.lines):
                if (line.tag, line.value) != key:
                    continue
                own: tuple[Cell, Cell] = ((at, "converted"), (at, "users"))
                rows.append(
                    (
                        line.label or line.tag,
                        line.value,
                        *period,
                        *_rate_texts(tell, line.rate, own),
                        tell.of(index_text(line), *own, *_WHOLE),
                        remark_of(few=line.few, sure=line.significant, words=words),
                    )
                )
    title = titled(words, title_of(report, parts, words), min(len(keys), MOST_ROWS), len(keys))
    texts = ("tag", "value", *(("period",) if several else ()))
    numbers = ("converted", "of_users", "rate", "interval", "ctgi", "remark")
    return grid_of(words, title, texts, numbers, rows)


def _rate_texts(tell: Telling, rate: Rate, cells: tuple[Cell, Cell]) -> tuple[str, str, str, str]:
    """Who converted, of how many, the rate and its interval."""
    words = tell.words
    between = "–"
    if rate.low is not None and rate.high is not None:
        between = words.interval(words.percent(rate.low), words.percent(rate.high))
    return (
        tell.count(cells[0], rate.users),
        tell.count(cells[1], rate.of),
        tell.of(words.percent(rate.rate), *cells),
        tell.of(between, *cells),
    )
