"""Spark beside others: whoever has held frames, set settings, or written files as nobody else."""

from __future__ import annotations

import signal
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from py4j.protocol import Py4JNetworkError

import audience
from audience.engine.spark import members
from audience.engine.spark.engine import SparkEngine
from audience.engine.spark.session import start
from audience.errors import DataError, UnreadableError, UsageError
from audience.rules.engines import SparkSpec
from engine.ways import project, put, rule

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FLAT = "  events: {path: events, key: id, time: ts}\n"
DAY = "2024-03-01"


def built(opened: Any, path: Path, engine: str = "spark", *, dry_run: bool = True) -> Any:
    return audience.build(opened, path, dry_run=dry_run, engine=engine, cache=False)[0]


def ids(found: Any) -> dict[str, list[Any]]:
    return {name: found.ids(name).to_pylist() for name in found.packs}


def same(opened: Any, path: Path) -> dict[str, list[Any]]:
    """Who is in what, on all engines."""
    found = [ids(built(opened, path, engine)) for engine in ("polars", "duckdb", "spark")]
    assert found[0] == found[1] == found[2]
    return found[0]


def test_a_table_that_was_replaced_is_read_anew(tmp_path: Path, spark: SparkSession) -> None:
    """Spark takes what is held for the same paths, whatever is in the files by now."""
    put(tmp_path, "users.parquet", id=[1, 2], v=[0, 5])
    opened = project(tmp_path, "")
    path = rule(tmp_path, {"a": "{v: 1..}"}, DAY)
    mine = spark.read.parquet(f"file://{tmp_path}/users.parquet").cache()
    try:
        assert mine.count() == 2
        first = built(opened, path)
        assert ids(first) == {"a": [2]}
        put(tmp_path, "users.parquet", id=[1, 2, 3], v=[5, 0, 7])
        second = built(audience.load(tmp_path), path, dry_run=False)
        assert ids(second) == {"a": [1, 3]}
        assert ids(first) == {"a": [2]}
        del first
        assert pq.read_table(tmp_path / "packs/c/p/latest/a.parquet")["id"].to_pylist() == [1, 3]
    finally:
        mine.unpersist()


