"""DuckDB: the same frames over an in-memory database."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import accumulate, count
from typing import Any

import duckdb
import narwhals.stable.v2 as nw
import pyarrow as pa

from audience.engine.base import ROW
from audience.engine.compile import with_tests
from audience.engine.files import local_path
from audience.engine.footers import form_of
from audience.engine.tables import TableFile
from audience.errors import DataError, UnreadableError
from audience.kinds import Type
from audience.plan.nodes import Test
from audience.sorting import Sorting


class DuckdbEngine:
    """A connection of its own; what is held is a temporary table."""

    name = "duckdb"
    concurrent = False
    far = False
    version = f"duckdb {duckdb.__version__}"
    sorting = Sorting()
    wide = nw.Int128()

    def __init__(self, time_zone: str) -> None:
        self.time_zone = time_zone
        self._opened: duckdb.DuckDBPyConnection | None = None
        self._numbers = count()

    @property
    def _connection(self) -> duckdb.DuckDBPyConnection:
        """Opened when it is needed: keys may be asked for when all else is done and closed."""
        if self._opened is None:
            self._opened = duckdb.connect(":memory:")
            self._opened.execute("SET TimeZone = ?", [self.time_zone])
            # Parquet statistics leave NaN out; what is concluded from them (`isnan` is never
            # true, `x <= 1` always) would let NaN through as a value.
            self._opened.execute("SET disabled_optimizers = 'statistics_propagation'")
        return self._opened

    def read(
        self, files: Sequence[TableFile], columns: Sequence[str], *, numbered: bool = False
    ) -> nw.LazyFrame[Any]:
        """See :meth:`Engine.read`."""
        for file in files:
            _check_case(file)
        options = "hive_partitioning = false, union_by_name = true"
        names = "".join(f"{_column(files[0].schema.field(name))}, " for name in columns)
        if numbered:
            starts = accumulate((file.rows for file in files), initial=0)
            # Paths and names are quoted; a prepared statement takes neither here.
            query = " UNION ALL ".join(
                f"SELECT {names}file_row_number + {start} AS {ROW} "  # noqa: S608
                f"FROM read_parquet({_listed([file])}, {options}, file_row_number = true)"
                for file, start in zip(files, starts, strict=False)
            )
        else:
            query = f"SELECT {names.rstrip(', ')} FROM read_parquet({_listed(files)}, {options})"  # noqa: S608
        with self.refusals():
            return nw.from_native(self._connection.sql(query))

    def tested(
        self, frame: nw.LazyFrame[Any], tests: Mapping[str, Test], types: Mapping[str, Type]
    ) -> nw.LazyFrame[Any]:
        """See :meth:`Engine.tested`."""
        return with_tests(frame, tests)

    def hold(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """See :meth:`Engine.hold`."""
        name = f"held_{next(self._numbers)}"
        with self.refusals():
            frame.to_native().create(name)
            return nw.from_native(self._connection.table(name))

    def number(self, frame: nw.LazyFrame[Any], by: str) -> nw.LazyFrame[Any]:
        """See :meth:`Engine.number`."""
        return frame.with_row_index(ROW, order_by=by)

    def narrowed(self, frame: nw.LazyFrame[Any], key: str, ids: pa.Array) -> nw.LazyFrame[Any]:
        """See :meth:`Engine.narrowed`."""
        return frame

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
            raise UnreadableError(f"the tables could not be read: {reason}") from None

    def close(self) -> None:
        """See :meth:`Engine.close`."""
        if self._opened is not None:
            self._opened.close()
            self._opened = None


def _column(column: pa.Field) -> str:
    """A column by its name; times of the old form are moments, which DuckDB does not see."""
    name = _quote(column.name)
    if form_of(column) == "converted" and column.type.tz is not None:
        return f"timezone('UTC', {name}) AS {name}"
    return name


def _listed(files: Sequence[TableFile]) -> str:
    paths = [str(local_path(file.path, "duckdb")).replace("'", "''") for file in files]
    return "[" + ", ".join(f"'{path}'" for path in paths) + "]"


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
