"""Conversion on the fixtures against SQL written by hand; intervals and tests against scipy."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from scipy.stats.contingency import relative_risk

import audience
from audience.errors import ConditionError
from audience.insight.cells import hidden_cells
from audience.insight.convert import (
    Conversion,
    Conversions,
    Part,
    Period,
    Split,
    lines_of,
    market_day,
    rate_of,
    sources_of,
)
from audience.insight.convert_cells import hidden_in_convert, shared_convert, table_of_conversion
from audience.report.conversion import conversion_grids
from support import MakeProject, Run

ROOT = Path(__file__).parents[2]
PROMO, FLAT = (date(2023, 5, 23), date(2023, 6, 18)), (date(2023, 4, 25), date(2023, 5, 22))
PERIODS = [f"promo={PROMO[0]}..{PROMO[1]}", f"flat={FLAT[0]}..{FLAT[1]}"]
LOOKED = "小米={did: {event: 浏览, where: {商品品牌: 小米, 商品价格: 4000..6000}}}"
BOUGHT = "买了={did: {event: buy, where: {category: phone, brand: Xiaomi}}}"
SHELF = "手机={did: {event: browse, where: {category: phone, price: 4000..6000}}}"
# The same by hand; `span` are the period's events, `past` all up to its last day.
BAND = "SELECT user_id FROM span WHERE action = 'browse' AND price BETWEEN 4000 AND 6000"
A = f"{BAND} AND brand = 'Xiaomi'"
M = f"{BAND} AND category = 'phone'"
B = "SELECT user_id FROM span WHERE action = 'buy' AND category = 'phone' AND brand = 'Xiaomi'"


class Oracle:
    """The fixtures in DuckDB, seen from one period."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'Asia/Shanghai'")
        for name, columns in (("users", "*"), ("events", "* EXCLUDE dt, CAST(ts AS DATE) AS day")):
            files = f"read_parquet('{ROOT}/fixtures/{name}/*/*.parquet', hive_partitioning = true)"
            self.connection.execute(f"CREATE TABLE all_{name} AS SELECT {columns} FROM {files}")

    def at(self, first: date, last: date) -> Oracle:
        """Put oneself on a period: the newest snapshot up to its last day, and its events."""
        self.connection.execute(
            "CREATE OR REPLACE VIEW users AS SELECT * EXCLUDE dt FROM all_users WHERE dt = "
            f"(SELECT max(dt) FROM all_users WHERE dt <= DATE '{last}');"
            f"CREATE OR REPLACE VIEW past AS FROM all_events WHERE day <= DATE '{last}';"
            f"CREATE OR REPLACE VIEW span AS FROM past WHERE day >= DATE '{first}'"
        )
        return self

    def count(self, *tests: str) -> int:
        """Users of whom every test holds: queries of ids, and conditions on columns."""
        where = " AND ".join(
            f"user_id IN ({test})" if test.startswith("SELECT") else f"({test})" for test in tests
        )
        return int(
            self.connection.sql(f"SELECT count(*) FROM users WHERE {where}").fetchall()[0][0]
        )

    def quantile(self, column: str, share: float) -> Any:
        """What stands at a share of the newest column, sorted."""
        rows = self.connection.sql(
            f"SELECT {column} FROM all_users WHERE dt = (SELECT max(dt) FROM all_users) "
            f"AND {column} IS NOT NULL ORDER BY 1"
        ).fetchall()
        return rows[round(share * (len(rows) - 1))][0]


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return Oracle()


def convert(*args: Any, **options: Any) -> Conversions:
    return audience.convert(audience.load(ROOT), *args, cache=False, **options)


