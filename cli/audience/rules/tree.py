"""The rule tree: what a rule file says, with every name resolved and every value typed.

A node that names a tag holds the tag, a node that names another condition holds that condition;
so a tree that exists is right, and nothing behind the parser checks it again. Places are kept
for messages and take no part in equality.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from audience.errors import Location, Source
from audience.kinds import Table, Tag, Value
from audience.operators import Measure, Predicate
from audience.rules.scalars import Duration, Range

Argument = Value | tuple[Value, ...] | Duration | Range[Duration]


@dataclass(frozen=True)
class Test:
    """A predicate on a tag."""

    tag: Tag
    predicate: Predicate
    argument: Argument
    at: Location = field(compare=False)


@dataclass(frozen=True)
class All:
    """Every part holds; of no parts: everybody."""

    parts: tuple[Condition, ...]
    at: Location = field(compare=False)


@dataclass(frozen=True)
class Either:
    """At least one part holds."""

    parts: tuple[Condition, ...]
    at: Location = field(compare=False)


@dataclass(frozen=True)
class Not:
    """The part does not hold: the exact complement within the base."""

    part: Condition
    at: Location = field(compare=False)


@dataclass(frozen=True)
class AtLeast:
    """At least so many of the parts hold."""

    count: int
    parts: tuple[Condition, ...]
    at: Location = field(compare=False)


@dataclass(frozen=True)
class Named:
    """A pack or definition by its name, with the condition behind it.

    ``base`` is the base of the other file that the name is from; None for a name of the same file.
    """

    name: str
    condition: Condition = field(repr=False)
    base: Condition | None = field(repr=False)
    at: Location = field(compare=False)


@dataclass(frozen=True)
class MeasureTest:
    """A measure of a user's events held against a range; of a column where the measure has one."""

    measure: Measure
    tag: Tag | None
    range: Range[Decimal] | Range[int]


@dataclass(frozen=True)
class Did:
    """Behaviour: the events of a table that match, and what must be true of a user's.

    ``window`` is a duration back from as_of, a range of dates, or None: all days up to as_of.
    """

    table: Table
    actions: tuple[str, ...] | None
    where: Condition | None
    window: Duration | Range[date] | None
    measures: tuple[MeasureTest, ...]
    at: Location = field(compare=False)


Condition = Test | All | Either | Not | AtLeast | Named | Did


@dataclass(frozen=True)
class Pack:
    """A pack as a rule file asks for it."""

    name: str
    label: str
    where: Condition
    at: Location = field(compare=False)


@dataclass(frozen=True)
class RuleFile:
    """A whole rule file. ``sources`` are its own text and then those of the files it names."""

    campaign: str
    phase: str
    label: str
    as_of: date | None
    base: Condition | None
    packs: tuple[Pack, ...]
    definitions: Mapping[str, Condition] = field(compare=False)
    sources: tuple[Source, ...] = ()

    @property
    def name(self) -> str:
        """``campaign/phase``."""
        return f"{self.campaign}/{self.phase}"

    @property
    def source(self) -> Source:
        """The file's own text."""
        return self.sources[0]
