"""A plan on an engine: every table read once, behaviour folded, users tested, membership out."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw
import pyarrow as pa

from audience.engine.base import OWN, Engine, OnStep, Step
from audience.engine.columns import scan
from audience.engine.compile import Compiler, tells_missing, with_shared
from audience.engine.folds import EventColumns, any_matching, passing
from audience.engine.tables import TableData
from audience.errors import DataError
from audience.membership import Membership, combined, repeated
from audience.plan.build import reachable
from audience.plan.nodes import Fold, Plan, Read

_EXAMPLES = 3
_KEY = OWN + "key"
_ROWS = OWN + "rows"


@dataclass(frozen=True)
class StrayEvents:
    """Events that a rule asked for and that count for nobody."""

    table: str
    without_key: int
    unknown_key: int


@dataclass(frozen=True)
class Outcome:
    """What a run found.

    ``membership`` has a bitmap for each root node, named by :func:`node_name`, and where a node
    can select users only because a value is missing, one of those users, named by
    :func:`missing_name`.
    """

    membership: Membership
    stray: tuple[StrayEvents, ...]
    users: int


def node_name(node: int) -> str:
    """The name of a node's bitmap."""
    return f"n{node}"


def missing_name(node: int) -> str:
    """The name of the bitmap of those in a node only because a value is missing."""
    return f"m{node}"


def run_plan(
    plan: Plan, tables: Mapping[str, TableData], engine: Engine, on_step: OnStep | None = None
) -> Outcome:
    """Evaluate a plan.

    Raises DataError where a table can't be read or its keys are not what they must be.
    """
    with engine.refusals():  # some engines bind what is asked of them at once
        return _Run(plan, tables, engine, on_step or _silent).run()


def _silent(_what: str, _table: str, _step: Step | None) -> None:
    """Nobody watches."""