def line(found: Conversion, tag: str, value: str) -> Any:
    (one,) = [each for each in found.lines if (each.tag, each.value) == (tag, value)]
    return one


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_rates_and_values_against_sql(oracle: Oracle, engine: str) -> None:
    tags = ["plus", "城市线级", "age", "member_level", "interests"]
    found = convert(LOOKED, BOUGHT, by=tags, periods=PERIODS, engine=engine)
    edges = [oracle.quantile("member_level", each) for each in (0.25, 0.5, 0.75, 0.9)]
    values = {
        ("plus", "true"): "plus",
        ("plus", "false"): "NOT plus",
        ("plus", "(missing)"): "plus IS NULL",
        ("city_tier", "新一线 (new1)"): "city_tier = 'new1'",
        ("age", ">= 25 and < 35"): "age >= 25 AND age < 35",  # a bin of the dictionary
        ("member_level", f"<= {edges[0]}"): f"member_level <= {edges[0]}",
        ("member_level", f"> {edges[-1]}"): f"member_level > {edges[-1]}",
        ("interests", "数码 (digital)"): "list_contains(interests, 'digital')",
    }
    assert [each.name for each in found.periods] == ["promo", "flat"]
    for period, conversion, days in zip(
        found.periods, found.conversions, (PROMO, FLAT), strict=True
    ):
        oracle.at(*days)
        users, converted = oracle.count(A), oracle.count(A, B)
        assert 0 < converted < users
        assert (period.first, period.as_of) == (conversion.first, conversion.as_of) == days
        assert (period.users, period.target_users) == (users, oracle.count(B))
        assert (conversion.rate.users, conversion.rate.of) == (converted, users)
        assert conversion.rate.rate == converted / users
        named = {"plus", "city_tier", "age", "member_level", "interests"}
        assert {each.tag for each in conversion.lines} == named
        for (tag, value), where in values.items():
            one = line(conversion, tag, value)
            mine, did = oracle.count(A, where), oracle.count(A, B, where)
            assert (one.rate.of, one.rate.users) == (mine, did), (tag, value)
            tgi = did / converted / ((mine - did) / (users - converted)) * 100
            assert one.tgi == pytest.approx(tgi)
    assert (found.source, found.target) == ("小米", "买了")


def test_all_tags_are_told_where_none_is_named() -> None:
    found = convert(LOOKED, BOUGHT, periods=PERIODS[:1])
    by_tag: dict[str, list[Any]] = {}
    (conversion,) = found.conversions
    for each in conversion.lines:
        by_tag.setdefault(each.tag, []).append(each)
    assert len(by_tag) == 27
    for tag, lines in by_tag.items():
        if tag not in {"interests", "rival_apps"}:
            assert sum(each.rate.of for each in lines) == conversion.rate.of, tag
            assert sum(each.rate.users for each in lines) == conversion.rate.users, tag


def test_windows_of_their_own_count_back_from_the_last_day(oracle: Oracle) -> None:
    looked = "{did: {event: browse, where: {category: phone}, within: 60d}}"
    found = convert(looked, "mi13-2023/3-convert/phone_buyer", by=["plus"], periods=PERIODS)
    for conversion, (first, last) in zip(found.conversions, (PROMO, FLAT), strict=True):
        oracle.at(first, last)
        a = (
            "SELECT user_id FROM past WHERE action = 'browse' AND category = 'phone' "
            f"AND day > DATE '{last}' - 60"
        )
        # What the file's definition leaves without a window is of the period, in the file's base.
        b = (
            "SELECT user_id FROM span JOIN users u USING (user_id) WHERE action = 'buy' "
            f"AND category = 'phone' AND u.registered <= DATE '{last}' - 7"
        )
        assert conversion.rate == rate_of(oracle.count(a, b), oracle.count(a))


def test_without_a_period_it_is_the_rule_files_day(oracle: Oracle) -> None:
    pack = "3-convert/high_end_eye"
    found = convert(pack, "phone_buyer", by=["plus"])
    (period,) = found.periods
    (built,) = audience.build(
        audience.load(ROOT), ROOT / "rules/mi13-2023/3-convert.yaml", dry_run=True
    )
    sizes = {each.name: each.size for each in built.summary.packs}
    assert (period.name, period.first, period.as_of) == ("", None, date(2023, 6, 18))
    assert period.users == sizes["high_end_eye"]
    oracle.at(date(2023, 1, 1), date(2023, 6, 18))
    bought = "SELECT user_id FROM past WHERE action = 'buy' AND category = 'phone'"
    assert period.target_users == oracle.count(bought, "registered <= DATE '2023-06-18' - 7")
    earlier = convert(pack, "phone_buyer", by=["plus"], as_of="2023-06-01").periods[0]
    assert earlier.as_of == date(2023, 6, 1)
    assert earlier.users != period.users


def test_swing_users_and_each_of_several(oracle: Oracle) -> None:
    """Who looked at both rivals and bought neither."""
    starts = [
        f"{name}={{did: {{event: browse, where: {{category: phone, brand: {brand}}}}}}}"
        for name, brand in (("华为", "Huawei"), ("苹果", "Apple"))
    ]
    end = "either={did: {event: buy, where: {category: phone, brand: [Huawei, Apple]}}}"
    found = convert(starts, end, by=["plus"], periods=PERIODS)
    assert (found.source, found.target) == ("华为 & 苹果", "either")
    for period, days in zip(found.periods, (PROMO, FLAT), strict=True):
        oracle.at(*days)
        looked = "SELECT user_id FROM span WHERE action = 'browse' AND category = 'phone' AND brand"
        one, other = f"{looked} = 'Huawei'", f"{looked} = 'Apple'"
        bought = looked.replace("browse", "buy") + " IN ('Huawei', 'Apple')"
        neither = bought.replace("SELECT", "user_id NOT IN (SELECT", 1) + ")"
        assert period.swing == oracle.count(one, other, neither) > 0
        assert period.users == oracle.count(one, other)
        assert [part.rate for part in period.parts] == [
            rate_of(oracle.count(each, bought), oracle.count(each)) for each in (one, other)
        ]


