"""How conditions are said in any language: what kinds of text there are, and how they nest."""

from __future__ import annotations

import struct
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal

from audience.kinds import Choice, Tag
from audience.rules.scalars import Duration, Range
from audience.rules.tree import (
    All,
    AtLeast,
    Condition,
    Did,
    Either,
    Ids,
    Kept,
    MeasureTest,
    Named,
    Not,
    Published,
    Side,
    Stage,
    Test,
)

MOST_VALUES = 5
"""So many values of a list are named."""

_SINGLE = struct.Struct("f")
_MOST_DIGITS = 9  # that a float of 32 bits takes

Days = Duration | Range[date] | Range[Duration]
"""A window, or a stretch of time ago."""


class Speech(ABC):
    """A language to say conditions in. Every text is of one line."""

    every: str
    some: str
    negated: str
    side: str
    edited_side: str
    no_earlier_stage: str
    no_other_stage: str
    missing: str
    """A value that is not there, in the place of one."""

    others: str
    """All other values, in the place of one."""

    comma: str
    """Between conditions."""

    pause: str
    """Between values."""

    brackets: tuple[str, str]
    signs: Mapping[str, str]
    both: str
    """What stands between two tests of one value."""

    def words(self, condition: Condition) -> str:
        """What a condition asks, without the parts it is made of."""
        match condition:
            case Test():
                return f"{self.tag(condition.tag)} {self.tested(condition)}"
            case All():
                return self.every
            case Either():
                return self.some
            case Not():
                return self.negated
            case AtLeast(count):
                return self.at_least(count)
            case Named(name):
                return name
            case Did():
                return self.did(condition)
            case Ids(None, path):
                return self.listed(path)
            case Ids(values):
                return self.written_out(len(values or ()))
            case Published(reference):
                return self.published(str(reference))
            case Kept() | Side() | Stage():
                return self.around(condition)

    def step(self, condition: Condition) -> str:
        """What a condition asks where it follows those that it limits."""
        match condition:
            case Kept():
                return self.kept(condition)
            case Side():
                return self.side
            case Stage(own):
                return self.no_earlier_stage if own is not None else self.no_other_stage
            case _:
                return self.words(condition)

    def edited(self, condition: Condition) -> str:
        """What a condition asks where it stands alone, as one that was edited."""
        match condition:
            case Kept():
                return self.kept(condition)
            case Side():
                return self.edited_side
            case Not(part):
                return f"{self.negated} {self.words(part)}"
            case _:
                return self.words(condition)

    def where(self, condition: Condition) -> str:
        """What is asked of rows: a condition with all its parts."""
        match condition:
            case All(parts):
                return self.comma.join(map(self.where, parts))
            case Either(parts):
                return self.group(self.some, self.comma.join(map(self.nested, parts)))
            case Not(part):
                return self.group(self.negated, self.where(part))
            case AtLeast(count, parts):
                return self.group(self.at_least(count), self.comma.join(map(self.nested, parts)))
            case _:
                return self.words(condition)

    def nested(self, condition: Condition) -> str:
        """The same of a condition among others of which not all have to hold."""
        return self.where(condition)

    def group(self, head: str, inner: str) -> str:
        """Conditions in brackets behind what is asked of them."""
        return head + inner.join(self.brackets)

    def bound(self, name: str, value: object) -> str:
        """A bound by the predicate's name, with its thousands told apart."""
        return f"{self.signs[name]} {grouped(value)}"

    def found(self, tag: Tag, value: object) -> str:
        """A value that was found in a column; what reads like something else is quoted."""
        if value is None:
            return self.missing
        if isinstance(value, (list, tuple)):
            return f"[{self.pause.join(self.found(tag, each) for each in value)}]"
        label, text = label_of(value, tag.choices), self._spelled(value)
        taken = {self.missing, self.others}
        if label:
            text = self.labelled(label, text)
        else:
            choices = [each for each in tag.choices or () if each.label]
            taken |= {self.labelled(each.label, self._spelled(each.value)) for each in choices}
        return f"“{text}”" if text in taken else text

    def _spelled(self, value: object) -> str:
        return self.value(value) if isinstance(value, bool) else grouped(value)

    @abstractmethod
    def tag(self, tag: Tag) -> str:
        """What a column is called."""

    @abstractmethod
    def value(self, value: object, tag: Tag | None = None) -> str:
        """A value that a rule asks for, of a column if its dictionary is to be looked up."""

    @abstractmethod
    def labelled(self, label: str, value: str) -> str:
        """A value that has a label."""

    @abstractmethod
    def tested(self, test: Test) -> str:
        """What is asked of a column, without the column."""

    @abstractmethod
    def at_least(self, count: int) -> str:
        """That so many of some conditions hold."""

    @abstractmethod
    def listed(self, path: str) -> str:
        """Who is on a list."""

    @abstractmethod
    def written_out(self, count: int) -> str:
        """Who is on a list of so many ids in the rule itself."""

    @abstractmethod
    def published(self, name: str) -> str:
        """Who is in a published pack."""

    @abstractmethod
    def kept(self, kept: Kept) -> str:
        """Who is among the first so many."""

    @abstractmethod
    def around(self, condition: Kept | Side | Stage) -> str:
        """What limits the conditions that follow it."""

    @abstractmethod
    def did(self, did: Did) -> str:
        """Behaviour."""

    @abstractmethod
    def measure(self, test: MeasureTest) -> str:
        """What a measure is held against."""

    @abstractmethod
    def moved(self, test: MeasureTest) -> str:
        """The same, where it is known of what column."""

    @abstractmethod
    def window(self, window: Days) -> str:
        """The days of events."""

    def between(self, sides: Sequence[tuple[str, object]], *, whole: bool = False) -> str:
        """Values between bounds, each with the test it stands for: ``> 26 and <= 32``.

        Of ``whole`` numbers the one there is where there is one: ``27`` of ``> 26 and <= 27``.
        """
        if whole and (only := _only_one(sides)) is not None:
            return grouped(only)
        return self.both.join(f"{self.signs[name]} {grouped(bound)}" for name, bound in sides)

    @abstractmethod
    def below(self, low: str, high: str) -> str:
        """Values from the one bound to below the other."""


