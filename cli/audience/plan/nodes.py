"""The nodes of a plan, and the arena that keeps each of them once.

A node names its parts by number, so equal parts are one part however often rules mention them,
and a plan stays as small as its rules even where names nest by the dozen. Parts stand before
what is made of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from audience.kinds import Type, Value
from audience.operators import MEASURES, PREDICATES, Measure, Predicate

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
    decimals.
    """

    name: str
    column: str | None
    low: Decimal | int | None
    high: Decimal | int | None

    @property
    def measure(self) -> Measure:
        """The measure's entry in the table."""
        return MEASURES[self.name]

    @property
    def holds_of_nothing(self) -> bool:
        """Whether a user without any event is in the range."""
        nothing = self.measure.of_nothing
        if nothing is None:
            return False
        return (self.low is None or nothing >= self.low) and (
            self.high is None or nothing <= self.high
        )


@dataclass(frozen=True)
class Fold:
    """A user's matching events, folded to yes or no.

    ``where`` is a node over the event table's columns. ``absent`` is the answer for a user
    without any event.
    """

    table: str
    actions: tuple[str, ...] | None
    where: int | None
    days: Days
    limits: tuple[Limit, ...]

    @property
    def absent(self) -> bool:
        """The answer for a user without any matching event."""
        return all(limit.holds_of_nothing for limit in self.limits)


Node = Test | Const | Not | And | Or | AtLeast | Fold


def parts_of(node: Node) -> tuple[int, ...]:
    """The parts a node over users is made of (a fold's ``where`` is over events)."""
    match node:
        case Not(part):
            return (part,)
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
class FilePlan:
    """A rule file: its day, its base and its packs."""

    campaign: str
    phase: str
    label: str
    as_of: date
    base: int
    packs: tuple[PackPlan, ...]

    @property
    def name(self) -> str:
        """``campaign/phase``."""
        return f"{self.campaign}/{self.phase}"

    @property
    def roots(self) -> tuple[int, ...]:
        """The nodes that the file asks for."""
        return (self.base, *(pack.node for pack in self.packs))


@dataclass(frozen=True)
class Read:
    """What has to be read of a table: the columns, and of events the days and the folds they feed.

    ``time`` is the column that an event's day comes from, beside those rules test. ``days`` is
    None for a user table; ``(None, last)`` is everything up to a day.
    """

    table: str
    columns: tuple[str, ...]
    time: str = ""
    days: Days | None = None
    folds: tuple[int, ...] = ()


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
