"""Reports: every number against SQL written by hand from the language, and against the commands."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import duckdb
import numpy as np
import polars as pl
import pytest

import audience
from audience.errors import DataError, NotPublishedError, UsageError
from audience.insight.report import Report
from audience.report.language import Language
from audience.report.page import render_page
from support import Run

ROOT = Path(__file__).parents[2]
SVG = "{http://www.w3.org/2000/svg}"
DRAW = np.random.default_rng(20240301)
N = 1_200
FIRST = 7_000_000_000
"""Ids are so long that no count or byte looks like one."""

BEFORE, AS_OF = date(2024, 3, 12), date(2024, 3, 22)
SNAPSHOT = {BEFORE: date(2024, 3, 10), AS_OF: date(2024, 3, 20)}


def user_table(first: int, last: int, moved: int) -> pl.DataFrame:
    """Users of one snapshot; later some have moved, and are older."""
    ids = np.arange(first, last)
    draw = np.random.default_rng(7)
    age, city = draw.integers(15, 70, N)[first:last], draw.integers(0, 3, N)[first:last]
    value, plus = draw.exponential(2_500, N)[first:last], (draw.random(N) < 0.35)[first:last]
    changed = ids % 9 < moved
    return pl.DataFrame(
        {
            "user_id": ids + FIRST,
            "age": [None if n % 41 == 0 else int(a) for n, a in zip(ids, age, strict=True)],
            "city": [f"c{(c + m) % 3}" for c, m in zip(city, changed, strict=True)],
            "value": value * (1 + changed),
            "plus": [None if n % 53 == 0 else bool(p) for n, p in zip(ids, plus, strict=True)],
        }
    )


USERS = {BEFORE: user_table(0, 1_100, 0), AS_OF: user_table(60, N, 1)}
EVENTS = pl.DataFrame(
    [
        {
            "user_id": FIRST + user,
            # Without a zone: local time.
            "ts": datetime(2024, 2, 1, 23, 30) + timedelta(days=int(day)),
            "action": action,
            "amount": float(user % 7 * 100),
        }
        for user in range(N)
        for day, action in zip(
            DRAW.integers(0, 52, user % 6),
            DRAW.choice(["open", "open", "buy"], user % 6),
            strict=True,
        )
    ]
)
PROJECT = """\
tables:
  users: {path: users/, key: user_id, snapshot: dt}
  events: {path: events.parquet, key: user_id, time: ts, action: action}
tags:
  city: {label: 城市, values: {北京: c0, 上海: c1, 成都: c2}}
"""
RULES = """\
campaign: c
phase: p
label: 第一期
vars: {floor: 2000}
base: {age: 18..}
define:
  deep: {value: "${floor}.."}
stages:
  life:
    buyers: {label: 已购, where: {did: {event: buy, within: 20d}}}
    active: {did: {event: open, within: 15d}}
    lost: otherwise
packs:
  rich:
    label: 高价值 ${floor}+
    where: {all: [deep], plus: true}
  openers:
    label: 活跃
    where: {did: {event: open, within: 10d, times: 2..}}
  top:
    label: 头部
    where: {city: [北京, 上海]}
    limit: {keep: 100, by: value}
"""
PACKS = ["rich", "openers", "top", "life.buyers", "life.active", "life.lost"]
SQL = """
CREATE TABLE days AS FROM (VALUES
    (DATE '2024-03-12', DATE '2024-03-10'), (DATE '2024-03-22', DATE '2024-03-20')
) AS d(day, dt);
CREATE TABLE base AS SELECT day, u.* FROM days JOIN users u USING (dt) WHERE age >= 18;
CREATE TABLE seen AS SELECT user_id, action, ts::DATE AS local FROM events;
CREATE TABLE done AS SELECT day, b.user_id,
    count(*) FILTER (action = 'buy' AND local BETWEEN day - 19 AND day) AS buys,
    count(*) FILTER (action = 'open' AND local BETWEEN day - 14 AND day) AS opens,
    count(*) FILTER (action = 'open' AND local BETWEEN day - 9 AND day) AS lately,
    count(*) FILTER (action = 'buy' AND local <= day) AS ever
FROM base b LEFT JOIN seen s ON b.user_id = s.user_id GROUP BY ALL;
CREATE TABLE member AS
    SELECT day, 'rich' AS pack, user_id FROM base WHERE value >= 2000 AND plus
    UNION ALL SELECT day, 'openers', user_id FROM done WHERE lately >= 2
    UNION ALL SELECT day, 'top', user_id FROM (
        SELECT *, row_number() OVER (PARTITION BY day ORDER BY value DESC) AS place
        FROM base WHERE city IN ('c0', 'c1')
    ) WHERE place <= 100
    UNION ALL SELECT day, CASE WHEN buys > 0 THEN 'life.buyers' WHEN opens > 0 THEN 'life.active'
        ELSE 'life.lost' END, user_id FROM done;
"""


@pytest.fixture(scope="module")
def sql() -> Iterator[duckdb.DuckDBPyConnection]:
    users = pl.concat(frame.with_columns(dt=pl.lit(SNAPSHOT[day])) for day, frame in USERS.items())
    with duckdb.connect() as connection:
        connection.register("users", users.to_arrow())
        connection.register("events", EVENTS.to_arrow())
        connection.execute(SQL)
        yield connection


def made(root: Path) -> Path:
    for day, users in USERS.items():
        folder = root / f"users/dt={SNAPSHOT[day]}"
        folder.mkdir(parents=True)
        users.write_parquet(folder / "0.parquet")
    EVENTS.write_parquet(root / "events.parquet")
    (root / "audience.yaml").write_text(PROJECT)
    (root / "rules").mkdir()
    (root / "rules/a.yaml").write_text(RULES)
    return root


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project with a build of ten days before."""
    root = made(tmp_path / "project")
    audience.build(audience.load(root), as_of=BEFORE)
    return root