def label_of(value: object, choices: Sequence[Choice] | None) -> str:
    """A dictionary's label for a value, '' where it has none."""
    return next((each.label for each in choices or () if each.value == value and each.label), "")


def number(value: int | float | Decimal, *, single: bool = False) -> str:
    """A number in the digits it takes, as rules have it: 4000 and not 4000.0.

    ``single`` is for a float of 32 bits: 19.99 and not 19.989999771118164.
    """
    if isinstance(value, float) and single:
        value = float(_shortest(value))
    if value == int(value):
        return str(int(Decimal(str(value))))
    return f"{value:f}" if isinstance(value, Decimal) else str(value)


def grouped(value: object) -> str:
    """A number with its thousands told apart, and anything else as it is."""
    if isinstance(value, float) and value.is_integer():
        return f"{int(value):,}"
    return f"{value:,}" if isinstance(value, (int, float, Decimal)) else str(value)


def _only_one(sides: Sequence[tuple[str, object]]) -> int | None:
    """The only whole number that passes two tests, from below and from above."""
    match sides:
        case [("gt", int(low)), ("lte", int(high))] if low + 1 == high:
            return high
        case [("gte", int(low)), ("lt", int(high))] if low + 1 == high:
            return low
        case _:
            return None


def _shortest(value: float) -> str:
    """The fewest digits that are the same float of 32 bits."""
    wanted = _SINGLE.pack(value)
    texts = (f"{value:.{digits}g}" for digits in range(1, _MOST_DIGITS + 1))
    return next((text for text in texts if _SINGLE.pack(float(text)) == wanted), str(value))
