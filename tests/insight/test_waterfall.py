"""Waterfalls: every number against SQL written by hand, and what must hold of any rule."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest

import audience
from audience.errors import RuleError, UsageError
from audience.insight.waterfall import Nearby, Step, Waterfall, hidden_in_waterfall
from support import MakeProject, Run

DAY = date(2024, 3, 1)
USERS = pl.DataFrame(
    {
        "user_id": range(1_000),
        "age": [None if n % 11 == 0 else n % 70 for n in range(1_000)],
        "plus": [n % 3 == 0 for n in range(1_000)],
        "city": [["bj", "sh", None, "cd"][n % 4] for n in range(1_000)],
        "joined": [DAY - timedelta(days=n % 100) for n in range(1_000)],
    }
)
EVENTS = pl.DataFrame(
    [
        {
            "user_id": user,
            "ts": datetime(2024, 3, 1, 4) - timedelta(days=(user * 7 + n * 13) % 60),
            "action": ["browse", "buy", "cart"][(user + n) % 3],
            "amount": (user * 31 + n * 17) % 500,
        }
        for user in range(0, 1_000, 2)
        for n in range(user % 6)
    ]
)
RULES = """\
campaign: c
phase: p
as_of: 2024-03-01
base: {age: 5..}
define:
  big: {city: [bj, sh]}
stages:
  life:
    new: {joined: {within: 10d}}
    active: {did: {event: browse, within: 20d}, plus: true}
    rest: otherwise
packs:
  chain: {where: {age: 18..40, plus: true, all: [big], minus: {city: bj}}}
  either: {where: {any: [{age: 60..}, {plus: true}, {city: cd}]}}
  two: {where: {at_least: 2, of: [{age: ..30}, {plus: true}, {city: [sh, cd]}]}}
  buyers: {where: {did: {event: buy, within: 30d, times: 2.., sum: {amount: 300..}}, plus: true}}
  cut: {where: {plus: true, age: 20..}, limit: {keep: 50, by: age, order: desc}}
  halves: {where: {plus: true}, split: {a: 50%, b: 50%}}
  ago: {where: {joined: {ago: 20d..60d}}}
