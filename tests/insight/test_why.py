"""Why a user is in a pack: against SQL and plain Python, and held against the packs themselves."""

from __future__ import annotations

import csv
import io
import itertools
import json
import random
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import audience
from audience.errors import DataError, UsageError
from audience.insight.findings import told
from audience.insight.needs import Need
from audience.insight.reasons import Reason
from audience.insight.why import Why, walk
from support import MakeProject, Run, follows

ROOT = Path(__file__).parents[2]
ENGINES = pytest.mark.parametrize("engine", ["polars", "duckdb"])
DRAW = random.Random(20240301)
N = 120
USERS = pl.DataFrame(
    {
        "user_id": range(N),
        "age": [None if n % 17 == 0 else 12 + n % 60 for n in range(N)],
        "value": [n * 137.25 % 9_000 for n in range(N)],
        "city": [["bj", "sh", "cd"][n % 3] for n in range(N)],
        "plus": [None if n % 11 == 0 else n % 2 == 0 for n in range(N)],
        "joined": [date(2022, 1, 1) + timedelta(days=n * 7) for n in range(N)],
        "likes": [[f"l{k}" for k in range(n % 4)] for n in range(N)],
    }
)
EVENTS = pl.DataFrame(
    [
        {
            "user_id": user,
            "ts": datetime(2023, 11, 20, 3) + timedelta(minutes=DRAW.randrange(100 * 24 * 60)),
            "action": DRAW.choice(["buy", "open"]),
            "amount": None if DRAW.random() < 0.1 else DRAW.randrange(1, 90_000) / 100,
            "shop": DRAW.choice("ab"),
        }
        for user in range(N)
        for _ in range(user % 29)
    ]
).with_columns(pl.col("ts").dt.replace_time_zone("UTC"))
RULES = """\
campaign: c
phase: p
as_of: 2024-02-20
base: {age: 18..}
define:
  near: {城市: [北京, 上海]}
stages:
  life:
    buyers: {label: 买家, where: {did: {event: buy, within: 20d}}}
    openers: {did: {event: open, within: 40d}}
    rest: otherwise
packs:
  rich: {label: 有钱人, where: {value: 5K+, plus: true}}
  spenders:
    where:
      did: {event: buy, where: {shop: a}, within: 30d, times: 2.., sum: {amount: 500..}}
  few: {where: {did: {event: open, within: 60d, times: ..1}}}
  lately: {where: {did: {event: open, last: {within: 10d}}}}
  any_of: {where: {any: [{value: 5K+}, {all: [near], plus: true}]}}
  two_of: {where: {at_least: 2, of: [{value: 5K+}, near, {plus: true}, {joined: {within: 1y}}]}}
  none_of: {where: {not: {any: [near, {value: 3K+}]}}}
  likes: {where: {likes: {has_all: [l0, l1, l2]}}}
  best: {where: {plus: true}, limit: {keep: 9, by: value, order: desc}}
  halves: {where: near, split: {left: 50%, right: 50%}}
  listed: {where: {ids: {path: vip.txt}}}
"""
EXTRA = "tags:\n  city: {label: 城市, values: {北京: bj, 上海: sh, 成都: cd}}\n"


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    folder = make_project(USERS, {"a.yaml": RULES}, EVENTS, EXTRA)
    (folder / "vip.txt").write_text("7\n50\n")
    return folder


def ask(folder: Path, pack: str, user: int | str, **options: Any) -> Why:
    return audience.why(audience.load(folder), pack, user, **options)


def line(found: Why, asked: str) -> Reason:
    (one,) = {each.asked: each for _, each in walk(found.tree) if asked in each.asked}.values()
    return one


def text(found: Why, asked: str) -> str:
    return told(line(found, asked).found, gaps=True)


def needed(needs: tuple[Need, ...]) -> list[Any]:
    """What is missing, choices as lists behind how many of them."""
    return [
        (each.asked, needed(each.choices))
        if each.choices
        else (each.asked if each.must_hold else f"not {each.asked}")
        for each in needs
    ]


def by_sql(query: str) -> list[tuple[Any, ...]]:
    with duckdb.connect() as connection:
        connection.register("users", USERS.to_arrow())
        connection.register("events", EVENTS.to_arrow())
        return connection.execute(query).fetchall()


