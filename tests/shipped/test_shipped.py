"""The shipped campaigns on the fixtures, against SQL written by hand, and their own cases."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import xxhash
import yaml

import audience
from shipped.sql import read_queries
from support import Run

ROOT = Path(__file__).parents[2]
SQL = ROOT / "tests/oracle/shipped"
PHASES = sorted(f"{path.parent.name}/{path.stem}" for path in SQL.glob("*/*.sql"))
STAGES = ["dream-3c/1-mind", "tmall-2024/1-lifecycle"]
# Phase, pack, salt, the side that comes first in the order of names, its share, the other.
SPLITS = [
    ("dream-3c/2-journeys", "ad_to_order", "dream-creative", "creative_a", 0.5, "creative_b"),
    (
        "tmall-2024/2-channels",
        "winback_rivals",
        "tmall-2024/winback_rivals",
        "control",
        0.1,
        "treatment",
    ),
]
# A timestamp is its day, so that many are alike at the edge, where a hash decides.
TIES = [("dream-3c/2-journeys", "asking_now", 300, "CAST(last_active AS DATE)")]


class Oracle:
    """The fixtures in DuckDB: ``users`` is the newest snapshot that is not after a day."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        self.connection.execute("SET TimeZone = 'Asia/Shanghai'")
        # Tables, not views of files: a filter on those may be answered from statistics, which leave
        # NaN out.
        users, events = (
            f"read_parquet('{ROOT}/fixtures/{name}/*/*.parquet', hive_partitioning = true)"
            for name in ("users", "events")
        )
        self.connection.execute(f"CREATE TABLE snapshots AS FROM {users}")
        self.connection.execute(
            f"CREATE TABLE events AS SELECT * EXCLUDE dt, CAST(ts AS DATE) AS day FROM {events}"
        )

    def at(self, day: date) -> None:
        """Put oneself on a day."""
        self.connection.execute(
            "CREATE OR REPLACE VIEW users AS SELECT * EXCLUDE dt FROM snapshots "
            f"WHERE dt = (SELECT max(dt) FROM snapshots WHERE dt <= DATE '{day}')"
        )

    def ids(self, query: str) -> list[int]:
        """The ids that a query selects, ascending."""
        return sorted(row[0] for row in self.connection.sql(query).fetchall())


@pytest.fixture(scope="module")
def oracle() -> Oracle:
    return Oracle()


@pytest.fixture(scope="module", params=["polars", "duckdb"])
def results(request: pytest.FixtureRequest) -> dict[str, Any]:
    built = audience.build(audience.load(ROOT), dry_run=True, engine=request.param)
    return {result.summary.name: result for result in built}


def test_every_phase_has_its_sql(results: dict[str, Any]) -> None:
    assert sorted(results) == PHASES


@pytest.mark.parametrize("phase", PHASES)
def test_packs_are_what_sql_selects(phase: str, results: dict[str, Any], oracle: Oracle) -> None:
    queries = read_queries(SQL / f"{phase}.sql")
    result = results[phase]
    oracle.at(result.summary.as_of)
    assert result.summary.base == len(oracle.ids(queries.pop("base")))
    assert list(queries) == [pack.name for pack in whole_packs(result)]
    for name in queries.keys() - {pack for _, pack, *_ in TIES}:
        assert result.ids(name).to_pylist() == oracle.ids(queries[name]), name


@pytest.mark.parametrize("phase, pack, keep, by", TIES)
def test_a_limit_keeps_the_greatest(
    phase: str, pack: str, keep: int, by: str, results: dict[str, Any], oracle: Oracle
) -> None:
    """The query selects whom the limit chooses from."""
    result = results[phase]
    oracle.at(result.summary.as_of)
    query = read_queries(SQL / f"{phase}.sql")[pack]
    ranked = oracle.connection.sql(
        f"SELECT user_id, {by} FROM users WHERE user_id IN ({query}) ORDER BY 2 DESC"
    ).fetchall()
    edge = ranked[keep - 1][1]
    kept = set(result.ids(pack).to_pylist())
    assert len(kept) == keep < len(ranked)
    assert {user for user, value in ranked if value > edge} <= kept
    assert kept <= {user for user, value in ranked if value >= edge}


@pytest.mark.parametrize("phase", PHASES)
def test_no_pack_is_nobody_or_everybody(phase: str, results: dict[str, Any]) -> None:
    for pack in whole_packs(results[phase]):
        # A stage that takes all the others leave may well be most of the base.
        most = 0.8 if phase in STAGES else 0.5
        assert 0.002 < pack.share < most, pack


@pytest.mark.parametrize("phase", STAGES)
def test_stages_are_a_partition_of_the_base(
    phase: str, results: dict[str, Any], oracle: Oracle
) -> None:
    result = results[phase]
    oracle.at(result.summary.as_of)
    users = [user for pack in whole_packs(result) for user in result.ids(pack.name).to_pylist()]
    assert sorted(users) == oracle.ids(read_queries(SQL / f"{phase}.sql")["base"])


