"""A plan on an engine: every table read once, behaviour folded, users tested, membership out."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from audience.engine.base import HOUR, OWN, ROW, TIME, Engine, OnStep, Step
from audience.engine.columns import scan
from audience.engine.compile import Compiler, tells_missing, with_shared
from audience.engine.folds import LARGEST, largest, measures_of, passing, summed
from audience.engine.late import Answer, Flags, Late, Split
from audience.engine.rows import Events, any_matching, matching, select_rows
from audience.engine.tables import TableData
from audience.errors import DataError
from audience.kinds import Kind
from audience.membership import Membership, combined, repeated
from audience.plan.build import reachable
from audience.plan.nodes import Fold, Limit, Listed, Node, Plan, Read, Rows, Test

_EXAMPLES = 3
_KEY = OWN + "key"
_ROWS = OWN + "rows"
UNFOLLOWED = "unfollowed"


@dataclass(frozen=True)
class StrayEvents:
    """Events that a rule asked for and that count for nobody."""

    table: str
    without_key: int
    unknown_key: int


@dataclass(frozen=True)
class Strangers:
    """Ids on a list that are of nobody in the user table."""

    listed: Listed
    count: int
    snapshot: date | None


@dataclass(frozen=True)
class Outcome:
    """What a run found.

    ``memberships`` has by snapshot a bitmap for each root node of its files, named by
    :func:`node_name`, and where a node can select users only because a value is missing, one of
    those users, named by :func:`missing_name`.
    """

    memberships: Mapping[date | None, Membership]
    stray: tuple[StrayEvents, ...]
    strangers: tuple[Strangers, ...]


def node_name(node: int) -> str:
    """The name of a node's bitmap."""
    return f"n{node}"


def missing_name(node: int) -> str:
    """The name of the bitmap of those in a node only because a value is missing."""
    return f"m{node}"


def run_plan(
    plan: Plan,
    tables: Mapping[str, TableData],
    users: Mapping[date | None, TableData],
    engine: Engine,
    lists: Mapping[Listed, pa.Array],
    on_step: OnStep | None = None,
) -> Outcome:
    """Evaluate a plan.

    ``users`` is the user table as it was on each day that the plan reads it of, newest last.
    ``lists`` has the ids of each of its lists: distinct, of the keys' type.

    Raises DataError where a table can't be read or its keys are not what they must be.
    """
    with engine.refusals():  # some engines bind what is asked of them at once
        return _Run(plan, tables, users, engine, lists, on_step or _silent).run()


def measure_user(
    plan: Plan, tables: Mapping[str, TableData], engine: Engine, user: int | str
) -> dict[int, dict[Limit | str, Any]]:
    """For each fold of a plan the measures of one user's events; empty where none counted.

    Where rows must be followed, :data:`UNFOLLOWED` counts them whatever follows.
    """
    with engine.refusals():
        return _Run(plan, tables, {}, engine, {}, _silent).measure(user)


def _silent(_what: str, _table: str, _step: Step | None) -> None:
    """Nobody watches."""


