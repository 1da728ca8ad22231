"""Which engines there are. Each is imported when it is asked for: none of them is light."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Protocol

import pyarrow as pa

from audience.engine.base import Engine
from audience.engine.run import Means, Outcome, run_plan
from audience.engine.tables import TableData
from audience.errors import UsageError
from audience.plan.nodes import Listed, Plan, Test


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


ENGINES = ("polars", "duckdb", "spark")


def open_engine(name: str, time_zone: str) -> Engine:
    """The engine of that name, to be closed after use. Raises UsageError."""
    if name == "polars":
        from audience.engine.polars import PolarsEngine

        return PolarsEngine(time_zone)
    if name == "duckdb":
        from audience.engine.duckdb import DuckdbEngine

        return DuckdbEngine(time_zone)
    if name == "spark":
        from audience.engine.spark.session import check_installed

        check_installed()
        from audience.engine.spark.engine import SparkEngine

        return SparkEngine(time_zone)
    raise UsageError(f"no engine `{name}`; there is {', '.join(ENGINES)}")


def runner_of(engine: Engine) -> Runner:
    """What evaluates a plan on an engine."""
    if engine.name == "spark":
        from audience.engine.spark.run import run_spread

        return run_spread
    return run_plan
