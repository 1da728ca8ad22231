"""The values that users are told apart by: complete on every day, and as SQL counts them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import audience
from audience.analysis.outline import EDGES, outlines
from audience.analysis.tags import chosen_tags
from audience.cache import Cache
from audience.engine.codes import Codebook
from audience.errors import RuleError
from audience.insight.tags import values_at
from audience.rules.reader import Problems
from audience.workspace import open_workspace

PROJECT = """\
tables:
  users: {path: users/, key: user_id, snapshot: dt}
tags:
  city: {label: 城市, values: {一线: "1", 二线: "2", 未用: "9"}}
"""
RULES = "campaign: c\nphase: p\npacks: {grown: {where: {age: 18..}}}\n"
DAYS = {
    "2024-01-01": {
        "user_id": [1, 2, 3, 4, 5],
        "age": [20, 30, 40, 50, None],
        "city": ["1", "1", "5", None, "2"],
        "plus": [True, True, True, True, True],
        "likes": [["a"], ["a", "b"], [], None, ["c"]],
    },
    "2024-02-01": {
        "user_id": [1, 2, 3, 4, 6],
        "age": [21, 31, 41, 51, 61],
        "city": ["1", "1", "1", "2", "2"],
        "plus": [True, True, True, False, True],
        "likes": [["a"], ["a", "b"], ["a"], ["b"], ["a"]],
    },
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for day, columns in DAYS.items():
        folder = tmp_path / "users" / f"dt={day}"
        folder.mkdir(parents=True)
        pl.DataFrame(columns).write_parquet(folder / "part.parquet")
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "p.yaml").write_text(RULES)
    (tmp_path / "audience.yaml").write_text(PROJECT)
    return tmp_path


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
@pytest.mark.parametrize("day", DAYS)
def test_a_profile_is_complete_on_the_day_of_its_snapshot(
    root: Path, day: str, engine: str
) -> None:
    """Each tag's lines add up to the pack, whatever values the newest snapshot has."""
    found = audience.profile(audience.load(root), "grown", as_of=day, engine=engine)
    adults = [age is not None and age >= 18 for age in DAYS[day]["age"]]
    for tag in ("age", "city", "plus"):
        lines = [line for line in found.lines if line.tag == tag]
        assert sum(line.users for line in lines) == sum(adults) == found.size
        assert sum(line.baseline_users for line in lines) == found.baseline_size
    city = {line.value: line.baseline_users for line in found.lines if line.tag == "city"}
    if day == "2024-01-01":
        assert city == {"一线 (1)": 2, "5": 1, "二线 (2)": 1, "未用 (9)": 0, "(missing)": 1}
    else:
        assert city == {"一线 (1)": 3, "二线 (2)": 2, "未用 (9)": 0}
    plus = {line.value: line.baseline_users for line in found.lines if line.tag == "plus"}
    assert plus == {"true": sum(DAYS[day]["plus"]), "false": 5 - sum(DAYS[day]["plus"])}


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_outlines_are_what_sql_counts(engine: str) -> None:
    opened = audience.load(Path(__file__).parents[2])
    problems = Problems()
    workspace = open_workspace(opened, problems)
    users = workspace.tables["users"]
    tags = chosen_tags(workspace, ["省份", "兴趣偏好", "jd_value", "ltv", "registered"])
    found = outlines(opened.on(engine), users, tags, 5, Codebook(), Cache(None, 0))
    path = "fixtures/users/dt=2023-06-30/*.parquet"
    db = duckdb.connect()
    db.execute(f"CREATE VIEW u AS FROM '{opened.root}/{path}'")
    for each, column in zip(found, ("province", "unnest(interests)"), strict=False):
        rows = db.sql(
            f"SELECT v, count(*) FROM (SELECT {column} AS v FROM u) WHERE v IS NOT NULL "
            "GROUP BY v ORDER BY 2 DESC, 1 LIMIT 5"
        ).fetchall()
        assert [(one.value, one.count) for one in each.values] == rows
    for each, column in zip(found[2:], ("jd_value", "ltv", "registered"), strict=True):
        wanted = [
            db.sql(f"SELECT quantile_disc({column}, {share}) FROM u").fetchall()[0][0]
            for share in EDGES
        ]
        count = db.sql(f"SELECT count({column}) FROM u").fetchall()[0][0]
        ordered = [
            v
            for (v,) in db.sql(
                f"SELECT {column} FROM u WHERE {column} IS NOT NULL ORDER BY 1"
            ).fetchall()
        ]
        assert list(each.edges) == [ordered[round(share * (count - 1))] for share in EDGES]
        assert all(
            abs(ordered.index(a) - ordered.index(b)) <= count * 0.01 + 1
            for a, b in zip(each.edges, wanted, strict=True)
        )


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_bins_of_the_dictionary(root: Path, engine: str) -> None:
    """An edge is in the bin above it."""
    project = root / "audience.yaml"
    project.write_text(PROJECT + "  age: {bins: [21, 31, 60]}\n")
    found = audience.profile(audience.load(root), "grown", as_of="2024-02-01", engine=engine)
    ages = {line.value: line.baseline_users for line in found.lines if line.tag == "age"}
    assert ages == {"< 21": 0, ">= 21 and < 31": 1, ">= 31 and < 60": 3, ">= 60": 1}