class _Run:
    def __init__(
        self,
        plan: Plan,
        tables: Mapping[str, TableData],
        users: Mapping[date | None, TableData],
        engine: Engine,
        lists: Mapping[Listed, pa.Array],
        on_step: OnStep,
    ) -> None:
        self.plan = plan
        self.tables = tables
        self.engine = engine
        self.lists = lists
        self.on_step = on_step
        self.users = users
        self.key = tables[plan.users.table].spec.key

    def run(self) -> Outcome:
        folds, stray = self._fold_events()
        memberships = {}
        strangers: list[Strangers] = []
        for day, table in self.users.items():
            memberships[day], found = self._test_users(table, self.plan.roots(day), folds)
            strangers += [Strangers(listed, count, day) for listed, count in found.items() if count]
        return Outcome(memberships, stray, tuple(strangers))

    def measure(self, user: int | str) -> dict[int, dict[Limit | str, Any]]:
        """See :func:`measure_user`."""
        events = {read.table: self._read_events(read) for read in self.plan.events}
        out: dict[int, dict[Limit | str, Any]] = {}
        for number in (number for read in self.plan.events for number in read.folds):
            frame, read_row = measures_of(events, self._fold(number), self.plan.nodes, user)
            rows = self.engine.fetch(frame).to_pylist()
            out[number] = read_row(rows[0]) if rows else {}
            fold = self._fold(number)
            if fold.rows.then is not None:
                alone = select_rows(events, replace(fold.rows, then=None), self.plan.nodes)
                mine = alone.filter(nw.col(events[fold.rows.table].key) == user)
                counted = self.engine.fetch(mine.select(nw.len().alias(_ROWS)))
                out[number][UNFOLLOWED] = int(counted[_ROWS][0].as_py())
        return out

    def _fold_events(self) -> tuple[dict[int, pa.Array], tuple[StrayEvents, ...]]:
        """For each fold the keys whose answer is not that of a user without events."""
        reads = self.plan.events
        if not reads:
            return {}, ()
        newest = self.users[self.plan.snapshots[-1]]
        keys = self.engine.hold(scan(self.engine, newest, newest.files, [self.key]))
        events: dict[str, Events] = {}
        stray = []
        for read in reads:
            events[read.table] = self._read_events(read)
            stray.append(self._count_stray(read, events[read.table], keys))
        folds = {}
        for number in (number for read in reads for number in read.folds):
            fold = self._fold(number)
            self._check_sums(fold, events[fold.rows.table])
            differ = passing(events, fold, self.plan.nodes)
            folds[number] = combined(self.engine.fetch(differ).column(0))
        return folds, tuple(stray)

    def _read_events(self, read: Read) -> Events:
        """The rows of a table that any fold wants, read once and held."""
        table = self.tables[read.table]
        _check_days(table, read.rows)
        started = self._begin("read", read.table)
        files = table.within(read.days)
        if not files:
            # No day of the windows is on disk: the folds see an empty table of the right types.
            files = table.files[:1]
        chained = self._is_chained(read)
        clock = [HOUR] if any(rows.hours for rows in read.rows) else []
        rows = scan(self.engine, table, files, read.columns, [*clock, TIME] if chained else clock)
        wanted = any_matching(read.rows, self.plan.nodes, table.spec.action)
        rows = rows.filter(wanted)
        if chained:
            rows = rows.with_row_index(ROW, order_by=table.spec.key)
        held = self.engine.hold(rows)
        counted = self.engine.fetch(held.select(nw.len().alias(_ROWS)))
        self._end("read", read.table, int(counted[_ROWS][0].as_py()), started)
        return Events(
            held,
            table.spec.key,
            table.spec.action,
            self.plan.types[read.table],
            table.tags[table.spec.time].type.kind is Kind.TIMESTAMP,
            table.zoned,
            self.engine.time_zone,
            self.engine.hold,
        )

    def _is_chained(self, read: Read) -> bool:
        """Whether rows of a table follow others, or are followed."""
        chains = (list(node.rows.chain) for node in self.plan.nodes if isinstance(node, Fold))
        return any(rows.table == read.table for chain in chains if len(chain) > 1 for rows in chain)

    def _check_sums(self, fold: Fold, events: Events) -> None:
        columns = summed(fold, events.types)
        if not columns:
            return
        counts = matching(fold.rows, self.plan.nodes, events.action)
        rows = events.frame.filter(counts & ~nw.col(events.key).is_null())
        found = self.engine.fetch(rows.select(*map(largest, columns)))
        for name in columns:
            value = found[name][0].as_py()
            if value is not None and value > LARGEST:
                raise DataError(
                    f"table `{fold.rows.table}`: `{name}` has a value of {value:g}, which can't "
                    f"be summed exactly; values up to {LARGEST:g} can"
                )

    def _count_stray(self, read: Read, events: Events, keys: nw.LazyFrame[Any]) -> StrayEvents:
        key = events.key
        counted = self.engine.hold(events.frame.group_by(key).agg(nw.len().alias(_ROWS)))
        mine = keys.rename({self.key: key}) if self.key != key else keys
        without = counted.filter(nw.col(key).is_null())
        unknown = counted.filter(~nw.col(key).is_null()).join(mine, on=key, how="anti")
        return StrayEvents(read.table, self._total(without), self._total(unknown))

    def _total(self, counted: nw.LazyFrame[Any]) -> int:
        total = self.engine.fetch(counted.select(nw.col(_ROWS).cast(nw.Int64).sum().alias("n")))
        return int(total["n"][0].as_py() or 0)

    def _test_users(
        self, table: TableData, roots: Sequence[int], folds: Mapping[int, pa.Array]
    ) -> tuple[Membership, Mapping[Listed, int]]:
        """Who is in which root, and for each list how many of its ids are nobody's."""
        started = self._begin("read", table.name)
        split = Split(self.plan.nodes, roots)
        nodes = split.nodes
        used = reachable(nodes, split.early)
        frame = scan(self.engine, table, table.files, self._user_columns(nodes, used, split))
        doubtful = [number for number in split.early if tells_missing(nodes, number)]
        unsure = sorted({*doubtful, *(split.inside & set(split.early))})
        frame, closed = with_shared(frame, nodes, used)
        frame, opened = with_shared(frame, nodes, reachable(nodes, unsure), open=True)
        out = [nw.col(self.key).alias(_KEY)]
        out += [nw.col(name).alias(OWN + "by_" + name) for name in split.columns]
        sure = Compiler(nodes, closed)
        maybe = Compiler(nodes, opened, open=True)
        for number in split.early:
            out.append(sure.expression(number).fill_null(False).alias(node_name(number)))
        for number in unsure:
            found = maybe.expression(number)
            out.append(found.fill_null(False).alias(_sure_name(number)))
            if number in split.inside:
                out.append(found.fill_null(True).alias(_possible_name(number)))
        fetched = self.engine.fetch(frame.select(*out).sort(_KEY, nulls_last=True))
        self._check_keys(table, fetched[_KEY])
        self._end("read", table.name, fetched.num_rows, started)
        return self._answer(split, roots, fetched, folds)

    def _answer(
        self,
        split: Split,
        roots: Sequence[int],
        fetched: pa.Table,
        folds: Mapping[int, pa.Array],
    ) -> tuple[Membership, Mapping[Listed, int]]:
        names = set(fetched.column_names)

        def flags(name: str, default: str) -> Flags:
            column = combined(fetched[name if name in names else default])
            return np.asarray(column.to_numpy(zero_copy_only=False), dtype=bool)

        early = {}
        for number in split.early:
            name = node_name(number)
            early[number] = Answer(
                flags(name, name),
                flags(_sure_name(number), name),
                flags(_possible_name(number), name),
            )
        keys = combined(fetched[_KEY])
        columns = {name: combined(fetched[OWN + "by_" + name]) for name in split.columns}
        late = Late(split, keys, early, columns, folds, self.lists)
        found: dict[str, Flags] = {}
        answers = late.answers()
        for number in roots:
            answer = answers[number]
            found[node_name(number)] = answer.closed
            only = answer.closed & ~answer.sure
            if only.any():
                found[missing_name(number)] = only
        return Membership.from_flags(keys, found), late.strangers

    def _user_columns(
        self, nodes: Sequence[Node], used: Iterable[int], split: Split
    ) -> tuple[str, ...]:
        tested = {node.column for number in used if isinstance(node := nodes[number], Test)}
        return tuple(sorted({self.key, *tested, *split.columns}))

    def _check_keys(self, table: TableData, column: pa.ChunkedArray) -> None:
        name = f"`{self.key}` of table `{table.name}`"
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


def _sure_name(number: int) -> str:
    return f"{OWN}sure_{number}"


def _possible_name(number: int) -> str:
    return f"{OWN}possible_{number}"


def _check_days(table: TableData, rows: Sequence[Rows]) -> None:
    missing = table.missing_days(each.days for each in rows)
    if missing:
        shown = ", ".join(map(str, missing[:_EXAMPLES]))
        days = "1 day" if len(missing) == 1 else f"{len(missing):,} days"
        more = ", …" if len(missing) > _EXAMPLES else ""
        raise DataError(
            f"table `{table.name}` has no partition of {days} that a rule's window asks for: "
            f"{shown}{more}; days that rightly have none can be listed as `known_gaps`"
        )
