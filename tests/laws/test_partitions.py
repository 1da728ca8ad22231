"""Laws of what cuts the base or a pack into parts: stages, splits, limits, and a `not`.

What a split and a limit must give is computed here anew, with plain Python and the ``xxhash``
package, as docs/rule-language.md says it.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xxhash
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import audience
from audience.api import BuildResult
from laws.test_laws import (
    AS_OF,
    ENGINES,
    EVERYBODY,
    TRIED,
    Condition,
    World,
    conditions,
    law,
    render,
    several,
)

HEAD = f"campaign: laws\nphase: all\nas_of: {AS_OF}\n"
SEED = 42


def key_bytes(key: int | str) -> bytes:
    return key.encode() if isinstance(key, str) else key.to_bytes(8, "little", signed=True)


def tie(key: int | str) -> int:
    """What users of one value are ordered by, least first."""
    return xxhash.xxh64_intdigest(key_bytes(key), seed=SEED)


def side_of(key: int | str, salt: str, sides: Mapping[str, Fraction]) -> str:
    """The side of a split that a user is on, by exact arithmetic."""
    seed = xxhash.xxh64_intdigest(salt.encode(), seed=SEED)
    place = Fraction(xxhash.xxh64_intdigest(key_bytes(key), seed=seed), 2**64)
    high = Fraction(0)
    for name in sorted(sides):
        high += sides[name]
        if place < high:
            return name
    raise AssertionError("the sides do not add up")


def build(folder: Path, text: str, engine: str, *, dry_run: bool = True) -> BuildResult:
    path = folder / "rules" / "laws.yaml"
    path.write_text(text)
    return audience.build(audience.load(folder), [path], engine=engine, dry_run=dry_run)[0]


def ids(result: BuildResult, name: str) -> set[Any]:
    listed = result.ids(name).to_pylist()
    texts = any(isinstance(key, str) for key in listed)
    assert listed == sorted(set(listed), key=key_bytes if texts else None)
    return set(listed)


def base_line(base: Condition | None) -> str:
    return "" if base is None else f"base: {render(base)}\n"


# Stages


@law(st.tuples(st.lists(conditions, min_size=1, max_size=4), st.one_of(st.none(), conditions)))
def test_stages_partition_the_base_and_the_first_match_wins(
    world: World, drawn: tuple[list[Condition], Condition | None]
) -> None:
    parts, base = drawn
    parts = [*parts, parts[0]]  # one that overlaps all of another: nobody is left for it
    text = HEAD + base_line(base) + "stages:\n  life:\n"
    text += "".join(f"    s{number}: {render(part)}\n" for number, part in enumerate(parts))
    text += f"    rest: otherwise\npacks:\n  everybody: {{where: {render(EVERYBODY)}}}\n"
    for number, part in enumerate(parts):
        text += f"  c{number}: {{where: {render(part)}}}\n"
        text += f"  no{number}: {{where: {{not: life.s{number}}}}}\n"
    result = build(world.folder, text, world.engine)
    everybody = ids(result, "everybody")
    left = set(everybody)
    for number in range(len(parts)):
        stage = ids(result, f"life.s{number}")
        assert stage == left & ids(result, f"c{number}")
        assert ids(result, f"no{number}") == everybody - stage
        left -= stage
    assert ids(result, "life.rest") == left
    assert not ids(result, f"life.s{len(parts) - 1}")
    (told,) = result.summary.stages
    assert (told.total, told.rest) == (len(everybody), 0)


@law(conditions)
def test_stages_that_cover_the_base_need_no_otherwise(world: World, drawn: Condition) -> None:
    text = HEAD + f"stages:\n  s:\n    yes: {render(drawn)}\n    no: {{not: {render(drawn)}}}\n"
    result = build(world.folder, text, world.engine)
    assert len(ids(result, "s.yes")) + len(ids(result, "s.no")) == result.summary.base
    assert not result.broken


# Splits

percents = st.lists(st.integers(1, 999_999), min_size=1, max_size=4, unique=True).map(
    lambda cuts: [high - low for low, high in pairwise([0, *sorted(cuts), 10**6])]
)
side_names = st.permutations(["treatment", "control", "对照", "z", "A"])


def split_text(shares: Mapping[str, int]) -> str:
    """Sides with their shares in millionths as YAML."""
    return ", ".join(f"{name}: {share / 10_000:.4f}%" for name, share in shares.items())


@law(st.tuples(conditions, percents, side_names, st.sampled_from(["", "x1", "种子"])))
def test_sides_partition_their_pack_as_the_hash_says(
    world: World, drawn: tuple[Condition, list[int], list[str], str]
) -> None:
    where, millionths, names, seed = drawn
    shares = dict(zip(names, millionths, strict=False))
    given_seed = f", seed: {seed}" if seed else ""
    text = HEAD + f"packs:\n  top:\n    where: {render(where)}\n"
    text += f"    split: {{{split_text(shares)}{given_seed}}}\n"
    text += f"  all_of: {{where: {{any: [{', '.join(f'top.{name}' for name in shares)}]}}}}\n"
    result = build(world.folder, text, world.engine)
    pack = ids(result, "top")
    wanted: dict[str, set[Any]] = {name: set() for name in shares}
    exact = {name: Fraction(share, 10**6) for name, share in shares.items()}
    for key in pack:
        wanted[side_of(key, seed or "laws/top", exact)].add(key)
    assert {name: ids(result, f"top.{name}") for name in shares} == wanted
    assert ids(result, "all_of") == pack


def users(keys: list[Any], folder: Path, **schema: Any) -> None:
    frame = pl.DataFrame({"user_id": keys}, schema_overrides=schema or None)
    frame.with_columns(age=pl.int_range(pl.len()) % 90).write_parquet(folder / "users.parquet")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "audience.yaml").write_text(
        "tables:\n  users: {path: users.parquet, key: user_id, allow_empty: true}\n"
    )
    return tmp_path


SPLIT = """\
campaign: {campaign}
phase: {phase}
as_of: 2024-03-01
packs:
  top: {{where: {{user_id: known}}, split: {{treatment: 60%, control: 30%, spare: 10%{seed}}}}}
