"""What is planted in the fixtures (fixtures/planted.py), found by SQL written by hand.

A tag value that converts in the sale alone, a stage that drains into another, a pack that ages; and
nothing else that looks like them.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import exp, log
from pathlib import Path

import duckdb
import pytest

import audience
from shipped.sql import read_queries

ROOT = Path(__file__).parents[2]
FLAT = "DATE '2023-04-02' AND DATE '2023-05-22'"
SALE = "DATE '2023-05-23' AND DATE '2023-06-18'"
BEFORE = "2023-04-25", "2023-05-22"  # as far apart as the two days around the sale
AROUND = "2023-05-22", "2023-06-18"

# Every tag that has values, and some that are numbers, in bands.
TAGS = {
    name: f"{name}::VARCHAR"
    for name in (
        "gender", "city_tier", "province", "education", "marital", "has_children", "occupation",
        "house_owner", "car_owner", "target_group", "plus", "purchasing_power", "member_level",
        "device_brand", "newsletter",
    )
} | {
    "age": "(age // 10)::VARCHAR",
    "promo_sensitivity": "floor(promo_sensitivity * 5)::VARCHAR",
    "review_sensitivity": "floor(review_sensitivity * 5)::VARCHAR",
    "device_price": "(device_price // 2000)::VARCHAR",
    "jd_value": "(jd_value >= 3000)::VARCHAR",
    "interests": "unnest(interests)",
    "rival_apps": "unnest(rival_apps)",
}  # fmt: skip
PLANTED = "purchasing_power", "蓝领"
ALWAYS = "plus", "true"
STAGES = ("loyal", "acting", "asking", "attracted", "aware", "beyond_reach")


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'Asia/Shanghai'")
    for name, folder in (("snapshots", "users"), ("events", "events")):
        connection.execute(
            f"CREATE TABLE {name} AS FROM read_parquet('{ROOT}/fixtures/{folder}/*/*.parquet', "
            "hive_partitioning = true)"
        )
    connection.execute(
        "CREATE TABLE ours AS SELECT user_id, action, order_id, dt FROM events "
        "WHERE category IN ('phone', 'tablet', 'earphones', 'smartwatch') "
        "AND brand IN ('Xiaomi', 'Redmi') AND user_id IS NOT NULL"
    )
    return connection


@dataclass(frozen=True)
class Conversion:
    """Of those who bought and those who did not: how many, and how many have the value."""

    buyers: int
    others: int
    with_value: int
    others_with_value: int

    @property
    def tgi(self) -> float:
        """The share among buyers as a percentage of the share among the others."""
        return 100 * (self.with_value / self.buyers) / (self.others_with_value / self.others)

    def bound(self, side: int) -> float:
        """An end of the 95 % interval: of the logarithm of a ratio of two shares (Katz 1978)."""
        variance = (1 / self.with_value - 1 / self.buyers) + (
            1 / self.others_with_value - 1 / self.others
        )
        return 100 * exp(log(self.tgi / 100) + side * 1.959964 * variance**0.5)

    @property
    def is_flat(self) -> bool:
        return self.bound(-1) <= 100 <= self.bound(1)


def conversions(
    database: duckdb.DuckDBPyConnection, days: str, snapshot: str
) -> dict[tuple[str, str], Conversion]:
    """By tag and value, of those who looked at a Xiaomi phone: how many bought one."""
    did = (
        f"SELECT user_id, action FROM events WHERE dt BETWEEN {days} AND category = 'phone' "
        "AND brand = 'Xiaomi' AND user_id IS NOT NULL"
    )
    database.execute(
        f"CREATE OR REPLACE TEMP TABLE people AS SELECT u.*, "
        f"u.user_id IN (SELECT user_id FROM ({did}) WHERE action = 'buy') AS bought "
        f"FROM snapshots u WHERE u.dt = DATE '{snapshot}' "
        f"AND u.user_id IN (SELECT user_id FROM ({did}) WHERE action = 'browse')"
    )
    values = " UNION ALL ".join(
        f"SELECT '{name}' AS tag, {value} AS value, bought FROM people"
        for name, value in TAGS.items()
    )
    rows = database.sql(
        "SELECT tag, value, (SELECT count(*) FROM people WHERE bought), "
        "(SELECT count(*) FROM people WHERE NOT bought), "
        "count(*) FILTER (WHERE bought), count(*) FILTER (WHERE NOT bought) "
        f"FROM ({values}) WHERE value IS NOT NULL GROUP BY tag, value"
    ).fetchall()
    return {
        (tag, value): Conversion(*counts) for tag, value, *counts in rows if counts[2] * counts[3]
    }


@pytest.mark.parametrize(
    "flat_snapshot, sale_snapshot",
    [("2023-06-30", "2023-06-30"), ("2023-02-28", "2023-06-15")],
    ids=["tags of the last day", "tags as of the period"],
)
def test_one_tag_value_converts_in_the_sale_alone(
    flat_snapshot: str, sale_snapshot: str, database: duckdb.DuckDBPyConnection
) -> None:
    flat = conversions(database, FLAT, flat_snapshot)
    sale = conversions(database, SALE, sale_snapshot)
    assert flat[PLANTED].buyers >= 100
    assert sale[PLANTED].buyers >= 100
    assert sale[PLANTED].bound(-1) > 170
    assert flat[PLANTED].is_flat
    found = {
        each
        for each, conversion in sale.items()
        if conversion.bound(-1) > 150 and (each not in flat or flat[each].is_flat)
    }
    assert found == {PLANTED}


def test_another_converts_in_both_periods(database: duckdb.DuckDBPyConnection) -> None:
    for days in (FLAT, SALE):
        assert conversions(database, days, "2023-06-30")[ALWAYS].bound(-1) > 150


def stages_at(day: str) -> str:
    """Who is in which stage of dream-3c/1-mind on a day: 30 days of thinking, 90 of owning."""
    recent = f"dt > DATE '{day}' - 30"
    return f"""
        SELECT u.user_id, CASE
            WHEN orders >= 2 THEN 'loyal' WHEN orders = 1 THEN 'acting' WHEN asked > 0 THEN 'asking'
            WHEN looks >= 2 THEN 'attracted' WHEN looks = 1 OR shown > 0 THEN 'aware'
            ELSE 'beyond_reach' END AS stage
        FROM (SELECT user_id FROM snapshots
              WHERE dt = (SELECT max(dt) FROM snapshots WHERE dt <= DATE '{day}')) u
        LEFT JOIN (
            SELECT user_id,
                   count(DISTINCT order_id) FILTER (WHERE action = 'buy') AS orders,
                   count(*) FILTER (WHERE action IN ('search', 'cart', 'follow') AND {recent})
                       AS asked,
                   count(*) FILTER (WHERE action = 'browse' AND {recent}) AS looks,
                   count(*) FILTER (WHERE action IN ('exposure', 'ad_click') AND {recent}) AS shown
            FROM ours WHERE dt BETWEEN DATE '{day}' - 89 AND DATE '{day}' GROUP BY user_id
        ) USING (user_id)"""


def moves(database: duckdb.DuckDBPyConnection, start: str, end: str) -> dict[str, dict[str, int]]:
    """How many moved from each stage to each."""
    rows = database.sql(
        f"SELECT a.stage, b.stage, count(*) FROM ({stages_at(start)}) a "
        f"JOIN ({stages_at(end)}) b USING (user_id) GROUP BY ALL"
    ).fetchall()
    found = {stage: dict.fromkeys(STAGES, 0) for stage in STAGES}
    for source, target, count in rows:
        found[source][target] = count
    return found


def drained(moved: dict[str, dict[str, int]]) -> dict[str, float]:
    """The share of each stage before the purchase that has bought by the second day."""
    return {
        stage: (moved[stage]["acting"] + moved[stage]["loyal"]) / sum(moved[stage].values())
        for stage in STAGES[2:]
    }


def test_asking_drains_into_acting_over_the_sale(database: duckdb.DuckDBPyConnection) -> None:
    shares = drained(moves(database, *AROUND))
    assert shares.pop("asking") > 0.5
    assert max(shares.values()) < 0.15


def test_no_stage_drains_before_the_sale(database: duckdb.DuckDBPyConnection) -> None:
    assert max(drained(moves(database, *BEFORE)).values()) < 0.1


def test_asking_is_left_by_most(database: duckdb.DuckDBPyConnection) -> None:
    """A tenth still asks after the sale; of those before it, over as many days, a quarter."""
    stays = [
        moved["asking"]["asking"] / sum(moved["asking"].values())
        for moved in (moves(database, *AROUND), moves(database, *BEFORE))
    ]
    assert stays[0] < 0.12 < 0.24 < stays[1]


@pytest.mark.parametrize("days", [BEFORE, AROUND], ids=["before the sale", "around the sale"])
def test_the_library_finds_the_same_moves(
    days: tuple[str, str], database: duckdb.DuckDBPyConnection
) -> None:
    (found,) = audience.flow(audience.load(ROOT), "dream-3c/1-mind/mind", *days)
    moved = moves(database, *days)
    assert {stage: {to: found.moved[stage][to] for to in STAGES} for stage in STAGES} == moved


def test_no_stage_of_the_lifecycle_drains_so(database: duckdb.DuckDBPyConnection) -> None:
    """What else moves over the sale is less: of the active, unpaid ones less than a fifth pays."""
    (found,) = audience.flow(audience.load(ROOT), "tmall-2024/1-lifecycle/lifecycle", *AROUND)
    for stage, row in found.moved.items():
        if stage and stage != "b2_active_paid" and found.before[stage]:
            assert row["b2_active_paid"] < 0.2 * found.before[stage], stage


def responses(database: duckdb.DuckDBPyConnection, pack: str) -> list[tuple[int, int, int]]:
    """Week by week since the launch: Xiaomi phones shown to the pack, clicked, shown to all.

    Whole weeks: the tables begin in the fifth and end in the eighteenth.
    """
    queries = read_queries(ROOT / "tests/oracle/shipped/mi13-2023/1-seize-rivals.sql")
    database.execute(
        "CREATE OR REPLACE TEMP VIEW users AS FROM snapshots WHERE dt = DATE '2023-02-28'"
    )
    return database.sql(
        f"WITH pack AS ({queries[pack]}), e AS ("
        "SELECT (dt - DATE '2023-02-28') // 7 AS week, action, "
        "user_id IN (SELECT user_id FROM pack) AS here FROM events "
        "WHERE brand = 'Xiaomi' AND category = 'phone' AND user_id IS NOT NULL "
        "AND action IN ('exposure', 'ad_click')) "
        "SELECT count(*) FILTER (WHERE here AND action = 'exposure'), "
        "count(*) FILTER (WHERE here AND action = 'ad_click'), "
        "count(*) FILTER (WHERE action = 'exposure') "
        "FROM e WHERE week BETWEEN 5 AND 16 GROUP BY week ORDER BY week"
    ).fetchall()


def quarters(weeks: list[tuple[int, int, int]]) -> list[float]:
    """Clicks as a share of what was shown, of every three weeks."""
    parts = [weeks[start : start + 3] for start in range(0, 12, 3)]
    return [sum(row[1] for row in part) / sum(row[0] for row in part) for part in parts]


def test_a_pack_ages(database: duckdb.DuckDBPyConnection) -> None:
    weeks = responses(database, "flagship_rivals")
    assert len(weeks) == 12
    shares = quarters(weeks)
    assert all(later < earlier for earlier, later in pairwise(shares))
    assert shares[0] > 0.15
    assert shares[-1] < 0.07
    # What it is shown does not fade: week by week it is the same part of all that is shown.
    parts = [shown / everybody for shown, _, everybody in weeks]
    assert max(parts) < 1.25 * min(parts)


@pytest.mark.parametrize("pack", ["settled_families", "upgrade_ready", "小镇青年换机"])
def test_other_packs_of_the_launch_do_not_age(
    pack: str, database: duckdb.DuckDBPyConnection
) -> None:
    shares = quarters(responses(database, pack))
    assert max(shares) < 0.1
    assert shares[0] < 2 * shares[-1]


def test_what_is_planted_ends_no_visit(database: duckdb.DuckDBPyConnection) -> None:
    """Planted orders have the highest numbers of their day; after each something was there."""
    last = database.sql(
        "WITH planted AS (SELECT user_id, dt, ts FROM events "
        "WHERE order_id::BIGINT % 10000000 > 9000000) "
        "SELECT count(*), count(*) FILTER (WHERE NOT EXISTS ("
        "  SELECT 1 FROM events e WHERE e.user_id = p.user_id AND e.dt = p.dt AND e.ts > p.ts)) "
        "FROM planted p"
    ).fetchall()
    assert last[0][0] > 500
    assert last[0][1] == 0


def test_conversion_tells_what_converts_in_the_sale_alone() -> None:
    """The library finds the planted value, and no other."""
    phone = "where: {brand: Xiaomi, category: phone}"
    found = audience.convert(
        audience.load(ROOT),
        f"looked={{did: {{event: browse, {phone}}}}}",
        f"bought={{did: {{event: buy, {phone}}}}}",
        periods=["sale=2023-05-23..2023-06-18", "flat=2023-04-02..2023-05-22"],
    )
    sale = [each for each in found.contrasts if each.converts_in == ("sale",)]
    assert [(each.label, each.value, each.not_in) for each in sale] == [
        ("购买力", "蓝领", ("flat",))
    ]
    rates = [each.rate for each in found.conversions]
    assert [(rate.users, rate.of) for rate in rates] == [(355, 1029), (139, 800)]


@pytest.mark.parametrize(("pack", "ages"), [("flagship_rivals", True), ("小镇青年换机", False)])
def test_conversion_tells_that_a_pack_ages(pack: str, ages: bool) -> None:
    """Of those who are shown an advertisement, ever fewer click, three weeks by three weeks."""
    phone = "where: {brand: Xiaomi, category: phone}"
    found = audience.convert(
        audience.load(ROOT),
        [f"pack=1-seize-rivals/{pack}", f"shown={{did: {{event: exposure, {phone}}}}}"],
        f"clicked={{did: {{event: ad_click, {phone}}}}}",
        by=["plus"],
        periods=[
            "2023-04-08..2023-04-28",
            "2023-04-29..2023-05-19",
            "2023-05-20..2023-06-09",
            "2023-06-10..2023-06-30",
        ],
    )
    rates = [each.rate for each in found.conversions]
    first, last = rates[0], rates[-1]
    assert first.low is not None
    assert last.high is not None
    assert (first.low > last.high) is ages  # the intervals lie apart