def test_sources_are_ranked_and_keep_all_their_days(oracle: Oracle) -> None:
    sources = [
        "3-convert/mi_phone_owner",
        "生态={did: {event: buy, where: {brand: [小米, 红米, 米家], category: {ne: phone}}}}",
        "新客={registered: {within: 90d}}",
    ]
    found = convert(LOOKED, BOUGHT, by=["plus"], periods=PERIODS, sources=sources)
    for period, (first, last) in zip(found.periods, (PROMO, FLAT), strict=True):
        oracle.at(first, last)
        bought = "SELECT user_id FROM past WHERE action = 'buy' AND brand IN ('Xiaomi', 'Redmi'"
        phones = bought + ") AND category = 'phone'"
        others = bought + ", 'Mijia') AND category IS DISTINCT FROM 'phone'"
        tests = {
            "3-convert/mi_phone_owner": f"registered <= DATE '{last}' - 7 AND "
            f"(device_brand IN ('Xiaomi', 'Redmi') OR user_id IN ({phones}))",
            "生态": others,
            "新客": f"registered > DATE '{last}' - 90 AND registered <= DATE '{last}'",
        }
        counts = {name: oracle.count(B, test) for name, test in tests.items()}
        assert {each.name: each.users for each in period.sources} == counts
        assert [each.users for each in period.sources] == sorted(counts.values(), reverse=True)
        whole = oracle.count(B)
        assert [each.share for each in period.sources] == [
            each.users / whole for each in period.sources
        ]
        tests["生态"] = f"user_id IN ({others})"
        none = [f"NOT coalesce({test}, false)" for test in tests.values()]
        assert period.no_source == oracle.count(B, *none)


def test_penetration_and_market_share_by_days(oracle: Oracle) -> None:
    found = convert(LOOKED, periods=["promo=2023-06-10..2023-06-18"], market=SHELF, daily=True)
    (period,) = found.periods
    assert (found.target, period.conversion, period.target_users) == ("", None, None)
    oracle.at(date(2023, 6, 10), date(2023, 6, 18))
    assert period.users == oracle.count(A)
    assert period.penetration == rate_of(oracle.count(A, M), oracle.count(M))
    assert [each.day for each in period.days] == [date(2023, 6, day) for day in range(10, 19)]
    for each in period.days:
        oracle.at(each.day, each.day)
        users, market = oracle.count(A), oracle.count(M)
        assert (each.users, each.market, each.share) == (users, market, users / market)


EVENTS = [
    {"user_id": user, "ts": date(2024, 1, day), "action": action}
    for user, day, action in [
        # Of the first day three of four who look at the category look at the item; then one of two.
        (1, 1, "item"), (2, 1, "item"), (3, 1, "item"), (4, 1, "other"), (1, 1, "item"),
        (5, 2, "item"), (6, 2, "other"),
        (1, 2, "buy"), (5, 2, "buy"), (6, 2, "buy"),
    ]
]  # fmt: skip
PEOPLE = [{"user_id": user, "city": "京" if user < 4 else "沪"} for user in range(1, 9)]
TINY = """\
campaign: c
phase: p
vars: {what: item}
packs:
  看过: {label: 浏览, where: {did: {event: "${what}"}}}
"""


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    return make_project(PEOPLE, {"a.yaml": TINY}, events=EVENTS)


def test_a_table_by_hand(folder: Path) -> None:
    """Of 1, 2, 3 and 5, who looked, 1 and 5 bought; of 京 one of three, of 沪 the only one."""
    found = audience.convert(
        audience.load(folder),
        "看过",
        "{did: {event: buy}}",
        market="{did: {event: [item, other]}}",
        sources=["京={city: 京}", "沪={city: 沪}"],
        periods=["一月=2024-01-01..2024-01-02"],
        daily=True,
    )
    (period,) = found.periods
    conversion = period.conversion
    assert conversion is not None
    assert (conversion.rate.users, conversion.rate.of) == (2, 4)
    north = line(conversion, "city", "京")
    # Half of those who bought, all of those who did not.
    assert (north.rate.users, north.rate.of, north.tgi) == (1, 3, 50.0)
    south = line(conversion, "city", "沪")
    assert (south.rate.users, south.rate.of, south.tgi, south.low) == (1, 1, None, None)
    assert [(each.name, each.users, each.share) for each in period.sources] == [
        ("沪", 2, 2 / 3),
        ("京", 1, 1 / 3),
    ]
    assert (period.no_source, period.swing, period.parts) == (0, None, ())
    assert period.penetration is not None
    assert (period.penetration.users, period.penetration.of) == (4, 6)
    assert [(each.users, each.market, each.share) for each in period.days] == [
        (3, 4, 0.75),
        (1, 2, 0.5),
    ]