"""


def sides(
    folder: Path, engine: str = "polars", campaign: str = "c", phase: str = "p", seed: str = ""
) -> dict[str, set[Any]]:
    seed = f", seed: {seed}" if seed else ""
    result = build(folder, SPLIT.format(campaign=campaign, phase=phase, seed=seed), engine)
    return {name: ids(result, f"top.{name}") for name in ("treatment", "control", "spare")}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("text_keys", [False, True])
def test_a_user_keeps_a_side_whoever_else_is_there_and_in_what_order(
    folder: Path, text_keys: bool, engine: str
) -> None:
    keys: list[Any] = [f"用户{number}" if text_keys else number * 7 for number in range(2000)]
    users(keys, folder)
    before = sides(folder)
    assert sides(folder, engine) == before
    rng = random.Random(1)
    fewer = set(rng.sample(keys, 900))
    newer = [f"n{number}" if text_keys else -number - 1 for number in range(1500)]
    for others in (rng.sample(keys, len(keys)), [*newer, *keys], sorted(fewer)):
        users(others, folder)
        after = sides(folder, engine)
        for name, members in before.items():
            assert after[name] & set(keys) == members & set(others), name


@pytest.mark.parametrize("engine", ENGINES)
def test_a_user_keeps_a_side_in_all_phases_of_a_campaign(folder: Path, engine: str) -> None:
    users(list(range(2000)), folder)
    assert sides(folder, engine, phase="p") == sides(folder, engine, phase="q.2")


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("kind", [pl.Int16, pl.Int32, pl.UInt32, pl.UInt64])
def test_the_width_of_an_integer_key_moves_nobody(folder: Path, kind: Any, engine: str) -> None:
    keys = list(range(0, 30_000, 11))
    users(keys, folder)
    before = sides(folder)
    users(keys, folder, user_id=kind)
    assert sides(folder, engine) == before


def test_another_campaign_or_seed_is_another_split(folder: Path) -> None:
    users(list(range(4000)), folder)
    one = sides(folder)["treatment"]
    others = [sides(folder, campaign="d"), sides(folder, seed="s"), sides(folder, seed="c/TOP")]
    for other in others:
        # Drawn anew: of 60 % and 60 % without regard for each other, 36 % are on both.
        assert abs(len(one & other["treatment"]) / 4000 - 0.36) < 0.03
    assert sides(folder, campaign="d", seed="s") == sides(folder, campaign="e", seed="s")
    assert sides(folder, seed="c/top")["treatment"] == one


@pytest.mark.parametrize("text_keys", [False, True])
def test_shares_come_near_the_percentages(folder: Path, text_keys: bool) -> None:
    count = 20_000
    users([str(number) if text_keys else number for number in range(count)], folder)
    found = sides(folder)
    for name, share in {"treatment": 0.6, "control": 0.3, "spare": 0.1}.items():
        deviation = math.sqrt(share * (1 - share) / count)
        assert abs(len(found[name]) / count - share) < 4 * deviation


# Limits

EXTREMES = [None, None, -(2**63), 2**63 - 1, -(2**63) + 1, 2**63 - 2, -1, 0, 1, 5, 5, 5]
FLOATS = [None, float("nan"), float("inf"), float("-inf"), -0.0, 0.0, 1.5, -1.5, 1e300, 5e-324]
DAYS = [None, None, *(AS_OF - timedelta(days=days) for days in (-3, 0, 1, 40, 20_000, 30_000))]
TIMES = [day and datetime(day.year, day.month, day.day, hour) for day in DAYS for hour in (0, 23)]
COLUMNS: dict[str, tuple[Any, Any]] = {
    "large": (EXTREMES, pl.Int64),
    "small": ([None, -128, 127, 0, -1], pl.Int8),
    "real": (FLOATS, pl.Float64),
    "single": ([None, float("nan"), 19.99, -19.99, 0.1], pl.Float32),
    "day": (DAYS, pl.Date),
    "moment": (TIMES, pl.Datetime("us")),
}


def is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))


def chosen(rows: list[dict[str, Any]], keep: int, by: str | None, *, desc: bool) -> set[Any]:
    """The first so many: by value, missing last, ties by the hash of the key. One sort each."""
    order = sorted(rows, key=lambda row: tie(row["user_id"]))
    if by is not None:
        there = [row for row in order if not is_missing(row[by])]
        absent = [row for row in order if is_missing(row[by])]
        there.sort(key=lambda row: seen(row[by]), reverse=desc)  # which keeps the order of equals
        order = there + absent
    return {row["user_id"] for row in order[:keep]}


def seen(value: Any) -> Any:
    """A value as rules see it: a timestamp is its day."""
    return value.date() if isinstance(value, datetime) else value


@pytest.mark.parametrize("engine", ENGINES)
def test_a_limit_keeps_the_first_of_a_plain_sort(folder: Path, engine: str) -> None:
    @settings(
        max_examples=TRIED[engine],
        derandomize=True,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(count=st.integers(0, 40), seed=st.integers(0, 2**32), text_keys=st.booleans())
    def holds(count: int, seed: int, text_keys: bool) -> None:
        rng = random.Random(seed)
        keys: list[Any] = rng.sample(range(-50, 10**6), count)
        if count > 2 and not text_keys:
            keys[:2] = [-(2**63), 2**63 - 1]
        keys = [f"{rng.choice('aäß京')}{key}" for key in keys] if text_keys else keys
        rows = [
            {"user_id": key, **{name: rng.choice(values) for name, (values, _) in COLUMNS.items()}}
            for key in keys
        ]
        kinds = {name: kind for name, (_, kind) in COLUMNS.items()}
        key_kind = pl.String if text_keys else pl.Int64
        table = pl.DataFrame(rows, schema={"user_id": key_kind, **kinds})
        table.write_parquet(folder / "users.parquet")
        keep = rng.randint(1, max(count + 2, 2))
        wanted, text = {}, HEAD + "packs:\n"
        for by in (*COLUMNS, None):
            for order in ("asc", "desc", "") if by else ("",):
                for more in (0, 1):
                    name = f"{by or 'hash'}_{order or 'default'}_{more}"
                    parts = [f"keep: {keep + more}"]
                    parts += [f"by: {by}"] if by else []
                    parts += [f"order: {order}"] if order else []
                    text += (
                        f"  {name}: {{where: {{user_id: known}}, limit: {{{', '.join(parts)}}}}}\n"
                    )
                    wanted[name] = chosen(rows, keep + more, by, desc=order != "asc")
        result = build(folder, text, engine)
        found = {name: ids(result, name) for name in wanted}
        assert found == wanted
        for name in found:
            if name.endswith("0"):
                assert found[name] <= found[name[:-1] + "1"], "keeping more loses nobody"

    holds()


STORED: dict[str, pa.Array] = {
    "dates of 64 bits": pa.array([date(2024, 1, day) for day in (1, 2, 3, 4)], pa.date64()),
    "decimals": pa.array([Decimal("-1.50"), Decimal(0), Decimal("0.01"), Decimal(7)]),
    "unsigned": pa.array([0, 1, 2**63 - 2, 2**63 - 1], pa.uint64()),
    "moments": pa.array(
        [datetime(2024, 1, day) for day in (1, 2, 3, 4)], pa.timestamp("ns", "UTC")
    ),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", STORED)
def test_a_limit_by_whatever_is_stored(folder: Path, name: str, engine: str) -> None:
    column = pa.concat_arrays([STORED[name], pa.nulls(1, STORED[name].type)])
    pq.write_table(pa.table({"user_id": [1, 2, 3, 4, 5], "by": column}), folder / "users.parquet")
    for order, wanted in (("asc", {1, 2}), ("desc", {3, 4})):
        limit = f"limit: {{keep: 0.0002万, by: by, order: {order}}}"
        text = HEAD + f"packs: {{x: {{where: {{user_id: known}}, {limit}}}}}\n"
        assert ids(build(folder, text, engine), "x") == wanted


@law(st.tuples(conditions, st.one_of(st.none(), conditions), st.integers(1, 20)))
def test_a_limit_counts_users_of_the_base_only(
    world: World, drawn: tuple[Condition, Condition | None, int]
) -> None:
    where, base, keep = drawn
    text = HEAD + base_line(base) + f"packs:\n  whole: {{where: {render(where)}}}\n"
    text += (
        f"  kept: {{where: {render(where)}, limit: {{keep: {keep}}}}}\n  by_name: {{where: kept}}\n"
    )
    result = build(world.folder, text, world.engine)
    whole = ids(result, "whole")
    assert ids(result, "kept") == set(sorted(whole, key=tie)[:keep]) == ids(result, "by_name")


# A and `not` A


@law(st.tuples(several, st.one_of(st.none(), conditions), st.integers(1, 9)))
def test_lists_limits_and_sides_and_their_complements_partition_the_base(
    world: World, drawn: tuple[list[Condition], Condition | None, int]
) -> None:
    (first, second, *_), base, keep = drawn
    folder = world.folder
    keys = pl.read_parquet(folder / "users.parquet", columns=["user_id"])["user_id"].to_list()
    texts = pl.read_parquet_schema(folder / "users.parquet")["user_id"] == pl.String
    strangers: list[Any] = ["somebody else", "007"] if texts else [10**9, -77]
    listed = [*keys[::3], *strangers]
    (folder / "vip.csv").write_text("id\n" + "\n".join(map(str, listed)) + "\n")
    before = HEAD.replace("all", "before") + f"packs: {{old: {{where: {render(first)}}}}}\n"
    old = ids(build(folder, before, world.engine, dry_run=False), "old")
    quoted = ", ".join(f"'{key}'" if isinstance(key, str) else str(key) for key in listed)
    packs = {
        "file": "{ids: {path: vip.csv}}",
        "written": f"{{ids: [{quoted}]}}",
        "published": "{published: laws/before/old}",
        "kept": "top",
        "side": "top.b",
        "mixed": "{any: [top.a, {ids: {path: vip.csv}}], minus: [{published: laws/before/old}]}",
    }
    text = HEAD + base_line(base) + f"packs:\n  top:\n    where: {render(second)}\n"
    text += f"    limit: {{keep: {keep}, by: age}}\n    split: {{a: 50%, b: 50%}}\n"
    text += f"  everybody: {{where: {render(EVERYBODY)}}}\n"
    for name, where in packs.items():
        text += f"  {name}: {{where: {where}}}\n  not_{name}: {{where: {{not: {where}}}}}\n"
        text += f"  again_{name}: {{where: {{not: {{not: {where}}}}}}}\n"
    result = build(folder, text, world.engine)
    everybody = ids(result, "everybody")
    for name in packs:
        yes, no = ids(result, name), ids(result, f"not_{name}")
        assert not yes & no, name
        assert yes | no == everybody, name
        assert ids(result, f"again_{name}") == yes, name
    assert ids(result, "file") == ids(result, "written") == set(listed) & everybody
    assert ids(result, "published") == old & everybody
    assert ids(result, "top.a") | ids(result, "side") == ids(result, "kept") == ids(result, "top")
