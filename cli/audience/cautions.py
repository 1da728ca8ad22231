"""What a build warns of: nothing that makes it wrong, and all that its owner should look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date

from audience.engine.behaviour import StrayEvents
from audience.engine.novel import Novel, NovelEvents, find_novel_events
from audience.engine.run import Outcome
from audience.engine.tables import TableData
from audience.insight.summary import Summary
from audience.lists import place_of
from audience.plan.nodes import Ids, Listed, Published, Read, Suppressed
from audience.rules.language import Language, Pair
from audience.rules.lint import doubts
from audience.rules.reader import Problems
from audience.rules.tree import RuleFile

_RANGES = 3
_EVENT: Pair = ("event", "条事件")
_ID: Pair = ("id", "个 ID")
_ROW: Pair = ("row", "行")
_NO_TIME: Pair = (
    "table `{table}`: {events} without a time count for nobody",
    "数据表 `{table}`：{events}没有时间，不计入任何用户",
)
_NO_USER: Pair = (
    "table `{table}`: {events} without a user count for nobody",
    "数据表 `{table}`：{events}没有用户，不计入任何用户",
)
_UNKNOWN_USER: Pair = (
    "table `{table}`: {events} of users who are not in the user table count for nobody",
    "数据表 `{table}`：{events}的用户不在用户表中，不计入任何用户",
)
_ALL_STRANGERS: Pair = (
    "none of the {n:,} ids to be suppressed is in the user table",
    "排除名单中的 {n:,} 个 ID 都不在用户表中",
)
_STRANGERS: Pair = (
    "{where}{what}: {ids} not in the user table",
    "{where}{what}：{ids} 不在用户表中",
)
_FILE: Pair = ("the list `{name}`", "名单 `{name}`")
_IDS: Pair = ("the list of ids", "规则列出的 ID")
_PUBLISHED: Pair = ("published `{name}`", "已发布的人群包 `{name}`")
_NOVEL: Pair = (
    "tag `{tag}` has values that its dictionary lacks: {values}",
    "标签 `{tag}` 有字典中没有的取值：{values}",
)
_NOVEL_EVENTS: Pair = (
    "table `{table}`: `{column}` has values that its dictionary lacks: {values}",
    "数据表 `{table}`：`{column}` 有字典中没有的取值：{values}",
)
_COUNT: Pair = ("{value} ({count})", "{value}（{count}）")
_IN_ALL: Pair = (", … {n:,} in all", "，… 共 {n:,} 种")
_MORE: Pair = (", …", "，…")
_BETWEEN: Pair = (", ", "，")
_EARLY: Pair = (
    "{file}: a window begins on {start}, the days of table `{table}` on {first}",
    "{file}：时间窗从 {start} 开始，而数据表 `{table}` 从 {first} 才有数据",
)
_EMPTY_BASE: Pair = ("{file}: the base is empty", "{file}：基础人群为空")
_EMPTY: Pair = ("{file}: pack `{pack}` is empty", "{file}：人群包 `{pack}` 为空")


def cautions(
    file: RuleFile,
    summary: Summary,
    outcome: Outcome,
    reads: Sequence[Read],
    tables: Mapping[str, TableData],
    lists: Mapping[Listed, int],
    language: Language = Language.ENGLISH,
) -> Iterator[str]:
    """The warnings of one file's build, in a language.

    ``reads`` are its own, ``lists`` its lists' lengths.
    """
    say = language.say
    problems = Problems()
    doubts(file, problems, language)
    yield from map(str, problems.warnings)
    yield from data_cautions(file, summary.snapshot, outcome, reads, tables, lists, language)
    if not summary.base:
        yield say(_EMPTY_BASE, file=summary.name)
    for pack in summary.packs:
        if not pack.size:
            yield say(_EMPTY, file=summary.name, pack=pack.name)


def data_cautions(
    file: RuleFile,
    snapshot: date | None,
    outcome: Outcome,
    reads: Sequence[Read],
    tables: Mapping[str, TableData],
    lists: Mapping[Listed, int],
    language: Language = Language.ENGLISH,
) -> Iterator[str]:
    """What there is to be said of the data that one file's conditions were answered from."""
    for stray in outcome.stray:
        yield from _of_strays(stray, language)
    yield from _of_strangers(file, snapshot, outcome, lists, language)
    tags = {name for read in reads if read.days is None for name in read.columns}
    for novel in outcome.novel:
        if novel.snapshot == snapshot and novel.tag in tags:
            yield _of_novel(novel, language)
    for read in reads:
        if read.days is not None:
            for events in find_novel_events(tables[read.table], read):
                yield _of_novel_events(events, language)
    yield from of_history(file.name, reads, tables, language)