def check(found: Why, held: bool) -> None:
    assert found.held == held
    assert all(follows(each) for _, each in walk(found.tree))
    assert bool(found.missing) == (not held)
    assert found.whole
    assert found.headline.startswith(f"user {found.user} is {'' if held else 'not '}in")


@pytest.mark.not_on_spark("why at a limit is refused")
@ENGINES
def test_held_is_membership_in_each_pack(folder: Path, engine: str) -> None:
    project = audience.load(folder)
    (result,) = audience.build(project, dry_run=True, engine=engine)
    draw = random.Random(engine)
    for pack in result.packs:
        ids = set(result.ids(pack).to_pylist())
        for user in draw.sample(range(N), 4):
            check(audience.why(project, pack, user, engine=engine, events=2), user in ids)


SHIPPED = audience.load(ROOT)


@pytest.fixture(scope="module")
def shipped() -> dict[str, set[int]]:
    """The ids of each shipped pack."""
    results = audience.build(SHIPPED, dry_run=True, cache=False)
    return {
        f"{result.summary.name}/{pack}": set(result.ids(pack).to_pylist())
        for result in results
        for pack in result.packs
    }


@pytest.mark.soak
def test_held_is_membership_in_each_shipped_pack(shipped: dict[str, set[int]]) -> None:
    draw = random.Random(7)
    assert len(shipped) > 40
    everybody = sorted(set().union(*shipped.values()))
    for number, (name, ids) in enumerate(shipped.items()):
        inside = bool(ids) and number % 2 == 0
        user = draw.choice(sorted(ids)) if inside else draw.choice(everybody)
        try:
            found = audience.why(SHIPPED, name, user, cache=False)
        except UsageError:  # not in the snapshot of the day
            assert user not in ids
            continue
        check(found, user in ids)


SQL = """
WITH counted AS (
    SELECT *, (ts AT TIME ZONE 'Asia/Shanghai')::DATE AS day FROM events
    WHERE action = 'buy' AND shop = 'a'
)
SELECT u.user_id,
    count(*) FILTER (day BETWEEN DATE '2024-01-22' AND DATE '2024-02-20'),
    coalesce(sum(amount) FILTER (day BETWEEN DATE '2024-01-22' AND DATE '2024-02-20'), 0),
    max(day) FILTER (day < DATE '2024-01-22')
FROM users u LEFT JOIN counted c USING (user_id) WHERE u.user_id % 5 = 0 GROUP BY ALL
"""


@ENGINES
def test_measures_and_the_last_before_the_window_against_sql(folder: Path, engine: str) -> None:
    seen = set()
    for user, times, amount, last in by_sql(SQL):
        found = ask(folder, "spenders", user, engine=engine)
        behaviour = line(found, "did buy")
        values = {each.name: each.value for each in behaviour.found if not each.note}
        assert values["times"] == times
        assert values["sum(amount)"] == pytest.approx(amount, abs=1e-9)
        notes = [each.note for each in behaviour.found if each.note]
        if behaviour.held:
            assert notes == []
        elif last is None:
            assert notes == ["none before the window"]
        else:
            count = (date(2024, 1, 22) - last).days
            days = f"{count} day" + ("" if count == 1 else "s")
            assert notes == [f"last on {last}, {days} before the window"]
        if times < 2:
            assert f"times is {times}: {2 - times} short of 2" in told(behaviour.found, gaps=True)
        seen.add((times > 0, last is not None, behaviour.held))
    assert {(True, True, True), (True, True, False), (False, True, False)} <= seen
    assert (False, False, False) in seen


@ENGINES
@pytest.mark.parametrize("most", [0, 1, 3, 50])
def test_the_newest_events_against_sql(folder: Path, engine: str, most: int) -> None:
    for user in (8, 17, 35, 44):
        rows = by_sql(
            "SELECT * FROM (SELECT ts AT TIME ZONE 'Asia/Shanghai' AS ts, action, amount, shop "
            f"FROM events WHERE action = 'buy' AND shop = 'a' AND user_id = {user}) "
            "WHERE ts::DATE BETWEEN DATE '2024-01-22' AND DATE '2024-02-20' "
            f"ORDER BY ts DESC LIMIT {most}"
        )
        found = ask(folder, "spenders", user, engine=engine, events=most)
        counted = line(found, "did buy").counted
        assert counted is not None
        assert rows == [
            (row["ts"].replace(tzinfo=None), row["action"], row["amount"], row["shop"])
            for row in counted
        ]


