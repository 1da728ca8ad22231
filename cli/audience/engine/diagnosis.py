"""Which file it was: engines refuse tables without saying which of their files they mean."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import pyarrow as pa
import pyarrow.parquet as pq

from audience.engine.tables import TableData
from audience.errors import DataError, UnreadableError
from audience.trail import opening


@contextmanager
def named_files(tables: Iterable[TableData]) -> Iterator[None]:
    """Name the file that an engine could not read. Raises DataError."""
    try:
        yield
    except UnreadableError as error:
        for table in tables:
            for place in _unreadable(table):
                raise DataError(f"{place} cannot be read: {error}") from None
        raise


def _unreadable(table: TableData) -> Iterator[str]:
    """The files that another reader refuses too."""
    for file in table.files:
        place = f"table `{table.name}`: {file.path}"
        try:
            with opening(place), pq.ParquetFile(file.path) as parquet:
                for batch in parquet.iter_batches():
                    del batch
        except (pa.ArrowException, OSError, ValueError):
            yield place