def test_conversion_tgi_by_hand() -> None:
    """30 of the 40 who converted have it, 20 of the 60 who did not: 75 % ÷ 33.3 % = 225."""
    splits = [Split("t", "", "v", 50, 30), Split("t", "", "w", 50, 10)]
    with_it, without = lines_of(splits, 100, 40)
    assert (with_it.value, with_it.rate.rate) == ("v", 0.6)
    assert with_it.tgi == pytest.approx(225)
    assert without.tgi == pytest.approx(25 / (40 / 60))
    assert (with_it.converts, without.converts) == (True, False)
    all_of_few, _ = lines_of([Split("t", "", "v", 4, 4), Split("t", "", "w", 996, 36)], 1_000, 40)
    assert (all_of_few.significant, all_of_few.few, all_of_few.converts) == (True, True, False)


@pytest.mark.parametrize("seed", range(20))
def test_intervals_and_chances_against_scipy(seed: int) -> None:
    draw = np.random.default_rng(seed)
    did, did_not = int(draw.integers(20, 500)), int(draw.integers(20, 5_000))
    splits = []
    for number in range(12):
        mine, others = int(draw.integers(1, did)), int(draw.integers(1, did_not))
        splits.append(Split("t", "", str(number), mine + others, mine))
    lines = {each.value: each for each in lines_of(splits, did + did_not, did)}
    chances = []
    for each in splits:
        one, others = lines[each.value], each.users - each.converted
        table = [[each.converted, did - each.converted], [others, did_not - others]]
        chances.append(stats.chi2_contingency(table, correction=False).pvalue)
        assert one.p == pytest.approx(chances[-1], rel=1e-9, abs=1e-300)
        ratio = relative_risk(each.converted, did, others, did_not)
        interval = ratio.confidence_interval(0.95)
        assert one.tgi == pytest.approx(100 * ratio.relative_risk)
        assert (one.low, one.high) == pytest.approx((100 * interval.low, 100 * interval.high))
        wilson = stats.binomtest(each.converted, each.users).proportion_ci(0.95, method="wilson")
        assert (one.rate.low, one.rate.high) == pytest.approx((wilson.low, wilson.high))
    corrected = stats.false_discovery_control(chances, method="bh")
    told = {value for value, each in lines.items() if each.significant}
    assert told == {each.value for each, p in zip(splits, corrected, strict=True) if p <= 0.05}


@pytest.mark.parametrize("users, of", [(0, 7), (7, 7), (1, 7), (0, 1), (3, 100_000)])
def test_the_interval_of_a_rate_at_its_edges(users: int, of: int) -> None:
    rate = rate_of(users, of)
    wilson = stats.binomtest(users, of).proportion_ci(0.95, method="wilson")
    assert (rate.low, rate.high) == pytest.approx((wilson.low, wilson.high))
    assert rate.low is not None
    assert rate.high is not None
    assert 0 <= rate.low <= users / of <= rate.high <= 1


def test_what_cannot_be_computed() -> None:
    assert rate_of(0, 0).rate is rate_of(0, 0).low is None
    assert market_day(date(2024, 1, 1), 3, 0).share is None
    assert sources_of([("a", "", 0)], 0)[0].share is None
    splits = [Split("t", "", "v", 10, 10), Split("t", "", "w", 0, 0)]
    for each in lines_of(splits, 10, 10):
        assert (each.tgi, each.low, each.p, each.significant, each.few) == (
            None, None, None, False, True,
        )  # fmt: skip