def rows(sql: duckdb.DuckDBPyConnection, query: str, **values: Any) -> list[tuple[Any, ...]]:
    return sql.execute(query, values or None).fetchall()


def number(sql: duckdb.DuckDBPyConnection, query: str, **values: Any) -> int:
    ((found,),) = rows(sql, query, **values)
    return int(found)


def sizes(sql: duckdb.DuckDBPyConnection, day: date) -> dict[str, int]:
    query = "SELECT pack, count(*) FROM member WHERE day = $day GROUP BY ALL"
    return dict(rows(sql, query, day=day))


def told(root: Path, subject: str = "rules/a.yaml", **options: Any) -> Report:
    path = root / subject
    if path.suffix == ".yaml":
        options.setdefault("as_of", AS_OF)
    return audience.report_on(
        audience.load(root), path if path.suffix == ".yaml" else subject, **options
    )


# Every number against SQL.


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_headlines(folder: Path, sql: duckdb.DuckDBPyConnection, engine: str) -> None:
    found = told(folder, engine=engine)
    now, then = sizes(sql, AS_OF), sizes(sql, BEFORE)
    base = number(sql, "SELECT count(*) FROM base WHERE day = $day", day=AS_OF)
    heads = found.headlines.found
    assert (heads.base, heads.suppressed) == (base, 0)
    assert {each.pack: each.size for each in heads.packs} == now
    assert {each.pack: each.before for each in heads.packs} == then
    assert {each.before_as_of for each in heads.packs} == {BEFORE}
    for each in heads.packs:
        assert each.share == now[each.pack] / base
    assert min(now.values()) > 20
    assert (found.name, found.label, found.as_of) == ("c/p", "第一期", AS_OF)
    labels = {each.pack: each.label for each in heads.packs}
    assert (labels["rich"], labels["life.buyers"]) == ("高价值 2000+", "已购")


STEPS: dict[str, list[tuple[str, str | None, str | None]]] = {
    # Each condition: for whom it holds, who is left, and the pack without it.
    "rich": [
        ("value >= 2000", "value >= 2000", "plus"),
        ("value >= 2000", None, "plus"),
        ("plus", "value >= 2000 AND plus", "value >= 2000"),
    ],
    "openers": [("lately >= 2", "lately >= 2", None)],
    "top": [
        ("city IN ('c0', 'c1')", "city IN ('c0', 'c1')", "top100"),
        ("top100", None, "city IN ('c0', 'c1')"),
    ],
    "life.buyers": [("buys > 0", "buys > 0", None), ("buys > 0", "buys > 0", "buys > 0")],
    "life.active": [
        ("opens > 0", "opens > 0", None),
        ("buys = 0 AND opens > 0", "buys = 0 AND opens > 0", "opens > 0"),
    ],
    "life.lost": [("buys = 0 AND opens = 0", "buys = 0 AND opens = 0", None)],
}


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_waterfalls(folder: Path, sql: duckdb.DuckDBPyConnection, engine: str) -> None:
    found = told(folder, engine=engine)
    base = number(sql, "SELECT count(*) FROM base WHERE day = $day", day=AS_OF)

    def count(where: str | None) -> int | None:
        if where is None:
            return None
        query = (
            "SELECT count(*) FROM base JOIN done USING (day, user_id) LEFT JOIN (SELECT day, "
            "user_id, true AS top100 FROM member WHERE pack = 'top') USING (day, user_id) "
            f"WHERE day = $day AND coalesce({where}, false)"
        )
        return number(sql, query, day=AS_OF)

    now = sizes(sql, AS_OF)
    for part in found.waterfalls:
        pack = part.found.pack.removeprefix("c/p/")
        assert (part.found.base, part.found.size) == (base, now[pack])
        expected = [tuple(map(count, step)) for step in STEPS[pack]]
        mine = [(step.alone, step.after, step.without) for step in part.found.steps]
        if pack == "top":
            # The limit, and the pack without the tag: the first hundred of everybody.
            assert mine[1] == (100, 100, expected[1][2])
            assert (mine[0][:2], mine[0][2]) == (expected[0][:2], 100)
            continue
        assert mine == expected, pack
        assert [step.only_missing for step in part.found.steps] == [0] * len(mine)
        assert all(step.nearby == () for step in part.found.steps)
    assert {part.found.pack for part in found.waterfalls} == {f"c/p/{pack}" for pack in PACKS}


def test_overlaps(folder: Path, sql: duckdb.DuckDBPyConnection) -> None:
    part = told(folder).overlaps
    assert part is not None
    found = part.found
    base = number(sql, "SELECT count(*) FROM base WHERE day = $day", day=AS_OF)
    now = sizes(sql, AS_OF)
    assert (found.base, {each.name: each.size for each in found.packs}) == (base, now)
    query = (
        "SELECT a.pack, b.pack, count(*) FROM member a JOIN member b USING (day, user_id) "
        "WHERE day = $day AND a.pack != b.pack GROUP BY ALL"
    )
    common = {(one, other): n for one, other, n in rows(sql, query, day=AS_OF)}
    assert len(found.pairs) == 15
    for pair in found.pairs:
        both = common.get((pair.one, pair.other), 0)
        left, right = now[pair.one], now[pair.other]
        assert pair.both == both
        assert (pair.of_one, pair.of_other) == (both / left, both / right)
        assert pair.jaccard == both / (left + right - both)
        assert pair.lift == pytest.approx(both / base / (left / base * right / base))
    query = (
        "SELECT packs, count(*) FROM (SELECT list_sort(list(pack)) AS packs FROM member "
        "WHERE day = $day GROUP BY user_id) GROUP BY ALL"
    )
    regions = {tuple(packs): n for packs, n in rows(sql, query, day=AS_OF)}
    assert {tuple(sorted(each.packs)): each.users for each in found.regions} == regions
    assert [each.users for each in found.regions] == sorted(regions.values(), reverse=True)
    assert found.outside == base - sum(regions.values()) == 0


