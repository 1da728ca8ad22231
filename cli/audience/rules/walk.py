"""Walking rule trees."""

from __future__ import annotations

from collections.abc import Iterator

from audience.rules.tree import (
    All,
    AtLeast,
    Condition,
    Did,
    Either,
    Ids,
    Kept,
    Named,
    Not,
    RuleFile,
    Side,
    Stage,
    Test,
)


def parts_of(condition: Condition) -> tuple[Condition, ...]:
    """The conditions a condition is made of, names looked through; rows of events are not in."""
    match condition:
        case All(parts) | Either(parts) | AtLeast(_, parts):
            return parts
        case Not(part) | Kept(part) | Side(part):
            return (part,)
        case Stage(own, earlier):
            return earlier if own is None else (own, *earlier)
        case Named(_, part, base):
            return (part,) if base is None else (base, part)
        case _:
            return ()


def below(*roots: Condition) -> Iterator[Condition]:
    """Some conditions and all that they are made of, each once."""
    waiting = list(roots)
    seen: set[int] = set()
    while waiting:
        condition = waiting.pop()
        if id(condition) not in seen:
            seen.add(id(condition))
            yield condition
            waiting += parts_of(condition)


def conditions_of(file: RuleFile) -> Iterator[Condition]:
    """Every condition of a file and below it, each once."""
    roots = [pack.where for pack in file.packs] + list(file.definitions.values())
    roots += [stages.rest for stages in file.stages if stages.rest is not None]
    return below(*roots, *([file.base] if file.base is not None else []))


def tests_of(file: RuleFile) -> Iterator[Test]:
    """The tests of a file, of users and of rows of events."""
    for condition in conditions_of(file):
        if isinstance(condition, Test):
            yield condition
        rows = condition.rows if isinstance(condition, Did) else None
        while rows is not None:
            found = below(rows.where) if rows.where is not None else ()
            yield from (each for each in found if isinstance(each, Test))
            rows = rows.then.rows if rows.then is not None else None


def lists_of(file: RuleFile) -> Iterator[Ids]:
    """The lists of ids in files that a rule file names."""
    for condition in conditions_of(file):
        if isinstance(condition, Ids) and condition.values is None:
            yield condition
