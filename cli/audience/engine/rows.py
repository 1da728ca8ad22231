"""Which rows of held events count: the tests of a row, and what must follow it.

What follows is found without pairing every row with every other. The rows that may follow, and
for each row that is asked about the two ends of the time in which they may, are put in one order
of time; the number of rows up to either end then tells how many lie between.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import narwhals.stable.v2 as nw

from audience.engine.base import DAY, HOUR, OWN, ROW, TIME
from audience.engine.compile import Compiler
from audience.kinds import Kind, Type
from audience.operators.table import balanced
from audience.plan.nodes import Days, Node, Rows, Then

_POINT = OWN + "point_"
_KEY, _ROW, _WEIGHT = _POINT + "key", _POINT + "row", _POINT + "weight"
_DAY, _EDGE, _TIME, _TURN = (_POINT + name for name in ("day", "edge", "time", "turn"))
_MOST, _LEAST = _POINT + "most", _POINT + "least"
_SAME = OWN + "same_"
_LAST_DAY = date(9999, 12, 31)
_ANY_DAY = date(2000, 1, 1)


@dataclass(frozen=True)
class Events:
    """The rows of an event table that a run has read, and the parts its columns play.

    ``has_clock`` where the time is more than a date, ``zoned`` where it is a moment.
    """

    frame: nw.LazyFrame[Any]
    key: str
    action: str
    types: Mapping[str, Type]
    has_clock: bool
    zoned: bool
    time_zone: str
    hold: Callable[[nw.LazyFrame[Any]], nw.LazyFrame[Any]]
    """Compute a frame once: rows that follow others are used several times."""
    wide: Any
    """The type of whole numbers that sums are made of."""


def matching(rows: Rows, nodes: Sequence[Node], action: str, *, dated: bool = True) -> nw.Expr:
    """Whether an event row passes the tests of a row, whatever follows it.

    Without ``dated``, whatever its day: then it is known to be one that counts.
    """
    tests = _beside_action(rows, nodes, dated=dated)
    if rows.actions is not None:
        tests.append(_is_action(rows.actions, action))
    return balanced(operator.and_, tests) if tests else nw.lit(True, nw.Boolean)


def _is_action(actions: Sequence[str], action: str) -> nw.Expr:
    return balanced(operator.or_, [nw.col(action) == name for name in actions])


def _beside_action(rows: Rows, nodes: Sequence[Node], *, dated: bool) -> list[nw.Expr]:
    tests = [_in_days(rows.days)] if dated else []
    if rows.hours is not None:
        tests.append(_in_hours(*rows.hours))
    if rows.weekdays and dated:
        # Sunday is 7 to some engines and 0 to others.
        tests.append((nw.col(DAY).dt.weekday() % 7).is_in([day % 7 for day in rows.weekdays]))
    if rows.where is not None:
        tests.append(Compiler(nodes).expression(rows.where))
    return tests


def is_tested(rows: Rows) -> bool:
    """Whether more than the day of a row is looked at."""
    return rows.actions is not None or rows.hours is not None or rows.where is not None


def any_matching(
    rows: Iterable[Rows], nodes: Sequence[Node], action: str, *, dated: bool = True
) -> nw.Expr:
    """Whether an event row passes any of the tests.

    The action is asked for once for all tests that want the same: it is what most of them share,
    and what most rows fail.
    """
    groups: dict[tuple[str, ...] | None, list[list[nw.Expr]]] = {}
    for each in rows:
        tests = _beside_action(each, nodes, dated=dated)
        groups.setdefault(each.actions, []).append(tests)
    found = []
    for actions, several in groups.items():
        every = [] if actions is None else [_is_action(actions, action)]
        if all(several):
            any_of = [balanced(operator.and_, tests) for tests in several]
            every.append(balanced(operator.or_, any_of))
        found.append(balanced(operator.and_, every) if every else nw.lit(True, nw.Boolean))
    return balanced(operator.or_, found)


def select_rows(
    tables: Mapping[str, Events], rows: Rows, nodes: Sequence[Node]
) -> nw.LazyFrame[Any]:
    """The rows that count and have a key."""
    events = tables[rows.table]
    found = events.frame.filter(
        matching(rows, nodes, events.action) & ~nw.col(events.key).is_null()
    )
    if rows.then is None:
        return found
    return _followed(found, events, rows.then, tables, nodes, rows.table)


def _in_days(days: Days) -> nw.Expr:
    first, last = days
    day = nw.col(DAY)
    return day <= last if first is None else (day >= first) & (day <= last)


def _in_hours(begin: int, end: int) -> nw.Expr:
    hour = nw.col(HOUR)
    if begin < end:
        return (hour >= begin) & (hour < end)
    return (hour >= begin) | (hour < end)


def _followed(
    rows: nw.LazyFrame[Any],
    before: Events,
    then: Then,
    tables: Mapping[str, Events],
    nodes: Sequence[Node],
    table: str,
) -> nw.LazyFrame[Any]:
    """The rows that another row follows."""
    after = tables[then.rows.table]
    # Used once: a chain of n would be computed 2^n times.
    later = select_rows(tables, then.rows, nodes)
    clock = _Clock(before, after, then)
    same = [f"{_SAME}{number}" for number in range(len(then.same))]
    kinds = [_common(before.types[one], after.types[other]) for one, other in then.same]
    asked = _with_keys(rows, before, [one for one, _ in then.same], same, kinds)
    found = _with_keys(later, after, [other for _, other in then.same], same, kinds)
    # A row that could follow itself is among those counted, and no other.
    own = nw.col(ROW) if then.rows.table == table and then.low == 0 else None
    points = nw.concat(
        [
            _point(found, same, *clock.at(after), 1, 1, own),
            _point(asked, same, *clock.begin(before), 0, 0, nw.col(ROW)),
            _point(asked, same, *clock.end(before), 2, 0, nw.col(ROW)),
        ],
        how="vertical",
    )
    group = [_KEY, *same]
    order = [_DAY, _EDGE, _TIME, _TURN]
    weight = nw.col(_WEIGHT)
    counted = points.with_columns(
        nw.when(weight == 0).then(weight.cum_sum().over(*group, order_by=order)).alias(_MOST)
    ).filter(~nw.col(_ROW).is_null())
    between = counted.group_by(_ROW).agg(
        nw.col(_MOST).max().alias(_MOST), nw.col(_MOST).min().alias(_LEAST), weight.sum()
    )
    matched = between.filter(nw.col(_MOST) - nw.col(_LEAST) > weight)
    return rows.join(matched.select(nw.col(_ROW).alias(ROW)), on=ROW, how="semi")


def _common(one: Type, other: Type) -> Any:
    """The type in which values of two columns are compared, whatever width stores them."""
    kinds = {one.kind, other.kind}
    if Kind.NUMBER in kinds:
        return nw.Float64
    return nw.Int64 if Kind.INTEGER in kinds else None


def _with_keys(
    frame: nw.LazyFrame[Any],
    events: Events,
    columns: Sequence[str],
    names: Sequence[str],
    kinds: Sequence[Any],
) -> nw.LazyFrame[Any]:
    """With the columns that must be the same, under names of both sides; a missing one is none."""
    made = [
        (nw.col(column).cast(kind) if kind else nw.col(column)).alias(name)
        for column, name, kind in zip(columns, names, kinds, strict=True)
    ]
    frame = frame.with_columns(nw.col(events.key).alias(_KEY), *made)
    for name in names:
        frame = frame.filter(~nw.col(name).is_null())
    return frame


def _point(
    frame: nw.LazyFrame[Any],
    same: Sequence[str],
    day: nw.Expr,
    edge: int,
    time: nw.Expr,
    turn: int,
    weight: int,
    row: nw.Expr | None,
) -> nw.LazyFrame[Any]:
    """One point in the order of time for each row of a frame."""
    number = nw.lit(None, nw.Int64) if row is None else row.cast(nw.Int64)
    return frame.select(
        _KEY,
        *same,
        day.alias(_DAY),
        nw.lit(edge, nw.Int32).alias(_EDGE),
        time.alias(_TIME),
        nw.lit(turn, nw.Int32).alias(_TURN),
        nw.lit(weight, nw.Int64).alias(_WEIGHT),
        number.alias(_ROW),
    )


class _Clock:
    """Points in time as (day, edge of the day, time): edge 0 is before the day, 2 behind it.

    Where a side has no more than days, times are left out. Where one side's times are moments
    and the other's are clock readings, both are read from the clock. Between hours, all points
    are of one day.
    """

    def __init__(self, before: Events, after: Events, then: Then) -> None:
        self.then = then
        self.timed = before.has_clock and after.has_clock
        self.by_clock = before.zoned != after.zoned
        zoned = self.timed and before.zoned and after.zoned
        self.kind = nw.Datetime("us", before.time_zone) if zoned else nw.Datetime("us")
        self.never = nw.lit(None, self.kind)

    def at(self, events: Events) -> tuple[nw.Expr, int, nw.Expr]:
        """Where an event itself is."""
        return self._day(0), 1, self._time(events)

    def begin(self, events: Events) -> tuple[nw.Expr, int, nw.Expr]:
        """From where another may follow an event."""
        if self.then.hours:
            return self._day(0), 1, self._time(events, self.then.low)
        if self.then.low == 0 and self.timed:
            return self.at(events)
        return self._day(self.then.low), 0, self.never

    def end(self, events: Events) -> tuple[nw.Expr, int, nw.Expr]:
        """Up to where another may follow an event."""
        if self.then.high is None:
            return nw.lit(_LAST_DAY, nw.Date), 2, self.never
        if self.then.hours:
            return self._day(0), 1, self._time(events, self.then.high)
        return self._day(self.then.high), 2, self.never

    def _day(self, later: int) -> nw.Expr:
        if self.then.hours:
            return nw.lit(_ANY_DAY, nw.Date)
        return (nw.col(DAY) + timedelta(days=later)).cast(nw.Date) if later else nw.col(DAY)

    def _time(self, events: Events, later: int = 0) -> nw.Expr:
        if not self.timed:
            return self.never
        column = nw.col(TIME)
        if self.by_clock and events.zoned:
            column = column.dt.replace_time_zone(None)
        if later:
            # Not a timedelta: of 24 hours an engine makes a day, which may have 23 or 25.
            column = column.dt.offset_by(f"{later}h")
        return column.cast(self.kind)
