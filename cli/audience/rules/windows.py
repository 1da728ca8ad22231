"""Behaviour without a window of its own, held against some days."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

from audience.rules.scalars import Range
from audience.rules.tree import (
    All,
    AtLeast,
    Condition,
    Did,
    Either,
    Kept,
    Named,
    Not,
    Side,
    Stage,
)


def in_days(condition: Condition, first: date, last: date) -> Condition:
    """A condition whose behaviour is of these days, both in, where it has no window of its own.

    So is the behaviour behind the names in it; not that of the bases of other files. What follows
    a row (`then`), and a first or last event, are of all days still.
    """
    return _Windows(Range(first, last)).set(condition)


class _Windows:
    def __init__(self, days: Range[date]) -> None:
        self.days = days
        # By identity, as where conditions are lowered: names make a tree exponentially large.
        self._done: dict[int, Condition] = {}

    def set(self, condition: Condition) -> Condition:
        known = self._done.get(id(condition))
        if known is None:
            known = self._done[id(condition)] = self._set(condition)
        return known

    def _set(self, condition: Condition) -> Condition:
        match condition:
            case Did(rows) if rows.window is None:
                # It bounds no first or last event: those are of all time wherever they are planned.
                return replace(condition, rows=replace(rows, window=self.days))
            case All(parts) | Either(parts) | AtLeast(_, parts):
                return replace(condition, parts=self._all(parts))
            case Not(part) | Kept(part) | Side(part):
                return replace(condition, part=self.set(part))
            case Stage(own, earlier):
                mine = None if own is None else self.set(own)
                return replace(condition, own=mine, earlier=self._all(earlier))
            case Named(_, part, base):
                if base is not None:
                    self._done[id(base)] = base
                return replace(condition, condition=self.set(part))
            case _:
                return condition

    def _all(self, parts: tuple[Condition, ...]) -> tuple[Condition, ...]:
        found = []
        for part in parts:  # no comprehension: it would be a frame more a level
            found.append(self.set(part))
        return tuple(found)
