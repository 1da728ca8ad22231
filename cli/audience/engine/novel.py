"""Values that a tag's dictionary does not have: rules can't mean them, and nobody may know."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

import pyarrow.compute as pc

from audience.bits import count_bits
from audience.engine.base import Engine
from audience.engine.columns import scan
from audience.engine.tables import TableData
from audience.engine.users import Users
from audience.kinds import SCALARS, Table, Value
from audience.plan.nodes import Test, one_of

_MOST = 5
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


def dictionary_tests(table: Table, columns: Iterable[str]) -> dict[str, Test]:
    """For each of some tags that has a dictionary, the test that a value is in it."""
    found = {}
    for name in columns:
        tag = table.tags.get(name)
        if tag is not None and tag.choices and tag.type.kind in SCALARS:
            found[name] = one_of(name, (choice.value for choice in tag.choices))
    return found


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
    return Novel(name, rows, len(novel), tuple(novel[:_MOST]), day)
