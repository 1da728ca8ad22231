"""Values that a tag's dictionary does not have: rules can't mean them, and nobody may know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

import pyarrow.compute as pc

from audience.bits import count_bits
from audience.engine.base import Engine
from audience.engine.columns import scan
from audience.engine.strategy import asked_of
from audience.engine.tables import TableData
from audience.engine.users import Users
from audience.kinds import SCALARS, Kind, Table, Value
from audience.plan.nodes import Plan, Read, Test, one_of
from audience.rules.project import ValueSpec
from audience.rules.scalars import read_value

MOST = 5
"""So many values are named, the most frequent ones."""


@dataclass(frozen=True)
class Novel:
    """Rows of a snapshot whose value a tag's dictionary lacks; the most frequent with their counts.

    ``distinct`` says how many values these are.
    """

    tag: str
    rows: int
    distinct: int
    values: tuple[tuple[Value, int], ...]
    snapshot: date | None


@dataclass(frozen=True)
class NovelEvents:
    """Events in whose column no value is one of its dictionary; ``ranges`` hold the values."""

    table: str
    column: str
    ranges: tuple[tuple[Value, Value, int], ...]


def find_novel_events(table: TableData, read: Read) -> Iterator[NovelEvents]:
    """What footers tell of the columns that are read of an event table.

    To count each value would take many times as long as to pick those that rules ask for. So
    groups of rows are found of which statistics show that they have no value of the dictionary:
    those of an export that spells them in another way.
    """
    files = table.within(read.days)
    for name, values in _dictionaries(table):
        if name not in read.columns or table.tags[name].type.kind not in {Kind.TEXT, Kind.INTEGER}:
            continue
        known = {read_value(value.stored, table.tags[name].type) for value in values}
        found: Counter[tuple[Value, Value]] = Counter()
        for file in files:
            for (low, high), rows in file.ranges.get(name, {}).items():
                if not any(low <= value <= high for value in known):
                    found[low, high] += rows
        if found:
            ranges = sorted((low, high, rows) for (low, high), rows in found.items())
            yield NovelEvents(table.name, name, tuple(ranges))


def _dictionaries(table: TableData) -> Iterator[tuple[str, tuple[ValueSpec, ...]]]:
    spec = table.spec
    if spec.actions is not None:
        yield spec.action, spec.actions
    for column in spec.columns:
        if column.values is not None and not (column.name == spec.action and spec.actions):
            yield column.name, column.values


def dictionary_tests(table: Table, columns: Iterable[str]) -> dict[str, Test]:
    """For each of some tags that has a dictionary, the test that a value is in it."""
    found = {}
    for name in columns:
        tag = table.tags.get(name)
        if tag is not None and tag.choices and tag.type.kind in SCALARS:
            found[name] = one_of(name, (choice.value for choice in tag.choices))
    return found


def tests_used(tests: Mapping[str, Test], plan: Plan, day: date | None) -> Mapping[str, Test]:
    """Those of tags that the files of one snapshot read."""
    columns = asked_of(plan, day).columns
    return {name: test for name, test in tests.items() if name in columns}


def find_novel(
    users: Users, tests: Mapping[str, Test], engine: Engine, day: date | None
) -> Iterable[Novel]:
    """What is in no dictionary, of the tests that users were asked."""
    for name, test in tests.items():
        missing = users.missing.get(test)
        known = count_bits(users.tests[test]) + (0 if missing is None else count_bits(missing))
        if known < users.count:
            yield _count(engine, users.table, name, test, users.count - known, day)


def _count(
    engine: Engine, table: TableData, name: str, test: Test, rows: int, day: date | None
) -> Novel:
    values = test.argument if isinstance(test.argument, tuple) else (test.argument,)
    column = engine.fetch(scan(engine, table, table.files, [name]).select(name))[name].drop_null()
    counted = pc.value_counts(column)
    found = [(each["values"].as_py(), each["counts"].as_py()) for each in counted]
    novel = [(value, count) for value, count in found if value not in values]
    novel.sort(key=lambda pair: (-pair[1], str(pair[0])))
    return Novel(name, rows, len(novel), tuple(novel[:MOST]), day)
