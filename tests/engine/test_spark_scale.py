"""Spark with many rows: what is not read, what is not sent on, and who has most of the events."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pyspark
import pytest

import audience
from audience.engine.spark.java import java_home
from audience.errors import AudienceError
from engine.ways import event, project, put, rule

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

USERS = 500
EVENTS = 120_000


def ids(opened: Any, path: Path, engine: str) -> dict[str, list[Any]]:
    (found,) = audience.build(opened, path, dry_run=True, engine=engine, cache=False)
    return {name: found.ids(name).to_pylist() for name in found.packs}


def shuffled(spark: SparkSession) -> dict[int, int]:
    """By stage how many rows it has sent on."""
    jvm = spark.sparkContext._jvm
    assert jvm is not None
    nothing = jvm.java.util.ArrayList()
    numbers = spark.sparkContext._gateway.new_array(jvm.double, 0)
    store = spark.sparkContext._jsc.sc().statusStore()
    stages = store.stageList(nothing, False, False, numbers, nothing)
    found = [stages.apply(number) for number in range(stages.size())]
    return {stage.stageId(): stage.shuffleWriteRecords() for stage in found}


@pytest.fixture
def skewed(tmp_path: Path) -> Any:
    """One user has nine of ten events, and there is one who is in no user table."""
    rng = np.random.default_rng(7)
    users = rng.integers(0, USERS + 1, EVENTS)
    users[rng.random(EVENTS) < 0.9] = 17
    moments = [
        datetime(2024, 2, 1) + timedelta(seconds=int(s)) for s in rng.integers(0, 2 << 20, EVENTS)
    ]
    put(tmp_path, "users.parquet", id=list(range(USERS)), v=list(range(USERS)))
    columns = {
        "id": pa.array(users, pa.int64()),
        "ts": pa.array(moments, pa.timestamp("us")),
        "price": rng.integers(1, 10_000, EVENTS) / 100,
        "item": pa.array(rng.integers(0, 5_000, EVENTS), pa.int64()),
        "action": pa.array(rng.choice(["view", "cart", "buy"], EVENTS)),
    }
    (tmp_path / "events").mkdir()
    for part in range(4):
        table = pa.table(columns).slice(part * EVENTS // 4, EVENTS // 4)
        pq.write_table(table, tmp_path / f"events/{part}.parquet")
    table_text = "  events: {path: events, key: id, time: ts, action: action}\n"
    return project(tmp_path, table_text)


def test_a_user_with_most_of_the_events(
    skewed: Any, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a user at most a row a part of a file is sent on, and none to Python."""
    monkeypatch.setattr(spark.sparkContext, "pythonExec", "/there/is/no/python")
    wheres = {
        "count": "{did: {event: view, within: 60d, times: 20..}}",
        "sum": "{did: {event: buy, within: 60d, sum: {price: 3000..}}}",
        "distinct": "{did: {event: cart, within: 60d, distinct: {item: 10..}}}",
        "days": "{did: {event: [view, buy], within: 60d, days: 20..}}",
        "no": "{did_not: {event: cart, within: 10d}}",
    }
    path = rule(skewed.root, wheres, "2024-03-01")
    expected = ids(skewed, path, "polars")
    before = set(shuffled(spark))
    assert ids(skewed, path, "spark") == expected
    assert all(17 in expected[name] for name in ("count", "sum", "distinct"))
    sent = {stage: rows for stage, rows in shuffled(spark).items() if stage not in before}
    assert 0 < max(sent.values()) <= 8 * (USERS + 1)


def test_what_follows_of_a_user_with_most_of_the_events(skewed: Any, spark: SparkSession) -> None:
    """All rows of that user are put in order by one task."""
    then = "then: {event: buy, after: 1h..48h, same: item}"
    wheres = {
        "followed": f"{{did: {{event: view, within: 60d, {then}, times: 3..}}}}",
        "each": "{did: {event: buy, within: 60d, each: item, sum: {price: 150..}, times: 2..}}",
    }
    path = rule(skewed.root, wheres, "2024-03-01")
    expected = ids(skewed, path, "polars")
    assert 17 in expected["followed"]
    assert ids(skewed, path, "spark") == expected