def value_tests() -> dict[tuple[str, str], str]:
    """What the lines of the profiles say; numbers are in the quantiles of the whole table."""
    out = {
        ("city", "北京 (c0)"): "city = 'c0'",
        ("city", "上海 (c1)"): "city = 'c1'",
        ("city", "成都 (c2)"): "city = 'c2'",
        ("plus", "true"): "plus",
        ("plus", "false"): "NOT plus",
        ("plus", "(missing)"): "plus IS NULL",
        ("age", "(missing)"): "age IS NULL",
    }
    for column in ("age", "value"):
        known = USERS[AS_OF][column].drop_nulls().sort()
        low = None
        for share in (0.25, 0.5, 0.75, 0.9, None):
            edge = None if share is None else known[round(share * (len(known) - 1))]
            texts, tests = [], []
            if low is not None:
                texts.append(f"> {low:,}")
                tests.append(f"{column} > {low!r}")
            if edge is not None:
                texts.append(f"<= {edge:,}")
                tests.append(f"{column} <= {edge!r}")
            out[column, " and ".join(texts)] = " AND ".join(tests)
            low = edge
    return out


def counted_lines(
    sql: duckdb.DuckDBPyConnection, pack: str
) -> dict[tuple[str, str], tuple[int, int, int]]:
    """Of each line users of the pack, those of them who ever bought, and users of the base."""
    out = {}
    for line, where in value_tests().items():
        query = (
            "SELECT count(*) FILTER (m.pack IS NOT NULL), "
            "count(*) FILTER (m.pack IS NOT NULL AND ever > 0), count(*) "
            "FROM base JOIN done USING (day, user_id) LEFT JOIN (FROM member WHERE pack = $pack) m "
            f"USING (day, user_id) WHERE day = $day AND {where}"
        )
        (out[line],) = rows(sql, query, day=AS_OF, pack=pack)
    # That a value is missing is told where it is.
    return {line: counts for line, counts in out.items() if line[1] != "(missing)" or counts[2]}


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_profiles(folder: Path, sql: duckdb.DuckDBPyConnection, engine: str) -> None:
    base = number(sql, "SELECT count(*) FROM base WHERE day = $day", day=AS_OF)
    found = told(folder, engine=engine)
    assert [part.found.pack for part in found.profiles] == [
        each.pack for each in found.headlines.found.packs
    ]
    for part in found.profiles:
        profile, size = part.found, sizes(sql, AS_OF)[part.found.pack]
        assert (profile.size, profile.baseline_size) == (size, base)
        expected = counted_lines(sql, profile.pack)
        assert {(line.tag, line.value) for line in profile.lines} == expected.keys()
        for line in profile.lines:
            users, _, whole = expected[line.tag, line.value]
            assert (line.users, line.baseline_users) == (users, whole)
            assert (line.share, line.baseline_share) == (users / size, whole / base)
            tgi = 100 * (users / size) / (whole / base) if whole else None
            assert line.tgi == (None if tgi is None else pytest.approx(tgi))
            assert line.label == ("城市" if line.tag == "city" else "")


GOAL = "{did: {event: buy}}"


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_conversions(folder: Path, sql: duckdb.DuckDBPyConnection, engine: str) -> None:
    assert told(folder).conversions == ()
    found = told(folder, goal=GOAL, engine=engine).conversions
    assert {part.found.source for part in found} == set(PACKS)
    for part in found:
        one = part.found
        query = (
            "SELECT count(*), count(*) FILTER (ever > 0) FROM member "
            "JOIN done USING (day, user_id) WHERE day = $day AND pack = $pack"
        )
        ((users, did),) = rows(sql, query, day=AS_OF, pack=one.source)
        assert (one.rate.of, one.rate.users, one.rate.rate) == (users, did, did / users)
        assert (one.target, one.as_of, one.period, one.first) == (GOAL, AS_OF, "", None)
        expected = counted_lines(sql, one.source)
        assert {(line.tag, line.value) for line in one.lines} == expected.keys()
        for line in one.lines:
            mine, bought, _ = expected[line.tag, line.value]
            assert (line.rate.of, line.rate.users) == (mine, bought)
            if mine - bought and did:
                tgi = 100 * (bought / did) / ((mine - bought) / (users - did))
                assert line.tgi == pytest.approx(tgi)


MOVED = """
SELECT coalesce(a.pack, 'life.')[6:], coalesce(b.pack, 'life.')[6:], count(*)
FROM (FROM member WHERE day = $start AND pack LIKE 'life.%') a
FULL JOIN (FROM member WHERE day = $end AND pack LIKE 'life.%') b ON a.user_id = b.user_id
GROUP BY ALL
"""


def test_flows_are_between_the_last_build_and_this_day(
    folder: Path, sql: duckdb.DuckDBPyConnection
) -> None:
    ((stages, found),) = [(each.stages, each.flow.found) for each in told(folder).flows]
    assert (stages, found.start, found.end) == ("life", BEFORE, AS_OF)
    cells = {(one, other): n for one, row in found.moved.items() for other, n in row.items() if n}
    expected = {(one, other): n for one, other, n in rows(sql, MOVED, start=BEFORE, end=AS_OF)}
    assert cells == expected
    assert len(cells) == 15
    for side, day in ((found.before, BEFORE), (found.after, AS_OF)):
        assert {f"life.{name}": n for name, n in side.items()} == {
            pack: n for pack, n in sizes(sql, day).items() if pack.startswith("life.")
        }


