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
from audience.rules.moments import Gap, Hours
from audience.rules.reference import Reference
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


Window = Duration | Range[date] | None
"""A duration back from as_of, a range of dates, or all days up to as_of."""


@dataclass(frozen=True)
class MeasureTest:
    """A measure of a user's events held against a range; of a column where the measure has one.

    The range of `first` and `last` is one of days: as a window is written, or as an `ago`.
    """

    measure: Measure
    tag: Tag | None
    range: Range[Decimal] | Range[int] | Range[date] | Range[Duration] | Duration


@dataclass(frozen=True)
class Rows:
    """Which rows of an event table count. ``weekdays`` are empty where any day goes."""

    table: Table
    actions: tuple[str, ...] | None
    where: Condition | None
    window: Window
    hours: Hours | None
    weekdays: tuple[int, ...]
    then: Then | None


@dataclass(frozen=True)
class Then:
    """What must follow a row. ``same`` pairs a column of the row with one of what follows."""

    rows: Rows
    same: tuple[tuple[Tag, Tag], ...]
    after: Gap


@dataclass(frozen=True)
class Did:
    """Behaviour: the events of a table that match, and what must be true of a user's.

    Rows with one value of ``each`` are one event.
    """

    rows: Rows
    each: Tag | None
    measures: tuple[MeasureTest, ...]
    at: Location = field(compare=False)


@dataclass(frozen=True)
class Ids:
    """The users on a list: ``values``, or where they are None those of a file."""

    values: tuple[int | str, ...] | None
    path: str
    column: str
    allow_empty: bool
    at: Location = field(compare=False)


@dataclass(frozen=True)
class Published:
    """The users of a pack as it was published.

    ``allow_missing`` where nobody is meant as long as nothing is published.
    """

    reference: Reference
    allow_missing: bool
    at: Location = field(compare=False)


@dataclass(frozen=True)
class Kept:
    """The first ``keep`` of those for whom the part holds, by a tag, then by a stable hash."""

    part: Condition
    keep: int
    by: Tag | None
    descending: bool
    at: Location = field(compare=False)


@dataclass(frozen=True)
class Side:
    """Those of a part whose hash, salted, falls between two shares of 1,000,000."""

    part: Condition
    salt: str
    low: int
    high: int
    at: Location = field(compare=False)


@dataclass(frozen=True)
class Stage:
    """Those for whom ``own`` holds and none of the earlier stages'; None: whoever is left."""

    own: Condition | None
    earlier: tuple[Condition, ...]
    at: Location = field(compare=False)


Condition = (
    Test | All | Either | Not | AtLeast | Named | Did | Ids | Published | Kept | Side | Stage
)


@dataclass(frozen=True)
class Expect:
    """What must be true of a pack: its size, and by how much it differs from its last build.

    ``change`` is in shares: 0.3 is 30 % more; where only an upper side was written, it bounds
    the change both ways.
    """

    size: Range[int] | None
    change: Range[Decimal] | None
    at: Location = field(compare=False)


@dataclass(frozen=True)
class Pack:
    """A pack as a rule file asks for it: one of `packs`, a stage, or a side of a split."""

    name: str
    label: str
    where: Condition
    at: Location = field(compare=False)
    expect: Expect | None = None


@dataclass(frozen=True)
class StageSet:
    """Stages that split the base: the names of their packs, in order.

    ``rest`` is those of the base in none of them, who must not be: None where there is an
    `otherwise`.
    """

    name: str
    packs: tuple[str, ...]
    rest: Condition | None
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
    stages: tuple[StageSet, ...] = ()
    sources: tuple[Source, ...] = ()
    variables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """By path of a source, the values its variables had."""

    @property
    def name(self) -> str:
        """``campaign/phase``."""
        return f"{self.campaign}/{self.phase}"

    @property
    def source(self) -> Source:
        """The file's own text."""
        return self.sources[0]