class _Run:
    def __init__(
        self, plan: Plan, tables: Mapping[str, TableData], engine: Engine, on_step: OnStep
    ) -> None:
        self.plan = plan
        self.tables = tables
        self.engine = engine
        self.on_step = on_step
        self.users = tables[plan.users.table]

    def run(self) -> Outcome:
        frame = scan(self.engine, self.users, self.users.files, self.plan.users.columns)
        flags: dict[int, str] = {}
        keys: nw.LazyFrame[Any] | None = None
        stray = []
        for read in self.plan.events:
            if keys is None:
                key = self.users.spec.key
                keys = self.engine.hold(frame.select(key))
            events, columns = self._read_events(read)
            stray.append(self._count_stray(read, events, columns, keys))
            for number in read.folds:
                frame = self._join(frame, number, events, columns)
                flags[number] = f"{OWN}fold_{number}"
        return Outcome(self._test_users(frame, flags), tuple(stray), self.users.rows)

    def _read_events(self, read: Read) -> tuple[nw.LazyFrame[Any], EventColumns]:
        """The rows that any fold of the table wants, read once and held."""
        table = self.tables[read.table]
        columns = EventColumns(table.spec.key, table.spec.action, self.plan.types[read.table])
        folds = [self._fold(number) for number in read.folds]
        _check_days(table, folds)
        started = self._begin("read", read.table)
        files = table.within(read.days)
        if not files:
            # No day of the windows is on disk: the folds see an empty table of the right types.
            files = table.files[:1]
        wanted = any_matching(folds, self.plan.nodes, columns)
        rows = scan(self.engine, table, files, read.columns)
        events = self.engine.hold(rows.filter(wanted))
        counted = self.engine.fetch(events.select(nw.len().alias(_ROWS)))
        self._end("read", read.table, int(counted[_ROWS][0].as_py()), started)
        return events, columns

    def _count_stray(
        self,
        read: Read,
        events: nw.LazyFrame[Any],
        columns: EventColumns,
        keys: nw.LazyFrame[Any],
    ) -> StrayEvents:
        key = columns.key
        counted = self.engine.hold(events.group_by(key).agg(nw.len().alias(_ROWS)))
        mine = keys.rename({self.users.spec.key: key}) if self.users.spec.key != key else keys
        without = counted.filter(nw.col(key).is_null())
        unknown = counted.filter(~nw.col(key).is_null()).join(mine, on=key, how="anti")
        return StrayEvents(read.table, self._total(without), self._total(unknown))

    def _total(self, counted: nw.LazyFrame[Any]) -> int:
        total = self.engine.fetch(counted.select(nw.col(_ROWS).cast(nw.Int64).sum().alias("n")))
        return int(total["n"][0].as_py() or 0)

    def _join(
        self,
        frame: nw.LazyFrame[Any],
        number: int,
        events: nw.LazyFrame[Any],
        columns: EventColumns,
    ) -> nw.LazyFrame[Any]:
        """Add a fold's answer to the users."""
        fold = self._fold(number)
        name = f"{OWN}fold_{number}"
        key = self.users.spec.key
        differ = passing(events, fold, self.plan.nodes, columns).rename({columns.key: _KEY})
        differ = differ.with_columns(nw.lit(True, nw.Boolean).alias(name))
        joined = frame.join(differ, left_on=key, right_on=_KEY, how="left")
        answer = nw.col(name).fill_null(False)
        return joined.with_columns((~answer if fold.absent else answer).alias(name))

    def _test_users(self, frame: nw.LazyFrame[Any], folds: Mapping[int, str]) -> Membership:
        started = self._begin("read", self.users.name)
        nodes = self.plan.nodes
        roots = sorted({root for file in self.plan.files for root in file.roots})
        used = reachable(nodes, roots)
        doubtful = [number for number in roots if tells_missing(nodes, number)]
        frame, closed = with_shared(frame, nodes, used, folds)
        frame, opened = with_shared(frame, nodes, reachable(nodes, doubtful), folds, open=True)
        key = nw.col(self.users.spec.key)
        out = [key.alias(_KEY)]
        sure = Compiler(nodes, closed)
        maybe = Compiler(nodes, opened, open=True)
        for number in roots:
            out.append(sure.expression(number).fill_null(False).alias(node_name(number)))
        for number in doubtful:
            certain = maybe.expression(number).fill_null(False)
            only = sure.expression(number).fill_null(False) & ~certain
            out.append(only.alias(missing_name(number)))
        table = self.engine.fetch(frame.select(*out).sort(_KEY, nulls_last=True))
        self._check_keys(table[_KEY])
        self._end("read", self.users.name, table.num_rows, started)
        columns = [name for name in table.column_names if name != _KEY]
        flags = {name: combined(table[name]) for name in columns}
        return Membership.from_flags(combined(table[_KEY]), flags)

    def _check_keys(self, column: pa.ChunkedArray) -> None:
        name = f"`{self.users.spec.key}` of table `{self.users.name}`"
        if column.null_count:
            raise DataError(f"{name} is missing in {column.null_count:,} of {len(column):,} rows")
        again = repeated(combined(column))
        if len(again):
            examples = ", ".join(str(key) for key in again.unique()[:_EXAMPLES].to_pylist())
            raise DataError(
                f"{name} is not unique: {len(again):,} of {len(column):,} rows repeat a key, "
                f"for example {examples}"
            )

    def _fold(self, number: int) -> Fold:
        fold = self.plan.nodes[number]
        assert isinstance(fold, Fold)
        return fold

    def _begin(self, what: str, table: str) -> float:
        self.on_step(what, table, None)
        return time.monotonic()

    def _end(self, what: str, table: str, rows: int, started: float) -> None:
        self.on_step(what, table, Step(what, table, rows, time.monotonic() - started))


def _check_days(table: TableData, folds: Sequence[Fold]) -> None:
    missing = table.missing_days(fold.days for fold in folds)
    if missing:
        shown = ", ".join(map(str, missing[:_EXAMPLES]))
        days = "1 day" if len(missing) == 1 else f"{len(missing):,} days"
        more = ", …" if len(missing) > _EXAMPLES else ""
        raise DataError(
            f"table `{table.name}` has no partition of {days} that a rule's window asks for: "
            f"{shown}{more}; days that rightly have none can be listed as `known_gaps`"
        )