def test_reasons_add_up(folder: Path, sql: duckdb.DuckDBPyConnection) -> None:
    part = told(folder).reasons
    assert part is not None
    query = (
        "SELECT count(*) FILTER (b.user_id IS NOT NULL), count(*) FILTER (b.user_id IS NULL) "
        "FROM (FROM member WHERE day = $one AND pack = $pack) a "
        "LEFT JOIN (FROM member WHERE day = $other AND pack = $pack) b USING (user_id)"
    )
    assert {each.pack for each in part.found.packs} == set(PACKS)
    for each in part.found.packs:
        ((kept, removed),) = rows(sql, query, one=BEFORE, other=AS_OF, pack=each.pack)
        ((same, added),) = rows(sql, query, one=AS_OF, other=BEFORE, pack=each.pack)
        assert kept == same == each.kept
        assert (each.removed, each.added) == (removed, added)
        assert (each.old_size, each.new_size) == (kept + removed, kept + added)
        assert sum(cause.added for cause in each.causes) == added
        assert sum(cause.removed for cause in each.causes) == removed
    (rich,) = [each for each in part.found.packs if each.pack == "rich"]
    left = (
        "SELECT count(*) FROM member a WHERE day = $one AND pack = 'rich' AND NOT EXISTS "
        "(FROM users u WHERE u.user_id = a.user_id AND dt = DATE '2024-03-20')"
    )
    (gone,) = [cause.removed for cause in rich.causes if cause.kind == "left"]
    assert gone == number(sql, left, one=BEFORE)
    entered = (
        "SELECT count(*) FROM member a WHERE day = $one AND pack = 'rich' AND NOT EXISTS "
        "(FROM users u WHERE u.user_id = a.user_id AND dt = DATE '2024-03-10')"
    )
    (come,) = [cause.added for cause in rich.causes if cause.kind == "entered"]
    assert come == number(sql, entered, one=AS_OF)


def test_provenance(folder: Path) -> None:
    found = told(folder, variables={"floor": "2500"}).provenance
    (text,) = found.rules
    assert (text.path, text.text) == ("rules/a.yaml", RULES)
    assert text.variables == (("floor", "2500"),)
    assert found.snapshot == SNAPSHOT[AS_OF]
    inputs = {each.table: each for each in found.inputs}
    paths = {"users": "users/dt=2024-03-20/0.parquet", "events": "events.parquet"}
    for table, path in paths.items():
        assert (inputs[table].files, inputs[table].bytes) == (1, (folder / path).stat().st_size)
    # The longest window is of 20 days, that day included.
    assert (inputs["events"].first, inputs["events"].last) == (AS_OF - timedelta(19), AS_OF)
    assert (inputs["users"].first, inputs["users"].last) == (None, None)


def by_day(folder: Path, first: date, days: int) -> None:
    """Events in a folder a day, in either form of a day."""
    for number in range(days):
        day = first + timedelta(days=number)
        place = folder / f"dt={day:%Y%m%d}" if number % 2 else folder / f"dt={day}"
        place.mkdir(parents=True)
        own = EVENTS.head(5).with_columns(ts=pl.lit(datetime(day.year, day.month, day.day, 9)))
        own.write_parquet(place / "0.parquet")


@pytest.mark.parametrize("published", [False, True])
def test_what_only_the_goal_reads_is_among_the_inputs(folder: Path, published: bool) -> None:
    """A table of its own, in a folder a day, and days before those of the packs."""
    by_day(folder / "visits", AS_OF - timedelta(12), 20)
    table = "  visits: {path: visits/, key: user_id, time: ts, action: action, day: dt}\ntags:"
    (folder / "audience.yaml").write_text(PROJECT.replace("tags:", table))
    (folder / "rules/a.yaml").write_text(RULES.replace("{event:", "{in: events, event:"))
    subject = "rules/a.yaml"
    if published:
        audience.build(audience.load(folder), as_of=AS_OF)
        subject = f"c/p@{AS_OF}"
    goals = (
        "{did: {in: visits, within: 9d}}",
        "{did: {in: events, within: 30d}}",
    )

    def inputs(goal: str | None) -> dict[str, Any]:
        found = told(folder, subject, goal=goal).provenance.inputs
        return {each.table: each for each in found}

    assert inputs(None).keys() == {"users", "events"}
    visited = inputs(goals[0])["visits"]
    assert (visited.files, visited.first, visited.last) == (9, AS_OF - timedelta(8), AS_OF)
    assert inputs(goals[1])["events"].first == AS_OF - timedelta(29)


@pytest.mark.parametrize("published", [False, True])
def test_published_packs_that_only_the_goal_reads(folder: Path, published: bool) -> None:
    subject = f"c/p@{BEFORE}" if published else "rules/a.yaml"
    (folder / "rules/b.yaml").write_text(
        "campaign: c\nphase: q\npacks: {all: {where: {age: 0..}}}\n"
    )
    audience.build(audience.load(folder), folder / "rules/b.yaml", as_of=BEFORE)
    assert told(folder, subject).provenance.lists == ()
    found = told(folder, subject, goal="{published: c/q/all}")
    assert found.provenance.lists == (f"c/q@{BEFORE}/all",)
    assert f"c/q@{BEFORE}/all" in render_page(found)


@pytest.mark.parametrize("published", [False, True])
def test_days_are_those_of_the_files_read(tmp_path: Path, published: bool) -> None:
    """Of windows that are open, or that begin before the first day there is."""
    root = made(tmp_path / "project")
    (root / "events.parquet").unlink()
    by_day(root / "events", AS_OF - timedelta(12), 20)
    text = PROJECT.replace("events.parquet,", "events/, day: dt,")
    (root / "audience.yaml").write_text(text)
    for window in ("", ", within: 60d"):
        rule = f"campaign: c\nphase: p\npacks: {{a: {{where: {{did: {{event: open{window}}}}}}}}}\n"
        (root / "rules/a.yaml").write_text(rule)
        if published:
            audience.build(audience.load(root), as_of=AS_OF)
        found = told(root, f"c/p@{AS_OF}" if published else "rules/a.yaml", tags=["plus"])
        (_, events) = found.provenance.inputs
        assert (events.files, events.first, events.last) == (13, AS_OF - timedelta(12), AS_OF)