def test_values_labels_and_gaps(folder: Path) -> None:
    user = 6  # 18 years old, 823.5, bj, plus
    found = ask(folder, "rich", user)
    assert (found.pack, found.label, found.user) == ("c/p/rich", "有钱人", user)
    assert text(found, "age >= 18") == "is 18"
    assert text(found, "value") == "is 823.5: 4,176.5 short of >= 5,000"
    assert text(found, "plus") == "is true"
    assert needed(found.missing) == ["value >= 5000"]
    assert text(ask(folder, "any_of", user), "城市 (city)") == "is bj (北京)"
    assert text(ask(folder, "likes", 10), "likes") == "is [l0, l1] (lacks l2)"
    assert (
        text(ask(folder, "two_of", user), "joined") == "is 2022-02-12: 374 days before the window"
    )


@pytest.mark.parametrize("user", [n for n in range(N) if n % 29 > 9][::15])
def test_too_many_and_days_of_the_last(folder: Path, user: int) -> None:
    ((opens, last),) = by_sql(
        "SELECT count(*) FILTER (day >= DATE '2023-12-23'), max(day) FROM (SELECT "
        "(ts AT TIME ZONE 'Asia/Shanghai')::DATE AS day FROM events WHERE action = 'open' "
        f"AND user_id = {user}) WHERE day <= DATE '2024-02-20'"
    )
    few = text(ask(folder, "few", user), "did open")
    assert few == (f"times is {opens}" if opens <= 1 else f"times is {opens}: {opens - 1} too many")
    count = (date(2024, 2, 11) - last).days
    late = text(ask(folder, "lately", user), "did open")
    ending = f": {count} day{'' if count == 1 else 's'} before the window" if count > 0 else ""
    assert late == f"last is {last}{ending}"


def test_a_missing_value(folder: Path) -> None:
    found = ask(folder, "rich", 17)
    assert text(found, "age >= 18") == "missing"
    assert not line(found, "base").held
    assert "age >= 18" in needed(found.missing)
    assert text(ask(folder, "rich", 11), "plus") == "missing"


def test_what_is_missing_of_sets(folder: Path) -> None:
    near = "城市 (city) in [bj, sh]"
    # 71: 745, cd, not plus, joined in May 2023, 23 years old
    assert needed(ask(folder, "any_of", 71).missing) == [
        ("any of", ["value >= 5000", ("all of", [near, "plus = true"])])
    ]
    found = ask(folder, "two_of", 71)
    assert "1 of 4 hold" in text(found, "at least 2 of")
    assert needed(found.missing) == [("any of", ["value >= 5000", near, "plus = true"])]
    # 111: bj and 6,234.75
    assert needed(ask(folder, "none_of", 111).missing) == [f"not {near}", "not value >= 3000"]


def test_more_than_one_way_is_told_as_one(make_project: MakeProject) -> None:
    rules = """\
campaign: c
phase: p
as_of: 2024-02-20
packs:
  x:
    where:
      at_least: 2
      of: [{a: 1}, {a: 2}, {all: [{b: 1}, {b: ..3}]}, {b: 5}]
  y: {where: {not: {all: [{a: 3}, {b: 4}]}}}
  z: {where: {not: {at_least: 2, of: [{a: 3}, {b: 4}, {b: 4..}]}}}
"""
    folder = make_project([{"user_id": 1, "a": 3, "b": 4}], {"a.yaml": rules})
    assert needed(ask(folder, "x", 1).missing) == [
        ("at least 2 of", ["a = 1", "a = 2", ("all of", ["b = 1", "b <= 3"]), "b = 5"])
    ]
    assert needed(ask(folder, "y", 1).missing) == [("any of", ["not a = 3", "not b = 4"])]
    assert needed(ask(folder, "z", 1).missing) == [
        ("at least 2 of", ["not a = 3", "not b = 4", "not b >= 4"])
    ]


