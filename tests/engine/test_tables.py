"""Tables as they lie on disk: files, globs, folders, partitions, types; on both engines."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import audience
from audience.errors import AudienceError, DataError, RuleError

ENGINES = ["polars", "duckdb"]
PROJECT = """\
time_zone: {zone}
tables:
  users: {{path: {users}, key: id}}
{events}"""
EVENTS = "  events: {path: events/, key: id, time: ts, day: dt}\n"


def project(
    folder: Path, *, users: str = "users.parquet", events: str = "", zone: str = "Asia/Shanghai"
) -> Any:
    (folder / "rules").mkdir(exist_ok=True)
    (folder / "audience.yaml").write_text(PROJECT.format(zone=zone, users=users, events=events))
    return audience.load(folder)


def select(
    project: Any, wheres: Mapping[str, str], engine: str, as_of: str = "2024-03-01"
) -> dict[str, list[Any]]:
    """Who each condition selects."""
    packs = "".join(f"  {name}: {{where: {where}}}\n" for name, where in wheres.items())
    path = project.rules / "r.yaml"
    path.write_text(f"campaign: c\nphase: p\nas_of: {as_of}\npacks:\n{packs}")
    result = audience.build(project, [path], dry_run=True, engine=engine)[0]
    return {name: result.ids(name).to_pylist() for name in wheres}


def one(project: Any, where: str, engine: str = "polars", as_of: str = "2024-03-01") -> list[Any]:
    return select(project, {"pack": where}, engine, as_of)["pack"]


def write(folder: Path, name: str, columns: Mapping[str, Sequence[Any]], **schema: Any) -> None:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pl.DataFrame(columns, schema_overrides=schema or None).write_parquet(path)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("users", ["users", "users/", "users/*.parquet", "users/**/*.parquet"])
def test_a_folder_or_a_glob_is_all_its_files(tmp_path: Path, users: str, engine: str) -> None:
    write(tmp_path, "users/a.parquet", {"id": [1], "age": [20]})
    write(tmp_path, "users/b.parquet", {"id": [2], "age": [30]})
    assert one(project(tmp_path, users=users), "{age: 20..}", engine) == [1, 2]


def test_other_programs_files_are_not_read(tmp_path: Path) -> None:
    write(tmp_path, "users/a.parquet", {"id": [1]})
    for name in ("_SUCCESS", "_temporary/x.parquet", ".hidden.parquet", "a.parquet.crc", "n.txt"):
        (tmp_path / "users" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "users" / name).write_text("no parquet")
    assert one(project(tmp_path, users="users"), "{id: known}") == [1]


@pytest.mark.parametrize("engine", ENGINES)
def test_partition_columns_are_tags(tmp_path: Path, engine: str) -> None:
    write(tmp_path, "users/province=北京/tier=1/a.parquet", {"id": [1]})
    write(tmp_path, "users/province=%E4%B8%8A%E6%B5%B7/tier=2/a.parquet", {"id": [2]})
    found = select(
        project(tmp_path, users="users"),
        {"a": "{province: 北京}", "b": "{province: 上海}", "c": "{tier: 2..}"},
        engine,
    )
    assert found == {"a": [1], "b": [2], "c": [2]}


@pytest.mark.parametrize("engine", ENGINES)
def test_stored_types(tmp_path: Path, engine: str) -> None:
    table = pa.table(
        {
            "id": pa.array([1, 2, 3], pa.int32()),
            "tiny": pa.array([1, 127, None], pa.int8()),
            "large": pa.array([2**63 - 1, 5, None], pa.int64()),
            "unsigned": pa.array([2**63 - 1, 5, None], pa.uint64()),
            "single": pa.array([0.1, 19.99, float("nan")], pa.float32()),
            "double": pa.array([0.1, float("nan"), None], pa.float64()),
            "money": pa.array([Decimal("0.10"), Decimal("19.99"), None], pa.decimal128(12, 2)),
            "coded": pa.array(["a", "b", None]).dictionary_encode(),
            "day": pa.array([date(2024, 1, 1), date(2024, 2, 1), None], pa.date64()),
            "zoned": pa.array([datetime(2024, 1, 1, 16), None, None], pa.timestamp("ns", "UTC")),
            "naive": pa.array([datetime(2024, 1, 1, 16), None, None], pa.timestamp("ms")),
            "days": pa.array([[date(2024, 1, 1)], [], None], pa.list_(pa.date32())),
            "blob": pa.array([b"x", b"y", None], pa.binary()),
        }
    )
    pq.write_table(table, tmp_path / "users.parquet")
    wheres = {
        "tiny_beyond": ("{tiny: ..300}", [1, 2]),
        "large_eq": (f"{{large: {2**63 - 1}}}", [1]),
        "large_near": (f"{{large: {2**63 - 2}}}", []),
        "unsigned_eq": (f"{{unsigned: {2**63 - 1}}}", [1]),
        "single_eq": ("{single: 19.99}", [2]),
        "single_range": ("{single: 0.1..19.99}", [1, 2]),
        "single_unknown": ("{single: unknown}", [3]),
        "double_unknown": ("{double: unknown}", [2, 3]),
        "double_gt": ("{double: {gt: 0}}", [1]),
        "double_not": ("{not: {double: 0..}}", [2, 3]),
        "money_eq": ("{money: 0.1}", [1]),
        "money_in": ("{money: [19.99, 7]}", [2]),
        "coded_eq": ("{coded: a}", [1]),
        "coded_text": ("{coded: {starts_with: b}}", [2]),
        "day_eq": ("{day: 2024-02-01}", [2]),
        "zoned_is_local": ("{zoned: 2024-01-02}", [1]),
        "naive_is_as_it_is": ("{naive: 2024-01-01}", [1]),
        "days_has": ("{days: 2024-01-01}", [1]),
    }
    found = select(project(tmp_path), {name: where for name, (where, _) in wheres.items()}, engine)
    assert found == {name: ids for name, (_, ids) in wheres.items()}


def test_a_type_that_rules_cannot_test(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": [1], "blob": [b"x"]}), tmp_path / "users.parquet")
    with pytest.raises(RuleError, match="rules cannot test it"):
        one(project(tmp_path), "{blob: known}")


@pytest.mark.parametrize("engine", ENGINES)
def test_columns_in_another_order_and_further_ones(tmp_path: Path, engine: str) -> None:
    write(tmp_path, "users/a.parquet", {"id": [1], "age": [20]})
    write(tmp_path, "users/b.parquet", {"x": ["y"], "age": [30], "id": [2]})
    assert one(project(tmp_path, users="users"), "{age: 20..}", engine) == [1, 2]


@pytest.mark.parametrize("engine", ENGINES)
def test_widths_of_one_kind_go_together(tmp_path: Path, engine: str) -> None:
    write(tmp_path, "users/a.parquet", {"id": [1], "age": [20]}, age=pl.Int64)
    write(tmp_path, "users/b.parquet", {"id": [2], "age": [30]}, age=pl.Int16)
    assert one(project(tmp_path, users="users"), "{age: 20..}", engine) == [1, 2]


BROKEN = {
    "a column is missing": ({"id": [2]}, "b.parquet has no column `age`"),
    "a column has another type": ({"id": [2], "age": ["30"]}, "`age` is large_string in"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_files_that_do_not_fit_together(tmp_path: Path, name: str) -> None:
    columns, text = BROKEN[name]
    write(tmp_path, "users/a.parquet", {"id": [1], "age": [20]})
    write(tmp_path, "users/b.parquet", columns)
    with pytest.raises(DataError, match=text):
        one(project(tmp_path, users="users"), "{age: 20..}")


@pytest.mark.parametrize(
    ("users", "text"),
    [
        ("no.parquet", "there is no `no.parquet`"),
        ("gs://bucket/users/", "expected a local path or s3://bucket/…"),
        ("empty/", "no Parquet file in `empty/`"),
        ("x*.parquet", "no Parquet file in"),
    ],
)
def test_tables_that_are_not_there(tmp_path: Path, users: str, text: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=text):
        audience.check(project(tmp_path, users=users))


def events_by_day(folder: Path, days: Sequence[str]) -> None:
    write(folder, "users.parquet", {"id": [1, 2]})
    for day in days:
        moment = datetime.fromisoformat(day + "T12:00")
        write(folder, f"events/dt={day}/e.parquet", {"id": [1], "ts": [moment]})


@pytest.mark.parametrize("engine", ENGINES)
def test_windows_read_only_the_days_they_need(tmp_path: Path, engine: str) -> None:
    events_by_day(tmp_path, ["2024-01-01", "2024-02-01", "2024-02-29", "2024-03-01"])
    opened = project(tmp_path, events=EVENTS)
    assert one(opened, "{did: {within: 1d}}", engine) == [1]
    text = audience.explain(opened, [tmp_path / "rules/r.yaml"])
    assert "days 2024-03-01..2024-03-01; 1 of 4 files" in text
    manifest = audience.build(opened, [tmp_path / "rules/r.yaml"])[0].published.manifest
    assert [each.path for each in manifest.inputs if each.table == "events"] == [
        "events/dt=2024-03-01/e.parquet"
    ]


@pytest.mark.parametrize("engine", ENGINES)
def test_a_window_without_any_day_on_disk(tmp_path: Path, engine: str) -> None:
    events_by_day(tmp_path, ["2024-01-01"])
    gaps = EVENTS.replace("day: dt", "day: dt, known_gaps: [2024-01-02..]")
    found = select(
        project(tmp_path, events=gaps),
        {"did": "{did: {within: 2d}}", "none": "{did: {within: 2d, times: ..3}}"},
        engine,
    )
    assert found == {"did": [], "none": [1, 2]}


DAYS = ["2024-02-26", "2024-02-28", "2024-03-01"]
MISSING = {
    "a day inside": ("{within: 5d}", "[]", "2 days that a rule's window asks for: 2024-02-27, "),
    "a day that is known": ("{within: 4d}", "[2024-02-27]", "1 day that a rule's window asks for"),
    "all known": ("{within: 9d}", "[2024-02-27, 2024-02-29..2024-02-29]", ""),
    "before the first day": ("{between: 2024-01-01..2024-02-26}", "[]", ""),
    "open, from the first day": ("{times: 1..}", "[]", "2 days"),
    "outside the window": ("{between: 2024-02-28..2024-02-28}", "[]", ""),
    "one window of two": ("[{within: 1d}, {between: ..2024-02-26}]", "[]", ""),
}


@pytest.mark.parametrize("name", MISSING)
def test_missing_days_are_named(tmp_path: Path, name: str) -> None:
    did, gaps, text = MISSING[name]
    events_by_day(tmp_path, DAYS)
    key = "" if gaps == "[]" else f", known_gaps: {gaps}"
    opened = project(tmp_path, events=EVENTS.replace("day: dt", f"day: dt{key}"))
    if text:
        with pytest.raises(DataError, match=text):
            one(opened, f"{{did: {did}}}")
    else:
        one(opened, f"{{did: {did}}}")


def test_data_that_ends_before_as_of_is_no_empty_pack(tmp_path: Path) -> None:
    events_by_day(tmp_path, DAYS)
    gaps = EVENTS.replace("day: dt", "day: dt, known_gaps: [2024-02-27, 2024-02-29]")
    opened = project(tmp_path, events=gaps)
    with pytest.raises(DataError, match="1 day that a rule's window asks for: 2024-03-02"):
        one(opened, "{did: {within: 2d}}", as_of="2024-03-02")


@pytest.mark.parametrize("folder", ["dt=2024-13-45", "dt=x", "dt=__HIVE_DEFAULT_PARTITION__", "x"])
def test_partitions_that_are_no_days(tmp_path: Path, folder: str) -> None:
    events_by_day(tmp_path, ["2024-01-01"])
    write(tmp_path, f"events/{folder}/e.parquet", {"id": [1], "ts": [datetime(2024, 1, 1)]})
    with pytest.raises(DataError, match=r"is no day|is in no partition folder"):
        audience.check(project(tmp_path, events=EVENTS))


@pytest.mark.parametrize("engine", ENGINES)
def test_days_without_dashes(tmp_path: Path, engine: str) -> None:
    write(tmp_path, "users.parquet", {"id": [1]})
    write(tmp_path, "events/dt=20240301/e.parquet", {"id": [1], "ts": [datetime(2024, 3, 1)]})
    assert one(project(tmp_path, events=EVENTS), "{did: {within: 1d}}", engine) == [1]


@pytest.mark.parametrize("engine", ENGINES)
def test_empty_tables(tmp_path: Path, engine: str) -> None:
    write(tmp_path, "users.parquet", {"id": [], "age": []}, id=pl.Int64, age=pl.Int64)
    opened = project(tmp_path, users="users.parquet, allow_empty: true")
    result_wheres = {"a": "{age: 1..}", "b": "{not: {age: 1..}}"}
    assert select(opened, result_wheres, engine) == {"a": [], "b": []}
    summary = audience.build(opened, dry_run=True, engine=engine)[0].summary
    assert summary.base == 0
    assert summary.packs[0].share is None
    json.dumps(summary.to_dict())


@pytest.mark.parametrize("engine", ENGINES)
def test_keys_of_another_width_and_name_meet(tmp_path: Path, engine: str) -> None:
    write(tmp_path, "users.parquet", {"id": [1, 2]}, id=pl.Int32)
    write(tmp_path, "e.parquet", {"who": [2, 2], "ts": [date(2024, 3, 1)] * 2}, who=pl.Int64)
    events = "  e: {path: e.parquet, key: who, time: ts}\n"
    assert one(project(tmp_path, events=events), "{did: {times: 2}}", engine) == [2]


def test_keys_of_another_kind_are_refused(tmp_path: Path) -> None:
    write(tmp_path, "users.parquet", {"id": [1, 2]})
    write(tmp_path, "e.parquet", {"id": ["2"], "ts": [date(2024, 3, 1)]})
    events = "  e: {path: e.parquet, key: id, time: ts}\n"
    report = audience.check(project(tmp_path, events=events), [])
    assert "keys of one type" in str(report.problems[0])


@pytest.mark.parametrize("engine", ENGINES)
def test_the_local_day_of_another_zone(tmp_path: Path, engine: str) -> None:
    write(tmp_path, "users.parquet", {"id": [1, 2]})
    moments = [datetime(2024, 3, 1, 4, 59), datetime(2024, 3, 1, 5, 0)]
    table = pl.DataFrame({"id": [1, 2], "ts": moments}).with_columns(
        pl.col("ts").dt.replace_time_zone("UTC")
    )
    table.write_parquet(tmp_path / "e.parquet")
    events = "  e: {path: e.parquet, key: id, time: ts}\n"
    opened = project(tmp_path, events=events, zone="America/New_York")
    assert one(opened, "{did: {within: 1d}}", engine) == [2]
    assert one(opened, "{did: {between: ..2024-02-29}}", engine) == [1]


@pytest.mark.parametrize("engine", ENGINES)
def test_quotes_and_spaces_in_names(tmp_path: Path, engine: str) -> None:
    name = 'o\'clock "x" [1] 价格'
    write(tmp_path, "it's/us ers.parquet", {"id": [1, 2], name: [1, 2]})
    opened = project(tmp_path, users='"it\'s/us ers.parquet"')
    assert one(opened, "{'o''clock \"x\" [1] 价格': 2}", engine) == [2]


@pytest.mark.parametrize("engine", ENGINES)
def test_damaged_pages_are_an_error(tmp_path: Path, engine: str) -> None:
    count = 50_000
    write(tmp_path, "users.parquet", {"id": range(count), "age": [n % 90 for n in range(count)]})
    path = tmp_path / "users.parquet"
    data = bytearray(path.read_bytes())
    data[100:5000] = bytes(4900)
    path.write_bytes(data)
    with pytest.raises(AudienceError):
        one(project(tmp_path), "{age: 1..}", engine)
