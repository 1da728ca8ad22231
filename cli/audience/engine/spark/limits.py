"""Limits on Spark: the first so many of an order, without all rows in one place."""

from __future__ import annotations

from typing import TYPE_CHECKING

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


def keep(engine: SparkEngine, frame: DataFrame, limit: Kept, part: str, name: str) -> DataFrame:
    """The frame with a column of whom a limit keeps, of those of whom the column ``part`` holds.

    Rows are put in order in parts that follow each other. The parts before the one in which the
    limit falls are kept whole; of that one alone the rows are numbered.
    """
    order: list[Column] = []
    columns = [F.col(KEY), unsigned(F.xxhash64(F.col(KEY))).alias(_HASH)]
    if limit.by is not None:
        columns.append(F.col(f"{OWN}by_{limit.by}").alias(_BY))
        by = F.col(_BY)
        order.append(by.desc_nulls_last() if limit.descending else by.asc_nulls_last())
    order += [F.col(_HASH).asc(), F.col(KEY).asc()]
    rows = frame.where(F.col(part)).select(*columns)
    rows = rows.repartitionByRange(*order).withColumn(_PART, F.spark_partition_id())
    rows = engine.persisted(rows)
    counts = sorted(rows.groupBy(_PART).count().collect())
    if sum(count for _, count in counts) <= limit.keep:
        return frame.withColumn(name, F.col(part))
    before, last = 0, -1
    for number, count in counts:
        last = number
        if before + count > limit.keep:
            break
        before += count
    own = rows.where(F.col(_PART) == last)
    placed = own.withColumn(_PLACE, F.row_number().over(Window.orderBy(*order)))
    kept = rows.where(F.col(_PART) < last).select(KEY)
    kept = kept.unionByName(placed.where(F.col(_PLACE) <= limit.keep - before).select(KEY))
    marked = kept.withColumn(name, F.lit(True))
    return frame.join(marked, KEY, "left").withColumn(name, F.col(name).isNotNull())


def unsigned(column: Column) -> Column:
    """A hash as a number that is in order as if it had no sign."""
    return column.bitwiseXOR(F.lit(-(2**63)))