def test_values_that_convert_in_one_period_alone() -> None:
    def period(name: str, counts: dict[str, tuple[int, int]]) -> Period:
        users = sum(mine for mine, _ in counts.values())
        did = sum(did for _, did in counts.values())
        splits = [Split("t", "标签", value, mine, did) for value, (mine, did) in counts.items()]
        day = date(2024, 1, 1)
        lines = lines_of(splits, users, did)
        conversion = Conversion("A", "B", name, day, day, rate_of(did, users), lines)
        return Period(name, day, day, users, conversion=conversion)

    promo = period("promo", {"both": (100, 60), "now": (100, 50), "never": (200, 10)})
    flat = period("flat", {"both": (100, 30), "now": (100, 2), "never": (200, 8)})
    found = Conversions("A", "B", "", (promo, flat))
    assert [(each.value, each.converts_in, each.not_in) for each in found.contrasts] == [
        ("now", ("promo",), ("flat",))
    ]
    (one,) = found.to_dict()["contrasts"]
    assert one["label"] == "标签"
    # They stand first, however much others tell.
    lines = conversion_grids(found, 1)[1]
    assert lines.rows[0][:2] == ("标签 (t)", "now")
    assert lines.rows[0][-1] == "only in promo"
    assert lines.title.endswith("1 of 3")


COUNTS = st.lists(
    st.integers(0, 60).flatmap(lambda users: st.tuples(st.just(users), st.integers(0, users))),
    min_size=1,
    max_size=8,
)


@given(COUNTS)
@settings(deadline=None)
def test_the_rate_of_the_whole_is_the_mean_of_the_values(counts: list[tuple[int, int]]) -> None:
    users, did = (sum(each) for each in zip(*counts, strict=True))
    splits = [Split("t", "", str(n), *each) for n, each in enumerate(counts)]
    lines = lines_of(splits, users, did)
    assert sum(each.rate.users for each in lines) == did
    assert sum(each.rate.of - each.rate.users for each in lines) == users - did
    if users:
        mean = sum((each.rate.rate or 0) * each.rate.of for each in lines) / users
        assert rate_of(did, users).rate == pytest.approx(mean)
    for each in lines:
        if each.low is not None and each.high is not None and each.tgi is not None:
            assert each.low <= each.tgi <= each.high
        # A value goes with converting exactly where its rate is above that of the whole.
        if each.tgi is not None and each.rate.rate is not None:
            above = each.rate.rate * users - did
            assert (each.tgi > 100 + 1e-9) <= (above > -1e-9)
            assert (each.tgi < 100 - 1e-9) <= (above < 1e-9)


def test_the_order_of_what_is_given_never_matters(folder: Path) -> None:
    starts = ["看过", "{city: [京, 沪]}", "early={user_id: ..6}"]
    project = audience.load(folder)
    found = [
        audience.convert(project, list(each), "{did: {event: buy}}", as_of="2024-02-01")
        for each in itertools.permutations(starts)
    ]
    for each in found:
        (one,), (other,) = found[0].conversions, each.conversions
        assert (one.rate, one.lines) == (other.rate, other.lines)
        assert set(each.periods[0].parts) == set(found[0].periods[0].parts)
        assert each.periods[0].swing == found[0].periods[0].swing


# Whoever is there is of one kind: in the first and second part of A, in B, in the sources, in the
# market, and of one of three values.
KINDS = list(itertools.product((0, 1), (0, 1), (0, 1), (0, 1), (0, 1), (0, 1), range(3)))
Test = Callable[[Any], bool]


