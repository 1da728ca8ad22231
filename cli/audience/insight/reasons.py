"""A rule's tree for one user: of each condition whether it held, and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from audience.engine.person import Person
from audience.engine.relations import UNFOLLOWED
from audience.insight.findings import Finding
from audience.insight.gaps import gap_of_limit, gap_of_test
from audience.kinds import Kind, Tag
from audience.plan.nodes import Fold, Limit
from audience.plan.parts import Parts
from audience.rules.beside import SHARES
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
    Test,
)
from audience.rules.walk import parts_of
from audience.rules.words import words

ALL, ANY, NOT, LEAST, NONE = "all", "any", "not", "at_least", "none"
LIMIT, SIDE, SUPPRESSED, CUT = "limit", "split", "suppressed", "cut"
_NAMES: Mapping[type, str] = {
    All: ALL,
    Either: ANY,
    Not: NOT,
    AtLeast: LEAST,
    Named: ALL,
    Stage: ALL,
    Kept: LIMIT,
    Side: SIDE,
}
_MOST = 2_000
_MOST_LACKING = 5


@dataclass(frozen=True)
class Reason:
    """A condition for one user.

    ``kind`` says how it follows from its parts: ``all``, ``any``, ``not``, ``at_least`` (so many:
    ``least``), ``none``, ``limit`` and ``split`` (the part, and a place in it). Of a condition
    without parts it is ``test``, ``did``, ``ids``, ``published`` or ``suppressed``; what was cut
    off is ``cut``. ``counted`` are the newest events that counted, newest first; None where the
    condition is of no events.
    """

    kind: str
    held: bool
    asked: str
    found: tuple[Finding, ...] = ()
    counted: tuple[Mapping[str, Any], ...] | None = field(default=None, repr=False)
    parts: tuple[Reason, ...] = ()
    least: int = 0


@dataclass(frozen=True)
class Beside:
    """What else is told of conditions, by their identity: notes, and the names of stages."""

    notes: Mapping[int, str] = field(default_factory=dict)
    stages: Mapping[int, str] = field(default_factory=dict)


def reason_of(
    condition: Condition, parts: Parts, person: Person, beside: Beside | None = None
) -> tuple[Reason, bool]:
    """A condition's tree for one user, and whether it is whole: a large one is cut off."""
    reader = _Reader(parts, person, beside or Beside())
    tree = reader.read(condition)
    return tree, reader.left >= 0


