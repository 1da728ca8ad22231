"""Layouts that real warehouses have, and that once gave wrong packs or none: on both engines."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import audience
from audience.errors import AudienceError, DataError, RuleError
from engine.test_tables import ENGINES, one, project, select, write

EVENTS = "  events: {path: events, key: id, time: ts}\n"
BY_DAY = "  events: {path: events, key: id, time: ts, day: dt}\n"


def put(folder: Path, name: str, **columns: pa.Array) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("first", ["a", "z"])
def test_zoned_and_zoneless_files_of_one_table(tmp_path: Path, engine: str, first: str) -> None:
    write(tmp_path, "users.parquet", {"id": [1, 2]})
    moment = datetime(2024, 2, 29, 17)
    put(tmp_path, f"events/{first}.parquet", id=pa.array([1]), ts=pa.array([moment]))
    zoned = pa.array([moment], pa.timestamp("us", "UTC"))
    put(tmp_path, "events/m.parquet", id=pa.array([2]), ts=zoned)
    assert one(project(tmp_path, events=EVENTS), "{did: {within: 1d}}", engine) == [2]


STORED_TWICE = {
    "int": ([pa.array([5], pa.int32()), pa.array([5], pa.int64())], "5"),
    "int, the other way": ([pa.array([5], pa.int64()), pa.array([5], pa.int8())], "5"),
    "decimal": (
        [
            pa.array([Decimal("5.10")], pa.decimal128(9, 2)),
            pa.array([Decimal("5.1")], pa.decimal128(5, 1)),
        ],
        "5.1",
    ),
    "float and decimal": (
        [pa.array([5.1]), pa.array([Decimal("5.1")], pa.decimal128(5, 1))],
        "5.1",
    ),
    "text": ([pa.array(["x"]), pa.array(["x"]).dictionary_encode()], "x"),
    "timestamp": (
        [
            pa.array([datetime(2024, 1, 1)], pa.timestamp("ms")),
            pa.array([datetime(2024, 1, 1)], pa.timestamp("ns")),
        ],
        "2024-01-01",
    ),
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", STORED_TWICE)
def test_one_column_stored_in_two_ways(tmp_path: Path, engine: str, name: str) -> None:
    arrays, value = STORED_TWICE[name]
    for number, array in enumerate(arrays):
        put(tmp_path, f"users/{number}.parquet", id=pa.array([number]), v=array)
    assert one(project(tmp_path, users="users"), f"{{v: {value}}}", engine) == [0, 1]


def test_a_partition_must_be_the_local_day(tmp_path: Path) -> None:
    write(tmp_path, "users.parquet", {"id": [1]})
    late = pa.array([datetime(2024, 2, 29, 15, 59, 59, tzinfo=UTC)], pa.timestamp("us", "UTC"))
    put(tmp_path, "events/dt=2024-03-01/e.parquet", id=pa.array([1]), ts=late)
    with pytest.raises(DataError, match=r"has rows of 2024-02-29 .* says 2024-03-01"):
        one(project(tmp_path, events=BY_DAY), "{did: {within: 1d}}")


def test_names_that_differ_in_case_only(tmp_path: Path) -> None:
    write(tmp_path, "users.parquet", {"id": [1, 2, 3], "Age": [10, 20, 30], "age": [1, 2, 3]})
    assert one(project(tmp_path), "{Age: 20.., age: 3}", "polars") == [3]
    with pytest.raises(DataError, match="does not tell apart"):
        one(project(tmp_path), "{age: 2..}", "duckdb")


@pytest.mark.parametrize("engine", ENGINES)
def test_partitions_beside_the_day_and_above_the_table(tmp_path: Path, engine: str) -> None:
    folder = tmp_path / "env=prod" / "region=9" / "project"
    folder.mkdir(parents=True)
    write(folder, "users.parquet", {"id": [1, 2]})
    for number, region in enumerate(["eu", "us"], 1):
        path = f"events/dt=2024-03-01/region={region}/shop={number}/e.parquet"
        put(folder, path, id=pa.array([number]), ts=pa.array([datetime(2024, 3, 1)]))
    wheres = {
        "eu": "{did: {within: 1d, where: {region: eu}}}",
        "both": "{did: {within: 1d, where: {region: us, shop: 2}}}",
        "none": "{did: {within: 1d, where: {region: '9'}}}",
        "all": "{did: {within: 1d}}",
    }
    found = select(project(folder, events=BY_DAY), wheres, engine)
    assert found == {"eu": [1], "both": [2], "none": [], "all": [1, 2]}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_column_of_the_file_wins_over_a_partition_of_its_name(
    tmp_path: Path, engine: str
) -> None:
    put(tmp_path, "users/cc=A/region=1/a.parquet", id=pa.array([1]), cc=pa.array(["Z"]))
    put(tmp_path, "users/cc=B/region=2/a.parquet", id=pa.array([2]), cc=pa.array(["Y"]))
    opened = project(tmp_path, users="users")
    assert one(opened, "{cc: Z, region: 1}", engine) == [1]
    assert one(opened, "{cc: A}", engine) == []


@pytest.mark.parametrize("engine", ENGINES)
def test_links_private_names_and_capital_endings(tmp_path: Path, engine: str) -> None:
    write(tmp_path, "elsewhere/a.parquet", {"id": [1]})
    write(tmp_path, "users/b.PARQUET", {"id": [2]})
    write(tmp_path, "users/_seg=1/c.parquet", {"id": [3]})
    (tmp_path / "users/linked").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "users/linked/back").symlink_to(tmp_path / "users")
    write(tmp_path, "users/_seg=2/d.parquet", {"id": [4]})
    with pytest.raises(DataError, match="some files are in no partition"):
        one(project(tmp_path, users="users"), "{id: known}", engine)
    for name in ("_seg=1/c.parquet", "_seg=2/d.parquet"):
        (tmp_path / "users" / name).rename(tmp_path / "users" / Path(name).name)
    assert one(project(tmp_path, users="users"), "{id: known}", engine) == [1, 2, 3, 4]


@pytest.mark.parametrize("users", ["users", "users/*.parquet", "users/p.parquet"])
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_only_regular_files_are_read(tmp_path: Path, users: str, kind: str) -> None:
    write(tmp_path, "users/a.parquet", {"id": [1]})
    path = tmp_path / "users/p.parquet"
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    with pytest.raises(DataError, match=r"users/p\.parquet is no regular file"):
        one(project(tmp_path, users=users), "{id: known}")


def test_a_link_to_a_file_is_a_file(tmp_path: Path) -> None:
    write(tmp_path, "elsewhere/a.parquet", {"id": [1]})
    (tmp_path / "users").mkdir()
    (tmp_path / "users/a.parquet").symlink_to(tmp_path / "elsewhere/a.parquet")
    for users in ("users", "users/*.parquet", "users/a.parquet"):
        assert one(project(tmp_path, users=users), "{id: known}") == [1]


PLAIN = {
    "inside a partition": ("events", "events/dt=2024-03-01/old/e.parquet", "a folder `old` among"),
    "around a partition": ("events", "events/old/dt=2024-03-01/e.parquet", "a folder `old` among"),
    "between": ("events", "events/dt=2024-03-01/old/cc=A/e.parquet", "a folder `old` among"),
    "inside, by a glob": (
        "events/**/*.parquet",
        "events/dt=2024-03-01/old/e.parquet",
        "a folder `old` among",
    ),
    "beside partitions": ("events", "events/old/e.parquet", "in no partition `name=…`, such as"),
}


@pytest.mark.parametrize("name", PLAIN)
@pytest.mark.parametrize("day", ["", ", day: dt"])
def test_plain_folders_among_partitions(tmp_path: Path, name: str, day: str) -> None:
    place, copy, text = PLAIN[name]
    write(tmp_path, "users.parquet", {"id": [1]})
    # The partition is a column of the files too, as some writers leave it.
    columns = {"id": [1], "ts": [datetime(2024, 3, 1)], "dt": ["2024-03-01"], "cc": ["A"]}
    write(tmp_path, "events/dt=2024-03-01/e.parquet", columns)
    line = EVENTS.replace("path: events,", f"path: {place}{day},")
    where = "{did: {within: 1d, times: 1}}"
    assert one(project(tmp_path, events=line), where) == [1]
    write(tmp_path, copy, columns)
    if day and name == "beside partitions":
        text = "is in no partition folder `dt=…`"
    with pytest.raises(DataError, match=text) as caught:
        one(project(tmp_path, events=line), where)
    assert str(tmp_path / copy) in str(caught.value)


@pytest.mark.parametrize("engine", ENGINES)
def test_plain_folders_that_a_glob_names(tmp_path: Path, engine: str) -> None:
    write(tmp_path, "users.parquet", {"id": [1, 2]})
    for number, app in enumerate(["shop", "home"], 1):
        columns = {"id": [number], "ts": [datetime(2024, 3, 1)]}
        write(tmp_path, f"events/{app}/dt=2024-03-01/e.parquet", columns)
    line = BY_DAY.replace("path: events,", "path: events/*/dt=*/*.parquet,")
    assert one(project(tmp_path, events=line), "{did: {within: 1d}}", engine) == [1, 2]


@pytest.mark.parametrize("other", ["dt=20240301", "dt=2024%2D03%2D01"])
def test_a_day_in_two_folders(tmp_path: Path, other: str) -> None:
    write(tmp_path, "users.parquet", {"id": [1]})
    columns = {"id": [1], "ts": [datetime(2024, 3, 1)]}
    write(tmp_path, "events/cc=A/dt=2024-03-01/e.parquet", columns)
    write(tmp_path, f"events/cc=B/{other}/e.parquet", columns)
    assert one(project(tmp_path, events=BY_DAY), "{did: {within: 1d, times: 2}}") == [1]
    write(tmp_path, f"events/cc=A/{other}/e.parquet", columns)
    with pytest.raises(DataError, match="are both of the day 2024-03-01") as caught:
        one(project(tmp_path, events=BY_DAY), "{did: {within: 1d}}")
    for name in ("dt=2024-03-01", other):
        assert str(tmp_path / "events/cc=A" / name) in str(caught.value)


def test_a_link_that_leads_nowhere(tmp_path: Path) -> None:
    write(tmp_path, "users/a.parquet", {"id": [1]})
    (tmp_path / "users/b.parquet").symlink_to(tmp_path / "gone.parquet")
    for users in ("users", "users/*.parquet"):
        with pytest.raises(DataError, match=r"b\.parquet"):
            one(project(tmp_path, users=users), "{id: known}")


@pytest.mark.parametrize("engine", ENGINES)
def test_names_like_the_programs_own(tmp_path: Path, engine: str) -> None:
    columns: dict[str, Any] = {"id": [1, 2, 3], "x": [1, 2, 3], "__key": [1, 2, 3], "n0": [3, 2, 1]}
    columns |= {f"__node_{n}": [3, 2, 1] for n in range(6)} | {"__fold_2": [False, False, True]}
    write(tmp_path, "users.parquet", columns)
    write(tmp_path, "events/e.parquet", {"id": [1], "ts": [datetime(2024, 3, 1)], "__day": [7]})
    wheres = {
        "z": "{any: [{x: 1}, {x: 3..}]}",
        "p": "{all: [z, {__key: 1}]}",
        "q": "{not: z}",
        "r": "{any: [{__fold_2: true}, {did: {within: 1d, where: {__day: 7}}}]}",
        "s": "{n0: 3, __node_1: 3}",
    }
    found = select(project(tmp_path, events=EVENTS), wheres, engine)
    assert found == {"z": [1, 3], "p": [1], "q": [2], "r": [1, 3], "s": [1]}


def test_reserved_and_impossible_names(tmp_path: Path) -> None:
    write(tmp_path, "users.parquet", {"id": [1], "__audience_day": [1]})
    with pytest.raises(DataError, match="kept for the program"):
        one(project(tmp_path), "{id: 1}")
    write(tmp_path, "users.parquet", {"id": [1], "*": [1], "^x$": [1]})
    assert one(project(tmp_path), "{id: 1}") == [1]
    for name in ("*", "^x$"):
        with pytest.raises(RuleError, match="rules cannot test it"):
            one(project(tmp_path), f"{{'{name}': 1}}")


def test_keys_that_are_partitions(tmp_path: Path) -> None:
    write(tmp_path, "users/id=1/a.parquet", {"x": [1]})
    with pytest.raises(AudienceError, match="is a partition"):
        one(project(tmp_path, users="users"), "{x: 1}")


@pytest.mark.parametrize("engine", ENGINES)
def test_long_conditions(tmp_path: Path, engine: str) -> None:
    write(tmp_path, "users.parquet", {"id": [1, 2], "t": ["a7", "b"], "l": [["x7"], []]})
    count = 400
    wheres = {
        "texts": "{any: ["
        + ", ".join(f"{{t: {{starts_with: a{n}}}}}" for n in range(count))
        + "]}",
        "list": "{l: [" + ", ".join(f"x{n}" for n in range(count)) + "]}",
        "values": "{any: [" + ", ".join(f"{{t: a{n}}}" for n in range(count)) + "]}",
    }
    assert select(project(tmp_path), wheres, engine) == {name: [1] for name in wheres}


@pytest.mark.parametrize("engine", ENGINES)
def test_a_project_in_a_folder_with_signs_of_a_glob(tmp_path: Path, engine: str) -> None:
    folder = tmp_path / "[ab]*"
    folder.mkdir()
    write(folder, "users/a.parquet", {"id": [1]})
    assert one(project(folder, users="users/*.parquet"), "{id: 1}", engine) == [1]


def test_means_are_bounded_in_precision(tmp_path: Path) -> None:
    write(tmp_path, "users.parquet", {"id": [1]})
    write(tmp_path, "events/e.parquet", {"id": [1], "ts": [datetime(2024, 3, 1)], "v": [5e6]})
    opened = project(tmp_path, events=EVENTS)
    assert one(opened, "{did: {mean: {v: 0.000000001..}}}") == [1]
    with pytest.raises(RuleError, match="too precise"):
        one(opened, "{did: {mean: {v: ..1e-38}}}")


def test_coded_keys_are_published_plain(tmp_path: Path) -> None:
    put(tmp_path, "users.parquet", id=pa.array(["b", "a"]).dictionary_encode())
    opened = project(tmp_path)
    (tmp_path / "rules/a.yaml").write_text(
        "campaign: c\nphase: p\npacks: {a: {where: {id: known}}}\n"
    )
    published = audience.build(opened)[0].published
    assert published
    table = pq.read_table(published.folder / "a.parquet")
    assert table.schema.field("id").type == pa.string()
    assert audience.show(opened, "c/p/a")[0].ids("a").to_pylist() == ["a", "b"]
    assert pl.read_parquet(published.folder / "a.parquet")["id"].to_list() == ["a", "b"]
