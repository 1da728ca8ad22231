"""The nodes of a plan, and the arena that keeps each of them once.

A node names its parts by number, so equal parts are one part however often rules mention them,
and a plan stays as small as its rules even where names nest by the dozen. Parts stand before
what is made of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from audience.errors import Location
from audience.kinds import Type, Value
from audience.operators import MEASURES, PREDICATES, Measure, Predicate
from audience.rules.reference import Reference

Days = tuple[date | None, date]
"""The first and the last day, both in; None: from the first there is."""

Argument = Value | tuple[Value, ...] | Days


@dataclass(frozen=True)
class Test:
    """A predicate on a column; days absolute."""

    column: str
    operator: str
    argument: Argument
    exact: str = field(default="", repr=False)
    """The argument's type and spelling: 1, 1.0 and True are equal in Python and not here."""

    @property
    def predicate(self) -> Predicate:
        """The operator's entry in the table."""
        return PREDICATES[self.operator]


@dataclass(frozen=True)
class Const:
    """Everybody, or nobody."""

    value: bool


@dataclass(frozen=True)
class Not:
    """The complement of a part."""

    part: int


@dataclass(frozen=True)
class And:
    """Every part."""

    parts: tuple[int, ...]


@dataclass(frozen=True)
class Or:
    """Any part."""

    parts: tuple[int, ...]


@dataclass(frozen=True)
class AtLeast:
    """At least so many of the parts; a part may stand twice and then counts twice."""

    count: int
    parts: tuple[int, ...]


@dataclass(frozen=True)
class Limit:
    """A measure and the closed range that a user's must be in.

    ``column`` is None for measures of the events themselves. Bounds of a sum or mean are exact
    decimals, those of a first or last event days.
    """

    name: str
    column: str | None
    low: Decimal | int | date | None
    high: Decimal | int | date | None

    @property
    def measure(self) -> Measure:
        """The measure's entry in the table."""
        return MEASURES[self.name]

    @property
    def holds_of_nothing(self) -> bool:
        """Whether a user without any event is in the range."""
        nothing = self.measure.of_nothing
        if nothing is None or isinstance(self.low, date) or isinstance(self.high, date):
            return False
        return (self.low is None or nothing >= self.low) and (
            self.high is None or nothing <= self.high
        )


@dataclass(frozen=True)
class Rows:
    """Which rows of an event table count.

    ``where`` is a node over the table's columns, ``hours`` a begin and an end that is not in,
    ``weekdays`` days as ISO 8601 numbers them (none: any).
    """

    table: str
    actions: tuple[str, ...] | None
    where: int | None
    days: Days
    hours: tuple[int, int] | None = None
    weekdays: tuple[int, ...] = ()
    then: Then | None = None

    @property
    def chain(self) -> Iterator[Rows]:
        """These rows, then those that must follow them, and so on."""
        yield self
        if self.then is not None:
            yield from self.then.rows.chain

    @property
    def is_nobody(self) -> bool:
        """Whether no row can match: a window ends before it begins."""
        return any(rows.days[0] is not None and rows.days[0] > rows.days[1] for rows in self.chain)


@dataclass(frozen=True)
class Then:
    """What must follow a row: a different one, never earlier in time.

    ``same`` pairs a column of the row with one of what follows; ``low`` and ``high`` bound the
    time between, in calendar days or in hours, both in.
    """

    rows: Rows
    same: tuple[tuple[str, str], ...]
    low: int
    high: int | None
    hours: bool


@dataclass(frozen=True)
class Fold:
    """A user's matching rows, folded to yes or no.

    Where ``each`` is a column, its values make rows into events, and the limits are of those.
    ``absent`` is the answer for a user without any row.
    """

    rows: Rows
    each: str | None
    limits: tuple[Limit, ...]

    @property
    def absent(self) -> bool:
        """The answer for a user without any matching row."""
        return all(limit.holds_of_nothing for limit in self.limits)


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
    """The users of a published pack; where no day is named, of its newest up to ``until``."""

    reference: Reference
    until: date
    allow_missing: bool
    at: Location = field(compare=False)


@dataclass(frozen=True)
class Suppressed:
    """The users on any of the project's lists of those who are never in a pack."""


@dataclass(frozen=True)
class Kept:
    """The first ``keep`` of a part, by a column (missing values last), then by a stable hash."""

    part: int
    keep: int
    by: str | None
    descending: bool


@dataclass(frozen=True)
class Left:
    """Those of a part who are not in another: what is left for the next stage.

    As `and not` it would be flattened, and n stages would have n² parts.
    """

    part: int
    less: int


