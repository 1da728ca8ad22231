"""Every condition of tests/oracle/cases against SQL written by hand from the language document."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Literal

import pytest

import audience
from audience.errors import RuleError
from oracle import tables

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection
    from pyspark.sql import SparkSession

    from audience import BuildResult

HERE = Path(__file__).parent / "oracle"
CASE_FILES = sorted((HERE / "cases").glob("*.yaml"))
CASES = [case for path in CASE_FILES for case in tables.load_cases(path)]
REFUSED = list(tables.load_cases(HERE / "refused.yaml"))

PROJECT = """\
time_zone: Asia/Shanghai
tables:
  users: {{path: users/, key: uid}}
  events: {{path: {events}, key: uid, time: ts, action: action{day}}}
  visits: {{path: visits.parquet, key: uid, time: day}}
  redeems: {{path: redeems.parquet, key: uid, time: ts, action: action}}
  calls: {{path: calls.parquet, key: member, time: at, action: kind}}
"""
HEAD = "campaign: oracle\nphase: all\nas_of: 2024-03-01\npacks:\n"


@cache
def written(key: Literal["int", "text"], by_day: bool) -> TemporaryDirectory[str]:
    """The tables, written once: to draw the rows takes a hundred times as long as to copy them."""
    folder = TemporaryDirectory()
    tables.write_tables(Path(folder.name), key=key, day_partitions=by_day)
    return folder


def make_project(folder: Path, key: Literal["int", "text"], *, by_day: bool) -> Path:
    shutil.copytree(written(key, by_day).name, folder, dirs_exist_ok=True)
    events = "events/" if by_day else "events.parquet"
    text = PROJECT.format(events=events, day=", day: dt" if by_day else "")
    (folder / "audience.yaml").write_text(text)
    (folder / "rules").mkdir()
    return folder


def pack_text(case: tables.Case) -> str:
    return f"  {case.name}:\n    where: {case.where}\n"


@pytest.mark.parametrize(
    ("engines", "key", "by_day"),
    [
        (["polars"], "int", True),
        pytest.param(["duckdb"], "int", True, marks=pytest.mark.soak),
        pytest.param(["polars"], "int", False, marks=pytest.mark.soak),
        pytest.param(["polars"], "text", True, marks=pytest.mark.soak),
        pytest.param(["polars", "duckdb"], "text", False, marks=pytest.mark.soak),
    ],
)
def test_conditions_select_what_sql_selects(
    tmp_path: Path, engines: list[str], key: Literal["int", "text"], by_day: bool
) -> None:
    folder = make_project(tmp_path, key, by_day=by_day)
    cases = [case for case in CASES if case.key in ("", key)]
    (folder / "rules/all.yaml").write_text(HEAD + "".join(map(pack_text, cases)))
    project = audience.load(folder)
    results = {each: audience.build(project, dry_run=True, engine=each)[0] for each in engines}
    assert not differences(tables.connect(folder), cases, results)


@pytest.mark.soak
def test_conditions_on_spark_select_what_sql_selects(tmp_path: Path, spark: SparkSession) -> None:
    """Of what is a job of its own, rows that follow others or are one, each eighth is asked."""
    folder = make_project(tmp_path, "int", by_day=True)
    cases = [case for case in CASES if case.key in ("", "int")]
    jobs = [case for case in cases if case.file in {"then", "each", "edges"}]
    cases = [case for case in cases if case not in jobs] + jobs[::8]
    database = tables.connect(folder)
    for start in range(0, len(cases), 60):
        some = cases[start : start + 60]
        (folder / "rules/all.yaml").write_text(HEAD + "".join(map(pack_text, some)))
        (result,) = audience.build(audience.load(folder), dry_run=True, engine="spark")
        assert not differences(database, some, {"spark": result})


def differences(
    database: DuckDBPyConnection, cases: Sequence[tables.Case], results: Mapping[str, BuildResult]
) -> dict[str, tuple[str, int, int]]:
    """Where an engine selects more or fewer than SQL does: the condition, and how many."""
    wrong = {}
    for case in cases:
        wanted = {row[0] for row in database.sql(case.sql).fetchall()}
        for engine, result in results.items():
            found: list[Any] = result.ids(case.name).to_pylist()
            if set(found) != wanted or len(found) != len(wanted):
                extra, lacking = set(found) - wanted, wanted - set(found)
                told = (case.where, len(extra), len(lacking))
                wrong[f"{case.file}: {case.name}: {engine}"] = told
    return wrong


def test_case_names_are_unique() -> None:
    assert len({case.name for case in CASES}) == len(CASES) > 700


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return audience.load(make_project(tmp_path_factory.mktemp("refused"), "int", by_day=True))


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_conditions_that_are_refused(project: Any, tmp_path: Path, case: tables.Case) -> None:
    path = tmp_path / "rule.yaml"
    path.write_text(HEAD + pack_text(case))
    try:
        report = audience.check(project, [path])
    except RuleError as error:
        problems = error.problems
    else:
        problems = report.problems
    assert problems, f"{case.where} was taken; {case.hint}"
    for problem in problems:
        assert problem.at is not None
        assert problem.at.line >= 6, str(problem)
        assert problem.message