def _of_strays(stray: StrayEvents, language: Language) -> Iterator[str]:
    for count, text in (
        (stray.without_time, _NO_TIME),
        (stray.without_key, _NO_USER),
        (stray.unknown_key, _UNKNOWN_USER),
    ):
        if count:
            events = language.counted(count, _EVENT)
            yield language.say(text, table=stray.table, events=events)


def _of_strangers(
    file: RuleFile,
    snapshot: date | None,
    outcome: Outcome,
    lists: Mapping[Listed, int],
    language: Language,
) -> Iterator[str]:
    """Ids on lists that are of nobody."""
    for each in outcome.strangers:
        if each.listed not in lists or each.snapshot != snapshot:
            continue
        if isinstance(each.listed, Suppressed):
            if each.count == lists[each.listed]:
                yield language.say(_ALL_STRANGERS, n=each.count)
        else:
            place = place_of(each.listed, file)
            where = f"{place}: " if place else ""
            what, ids = _called(each.listed, language), language.counted(each.count, _ID)
            yield language.say(_STRANGERS, where=where, what=what, ids=ids)


def _called(listed: Ids | Published, language: Language) -> str:
    """A list as warnings name it."""
    match listed:
        case Ids(None, path):
            return language.say(_FILE, name=path)
        case Ids():
            return language.say(_IDS)
        case Published(reference):
            return language.say(_PUBLISHED, name=reference)


def _of_novel(novel: Novel, language: Language) -> str:
    listed = _counts(((str(value), count) for value, count in novel.values), _ROW, language)
    if novel.distinct > len(novel.values):
        listed += language.say(_IN_ALL, n=novel.distinct)
    return language.say(_NOVEL, tag=novel.tag, values=listed)


def _of_novel_events(novel: NovelEvents, language: Language) -> str:
    """Of many ranges, those of the most events."""
    most = sorted(novel.ranges, key=lambda each: -each[2])[:_RANGES]
    named = ((str(low) if low == high else f"{low}..{high}", count) for low, high, count in most)
    listed = _counts(named, _EVENT, language)
    if len(novel.ranges) > _RANGES:
        listed += language.say(_MORE)
    return language.say(_NOVEL_EVENTS, table=novel.table, column=novel.column, values=listed)


def _counts(named: Iterable[tuple[str, int]], noun: Pair, language: Language) -> str:
    """Values with how often each is there."""
    texts = (
        language.say(_COUNT, value=value, count=language.counted(count, noun))
        for value, count in named
    )
    return language.say(_BETWEEN).join(texts)


def of_history(
    name: str,
    reads: Iterable[Read],
    tables: Mapping[str, TableData],
    language: Language = Language.ENGLISH,
) -> Iterator[str]:
    """Windows that reach back to days before the first there is hold less than they say."""
    for read in reads:
        days = {file.day for file in tables[read.table].files if file.day}
        starts = [rows.days[0] for rows in read.rows if rows.days[0] is not None]
        if days and starts and min(starts) < min(days):
            start, first = min(starts), min(days)
            early = {"start": start, "table": read.table, "first": first}
            yield language.say(_EARLY, file=name, **early).removeprefix("/: ").removeprefix("/：")
