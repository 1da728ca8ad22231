"""Makes a world on which the program and the evaluator disagree as small as it will go.

Hypothesis shrinks what was drawn, choice by choice, which takes minutes where each try is a build.
Taking away packs, rows and parts of conditions takes seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from fuzz.world import Condition, RuleFile, Table, World

Fails = Callable[[World], bool]


def reduced(world: World, fails: Fails) -> World:
    """A smaller world that fails alike."""
    while True:
        for smaller in smaller_worlds(world):
            if fails(smaller):
                world = smaller
                break
        else:
            return world


def smaller_worlds(world: World) -> Iterator[World]:
    for name, rules in world.files.items():
        for fewer in smaller_files(rules):
            yield replace(world, files={**world.files, name: fewer})
    for rows in fewer_of(world.users.rows):
        if rows:
            yield replace(world, users=replace(world.users, rows=rows))
    for name, table in world.events.items():
        for rows in fewer_of(table.rows):
            yield replace(world, events={**world.events, name: replace(table, rows=rows)})
    for users in plainer(world.users):
        yield replace(world, users=users)
    for name, table in world.events.items():
        for plain in plainer(table):
            yield replace(world, events={**world.events, name: plain})


def smaller_files(rules: RuleFile) -> Iterator[RuleFile]:
    if rules.base is not None:
        yield replace(rules, base=None)
    for part in ("packs", "define", "stages"):
        entries: Mapping[str, Any] = getattr(rules, part)
        for kept in fewer_of(list(entries)):
            yield replace(rules, **{part: {name: entries[name] for name in kept}})
        for name, condition in entries.items():
            for smaller in smaller_conditions(condition):
                yield replace(rules, **{part: {**entries, name: smaller}})


def smaller_conditions(part: Condition) -> Iterator[Condition]:
    """The condition's own parts, then it without one of them, or with a smaller one.

    Most are no conditions at all: the program refuses them, which is not the failure looked for.
    """
    if isinstance(part, Mapping):
        yield from part.values()
        for word in part:
            yield {other: part[other] for other in part if other != word}
            for smaller in smaller_conditions(part[word]):
                yield {**part, word: smaller}
    elif isinstance(part, list):
        yield from part
        yield from fewer_of(part)
        for at, each in enumerate(part):
            for smaller in smaller_conditions(each):
                yield [*part[:at], smaller, *part[at + 1 :]]


def fewer_of(items: Sequence[Any]) -> Iterator[list[Any]]:
    """Without a half of them, a quarter, …, one."""
    size = len(items) // 2
    while size:
        for at in range(0, len(items), size):
            yield [*items[:at], *items[at + size :]]
        size //= 2
    if len(items) == 1:
        yield []


def plainer(table: Table) -> Iterator[Table]:
    """With a value missing."""
    for at, row in enumerate(table.rows):
        for column, value in row.items():
            if value is not None and column not in (table.key, table.time):
                rows = [*table.rows[:at], {**row, column: None}, *table.rows[at + 1 :]]
                yield replace(table, rows=rows)