@pytest.mark.not_on_spark("why at a limit is refused")
@ENGINES
def test_the_place_at_a_limit(folder: Path, engine: str) -> None:
    order = [
        row["user_id"]
        for row in USERS.filter((pl.col("age") >= 18) & pl.col("plus"))
        .sort("value", descending=True)
        .to_dicts()
    ]
    for place in (1, 9, 10, len(order)):
        found = ask(folder, "best", order[place - 1], engine=engine)
        beyond = f", {place - 9} beyond the limit" if place > 9 else ""
        assert text(found, "the first 9") == f"place {place} of {len(order)}{beyond}"
        check(found, place <= 9)
        if place > 9:
            assert needed(found.missing) == ["the first 9 by value (greatest first)"]
    out = ask(folder, "best", 53, engine=engine)
    assert needed(out.missing) == ["plus = true"]
    assert text(out, "the first 9") == ""


@pytest.mark.not_on_spark("why at a limit is refused")
def test_a_limit_uses_the_cache_and_others_need_none(folder: Path) -> None:
    ask(folder, "rich", 20)
    ask(folder, "best", 20, cache=False)
    assert not list((folder / ".audience").rglob("*")) or not (folder / ".audience/cache").exists()
    ask(folder, "best", 20)
    assert any((folder / ".audience/cache").iterdir())
    assert not (folder / "packs").exists()


def test_the_stage_that_is_before(folder: Path) -> None:
    (result,) = audience.build(audience.load(folder), dry_run=True)
    inside = {
        name: result.ids(f"life.{name}").to_pylist() for name in ("buyers", "openers", "rest")
    }
    buyer, opener, left = (inside[name][0] for name in inside)
    found = ask(folder, "life.rest", buyer)
    assert [told(each.found) for each in found.missing] == ["is in life.buyers (买家)"]
    assert needed(ask(folder, "life.openers", buyer).missing)[-1] == "none of the stages before:"
    assert [told(each.found) for each in ask(folder, "life.rest", opener).missing] == [
        "is in life.openers"
    ]
    assert ask(folder, "life.rest", left).held


def test_a_stage_of_another_file_has_no_name_here(folder: Path) -> None:
    (folder / "rules/b.yaml").write_text(
        "campaign: c\nphase: q\nas_of: 2024-02-20\npacks: {x: {where: p/life.rest}}\n"
    )
    (result,) = audience.build(audience.load(folder), packs=["life"], dry_run=True)
    found = ask(folder, "x", result.ids("life.openers").to_pylist()[0])
    assert [told(each.found) for each in found.missing] == ["is in stage 2 of these"]
    check(found, False)


def test_the_side_of_a_split(folder: Path) -> None:
    (result,) = audience.build(audience.load(folder), dry_run=True)
    user = result.ids("halves.left").to_pylist()[0]
    found = ask(folder, "c/p/halves.right", user)
    assert needed(found.missing) == ["this side of a split"]
    share = float(text(found, "this side").split("at ")[1].split("%")[0])
    assert 0 <= share < 50
    assert "this side is 50% to 100%" in text(found, "this side")


def test_lists_and_published_packs(folder: Path) -> None:
    assert ask(folder, "listed", 50).held
    assert needed(ask(folder, "listed", 48).missing) == ["ids in vip.txt"]
    audience.build(audience.load(folder))
    (folder / "rules/b.yaml").write_text(
        "campaign: c\nphase: q\nas_of: 2024-03-01\npacks:\n"
        "  x: {where: {published: c/p/listed}}\n"
        "  y: {where: {published: {pack: c/none/x, allow_missing: true}}}\n"
    )
    found = ask(folder, "x", 50)
    assert found.held
    assert text(found, "published") == "read c/p@2024-02-20/listed"
    assert not ask(folder, "x", 51).held
    assert text(ask(folder, "y", 50), "published") == "nothing is published"


@pytest.mark.not_on_spark("why at a limit is refused")
def test_who_is_suppressed(folder: Path) -> None:
    before = ask(folder, "best", 52)
    assert not before.suppressed
    path = folder / "audience.yaml"
    path.write_text(path.read_text() + "suppress:\n  - {path: out.txt}\n")
    (folder / "out.txt").write_text("7\n")
    found = ask(folder, "listed", 7)
    assert found.suppressed
    check(found, False)
    assert needed(found.missing)[0] == "on no suppress list"
    assert not ask(folder, "listed", 50).suppressed
    check(ask(folder, "listed", 50), True)


