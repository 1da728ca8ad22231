"""What a build warns of: nothing that makes it wrong, and all that its owner should look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from audience.engine.behaviour import StrayEvents
from audience.engine.novel import Novel, NovelEvents, find_novel_events
from audience.engine.run import Outcome
from audience.engine.tables import TableData
from audience.insight.summary import Summary
from audience.lists import describe, place_of
from audience.plan.nodes import Listed, Read, Suppressed
from audience.rules.lint import doubts
from audience.rules.reader import Problems
from audience.rules.tree import RuleFile

_RANGES = 3


def cautions(
    file: RuleFile,
    summary: Summary,
    outcome: Outcome,
    reads: Sequence[Read],
    tables: Mapping[str, TableData],
    lists: Mapping[Listed, int],
) -> Iterator[str]:
    """The warnings of one file's build. ``reads`` are its own, ``lists`` its lists' lengths."""
    problems = Problems()
    doubts(file, problems)
    yield from map(str, problems.warnings)
    for stray in outcome.stray:
        yield from _of_strays(stray)
    yield from _of_strangers(file, summary, outcome, lists)
    tags = {name for read in reads if read.days is None for name in read.columns}
    for novel in outcome.novel:
        if novel.snapshot == summary.snapshot and novel.tag in tags:
            yield _of_novel(novel)
    for read in reads:
        if read.days is not None:
            yield from map(_of_novel_events, find_novel_events(tables[read.table], read))
    yield from _of_history(summary, reads, tables)
    if not summary.base:
        yield f"{summary.name}: the base is empty"
    for pack in summary.packs:
        if not pack.size:
            yield f"{summary.name}: pack `{pack.name}` is empty"


def _of_strays(stray: StrayEvents) -> Iterator[str]:
    if stray.without_time:
        count = _counted(stray.without_time, "event")
        yield f"table `{stray.table}`: {count} without a time count for nobody"
    if stray.without_key:
        count = _counted(stray.without_key, "event")
        yield f"table `{stray.table}`: {count} without a user count for nobody"
    if stray.unknown_key:
        count = _counted(stray.unknown_key, "event")
        yield (
            f"table `{stray.table}`: {count} of users who are not in the user table "
            "count for nobody"
        )


def _of_strangers(
    file: RuleFile, summary: Summary, outcome: Outcome, lists: Mapping[Listed, int]
) -> Iterator[str]:
    """Ids on lists that are of nobody."""
    for each in outcome.strangers:
        if each.listed not in lists or each.snapshot != summary.snapshot:
            continue
        if isinstance(each.listed, Suppressed):
            if each.count == lists[each.listed]:
                yield f"none of the {each.count:,} ids to be suppressed is in the user table"
        else:
            place = place_of(each.listed, file)
            where = f"{place}: " if place else ""
            count = _counted(each.count, "id")
            yield f"{where}{describe(each.listed)}: {count} not in the user table"


def _of_novel(novel: Novel) -> str:
    listed = ", ".join(f"{value} ({_counted(count, 'row')})" for value, count in novel.values)
    more = f", … {novel.distinct:,} in all" if novel.distinct > len(novel.values) else ""
    return f"tag `{novel.tag}` has values that its dictionary lacks: {listed}{more}"


def _of_novel_events(novel: NovelEvents) -> str:
    """Of many ranges, those of the most events."""
    most = sorted(novel.ranges, key=lambda each: -each[2])[:_RANGES]
    listed = ", ".join(
        f"{low if low == high else f'{low}..{high}'} ({_counted(count, 'event')})"
        for low, high, count in most
    )
    more = ", …" if len(novel.ranges) > _RANGES else ""
    return (
        f"table `{novel.table}`: `{novel.column}` has values that its dictionary lacks: "
        f"{listed}{more}"
    )


def _of_history(
    summary: Summary, reads: Iterable[Read], tables: Mapping[str, TableData]
) -> Iterator[str]:
    """Windows that reach back to days before the first there is hold less than they say."""
    for read in reads:
        days = {file.day for file in tables[read.table].files if file.day}
        starts = [rows.days[0] for rows in read.rows if rows.days[0] is not None]
        if days and starts and min(starts) < min(days):
            yield (
                f"{summary.name}: a window begins on {min(starts)}, the days of table "
                f"`{read.table}` on {min(days)}"
            )


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}" + ("" if count == 1 else "s")