def test_a_table_that_changes_while_packs_are_written(
    tmp_path: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a worker has lost by then is read again."""
    file = put(tmp_path, "users.parquet", id=[1, 2], v=[0, 5])
    opened = project(tmp_path, "")
    path = rule(tmp_path, {"a": "{v: 1..}"}, DAY)
    written = members.write_parts

    def lost(*each: Any) -> Any:
        put(
            tmp_path,
            "users.parquet",
            id=[1, 2],
            v=[5, 0],
        )
        return written(*each)

    monkeypatch.setattr(members, "write_parts", lost)
    with pytest.raises(DataError, match=r"users\.parquet changed while it was read"):
        built(opened, path, dry_run=False)
    assert file.exists()
    assert not (tmp_path / "packs/c/p/latest").exists()


def test_a_session_stays_as_it_is(tmp_path: Path, spark: SparkSession) -> None:
    """Which one is active, what RDDs become, and what files are read with."""
    put(tmp_path, "users.parquet", id=[1, 2, 3])
    opened = project(tmp_path, "")
    path = rule(tmp_path, {"a": "{ids: [1, 3]}"}, DAY)
    session = spark.newSession()
    session.conf.set("spark.sql.ansi.enabled", "true")
    session.createDataFrame([(1,)], "n int").createOrReplaceTempView("mine")
    hadoop = session.sparkContext._jsc.hadoopConfiguration()
    checked = "parquet.page.verify-checksum.enabled"
    before = hadoop.get(checked)
    (found,) = audience.build(opened, path, dry_run=True, spark=session)
    assert ids(found) == {"a": [1, 3]}
    active = type(spark).getActiveSession()
    assert active is session
    assert active.sql("SELECT n FROM mine").collect()[0][0] == 1
    numbers = session.sparkContext.parallelize([(1,)])
    assert numbers.toDF(["n"]).sparkSession is session
    assert hadoop.get(checked) == before


def test_the_database_of_a_session(tmp_path: Path, spark: SparkSession) -> None:
    """A table is looked for where the session would look for it; its folder has odd signs."""
    place = tmp_path / "a%20b#c"
    spark.sql(f"CREATE DATABASE dmp_beside LOCATION '{tmp_path}/db'")
    try:
        spark.sql(f"CREATE TABLE dmp_beside.people (id bigint) USING parquet LOCATION '{place}'")
        spark.sql("INSERT INTO dmp_beside.people VALUES (1), (2)")
        session = spark.newSession()
        session.sql("USE dmp_beside")
        users = "engine: spark\ntables:\n  users: {table: people, key: id}\n"
        (tmp_path / "audience.yaml").write_text(users)
        path = rule(tmp_path, {"a": "{id: 2..}"}, DAY)
        (found,) = audience.build(audience.load(tmp_path), path, dry_run=True, spark=session)
        assert ids(found) == {"a": [2]}
    finally:
        spark.sql("DROP DATABASE dmp_beside CASCADE")


def test_keys_without_a_sign(tmp_path: Path, spark: SparkSession) -> None:
    """One that 64 bits with a sign don't hold would become another one's, below zero."""
    large = pa.array([1, 2**63 + 5], pa.uint64())
    put(tmp_path, "users.parquet", id=large, v=[0, 5])
    put(tmp_path, "events/e.parquet", id=large, ts=[datetime(2024, 3, 1)] * 2)
    opened = project(tmp_path, FLAT)
    for where in ("{v: 1..}", "{did: {within: 1d}}"):
        with pytest.raises(DataError, match=r"`users`: `id` has 9223372036854775813; keys go up"):
            built(opened, rule(tmp_path, {"a": where}, DAY))
    put(tmp_path, "users.parquet", id=[1, 2], v=[0, 5])
    with pytest.raises(DataError, match=r"`events`: `id` has 9223372036854775813"):
        built(project(tmp_path, FLAT), rule(tmp_path, {"a": "{did: {within: 1d}}"}, DAY))


def test_whole_numbers_with_and_without_a_sign(tmp_path: Path, spark: SparkSession) -> None:
    put(tmp_path, "users/0.parquet", id=[1, 2], v=pa.array([3, 2**64 - 1], pa.uint64()))
    put(tmp_path, "users/1.parquet", id=[3, 4], v=[3, -7])
    events = {"ts": [datetime(2024, 3, 1)] * 2}
    put(tmp_path, "events/0.parquet", id=[1, 2], v=pa.array([3, 2**63], pa.uint64()), **events)
    put(tmp_path, "events/1.parquet", id=[3, 4], v=[3, -7], **events)
    opened = project(tmp_path, FLAT, users="  users: {path: users, key: id}\n")
    wheres = {
        "some": "{v: 1..}",
        "large": "{v: 1000000000000000000..}",
        "sum": "{did: {in: events, sum: {v: 4..}}}",
        "each": "{did: {in: events, where: {v: ..3}}}",
    }
    assert same(opened, rule(tmp_path, wheres, DAY)) == {
        "some": [1, 2, 3],
        "large": [2],
        "sum": [2],
        "each": [1, 3, 4],
    }


@pytest.mark.parametrize("engine", ["polars", "duckdb", "spark"])
@pytest.mark.parametrize("times", [1, 120, 5000])
def test_many_infinite_values(times: int, engine: str, tmp_path: Path) -> None:
    """They stay more than any bound, however many a user has."""
    values = [np.inf] * times + [-np.inf] * times
    put(tmp_path, "users.parquet", id=[1, 2, 3])
    moments = [datetime(2024, 3, 1)] * len(values)
    put(tmp_path, "events/e.parquet", id=[1] * times + [2] * times, x=values, ts=moments)
    wheres = {
        "more": "{did: {in: events, sum: {x: 1000000000000000000..}}}",
        "less": "{did: {in: events, sum: {x: ..-1000000000000000000}}}",
        "none": "{did: {in: events, sum: {x: -1..1}}}",
        "mean": "{did: {in: events, mean: {x: 1000000000000000000..}}}",
    }
    found = built(project(tmp_path, FLAT), rule(tmp_path, wheres, DAY), engine)
    assert ids(found) == {"more": [1], "less": [2], "none": [3], "mean": [1]}


def test_days_of_no_calendar(tmp_path: Path, spark: SparkSession) -> None:
    """Java's older one has no 10 October 1582."""
    days = [date(1582, 10, 10), date(1, 1, 1), date(9999, 12, 31), date(2024, 3, 1)]
    put(tmp_path, "users.parquet", id=[1, 2, 3, 4], d=days)
    wheres = {f"d{n}": f"{{d: {day.isoformat()}}}" for n, day in enumerate(days)}
    wheres["early"] = "{d: ..1582-10-10}"
    assert same(project(tmp_path, ""), rule(tmp_path, wheres, DAY)) == {
        **{f"d{n}": [n + 1] for n in range(4)},
        "early": [1, 2],
    }


def test_times_of_96_bits_beside_another_setting(tmp_path: Path, spark: SparkSession) -> None:
    """A cluster may move them, and put the columns of all files together."""
    moments = [datetime(2024, 2, 29, 15, 59), datetime(2024, 2, 29, 16), datetime(2024, 3, 1)]
    table = pa.table({"id": [1, 2, 3], "ts": pa.array(moments, pa.timestamp("ns"))})
    (tmp_path / "events").mkdir()
    pq.write_table(table, tmp_path / "events/e.parquet", use_deprecated_int96_timestamps=True)
    put(tmp_path, "users/0.parquet", id=[1, 2], x=pa.array([[1], []], pa.list_(pa.int32())))
    put(tmp_path, "users/1.parquet", id=[3], x=[[1]])
    opened = project(tmp_path, FLAT, users="  users: {path: users, key: id}\n")
    path = rule(tmp_path, {"a": "{did: {within: 1d}}", "b": "{did: {hours: 0..8}}"}, DAY)
    others = ["spark.sql.parquet.int96TimestampConversion", "spark.sql.parquet.mergeSchema"]
    context = spark.sparkContext._jsc.sc().conf()
    try:
        for name in others:
            context.set(name, "true")
        found = built(opened, path)
    finally:
        for name in others:
            context.remove(name)
    assert ids(found) == {"a": [3], "b": [3]}


def test_a_column_that_nobody_asks_for(tmp_path: Path, spark: SparkSession) -> None:
    """Of a type that Spark does not have."""
    columns = {
        "row": [1, 2, 3],
        "open": [time(9), None, time(12)],
        "v": pa.array([1, 2, 3], pa.uint32()),
        "s": pa.array(["a", "b", None]).dictionary_encode(),
        "t": pa.array([datetime(2024, 3, 1)] * 3, pa.timestamp("ns", "UTC")),
        "d": pa.array([1, 2, 3], pa.uint64()),
    }
    put(tmp_path, "users.parquet", **columns)
    opened = project(tmp_path, "", users="  users: {path: users.parquet, key: row}\n")
    wheres = {"a": "{v: 2..}", "b": "{s: b}", "c": "{t: 2024-03-01}", "d": "{d: ..2}"}
    expected = {"a": [2, 3], "b": [2], "c": [1, 2, 3], "d": [1, 2]}
    assert same(opened, rule(tmp_path, wheres, DAY)) == expected


def test_a_key_of_any_name(tmp_path: Path, spark: SparkSession) -> None:
    put(tmp_path, "users.parquet", row=[1, 2, 3], v=[1, 2, 3])
    opened = project(tmp_path, "", users="  users: {path: users.parquet, key: row}\n")
    built(opened, rule(tmp_path, {"a": "{v: 2..}"}, DAY), dry_run=False)
    assert pq.read_table(tmp_path / "packs/c/p/latest/a.parquet")["row"].to_pylist() == [2, 3]


def test_a_zone_that_java_does_not_know(tmp_path: Path, spark: SparkSession) -> None:
    put(tmp_path, "users.parquet", id=[1])
    opened = project(tmp_path, "")
    (tmp_path / "audience.yaml").write_text(
        (tmp_path / "audience.yaml").read_text().replace("Asia/Shanghai", "America/Coyhaique")
    )
    opened = audience.load(tmp_path)
    path = rule(tmp_path, {"a": "{id: 1}"}, DAY)
    with pytest.raises(UsageError, match="`time_zone: America/Coyhaique` is nothing that Spark"):
        built(opened, path)


@pytest.mark.parametrize("error", [Py4JNetworkError("gone"), ConnectionRefusedError(111, "no")])
def test_a_java_that_has_ended(error: Exception) -> None:
    """Whatever was asked of it last."""

    class Gone:
        def unpersist(self) -> None:
            raise error

    engine = SparkEngine("UTC")
    with pytest.raises(UnreadableError, match="Spark's Java has ended"), engine.refusals():
        raise error
    gone: Any = Gone()
    engine._held.append(gone)
    engine.close()


def test_a_log_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AUDIENCE_SPARK_LOG", str(tmp_path))
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(UsageError, match="AUDIENCE_SPARK_LOG: cannot write"):
        start(SparkSpec())
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("engine", ["polars", "duckdb", "spark"])
def test_times_beyond_all_calendars(engine: str, tmp_path: Path) -> None:
    """Footers that tell of the year 140000, of an event's time and of a tag."""
    far = pa.array([2**62, 0], pa.timestamp("us"))
    put(tmp_path, "users.parquet", id=[1, 2], d=pa.array([2**30, 0], pa.date32()))
    put(tmp_path, "events/e.parquet", id=[1, 2], ts=far)
    tags = "tags:\n  d: {values: {start: '1970-01-01'}}\n"
    (tmp_path / "rules").mkdir()
    opened = project(tmp_path, FLAT, more=tags)
    path = rule(tmp_path, {"a": "{did: {between: ..1970-01-02}}"}, DAY)
    assert ids(built(opened, path, engine)) == {"a": [2]}


def test_no_day_of_a_window_on_the_disk(tmp_path: Path, spark: SparkSession) -> None:
    put(tmp_path, "users.parquet", id=[1, 2])
    put(tmp_path, "events/dt=2024-01-01/e.parquet", id=[1], ts=[datetime(2024, 1, 1)])
    gaps = "  events: {path: events, key: id, time: ts, day: dt, known_gaps: [2024-01-02..]}\n"
    wheres = {
        "did": "{did: {within: 2d}}",
        "none": "{did: {within: 2d, times: ..3}}",
        "then": "{did: {within: 2d, then: {after: 1d..}}}",
    }
    found = same(project(tmp_path, gaps), rule(tmp_path, wheres, DAY))
    assert found == {"did": [], "none": [1, 2], "then": []}
