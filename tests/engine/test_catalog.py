"""Tables by name: of Spark's catalog, in memory and of Hive, as the files that they are."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import audience
from audience.errors import DataError, RuleError, UsageError
from support import Run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

RULE = """\
campaign: c
phase: p
as_of: 2024-03-05
packs:
  old: {where: {年龄: 40..}}
  busy: {where: {did: {event: buy, within: 2d, times: 2..}}}
"""
PROJECT = """\
engine: spark
tables:
  users: {table: dmp_test.users, key: id}
  events: {table: dmp_test.events, key: id, time: ts, day: dt, action: action}
"""


def rows(session: SparkSession) -> tuple[Any, Any]:
    people = [(n, n % 60) for n in range(100)]
    visits = [
        (n, datetime(2024, 3, day, 4), "buy", f"2024-03-0{day}")
        for day in range(1, 6)
        for n in range(0, 100, day)
    ]
    kinds = "id bigint, ts timestamp_ntz, action string, dt string"
    return session.createDataFrame(people, "id bigint, `年龄` int"), session.createDataFrame(
        visits, kinds
    )


@pytest.fixture
def folder(tmp_path: Path, spark: SparkSession) -> Iterator[Path]:
    """A project over two tables of the catalog, one with a partition a day."""
    folder = tmp_path / "项目 x"
    (folder / "rules").mkdir(parents=True)
    (folder / "audience.yaml").write_text(PROJECT)
    (folder / "rules/r.yaml").write_text(RULE)
    place = f"file://{tmp_path}/数据 库"
    spark.sql(f"CREATE DATABASE dmp_test LOCATION '{place}'")
    users, events = rows(spark)
    users.write.saveAsTable("dmp_test.users")
    events.write.partitionBy("dt").saveAsTable("dmp_test.events")
    yield folder
    spark.sql("DROP DATABASE dmp_test CASCADE")


BUSY = {n for n in range(100) if (n % 4 == 0) + (n % 5 == 0) == 2}
OLD = {n for n in range(100) if n % 60 >= 40}


def members(folder: Path) -> dict[str, set[int]]:
    (found,) = audience.build(audience.load(folder), dry_run=True)
    return {name: set(found.ids(name).to_pylist()) for name in found.packs}


def test_packs_over_tables_by_name(folder: Path, run: Run) -> None:
    assert members(folder) == {"old": OLD, "busy": BUSY}
    done = run("build-pack", "--format", "json", at=folder)
    assert done.code == 0, done.err
    manifest = json.loads((folder / "packs/c/p/latest/manifest.json").read_text())
    assert len(manifest["inputs"]) > 2
    assert run("verify", at=folder).code == 0
    assert run("check", at=folder).code == 0
    assert "年龄" in run("tags", at=folder).out


def test_partitions_are_those_that_the_catalog_knows(folder: Path, spark: SparkSession) -> None:
    """What lies beside them was never added, or was dropped."""
    spark.sql("ALTER TABLE dmp_test.events DROP PARTITION (dt = '2024-03-05')")
    text = (folder / "audience.yaml").read_text()
    gap = text.replace("day: dt,", "day: dt, known_gaps: [2024-03-05],")
    (folder / "audience.yaml").write_text(gap)
    assert members(folder)["busy"] == set()


def refused(folder: Path, old: str, new: str, error: type[Exception] = DataError) -> str:
    text = PROJECT.replace(old, new)
    (folder / "audience.yaml").write_text(text)
    with pytest.raises(error) as found:
        audience.build(audience.load(folder), dry_run=True)
    return str(found.value)


def test_what_can_not_be_read(folder: Path, spark: SparkSession) -> None:
    spark.sql("CREATE VIEW dmp_test.some AS SELECT * FROM dmp_test.users WHERE id < 10")
    spark.sql("CREATE TABLE dmp_test.lines USING csv AS SELECT * FROM dmp_test.users")
    spark.sql("CREATE TABLE dmp_test.none USING parquet AS SELECT * FROM dmp_test.users LIMIT 0")
    spark.sql(
        "ALTER TABLE dmp_test.events ADD PARTITION (dt = '2024-03-09')"
        f" LOCATION 'file://{folder.parent}/elsewhere'"
    )
    spark.table("dmp_test.events").where("dt = '2024-03-01'").drop("dt").write.mode(
        "append"
    ).parquet(f"file://{folder.parent}/elsewhere")
    users = "table: dmp_test.users"
    assert "`dmp_test.some` is a view" in refused(folder, users, "table: dmp_test.some")
    assert "is a table of csv" in refused(folder, users, "table: dmp_test.lines")
    assert "dmp_test.gone" in refused(folder, users, "table: dmp_test.gone")
    assert "table `users`" in refused(folder, users, "table: dmp_test.none")
    assert "SYNTAX_ERROR" in refused(folder, users, "table: 'no such thing; DROP'")
    assert "a partition that is not below" in refused(folder, users, users)
    told = refused(folder, "engine: spark", "engine: polars", UsageError)
    assert "the spark engine does" in told
    told = refused(folder, users, "table: dmp_test.users, path: users/", RuleError)
    assert "has `path` and `table`" in told


@pytest.mark.soak
def test_the_catalog_of_hive(tmp_path: Path, shell: Run) -> None:
    """In a process of its own: whether Spark keeps a catalog of Hive is decided at its start."""
    folder = tmp_path / "p"
    (folder / "rules").mkdir(parents=True)
    (folder / "rules/r.yaml").write_text(RULE)
    config = {
        "spark.sql.catalogImplementation": "hive",
        "spark.sql.warehouse.dir": f"file://{tmp_path}/warehouse",
        "spark.hadoop.javax.jdo.option.ConnectionURL": (
            f"jdbc:derby:;databaseName={tmp_path}/metastore;create=true"
        ),
        "spark.driver.memory": "1g",
        "spark.sql.shuffle.partitions": "2",
    }
    (folder / "audience.yaml").write_text(
        PROJECT + f"spark: {{master: 'local[2]', config: {json.dumps(config)}}}\n"
    )
    make = f"""
import sys
sys.path[:0] = {[str(Path(__file__).parents[1])]!r}
from engine.test_catalog import rows
from audience.engine.spark.session import start
from audience.rules.engines import SparkSpec
session = start(SparkSpec("local[2]", {config!r}))
session.sql("CREATE DATABASE dmp_test")
users, events = rows(session)
users.createTempView("u")
events.createTempView("e")
session.sql("CREATE TABLE dmp_test.users STORED AS PARQUET AS SELECT * FROM u")
session.sql("CREATE TABLE dmp_test.events (id bigint, ts timestamp, action string)"
            " PARTITIONED BY (dt string) STORED AS PARQUET")
session.sql("SET hive.exec.dynamic.partition.mode=nonstrict")
session.sql("INSERT INTO dmp_test.events SELECT id, cast(ts AS timestamp), action, dt FROM e")
import audience
(found,) = audience.build(audience.load({str(folder)!r}))
assert {{name: set(found.ids(name).to_pylist()) for name in found.packs}} == {{
    "old": {OLD!r}, "busy": {BUSY!r}}}
"""
    path = tmp_path / "make.py"
    path.write_text(make)
    done = subprocess.run([sys.executable, path], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    verified = shell("verify", at=folder)
    assert verified.code == 0, verified.err