"""
BASE = "age >= 5"
BUYS = """user_id IN (SELECT user_id FROM events WHERE action = 'buy'
    AND (ts + INTERVAL 8 HOUR)::DATE > DATE '2024-03-01' - {days} GROUP BY user_id
    HAVING count(*) >= {times} AND sum(amount) >= {amount})"""


@pytest.fixture(scope="module")
def sql() -> Any:
    with duckdb.connect() as connection:
        connection.register("users", USERS.to_arrow())
        connection.register("events", EVENTS.to_arrow())

        def count(where: str) -> int:
            rows = connection.execute(
                f"SELECT count(*) FROM users WHERE ({BASE}) AND coalesce(({where}), false)"
            ).fetchone()
            assert rows
            return int(rows[0])

        yield count


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    return make_project(USERS, {"a.yaml": RULES}, events=EVENTS)


@pytest.fixture
def found(folder: Path) -> Mapping[str, Waterfall]:
    every = audience.waterfall(audience.load(folder))
    return {each.pack.removeprefix("c/p/"): each for each in every}


def step(waterfall: Waterfall, asked: str) -> Step:
    (one,) = [each for each in waterfall.steps if each.asked == asked]
    return one


def test_conditions_that_hold_one_after_the_other(found: Any, sql: Any) -> None:
    chain = found["chain"]
    parts = ["city IN ('bj', 'sh')", "age >= 18", "age <= 40", "plus", "city IS DISTINCT FROM 'bj'"]
    asked = {
        "big": parts[0],
        "age >= 18": parts[1],
        "age <= 40": parts[2],
        "plus = true": parts[3],
        "not": parts[4],
    }
    assert chain.size == sql(" AND ".join(parts))
    assert chain.base == sql("true")
    before: list[str] = []
    for each in chain.steps:
        if each.after is None:
            continue
        own = asked[each.asked]
        before.append(own)
        assert each.alone == sql(own), each
        assert each.after == sql(" AND ".join(f"coalesce({part}, false)" for part in before))
        others = [part for part in parts if part != own]
        assert each.without == sql(" AND ".join(f"coalesce({part}, false)" for part in others))
    assert len(before) == 5
    assert [each.after for each in chain.steps if each.after is not None][-1] == chain.size
    assert step(chain, "not").only_missing == sql("city IS NULL")


def test_bounds_at_nearby_values(found: Any, sql: Any) -> None:
    chain = found["chain"]
    rest = "plus AND city = 'sh'"
    lower = {n: sql(f"{rest} AND age BETWEEN {n} AND 40") for n in (16, 17, 19, 20)}
    upper = {n: sql(f"{rest} AND age BETWEEN 18 AND {n}") for n in (30, 35, 45, 50)}
    for asked, sizes, sign in (("age >= 18", lower, ">="), ("age <= 40", upper, "<=")):
        expected = [Nearby(f"{sign} {n}", size, size - chain.size) for n, size in sizes.items()]
        assert list(step(chain, asked).nearby) == expected
    ago = found["ago"]
    own = "date_diff('day', joined, DATE '2024-03-01') BETWEEN {} AND {}"
    expected = {f"ago {n}d..60d": sql(own.format(n, 60)) for n in (10, 15, 25, 30)}
    expected |= {f"ago 20d..{n}d": sql(own.format(20, n)) for n in (40, 50, 70, 80)}
    assert {each.change: each.size for each in ago.steps[0].nearby} == expected


def test_behaviour_at_nearby_values(found: Any, sql: Any) -> None:
    buyers = found["buyers"]
    own = {"days": 30, "times": 2, "amount": 300}
    assert buyers.size == sql(f"plus AND {BUYS.format(**own)}")
    (did,) = [each for each in buyers.steps if each.asked.startswith("did ")]
    assert did.alone == sql(BUYS.format(**own))
    expected = {}
    for name, key, text in (
        ("within {}d", "days", (20, 25, 35, 40)),
        ("times {}..", "times", (1, 3, 4)),
        ("sum {}..", "amount", (200, 250, 350, 400)),
    ):
        for value in text:
            expected[name.format(value)] = sql(f"plus AND {BUYS.format(**{**own, key: value})}")
    assert {each.change: each.size for each in did.nearby} == expected


def test_any_and_at_least(found: Any, sql: Any) -> None:
    parts = {"age >= 60": "age >= 60", "plus = true": "plus", "city = cd": "city = 'cd'"}
    for asked, own in parts.items():
        one = step(found["either"], asked)
        others = [part for part in parts.values() if part != own]
        assert one.alone == sql(own)
        assert one.after is None
        assert one.without == sql(" OR ".join(f"coalesce({part}, false)" for part in others))
    two = {
        "age <= 30": "age <= 30",
        "plus = true": "plus",
        "city in [cd, sh]": "city IN ('sh', 'cd')",
    }
    for asked, own in two.items():
        (one,) = [
            each for each in found["two"].steps if each.asked.split(" ")[0] == asked.split(" ")[0]
        ]
        others = [f"coalesce({part}, false)" for part in two.values() if part != own]
        assert one.without == sql(" AND ".join(others))


def test_limits_splits_and_stages_come_after_their_conditions(found: Any, sql: Any) -> None:
    cut = found["cut"]
    assert [each.after for each in cut.steps] == [sql("plus"), sql("plus AND age >= 20"), 50]
    assert cut.steps[-1].asked == "the first 50 by age (greatest first)"
    assert cut.steps[-1].without == sql("plus AND age >= 20")
    assert cut.steps[0].without == 50
    half = found["halves.a"]
    assert half.steps[-1].asked == "this side of the split"
    assert half.steps[-1].without == sql("plus") == found["halves.b"].size + half.size
    active = found["life.active"]
    assert active.steps[-1].asked == "in none of the stages before"
    assert active.steps[-1].after == active.size
    assert active.steps[-1].without == active.steps[-2].after
    assert found["life.rest"].steps[0].asked == "in none of the other stages"


def test_a_waterfall_ends_in_the_packs_size(folder: Path, found: Any) -> None:
    (result,) = audience.build(audience.load(folder), dry_run=True)
    assert {each.name: each.size for each in result.summary.packs} == {
        name: each.size for name, each in found.items()
    }
    for each in found.values():
        remains = [one.after for one in each.steps if one.after is not None]
        assert remains[-1] == each.size
        assert all(one >= other for one, other in itertools.pairwise(remains))


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_engines_agree(folder: Path, found: Any, engine: str) -> None:
    project = audience.load(folder)
    every = audience.waterfall(project, engine=engine, cache=False)
    assert {each.pack: each for each in every} == {each.pack: each for each in found.values()}


@pytest.mark.not_on_spark("it takes minutes; see test_spark")
def test_the_shipped_rules_end_in_their_sizes() -> None:
    project = audience.load(Path(__file__).parents[2])
    results = audience.build(project, dry_run=True)
    sizes = {
        f"{each.summary.name}/{pack.name}": pack.size
        for each in results
        for pack in each.summary.packs
    }
    chosen = [name for name in sizes if name.startswith("mi13-2023/1-")]
    for each in audience.waterfall(project, packs=chosen):
        remains = [one.after for one in each.steps if one.after is not None]
        assert remains[-1] == each.size == sizes[each.pack]


def test_the_command(folder: Path, run: Run) -> None:
    shown = run("waterfall", "chain", at=folder)
    assert shown.code == 0
    assert "c/p/chain" in shown.out
    assert "at nearby bounds" in shown.out
    assert "c/p/either" not in shown.out
    (told,) = json.loads(run("waterfall", "c/p/chain", "-f", "json", at=folder).out)["waterfalls"]
    assert told["size"] == told["steps"][-1]["without"] or told["size"] > 0
    assert run("waterfall", "rules/a.yaml", at=folder).out.count("at nearby bounds") >= 5
    rows = list(csv.DictReader(io.StringIO(run("waterfall", "chain", "-f", "csv", at=folder).out)))
    assert rows[0]["pack"] == "c/p/chain"
    assert [row["change"] for row in rows if row["asked"] == "age >= 18"] == [
        "",
        ">= 16",
        ">= 17",
        ">= 19",
        ">= 20",
    ]
    assert not (folder / "packs").exists()


def test_names_that_are_none(folder: Path, run: Run) -> None:
    done = run("waterfall", "chian", at=folder)
    assert done.code == 2
    assert "did you mean chain?" in done.err
    assert run("waterfall", "rules/none.yaml", at=folder).code == 2
    with pytest.raises(UsageError):
        audience.waterfall(audience.load(folder), packs=["none"])
    (folder / "rules/a.yaml").write_text(RULES.replace("plus: true", "plsu: true"))
    with pytest.raises(RuleError):
        audience.waterfall(audience.load(folder))


def test_small_counts_are_hidden(folder: Path, run: Run, found: Any) -> None:
    markdown = run("waterfall", "chain", "-f", "markdown", "--min-cell", "60", at=folder).out
    assert "hidden" in markdown
    for each in found.values():
        hidden = hidden_in_waterfall(each, 60)
        for number, one in enumerate(each.steps):
            for what in ("alone", "after", "without", "only_missing"):
                count = getattr(one, what)
                if count and count < 60:
                    assert (number, what) in hidden
        assert hidden_in_waterfall(each, 0) == frozenset()
    (told,) = json.loads(
        run("waterfall", "chain", "-f", "json", "--min-cell", "60", at=folder).out
    )["waterfalls"]
    assert None in [one["after"] for one in told["steps"]] + [told["size"]]
