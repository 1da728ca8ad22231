"""The evaluator itself, on small tables whose answers are worked out by hand.

As of Friday, 2024-03-01, in Shanghai.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fuzz.evaluator import members
from fuzz.scalars import Quoted, found_in, in_hours, is_within
from fuzz.world import RuleFile, Table, World

NAMES = ("user_id", "age", "plus", "price", "city", "registered", "interests")
ROWS: list[tuple[Any, ...]] = [
    (1, 20, True, float("nan"), "1", date(2024, 2, 1), ["a", "b"]),
    (2, 30, False, 19.99, None, date(2024, 1, 31), ["b"]),
    (3, None, None, 5.0, "unknown", date(2024, 3, 2), []),
    (4, 18, True, None, "01", None, None),
]
USERS = Table(
    "users",
    {
        "user_id": "int",
        "age": "int",
        "plus": "bool",
        "price": "float",
        "city": "text",
        "registered": "date",
        "interests": "list of text",
    },
    [dict(zip(NAMES, row, strict=True)) for row in ROWS],
)
SHANGHAI = ZoneInfo("Asia/Shanghai")


def at(text: str) -> datetime | None:
    return datetime.fromisoformat(text).replace(tzinfo=SHANGHAI).astimezone(UTC) if text else None


EVENTS = Table(
    "events",
    {"user_id": "int", "ts": "timestamp", "action": "text", "sku": "int", "amount": "float"},
    [
        {"user_id": user, "ts": at(moment), "action": action, "sku": sku, "amount": amount}
        for user, moment, action, sku, amount in (
            (1, "2024-02-01 00:00", "browse", 1, None),
            (1, "2024-02-03 00:00", "buy", 1, 10.10),
            (1, "2024-02-03 00:00", "buy", 1, 10.10),
            (1, "2024-03-01 23:59:59.999999", "open", None, float("nan")),
            (2, "2024-02-29 23:00", "browse", 2, 5.0),
            (2, "2024-03-01 04:59:59.999999", "buy", 3, -5.0),
            (2, "2024-03-02 00:00", "buy", 2, 100.0),  # after as_of
            (3, "", "buy", 1, 1.0),
            (None, "2024-02-29 12:00", "buy", 1, 1.0),
            (9, "2024-02-29 12:00", "buy", 1, 1.0),
        )
    ],
    time="ts",
    action="action",
)
VISITS = Table(
    "visits",
    {"user_id": "int", "day": "date", "sku": "int"},
    [{"user_id": 1, "day": date(2024, 2, 3), "sku": 1}],
    time="day",
)


def world(rules: RuleFile) -> World:
    return World(
        *(USERS, {"events": EVENTS, "visits": VISITS}, date(2024, 3, 1), "Asia/Shanghai"),
        {"c/p": rules, "c/q": RuleFile({"far": {"plus": "true"}}, base={"age": "19.."})},
    )


def did(**spec: Any) -> Any:
    return {"did": {"in": "events", **spec}}


def then(event: str, **spec: Any) -> dict[str, Any]:
    return {"event": event, **spec}


CASES: list[tuple[Any, set[int]]] = [
    # Tags: the missing, the open ends, what a scalar is
    ({"age": "..20"}, {1, 4}),
    ({"age": {"gt": "18", "lte": "0.03K"}}, {1, 2}),
    ({"not": {"plus": "true"}}, {2, 3}),
    ({"price": "known"}, {2, 3}),
    ({"price": "19.99+"}, {2}),
    ({"city": "1"}, {1}),
    ({"city": {"ne": "1"}}, {2, 3, 4}),
    ({"city": {"not_in": ["1", "01"]}}, {2, 3}),
    ({"city": "unknown"}, {2}),
    ({"city": Quoted("unknown")}, {3}),
    ({"city": {"eq": "unknown"}}, {3}),
    ({"city": {"ends_with": "1", "starts_with": Quoted("0")}}, {4}),
    ({"registered": {"within": "30d"}}, {1}),
    ({"registered": {"within": "1m"}}, set()),
    ({"registered": {"ago": "29d"}}, {1}),
    ({"registered": {"ago": "30d.."}}, {2}),
    ({"registered": {"ago": "..1m"}}, {1}),
    ({"registered": "2024-02-01.."}, {1, 3}),
    ({"interests": ["a", "b"]}, {1, 2}),
    ({"interests": {"has_all": ["a", "b"]}}, {1}),
    ({"interests": "known"}, {1, 2, 3}),
    # Sets
    ({"at_least": "2", "of": [{"plus": "true"}, {"age": "20.."}, {"city": "1"}]}, {1}),
    ({"any": [{"plus": "true"}, {"age": "30"}], "minus": {"city": "01"}}, {1, 2}),
    ({"ids": ["1", "77"]}, {1}),
    # Counting
    (did(), {1, 2}),
    (did(event="buy"), {1, 2}),
    ({"did_not": {"in": "events", "event": ["buy", "open"]}}, {3, 4}),
    (did(event="buy", times="2.."), {1}),
    (did(event="buy", days="1"), {1, 2}),
    (did(times="..0"), {3, 4}),
    (did(distinct={"sku": "2"}), {2}),
    (did(where={"not": {"sku": "1"}}), {1, 2}),
    (did(event="buy", within="1d"), {2}),
    (did(between="..2024-02-03"), {1}),
    ({"did": {"in": "visits", "where": {"sku": "1"}}}, {1}),
    # Amounts; those of no event are 0, or missing
    (did(sum={"amount": "20.2"}), {1}),
    (did(sum={"amount": "..0"}), {2, 3, 4}),
    (did(sum={"amount": "..0"}, times="1.."), {2}),
    (did(mean={"amount": "..10.1"}), {1, 2}),
    (did(min={"amount": "..0"}), {2}),
    (did(max={"amount": "10.1"}), {1}),
    (did(event="buy", each="sku", times="1"), {1, 2}),
    (did(event="buy", each="sku", min={"amount": "20.2"}), {1}),
    (did(each="sku", times="2"), {1, 2}),  # a missing value is an event of its own
    # Hours, weekdays
    (did(hours="22..5"), {1, 2}),
    (did(hours="5..22"), set()),
    (did(hours="0..4"), {1}),
    (did(hours="4"), {2}),
    (did(weekdays=["sat", "周日"]), {1}),
    (did(weekdays="thu", event="browse"), {1, 2}),
    # First and last
    (did(event="browse", first={"between": "2024-02-02.."}), {2}),
    (did(last={"ago": "0d"}), {1, 2}),
    (did(event="buy", within="1d", first={"within": "30d"}), {2}),  # the other bought before only
    (did(event="buy", within="1d", first={"within": "30d"}, times="0.."), {1, 2}),
    # Then
    (did(event="browse", then=then("buy")), {1, 2}),
    (did(event="browse", then=then("buy", after="..1d")), {2}),
    (did(event="browse", then=then("buy", after="2d")), {1}),
    (did(event="browse", then=then("buy", after="..48h")), {1, 2}),
    (did(event="browse", then=then("buy", after="6h..48h")), {1}),
    (did(event="browse", then=then("buy", same="sku")), {1}),
    (did(event="browse", then=then("buy", within="1d")), {2}),
    (did(event="buy", then=then("open", same="sku")), set()),
    (did(event="buy", then=then("buy"), times="2"), {1}),  # equal rows follow one another
    (did(event="buy", then=then("buy", after="1d..")), set()),
    (did(event="browse", then=then("buy", then=then("open"))), {1}),
    (did(event="browse", then=then("buy", then=then("open", after="..7d"))), set()),
    (did(event="buy", then={"in": "visits", "same": ["sku"]}, times="2"), {1}),
    # Names
    ("young", {1, 4}),
    ("q/far", {1}),
    ("c/q/far", {1}),
    ("life.new", {1}),
    ({"any": ["life.rest", {"not": "life.some"}]}, {1, 3, 4}),
]


@pytest.mark.parametrize("condition, expected", CASES, ids=[str(case[0]) for case in CASES])
def test_answers_worked_out_by_hand(condition: Any, expected: set[int]) -> None:
    define = {"young": {"age": "..20"}}
    life = {"new": {"age": "20"}, "some": {"age": "20.."}, "rest": "otherwise"}
    assert (
        members(world(RuleFile({"p": condition}, define, {"life": life})), "c/p", "p") == expected
    )


def test_base_bounds_packs_and_complements() -> None:
    rules = RuleFile({"p": {"not": {"age": "20"}}}, base={"plus": "true"})
    assert members(world(rules), "c/p", "p") == {4}


def test_clock_and_calendar() -> None:
    assert [hour for hour in range(24) if in_hours(hour, "22..0")] == [22, 23]
    assert [hour for hour in range(24) if in_hours(hour, "22..2")] == [0, 1, 22, 23]
    # The contract's example: 2023-03-01 to 2023-03-31.
    march = date(2023, 3, 31)
    assert is_within(date(2023, 3, 1), "1m", march)
    assert not is_within(date(2023, 2, 28), "1m", march)


@pytest.mark.parametrize(
    "after, holds", [("23h", True), ("24h", False), ("1d", True), ("..22h", False)]
)
def test_hours_that_pass_are_not_those_of_the_clock(after: str, holds: bool) -> None:
    # In New York, the clocks go from 2:00 to 3:00 on 2024-03-10.
    noons = [datetime(2024, 3, 9, 17, tzinfo=UTC), datetime(2024, 3, 10, 16, tzinfo=UTC)]
    rows = [{"user_id": 1, "ts": noon} for noon in noons]
    events = Table("events", {"user_id": "int", "ts": "timestamp"}, rows, time="ts")
    pack = {"did": {"then": {"after": after}}}
    users = Table("users", {"user_id": "int"}, [{"user_id": 1}])
    files = {"c/p": RuleFile({"p": pack})}
    new_york = World(users, {"events": events}, date(2024, 3, 10), "America/New_York", files)
    assert (members(new_york, "c/p", "p") == {1}) is holds


def test_a_pattern_ends_where_the_text_does() -> None:
    assert found_in("1$", "new1")
    assert not found_in("1$", "1\n")
