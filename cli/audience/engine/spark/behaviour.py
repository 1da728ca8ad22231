"""Behaviour on Spark: a frame of users for each event table, with a column for each fold.

Rows are put together where they lie before they are sent on: what is shuffled is at most a row a
user and part of a file, however many events a user has.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import narwhals.stable.v2 as nw
from pyspark.sql import functions as F

from audience.cache import Cache
from audience.engine.base import HOUR, OWN
from audience.engine.columns import scan
from audience.engine.folds import Together, together
from audience.engine.relations import Added, Relations
from audience.engine.rows import Events, any_matching
from audience.engine.spark.engine import SparkEngine
from audience.engine.steps import Steps
from audience.engine.strategy import why_related
from audience.engine.tables import TableData
from audience.engine.times import check_days, know_times, timeless
from audience.kinds import Kind
from audience.plan.nodes import Fold, Plan, Read

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame


ROWS = OWN + "rows"
"""How many rows of a user were asked for."""

Aggregate = Callable[["Column"], "Column"]


def _distinct(column: Column) -> Column:
    # Of several counts of distinct values Spark would make as many copies of each row.
    return F.size(F.collect_set(column))


def _sum(column: Column) -> Column:
    return F.coalesce(F.sum(column), F.lit(0))


def _nothing(_column: Column) -> Column:
    return F.lit(0)  # no missing value is in a set


AGGREGATES: Mapping[str, Mapping[str, Aggregate]] = {
    "times": {"value": F.count},
    "days": {"value": _distinct},
    "distinct": {"value": _distinct, "less": _nothing},
    "sum": {"value": _sum},
    "mean": {"value": F.sum, "count": F.count},
    "min": {"value": F.min},
    "max": {"value": F.max},
    "first": {"value": F.min},
    "last": {"value": F.max},
}
"""The aggregates of each measure, in Spark's own words."""


@dataclass(frozen=True)
class Asked:
    """How many rows of an event table were asked for: without a key, and with one."""

    keyless: int
    keyed: int


@dataclass(frozen=True)
class Folded:
    """An event table: by key, how many rows were asked for, and for each fold whether it holds.

    Of a key that is not there a fold holds where it is ``absent``.
    """

    table: str
    key: str
    frame: nw.LazyFrame[Any]
    columns: Mapping[int, str]
    timeless: int
    added: Added

    def look(self) -> Asked:
        """How many rows there are. Raises DataError where what is added up can't be exact.

        Where the frame is held, this computes it.
        """
        found: DataFrame = self.frame.to_native()
        key, rows = F.col(self.key), F.col(ROWS)
        largest = [F.max(f"{OWN}size_{number}") for number in range(len(self.added.sizes))]
        keyless, keyed = F.sum(F.when(key.isNull(), rows)), F.sum(F.when(key.isNotNull(), rows))
        (row,) = found.agg(keyless, keyed, *largest).collect()
        self.added.check(row[2:])
        return Asked(int(row[0] or 0), int(row[1] or 0))


def fold_events(
    plan: Plan, tables: Mapping[str, TableData], engine: SparkEngine, steps: Steps
) -> list[Folded]:
    """A frame for each event table of a plan. Raises DataError."""
    out = []
    for read in plan.events:
        table = tables[read.table]
        check_days(table, (rows.days for rows in read.rows))
        files = know_times(engine, table, table.within(read.days), Cache(None, 0), steps)
        # No day of the windows is on disk: the folds see an empty table of the right types.
        seen = replace(table, files=files or table.files[:1])
        out.append(_Table(plan, seen, tables, read, engine).folded(timeless(files)))
    return out


class _Table:
    def __init__(
        self,
        plan: Plan,
        table: TableData,
        tables: Mapping[str, TableData],
        read: Read,
        engine: SparkEngine,
    ) -> None:
        self.plan, self.table, self.read, self.engine = plan, table, read, engine
        self.tables = {**tables, read.table: table}
        self.key = table.spec.key

    def folded(self, without_time: int) -> Folded:
        numbers = {n: node for n in self.read.folds if isinstance(node := self.plan.nodes[n], Fold)}
        counted = {n: fold for n, fold in numbers.items() if not why_related(fold)}
        events = self._events()
        added = Added.of(events, counted.values(), self.plan.nodes)
        columns = {number: f"{OWN}fold_{number}" for number in numbers}
        named = {columns[number]: fold for number, fold in counted.items()}
        frame = self._counted(events, together(named, events, self.plan.nodes), added)
        related = {n: fold for n, fold in numbers.items() if n not in counted}
        if related:
            relations = Relations(self.plan, self.tables, self.engine, tuple(related.values()))
            for number, fold in related.items():
                keys = relations.frame_of(fold)
                frame = self._with_related(frame, keys, columns[number], fold)
        return Folded(self.read.table, self.key, frame, columns, without_time, added)

    def _events(self) -> Events:
        """The rows that any fold asks for."""
        table, read = self.table, self.read
        clock = [HOUR] if any(rows.hours for rows in read.rows) else []
        rows = scan(self.engine, table, table.files, read.columns, clock)
        wanted = any_matching(read.rows, self.plan.nodes, table.spec.action)
        return Events(
            rows.filter(wanted),
            self.key,
            table.spec.action,
            self.plan.types[read.table],
            table.tags[table.spec.time].type.kind is Kind.TIMESTAMP,
            False,
            self.engine.time_zone,
            self.engine.hold,
            self.engine.wide,
        )

    def _counted(self, events: Events, folds: Together, added: Added) -> nw.LazyFrame[Any]:
        """All folds that are told by rows one by one, in one pass, and how large what is added."""
        inputs = [*folds.inputs, *added.sizes]
        rows: DataFrame = events.frame.select(self.key, *inputs).to_native()
        every = [each for several in folds.measured.values() for each in several]
        aggregates = {
            name: AGGREGATES[each.limit.name][name.removeprefix(each.prefix)](F.col(each.column))
            for each in every
            for name in each.aggregates
        }
        sizes = [f"{OWN}size_{number}" for number in range(len(added.sizes))]
        aggregates |= {name: F.max(name) for name in sizes}
        made = [column.alias(name) for name, column in aggregates.items()]
        grouped = rows.groupBy(self.key).agg(F.count(F.lit(1)).alias(ROWS), *made)
        counted: nw.LazyFrame[Any] = nw.from_native(grouped)
        return counted.select(self.key, ROWS, *sizes, *folds.holds)

    def _with_related(
        self, frame: nw.LazyFrame[Any], keys: nw.LazyFrame[Any], column: str, fold: Fold
    ) -> nw.LazyFrame[Any]:
        """The frame with a fold that holds of ``keys``, all of whom have rows in it."""
        marked = keys.with_columns(nw.lit(True).alias(column))
        joined = frame.join(marked, on=self.key, how="left")
        differs = ~nw.col(column).is_null()
        return joined.with_columns((~differs if fold.absent else differs).alias(column))
