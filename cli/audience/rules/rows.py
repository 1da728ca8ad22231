"""Which rows of an event table count: the part that ``did`` and ``then`` have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import TypeVar

from audience.errors import Location, listed
from audience.kinds import SCALARS, Catalog, Kind, Table, Tag
from audience.rules.grammar import THEN
from audience.rules.moments import ANY_GAP, Unit, read_gap, read_hours, read_weekday
from audience.rules.reader import Problems
from audience.rules.scalars import Duration, Misfit, Range, read_date_range, read_duration
from audience.rules.source import Node, Scalar, Sequence
from audience.rules.tree import Condition, Rows, Then, Window
from audience.rules.values import read_choice

Fields = Mapping[str, tuple[Scalar, Node]]
ReadWhere = Callable[[Table, Node], Condition | None]
T = TypeVar("T")


class RowReader:
    """Reads the keys that say which rows count; problems go to ``problems``."""

    def __init__(self, catalog: Catalog, problems: Problems, read_where: ReadWhere) -> None:
        self.catalog = catalog
        self.problems = problems
        self.read_where = read_where

    def read(self, fields: Fields, at: Location, default: Table | None = None) -> Rows | None:
        """The rows; None where no table can be told.

        Other problems are noted, and the caller counts them. ``default`` is the table where
        `in` is left out.
        """
        window = self._read_window(fields)
        hours = self._scalar(fields, "hours", read_hours)
        weekdays = self._read_weekdays(fields)
        table = self._read_table(fields.get("in"), at, default)
        if table is None:
            return None
        if hours is not None and not _has_clock(table):
            message = f"`hours` over `{table.name}`, whose time is a date"
            self.problems.error(fields["hours"][0].at, message, "an event table with timestamps")
        actions = self._read_actions(fields["event"][1], table) if "event" in fields else None
        where = self.read_where(table, fields["where"][1]) if "where" in fields else None
        then = self._read_then(*fields["then"], table) if "then" in fields else None
        return Rows(table, actions, where, window, hours, weekdays, then)

    def _read_then(self, key: Scalar, node: Node, before: Table) -> Then | None:
        fields = self.problems.fields(node, THEN, "`then`")
        if fields is None:
            return None
        rows = self.read(fields, key.at, before)
        after = self._scalar(fields, "after", read_gap) or ANY_GAP
        if after.low == after.high and ".." not in str(getattr(fields["after"][1], "text", "")):
            text = f"`after: {after}` is exactly so long after; `..{after}` is up to that"
            self.problems.warn(fields["after"][1].at, text)
        if rows is None:
            return None
        if after.unit is Unit.HOURS and not (_has_clock(before) and _has_clock(rows.table)):
            dated = rows.table if _has_clock(before) else before
            message = f"hours between events, and the time of `{dated.name}` is a date"
            self.problems.error(fields["after"][1].at, message, "days such as 0d..14d")
        return Then(rows, self._read_same(fields, before, rows.table), after)

    def _read_same(
        self, fields: Fields, before: Table, table: Table
    ) -> tuple[tuple[Tag, Tag], ...]:
        pairs = {}
        for scalar in self._texts(fields, "same", "a column"):
            columns = [self.column(scalar, each) for each in dict.fromkeys((before, table))]
            one, other = columns[0], columns[-1]
            if one is None or other is None:
                continue
            kinds = {
                Kind.NUMBER if tag.type.kind is Kind.INTEGER else tag.type.kind
                for tag in (one, other)
            }
            if len(kinds) > 1 or not kinds <= SCALARS:
                what = f"{one.type} in `{before.name}`" + (
                    f", {other.type} in `{table.name}`" if other is not one else ""
                )
                message = f"`{scalar.text}` can't be compared: it is {what}"
                self.problems.error(scalar.at, message, "a column of one kind, and no list")
            pairs[one.name, other.name] = (one, other)
        return tuple(pairs.values())

    def column(self, scalar: Scalar, table: Table) -> Tag | None:
        """A column of an event table by name or label; None with a problem."""
        tag = table.find(scalar.text)
        if tag is None:
            self.problems.error(
                scalar.at,
                f"unknown column `{scalar.text}` of `{table.name}`",
                "a column of the event table",
                meant=(scalar.text, table.names),
            )
        return tag

    def _read_table(
        self, field: tuple[Scalar, Node] | None, at: Location, default: Table | None
    ) -> Table | None:
        events = self.catalog.events
        if field is None:
            if default is not None:
                return default
            if len(events) == 1:
                return next(iter(events.values()))
            if events:
                expected = f"one of {listed(events)}"
                self.problems.error(at, "which event table? `in:` is missing", expected)
            else:
                expected = "a table with `time:`"
                self.problems.error(at, "the project has no event table", expected)
            return None
        scalar = self.problems.scalar(field[1], "`in`")
        if scalar is None:
            return None
        if scalar.text not in events:
            self.problems.error(
                scalar.at,
                f"no event table `{scalar.text}`",
                "one of " + listed(events),
                meant=(scalar.text, events),
            )
            return None
        return events[scalar.text]

    def _read_actions(self, node: Node, table: Table) -> tuple[str, ...] | None:
        tag = table.tags.get(table.action) if table.action else None
        if tag is None:
            message = f"`{table.name}` names no action column"
            self.problems.error(node.at, message, "`action:` in the project file")
            return None
        action = Tag(tag.name, tag.type, choices=table.actions)
        out = [
            str(value)
            for scalar in self._items(node, "`event`", "an action")
            if (value := self._value(scalar, lambda each: read_choice(action, each))) is not None
        ]
        return tuple(sorted(set(out)))

    def _read_weekdays(self, fields: Fields) -> tuple[int, ...]:
        days = [
            self._value(scalar, lambda each: read_weekday(each.text))
            for scalar in self._texts(fields, "weekdays", "a day of the week")
        ]
        return tuple(sorted({day for day in days if day is not None}))

    def _read_window(self, fields: Fields) -> Window:
        return read_window(fields, ("within", "between"), self.problems)

    def _scalar(self, fields: Fields, name: str, read: Callable[[str], T]) -> T | None:
        if name not in fields:
            return None
        scalar = self.problems.scalar(fields[name][1], f"`{name}`")
        return None if scalar is None else self._value(scalar, lambda each: read(each.text))

    def _value(self, scalar: Scalar, read: Callable[[Scalar], T]) -> T | None:
        try:
            return read(scalar)
        except Misfit as misfit:
            self.problems.misfit(scalar.at, misfit)
            return None

    def _texts(self, fields: Fields, name: str, what: str) -> Iterable[Scalar]:
        return self._items(fields[name][1], f"`{name}`", what) if name in fields else ()

    def _items(self, node: Node, name: str, what: str) -> Iterable[Scalar]:
        """One scalar or a list of them."""
        nodes = node.items if isinstance(node, Sequence) else (node,)
        if not nodes:
            self.problems.error(node.at, f"{name} is an empty list", f"at least one: {what}")
        found = (self.problems.scalar(each, what) for each in nodes)
        return [scalar for scalar in found if scalar is not None]


def read_window(
    fields: Fields, names: tuple[str, ...], problems: Problems
) -> Duration | Range[date] | None:
    """The one of the keys `within` and `between` that is given; None for none, or a problem."""
    given = [name for name in names if name in fields]
    if len(given) > 1:
        problems.error(
            fields[given[1]][0].at, f"`{given[0]}` and `{given[1]}` together", "one of them"
        )
    for name in given:
        scalar = problems.scalar(fields[name][1], f"`{name}`")
        if scalar is None:
            return None
        try:
            return read_date_range(scalar.text) if name == "between" else read_within(scalar.text)
        except Misfit as misfit:
            problems.misfit(scalar.at, misfit)
    return None


def read_within(text: str) -> Duration:
    """A duration that holds a day at least."""
    duration = read_duration(text)
    if duration.count == 0:
        raise Misfit(f"`{text}` holds no day", "at least 1d, the day of as_of")
    return duration


def _has_clock(table: Table) -> bool:
    """Whether the table's time is more than a date."""
    tag = table.tags.get(table.time)
    return tag is None or tag.type.kind is Kind.TIMESTAMP
