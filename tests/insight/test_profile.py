"""Profiles: counts against SQL written by hand, intervals and tests against scipy, TGI by hand."""

from __future__ import annotations

import csv
import io
import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import polars as pl
import pytest
from scipy import stats
from scipy.stats.contingency import relative_risk

import audience
from audience.errors import UsageError
from audience.insight.profile import Counts, hidden_in_profile, profile_of, shared_profile
from support import MakeProject, Run

DRAW = np.random.default_rng(20240301)
N = 3_000
PLUS = DRAW.random(N) < 0.3
USERS = pl.DataFrame(
    {
        "user_id": range(N),
        "plus": [None if n % 97 == 0 else bool(PLUS[n]) for n in range(N)],
        "age": [
            None if n % 31 == 0 else int(each) for n, each in enumerate(DRAW.integers(15, 75, N))
        ],
        "value": DRAW.exponential(2_000, N) * (1 + PLUS),
        "city": DRAW.choice(["bj", "sh", "cd", "gz"], N, p=[0.4, 0.3, 0.2, 0.1]),
        "joined": [
            date(2022, 1, 1) + timedelta(days=int(each)) for each in DRAW.integers(0, 700, N)
        ],
        "likes": [[f"l{k}" for k in range(n % 4)] for n in range(N)],
    }
)
RULES = """\
campaign: c
phase: p
as_of: 2024-03-01
base: {age: 18..}
packs:
  rich: {where: {value: 3K+}}
  fans: {where: {plus: true}}
  twice: {where: {plus: true}}
"""
EXTRA = "tags:\n  city: {label: 城市, values: {北京: bj, 上海: sh, 成都: cd, 广州: gz}}\n"


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    return make_project(USERS, {"a.yaml": RULES}, extra=EXTRA)


def counted(where: str) -> int:
    with duckdb.connect() as connection:
        connection.register("users", USERS.to_arrow())
        row = connection.execute(
            f"SELECT count(*) FROM users WHERE age >= 18 AND {where}"
        ).fetchone()
        assert row
        return int(row[0])


def line(found: Any, tag: str, value: str) -> Any:
    (one,) = [each for each in found.lines if (each.tag, each.value) == (tag, value)]
    return one


def quantile(column: str, share: float) -> Any:
    known = USERS[column].drop_nulls().sort()
    return known[round(share * (len(known) - 1))]


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_counts_against_sql(folder: Path, engine: str) -> None:
    found = audience.profile(audience.load(folder), "rich", engine=engine)
    assert (found.size, found.baseline_size) == (counted("value >= 3000"), counted("true"))
    edges = [quantile("age", each) for each in (0.25, 0.5, 0.75, 0.9)]
    conditions = {
        ("plus", "true"): "plus",
        ("plus", "false"): "NOT plus",
        ("plus", "(missing)"): "plus IS NULL",
        ("city", "北京 (bj)"): "city = 'bj'",
        ("likes", "l1"): "list_contains(likes, 'l1')",
        ("age", f"<= {edges[0]}"): f"age <= {edges[0]}",
        ("age", f"> {edges[0]} and <= {edges[1]}"): f"age > {edges[0]} AND age <= {edges[1]}",
        ("age", f"> {edges[3]}"): f"age > {edges[3]}",
        (
            "joined",
            f"<= {quantile('joined', 0.25)}",
        ): f"joined <= DATE '{quantile('joined', 0.25)}'",
    }
    for (tag, value), where in conditions.items():
        one = line(found, tag, value)
        mine, base = counted(f"{where} AND value >= 3000"), counted(where)
        assert (one.users, one.baseline_users) == (mine, base), (tag, value)
        assert one.share == mine / found.size
        assert one.baseline_share == base / found.baseline_size
        assert one.tgi == pytest.approx(mine / found.size / (base / found.baseline_size) * 100)
    assert line(found, "plus", "true").tgi > 150
    assert line(found, "city", "北京 (bj)").label == "城市"


def test_each_tag_adds_up_to_the_pack(folder: Path) -> None:
    found = audience.profile(audience.load(folder), "c/p/fans")
    for tag in ("plus", "age", "value", "city", "joined"):
        own = [each for each in found.lines if each.tag == tag]
        assert sum(each.users for each in own) == found.size, tag
        assert sum(each.baseline_users for each in own) == found.baseline_size, tag


def test_against_another_pack(folder: Path) -> None:
    found = audience.profile(audience.load(folder), "rich", against="fans", tags=["city", "age"])
    assert found.baseline == "fans"
    assert found.baseline_size == counted("plus")
    assert {each.tag for each in found.lines} == {"city", "age"}
    one = line(found, "city", "上海 (sh)")
    assert one.baseline_users == counted("plus AND city = 'sh'")
    mine, rest = (
        counted("value >= 3000 AND city = 'sh'"),
        counted("plus AND NOT value >= 3000 AND city = 'sh'"),
    )
    table = [
        [mine, found.size - mine],
        [rest, counted("plus AND NOT value >= 3000") - rest],
    ]
    assert one.p == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)


