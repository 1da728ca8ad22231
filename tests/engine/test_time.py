"""Days, hours and moments: one zone for the project, whatever the machine's own is."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import audience
from support import MakeProject, Run

ENGINES = ["polars", "duckdb"]
NEW_YORK = "America/New_York"


@pytest.fixture
def select(make_project: MakeProject) -> Any:
    """The users for whom a condition holds; user n has the n-th list of times."""

    def run_it(
        times: Sequence[Sequence[Any]],
        where: str,
        *,
        engine: str,
        zone: str = NEW_YORK,
        as_of: str = "2024-03-31",
        kind: pl.DataType | None = None,
    ) -> list[int]:
        rows = [
            {"user_id": user, "ts": time, "action": "ab"[min(place, 1)]}
            for user, own in enumerate(times)
            for place, time in enumerate(own)
        ]
        events = pl.DataFrame(
            rows,
            schema={
                "user_id": pl.Int64,
                "ts": kind or pl.Datetime("us", "UTC"),
                "action": pl.String,
            },
        )
        rules = f"campaign: c\nphase: p\nas_of: {as_of}\npacks: {{x: {{where: {where}}}}}\n"
        folder = make_project({"user_id": range(len(times))}, {"a.yaml": rules}, events)
        project = folder / "audience.yaml"
        project.write_text(project.read_text().replace("Asia/Shanghai", zone))
        result = audience.build(audience.load(folder), dry_run=True, engine=engine)[0]
        ids: list[int] = result.ids("x").to_pylist()
        return ids

    return run_it


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


# 10 March 2024 has 23 hours in New York, from 05:00 to 04:00 UTC; there is no hour 2.
SPRING = [
    "2024-03-10 04:59:59.999999",  # 9 March 23:59:59.999999
    "2024-03-10 05:00:00",  # 00:00
    "2024-03-10 06:59:59.999999",  # 01:59:59.999999
    "2024-03-10 07:00:00",  # 03:00
    "2024-03-11 03:59:59.999999",  # 23:59:59.999999
    "2024-03-11 04:00:00",  # 11 March 00:00
]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("behaviour", "users"),
    [
        ("{between: 2024-03-10}", [1, 2, 3, 4]),
        ("{between: 2024-03-10, hours: 1}", [2]),
        ("{between: 2024-03-10, hours: 2}", []),
        ("{between: 2024-03-10, hours: 2..4}", [3]),
        ("{hours: 23..1}", [0, 1, 4, 5]),
        ("{weekdays: sun}", [1, 2, 3, 4]),
        ("{weekdays: 周六}", [0]),
        ("{last: {between: ..2024-03-09}}", [0]),
    ],
)
def test_a_day_of_23_hours(select: Any, engine: str, behaviour: str, users: list[int]) -> None:
    times = [[utc(text)] for text in SPRING]
    assert select(times, f"{{did: {behaviour}}}", engine=engine) == users


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("after", "users"),
    [
        ("0d", [0]),  # the same local day, however long it is
        ("1d", [1, 2, 3]),
        ("..23h", [0, 1]),
        ("23h", [1]),
        ("..24h", [0, 1, 2]),
        ("24h..", [2, 3]),
    ],
)
def test_elapsed_hours_and_calendar_days_part_over_the_change_of_clocks(
    select: Any, engine: str, after: str, users: list[int]
) -> None:
    start = utc("2024-03-10 05:00:00")  # midnight; the next is 23 hours later
    second = timedelta(microseconds=1)
    gaps = [timedelta(hours=23) - second, timedelta(hours=23), timedelta(hours=24)]
    times = [[start, start + gap] for gap in (*gaps, timedelta(hours=24) + second)]
    where = f"{{did: {{event: a, then: {{event: b, after: {after}}}}}}}"
    assert select(times, where, engine=engine) == users


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("as_of", "behaviour", "users"),
    [
        ("2024-02-29", "{within: 1d}", [1]),
        ("2024-02-29", "{within: 1y}", [1, 2]),  # from 1 March 2023
        ("2024-03-31", "{within: 1m}", [0]),  # from 1 March
        ("2024-03-30", "{within: 1m}", [0]),  # one month before is 29 February: not in
        ("2025-02-28", "{within: 1y}", [0, 1]),  # from 29 February
        ("2025-03-01", "{within: 1y}", []),  # 1 March 2024 is a year before: not in
        ("2024-03-29", "{last: {ago: 1m}}", [1]),
    ],
)
def test_the_29th_of_february(
    select: Any, engine: str, as_of: str, behaviour: str, users: list[int]
) -> None:
    days = [date(2024, 3, 1), date(2024, 2, 29), date(2023, 3, 1), date(2023, 2, 28)]
    found = select(
        [[day] for day in days],
        f"{{did: {behaviour}}}",
        engine=engine,
        as_of=as_of,
        kind=pl.Date(),
    )
    assert found == users


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("zone", [NEW_YORK, "Asia/Shanghai", "UTC"])
@pytest.mark.parametrize("kind", [pl.Datetime("ms"), pl.Datetime("us"), pl.Datetime("ns")])
@pytest.mark.parametrize(("hours", "users"), [("2", [0]), ("23..24", [1]), ("3..23", [])])
def test_times_without_a_zone_are_local(
    select: Any, engine: str, zone: str, kind: pl.DataType, hours: str, users: list[int]
) -> None:
    times = [[datetime(2024, 3, 10, 2, 30)], [datetime(2024, 3, 10, 23, 59, 59, 999000)]]
    where = f"{{did: {{between: 2024-03-10, hours: {hours}}}}}"
    assert select(times, where, engine=engine, zone=zone, kind=kind) == users


MACHINES = [
    {"TZ": "UTC", "LANG": "C", "PYTHONHASHSEED": "0"},
    {"TZ": "America/New_York", "LANG": "zh_CN.UTF-8", "PYTHONHASHSEED": "1"},
    {"TZ": "Pacific/Kiritimati", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "4242"},
    {"TZ": "Asia/Shanghai", "POLARS_MAX_THREADS": "1", "PYTHONHASHSEED": "7"},
]
RULES = """\
campaign: c
phase: p
as_of: 2024-03-10
stages:
  s:
    night: {did: {hours: 22..5}}
    sunday: {did: {weekdays: sun, within: 30d}}
    rest: otherwise