@pytest.mark.not_on_spark("why at a limit is refused")
def test_who_is_suppressed_takes_no_place_at_a_limit(folder: Path) -> None:
    order = USERS.filter((pl.col("age") >= 18) & pl.col("plus")).sort("value", descending=True)
    first, tenth = order["user_id"][0], order["user_id"][9]
    path = folder / "audience.yaml"
    path.write_text(path.read_text() + "suppress:\n  - {path: out.txt}\n")
    (folder / "out.txt").write_text(f"{first}\n")
    check(ask(folder, "best", tenth), True)
    check(ask(folder, "best", first), False)


@pytest.mark.not_on_spark("why at a limit is refused")
@ENGINES
def test_keys_that_are_texts(make_project: MakeProject, engine: str) -> None:
    users = [{"user_id": f"小{n}", "a": n} for n in range(30)] + [{"user_id": "007", "a": 70}]
    events = [{"user_id": "小3", "ts": datetime(2024, 2, 19), "action": "buy"}]
    rules = """\
campaign: c
phase: p
as_of: 2024-02-20
packs:
  top: {where: {a: 5..}, limit: {keep: 3, by: a, order: desc}}
  did: {where: {did: {event: buy, within: 7d}}}
  ids: {where: {ids: [小3, '007']}}
"""
    folder = make_project(users, {"a.yaml": rules}, events)
    assert (
        text(ask(folder, "top", "小27", engine=engine), "first 3")
        == "place 4 of 26, 1 beyond the limit"
    )
    assert ask(folder, "top", "007", engine=engine).held
    assert ask(folder, "did", "小3", engine=engine).held
    assert ask(folder, "ids", "007", engine=engine).held
    assert not ask(folder, "ids", "小4", engine=engine).held
    with pytest.raises(UsageError, match="no user"):
        ask(folder, "ids", "7", engine=engine)


def test_the_snapshot_of_the_day(folder: Path) -> None:
    (folder / "users.parquet").unlink()
    for day, rows in (("2024-01-01", USERS[:40]), ("2024-02-15", USERS[20:])):
        (folder / f"users/dt={day}").mkdir(parents=True)
        rows.write_parquet(folder / f"users/dt={day}/0.parquet")
    path = folder / "audience.yaml"
    path.write_text(path.read_text().replace("path: users.parquet", "path: users/, snapshot: dt"))
    assert ask(folder, "any_of", 80).snapshot == date(2024, 2, 15)
    with pytest.raises(UsageError, match="no user … in table `users`, as it was on 2024-02-15"):
        ask(folder, "any_of", 5)
    assert ask(folder, "any_of", 5, as_of="2024-02-01").snapshot == date(2024, 1, 1)
    with pytest.raises(UsageError, match="as it was on 2024-01-01"):
        ask(folder, "any_of", 80, as_of="2024-02-01")


def test_a_key_that_stands_twice(make_project: MakeProject) -> None:
    rules = "campaign: c\nphase: p\nas_of: 2024-02-20\npacks: {x: {where: {a: 1}}}\n"
    folder = make_project([{"user_id": 1, "a": 1}] * 2, {"a.yaml": rules})
    with pytest.raises(DataError, match="is not unique: 2 rows"):
        ask(folder, "x", 1)


def test_what_is_infinite(make_project: MakeProject) -> None:
    rules = "campaign: c\nphase: p\nas_of: 2024-02-20\npacks: {x: {where: {a: ..5}}}\n"
    folder = make_project([{"user_id": 1, "a": float("inf")}], {"a.yaml": rules})
    found = ask(folder, "x", 1)
    assert text(found, "a <= 5") == "is inf"
    json.dumps(found.to_dict(), allow_nan=False)


