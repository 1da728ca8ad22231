"""What an engine is: a way to read tables as frames and to hold what was read.

Everything above speaks narwhals, so one compile path serves every engine; what differs stands in
one module an engine.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from audience.engine.tables import TableFile

if TYPE_CHECKING:
    import pyarrow as pa
    from narwhals.stable.v2 import LazyFrame

OWN = "__audience_"
"""What columns that the engine adds begin with; no table may have such a column."""

DAY = OWN + "day"
"""The local day of an event, beside its table's own columns."""

HOUR = OWN + "hour"
"""The local hour of the day of an event."""

TIME = OWN + "time"
"""When an event was, to the microsecond: a moment, or by the clock where times have no zone."""

ROW = OWN + "row"
"""A number that tells an event from every other, equal ones too."""


@dataclass(frozen=True)
class Step:
    """A step that an engine has finished, for whoever shows progress."""

    what: str
    table: str
    rows: int
    seconds: float


OnStep = Callable[[str, str, Step | None], None]
"""Told of each step: what, which table, and when it is done the finished step."""


class Engine(Protocol):
    """One run's engine; closed when the run ends."""

    name: str
    time_zone: str

    def read(self, files: Sequence[TableFile], columns: Sequence[str]) -> LazyFrame[Any]:
        """Columns of Parquet files that store them alike, as they are stored."""
        ...

    def hold(self, frame: LazyFrame[Any]) -> LazyFrame[Any]:
        """Compute a frame once and keep it for several uses."""
        ...

    def fetch(self, frame: LazyFrame[Any]) -> pa.Table:
        """Compute a frame and hand it over."""
        ...

    def refusals(self) -> AbstractContextManager[None]:
        """A context in which what the engine's library raises becomes a DataError."""
        ...

    def close(self) -> None:
        """Let go of what is held."""
        ...