@dataclass(frozen=True)
class Share:
    """Those whose salted hash falls between two shares of 1,000,000, the upper not in."""

    salt: str
    low: int
    high: int


Listed = Ids | Published | Suppressed
Late = Ids | Published | Suppressed | Kept | Left | Share
"""Nodes that no row of the user table tells: they are computed over keys, once users are read."""

Node = Test | Const | Not | And | Or | AtLeast | Fold | Late


def parts_of(node: Node) -> tuple[int, ...]:
    """The parts a node over users is made of (a fold's ``where`` is over events)."""
    match node:
        case Not(part) | Kept(part):
            return (part,)
        case Left(part, less):
            return (part, less)
        case And(parts) | Or(parts) | AtLeast(_, parts):
            return parts
        case _:
            return ()


class Arena:
    """Nodes by number; an equal node gets the number it has."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self._numbers: dict[Node, int] = {}

    def add(self, node: Node) -> int:
        """The node's number."""
        number = self._numbers.setdefault(node, len(self.nodes))
        if number == len(self.nodes):
            self.nodes.append(node)
        return number


def exact(argument: object) -> str:
    """A spelling that tells 1 from 1.0 from True from '1'."""
    return f"{type(argument).__name__}:{argument!r}"


def one_of(column: str, values: Iterable[Value]) -> Test:
    """The test that a column is one of some values; of one value, that it equals it."""
    distinct = {exact(value): value for value in values}
    ordered = tuple(distinct[key] for key in sorted(distinct))
    if len(ordered) == 1:
        return Test(column, "eq", ordered[0], exact(ordered[0]))
    return Test(column, "in", ordered, exact(ordered))


@dataclass(frozen=True)
class PackPlan:
    """A pack: where it belongs and the node that is its users, the file's base included."""

    campaign: str
    phase: str
    name: str
    label: str
    node: int


@dataclass(frozen=True)
class StagesPlan:
    """A set of stages: their packs, and the node of those of the base in none of them."""

    name: str
    packs: tuple[str, ...]
    rest: int | None


@dataclass(frozen=True)
class FilePlan:
    """A rule file: its day, its base and its packs.

    ``snapshot`` is the day of the user table that is read, None where it has no snapshots;
    ``whole`` is the base with those who are suppressed.
    """

    campaign: str
    phase: str
    label: str
    as_of: date
    snapshot: date | None
    base: int
    whole: int
    packs: tuple[PackPlan, ...]
    stages: tuple[StagesPlan, ...] = ()
    guards: tuple[PackPlan, ...] = ()
    """Packs that are not asked for, and whose expectations must hold all the same."""

    @property
    def name(self) -> str:
        """``campaign/phase``."""
        return f"{self.campaign}/{self.phase}"

    @property
    def roots(self) -> tuple[int, ...]:
        """The nodes that the file asks for."""
        rests = [stages.rest for stages in self.stages if stages.rest is not None]
        packs = (pack.node for pack in (*self.packs, *self.guards))
        return (self.base, self.whole, *packs, *rests)


@dataclass(frozen=True)
class Read:
    """What has to be read of a table: the columns, and of events the days and the rows.

    ``time`` is the column that an event's day comes from, beside those rules test. ``days`` is
    None for a user table; ``(None, last)`` is everything up to a day. ``folds`` are those over
    the table's events; ``rows`` are all that any fold asks for, also as what must follow.
    """

    table: str
    columns: tuple[str, ...]
    time: str = ""
    days: Days | None = None
    folds: tuple[int, ...] = ()
    rows: tuple[Rows, ...] = ()


@dataclass(frozen=True)
class Plan:
    """All that one run computes."""

    nodes: tuple[Node, ...]
    files: tuple[FilePlan, ...]
    users: Read
    events: tuple[Read, ...]
    inputs: tuple[tuple[Read, ...], ...]
    """For each file, what it alone would have to read: that is what it was made from."""

    types: dict[str, dict[str, Type]] = field(compare=False, default_factory=dict)
    """By table, the type of each column."""

    @property
    def snapshots(self) -> tuple[date | None, ...]:
        """The days of the user table that the files read, each once, newest last."""
        return tuple(sorted({file.snapshot for file in self.files}, key=str))

    def roots(self, snapshot: date | None) -> tuple[int, ...]:
        """The nodes that the files of one snapshot ask for, each once."""
        found = (root for file in self.files if file.snapshot == snapshot for root in file.roots)
        return tuple(sorted(set(found)))
