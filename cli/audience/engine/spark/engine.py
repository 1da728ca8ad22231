"""Spark as an engine: frames over Parquet files that its workers read."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import narwhals.stable.v2 as nw
import pyarrow as pa
import pyspark
from py4j.protocol import Py4JError
from pyspark import StorageLevel
from pyspark.errors import AnalysisException, PySparkException
from pyspark.sql import functions as F
from pyspark.sql.pandas.types import from_arrow_type
from pyspark.sql.types import DataType, LongType, StructField, StructType, TimestampType

from audience.engine.base import OWN, ROW
from audience.engine.compile import with_tests
from audience.engine.files import local_path
from audience.engine.spark.release import release, start_releasing
from audience.engine.spark.session import active, open_session, reason_of
from audience.engine.tables import TableFile
from audience.errors import DataError, UnreadableError
from audience.kinds import Type
from audience.plan.nodes import Test
from audience.rules.engines import SparkSpec
from audience.sorting import Sorting

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

KEY = OWN + "key"
"""The column of the users' keys: whole numbers of 64 bits, or texts."""

_GLOB = re.compile(r"[*?\[\]{}\\]")
_UNNAMED = (".", "`")
_CHECKED = {"parquet.page.verify-checksum.enabled": "true"}
"""A page that was damaged on the disk must not be read as if it were whole."""


