"""Overlaps: by hand, against SQL, and by what must add up."""

from __future__ import annotations

import itertools
import json
import random
from pathlib import Path

import duckdb
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import audience
from audience.errors import NotPublishedError, UsageError
from audience.insight.overlap import Overlaps, Pair, Redundant, Region, overlaps
from audience.insight.sharing import both_of, hidden_in_overlaps, region_of, size_of
from audience.membership import Membership
from support import MakeProject, Run


def of(packs: dict[str, list[int]], base: int | None = None) -> Overlaps:
    ids = {name: pa.array(each, pa.int64()) for name, each in packs.items()}
    return overlaps(Membership.from_ids(ids), [(name, "") for name in packs], base)


def test_by_hand() -> None:
    """Ten users; 1 to 4 are in a, 3 to 6 in b, 4 alone in c."""
    found = of({"a": [1, 2, 3, 4], "b": [3, 4, 5, 6], "c": [4]}, 10)
    assert [each.size for each in found.packs] == [4, 4, 1]
    assert found.pairs == (
        Pair("a", "b", 2, 2 / 4, 2 / 4, 2 / 6, 2 * 10 / 16),
        Pair("a", "c", 1, 1 / 4, 1.0, 1 / 4, 10 / 4),
        Pair("b", "c", 1, 1 / 4, 1.0, 1 / 4, 10 / 4),
    )
    assert found.regions == (
        Region(("a",), 2),
        Region(("b",), 2),
        Region(("a", "b"), 1),
        Region(("a", "b", "c"), 1),
    )
    assert found.outside == 4
    assert found.redundant == (Redundant("c", "a", "within"), Redundant("c", "b", "within"))


def test_of_nobody() -> None:
    found = of({"a": [], "b": [1]}, 5)
    assert found.pairs == (Pair("a", "b", 0, None, 0.0, 0.0, None),)
    assert (found.regions, found.outside, found.redundant) == ((Region(("b",), 1),), 4, ())
    assert of({"a": [], "b": []}, 0).pairs == (Pair("a", "b", 0, None, None, None, None),)
    assert of({"a": [1], "b": [1]}).outside is None
    assert of({"a": [1], "b": [1]}).pairs[0].lift is None


@pytest.mark.parametrize(
    ("both", "more", "how"),
    [(96, 4, ["nearly"]), (95, 5, []), (100, 0, ["equal"]), (100, 1, ["within"])],
)
def test_packs_to_do_without(both: int, more: int, how: list[str]) -> None:
    """More than 95 % of both, and not 95 %."""
    one = list(range(100)) if how == ["within"] else list(range(both + more))
    other = list(range(both)) + list(range(1_000, 1_000 + more))
    assert [each.how for each in of({"a": one, "b": other}).redundant] == how


SQL = """
WITH rows AS (
    SELECT user, list_sort(list(pack)) AS packs FROM members GROUP BY user
)
SELECT packs, count(*) AS users FROM rows GROUP BY packs
"""
PAIRS = """
SELECT a.pack, b.pack, count(*) FROM members a JOIN members b ON a.user = b.user AND a.pack < b.pack
GROUP BY ALL
"""


@pytest.mark.parametrize("packs", [2, 7, 9, 70])
def test_against_sql(packs: int) -> None:
    """Also more packs than fit into a byte, and into a number."""
    draw = random.Random(packs)
    names = [f"p{n:02d}" for n in range(packs)]
    rows = [
        (user, name)
        for name in names
        for share in [draw.choice([0.01, 0.2, 0.7])]
        for user in range(500)
        if draw.random() < share
    ]
    found = of({name: [user for user, at in rows if at == name] for name in names}, 600)
    members = pl.DataFrame(rows, schema=["user", "pack"], orient="row")
    with duckdb.connect() as connection:
        connection.register("members", members.to_arrow())
        regions = {tuple(each): users for each, users in connection.execute(SQL).fetchall()}
        pairs = {(a, b): both for a, b, both in connection.execute(PAIRS).fetchall()}
    assert {each.packs: each.users for each in found.regions} == regions
    assert [each.users for each in found.regions] == sorted(regions.values(), reverse=True)
    assert {(each.one, each.other): each.both for each in found.pairs if each.both} == pairs
    assert found.outside == 600 - sum(regions.values())


SETS = st.lists(st.sets(st.integers(0, 30)), min_size=2, max_size=6)


@given(SETS)
@settings(deadline=None)
def test_what_must_add_up(sets: list[set[int]]) -> None:
    found = of({f"p{n}": sorted(each) for n, each in enumerate(sets)}, 31)
    assert sum(each.users for each in found.regions) == len(set().union(*sets))
    for pack in found.packs:
        assert pack.size == sum(each.users for each in found.regions if pack.name in each.packs)
    for pair in found.pairs:
        within = [each for each in found.regions if {pair.one, pair.other} <= set(each.packs)]
        assert pair.both == sum(each.users for each in within)