def test_days_outside_of_windows_are_not_read(tmp_path: Path, spark: SparkSession) -> None:
    """Their folders are left out: what lies in them may be anything."""
    rows = list(range(2_000))
    put(tmp_path, "users.parquet", id=rows)
    for day in (1, 2, 3):
        path = event(tmp_path, day, id=rows, price=[day + n / 7 for n in rows])
    first = tmp_path / "events/dt=2024-03-01/e.parquet"
    data = bytearray(first.read_bytes())
    data[4 : len(data) // 2] = b"x" * (len(data) // 2 - 4)  # the footer, at the end, stays
    first.write_bytes(data)
    assert path.name == "e.parquet"
    opened = project(tmp_path)
    inside = {"a": "{did: {in: events, between: 2024-03-02.., sum: {price: 100..}}}"}
    found = ids(opened, rule(tmp_path, inside, "2024-03-03"), "spark")
    assert found == ids(opened, rule(tmp_path, inside, "2024-03-03"), "polars")
    assert 0 < len(found["a"]) < len(rows)
    outside = {"a": "{did: {in: events, between: 2024-03-01.., sum: {price: 100..}}}"}
    with pytest.raises(AudienceError, match="dt=2024-03-01"):
        ids(opened, rule(tmp_path, outside, "2024-03-03"), "spark")


@pytest.mark.soak
def test_a_program_that_is_submitted(tmp_path: Path) -> None:
    """The session is that of who submits, with its own settings."""
    put(tmp_path, "users.parquet", id=[1, 2, 3], v=[1, 2, None])
    opened = project(tmp_path, "", more="engine: spark\nspark: {master: 'local[7]'}\n")
    rule(tmp_path, {"a": "{v: 2}"}, "2024-03-01")
    script = tmp_path / "job.py"
    script.write_text(
        "import audience\n"
        "from pyspark.sql import SparkSession\n"
        "session = SparkSession.builder.getOrCreate()\n"
        "(found,) = audience.build(audience.load('.'))\n"
        "print(session.sparkContext.master, found.ids('a').to_pylist())\n"
    )
    submit = Path(pyspark.__file__).parent / "bin/spark-submit"
    done = subprocess.run(
        [submit, "--master", "local[1]", "--conf", "spark.ui.enabled=false", script],
        cwd=tmp_path,
        env={**os.environ, "JAVA_HOME": str(java_home()), "PYSPARK_PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "local[1] [2]"
    assert audience.members(opened, "c/p/a").to_pylist() == [2]


def test_texts_are_in_the_order_of_their_bytes(tmp_path: Path, spark: SparkSession) -> None:
    """Not in Java's own, in which signs beyond U+FFFF come before the last ones up to it."""
    keys = ["\U0001f600", "\uff5e", "小米", "Z", "a", "é", "e\u0301", ""]
    put(tmp_path, "users.parquet", id=keys)
    opened = project(tmp_path, "")
    path = rule(tmp_path, {"all": "{id: known}", "some": "{id: {not_in: [Z]}}"}, "2024-03-01")
    expected = ids(opened, path, "polars")
    assert expected["all"] == sorted(keys, key=str.encode)
    assert ids(opened, path, "spark") == expected
    (told,) = audience.build(opened, path, engine="spark", cache=False)
    assert told.published is not None
    files = sorted((told.published.folder / "all.parquet").glob("*.parquet"))
    assert [key for file in files for key in pq.read_table(file)["id"].to_pylist()] == expected[
        "all"
    ]


def test_tags_are_counted_where_they_lie(
    tmp_path: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row a value is brought here, not a row a user."""
    rng = np.random.default_rng(3)
    rows = 5_000
    days = [datetime(2024, 1, 1) + timedelta(days=int(n)) for n in rng.integers(0, 90, rows)]
    columns: dict[str, pa.Array] = {
        "id": pa.array(range(rows), pa.int64()),
        "age": pa.array([int(n) or None for n in rng.integers(0, 60, rows)], pa.int16()),
        "score": pa.array([n / 8 if n else None for n in rng.integers(0, 99, rows).tolist()]),
        "seen": pa.array(days, pa.timestamp("us")),
        "city": pa.array(rng.choice(["北京", "上海", "x"], rows)),
        "likes": pa.array(
            [[["a", None], ["b", "a"], [], None][n] for n in rng.integers(0, 4, rows)]
        ),
        "plus": pa.array([[True, False, None][n] for n in rng.integers(0, 3, rows)]),
        "none": pa.nulls(rows, pa.float64()),
    }
    put(tmp_path, "users.parquet", **columns)
    opened = project(tmp_path, "")
    expected = audience.tags(opened)
    seen = []

    def note(frame: Any) -> pa.Table:
        found = frame.toArrow()
        seen.append(found.num_rows)
        return found

    monkeypatch.setattr("audience.engine.spark.engine.to_arrow", note)
    assert audience.tags(opened, engine="spark") == expected
    assert len(expected) == len(columns) - 1
    assert max(seen) <= 100
