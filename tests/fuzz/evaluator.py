"""Who is in a pack: the rule language, evaluated user by user and row by row in plain Python.

Written from the documents alone and slow on purpose: a second opinion on what the program answers.
A condition is what its YAML says: mappings, lists and scalars. A scalar is the text as written, a
:class:`Quoted` where it stands in quotes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

from fuzz.scalars import (
    WEEKDAYS,
    Quoted,
    found_in,
    in_hours,
    in_range,
    is_after,
    is_ago,
    is_between,
    is_range,
    is_within,
    literal,
    number,
)
from fuzz.world import Condition, Row, Table, World


def members(world: World, file: str, pack: str) -> set[Any]:
    """The keys of the users in a pack or a stage."""
    view = _View(world)
    return {
        user[world.users.key]
        for user in world.users.rows
        if view.in_base(user, file) and view.named(user, pack, file)
    }


def missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


class _View:
    """The world through the eyes of one evaluation."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.zone = ZoneInfo(world.time_zone)
        self.as_of = world.as_of

    # Moments

    def wall(self, moment: datetime) -> datetime:
        """What a clock in the project's zone shows."""
        if moment.tzinfo is None:
            return moment
        return moment.astimezone(self.zone).replace(tzinfo=None, fold=0)

    def day(self, moment: Any) -> date | None:
        """The local calendar day of a date or a timestamp."""
        if missing(moment):
            return None
        if isinstance(moment, datetime):
            return self.wall(moment).date()
        assert isinstance(moment, date)
        return moment

    def seen(self, row: Row, table: Table, column: str) -> Any:
        """A value as rules see it: a timestamp is its day, NaN is missing, a decimal a float."""
        value, kind = row[column], table.columns[column]
        if missing(value):
            return None
        if kind == "timestamp":
            return self.day(value)
        return float(value) if kind in ("float", "float32") else value

    # Conditions

    def in_base(self, user: Row, file: str) -> bool:
        base = self.world.files[file].base
        return base is None or self.holds(user, base, file)

    def named(self, user: Row, name: str, file: str) -> bool:
        """Whether a user is in the pack, definition or stage of that name."""
        *place, name = name.split("/")
        if place:
            campaign = file.split("/")[0]
            other = "/".join(place if len(place) == 2 else [campaign, *place])
            return self.in_base(user, other) and self.named(user, name, other)
        rules = self.world.files[file]
        if name in rules.packs:
            return self.holds(user, rules.packs[name], file)
        if name in rules.define:
            return self.holds(user, rules.define[name], file)
        stage_set, wanted = name.split(".")
        for stage, condition in rules.stages[stage_set].items():
            if condition == "otherwise" or self.holds(user, condition, file):
                return stage == wanted
        raise AssertionError("a user in no stage")

    def holds(self, user: Row, condition: Condition, file: str) -> bool:
        """Whether a condition holds for a user; ``file`` is where its names are looked up."""
        if isinstance(condition, str):
            return self.named(user, condition, file)
        return self.all_entries(user, condition, self.world.users, file)

    def all_entries(self, row: Row, condition: Condition, table: Table, file: str = "") -> bool:
        """Whether a condition holds for a row of any table."""
        if isinstance(condition, str):
            return self.named(row, condition, file)

        def holds(part: Condition) -> bool:
            return self.all_entries(row, part, table, file)

        for word, written in condition.items():
            match word:
                case "all" | "intersect":
                    good = all(map(holds, written))
                case "any" | "union":
                    good = any(map(holds, written))
                case "not":
                    good = not holds(written)
                case "minus":
                    good = not any(map(holds, as_list(written)))
                case "at_least":
                    good = sum(map(holds, condition["of"])) >= int(written)
                case "of":
                    good = True
                case "tags":
                    good = all(self.tag(row, table, *entry) for entry in written.items())
                case "ids":
                    good = row[table.key] in self.listed(written)
                case "did":
                    good = all(self.did(row, spec) for spec in as_list(written))
                case "did_not":
                    good = not any(self.did(row, spec) for spec in as_list(written))
                case _:
                    good = self.tag(row, table, word, written)
            if not good:
                return False
        return True

    def listed(self, written: Any) -> list[Any]:
        if isinstance(written, Mapping):
            return list(self.world.lists[written["path"]])
        kind = self.world.users.columns[self.world.users.key]
        return [literal(text, kind) for text in written]

    # Tags

    def tag(self, row: Row, table: Table, name: str, written: Any) -> bool:
        column = table.column(name)
        value, kind = self.seen(row, table, column), table.columns[column]
        names = table.values.get(column, {})
        operators = written if isinstance(written, Mapping) else bare(written, kind)
        return all(self.passes(value, kind, names, *entry) for entry in operators.items())

    def passes(
        self, value: Any, kind: str, names: Mapping[str, str], word: str, written: Any
    ) -> bool:
        """Whether a value passes one operator. A test of a missing value is false."""
        if word == "is":
            return bool((value is None) == (written == "unknown"))
        if word in ("ne", "not_in"):
            positive = {"ne": "eq", "not_in": "in"}[word]
            return not self.passes(value, kind, names, positive, written)
        if value is None:
            return False

        def read(text: str) -> Any:
            return literal(names.get(text, text), kind.removeprefix("list of "))

        match word:
            case "eq":
                return bool(value == read(written))
            case "in":
                return any(value == read(text) for text in written)
            case "gt":
                return bool(value > read(written))
            case "gte":
                return bool(value >= read(written))
            case "lt":
                return bool(value < read(written))
            case "lte":
                return bool(value <= read(written))
            case "range":
                return in_range(value, written, read)
            case "starts_with":
                return str(value).startswith(written)
            case "ends_with":
                return str(value).endswith(written)
            case "contains":
                return written in value
            case "matches":
                return found_in(written, value)
            case "within":
                return is_within(value, written, self.as_of)
            case "ago":
                return is_ago(value, written, self.as_of)
            case "has_all":
                return all(read(text) in value for text in as_list(written))
            case "has_any":
                return any(read(text) in value for text in as_list(written))
        raise AssertionError(f"no operator {word}")

    # Behaviour

    def did(self, user: Row, spec: Mapping[str, Any]) -> bool:
        table = self.world.events[spec.get("in") or next(iter(self.world.events))]
        key = user[self.world.users.key]
        mine = [row for row in table.rows if row[table.key] is not None and row[table.key] == key]
        rows = [row for row in mine if self.matches(row, spec, table)]
        inside = [row for row in rows if self.in_window(row, spec, table)]
        days = [self.day(row[table.time]) for row in rows]
        counts = {"times", "days", "distinct", "sum", "mean", "min", "max"} & set(spec)
        edges = {"first": min, "last": max}
        if not counts and (not edges.keys() & set(spec) or {"within", "between"} & set(spec)):
            spec = {**spec, "times": "1.."}
        for word in edges:
            if word in spec and not (
                days and self.day_passes(edges[word](d for d in days if d), spec[word])
            ):
                return False
        return self.measures(inside, spec, table)

    def day_passes(self, day: date, window: Mapping[str, str]) -> bool:
        """Whether a day lies in a `within`, `ago` or `between`; all pass where none is written."""
        return (
            ("within" not in window or is_within(day, window["within"], self.as_of))
            and ("ago" not in window or is_ago(day, window["ago"], self.as_of))
            and ("between" not in window or is_between(day, window["between"]))
        )

    def in_window(self, row: Row, spec: Mapping[str, Any], table: Table) -> bool:
        day = self.day(row[table.time])
        windows = {word: spec[word] for word in ("within", "between") if word in spec}
        return day is not None and self.day_passes(day, windows)

    def matches(self, row: Row, spec: Mapping[str, Any], table: Table) -> bool:
        """Whether a row is such an event, in any window."""
        moment = row[table.time]
        day = self.day(moment)
        if day is None or day > self.as_of:
            return False
        if "event" in spec:
            names = table.values.get(table.action, {})
            if row[table.action] not in [names.get(name, name) for name in as_list(spec["event"])]:
                return False
        if "where" in spec and not self.all_entries(row, spec["where"], table):
            return False
        if "weekdays" in spec:
            named = {WEEKDAYS[name] for name in as_list(spec["weekdays"])}
            if day.weekday() not in named:
                return False
        if "hours" in spec and not in_hours(self.wall(moment).hour, spec["hours"]):
            return False
        return "then" not in spec or self.followed(row, spec["then"], table)

    def followed(self, row: Row, then: Mapping[str, Any], table: Table) -> bool:
        """Whether a later row of the same user is the `then`."""
        other = self.world.events[then.get("in", table.name)]
        theirs = [each for each in other.rows if each[other.key] == row[table.key]]
        for next_row in theirs:
            if next_row is row or not self.matches(next_row, then, other):
                continue
            if not self.in_window(next_row, then, other):
                continue
            days, elapsed = self.apart(row, table, next_row, other)
            if days < 0 or elapsed < timedelta(0):
                continue
            if not is_after(days, elapsed, then.get("after", "0d..")):
                continue
            pairs = [
                (
                    self.seen(row, table, table.column(name)),
                    self.seen(next_row, other, other.column(name)),
                )
                for name in as_list(then.get("same", []))
            ]
            if all(left is not None and left == right for left, right in pairs):
                return True
        return False

    def apart(self, row: Row, table: Table, other_row: Row, other: Table) -> tuple[int, timedelta]:
        """Calendar days and time from one row to another; the time of dates is in whole days."""
        first, second = row[table.time], other_row[other.time]
        one, two = self.day(first), self.day(second)
        assert one is not None and two is not None  # noqa: PT018
        days = (two - one).days
        if "date" in (table.columns[table.time], other.columns[other.time]):
            return days, timedelta(days=days)
        if first.tzinfo is None or second.tzinfo is None:
            return days, self.wall(second) - self.wall(first)
        # Two moments of one zone would be subtracted by the clock.
        return days, second.astimezone(UTC) - first.astimezone(UTC)

    def measures(self, rows: Sequence[Row], spec: Mapping[str, Any], table: Table) -> bool:
        """Whether all measures of the matching rows are in their ranges."""
        groups = self.grouped(rows, spec.get("each"), table)
        days = {self.day(row[table.time]) for row in rows}
        good = "times" not in spec or in_range(len(groups), spec["times"], number)
        good = good and ("days" not in spec or in_range(len(days), spec["days"], number))
        for name, limits in spec.get("distinct", {}).items():
            column = table.column(name)
            values = {self.seen(row, table, column) for row in rows} - {None}
            good = good and in_range(len(values), limits, number)
        for word in ("sum", "mean", "min", "max"):
            for name, limits in spec.get(word, {}).items():
                good = good and self.amount(word, table.column(name), limits, groups, spec, table)
        return bool(good)

    def grouped(self, rows: Sequence[Row], each: str | None, table: Table) -> list[list[Row]]:
        """The rows of every event: one, or with ``each`` all rows of one value."""
        if each is None:
            return [[row] for row in rows]
        groups: dict[Any, list[Row]] = {}
        alone = []
        for row in rows:
            value = self.seen(row, table, table.column(each))
            if value is None:
                alone.append([row])
            else:
                groups.setdefault(value, []).append(row)
        return [*groups.values(), *alone]

    def amount(
        self,
        word: str,
        column: str,
        limits: str,
        groups: Sequence[Sequence[Row]],
        spec: Mapping[str, Any],
        table: Table,
    ) -> bool:
        """Whether the sum, mean, least or greatest of the events' values is in a range."""
        kind = table.columns[column]
        events = []
        for rows in groups:
            values = [self.seen(row, table, column) for row in rows]
            known = [value for value in values if value is not None]
            if known:
                events.append(known)
        if word in ("min", "max") and "each" not in spec:
            # Single values are compared as they are in `where`, by the column's own precision.
            single_values = [known[0] for known in events]
            extreme = {"min": min, "max": max}[word]
            return bool(events) and in_range(
                extreme(single_values), limits, lambda text: literal(text, kind)
            )
        totals = [sum((exact(value) for value in known), Fraction(0)) for known in events]
        if word == "sum":
            return in_range(sum(totals, Fraction(0)), limits, number)
        if not totals:
            return False
        if word == "mean":
            return in_range(sum(totals, Fraction(0)) / len(totals), limits, number)
        return in_range(min(totals) if word == "min" else max(totals), limits, number)


def exact(value: float) -> Fraction:
    """A value as it is summed: in whole millionths, the fraction alone rounded, halves up."""
    if isinstance(value, int):
        return Fraction(value)
    whole = math.floor(value)
    millionths = math.floor((value - whole) * 1e6 + 0.5)
    return whole + Fraction(millionths, 1_000_000)


def as_list(written: Any) -> list[Any]:
    return written if isinstance(written, list) else [written]


def bare(written: Any, kind: str) -> Mapping[str, Any]:
    """What stands behind a tag without an operator, as operators."""
    if kind.startswith("list of ") and not is_state(written):
        return {"has_any": written}
    if isinstance(written, list):
        return {"in": written}
    if is_state(written):
        return {"is": written}
    if kind not in ("bool", "text") and is_range(written):
        return {"range": written}
    return {"eq": written}


def is_state(written: Any) -> bool:
    return written in ("known", "unknown") and not isinstance(written, Quoted)
