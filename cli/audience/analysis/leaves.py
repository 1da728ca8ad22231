"""A rule as what it is made of: tests, behaviours, lists and limits, each true or false of a user.

A limit is a condition upon those it limits, so that a rule is the algebra of its leaves: who is in
what is limited and not in the limit is cut, and of everybody else the limit asks nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from audience.bits import Flags
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
    Published,
    Side,
    Stage,
    Test,
)
from audience.rules.walk import parts_of

Leaf = Test | Did | Ids | Published | Kept | Side


def leaves_of(condition: Condition) -> Iterator[Leaf]:
    """The leaves in the order of the text, each mention; what is limited before its limit."""
    seen: set[int] = set()
    waiting: list[tuple[Condition, bool]] = [(condition, False)]
    while waiting:
        each, opened = waiting.pop()
        if opened or not parts_of(each):
            if isinstance(each, Test | Did | Ids | Published | Kept | Side):
                yield each
        elif id(each) not in seen:
            seen.add(id(each))
            waiting.append((each, True))
            waiting += [(part, False) for part in reversed(parts_of(each))]


def combine(condition: Condition, value: Callable[[Leaf], Flags], count: int) -> Flags:
    """For which of so many users a rule holds, by what holds of its leaves."""
    done: dict[int, Flags] = {}

    def of(each: Condition) -> Flags:
        known = done.get(id(each))
        if known is None:
            known = done[id(each)] = find(each)
        return known

    def find(each: Condition) -> Flags:
        match each:
            case All(parts):
                return _fold(np.logical_and, True, parts)
            case Either(parts):
                return _fold(np.logical_or, False, parts)
            case AtLeast(least, parts):
                held = np.zeros(count, dtype=np.int64)
                for part in parts:
                    held += of(part)
                return held >= least
            case Not(part):
                return ~of(part)
            case Named(_, part, base):
                return of(part) if base is None else of(base) & of(part)
            case Stage(own, earlier):
                left = ~_fold(np.logical_or, False, earlier)
                return left if own is None else left & of(own)
            case Kept(part) | Side(part):
                return of(part) & value(each)
            case _:
                return value(each)

    def _fold(operator: np.ufunc, start: bool, parts: tuple[Condition, ...]) -> Flags:
        out = np.full(count, start)
        for part in parts:
            out = operator(out, of(part))
        return out

    return of(condition)