packs:
  top: {where: {user_id: 1..}, limit: {keep: 20}, split: {a: 50%, b: 50%}}
  chain: {where: {did: {event: a, then: {event: b, after: ..96h}}}}
  orders: {where: {did: {each: ts, sum: {amount: 2..}, mean: {amount: ..1.3}}}}
"""


@pytest.mark.not_on_spark("each machine would start a Java")
@pytest.mark.parametrize("engine", ENGINES)
def test_the_machine_does_not_show(make_project: MakeProject, shell: Run, engine: str) -> None:
    users = {"user_id": range(60)}
    events = pl.DataFrame(
        [
            {
                "user_id": number % 61,
                "ts": utc("2024-03-01 00:00:00") + timedelta(minutes=83 * number),
                "action": "ab"[number % 2],
                "amount": number / 100,
            }
            for number in range(200)
        ]
    )
    folder = make_project(users, {"a.yaml": RULES}, events)
    outputs = set()
    packs = set()
    for machine in MACHINES:
        env = {**os.environ, **machine}
        done = shell("build-pack", "--engine", engine, "--format", "json", at=folder, env=env)
        assert done.code == 0, done.err
        build = json.loads(done.out)["builds"][0]
        packs.add(tuple((pack["name"], pack["size"]) for pack in build["packs"]))
        outputs.add(manifest_of(folder))
    assert len(outputs) == len(packs) == 1
    sizes = dict(next(iter(packs)))
    for name in ("s.night", "s.sunday", "top.a", "top.b", "chain", "orders"):
        assert 0 < sizes[name] < 60, name


def manifest_of(folder: Path) -> bytes:
    return (folder / "packs/c/p/latest/manifest.json").read_bytes()