class _Reader:
    def __init__(self, parts: Parts, person: Person, beside: Beside) -> None:
        self.parts = parts
        self.person = person
        self.beside = beside
        self.left = _MOST

    def read(self, condition: Condition) -> Reason:
        """A condition and what it is made of; names nest, so that there may be no end of it."""
        self.left -= 1
        if self.left < 0:
            return Reason(CUT, self.held(condition), "…")
        found = (*self._found(condition), *self._notes(condition))
        kind = _NAMES.get(type(condition), type(condition).__name__.lower())
        held, asked = self.held(condition), words(condition)
        if isinstance(condition, Stage):
            return self._stage(condition, Reason(kind, held, asked, found))
        inner = tuple(map(self.read, parts_of(condition)))
        least = condition.count if isinstance(condition, AtLeast) else 0
        if least:
            found += (Finding(note=f"{sum(part.held for part in inner)} of {len(inner)} hold"),)
        return Reason(kind, held, asked, found, self._events(condition), inner, least)

    def held(self, condition: Condition) -> bool:
        """Whether the user is in a condition."""
        return self.parts.nodes[id(condition)] in self.person.held

    def _stage(self, stage: Stage, plain: Reason) -> Reason:
        ahead = [part for part in stage.earlier if self.held(part)]
        found = plain.found
        if ahead:
            name = self.beside.stages.get(id(ahead[0]))
            number = stage.earlier.index(ahead[0]) + 1
            found += (Finding(note=f"is in {name}" if name else f"is in stage {number} of these"),)
        if stage.own is None:
            earlier = tuple(map(self.read, stage.earlier))
            return replace(plain, kind=NONE, parts=earlier, found=found)
        own = self.read(stage.own)
        if not stage.earlier:
            return replace(plain, parts=(own,))
        earlier = tuple(map(self.read, stage.earlier))
        none = Reason(NONE, not ahead, "none of the stages before:", found, parts=earlier)
        return replace(plain, parts=(own, none), found=())

    def _notes(self, condition: Condition) -> Iterator[Finding]:
        if note := self.beside.notes.get(id(condition)):
            yield Finding(note=note)

    def _found(self, condition: Condition) -> Iterator[Finding]:
        number = self.parts.nodes[id(condition)]
        match condition:
            case Test():
                yield from self._found_value(condition)
            case Did():
                for fold in self.parts.folds[id(condition)]:
                    yield from self._found_events(fold)
                if (alone := self._before_then(condition)) is not None:
                    yield Finding(note=f"{alone} before `then`")
            case Kept() if number in self.person.ranks:
                rank = self.person.ranks[number]
                text = f"place {rank.place:,} of {rank.of:,}"
                if not self.held(condition):
                    text += f", {rank.place - condition.keep:,} beyond the limit"
                yield Finding(note=text)
            case Side(_, _, low, high):
                share = self.person.shares[self.parts.shares[id(condition)]]
                sides = " to ".join(f"{side * 100 / SHARES:g}%" for side in (low, high))
                yield Finding(note=f"at {share * 100:.4f}% of the split, this side is {sides}")

    def _found_value(self, test: Test) -> Iterator[Finding]:
        if test.tag.name not in self.person.row:
            return  # a test that no value could change: its column was not read
        value = _spelled(self.person.row[test.tag.name], test.tag)
        held = self.held(test)
        node = self.parts.plan.nodes[self.parts.nodes[id(test)]]
        gap = None if held else gap_of_test(test, node, value)
        yield Finding("", value, gap, _label(test.tag, value))
        if test.predicate.name == "has_all" and not held and isinstance(value, tuple):
            wanted = test.argument if isinstance(test.argument, tuple) else ()
            lacking = [str(each) for each in wanted if each not in value]
            more = ", …" if len(lacking) > _MOST_LACKING else ""
            yield Finding(note=f"lacks {', '.join(lacking[:_MOST_LACKING])}{more}")

    def _found_events(self, number: int) -> Iterator[Finding]:
        fold = self.parts.plan.nodes[number]
        if isinstance(fold, Fold):
            measures = self.person.measures.get(number, {})
            for limit in fold.limits:
                value = measures.get(limit, limit.measure.of_nothing)
                name = limit.name + (f"({limit.column})" if limit.column else "")
                yield Finding(
                    name, value, gap_of_limit(limit, value, whole=self._whole(fold, limit))
                )

    def _whole(self, fold: Fold, limit: Limit) -> bool:
        """Whether a measure has no fractions."""
        if limit.column is None or limit.measure.counts:
            return True
        kind = self.parts.plan.types[fold.rows.table][limit.column].kind
        return kind is Kind.INTEGER and limit.name != "mean"

    def _before_then(self, did: Did) -> int | None:
        for number in self.parts.folds[id(did)]:
            found = self.person.measures.get(number, {}).get(UNFOLLOWED)
            return None if found is None else int(found)
        return None

    def _events(self, condition: Condition) -> tuple[Mapping[str, Any], ...] | None:
        """The events of the behaviour's own window, where it asks for any; else of all time."""
        if not isinstance(condition, Did):
            return None
        folds = self.parts.folds[id(condition)]
        return self.person.events.get(folds[-1], ())


def _spelled(value: Any, tag: Tag) -> Any:
    """A value as it was written: 19.99 of 32 bits is 19.99."""
    if tag.type.single and isinstance(value, float):
        return float(str(np.float32(value)))
    return tuple(value) if isinstance(value, list) else value


def _label(tag: Tag, value: Any) -> str:
    """The dictionary's other word for a value."""
    labels = [each.label for each in tag.choices or () if each.value == value and each.label]
    return labels[0] if labels and labels[0] != value else ""