def drawn(seed: int) -> tuple[Conversions, dict[Any, Test], np.ndarray]:
    """A made-up conversion, what each of its cells counts, and how many there are of a kind."""
    draw = np.random.default_rng(seed)
    weights = np.array([0.9, 0.8, 0.1 + 0.4 * draw.random(), 0.5, 0.15, 0.7])
    values = np.array([0.75, 0.2, 0.05])
    chance = np.array(
        [
            np.prod([w if k else 1 - w for k, w in zip(kind[:6], weights, strict=True)])
            * values[kind[6]]
            for kind in KINDS
        ]
    )
    counts = draw.multinomial(int(draw.choice([60, 200, 600])), chance / chance.sum())
    tests: dict[Any, Test] = {
        (0, "users"): lambda k: k[0] and k[1],
        (0, "converted"): lambda k: k[0] and k[1] and k[2],
        (0, "swing"): lambda k: k[0] and k[1] and not k[2],
        (0, "target"): lambda k: k[2],
        (0, "no source"): lambda k: k[2] and not k[3] and not k[4],
        (0, "market"): lambda k: k[5],
        (0, "reached"): lambda k: k[0] and k[1] and k[5],
    }
    for place in (0, 1):
        tests[0, "part", place, "users"] = lambda k, place=place: k[place]
        tests[0, "part", place, "converted"] = lambda k, place=place: k[place] and k[2]

    def size(cell: Any) -> int:
        return sum(int(n) for kind, n in zip(KINDS, counts, strict=True) if tests[cell](kind))

    def sized(test: Test) -> int:
        return sum(int(n) for kind, n in zip(KINDS, counts, strict=True) if test(kind))

    users, converted = size((0, "users")), size((0, "converted"))
    splits = [
        Split(
            "t",
            "",
            str(value),
            sized(lambda k, v=value: k[0] and k[1] and k[6] == v),
            sized(lambda k, v=value: k[0] and k[1] and k[2] and k[6] == v),
        )
        for value in range(3)
    ]
    lines = lines_of(splits, users, converted)
    for place, each in enumerate(lines):
        value = int(each.value)
        tests[0, place, "users"] = lambda k, v=value: k[0] and k[1] and k[6] == v
        tests[0, place, "converted"] = lambda k, v=value: k[0] and k[1] and k[2] and k[6] == v
    sources = sources_of(
        [(str(n), "", sized(lambda k, n=n: k[2] and k[3 + n])) for n in (0, 1)],
        size((0, "target")),
    )
    for place, source in enumerate(sources):
        tests[0, "source", place] = lambda k, n=int(source.name): k[2] and k[3 + n]
    day = date(2024, 1, 1)
    parts = tuple(
        Part(
            str(n),
            "",
            size((0, "part", n, "users")),
            rate_of(size((0, "part", n, "converted")), size((0, "part", n, "users"))),
        )
        for n in (0, 1)
    )
    rate = rate_of(converted, users)
    period = Period(
        "",
        None,
        day,
        users,
        parts,
        Conversion("A", "B", "", None, day, rate, lines),
        size((0, "swing")),
        size((0, "target")),
        sources,
        size((0, "no source")),
        rate_of(size((0, "reached")), size((0, "market"))),
    )
    return Conversions("A", "B", "M", (period,)), tests, counts


@pytest.mark.parametrize("seed", range(40))
def test_small_counts_cannot_be_worked_out(seed: int) -> None:
    found, tests, counts = drawn(seed)
    hidden = hidden_in_convert(found, 10)
    assert hidden_in_convert(found, 0) == frozenset()
    rows = {
        cell: np.array([bool(test(kind)) for kind in KINDS], float) for cell, test in tests.items()
    }
    known = np.array([row for cell, row in rows.items() if cell not in hidden])
    users, converted = rows[0, "users"], rows[0, "converted"]
    lines = [(rows[0, n, "users"], rows[0, n, "converted"]) for n in range(3)]
    groups = [*rows.values(), users - converted, rows[0, "market"] - rows[0, "reached"]]
    groups += [rows[0, "target"] - converted, users - rows[0, "reached"]]
    for mine, did in lines:
        groups += [mine - did, users - mine, converted - did, users - mine - converted + did]
    for place in (0, 1):
        part, did = rows[0, "part", place, "users"], rows[0, "part", place, "converted"]
        groups += [part - did, part - users, did - converted, part - users - did + converted]
        groups.append(rows[0, "target"] - rows[0, "source", place])
    rank = np.linalg.matrix_rank
    for group in groups:
        if 0 < group @ counts < 10:
            assert rank(np.vstack([known, group])) > rank(known)
    told = shared_convert(found, hidden)["periods"][0]
    for place, each in enumerate(told["conversion"]["lines"]):
        gone = {(0, place, "users"), (0, place, "converted")} & hidden
        assert (each["rate"]["rate"] is None) == bool(
            gone or not found.conversions[0].lines[place].rate.of
        )
        assert not gone or each["tgi"] is each["p"] is each["low"] is None
    assert (told["swing"] is None) == ((0, "swing") in hidden)


DAY = date(2024, 1, 1)


def of_rate(users: int, of: int) -> Conversion:
    return Conversion("A", "B", "", None, DAY, rate_of(users, of), ())


@pytest.mark.parametrize(
    ("period", "hidden"),
    [
        # Four did not convert, four of the market were not reached, four looked elsewhere.
        (Period("", None, DAY, 100, conversion=of_rate(96, 100)), {(0, "converted")}),
        (Period("", None, DAY, 100, conversion=of_rate(90, 100)), set()),
        (Period("", None, DAY, 300, penetration=rate_of(96, 100)), {(0, "reached")}),
        (Period("", None, DAY, 300, days=(market_day(DAY, 96, 100),)), {(0, "day", 0, "users")}),
        (Period("", None, DAY, 300, days=(market_day(DAY, 100, 96),)), set()),
        # In one of two conditions and not in the other.
        (
            Period("", None, DAY, 96, parts=(Part("a", "", 100, None), Part("b", "", 300, None))),
            {(0, "users")},
        ),
        # Sources that share nobody add up: what is hidden takes another with it.
        (
            Period(
                "",
                None,
                DAY,
                300,
                conversion=of_rate(50, 300),
                target_users=100,
                sources=sources_of([("a", "", 64), ("b", "", 32)], 100),
                no_source=4,
            ),
            {(0, "no source"), (0, "source", 1)},
        ),
    ],
)
def test_who_is_left_is_no_few(period: Period, hidden: set[Any]) -> None:
    assert hidden_in_convert(Conversions("A", "B", "M", (period,)), 10) == hidden


