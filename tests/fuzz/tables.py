"""Hypothesis strategies for small tables full of nasty values.

Values come from short lists, simple ones first: rows collide, and failures shrink to readable ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import strategies as st

from fuzz.scalars import single
from fuzz.world import Table

NAN, INF = float("nan"), math.inf

ANCHORS = {
    "Asia/Shanghai": (date(2024, 3, 1), date(1991, 4, 14), date(1991, 9, 15)),
    "America/New_York": (date(2024, 3, 10), date(2024, 11, 3)),
    "Europe/Berlin": (date(2024, 3, 31), date(2024, 10, 27)),
    "UTC": (date(2024, 3, 1), date(2023, 12, 31)),
}
"""Days about which things happen; where the zone has such, the clocks change on them."""

OFFSETS = (0, 1, 2, 3, 6, 7, 13, 14, 29, 30, 31, 90, 366, -1, -30)
"""How many days before as_of things happen; after it, they must not count."""
OFTEN = (0, 1, 2, 7, *OFFSETS, -1, 0, 1, 2)

CLOCK = (
    time(12),
    time(0),
    time(23, 59, 59, 999999),
    time(1),
    time(1, fold=1),
    time(2),
    time(2, fold=1),
    time(4, 59, 59, 999999),
    time(5),
    time(21, 59, 59, 999999),
    time(22),
    time(23, 59, 59),
)

VALUES: dict[str, Sequence[Any]] = {
    "bool": (True, False, None),
    "age": (18, 0, 17, 30, 65, -3, None),
    "big": (1, None, 10**18, -(10**18), 2**53 + 1, 2**53),
    "price": (1.0, 0.0, None, NAN, 19.99, 0.1, -1.5, -0.0, 1e9, INF, -INF),
    "single": (1.0, None, NAN, single(19.99), single(0.1), -1.5),
    "fee": (*map(Decimal, ("1.00", "0.00", "19.99", "0.10", "-1.50")), None),
    "city": ("a", "1", "", None, "new1", "New1", "01", "北京", "unknown", "no", "a b", "1\n"),
    "brand": ("mi", "Mi", None, "", "华为", "21..30", "true"),
    "interests": ([], ["a"], None, ["a", "b"], ["b", None], [None], ["c", "a", "a"], ["unknown"]),
    "badges": ([], [1], None, [1, 2], [2, None], [-1, 1]),
    "action": ("buy", "browse", "open", None),
    "count": (1, 0, 2, 7, None),
    "sku": (1, 2, 3, None),
    # Money; what is half a millionth, and what only an exact sum keeps.
    "amount": (
        *(1.0, 0.0, 19.99, None, NAN, 0.1, 0.2, 100.0, -5.0, -0.0, 0.0078125, -0.0078125),
        *(0.0000004, -0.0000006, 1e18, -1e18, 2.0**53),
    ),
}

USERS = {
    "user_id": "int",
    "plus": "bool",
    "age": "int",
    "big": "int",
    "price": "float",
    "single": "float32",
    "fee": "float",
    "city": "text",
    "registered": "date",
    "seen": "timestamp",
    "interests": "list of text",
    "badges": "list of int",
    "visited": "list of date",
    "not": "bool",  # called like a keyword
}
EVENTS = {
    "user_id": "int",
    "ts": "timestamp",
    "action": "text",
    "amount": "float",
    "fee": "float",
    "price": "float",
    "count": "int",
    "big": "int",
    "brand": "text",
    "sku": "int",
    "paid": "bool",
    "due": "date",
}
CALLS = {
    "user_id": "int",
    "at": "timestamp",  # without a zone, unless `events` is
    "action": "text",
    "amount": "float",
    "single": "float32",
    "brand": "text",
    "sku": "int",
    "due": "date",
}
VISITS = {
    "user_id": "int",
    "day": "date",
    "count": "int",
    "brand": "text",
    "sku": "int",
    "seen": "timestamp",
}
POOLS = {"plus": "bool", "not": "bool", "paid": "bool"}
"""The columns whose values are listed under another name."""

TAG_LABELS = {"年龄": "age", "城市": "city"}
COLUMN_LABELS = {"金额": "amount"}
ACTIONS = {"购买": "buy", "浏览": "browse", "打开": "open"}


@dataclass(frozen=True)
class Tables:
    """Users, event tables by name, and where and when."""

    users: Table
    events: dict[str, Table]
    time_zone: str
    as_of: date

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)


def moments(as_of: date, zone: ZoneInfo | None) -> st.SearchStrategy[datetime]:
    """Moments near as_of; with a zone as instants in UTC, else by the clock."""

    def moment(offset: int, clock: time) -> datetime:
        wall = datetime.combine(as_of - timedelta(days=offset), clock)
        return wall.replace(fold=0) if zone is None else wall.replace(tzinfo=zone).astimezone(UTC)

    return st.builds(moment, st.sampled_from(OFTEN), st.sampled_from(CLOCK))


def sometimes_missing(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.integers(0, 8).flatmap(lambda dice: st.none() if dice == 8 else values)


@st.composite
def tables(draw: st.DrawFn) -> Tables:
    zone_name = draw(st.sampled_from(sorted(ANCHORS)))
    as_of = draw(st.sampled_from(ANCHORS[zone_name])) + timedelta(days=draw(st.integers(0, 2)))
    zone = ZoneInfo(zone_name)
    days = st.sampled_from([as_of - timedelta(days=offset) for offset in OFTEN])
    naive_events = draw(st.integers(0, 3)) == 3
    text_keys = draw(st.booleans())

    def values(columns: dict[str, str], in_zone: bool) -> st.SearchStrategy[dict[str, Any]]:
        """Rows but for the key."""
        times = moments(as_of, zone if in_zone else None)
        of_kind = {"date": days, "timestamp": times, "list of date": st.lists(days, max_size=2)}
        parts = {}
        for name, kind in columns.items():
            if name == "user_id":
                continue
            if kind in of_kind:
                parts[name] = sometimes_missing(of_kind[kind])
            else:
                parts[name] = st.sampled_from(VALUES[POOLS.get(name, name)])
        return st.fixed_dictionaries(parts)

    # Seldom few, or no rows at all, which is what failures shrink to.
    fewest = 5 if draw(st.integers(0, 11)) else 2
    keys = draw(st.lists(st.integers(-2, 30), min_size=fewest, max_size=12, unique=True))

    def key(number: int) -> Any:
        return f"用户{number}" if text_keys else number

    seen_in_zone = draw(st.booleans())
    row = values(USERS, seen_in_zone)
    users = [{"user_id": key(number), **draw(row)} for number in keys]
    # The first users have most of the events; some are nobody's.
    owners = st.sampled_from([*keys[:3] * 4, *keys, None, 999])

    def rows(columns: dict[str, str], in_zone: bool) -> list[dict[str, Any]]:
        one = st.tuples(owners, values(columns, in_zone)).map(
            lambda pair: {"user_id": None if pair[0] is None else key(pair[0]), **pair[1]}
        )
        fewest = 14 if draw(st.integers(0, 11)) else 0
        drawn = draw(st.lists(one, min_size=fewest, max_size=25))
        again = draw(st.lists(st.integers(0, 24), max_size=3)) if drawn else []
        # Copies, not the same rows twice: equal rows are different events.
        return [dict(row) for row in [*drawn, *(drawn[at % len(drawn)] for at in again)]][:25]

    def typed(columns: dict[str, str]) -> dict[str, str]:
        return {**columns, "user_id": "text" if text_keys else "int"}

    events = {
        "events": Table(
            *("events", typed(EVENTS), rows(EVENTS, not naive_events)),
            time="ts",
            action="action",
            labels=COLUMN_LABELS,
            values={"action": ACTIONS},
        )
    }
    for name, columns, when in (("calls", CALLS, "at"), ("visits", VISITS, "day")):
        if draw(st.integers(0, 2)):
            events[name] = Table(
                *(name, typed(columns), rows(columns, naive_events if name == "calls" else True)),
                time=when,
                action="action" if "action" in columns else "",
            )
    with_labels = draw(st.booleans())
    return Tables(
        Table(
            *("users", typed(USERS), users),
            labels=TAG_LABELS if with_labels else {},
        ),
        events,
        zone_name,
        as_of,
    )