def test_a_report_knows_its_language(folder: Path) -> None:
    page = render_page(told(folder, lang="zh"))
    assert '<html lang="zh-CN">' in page
    assert page == render_page(told(folder, lang="zh"), "zh")
    assert '<html lang="en">' in render_page(told(folder, lang="zh"), "en")
    with pytest.raises(UsageError, match="no language `fr`"):
        render_page(told(folder), "fr")


# The same numbers as the commands give alone.


def test_the_parts_are_what_the_commands_say(folder: Path) -> None:
    project, rules = audience.load(folder), [folder / "rules/a.yaml"]
    found = told(folder)
    audience.build(project, rules, as_of=AS_OF)
    for part, alone in zip(
        found.waterfalls, audience.waterfall(project, rules, as_of=AS_OF), strict=True
    ):
        # A place in the rules is told as the project names it, wherever the command is run.
        steps = tuple(
            replace(step, nearby=(), at=step.at.removeprefix(f"{folder}/")) for step in alone.steps
        )
        assert part.found == replace(alone, steps=steps)
    assert found.overlaps is not None
    assert found.overlaps.found == audience.overlap(project, [f"c/p@{AS_OF}"])
    for profile in found.profiles:
        own = audience.profile(project, f"c/p/{profile.found.pack}", as_of=AS_OF)
        assert profile.found.lines == own.lines[:40]
        assert (profile.found.size, profile.found.baseline_size) == (own.size, own.baseline_size)
    (flow,) = audience.flow(project, "life", BEFORE, AS_OF)
    assert [each.flow.found for each in found.flows] == [flow]
    causes = audience.reasons(project, audience.diff(project, f"c/p@{BEFORE}", f"c/p@{AS_OF}"))
    assert found.reasons is not None
    assert found.reasons.found.packs == causes.packs


def order(found: Report) -> list[str]:
    return [each.pack for each in found.headlines.found.packs]


SHIPPED = """
CREATE TABLE users AS FROM read_parquet('{root}/fixtures/users/dt=2023-06-15/*.parquet');
CREATE TABLE events AS SELECT *, ts::DATE AS local
    FROM read_parquet('{root}/fixtures/events/*/*.parquet') WHERE ts::DATE <= DATE '2023-06-18'
    AND user_id IS NOT NULL;
CREATE TABLE base AS FROM users WHERE registered <= DATE '2023-06-11';
CREATE TABLE phones AS FROM events WHERE category = 'phone';
CREATE TABLE ours AS FROM phones WHERE brand IN ('Xiaomi', 'Redmi');
CREATE TABLE owner AS SELECT user_id FROM base WHERE device_brand IN ('Xiaomi', 'Redmi')
    UNION SELECT user_id FROM ours WHERE action = 'buy';
CREATE TABLE seen AS SELECT DISTINCT user_id FROM ours
    WHERE action IN ('browse', 'search', 'cart') AND local >= DATE '2023-05-20';
CREATE TABLE house AS SELECT user_id FROM base WHERE ecosystem_devices >= 1
    UNION SELECT user_id FROM events WHERE action = 'buy' AND local >= DATE '2023-04-20'
        AND brand IN ('Xiaomi', 'Redmi', 'Mijia') AND coalesce(category, '') != 'phone';
CREATE TABLE looks AS FROM phones WHERE action = 'browse' AND local >= DATE '2023-05-20';
CREATE TABLE member AS
SELECT 'mi_phone_regulars' AS pack, user_id FROM base
    WHERE user_id IN (FROM owner) AND user_id IN (FROM seen) AND user_id NOT IN (
        SELECT user_id FROM ours WHERE action = 'buy' AND local >= DATE '2023-06-05')
UNION ALL SELECT 'ecosystem_regulars', user_id FROM base
    WHERE user_id IN (FROM house) AND user_id IN (FROM seen) AND user_id NOT IN (FROM owner)
UNION ALL SELECT 'rival_newcomers', user_id FROM base
    WHERE device_brand IN ('Huawei', 'Honor', 'OPPO', 'vivo', 'Apple', 'Samsung')
    AND user_id IN (SELECT user_id FROM phones WHERE action IN ('browse', 'cart')
        AND local >= DATE '2023-05-20' AND coalesce(brand, '') NOT IN ('Xiaomi', 'Redmi')
        GROUP BY user_id HAVING count(*) >= 3)
    AND user_id NOT IN (SELECT user_id FROM events
        WHERE action = 'buy' AND brand IN ('Xiaomi', 'Redmi', 'Mijia'))
    AND user_id NOT IN (FROM house)
UNION ALL SELECT 'category_newcomers', user_id FROM base
    WHERE user_id IN (SELECT user_id FROM phones WHERE action IN ('browse', 'search')
        AND local BETWEEN DATE '2023-06-05' AND DATE '2023-06-18')
    AND user_id NOT IN (SELECT user_id FROM phones WHERE action = 'buy')
    AND user_id NOT IN (FROM owner)
UNION ALL SELECT 'cart_waiting', user_id FROM base
    WHERE user_id IN (SELECT user_id FROM phones WHERE action = 'cart' AND brand = 'Xiaomi'
        AND price BETWEEN 3500 AND 6500 AND local >= DATE '2023-05-23')
    AND user_id NOT IN (
        SELECT user_id FROM phones WHERE action = 'buy' AND local >= DATE '2023-05-23')
UNION ALL SELECT 'undecided', user_id FROM base
    WHERE user_id IN (SELECT user_id FROM looks GROUP BY user_id
        HAVING count(DISTINCT local) >= 4 AND count(DISTINCT sku) >= 5)
    AND user_id NOT IN (
        SELECT user_id FROM phones WHERE action = 'buy' AND local >= DATE '2023-05-20')
UNION ALL SELECT 'high_end_eye', user_id FROM base
    WHERE user_id IN (SELECT user_id FROM looks GROUP BY user_id
        HAVING count(*) >= 2 AND avg(price) >= 3500 AND min(price) >= 1000)
UNION ALL SELECT 'sale_big_baskets', user_id FROM base
    WHERE user_id IN (SELECT user_id FROM events WHERE action = 'buy'
        AND local BETWEEN DATE '2023-05-23' AND DATE '2023-06-18' GROUP BY user_id
        HAVING count(DISTINCT order_id) >= 2 AND sum(amount) >= 5000 AND min(amount) >= 20);
"""


