"""Which file it was: engines refuse tables without saying which of their files they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import pyarrow as pa

from audience.engine.base import Engine
from audience.engine.footers import open_parquet
from audience.engine.tables import TableData, TableFile
from audience.errors import DataError, UnreadableError, listed
from audience.trail import opening


@contextmanager
def named_files(tables: Iterable[TableData], engine: Engine) -> Iterator[None]:
    """Name the file that the engine could not read. Raises DataError."""
    tables = list(tables)
    try:
        yield
    except UnreadableError as error:
        for reader in (_read_by_arrow, lambda file: _read_by(engine, file)):
            for place in _unreadable(tables, reader):
                raise DataError(f"{place} cannot be read: {error}") from None
        names = dict.fromkeys(f"`{table.name}`" for table in tables)
        raise DataError(f"table {listed(names)}: {error}") from None


def _unreadable(tables: Iterable[TableData], reader: Callable[[TableFile], None]) -> Iterator[str]:
    """The files that a reader refuses."""
    for table in tables:
        for file in table.files:
            place = f"table `{table.name}`: {file.path}"
            try:
                with opening(place):
                    reader(file)
            except (pa.ArrowException, OSError, ValueError, UnreadableError):
                yield place


def _read_by_arrow(file: TableFile) -> None:
    with open_parquet(file.path) as parquet:
        for batch in parquet.iter_batches():
            del batch


def _read_by(engine: Engine, file: TableFile) -> None:
    """Each column by itself: it has to fit into memory."""
    with engine.refusals():
        for column in file.schema.names:
            engine.fetch(engine.read([file], [column]))
