"""What is kept from run to run is of the tables and the project file as they are: both engines."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pytest

import audience
from engine.ways import BY_DAY, FLAT, USERS, event, every_way, ids, project, put, warnings

MAY_BE_EMPTY = BY_DAY.replace("day: dt", "day: dt, allow_empty: true")
USERS_MAY_BE_EMPTY = USERS.replace("key: id", "key: id, allow_empty: true")

ENGINES = ["polars", "duckdb"]
MARCH = datetime(2024, 3, 1, 12)


# The project file


@pytest.mark.parametrize("engine", ENGINES)
def test_another_key_of_the_users(tmp_path: Path, engine: str) -> None:
    put(tmp_path, "users.parquet", id=[1, 2, 3], other=[3, 1, 2], twice=[1, 1, 2], age=[1, 2, 3])
    event(tmp_path, 1, id=[1])
    wheres = {"did": "{did: {within: 1d}}", "age": "{age: 2..}"}
    told = {}
    for key in ("id", "other", "twice"):
        users = f"  users: {{path: users.parquet, key: {key}}}\n"
        told[key] = every_way(project(tmp_path, users=users), wheres, engine)
    assert ids(told["id"]) == {"did": [1], "age": [2, 3]}
    assert ids(told["other"]) == {"did": [1], "age": [1, 2]}
    assert "not unique" in told["twice"]


@pytest.mark.parametrize("engine", ENGINES)
def test_other_columns_for_key_time_and_action(tmp_path: Path, engine: str) -> None:
    put(tmp_path, "users.parquet", id=[1, 2, 3])
    april = [datetime(2024, 4, 1)]
    event(tmp_path, 1, id=[1], id2=[2], ts2=april, a=["x"], b=["y"])
    wheres = {"x": "{did: {event: x, within: 2m}}", "y": "{did: {event: y, within: 2m}}"}
    line = "  events: {{path: events, key: {}, time: {}, action: {}}}\n"
    for key, time, action, as_of, expected in (
        ("id", "ts", "a", "2024-04-02", {"x": [1], "y": []}),
        ("id2", "ts", "a", "2024-04-02", {"x": [2], "y": []}),
        ("id2", "ts", "b", "2024-04-02", {"x": [], "y": [2]}),
        ("id2", "ts2", "b", "2024-03-31", {"x": [], "y": []}),
        ("id2", "ts", "b", "2024-03-31", {"x": [], "y": [2]}),
    ):
        opened = project(tmp_path, line.format(key, time, action))
        assert ids(every_way(opened, wheres, engine, as_of)) == expected


@pytest.mark.parametrize("engine", ENGINES)
def test_another_time_zone(tmp_path: Path, engine: str) -> None:
    put(tmp_path, "users.parquet", id=[1])
    late = pa.array([datetime(2024, 2, 29, 17)], pa.timestamp("us", "UTC"))
    put(tmp_path, "events/e.parquet", id=[1], ts=late)
    wheres = {"day": "{did: {within: 1d}}", "hour": "{did: {hours: 1}}"}
    for zone, found in (("Asia/Shanghai", [1]), ("UTC", [])):
        text = project(tmp_path, FLAT).source.text.replace("Asia/Shanghai", zone)
        (tmp_path / "audience.yaml").write_text(text)
        opened = audience.load(tmp_path)
        assert ids(every_way(opened, wheres, engine)) == {"day": found, "hour": found}


@pytest.mark.parametrize("engine", ENGINES)
def test_the_values_of_an_action_get_other_names(tmp_path: Path, engine: str) -> None:
    put(tmp_path, "users.parquet", id=[1, 2])
    event(tmp_path, 1, id=[1, 2], a=["x", "y"])
    line = "  events: {{path: events, key: id, time: ts, day: dt, action: a, actions: {{{}}}}}\n"
    for names, expected in (("one: x, two: y", [1]), ("one: y, two: x", [2])):
        opened = project(tmp_path, line.format(names))
        assert ids(every_way(opened, {"p": "{did: {event: one}}"}, engine)) == {"p": expected}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_partition_that_was_all_numbers(tmp_path: Path, engine: str) -> None:
    put(tmp_path, "users.parquet", id=[1])
    event(tmp_path, 1, "region=9/e", id=[1])
    wheres = {"two": "{did: {distinct: {region: 2}}}"}
    assert ids(every_way(project(tmp_path), wheres, engine, "2024-03-01")) == {"two": []}
    event(tmp_path, 2, "region=9/e", id=[1])
    event(tmp_path, 2, "region=eu/e", id=[1])
    assert ids(every_way(project(tmp_path), wheres, engine, "2024-03-02")) == {"two": [1]}


# Files of one day


@pytest.mark.parametrize("engine", ENGINES)
def test_a_day_that_nothing_proves(tmp_path: Path, engine: str) -> None:
    put(tmp_path, "users.parquet", id=[1, 2, 3, 4])
    event(tmp_path, 1, id=[1])
    # Without statistics, the rows are asked whether they are of their folder's day.
    times = [MARCH, MARCH, None]
    event(tmp_path, 1, "n", statistics=False, id=[2, 3, 4], ts=pa.array(times, pa.timestamp("us")))
    wheres = {"day": "{did: {within: 1d}}", "first": "{did: {first: {between: ..2024-02-29}}}"}
    told = every_way(project(tmp_path), wheres, engine)
    assert ids(told) == {"day": [1, 2, 3], "first": []}
    assert warnings(told) == ("table `events`: 1 event without a time count for nobody",)
    times = [MARCH, datetime(2024, 2, 20), None]
    event(tmp_path, 1, "n", statistics=False, id=[2, 3, 4], ts=pa.array(times, pa.timestamp("us")))
    told = every_way(project(tmp_path), wheres, engine)
    assert "dt=2024-03-01/n.parquet has 1 row of other days (`ts` in Asia/Shanghai)" in told


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("by_day", [True, False])
def test_times_that_are_missing(tmp_path: Path, engine: str, by_day: bool) -> None:
    put(tmp_path, "users.parquet", id=[1, 2])
    times = pa.array([None, MARCH, None, MARCH, None], pa.timestamp("us"))
    event(tmp_path, 1, id=[1, 2, None, None, 77], ts=times)
    opened = project(tmp_path, **({} if by_day else {"events": FLAT}))
    wheres = {
        "did": "{did: {within: 1d}}",
        "ever": "{did: {times: 1..}}",
        "not": "{did_not: {}}",
        "week": "{did: {weekdays: fri}}",
    }
    told = every_way(opened, wheres, engine)
    assert ids(told) == {"did": [2], "ever": [2], "not": [1], "week": [2]}
    # A row without a time is in no window: who it is of matters to nobody.
    assert warnings(told) == (
        "table `events`: 3 events without a time count for nobody",
        "table `events`: 1 event without a user count for nobody",
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_empty_files(tmp_path: Path, engine: str) -> None:
    put(tmp_path, "users.parquet", id=[1, 2])
    nothing = {"id": pa.array([], pa.int64()), "ts": pa.array([], pa.timestamp("us"))}
    wheres = {"did": "{did: {within: 3d}}", "not": "{did_not: {within: 3d}}"}
    wheres["then"] = "{did: {within: 3d, then: {after: 0d..}}}"
    event(tmp_path, 1, **nothing)
    opened = project(tmp_path, MAY_BE_EMPTY, USERS_MAY_BE_EMPTY)
    assert ids(every_way(opened, wheres, engine)) == {"did": [], "not": [1, 2], "then": []}
    event(tmp_path, 2, id=[2, 2])
    event(tmp_path, 3, **nothing)
    event(tmp_path, 3, "f", **nothing)
    found = ids(
        every_way(project(tmp_path, MAY_BE_EMPTY, USERS_MAY_BE_EMPTY), wheres, engine, "2024-03-03")
    )
    assert found == {"did": [2], "not": [1], "then": [2]}
    put(tmp_path, "users.parquet", id=pa.array([], pa.int64()))
    found = ids(
        every_way(project(tmp_path, MAY_BE_EMPTY, USERS_MAY_BE_EMPTY), wheres, engine, "2024-03-03")
    )
    assert found == {"did": [], "not": [], "then": []}


STORED: dict[str, tuple[list[pa.Array], dict[str, list[int]]]] = {
    "integers": (
        [
            pa.array([5, -1, 5], pa.int32()),
            pa.array([5, 7, 2**40], pa.int64()),
            pa.array([5, None, 6], pa.uint8()),
        ],
        {
            "{did: {distinct: {v: 1}}}": [1],
            "{did: {distinct: {v: 3}}}": [3],
            "{did: {sum: {v: 15}}}": [1],
            "{did: {max: {v: 1000000..}}}": [3],
            "{did: {mean: {v: ..3}}}": [2],
            "{did: {times: 1.., where: {v: 5..7}}}": [1, 2, 3],
        },
    ),
    "texts": (
        [
            pa.array(["a", "b", None]),
            pa.array(["a", "a", "c"]).dictionary_encode(),
            pa.array(["a", None, "c"], pa.large_string()),
        ],
        {
            "{did: {distinct: {v: 1}}}": [1, 3],
            "{did: {distinct: {v: 2}}}": [2],
            "{did: {times: 2.., where: {v: a}}}": [1],
            "{did: {times: 2.., where: {v: {not_in: [a]}}}}": [2, 3],
        },
    ),
    "fractions": (
        [pa.array([0.1, -0.0, 1e9]), pa.array([0.2, 0.0, None]), pa.array([0.3, 0.0, 0.0])],
        {
            "{did: {sum: {v: 0.6}}}": [1],
            "{did: {distinct: {v: 1}}}": [2],
            "{did: {distinct: {v: 2}}}": [3],
            "{did: {mean: {v: 500000000}}}": [3],
        },
    ),
    "dates": (
        [
            pa.array([date(2024, 1, 1), date(2024, 1, 2), None], pa.date32()),
            pa.array([date(2024, 1, 1), date(2024, 1, 1), None], pa.date64()),
            pa.array([date(2024, 1, 1), None, date(1969, 1, 1)], pa.date32()),
        ],
        {"{did: {distinct: {v: 1}}}": [1, 3], "{did: {distinct: {v: 2}}}": [2]},
    ),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("by_day", [True, False])
@pytest.mark.parametrize("name", STORED)
def test_a_column_that_files_store_in_their_own_ways(
    tmp_path: Path, name: str, by_day: bool, engine: str
) -> None:
    arrays, wanted = STORED[name]
    put(tmp_path, "users.parquet", id=[1, 2, 3])
    keys = [pa.int32(), pa.int64(), pa.uint16()]
    for number, (array, key) in enumerate(zip(arrays, keys, strict=True)):
        event(tmp_path, number // 2 + 1, f"f{number}", id=pa.array([1, 2, 3], key), v=array)
    opened = project(tmp_path, **({} if by_day else {"events": FLAT}))
    wheres = {f"p{number}": where for number, where in enumerate(wanted)}
    found = ids(every_way(opened, wheres, engine, "2024-03-02"))
    assert found == dict(zip(wheres, wanted.values(), strict=True))


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", STORED)
def test_a_column_that_the_next_day_stores_in_its_own_way(
    tmp_path: Path, name: str, engine: str
) -> None:
    """What was kept of the days before is put beside what is read of the new one."""
    arrays, wanted = STORED[name]
    put(tmp_path, "users.parquet", id=[1, 2, 3])
    wheres = {f"p{number}": where for number, where in enumerate(wanted)}
    for order in (arrays, arrays[::-1]):
        for number, array in enumerate(order, 1):
            event(tmp_path, number, id=[1, 2, 3], v=array)
            told = every_way(project(tmp_path), wheres, engine, f"2024-03-{number:02}")
        assert ids(told) == dict(zip(wheres, wanted.values(), strict=True))
        for number in range(1, 4):
            (tmp_path / f"events/dt=2024-03-{number:02}/e.parquet").unlink()


@pytest.mark.parametrize("engine", ENGINES)
def test_text_keys_that_files_store_in_their_own_ways(tmp_path: Path, engine: str) -> None:
    put(tmp_path, "users.parquet", id=pa.array(["b", "a", "用"]).dictionary_encode())
    event(tmp_path, 1, "a", id=pa.array(["a", "a", None]))
    event(tmp_path, 1, "b", id=pa.array(["b", "x", None], pa.large_string()))
    event(tmp_path, 2, "c", id=pa.array(["a", "用"]).dictionary_encode())
    wheres = {"two": "{did: {days: 2}}", "one": "{did: {times: 1}}"}
    told = every_way(project(tmp_path), wheres, engine, "2024-03-02")
    assert ids(told) == {"two": ["a"], "one": ["b", "用"]}
    assert warnings(told) == (
        "table `events`: 2 events without a user count for nobody",
        "table `events`: 1 event of users who are not in the user table count for nobody",
    )


# Events of nobody

STRAY_WHERES = {
    "all": "{did: {within: 1d}}",
    "more": "{did: {times: 2..}}",
    "bought": "{did: {event: buy}}",
    "measured": "{did: {event: buy, distinct: {id: 1}}}",
    "later": "{did: {event: see, first: {between: 2024-03-02..}}}",
}
STRAYS_TOLD = (
    "table `events`: 3 events without a user count for nobody",
    "table `events`: 2 events of users who are not in the user table count for nobody",
)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("by_day", [True, False])
@pytest.mark.parametrize("chained", [True, False])
def test_a_row_of_nobody_is_told_once(
    tmp_path: Path, engine: str, by_day: bool, chained: bool
) -> None:
    put(tmp_path, "users.parquet", id=[1, 2])
    event(tmp_path, 1, id=[1, None, None, 9], a=["buy", "buy", "see", "see"])
    event(tmp_path, 2, id=[2, None, 8, 2], a=["buy", "buy", "buy", "none"])
    line = "  events: {path: events, key: id, time: ts, action: a"
    line += ", day: dt}\n" if by_day else "}\n"
    opened = project(tmp_path, line)
    wheres = dict(STRAY_WHERES)
    if chained:
        wheres["then"] = "{did: {event: buy, then: {event: see}}}"
        wheres["each"] = "{did: {event: [buy, see], each: a, times: 1..}}"
    told = every_way(opened, wheres, engine, "2024-03-02")
    assert warnings(told) == STRAYS_TOLD
    # One behaviour of several comes anew, the others' rows are known from before.
    wheres["new"] = "{did: {event: [buy, see]}}"
    assert warnings(every_way(opened, wheres, engine, "2024-03-02")) == STRAYS_TOLD
    fewer = {"bought": STRAY_WHERES["bought"]}
    if chained:
        fewer["then"] = "{did: {event: buy, then: {event: none}}}"
    assert warnings(every_way(opened, fewer, engine, "2024-03-02")) == (
        "table `events`: 2 events without a user count for nobody",
        "table `events`: 1 event of users who are not in the user table count for nobody",
    )


@pytest.mark.parametrize("engine", ENGINES)
def test_who_is_nobody_changes_with_the_users(tmp_path: Path, engine: str) -> None:
    event(tmp_path, 1, id=[1, 2, 3])
    wheres = {"did": "{did: {within: 1d}}"}
    for users, found, strangers in (([2, 1], [1, 2], 1), ([3, 1, 2], [1, 2, 3], 0), ([4], [], 3)):
        put(tmp_path, "users.parquet", id=users)
        told = every_way(project(tmp_path), wheres, engine)
        assert ids(told) == {"did": found}
        assert len(warnings(told)) == bool(strangers)
        if strangers:
            assert warnings(told)[0].startswith(f"table `events`: {strangers} event")
