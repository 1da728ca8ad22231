"""Limits on Spark: the first so many of an order, without all rows in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyspark.sql import Window
from pyspark.sql import functions as F

from audience.engine.base import OWN
from audience.engine.spark.engine import KEY, SparkEngine
from audience.plan.nodes import Kept

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_PART = OWN + "part"
_PLACE = OWN + "place"
_HASH = OWN + "hash"
_BY = OWN + "by"


class Limits:
    """The limits of one frame of users. Each asks for all rows: they are held by the first one."""

    def __init__(self, engine: SparkEngine) -> None:
        self._engine = engine
        self._held = False

    def keep(self, frame: DataFrame, limit: Kept, part: str, name: str) -> DataFrame:
        """The frame with a column of whom a limit keeps, of those of whom ``part`` holds.

        The last one who is kept is looked for, and then each row tells by itself whether it comes
        before: what was found is written into the plan, which grows by no join.
        """
        if not self._held:
            frame, self._held = self._engine.persisted(frame), True
        by = _value(frame, limit)
        found = _last(frame, limit, part, by)
        kept = F.lit(True) if found is None else _is_before(found, limit, by)
        return frame.withColumn(name, F.col(part) & kept)


def unsigned(column: Column) -> Column:
    """A hash as a number that is in order as if it had no sign."""
    return column.bitwiseXOR(F.lit(-(2**63)))


def _hashed() -> Column:
    return unsigned(F.xxhash64(F.col(KEY)))


def _value(frame: DataFrame, limit: Kept) -> Column:
    """What a limit orders by; days as numbers, as not all of them are days to Python."""
    if limit.by is None:
        return F.lit(0)
    name = f"{OWN}by_{limit.by}"
    column = F.col(name)
    return F.unix_date(column) if dict(frame.dtypes)[name] == "date" else column


def _last(frame: DataFrame, limit: Kept, part: str, by: Column) -> Any:
    """The last row that is kept: its value, hash and key. None where all are.

    Rows are put in order in parts that follow each other, and the parts counted; of the one in
    which the limit falls the rows are numbered.
    """
    first = F.col(_BY).desc_nulls_last() if limit.descending else F.col(_BY).asc_nulls_last()
    order = [first, F.col(_HASH).asc(), F.col(KEY).asc()]
    rows = frame.where(F.col(part)).select(by.alias(_BY), _hashed().alias(_HASH), KEY)
    rows = rows.repartitionByRange(*order).withColumn(_PART, F.spark_partition_id()).persist()
    try:
        before = 0
        for number, count in sorted(rows.groupBy(_PART).count().collect()):
            if before + count >= limit.keep:
                placed = rows.where(F.col(_PART) == number).withColumn(
                    _PLACE, F.row_number().over(Window.orderBy(*order))
                )
                last = placed.where(F.col(_PLACE) == limit.keep - before)
                return last.select(_BY, _HASH, KEY).collect()[0]
            before += count
    finally:
        rows.unpersist()
    return None


def _is_before(found: Any, limit: Kept, by: Column) -> Column:
    """Whether a row is not behind the one that was found."""
    value, hashed, key = found
    same_hash = (_hashed() == hashed) & (F.col(KEY) <= key)
    among: Column = (_hashed() < hashed) | same_hash
    if limit.by is None:
        return among
    if value is None:
        missing: Column = by.isNotNull() | among
        return missing
    ahead = by > F.lit(value) if limit.descending else by < F.lit(value)
    return F.coalesce(ahead | ((by == F.lit(value)) & among), F.lit(False))