@pytest.mark.parametrize("phase, pack, salt, first, share, second", SPLITS)
def test_a_user_is_on_the_side_that_the_hash_says(
    phase: str,
    pack: str,
    salt: str,
    first: str,
    share: float,
    second: str,
    results: dict[str, Any],
) -> None:
    result = results[phase]
    whole = result.ids(pack).to_pylist()
    seed = xxhash.xxh64_intdigest(salt.encode(), seed=42)
    places = {user: xxhash.xxh64_intdigest(user.to_bytes(8, "little"), seed) for user in whole}
    sides: dict[str, list[int]] = {first: [], second: []}
    for user, place in places.items():
        sides[first if place < share * 2**64 else second].append(user)
    for side, users in sides.items():
        assert result.ids(f"{pack}.{side}").to_pylist() == users, side
    spread = (share * (1 - share) / len(whole)) ** 0.5
    assert len(sides[first]) / len(whole) == pytest.approx(share, abs=4 * spread)


@pytest.mark.parametrize("phase", PHASES)
def test_overlaps_are_what_the_ids_say(phase: str, results: dict[str, Any]) -> None:
    result = results[phase]
    packs = {pack.name: set(result.ids(pack.name).to_pylist()) for pack in result.summary.packs}
    for overlap in result.summary.overlaps:
        both = packs[overlap.pack] & packs[overlap.other]
        assert overlap.both == len(both)
        assert overlap.share == len(both) / len(packs[overlap.pack])
    assert len(result.summary.overlaps) == len(packs) * (len(packs) - 1)


def test_a_day_moves_tags_by_the_snapshot_and_behaviour_by_its_window() -> None:
    """Phase 1 is told by tags alone, phase 3 by tags and behaviour.

    15 and 29 June read the same snapshot, so between them only the windows move. On 30 June there
    is a new one.
    """
    rules = [ROOT / f"rules/mi13-2023/{name}.yaml" for name in ("1-seize-rivals", "3-convert")]
    project = audience.load(ROOT)
    days = {
        day: audience.build(project, rules, as_of=date(2023, 6, day), dry_run=True)
        for day in (14, 15, 29, 30)
    }

    def moved(phase: int, old: int, new: int) -> list[str]:
        one, other = days[old][phase], days[new][phase]
        return [pack for pack in one.packs if one.ids(pack) != other.ids(pack)]

    tags, behaviour = (list(result.packs) for result in days[30])
    assert moved(0, 15, 29) == []
    assert set(moved(1, 15, 29)) >= {"rival_newcomers", "undecided", "high_end_eye"}
    for old, new in ((14, 15), (29, 30)):
        assert moved(0, old, new) == tags
        assert "rival_newcomers" in moved(1, old, new)
    assert set(moved(1, 14, 30)) == set(behaviour)


def test_from_phase_3_to_phase_4_users_come_and_go_for_both_reasons(oracle: Oracle) -> None:
    """Who joined or left `rival_newcomers`: some by their tags, more by the window."""
    rules = ROOT / "rules/mi13-2023/3-convert.yaml"
    project = audience.load(ROOT)
    before, after = (
        set(
            audience.build(project, rules, as_of=day, dry_run=True)[0]
            .ids("rival_newcomers")
            .to_pylist()
        )
        for day in (date(2023, 6, 18), date(2023, 6, 30))
    )
    fits = (
        "coalesce(device_brand IN ('Huawei', 'Honor', 'OPPO', 'vivo', 'Apple', 'Samsung') "
        "AND coalesce(ecosystem_devices, 0) < 1, false)"
    )
    by_tags = set(
        oracle.ids(
            f"SELECT user_id FROM snapshots WHERE dt >= DATE '2023-06-15' GROUP BY user_id "
            f"HAVING count(DISTINCT {fits}) > 1"
        )
    )
    for users in (before - after, after - before):
        assert users & by_tags
        assert users - by_tags
    both = before & after
    assert both
    assert not both & by_tags


@pytest.mark.parametrize("phase", PHASES)
def test_every_pack_has_cases(phase: str) -> None:
    cases = yaml.safe_load((ROOT / f"rules/{phase}.cases.yaml").read_text())["cases"]
    told = {pack for case in cases for pack in case["packs"]}
    sides = {
        f"{pack}.{side}"
        for split, pack, _, first, _, second in SPLITS
        for side in (first, second)
        if split == phase
    }
    assert told == set(read_queries(SQL / f"{phase}.sql")) - {"base"} | sides


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
@pytest.mark.parametrize("phase", PHASES)
def test_cases_beside_the_rules(phase: str, engine: str, run: Run) -> None:
    done = run("test", f"rules/{phase}.yaml", "--engine", engine, at=ROOT)
    assert done.code == 0, done.out + done.err


def whole_packs(result: Any) -> list[Any]:
    """The packs of a result, and its stages, without the sides of splits."""
    return [
        pack for pack in result.summary.packs if pack.name.rpartition(".")[0] not in result.packs
    ]