def test_a_bin_of_one_whole_number(root: Path) -> None:
    (root / "audience.yaml").write_text(PROJECT + "  age: {bins: [21, 31, 32, 60]}\n")
    found = audience.profile(audience.load(root), "grown", as_of="2024-02-01")
    ages = {line.value: line.baseline_users for line in found.lines if line.tag == "age"}
    two = {">= 21 and < 31": 1, "31": 1, ">= 32 and < 60": 2}
    assert ages == {"< 21": 0, **two, ">= 60": 1}


@pytest.mark.parametrize(
    ("entry", "place", "message"),
    [
        ("age: {bins: [21, 21]}", "5:20", "`21` does not come after the edge before it"),
        ("age: {bins: [young]}", "5:16", "`young`"),
        ("age: {bins: []}", "5:", "`bins`"),
        ("age: {bins: 5}", "5:", "`bins`"),
        ("plus: {bins: [1]}", "5:17", "`bins` on `plus`, which is true or false"),
    ],
)
def test_bins_that_are_refused(root: Path, entry: str, place: str, message: str) -> None:
    (root / "audience.yaml").write_text(PROJECT + f"  {entry}\n")
    try:
        (problem, *_) = audience.check(audience.load(root)).problems
    except RuleError as error:
        (problem,) = error.problems
    assert f"audience.yaml:{place}" in str(problem)
    assert message in str(problem)


COLUMNS = st.one_of(
    st.lists(st.integers(-(2**62), 2**62), min_size=1).map(lambda v: pa.array(v, pa.int64())),
    st.lists(st.integers(-50, 50), min_size=1).map(lambda v: pa.array(v, pa.int16())),
    st.lists(st.integers(0, 2**64 - 1), min_size=1).map(lambda v: pa.array(v, pa.uint64())),
    st.lists(st.floats(allow_nan=False), min_size=1).map(lambda v: pa.array(v, pa.float64())),
    st.lists(st.dates(), min_size=1).map(lambda v: pa.array(v, pa.date32())),
)


@settings(derandomize=True, deadline=None)
@given(column=COLUMNS, shares=st.lists(st.floats(0, 1), min_size=1, max_size=5))
def test_values_at_shares(column: pa.Array, shares: Sequence[float]) -> None:
    ordered = sorted(column.to_pylist())
    found = values_at(pa.chunked_array([column]), shares)
    assert list(found) == [ordered[round(share * (len(ordered) - 1))] for share in shares]
    assert all(type(one) is type(ordered[0]) for one in found)


def test_values_of_nothing() -> None:
    assert values_at(pa.chunked_array([], pa.int64()), (0.5,)) == ()