def test_by_hand() -> None:
    """30 of 100 in the pack, 60 of 400 in the base, which has the pack: TGI 30 % ÷ 15 % = 200."""
    counts = [Counts("t", "", "v", 30, 60, 30), Counts("t", "", "w", 70, 340, 270)]
    found = profile_of("p", "base", (100, 400, 300, 100), counts)
    one = line(found, "t", "v")
    assert (one.share, one.baseline_share, one.tgi) == (0.3, 0.15, pytest.approx(200))
    assert line(found, "t", "w").tgi == pytest.approx(70 / 85 * 100)


@pytest.mark.parametrize("seed", range(20))
def test_intervals_and_chances_against_scipy(seed: int) -> None:
    draw = np.random.default_rng(seed)
    size, rest = int(draw.integers(20, 500)), int(draw.integers(20, 5_000))
    whole = size + rest
    counts = []
    for number in range(12):
        mine, others = int(draw.integers(1, size)), int(draw.integers(1, rest))
        counts.append(Counts("t", "", str(number), mine, mine + others, others))
    found = profile_of("p", "base", (size, whole, rest, size), counts)
    chances = []
    for each in counts:
        one = line(found, "t", each.value)
        table = [[each.pack, size - each.pack], [each.rest, rest - each.rest]]
        chances.append(stats.chi2_contingency(table, correction=False).pvalue)
        assert one.p == pytest.approx(chances[-1], rel=1e-9, abs=1e-300)
        interval = relative_risk(each.pack, size, each.rest, rest).confidence_interval(0.95)
        inside = size / whole
        for bound, ratio in ((one.low, interval.low), (one.high, interval.high)):
            assert bound == pytest.approx(100 * ratio / (inside * ratio + 1 - inside))
        assert one.low <= one.tgi <= one.high
    corrected = stats.false_discovery_control(chances, method="bh")
    told = {each.value for each in found.lines if each.significant}
    assert told == {each.value for each, p in zip(counts, corrected, strict=True) if p <= 0.05}


@pytest.mark.parametrize("seed", range(20))
def test_intervals_against_a_baseline_that_the_pack_is_no_part_of(seed: int) -> None:
    """Of two packs that share nobody it is scipy's; of others it holds the TGI, and is narrower."""
    draw = np.random.default_rng(seed)
    size, whole = int(draw.integers(50, 500)), int(draw.integers(50, 5_000))
    mine, base = int(draw.integers(1, size)), int(draw.integers(1, whole))
    apart = profile_of("p", "q", (size, whole, whole, 0), [Counts("t", "", "v", mine, base, base)])
    (one,) = apart.lines
    interval = relative_risk(mine, size, base, whole).confidence_interval(0.95)
    assert (one.low, one.high) == pytest.approx((100 * interval.low, 100 * interval.high))
    both = int(draw.integers(1, min(size, whole)))
    common = min(mine, base, both) // 2
    counts = [Counts("t", "", "v", mine, base, base - common)]
    (other,) = profile_of("p", "q", (size, whole, whole - both, both), counts).lines
    assert other.low <= other.tgi <= other.high
    assert other.high - other.low <= one.high - one.low + 1e-9


@pytest.mark.parametrize(
    ("groups", "chances"),
    [((300, 200, 400), (0.3, 0.4, 0.2)), ((0, 300, 3_000), (0.0, 0.1, 0.05))],
    ids=["beside the baseline", "a part of it"],
)
def test_intervals_hold_as_often_as_they_say(
    groups: tuple[int, int, int], chances: tuple[float, float, float]
) -> None:
    """Users of the pack alone, of both, and of the baseline alone, drawn again and again."""
    draw = np.random.default_rng(95)
    alone, both, rest = groups
    expected = [n * p for n, p in zip(groups, chances, strict=True)]
    size, whole = alone + both, both + rest
    true = 100 * (sum(expected[:2]) / size) / (sum(expected[1:]) / whole)
    held = 0
    for _ in range(2_000):
        a, o, r = (int(draw.binomial(n, p)) for n, p in zip(groups, chances, strict=True))
        counts = [Counts("t", "", "v", a + o, o + r, r)]
        (one,) = profile_of("p", "q", (size, whole, rest, both), counts).lines
        held += one.low is not None and one.low <= true <= one.high
    assert 0.94 < held / 2_000 < 0.96