def test_the_shipped_campaign() -> None:
    rules = ROOT / "rules/mi13-2023/3-convert.yaml"
    tags = ["city_tier", "plus", "device_brand", "interests"]
    found = audience.report_on(audience.load(ROOT), rules, tags=tags, cache=False)
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'Asia/Shanghai'")
        connection.execute(SHIPPED.format(root=ROOT))
        base = number(connection, "SELECT count(*) FROM base")
        members = dict(rows(connection, "SELECT pack, count(*) FROM member GROUP BY ALL"))
        heads = found.headlines.found
        assert (heads.base, {each.pack: each.size for each in heads.packs}) == (base, members)
        for part in found.profiles:
            pack = part.found.pack
            for line in part.found.lines:
                stored = line.value.rpartition("(")[2].rstrip(")")
                test = {
                    "(missing)": f"{line.tag} IS NULL",
                    "true": line.tag,
                    "false": f"NOT {line.tag}",
                }.get(line.value, f"{line.tag} = '{stored}'")
                if line.tag == "interests" and line.value != "(missing)":
                    test = f"list_contains(interests, '{stored}')"
                query = (
                    "SELECT count(*), count(*) FILTER (user_id IN (SELECT user_id FROM member "
                    f"WHERE pack = '{pack}')) FROM base WHERE {test}"
                )
                ((whole, inside),) = rows(connection, query)
                assert (line.users, line.baseline_users) == (inside, whole), (pack, line)
    assert len(heads.packs) == 8
    assert {line.tag for line in found.profiles[0].found.lines} == set(tags)


# A published build.


def test_a_build_is_told_as_its_rules_are(folder: Path) -> None:
    now = told(folder)
    audience.build(audience.load(folder), as_of=AS_OF)
    assert told(folder, f"c/p@{AS_OF}") == now
    assert told(folder, "c/p") == now


@pytest.mark.parametrize("change", ["deleted", "edited"])
def test_a_build_keeps_its_rules(folder: Path, change: str) -> None:
    audience.build(audience.load(folder), as_of=AS_OF, variables={"floor": "2500"})
    before = told(folder, "c/p")
    assert before.provenance.rules[0].variables == (("floor", "2500"),)
    assert before.headlines.found.packs[3].label == "高价值 2500+"
    if change == "deleted":
        (folder / "rules/a.yaml").unlink()
    else:
        (folder / "rules/a.yaml").write_text(RULES.replace("times: 2..", "times: 1.."))
    assert told(folder, "c/p") == before


def test_a_build_over_tables_that_changed_says_so(
    folder: Path, sql: duckdb.DuckDBPyConnection
) -> None:
    audience.build(audience.load(folder), as_of=AS_OF)
    assert told(folder, "c/p").warnings == ()
    users = USERS[AS_OF].filter(pl.col("plus").is_null() | ~pl.col("plus"))
    users.write_parquet(folder / f"users/dt={SNAPSHOT[AS_OF]}/0.parquet")
    found = told(folder, "c/p")
    size = sizes(sql, AS_OF)["rich"]
    (line,) = [each for each in found.warnings if each.startswith("rich ")]
    assert line.startswith(f"rich was published with {size:,} users; its rules give 0 ")
    assert [each.size for each in found.headlines.found.packs if each.pack == "rich"] == [0]


def test_a_snapshot_that_is_gone(folder: Path) -> None:
    audience.build(audience.load(folder), as_of=AS_OF)
    (folder / "users/dt=2024-03-20/0.parquet").rename(folder / "away.parquet")
    (folder / "users/dt=2024-03-20").rmdir()
    with pytest.raises(DataError, match=r"snapshot of 2024-03-20 .* is gone"):
        told(folder, f"c/p@{AS_OF}")


@pytest.mark.parametrize(
    ("subject", "packs", "expected"),
    [
        ("c/p/rich", (), ["rich"]),
        (f"c/p@{AS_OF}/top", (), ["top"]),
        ("c/p", ("rich", "c/p/top"), ["rich", "top"]),
        ("c/p", ("life",), ["life.buyers", "life.active", "life.lost"]),
        ("rules/a.yaml", ("rich", "c/p/top"), ["rich", "top"]),
        ("rules/a.yaml", ("life",), ["life.buyers", "life.active", "life.lost"]),
    ],
)
def test_some_packs(
    folder: Path, subject: str, packs: tuple[str, ...], expected: list[str]
) -> None:
    audience.build(audience.load(folder), as_of=AS_OF)
    found = told(folder, subject, packs=packs)
    assert order(found) == expected
    assert [part.found.pack for part in found.profiles] == expected
    assert [part.found.pack for part in found.waterfalls] == [f"c/p/{name}" for name in expected]
    assert bool(found.flows) == (packs == ("life",))
    assert (found.overlaps is not None) == (len(expected) == 2)
    assert found.reasons is not None
    assert {each.pack for each in found.reasons.found.packs} == set(expected)


def test_since_a_day(folder: Path, sql: duckdb.DuckDBPyConnection) -> None:
    """Stages are compared with any day, sizes and causes with a build of it."""
    day = date(2024, 3, 15)
    found = told(folder, since=day)
    assert found.reasons is None
    assert {each.before for each in found.headlines.found.packs} == {None}
    assert "nothing of c/p was published as of 2024-03-15: sizes" in found.warnings[0]
    ((flow, expected),) = [
        (each.flow.found, audience.flow(audience.load(folder), "life", day, AS_OF)[0])
        for each in found.flows
    ]
    assert flow == expected
    assert told(folder, since=BEFORE) == told(folder)
    first = told(folder, as_of=BEFORE)
    assert (first.flows, first.reasons) == ((), None)


