"""What all tests share: the oracle's package on the path, small projects made from rows."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import polars as pl
import pytest
from typer.testing import CliRunner

from audience.commands.app import app
from audience.rules.engines import ENGINES
from engine.stores import Store
from support import MakeProject, Ran, Run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

PROJECT = """\
time_zone: Asia/Shanghai
tables:
  users: {path: users.parquet, key: user_id}
"""
OTHERS = {"polars", "duckdb"}
FEW = 1
EVENTS = "  events: {path: events.parquet, key: user_id, time: ts, action: action}\n"


@pytest.fixture(scope="session")
def spark() -> Iterator[SparkSession]:
    """The one session of Spark in this process: `engine="spark"` works on top of it.

    Tables are tiny: they need no part of their own for each core, and no program of their own.
    """
    from audience.engine.spark.session import start
    from audience.rules.engines import SparkSpec

    quick = {
        "spark.driver.memory": "1g",
        "spark.sql.adaptive.enabled": "false",
        "spark.sql.codegen.factoryMode": "NO_CODEGEN",
        "spark.sql.codegen.wholeStage": "false",
        "spark.sql.shuffle.partitions": "2",
    }
    session = start(SparkSpec("local[2]", quick))
    yield session
    session.stop()


def pytest_addoption(parser: pytest.Parser) -> None:
    words = "the engine of projects that name none, where a test names none"
    parser.addoption("--on", choices=ENGINES, help=words)


@pytest.fixture(autouse=True)
def default_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With ``--on spark``, what a test does is done on Spark."""
    name = request.config.getoption("--on")
    if name is not None:
        others = [each for each in ENGINES if each != name]
        monkeypatch.setattr("audience.rules.project.ENGINES", (name, *others))
    if name == "spark":
        request.getfixturevalue("spark")


@pytest.fixture(scope="session")
def served() -> Iterator[Store]:
    """An object store on a free port of this machine, for as long as the tests run."""
    store = Store()
    yield store
    store.stop()


@pytest.fixture
def store(served: Store) -> Iterator[Store]:
    """The object store with an empty bucket; the environment says where it is."""
    others = {name: text for name, text in os.environ.items() if not name.startswith("AWS_")}
    with patch.dict(os.environ, others | served.environment, clear=True):
        served.renew()
        yield served


def pytest_itemcollected(item: pytest.Item) -> None:
    """Whatever runs on Spark runs in the one session of its process."""
    assert isinstance(item, pytest.Function)
    asked = _asked(item)
    if _elsewhere(item.config) and asked.get("engine") == "polars":
        asked["engine"] = item.config.getoption("--on")
    if asked.get("engine") == "spark" and "spark" not in item.fixturenames:
        item.fixturenames.insert(0, "spark")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With ``--on spark``, what is of other engines alone is left out.

    Of a test of many parameters :data:`FEW` are taken, as each takes its second. Otherwise what
    is of Spark comes first: it is one worker's then, and the other one needs no Java.
    """
    if not _elsewhere(config):
        items.sort(key=lambda item: "spark" not in getattr(item, "fixturenames", ()))
        return
    bodies: dict[tuple[Path, str], list[pytest.Item]] = {}
    for item in items:
        if not (item.get_closest_marker("not_on_spark") or _asked(item).get("engine") in OTHERS):
            name = getattr(item, "originalname", item.name)
            bodies.setdefault((item.path, name), []).append(item)
    chosen = {
        several[number * len(several) // min(FEW, len(several))]
        for several in bodies.values()
        for number in range(min(FEW, len(several)))
    }
    config.hook.pytest_deselected(items=[item for item in items if item not in chosen])
    items[:] = [item for item in items if item in chosen]


def _asked(item: pytest.Item) -> dict[str, Any]:
    """What a test is made with."""
    out: dict[str, Any] = item.callspec.params if hasattr(item, "callspec") else {}
    return out


def _elsewhere(config: pytest.Config) -> bool:
    return config.getoption("--on") == "spark"


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    """Make a project in a folder of its own from rows, rule files and a dictionary."""

    def make(
        users: pl.DataFrame | Sequence[Mapping[str, Any]],
        rules: Mapping[str, str] | None = None,
        events: pl.DataFrame | Sequence[Mapping[str, Any]] | None = None,
        extra: str = "",
        project: str | None = None,
    ) -> Path:
        folder = tmp_path / "project"
        (folder / "rules").mkdir(parents=True)
        pl.DataFrame(users).write_parquet(folder / "users.parquet")
        text = PROJECT
        if events is not None:
            pl.DataFrame(events).write_parquet(folder / "events.parquet")
            text += EVENTS
        (folder / "audience.yaml").write_text(text + extra if project is None else project)
        for name, rule in (rules or {}).items():
            path = folder / "rules" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(rule)
        return folder

    return make


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the program in this process, in a folder."""

    def execute(*words: str, at: Path | None = None) -> Ran:
        if at is not None:
            monkeypatch.chdir(at)
        result = CliRunner().invoke(app, [str(word) for word in words])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Ran(result.exit_code, result.stdout, result.stderr)

    return execute


@pytest.fixture
def shell() -> Run:
    """Run the program in a process of its own."""

    def execute(*words: str, at: Path, env: dict[str, str] | None = None) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "audience", *words],
            cwd=at,
            env=dict(os.environ) if env is None else env,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    return execute