def test_what_cannot_be_computed() -> None:
    counts = [Counts("t", "", "none", 0, 0, 0), Counts("t", "", "all", 10, 10, 0)]
    found = profile_of("p", "base", (10, 10, 0, 10), counts)
    none, every = line(found, "t", "none"), line(found, "t", "all")
    assert (none.tgi, none.p, none.low, none.significant, none.few) == (
        None,
        None,
        None,
        False,
        True,
    )
    assert (every.tgi, every.p, every.low) == (100.0, None, None)
    assert profile_of("p", "base", (0, 0, 0, 0), counts[:1]).lines[0].share is None
    few = profile_of("p", "base", (20, 2_000, 1_980, 20), [Counts("t", "", "v", 2, 40, 38)])
    assert few.lines[0].few


def test_no_difference_is_told_where_there_is_none(folder: Path) -> None:
    """The city has nothing to do with the value: at most chance sets its lines apart."""
    found = audience.profile(audience.load(folder), "rich", tags=["城市"])
    assert [each for each in found.lines if each.significant] == []
    assert line(audience.profile(audience.load(folder), "rich"), "plus", "true").significant


def test_the_command(folder: Path, run: Run) -> None:
    shown = run("profile", "rich", "--top", "5", at=folder)
    assert shown.code == 0
    assert "c/p/rich" in shown.out
    assert "5 of " in shown.out
    for names in ("城市, plus", "城市，plus", "城市、 plus"):
        told = json.loads(run("profile", "rich", "-f", "json", "--tags", names, at=folder).out)
        assert {each["tag"] for each in told["lines"]} == {"city", "plus"}
    rows = list(csv.DictReader(io.StringIO(run("profile", "rich", "-f", "csv", at=folder).out)))
    assert {row["tag"] for row in rows} == set(USERS.columns) - {"user_id"}
    assert {row["few"] for row in rows} <= {"true", "false"}
    assert not (folder / "packs").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("profile", "rihc"), "did you mean rich?"),
        (("profile", "rich", "--against", "none"), "no pack `none`"),
        (("profile", "rich", "--tags", "ctiy"), "no tag `ctiy`; did you mean city?"),
    ],
)
def test_names_that_are_none(folder: Path, run: Run, words: tuple[str, ...], told: str) -> None:
    done = run(*words, at=folder)
    assert (done.code, told in done.err) == (2, True), done.err


def test_a_pack_of_several_files(folder: Path) -> None:
    (folder / "rules/b.yaml").write_text(RULES.replace("phase: p", "phase: q"))
    with pytest.raises(UsageError, match="is not one pack"):
        audience.profile(audience.load(folder), "rich")
    assert audience.profile(audience.load(folder), "c/q/rich").pack == "c/q/rich"
    assert audience.profile(audience.load(folder), "q/rich", against="p/rich").pack == "c/q/rich"
    (folder / "rules/c.yaml").write_text(RULES.replace("campaign: c", "campaign: d"))
    with pytest.raises(UsageError, match="`p/rich` is not one pack: c/p/rich, d/p/rich"):
        audience.profile(audience.load(folder), "p/rich")


def test_what_tells_a_hidden_size_is_hidden(folder: Path) -> None:
    found = audience.profile(audience.load(folder), "rich")
    told = shared_profile(found, frozenset({"size"}))
    assert told["size"] is None
    for line, each in zip(told["lines"], found.lines, strict=True):
        assert line["users"] == each.users
        assert line["baseline_share"] == each.baseline_share
        assert [line[name] for name in ("share", "tgi", "low", "high", "p")] == [None] * 5


@pytest.mark.parametrize("words", [("waterfall", "rich"), ("profile", "rich")])
def test_days_by_name(folder: Path, run: Run, words: tuple[str, ...]) -> None:
    assert run(*words, "--as-of", "yesterday", at=folder).code == 0
    ran = run(*words, "--as-of", "tomorrow", at=folder)
    assert (ran.code, "--as-of `tomorrow`" in ran.err) == (2, True)


def test_small_counts_are_hidden(folder: Path, run: Run) -> None:
    words = ("profile", "rich", "--min-cell", "40", "-f", "json")
    told = json.loads(run(*words, at=folder).out)
    found = audience.profile(audience.load(folder), "rich")
    hidden = hidden_in_profile(found, 40)
    for number, each in enumerate(found.lines):
        if 0 < each.users < 40:
            assert (number, "users") in hidden
            assert told["lines"][number]["users"] is None
            assert told["lines"][number]["tgi"] is None
        if 0 < each.baseline_users - each.users < 40:
            assert {(number, "users"), (number, "baseline")} & hidden
    for tag in ("plus", "age", "value", "city"):
        own = [n for n, each in enumerate(found.lines) if each.tag == tag]
        assert sum((n, "users") in hidden for n in own) != 1
    assert hidden_in_profile(found, 0) == frozenset()
    assert "hidden" in run("profile", "rich", "--min-cell", "40", "--top", "99", at=folder).out