@pytest.mark.parametrize(
    ("subject", "options", "error", "message"),
    [
        ("c/p", {"as_of": AS_OF}, UsageError, "is a build, whose day and variables are known"),
        ("c/p", {"variables": {"floor": "1"}}, UsageError, "is a build, whose day"),
        ("c/none", {}, NotPublishedError, "nothing is published of `c/none`; there is c/p"),
        ("c/p@2024-03-13", {}, NotPublishedError, "is not published; there is 2024-03-12"),
        ("c/p/rihc", {}, NotPublishedError, "did you mean rich?"),
        ("c/p/rich", {"packs": ["old"]}, UsageError, "c/p/rich names a pack; --pack is for"),
        ("rules/a.yaml", {"since": AS_OF}, UsageError, "expected a day before 2024-03-22"),
        ("rules/a.yaml", {"since": "soon"}, UsageError, "since `soon`: expected a date"),
        ("rules/a.yaml", {"packs": ["rihc"]}, UsageError, "did you mean rich?"),
        ("rules/a.yaml", {"tags": ["ctiy"]}, UsageError, "no tag `ctiy`; did you mean city?"),
    ],
)
def test_what_is_no_report(
    folder: Path, subject: str, options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=re.escape(message)):
        told(folder, subject, **options)


def test_folders_and_several_files(folder: Path, run: Run) -> None:
    (folder / "rules/b.yaml").write_text(RULES.replace("phase: p", "phase: q"))
    for words, code, message in (
        (("rules",), 2, "a report is of one rule file; rules has 2: c/p, c/q"),
        (("packs",), 2, "no rule file in packs"),
        ((f"packs/c/p/{BEFORE}",), 2, "is a folder; name the build: campaign/phase@2023-06-18"),
        (("nothing.yaml",), 2, "there is no rule file nothing.yaml"),
        (("c/q",), 7, "nothing is published of `c/q`"),
        (("c/p", "--as-of", str(AS_OF)), 2, "is a build"),
    ):
        done = run("report", *words, at=folder)
        assert (done.code, message in done.err) == (code, True), done.err


# The same again.


def test_every_engine_and_every_run_gives_the_same(folder: Path) -> None:
    found = told(folder, goal=GOAL)
    page = render_page(found, Language.CHINESE, "")
    for options in ({}, {"cache": False}, {"engine": "duckdb"}, {"engine": "duckdb"}):
        again = told(folder, goal=GOAL, **options)
        assert again == found
        assert render_page(again, Language.CHINESE, "") == page


WORDS = ("report", "rules/a.yaml", "--as-of", str(AS_OF))


def test_the_same_bytes(folder: Path, run: Run, shell: Run) -> None:
    runs = [(), (), ("--no-cache",), ("--engine", "duckdb")]
    pages = []
    for number, more in enumerate(runs):
        out = f"{number}.html"
        ran = run(*WORDS, *more, "-o", out, at=folder)
        assert (ran.code, ran.err.strip() or ran.out.strip()) == (0, f"wrote {out}")
        pages.append((folder / out).read_bytes())
    # Another process has other hashes of texts.
    env = {**os.environ, "PYTHONHASHSEED": "77"}
    assert shell(*WORDS, "-o", "other.html", at=folder, env=env).code == 0
    pages.append((folder / "other.html").read_bytes())
    # So has another working directory other names for the files.
    out, project = str(folder / "away.html"), str(folder)
    words = ("report", f"{folder}/rules/a.yaml", "--as-of", str(AS_OF), "-o", out, "-p", project)
    assert run(*words, at=folder.parent).code == 0
    pages.append((folder / "away.html").read_bytes())
    assert len(set(pages)) == 1
    assert str(folder).encode() not in pages[0]


# Files.


def test_the_file(folder: Path, run: Run) -> None:
    old = os.umask(0o077)
    try:
        assert run(*WORDS, at=folder).code == 0
    finally:
        os.umask(old)
    path = folder / f"c-p-{AS_OF}.html"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    (folder / "link.html").hardlink_to(path)
    first = path.read_bytes()
    assert run(*WORDS, "--lang", "zh", at=folder).code == 0
    # It is another file now: who has the old one open reads it to its end.
    assert (folder / "link.html").read_bytes() == first
    assert path.read_bytes() != first
    assert not [each for each in folder.iterdir() if each.name.startswith(f".{path.name}")]


@pytest.mark.parametrize("out", ["audience.yaml/x.html", "rules", "events.parquet/a/b.html"])
def test_a_place_that_cannot_be_written(folder: Path, run: Run, out: str) -> None:
    before = sorted(folder.rglob("*"))
    done = run(*WORDS, "-o", out, at=folder)
    assert (done.code, "cannot write" in done.err) == (5, True), done.err
    assert [each for each in sorted(folder.rglob("*")) if ".audience" not in each.parts] == [
        each for each in before if ".audience" not in each.parts
    ]