def test_a_tree_without_end_is_cut_off(make_project: MakeProject) -> None:
    names = [
        f"  d{n}: {{all: [d{n - 1}, {{any: [d{n - 1}, {{a: {n}}}]}}]}}\n" for n in range(1, 16)
    ]
    rules = (
        "campaign: c\nphase: p\nas_of: 2024-02-20\ndefine:\n  d0: {a: 0}\n"
        + "".join(names)
        + "packs: {x: {where: d15}}\n"
    )
    folder = make_project([{"user_id": 1, "a": 1}], {"a.yaml": rules})
    found = ask(folder, "x", 1)
    assert not found.whole
    assert not found.held
    assert len(list(walk(found.tree))) < 5_000


KINDS: dict[str, tuple[pl.DataType | type[pl.DataType], st.SearchStrategy[Any]]] = {
    "whole": (pl.Int32, st.integers(-50, 50)),
    "number": (pl.Float64, st.integers(-9_999, 9_999).map(lambda n: n / 100)),
    "single": (pl.Float32, st.integers(-9_999, 9_999).map(lambda n: n / 100)),
    "day": (
        pl.Date,
        st.integers(-99, 99).map(lambda n: date(2024, 1, 1) + timedelta(days=n)),
    ),
}
OPERATORS = ("gt", "gte", "lt", "lte", "eq")


@st.composite
def bounded(draw: st.DrawFn) -> tuple[str, str, Any, Any]:
    kind = draw(st.sampled_from(sorted(KINDS)))
    value, bound = (draw(KINDS[kind][1]) for _ in range(2))
    return kind, draw(st.sampled_from(OPERATORS)), value, bound


def moved(kind: str, value: Any, finding: dict[str, Any]) -> Any:
    """A value changed by the gap that is told; beyond a bound that is not in by a bit more."""
    sign = -1 if finding["beyond"] else 1
    if kind == "day":
        assert finding["unit"] == "days"
        return value + timedelta(days=sign * finding["gap"])
    if kind == "whole":
        assert isinstance(finding["gap"], int)
        return value + sign * finding["gap"]
    return round(value + sign * (finding["gap"] + (0.01 if finding["open"] else 0)), 2)


NUMBERS = itertools.count()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gaps")


def value_asked(place: Path, kind: str, operator: str, value: Any, bound: Any) -> Why:
    folder = place / str(next(NUMBERS))
    (folder / "rules").mkdir(parents=True)
    frame = pl.DataFrame({"user_id": [1], "v": [value]}, schema_overrides={"v": KINDS[kind][0]})
    frame.write_parquet(folder / "users.parquet")
    (folder / "audience.yaml").write_text(
        "time_zone: Asia/Shanghai\ntables:\n  users: {path: users.parquet, key: user_id}\n"
    )
    (folder / "rules/a.yaml").write_text(
        "campaign: c\nphase: p\nas_of: 2024-02-20\npacks:\n"
        f"  x: {{where: {{v: {{{operator}: {bound}}}}}}}\n"
    )
    return ask(folder, "x", 1)


@given(bounded())
@settings(deadline=None, max_examples=60)
def test_a_value_changed_by_its_gap_holds(place: Path, case: tuple[str, str, Any, Any]) -> None:
    kind, operator, value, bound = case
    found = value_asked(place, kind, operator, value, bound)
    compare = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<=", "eq": "=="}[operator]
    assert found.held == eval(f"value {compare} bound", {"value": value, "bound": bound})
    (finding,) = found.to_dict()["tree"]["values"]
    if found.held:
        assert "gap" not in finding
        return
    changed = moved(kind, value, finding)
    assert value_asked(place, kind, operator, changed, bound).held
    if kind != "day" and finding["gap"] > 1:
        less = value + (changed - value) // 2
        assert not value_asked(place, kind, operator, less, bound).held


