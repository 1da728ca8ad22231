"""DuckDB: the same frames over an in-memory database."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import pyarrow as pa

from audience.engine.tables import TableFile
from audience.errors import DataError


class DuckdbEngine:
    """A connection of its own; what is held is a temporary table."""

    name = "duckdb"

    def __init__(self, time_zone: str) -> None:
        self.time_zone = time_zone
        self._connection = duckdb.connect(":memory:")
        self._connection.execute("SET TimeZone = ?", [time_zone])
        # Parquet statistics leave NaN out; what is concluded from them (`isnan` is never true,
        # `x <= 1` always) would let NaN through as a value.
        self._connection.execute("SET disabled_optimizers = 'statistics_propagation'")
        self._numbers = count()

    def read(self, files: Sequence[TableFile], columns: Sequence[str]) -> nw.LazyFrame[Any]:
        """See :meth:`Engine.read`."""
        for file in files:
            _check_case(file)
        paths = [str(file.path).replace("'", "''") for file in files]
        listed = ", ".join(f"'{path}'" for path in paths)
        names = ", ".join(_quote(name) for name in columns)
        with self.refusals():
            raw = self._connection.sql(
                # Paths and names are quoted above; a prepared statement takes neither here.
                f"SELECT {names} "  # noqa: S608
                f"FROM read_parquet([{listed}], hive_partitioning = false, union_by_name = true)"
            )
            return nw.from_native(raw)

    def hold(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """See :meth:`Engine.hold`."""
        name = f"held_{next(self._numbers)}"
        with self.refusals():
            frame.to_native().create(name)
            return nw.from_native(self._connection.table(name))

    def fetch(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """See :meth:`Engine.fetch`."""
        with self.refusals():
            return frame.to_native().to_arrow_table()

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """See :meth:`Engine.refusals`."""
        try:
            yield
        except duckdb.Error as error:
            reason = str(error).splitlines()[0][:300]
            raise DataError(f"the tables could not be read: {reason}") from None

    def close(self) -> None:
        """See :meth:`Engine.close`."""
        self._connection.close()


def _quote(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _check_case(file: TableFile) -> None:
    """DuckDB does not tell `Age` from `age`, not even in quotes."""
    seen: dict[str, str] = {}
    for name in file.schema.names:
        other = seen.setdefault(name.lower(), name)
        if other != name:
            raise DataError(
                f"{file.path} has columns `{other}` and `{name}`, which the duckdb engine "
                "does not tell apart; the polars engine does"
            )