def test_counts_of_one_conversion_are_hidden_likewise() -> None:
    splits = [Split("t", "", "v", 95, 46), Split("t", "", "w", 5, 4)]
    day = date(2024, 1, 1)
    lines = lines_of(splits, 100, 50)
    found = Conversion("A", "B", "", None, day, rate_of(50, 100), lines)
    hidden = hidden_cells(table_of_conversion(found), 10)
    (small,) = [place for place, each in enumerate(lines) if each.value == "w"]
    assert {(small, "users"), (small, "converted")} < hidden


WORDS = ("convert", "--from", "看过", "--to", "买={did: {event: buy}}")
SPAN = ("--period", "一月=2024-01-01..2024-01-02")


def test_the_command(folder: Path, run: Run) -> None:
    shown = run(*WORDS, *SPAN, "--period", "二=2024-01-02..2024-01-02", at=folder)
    assert shown.code == 0, shown.err
    assert "看过 → 买" in shown.out
    assert "一月: rate" in shown.out
    told = json.loads(run(*WORDS, *SPAN, "-f", "json", "--by", "city", at=folder).out)
    (period,) = told["periods"]
    assert (period["first"], period["as_of"]) == ("2024-01-01", "2024-01-02")
    assert period["conversion"]["rate"]["users"] == 2
    rows = list(csv.DictReader(io.StringIO(run(*WORDS, *SPAN, "-f", "csv", at=folder).out)))
    assert {(row["tag"], row["value"], row["users"], row["converted"]) for row in rows} == {
        ("city", "京", "3", "1"),
        ("city", "沪", "1", "1"),
    }
    assert not (folder / "packs").exists()


def test_every_part_as_csv(folder: Path, run: Run) -> None:
    market = ("--market", "全={did: {event: [item, other]}}", "--daily")
    words = (
        *WORDS,
        *SPAN,
        *market,
        "--from",
        "{city: 京}",
        "--source",
        "京={city: 京}",
        "-f",
        "csv",
    )

    def rows(part: str) -> list[dict[str, str]]:
        done = run(*words, "--part", part, at=folder)
        assert done.code == 0, done.err
        return list(csv.DictReader(io.StringIO(done.out)))

    rates = [(row["kind"], row["name"], row["users"], row["of"]) for row in rows("rates")]
    assert rates == [
        ("from", "看过", "2", "4"),
        ("from", "{city: 京}", "1", "3"),
        ("all", "看过 & {city: 京}", "1", "3"),
        ("market", "全", "3", "6"),
    ]
    assert [(row["name"], row["users"]) for row in rows("sources")] == [("京", "1"), ("", "2")]
    days = [(row["day"], row["users"], row["market"], row["share"]) for row in rows("days")]
    assert days == [("2024-01-01", "3", "4", "0.75"), ("2024-01-02", "0", "2", "0.0")]
    assert len(rows("lines")) == 2
    shown = run(*words[:-2], at=folder).out
    for text in ("swing", "share of the market 全 by days", "(none of them)", "penetration"):
        assert text in shown


@pytest.mark.parametrize(
    ("part", "given", "needed"),
    [
        ("lines", ("--market", "看过"), "--to"),
        ("sources", ("--to", "看过"), "--to and --source"),
        ("sources", ("--source", "看过"), "--to and --source"),
        ("days", ("--market", "看过"), "--market and --daily"),
    ],
)
def test_a_table_that_nothing_was_asked_for(
    folder: Path, run: Run, part: str, given: tuple[str, ...], needed: str
) -> None:
    words = ("convert", "--from", "看过", *SPAN, *given)
    done = run(*words, "--part", part, "-f", "csv", at=folder)
    assert (done.code, done.out) == (2, "")
    assert f"--part {part} needs {needed}\n" in done.err
    assert "needs --part" not in run(*words, "--part", part, "-f", "json", at=folder).err


