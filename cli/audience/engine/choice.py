"""Which engines there are. Each is imported when it is asked for: none of them is light."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Protocol

import pyarrow as pa

from audience.engine.base import Engine
from audience.engine.run import Means, Outcome, run_plan
from audience.engine.strategy import explain_strategy
from audience.engine.tables import TableData
from audience.errors import UsageError
from audience.objects import AnyPath
from audience.plan.nodes import Listed, Plan, Test
from audience.rules.project import Project, TableSpec


class Runner(Protocol):
    """What evaluates a plan; see :func:`audience.engine.run.run_plan`."""

    def __call__(
        self,
        plan: Plan,
        tables: Mapping[str, TableData],
        users: Mapping[date | None, TableData],
        means: Means,
        lists: Mapping[Listed, pa.Array],
        dictionary: Mapping[str, Test] | None = None,
    ) -> Outcome:
        """Who is in what."""
        ...


def open_engine(project: Project) -> Engine:
    """The engine of a project, to be closed after use. Raises UsageError."""
    if project.engine == "duckdb":
        from audience.engine.duckdb import DuckdbEngine

        return DuckdbEngine(project.time_zone)
    if project.engine == "spark":
        from audience.engine.spark.session import check_installed

        check_installed()
        from audience.engine.spark.engine import SparkEngine

        return SparkEngine(project.time_zone, project.spark, project.session)
    from audience.engine.polars import PolarsEngine

    return PolarsEngine(project.time_zone)


def locate(project: Project, spec: TableSpec) -> tuple[Sequence[AnyPath], AnyPath]:
    """The files of a table that a catalog knows. Raises DataError, UsageError."""
    if project.engine != "spark":
        raise UsageError(
            f"table `{spec.name}`: `{spec.table}` is of Spark's catalog, which the "
            f"{project.engine} engine does not read; the spark engine does"
        )
    from audience.engine.spark.session import check_installed

    check_installed()
    from audience.engine.spark import catalog

    return catalog.locate(project, spec)


def explain_run(
    project: Project,
    plan: Plan,
    tables: Mapping[str, TableData],
    users: Mapping[date | None, TableData],
) -> Iterator[str]:
    """How a plan would be carried out on the engine of a project, as text. Raises DataError."""
    if project.engine != "spark":
        yield from explain_strategy(plan, tables, list(users.values()))
        return
    running = open_engine(project)
    try:
        from audience.engine.spark.explain import explain_spread

        yield from explain_spread(plan, tables, users, running)
    finally:
        running.close()


def runner_of(engine: Engine) -> Runner:
    """What evaluates a plan on an engine."""
    if engine.name == "spark":
        from audience.engine.spark.run import run_spread

        return run_spread
    return run_plan
