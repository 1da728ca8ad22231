"""Which engines there are. Each is imported when it is asked for: none of them is light."""

from __future__ import annotations

from audience.engine.base import Engine
from audience.errors import UsageError

ENGINES = ("polars", "duckdb")


def open_engine(name: str, time_zone: str) -> Engine:
    """The engine of that name, to be closed after use. Raises UsageError."""
    if name == "polars":
        from audience.engine.polars import PolarsEngine

        return PolarsEngine(time_zone)
    if name == "duckdb":
        from audience.engine.duckdb import DuckdbEngine

        return DuckdbEngine(time_zone)
    raise UsageError(f"no engine `{name}`; there is {', '.join(ENGINES)}")