@pytest.mark.parametrize("seed", range(60))
def test_small_cells_are_hidden_and_not_to_be_added_up(seed: int) -> None:
    """Regions are all there is to know: a hidden one must be able to be another number."""
    draw = random.Random(seed)
    shares = [draw.choice([0.03, 0.3, 0.9]) for _ in range(3)]
    packs = {
        name: [n for n in range(200) if draw.random() < share]
        for name, share in zip("abc", shares, strict=True)
    }
    found = of(packs, 200)
    hidden = hidden_in_overlaps(found, 10)
    counts = {size_of(each.name): each.size for each in found.packs}
    counts |= {both_of(each.one, each.other): each.both for each in found.pairs}
    counts |= {region_of(each.packs): each.users for each in found.regions}
    assert {cell for cell, count in counts.items() if 0 < count < 10} <= hidden
    regions = [each.packs for each in found.regions]
    rows = [[1.0] * len(regions)] if "outside" not in hidden and "base" not in hidden else []
    for cell in counts.keys() - hidden:
        match cell:
            case ("size", _, name):
                rows.append([float(name in each) for each in regions])
            case ("both", pair):
                rows.append([float(pair <= set(each)) for each in regions])
            case ("region", exact):
                rows.append([float(exact == each) for each in regions])
    import numpy as np

    known = np.array(rows) if rows else np.zeros((0, len(regions)))
    for at, each in enumerate(found.regions):
        if each.users < 10:
            target = np.eye(len(regions))[at]
            rank = np.linalg.matrix_rank
            assert rank(np.vstack([known, target])) > (rank(known) if len(known) else 0)


RULE = """\
campaign: c
phase: PHASE
as_of: 2024-03-01
base: {age: 1..}
packs:
  young: {label: 年轻, where: {age: ..29}}
  中年: {where: {age: 20..49}}
  old: {where: {age: 40..}}
"""
USERS = pl.DataFrame({"user_id": range(600), "age": [n % 60 for n in range(600)]})


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    rules = {f"{name}.yaml": RULE.replace("PHASE", name) for name in ("p", "q")}
    folder = make_project(USERS, rules)
    audience.build(audience.load(folder))
    return folder


def test_of_a_build(folder: Path, run: Run) -> None:
    found = json.loads(run("overlap", "c/p", "-f", "json", at=folder).out)
    assert found["base"] == 590
    assert [(each["name"], each["label"], each["size"]) for each in found["packs"]] == [
        ("young", "年轻", 290),
        ("中年", "", 300),
        ("old", "", 200),
    ]
    assert [each["both"] for each in found["pairs"]] == [100, 0, 100]
    assert found["outside"] == 0
    shown = run("overlap", "c/p", at=folder).out
    assert "young & 中年" in shown
    assert "(in none)" in shown


def test_of_packs_of_several_builds(folder: Path, run: Run) -> None:
    words = ("overlap", "c/p/young", "c/q@2024-03-01/young", "-f", "json")
    found = json.loads(run(*words, at=folder).out)
    names = [each["name"] for each in found["packs"]]
    assert names == ["c/p@2024-03-01/young", "c/q@2024-03-01/young"]
    assert (found["base"], found["outside"], found["pairs"][0]["lift"]) == (None, None, None)
    assert [each["how"] for each in found["redundant"]] == ["equal"]


def test_by_path_no_project_is_needed(folder: Path, run: Run, tmp_path: Path) -> None:
    build = (folder / "packs/c/p/latest").resolve()
    found = json.loads(run("overlap", str(build), "-f", "json", at=tmp_path).out)
    assert found["base"] == 590
    files = (str(build / "old.parquet"), str(build / "young.parquet"))
    found = json.loads(run("overlap", *files, "-f", "json", at=tmp_path).out)
    assert [each["size"] for each in found["packs"]] == [200, 290]


def test_tables_for_other_programs(folder: Path, run: Run) -> None:
    pairs = run("overlap", "c/p", "-f", "csv", at=folder).out.splitlines()
    assert pairs[0] == "one,other,both,of_one,of_other,jaccard,lift"
    assert len(pairs) == 4
    regions = run("overlap", "c/p", "-f", "csv", "--part", "regions", at=folder).out
    assert "young & 中年,100\n" in regions
    assert run("overlap", "c/p", "-f", "csv", "--part", "redundant", at=folder).out == ""


def test_what_is_pasted_elsewhere_hides_small_counts(folder: Path, run: Run) -> None:
    rule = RULE.replace("PHASE", "p") + "  few: {where: {age: 5}, limit: {keep: 4}}\n"
    (folder / "rules/p.yaml").write_text(rule)
    assert run("build-pack", "rules/p.yaml", at=folder).code == 0
    assert "hidden" not in run("overlap", "c/p", at=folder).out
    shown = run("overlap", "c/p", "-f", "markdown", at=folder).out
    assert "| young & few | hidden | hidden |" in shown
    told = json.loads(run("overlap", "c/p", "--min-cell", "10", "-f", "json", at=folder).out)
    assert [each["size"] for each in told["packs"]][-1] is None


def test_names_that_are_none(folder: Path, run: Run) -> None:
    assert run("overlap", "c/p/young", at=folder).code == 2
    assert run("overlap", "c/none", at=folder).code == 7
    with pytest.raises(UsageError, match="expected two packs"):
        audience.overlap(audience.load(folder), ["c/p/young", "c/p/young"])
    with pytest.raises(NotPublishedError):
        audience.overlap(audience.load(folder), ["c/p/young", "c/p/none"])


def test_keys_of_two_types(folder: Path, tmp_path: Path) -> None:
    pl.DataFrame({"user_id": ["a"]}).write_parquet(tmp_path / "texts.parquet")
    with pytest.raises(UsageError, match="different types"):
        audience.overlap(audience.load(folder), ["c/p/old", str(tmp_path / "texts.parquet")])


def test_itertools_pairs_stand_in_the_packs_order() -> None:
    found = of({name: [1] for name in "dcba"})
    assert [(each.one, each.other) for each in found.pairs] == list(
        itertools.combinations("dcba", 2)
    )
