"""What an engine is: a way to read tables as frames and to hold what was read.

Everything above speaks narwhals, so one compile path serves every engine; what differs stands in
one module an engine.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Protocol

from audience.engine.tables import TableFile
from audience.kinds import Type
from audience.plan.nodes import Test
from audience.sorting import Sorting

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


class Engine(Protocol):
    """One run's engine; closed when the run ends."""

    name: str
    version: str
    """Name and version: what another version finds may differ."""
    time_zone: str
    concurrent: bool
    """Whether it can be asked by several threads at once."""
    far: bool
    """Whether rows lie elsewhere: what can be counted there is not fetched."""
    sorting: Sorting
    wide: Any
    """The type of whole numbers that sums are made of: of 38 digits or more."""

    def read(
        self, files: Sequence[TableFile], columns: Sequence[str], *, numbered: bool = False
    ) -> LazyFrame[Any]:
        """Columns of Parquet files that store them alike, as they are stored, in their order.

        ``numbered`` adds :data:`ROW`: the number of the row among those of all files, from 0.
        """
        ...

    def tested(
        self, frame: LazyFrame[Any], tests: Mapping[str, Test], types: Mapping[str, Type]
    ) -> LazyFrame[Any]:
        """A frame with a boolean column for each test, false where its value is missing."""
        ...

    def hold(self, frame: LazyFrame[Any]) -> LazyFrame[Any]:
        """Compute a frame once and keep it for several uses."""
        ...

    def number(self, frame: LazyFrame[Any], by: str) -> LazyFrame[Any]:
        """Add :data:`ROW` to a frame, a number of its own for each row; ``by`` may order them."""
        ...

    def narrowed(self, frame: LazyFrame[Any], key: str, ids: pa.Array) -> LazyFrame[Any]:
        """The rows of some keys; others may stay where to leave them out is no gain."""
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