@given(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6))
@settings(deadline=None, max_examples=30)
def test_a_count_changed_by_its_gap_holds(place: Path, times: int, low: int, more: int) -> None:
    def counted(number: int) -> Why:
        folder = place / str(next(NUMBERS))
        (folder / "rules").mkdir(parents=True)
        pl.DataFrame({"user_id": [1, 2]}).write_parquet(folder / "users.parquet")
        rows = [{"user_id": 1, "ts": datetime(2024, 2, 19), "action": "x"}] * number
        rows += [{"user_id": 2, "ts": datetime(2024, 2, 19), "action": "x"}]
        pl.DataFrame(rows).write_parquet(folder / "events.parquet")
        (folder / "audience.yaml").write_text(
            "tables:\n  users: {path: users.parquet, key: user_id}\n"
            "  events: {path: events.parquet, key: user_id, time: ts, action: action}\n"
        )
        (folder / "rules/a.yaml").write_text(
            "campaign: c\nphase: p\nas_of: 2024-02-20\npacks:\n"
            f"  x: {{where: {{did: {{event: x, within: 7d, times: {low}..{low + more}}}}}}}\n"
        )
        return ask(folder, "x", 1)

    found = counted(times)
    assert found.held == (low <= times <= low + more)
    if not found.held:
        (finding,) = found.to_dict()["tree"]["values"]
        sign = -1 if finding["beyond"] else 1
        assert counted(times + sign * finding["gap"]).held
        assert not counted(times + sign * (finding["gap"] - 1)).held


def test_the_command(folder: Path, run: Run) -> None:
    shown = run("why", "rich", "6", at=folder)
    assert shown.code == 0, shown.err
    assert shown.out.startswith("user 6 is not in c/p/rich as of 2024-02-20  有钱人\n")
    assert "is 823.5: 4,176.5 short of >= 5,000" in shown.out
    as_json = json.loads(run("why", "rich", "6", "-f", "json", at=folder).out)
    assert (as_json["held"], as_json["user"], as_json["as_of"]) == (False, 6, "2024-02-20")
    assert as_json["missing"][0]["asked"] == "value >= 5000"
    assert [part["asked"] for part in as_json["tree"]["parts"]] == ["base", "all of"]
    rows = list(csv.DictReader(io.StringIO(run("why", "rich", "6", "-f", "csv", at=folder).out)))
    assert [(int(row["depth"]), row["held"]) for row in rows] == [
        (0, "false"), (1, "true"), (2, "true"), (1, "false"), (2, "false"), (2, "true"),
    ]  # fmt: skip
    markdown = run("why", "rich", "6", "-f", "markdown", at=folder).out
    assert markdown.startswith("### user 6 is not in c/p/rich as of 2024-02-20")
    indent = "\N{NO-BREAK SPACE}" * 8
    assert f"| {indent}✗ value >= 5000 | is 823.5: 4,176.5 short" in markdown


def test_events_in_the_command(folder: Path, run: Run) -> None:
    user = next(row[0] for row in by_sql(SQL) if row[1] > 1)
    one = run("why", "spenders", user, "--events", "1", at=folder).out
    assert "newest events that counted: did buy where shop = a, within 30d" in one
    assert "newest events" not in run("why", "spenders", user, "--events", "0", at=folder).out
    assert not (folder / "packs").exists()  # and so no log


@pytest.mark.parametrize(
    ("words", "told_words"),
    [
        (("rich", "4000"), "no user 4…0 in table `users`"),
        (("rich", "abcd"), "`a…d` is nobody's id: `user_id` is a whole number"),
        (("rich", "1.5"), "is nobody's id"),
        (("rich", "99999999999999999999"), "is nobody's id"),
        (("rihc", "6"), "no pack `rihc`; did you mean rich?"),
        (("c/p", "6"), "`c/p` is a phase, not a pack; its file is rules/"),
        (("p", "6"), "`p` is a phase, not a pack; its file is rules/"),
        (("life", "6"), "`life` is not one pack: c/p/life.buyers"),
        (("rich", "6", "--as-of", "soon"), "--as-of `soon`"),
        (("rich", "6", "--as-of", "2999-01-01"), "in the future"),
        (("rich", "6", "--var", "x=1"), "x"),
        (("rich", "6", "--engine", "flink"), "no engine `flink`"),
        (("rich", "6", "--events", "-1"), ""),
    ],
)
def test_what_there_is_no_answer_to(
    folder: Path, run: Run, words: tuple[str, ...], told_words: str
) -> None:
    done = run("why", *words, at=folder)
    assert done.code == 2
    assert told_words in done.err
    assert done.out == ""


def test_no_number_of_events_below_none(folder: Path) -> None:
    with pytest.raises(UsageError, match="expected a number from 0"):
        ask(folder, "rich", 6, events=-1)
