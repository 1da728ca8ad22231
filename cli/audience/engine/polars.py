"""Polars: the default engine."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import narwhals.stable.v2 as nw
import polars as pl
import pyarrow as pa

from audience.engine.tables import TableFile
from audience.errors import DataError


class PolarsEngine:
    """Polars' streaming engine over lazily scanned Parquet."""

    name = "polars"

    def __init__(self, time_zone: str) -> None:
        self.time_zone = time_zone

    def read(self, files: Sequence[TableFile], columns: Sequence[str]) -> nw.LazyFrame[Any]:
        """See :meth:`Engine.read`."""
        raw = pl.scan_parquet(
            [str(file.path) for file in files],
            glob=False,
            hive_partitioning=False,
            extra_columns="ignore",
        )
        return nw.from_native(raw).select(*columns)

    def hold(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """See :meth:`Engine.hold`."""
        return nw.from_native(self._collect(frame).lazy())

    def fetch(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """See :meth:`Engine.fetch`."""
        return self._collect(frame).to_arrow()

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """See :meth:`Engine.refusals`."""
        try:
            yield
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            # A panic is not an Exception: left alone it would pass every handler above.
            lines = str(error).strip().splitlines() or [type(error).__name__]
            raise DataError(f"the tables could not be read: {lines[0][:300]}") from None

    def close(self) -> None:
        """See :meth:`Engine.close`."""

    def _collect(self, frame: nw.LazyFrame[Any]) -> pl.DataFrame:
        lazy: pl.LazyFrame = frame.to_native()
        with self.refusals():
            return lazy.collect(engine="streaming")
