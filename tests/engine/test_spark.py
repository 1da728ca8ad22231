"""Spark: the shipped campaigns as Polars has them, limits, keys that are wrong, its own dialect."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import audience
from audience.commands.app import app
from audience.engine.choice import open_engine
from audience.engine.spark import java, session
from audience.engine.spark.behaviour import AGGREGATES
from audience.errors import AudienceError, DataError, RuleError, UsageError
from audience.operators import MEASURES
from audience.operators.java import for_java
from audience.rules.engines import SparkSpec
from engine.ways import project, put, rule

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).parents[2]
USERS = 3_000


def built(opened: Any, path: Path, engine: str) -> Any:
    return audience.build(opened, path, dry_run=True, engine=engine, cache=False)[0]


@pytest.mark.soak
@pytest.mark.parametrize("name", ["1-seize-rivals", "4-optimise"])
def test_a_shipped_campaign(name: str, spark: SparkSession) -> None:
    """Sizes, overlaps, stages, what is missing, warnings, and every id."""
    opened = audience.load(ROOT)
    path = ROOT / f"rules/mi13-2023/{name}.yaml"
    found, expected = (built(opened, path, engine) for engine in ("spark", "polars"))
    assert found.summary == expected.summary
    assert found.warnings == expected.warnings
    for pack in expected.packs:
        assert found.ids(pack).equals(expected.ids(pack)), pack


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, Any]]:
    """What runs are opened on."""
    found = []

    def note(project: Any) -> Any:
        found.append((project.engine, project.session))
        return open_engine(project)

    monkeypatch.setattr("audience.evaluation.open_engine", note)
    return found


def test_one_line_in_the_project(
    tmp_path: Path, spark: SparkSession, engines: list[tuple[str, Any]]
) -> None:
    """`engine: spark` is all; an option or a session that is handed over wins."""
    put(tmp_path, "users.parquet", id=[1, 2, 3], v=[1, 2, None])
    opened = project(tmp_path, "")
    path = rule(tmp_path, {"a": "{v: 2}"}, "2024-03-01")
    file = tmp_path / "audience.yaml"
    file.write_text("engine: spark\n" + file.read_text())
    told = audience.load(tmp_path)
    session = spark.newSession()
    asked: list[tuple[Any, dict[str, Any]]] = [
        (opened, {}),
        (told, {}),
        (told, {"engine": "duckdb"}),
        (opened, {"spark": session}),
        (told, {"engine": "spark", "spark": session}),
    ]
    for each, options in asked:
        (found,) = audience.build(each, path, dry_run=True, **options)
        assert found.ids("a").to_pylist() == [2]
    assert engines == [
        ("polars", None),
        ("spark", None),
        ("duckdb", None),
        ("spark", session),
        ("spark", session),
    ]
    done = CliRunner().invoke(app, ["size", str(path), "--project", str(tmp_path)])
    assert done.exit_code == 0
    assert engines[-1] == ("spark", None)
    with pytest.raises(UsageError, match="a session of Spark is nothing for engine `duckdb`"):
        audience.build(told, path, engine="duckdb", spark=session)


def test_what_a_project_says_of_spark(tmp_path: Path) -> None:
    put(tmp_path, "users.parquet", id=[1])
    project(tmp_path, "")
    file = tmp_path / "audience.yaml"
    text = "spark: {master: 'spark://host:7077', config: {spark.executor.memory: 4g}}\n"
    file.write_text(text + file.read_text())
    found = audience.load(tmp_path)
    assert found.spark == SparkSpec("spark://host:7077", {"spark.executor.memory": "4g"})
    assert found.engine == "polars"


@pytest.mark.parametrize(
    "master",
    [
        "local",
        "local[4]",
        "local[*]",
        "local[*, 3]",
        "local-cluster[2,1,1024]",
        "yarn",
        "spark://a:7077,b-c.d:7078",
        "spark://[::1]:7077",
        "k8s://https://10.0.0.5:6443",
    ],
)
def test_masters(master: str, tmp_path: Path) -> None:
    put(tmp_path, "users.parquet", id=[1])
    opened = project(tmp_path, "", more=f"spark: {{master: '{master}'}}\n")
    assert opened.spark.master == master


def test_a_master_that_does_not_answer(tmp_path: Path) -> None:
    """Spark itself tries for a minute, and then tells of something else."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
        with pytest.raises(UsageError) as told:
            session.start(SparkSpec(f"spark://{address},no.such.host.invalid:7077"))
    assert str(told.value).startswith(
        f"no master of Spark answers: {address} (Connection refused), no.such.host.invalid:7077 ("
    )