class SparkEngine:
    """A session of its own on a cluster or on this machine; what is held is persisted."""

    name = "spark"
    concurrent = False
    far = True
    version = f"spark {pyspark.__version__}"
    sorting = Sorting()
    wide = nw.Decimal(38, 0)

    def __init__(
        self, time_zone: str, settings: SparkSpec | None = None, session: SparkSession | None = None
    ) -> None:
        self.time_zone = time_zone
        self._settings = settings or SparkSpec()
        self._given = session
        self._opened: SparkSession | None = None
        self._held: list[DataFrame] = []
        # What differs makes plans differ: Spark takes what is held for a plan that is alike, by
        # whomever, and for the same paths, whatever is in the files by now.
        self._options = {"audience.run": uuid4().hex, **_CHECKED}
        self._read: dict[tuple[str, ...], DataFrame] = {}

    @property
    def session(self) -> SparkSession:
        """Opened when it is needed. Raises UsageError."""
        if self._opened is None:
            self._opened = open_session(self._settings, self.time_zone, self._given)
        return self._opened

    def read(
        self, files: Sequence[TableFile], columns: Sequence[str], *, numbered: bool = False
    ) -> nw.LazyFrame[Any]:
        """See :meth:`Engine.read`; rows are not numbered, as they have no order."""
        assert not numbered
        for file in files:
            _check_names(file, columns)
        with self.refusals():
            paths = tuple(to_read(local_path(file.path, self.name)) for file in files)
            raw = self._raw(paths, files[0].schema, columns)
            frame: nw.LazyFrame[Any] = nw.from_native(_micros(raw, files[0].schema, columns))
            return frame

    def _raw(self, paths: tuple[str, ...], schema: pa.Schema, columns: Sequence[str]) -> DataFrame:
        """Files as Spark reads them; to list them and to look at one takes as long as a small job.

        Where Spark has no type for some column, those that are asked for may well be others.
        """
        if paths in self._read:
            return self._read[paths]
        reader = self.session.read.options(**self._options)
        try:
            self._read[paths] = reader.parquet(*paths)
        except AnalysisException:
            asked = [StructField(name, _type_of(schema.field(name).type)) for name in columns]
            return reader.schema(StructType(asked)).parquet(*paths)
        return self._read[paths]

    def tested(
        self, frame: nw.LazyFrame[Any], tests: Mapping[str, Test], types: Mapping[str, Type]
    ) -> nw.LazyFrame[Any]:
        """See :meth:`Engine.tested`."""
        return with_tests(frame, tests)

    def hold(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """See :meth:`Engine.hold`: computed when it is first used."""
        return nw.from_native(self.persisted(frame.to_native()))

    def persisted(self, frame: DataFrame) -> DataFrame:
        """A frame that is computed once, until the engine is closed."""
        held = frame.persist(StorageLevel.MEMORY_AND_DISK)
        self._held.append(held)
        return held

    def number(self, frame: nw.LazyFrame[Any], by: str) -> nw.LazyFrame[Any]:
        """See :meth:`Engine.number`.

        By the part of a file and the row in it: a part that is computed again has the same numbers.
        """
        native = frame.to_native()
        numbered = native.withColumn(ROW, F.monotonically_increasing_id())
        out: nw.LazyFrame[Any] = nw.from_native(numbered)
        return out

    def narrowed(self, frame: nw.LazyFrame[Any], key: str, ids: pa.Array) -> nw.LazyFrame[Any]:
        """See :meth:`Engine.narrowed`."""
        asked: nw.LazyFrame[Any] = nw.from_native(self.make(pa.table({key: ids})))
        return frame.join(asked, on=key, how="semi")

    def fetch(self, frame: nw.LazyFrame[Any]) -> pa.Table:
        """See :meth:`Engine.fetch`."""
        with self.refusals():
            return to_arrow(frame.to_native())

    def make(self, table: pa.Table) -> DataFrame:
        """A frame of a table that is here."""
        with self.refusals():
            session = self.session
            with active(session):
                return session.createDataFrame(table)

    @contextmanager
    def refusals(self) -> Iterator[None]:
        """See :meth:`Engine.refusals`."""
        try:
            yield
        except (PySparkException, Py4JError, ConnectionError) as error:
            if (asked := _interruption(error)) is not None:
                raise asked from None
            raise UnreadableError(f"the tables could not be read: {reason_of(error)}") from None

    def close(self) -> None:
        """See :meth:`Engine.close`. The session of those who are running stays."""
        asked = sys.exception()
        amid = asked is not None and not isinstance(asked, Exception)
        for each in self._held:
            if amid:  # whoever interrupts does not wait for the answer that is under way
                start_releasing()
                release(each)
                continue
            with suppress(Py4JError, ConnectionError):  # it has failed, which is told already
                each.unpersist()
        self._held.clear()
        self._read.clear()


def _interruption(error: BaseException) -> BaseException | None:
    """What ended the run, where a line to Java that was cut by it then failed too."""
    before = error.__context__
    while before is not None and isinstance(before, Exception):
        before = before.__context__
    return before


def to_read(path: Path) -> str:
    """A file that workers see as this machine does, as Spark names it: no sign is a wildcard."""
    return "file://" + _GLOB.sub(r"\\\g<0>", str(path))


def _type_of(kind: pa.DataType) -> DataType:
    """What Spark makes of a column. Raises PySparkException where that is nothing."""
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return LongType()
    unsigned = {pa.uint8(): pa.int16(), pa.uint16(): pa.int32(), pa.uint32(): pa.int64()}
    return from_arrow_type(unsigned.get(kind, pa.decimal128(20) if kind == pa.uint64() else kind))


def to_arrow(frame: DataFrame) -> pa.Table:
    """A frame, brought here."""
    return frame.toArrow()


def _check_names(file: TableFile, columns: Sequence[str]) -> None:
    for name in columns:
        if any(sign in name for sign in _UNNAMED):
            raise DataError(
                f"{file.path} has a column `{name}`: names with a point or a back quote are "
                "nothing that the spark engine reads; the polars engine does"
            )


def _micros(raw: DataFrame, schema: pa.Schema, columns: Sequence[str]) -> DataFrame:
    """Some columns; times in nanoseconds, which come as numbers, in microseconds.

    Those of the old form of 96 bits come as moments, though nothing says of which zone they are.
    """
    out = []
    read = {field.name: field.dataType for field in raw.schema.fields}
    for name in columns:
        kind = schema.field(name).type
        column = F.col(name)
        if pa.types.is_timestamp(kind) and kind.unit == "ns":
            micros = F.expr(f"(`{name}` - pmod(`{name}`, 1000)) div 1000")
            if isinstance(read[name], TimestampType):
                micros = F.unix_micros(column)
            column = F.timestamp_micros(micros) if kind.tz else _by_clock(micros)
        out.append(column.alias(name))
    return raw.select(*out)


def _by_clock(micros: Column) -> Column:
    """A reading of a clock, so many microseconds after 1970 began on it."""
    seconds = (micros.cast("decimal(20, 0)") / F.lit(10**6)).cast("decimal(18, 6)")
    start = F.lit("1970-01-01 00:00:00").cast("timestamp_ntz")
    zero = F.lit(0)
    return start + F.make_dt_interval(zero, zero, zero, seconds)