def test_small_counts_are_hidden(folder: Path, run: Run) -> None:
    words = (*WORDS, *SPAN, "--market", "{did: {event: [item, other]}}", "--daily")
    words += ("--source", "京={city: 京}", "--min-cell", "3")
    told = json.loads(run(*words, "-f", "json", at=folder).out)["periods"][0]
    assert told["conversion"]["rate"]["users"] is told["conversion"]["rate"]["rate"] is None
    assert told["sources"][0]["users"] is told["sources"][0]["share"] is None
    assert told["days"][1]["users"] is told["days"][1]["share"] is None
    assert "hidden" in run(*words, at=folder).out
    assert "hidden" in run(*WORDS, *SPAN, "-f", "markdown", at=folder).out
    assert (
        "hidden"
        in run(*WORDS, *SPAN, *SPAN[:1], "b=2024-01-02..2024-01-02", *words[-2:], at=folder).out
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--from", "看过"), "expected --to"),
        (("--from", "看过", "--market", "看过", "--by", "city"), "--to, which is missing"),
        (("--from", "看过", "--market", "看过", "--source", "看过"), "--to, which is missing"),
        ((*WORDS[1:], "--daily"), "--daily is the share of a --market"),
        ((*WORDS[1:], "--market", "看过", "--daily"), "--daily is the share of a --market"),
        ((*WORDS[1:], *SPAN, "--as-of", "2024-01-02"), "evaluated at its last day"),
        ((*WORDS[1:], "--period", "2024-01-02..2999-01-01"), "lies in the future"),
        ((*WORDS[1:], "--as-of", "2999-01-01"), "lies in the future"),
        ((*WORDS[1:], "--as-of", "soon"), "--as-of `soon`: expected a date"),
        ((*WORDS[1:], "--by", "ctiy"), "no tag `ctiy`; did you mean city?"),
        ((*WORDS[1:], "--var", "waht=buy"), "variable `waht`; did you mean what?"),
        (
            (*WORDS[1:], "--period", "0001-01-01..9999-12-31", "--market", "看过", "--daily"),
            "lies in the future",
        ),
        (
            (*WORDS[1:], "--period", "2020-01-02..2023-01-01", "--market", "看过", "--daily"),
            "1,096 days are too many",
        ),
    ],
)
def test_what_is_no_conversion(folder: Path, run: Run, words: tuple[str, ...], told: str) -> None:
    done = run("convert", *words, at=folder)
    assert (done.code, told in done.err) == (2, True), done.err


def test_a_variable_reaches_the_packs_that_are_named(folder: Path, run: Run) -> None:
    words = (*WORDS, *SPAN, "-f", "json", "--var", "what=other")
    (period,) = json.loads(run(*words, at=folder).out)["periods"]
    assert period["users"] == 2


def test_a_value_that_reads_like_a_line_of_its_own(make_project: MakeProject) -> None:
    cities = ["(missing)", None, "京", "(others)"]
    users = [{"user_id": n, "city": cities[n % 4]} for n in range(40)]
    found = audience.convert(
        audience.load(make_project(users)),
        "{user_id: 0..29}",
        "{user_id: ..9}",
        by="city",
        periods=["a=2024-01-01..2024-01-02", "b=2024-01-02..2024-01-03"],
    )
    lines = found.conversions[0].lines
    assert sum(each.rate.of for each in lines) == 30
    assert {each.value for each in lines} == {"“(missing)”", "“(others)”", "(missing)", "京"}
    assert len(conversion_grids(found, 20)[1].rows) == 4


def test_nobody_who_is_suppressed_is_counted(folder: Path) -> None:
    (folder / "out.txt").write_text("1\n8\n")
    text = (folder / "audience.yaml").read_text()
    (folder / "audience.yaml").write_text(text + "suppress:\n  - {path: out.txt}\n")
    found = audience.convert(
        audience.load(folder), "{city: [京, 沪]}", "看过", market="{city: 京}", as_of="2024-02-01"
    )
    (period,) = found.periods
    assert (period.users, period.target_users) == (6, 3)
    assert period.penetration == rate_of(2, 2)


def test_wrong_conditions_are_told_together(folder: Path, run: Run) -> None:
    done = run("convert", "--from", "看={ctiy: 京}", "--to", "没过", "--period", "一=二", at=folder)
    assert done.code == 2
    for text in (
        "--from:1:4: error: unknown tag or keyword `ctiy`",
        "did you mean `city`?",
        "--to:1:1: error: no pack, stage or definition `没过` in any rule file",
        "did you mean `看过`?",
        "--period:1:3: error: `二` is not a date",
        "3 errors",
    ):
        assert text in done.err, done.err
    with pytest.raises(ConditionError):
        audience.convert(audience.load(folder), "看过", "{ctiy: 京}")