@pytest.mark.parametrize("host", ["a..b", "长" * 70])
def test_a_master_whose_name_none_can_have(host: str) -> None:
    with pytest.raises(UsageError) as told:
        session.check_master(f"spark://{host}:7077")
    assert str(told.value) == f"no master of Spark answers: {host}:7077 (no name of a host)"


def test_a_java_that_ends_at_once() -> None:
    """Why it did, PySpark does not know."""
    error = RuntimeError("[JAVA_GATEWAY_EXITED] Java gateway process exited before sending …")
    assert session.reason_of(error) == (
        "Java ended at once; AUDIENCE_SPARK_LOG=FILE keeps what it has to say"
    )


def test_one_of_two_masters_is_enough() -> None:
    with socket.create_server(("127.0.0.1", 0)) as there:
        found = there.getsockname()[1]
        session.check_master(f"spark://127.0.0.1:1,127.0.0.1:{found}")


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize(
    ("limit", "config", "expected"),
    [
        ("8589934592", {}, "2048m"),
        ("8589934592", {"spark.driver.memory": "3g"}, "3g"),
        ("1073741824", {}, "1024m"),
        ("max", {}, None),
        (None, {}, None),
    ],
)
def test_memory_of_the_driver_on_one_machine(
    limit: str | None,
    config: dict[str, str],
    expected: str | None,
    order: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A quarter of what we may use, wherever it is said, but for what the project says."""
    from pyspark.sql import SparkSession

    if limit is not None:
        (tmp_path / "memory.max").write_text(limit + "\n")
    limits = (tmp_path / "none", tmp_path / "memory.max")
    monkeypatch.setattr(session, "_LIMITS", limits[::order])
    chosen: dict[str, Any] = {}

    class Builder(SparkSession.Builder):
        def getOrCreate(self) -> Any:
            chosen.update(self._options)

    monkeypatch.setattr(SparkSession, "builder", Builder())
    session.start(SparkSpec("local[2]", config))
    whole = int(re.findall(r"MemTotal: *(\d+) kB", Path("/proc/meminfo").read_text())[0])
    assert chosen["spark.driver.memory"] == (expected or f"{whole >> 12}m")
    chosen.clear()
    SparkSession.builder._options.clear()
    session.start(SparkSpec("yarn", config))
    assert chosen.get("spark.driver.memory") == config.get("spark.driver.memory")


def test_stages_are_explained(tmp_path: Path, spark: SparkSession) -> None:
    """What is read, what is left to scans, and what is shuffled, of a plan that is not run."""
    put(tmp_path, "users.parquet", id=[1, 2, 3], v=[1, 2, None], w=[1.5, 2, 3], x=["a", "b", "c"])
    put(
        tmp_path,
        "events/e.parquet",
        id=[1],
        ts=[datetime(2024, 2, 29)],
        action=["buy"],
        price=[1.5],
        brand=["m"],
    )
    table = "  events: {path: events, key: id, time: ts, action: action}\n"
    opened = project(tmp_path, table)
    wheres = {
        "a": "{v: 2, x: [a, b]}",
        "b": "{did: {event: buy, within: 9y, sum: {price: 1..}}}",
        "c": "{did_not: {event: [view, cart], within: 30d}}",
        "d": "{ids: [1, 2]}",
    }
    path = rule(tmp_path, wheres, "2024-03-01")
    limited = "  e: {where: {v: known}, limit: {keep: 2, by: w, order: asc}}\n"
    path.write_text(path.read_text() + limited)
    text = audience.explain(opened, path, engine="spark")
    told = text[text.index("how, on Spark") :].splitlines()
    assert told[1] == "  events: 1 row"
    pushed = r"LessThan\(ts,2024-03-02.*EqualTo\(action,buy\).*EqualTo\(action,view\)"
    assert re.fullmatch(rf"    stage: scan of 4 columns where .*{pushed}.*, aggregate", told[2])
    assert re.fullmatch(r"    shuffle: \d+ columns, about \d+ bytes a row", told[3])
    assert told[4] == "    last stage: aggregate"
    assert told[5] == "  users: 3 rows"
    assert any("scan of 4 columns" in line for line in told[6:])
    assert "    limit of 2: put in order by one more shuffle, counted" in told
    assert any("a list" in line for line in told)
    assert "how, on Spark" not in audience.explain(opened, path)
    done = CliRunner().invoke(app, ["explain", str(path), "--engine", "spark", "-p", str(tmp_path)])
    assert done.stdout == text


@pytest.mark.parametrize(
    "key, keep",
    [
        ("whole", 700),
        ("text", USERS),
        *(pytest.param("whole", keep, marks=pytest.mark.soak) for keep in (1, USERS, 2 * USERS)),
        *(pytest.param("text", keep, marks=pytest.mark.soak) for keep in (1, 700, 2 * USERS)),
    ],
)
def test_limits_and_splits(key: str, keep: int, tmp_path: Path, spark: SparkSession) -> None:
    """Ties, missing values and a limit that falls into a part, or takes everybody."""
    ids = list(range(USERS)) if key == "whole" else [f"用户{n:0{n % 4}}" for n in range(USERS)]
    value = [None if n % 7 == 0 else n * n % 50 - 25 for n in range(USERS)]
    put(tmp_path, "users.parquet", id=ids, v=pa.array(value, pa.int32()))
    opened = project(tmp_path, "")
    path = tmp_path / "rules/r.yaml"
    limits = {"most": "by: v, order: desc", "least": "by: v, order: asc"}
    path.write_text(
        "campaign: c\nphase: p\nas_of: 2024-03-01\npacks:\n"
        + "".join(
            f"  {name}: {{where: {{v: -20..}}, limit: {{keep: {keep}, {how}}}}}\n"
            for name, how in limits.items()
        )
        + f"  all: {{where: {{id: known}}, limit: {{keep: {keep}, by: v, order: asc}},"
        " split: {treatment: 90%, control: 10%}}\n"
        "  of_them: {where: {all: [most, {not: least}]}}\n"
    )
    found, expected = (built(opened, path, engine) for engine in ("spark", "polars"))
    assert found.summary == expected.summary
    for pack in expected.packs:
        assert found.ids(pack).equals(expected.ids(pack)), pack


def test_a_place_at_a_limit_is_not_told_yet(tmp_path: Path, spark: SparkSession) -> None:
    put(tmp_path, "users.parquet", id=[1, 2, 3], v=[1, 2, 3])
    opened = project(tmp_path, "")
    path = tmp_path / "rules/r.yaml"
    path.write_text(
        "campaign: c\nphase: p\nas_of: 2024-03-01\npacks:\n"
        "  a: {where: {v: 1..}, limit: {keep: 2, by: v, order: asc}}\n"
    )
    with pytest.raises(UsageError, match="--engine polars"):
        audience.why(opened, "c/p/a", 1, engine="spark")


@pytest.mark.parametrize("keys", [[1, 2, 2, 3, 3], [1, None, 3], ["a", "b", "b"]])
def test_keys_that_are_wrong(keys: list[Any], tmp_path: Path, spark: SparkSession) -> None:
    put(tmp_path, "users.parquet", id=keys, v=[1] * len(keys))
    opened = project(tmp_path, "")
    path = rule(tmp_path, {"a": "{v: 1}"}, "2024-03-01")
    told = []
    for engine in ("polars", "spark"):
        with pytest.raises(DataError) as error:
            built(opened, path, engine)
        told.append(str(error.value))
    assert told[0] == told[1]


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize("zone", [None, "UTC", "America/New_York"])
def test_times(unit: str, zone: str | None, tmp_path: Path, spark: SparkSession) -> None:
    """Of every unit and zone, also where a clock was put forward, and before 1970."""
    moments = [
        datetime(2024, 2, 29, 15, 59, 59, 999000),
        datetime(2024, 2, 29, 16),
        datetime(2024, 3, 10, 2, 30),
        datetime(1969, 12, 31, 23, 59, 59, 1000),
        datetime(1900, 1, 1),
        None,
    ]
    kind = pa.timestamp(unit, zone)
    times = pa.array(moments, pa.timestamp(unit)).cast(kind)
    put(tmp_path, "users.parquet", id=list(range(6)), seen=times)
    put(tmp_path, "events/e.parquet", id=list(range(6)), ts=times)
    opened = project(tmp_path, "  events: {path: events, key: id, time: ts}\n")
    wheres = {
        "old": "{seen: ..1970-01-01}",
        "day": "{seen: 2024-03-01}",
        "night": "{did: {in: events, hours: 22..3}}",
        "early": "{did: {in: events, between: ..2000-01-01}}",
        "within": "{seen: {within: 99999y}}",
    }
    path = rule(tmp_path, wheres, "2024-03-30")
    found, expected = (built(opened, path, engine) for engine in ("spark", "polars"))
    for pack in expected.packs:
        assert found.ids(pack).equals(expected.ids(pack)), pack


def test_times_of_96_bits(tmp_path: Path, spark: SparkSession) -> None:
    """As Hive and Spark write them: nothing says their zone, so they are taken as local."""
    moments = [datetime(2024, 2, 29, 23, 59, 59, 999999), datetime(2024, 3, 1), None]
    table = pa.table({"id": [1, 2, 3], "ts": pa.array(moments, pa.timestamp("ns"))})
    (tmp_path / "events").mkdir()
    pq.write_table(table, tmp_path / "events/e.parquet", use_deprecated_int96_timestamps=True)
    put(tmp_path, "users.parquet", id=[1, 2, 3], seen=table["ts"])
    opened = project(tmp_path, "  events: {path: events, key: id, time: ts}\n")
    wheres = {"a": "{did: {between: 2024-03-01..}}", "b": "{did: {hours: 23, within: 9y}}"}
    path = rule(tmp_path, wheres, "2024-03-30")
    for engine in ("polars", "duckdb", "spark"):
        found = built(opened, path, engine)
        assert [found.ids(name).to_pylist() for name in ("a", "b")] == [[2], [1]], engine


def test_a_session_of_other_ways(tmp_path: Path, spark: SparkSession) -> None:
    """Zone, ANSI mode and case of the session that is there decide nothing, and stay."""
    put(tmp_path, "users.parquet", id=[1, 2], Age=[30, None], age=[1, 40])
    put(
        tmp_path,
        "events/e.parquet",
        id=[1],
        ts=pa.array([datetime(2024, 2, 29, 17)], pa.timestamp("us", "UTC")),
    )
    opened = project(tmp_path, "  events: {path: events, key: id, time: ts}\n")
    wheres = {"a": "{Age: 30}", "b": "{age: 40}", "c": "{did: {between: 2024-03-01..2024-03-01}}"}
    path = rule(tmp_path, wheres, "2024-03-30")
    others = {
        "spark.sql.ansi.enabled": "true",
        "spark.sql.session.timeZone": "America/New_York",
        "spark.sql.caseSensitive": "false",
    }
    before = {name: spark.conf.get(name) for name in others}
    try:
        for name, value in others.items():
            spark.conf.set(name, value)
        found = built(opened, path, "spark")
        assert {name: spark.conf.get(name) for name in others} == others
    finally:
        for name, value in before.items():
            spark.conf.set(name, str(value))
    assert {name: found.ids(name).to_pylist() for name in found.packs} == {
        "a": [1],
        "b": [2],
        "c": [1],
    }


def test_a_damaged_file(tmp_path: Path, spark: SparkSession) -> None:
    path = put(tmp_path, "users.parquet", id=list(range(999)), v=[1.5] * 999)
    opened = project(tmp_path, "")
    rules = rule(tmp_path, {"a": "{v: 1.5}"}, "2024-03-01")
    data = bytearray(path.read_bytes())
    data[60:90] = b"x" * 30
    path.write_bytes(data)
    with pytest.raises(AudienceError, match=r"users\.parquet"):
        built(opened, rules, "spark")


def test_a_name_that_spark_reads_as_a_path(tmp_path: Path, spark: SparkSession) -> None:
    put(tmp_path, "users.parquet", **{"id": [1], "a.b": [1]})
    opened = project(tmp_path, "")
    with pytest.raises(DataError, match=r"`a\.b`.*the polars engine does"):
        built(opened, rule(tmp_path, {"a": "{a.b: 1}"}, "2024-03-01"), "spark")


def test_every_measure_has_its_aggregates() -> None:
    assert set(AGGREGATES) == set(MEASURES)


@pytest.mark.parametrize(
    "pattern, java_pattern",
    [
        ("^a$", r"^a\z"),
        (r"a\$b[$]", r"a\$b[$]"),
        (r"[\]$]\\$", r"[\]$]\\\z"),
        (r"\p{Han}\P{Han}[\p{Han}]", r"\p{IsHan}\P{IsHan}[\p{IsHan}]"),
        (r"\v\p{L}", r"\x0B\p{L}"),
        ("(?i)k[a-c]", "[kK\u212a][a-cA-C]"),
        ("(?i:É)b?", "(?:[Éé])b?"),
    ],
)
def test_patterns(pattern: str, java_pattern: str) -> None:
    assert for_java(pattern) == "(?d)" + java_pattern


def test_a_pattern_that_java_may_not_take(tmp_path: Path, spark: SparkSession) -> None:
    """It could end a worker: it is refused where it stands, before anything is read."""
    put(tmp_path, "users.parquet", id=[1, 2], x=["ab", None])
    put(tmp_path, "events/e.parquet", id=[1], ts=[datetime(2024, 2, 29)], item=["aa"])
    opened = project(tmp_path, "  events: {path: events, key: id, time: ts}\n")
    did = "did: {in: events, within: 9d, where: {item: {matches: '(a|aa)+$'}}}"
    path = rule(tmp_path, {"a": "{x: {matches: '(?:a|b){2}'}}", "b": f"{{{did}}}"}, "2024-03-01")
    assert built(opened, path, "polars").ids("b").to_pylist() == [1]
    with pytest.raises(RuleError, match=r"r\.yaml:6:\d+: .*Spark: `\+` repeats what has no fixed"):
        built(opened, path, "spark")
    with pytest.raises(UsageError, match="--engine polars can"):
        audience.convert(opened, "{x: {matches: '(a+)+'}}", "{x: ab}", engine="spark")


def fake_java(folder: Path, version: str) -> Path:
    (folder / "bin").mkdir(parents=True)
    path = folder / "bin/java"
    path.write_text(f"#!/bin/sh\necho 'openjdk version \"{version}\"' >&2\n")
    path.chmod(0o755)
    return folder


@pytest.fixture
def no_java(monkeypatch: pytest.MonkeyPatch) -> None:
    java.java_home.cache_clear()
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")


def test_a_java_of_the_machine(no_java: None, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("PATH", str(fake_java(tmp_path / "new", "17.0.1") / "bin"))
    assert java.java_home() == tmp_path / "new"
    java.java_home.cache_clear()
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "other", "21")))
    assert java.java_home() == tmp_path / "other"
    java.java_home.cache_clear()
    monkeypatch.setenv("JAVA_HOME", str(fake_java(tmp_path / "old", "11.0.2")))
    with pytest.raises(UsageError, match=r"Java 11; Spark needs Java 17"):
        java.java_home()


def test_a_java_that_a_wheel_carries(no_java: None) -> None:
    """It lacks a module that Spark asks for: it runs all the same."""
    home = java.java_home()
    command = [home / "bin/java", "--add-modules=jdk.incubator.vector", "-version"]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**os.environ, "PATH": "/bin"}
    )
    assert done.returncode == 0, done.stderr
    assert re.search(r'version "17', done.stderr)