def test_a_failed_write_leaves_the_old_file(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "x.html").write_text("old")

    def fails(_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("audience.private.flush", fails)
    done = run(*WORDS, "-o", "x.html", "--no-cache", at=folder)
    assert (done.code, "No space left" in done.err) == (5, True), done.err
    assert (folder / "x.html").read_text() == "old"
    assert not list(folder.glob(".x.html*"))


def test_no_id_is_in_a_page(folder: Path, run: Run) -> None:
    ids = [FIRST + 100 + number for number in range(12)]
    (folder / "lists").mkdir()
    (folder / "lists/vip.csv").write_text(f"user_id\n{ids[9]}\n")
    (folder / "rules/ids.yaml").write_text(
        f"""\
campaign: c
phase: ids
vars: {{who: {ids[0]}, 'other': {ids[1]}, floor: 2000}}
base: {{age: 18..}}
packs:
  flow: {{where: {{any: [{{ids: [{ids[2]}, {ids[3]}]}}, {{value: "${{floor}}.."}}]}}}}
  block:
    where:
      any:
        - ids:
            - {ids[4]}
            - "${{who}}"   # {ids[4]} asked for it
        - ids: ["${{other}}"]
        - {{ids: {{path: lists/vip.csv, column: user_id}}}}
        - {{city: 北京}}
  key: {{where: {{any: [{{user_id: {ids[5]}}}, {{user_id: {{in: [{ids[6]}]}}}}, {{plus: true}}]}}}}
"""
    )
    words = ("report", "rules/ids.yaml", "--as-of", str(AS_OF), "-o", "x.html", "--min-cell", "0")
    goal = ("--goal", f"{{ids: [{ids[7]}, {ids[8]}]}}")
    assert run(*words, *goal, at=folder).code == 0
    audience.build(audience.load(folder), folder / "rules/ids.yaml", as_of=BEFORE)
    assert run(*words, "--var", f"who={ids[10]}", at=folder).code == 0
    pages = [(folder / "x.html").read_text()]
    audience.build(audience.load(folder), folder / "rules/ids.yaml", as_of=AS_OF)
    (folder / "rules/ids.yaml").unlink()
    assert run("report", "c/ids", *goal, "-o", "x.html", "--min-cell", "0", at=folder).code == 0
    pages.append((folder / "x.html").read_text())
    every = re.compile(rf"7[\d,]{{6,}}|{'|'.join(map(str, ids))}")
    known = {str(FIRST + user) for user in range(N)}
    for page in pages:
        found = {each.replace(",", "") for each in every.findall(page)}
        assert not found & known
        for kept in ("2000", "lists/vip.csv", "user_id", "city: 北京"):
            assert kept in page


# Pictures, languages, and what does not go together.


@pytest.mark.parametrize("format", ["svg", "png"])
def test_a_picture(folder: Path, run: Run, format: str) -> None:
    if format == "png":
        pytest.importorskip("vl_convert", reason="pictures of pixels need the extra `report`")
    words = (*WORDS, "--format", format, "--chart")
    charts = ["sizes", "heat", "upset", "waterfall:rich", "profile:top", "conversion:rich"]
    for chart in [*charts, "flow:life", "reasons:openers"]:
        assert run(*words, chart, "--goal", GOAL, at=folder).code == 0, chart
        data = (folder / f"c-p-{AS_OF}.{format}").read_bytes()
        assert data.startswith(b"<svg" if format == "svg" else b"\x89PNG\r\n")


def test_a_picture_says_what_it_is_of(folder: Path, run: Run) -> None:
    for lang, title, numbers in (
        ("en", "TGI of 高价值 2000+ against the base", "TGI and its 95% interval"),
        ("zh", "高价值 2000+相对基础人群的 TGI", "TGI 及其 95% 区间"),
    ):
        words = (*WORDS, "-f", "svg", "--chart", "profile:rich", "--lang", lang, "-o", "x.svg")
        assert run(*words, at=folder).code == 0
        root = ElementTree.fromstring((folder / "x.svg").read_text())
        shown = [each.text or "" for each in root.iter(f"{SVG}text")]
        assert shown[0] == title
        assert shown[1].startswith(f"c/p/rich · {AS_OF} · {numbers}")
        _, top, _, high = (float(each) for each in root.get("viewBox", "").split())
        places = [float(each.get("y", "")) for each in list(root.iter(f"{SVG}text"))[:2]]
        assert top < min(places) < max(places) < 0
        assert high == float(root.get("height", ""))


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--format", "svg"), "are of one chart, which --chart names"),
        (("--format", "png"), "are of one chart, which --chart names"),
        (("--chart", "sizes"), "are of one chart, which --chart names"),
        (
            ("-f", "svg", "--chart", "profile:rihc"),
            "did you mean profile:rich?; there is profile:rich, sizes",
        ),
        (("-f", "svg", "--chart", "sizse"), "no chart `sizse`; did you mean sizes?"),
        # Without a goal there is no conversion.
        (
            ("-f", "svg", "--chart", "conversion:rich"),
            "no chart `conversion:rich`: it needs --goal",
        ),
        (("--lang", "fr"), "no language `fr`; expected en or zh"),
        (("--format", "pdf"), "pdf"),
        (("--theme", "blue"), "blue"),
        (("--goal", "rihc"), "no pack, stage or definition `rihc`"),
        (("--since", "soon"), "expected a date"),
        (("--min-cell", "-1"), "--min-cell"),
    ],
)
def test_what_does_not_go_together(
    folder: Path, run: Run, words: tuple[str, ...], message: str
) -> None:
    done = run(*WORDS, *words, at=folder)
    assert (done.code, message in done.err) == (2, True), done.err
    assert not list(folder.glob("c-p-*"))


def test_the_language(folder: Path, run: Run) -> None:
    def lang(*words: str) -> str:
        assert run(*WORDS, *words, "-o", "x.html", at=folder).code == 0
        found = re.search(r'<html lang="([^"]*)"', (folder / "x.html").read_text())
        assert found
        return found[1]

    assert lang() == "en"
    assert lang("--lang", "zh") == "zh-CN"
    (folder / "audience.yaml").write_text(PROJECT + "lang: zh\n")
    assert lang() == "zh-CN"
    assert lang("--lang", "en") == "en"
    assert "高价值 2000+" in (folder / "x.html").read_text()


def test_small_counts_are_hidden_in_a_page(folder: Path, run: Run) -> None:
    for words, hides in (((), True), (("--min-cell", "0"), False), (("--min-cell", "1"), False)):
        assert run(*WORDS, *words, "-o", "x.html", at=folder).code == 0
        assert ("Some counts are hidden" in (folder / "x.html").read_text()) == hides
