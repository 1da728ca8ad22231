"""Behaviour by relations: rows are held as a frame and grouped, put together, or paired.

What counting row by row can't do: rows that others must follow, rows that together make an event,
sums that 63 bits have no room for. It is also the way that is plainest, and what the fast one is
held against.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np

from audience.bits import Bits, complement, pack
from audience.engine.base import DAY, HOUR, OWN, TIME, Engine
from audience.engine.columns import scan
from audience.engine.folds import LARGEST, magnitude, measures_of, passing, summed
from audience.engine.rows import Events, any_matching, matching, select_rows
from audience.engine.tables import TableData
from audience.errors import DataError
from audience.keyring import Keyring
from audience.kinds import Kind
from audience.membership import combined
from audience.plan.build import fold_columns
from audience.plan.nodes import Fold, Limit, Node, Plan, Read, Rows

_ROWS = OWN + "rows"
UNFOLLOWED = "unfollowed"


class Relations:
    """The rows that some folds want, of every table, read once and held; those of one ``user``."""

    def __init__(
        self,
        plan: Plan,
        tables: Mapping[str, TableData],
        engine: Engine,
        folds: Sequence[Fold],
        user: int | str | None = None,
    ) -> None:
        self.plan = plan
        self.tables = tables
        self.engine = engine
        self.folds = folds
        self.user = user
        self.events = {
            read.table: self._read(read, rows)
            for read in plan.events
            if (rows := self._rows_of(read.table))
        }

    def passing(self, fold: Fold, ring: Keyring) -> Bits:
        """By position in a ring, of whom a fold holds. Raises DataError."""
        found = self.engine.fetch(self.frame_of(fold))
        positions = ring.positions(combined(found.column(0)))
        flags = np.zeros(len(ring), dtype=np.bool_)
        flags[positions[positions >= 0]] = True
        differ = pack(flags)
        return complement(differ, len(ring)) if fold.absent else differ

    def frame_of(self, fold: Fold) -> nw.LazyFrame[Any]:
        """The keys whose answer is not that of a user without events. Raises DataError."""
        check_sums(self.engine, self.events[fold.rows.table], [fold], self.plan.nodes)
        return passing(self.events, fold, self.plan.nodes)

    def measure(self, fold: Fold) -> dict[Limit | str, Any]:
        """A fold's measures of the one user's events; none where none counted.

        Where rows must be followed, :data:`UNFOLLOWED` counts them whatever follows.
        """
        frame, read_row = measures_of(self.events, fold, self.plan.nodes)
        rows = self.engine.fetch(frame).to_pylist()
        out = read_row(rows[0]) if rows else {}
        if fold.rows.then is not None:
            alone = select_rows(self.events, replace(fold.rows, then=None), self.plan.nodes)
            counted = self.engine.fetch(alone.select(nw.len().alias(_ROWS)))
            out[UNFOLLOWED] = int(counted[_ROWS][0].as_py())
        return out

    def newest(self, fold: Fold, most: int) -> tuple[dict[str, Any], ...]:
        """The newest of the one user's rows that a fold counts, newest first.

        Each has under the time column's name when it was, the action, and the columns at which
        folds of these rows look.
        """
        if not most:
            return ()
        spec = self.tables[fold.rows.table].spec
        columns = [spec.action] if spec.action else []
        same = (each for each in self.folds if each.rows == fold.rows)
        looked = {
            name for each in same for name in fold_columns(self.plan.nodes, spec.action, each)
        }
        columns += sorted(looked - {*columns, spec.time})
        rows = select_rows(self.events, fold.rows, self.plan.nodes)
        found = self.engine.fetch(rows.select(DAY, TIME, *columns)).to_pylist()
        found.sort(key=lambda row: (row[DAY], row[TIME] or row[DAY]), reverse=True)
        return tuple(
            {spec.time: row[TIME] or row[DAY], **{name: row[name] for name in columns}}
            for row in found[:most]
        )

    def size(self, table: str) -> int:
        """How many rows of a table are held."""
        frame = self.events[table].frame.select(nw.len().alias(_ROWS))
        return int(self.engine.fetch(frame)[_ROWS][0].as_py())

    def strays(self, table: str, ring: Keyring, others: Iterable[Rows]) -> tuple[int, int]:
        """How many rows have no key, how many one of nobody; without those that others count."""
        events = self.events[table]
        frame = events.frame
        counted = list(others)
        if counted:
            told = any_matching(counted, self.plan.nodes, events.action).fill_null(False)
            frame = frame.filter(~told)
        groups = self.engine.fetch(frame.group_by(events.key).agg(nw.len().alias(_ROWS)))
        keys, rows = combined(groups[events.key]), np.asarray(groups[_ROWS], dtype=np.int64)
        known = np.asarray(keys.is_valid().to_numpy(zero_copy_only=False), dtype=np.bool_)
        unknown = ring.positions(keys.drop_null()) < 0
        return int(rows[~known].sum()), int(rows[known][unknown].sum())

    def _rows_of(self, table: str) -> tuple[Rows, ...]:
        rows = (each for fold in self.folds for each in fold.rows.chain)
        return tuple(dict.fromkeys(each for each in rows if each.table == table))

    def _read(self, read: Read, wanted: Sequence[Rows]) -> Events:
        table = self.tables[read.table]
        # No day of the windows is on disk: the folds see an empty table of the right types.
        files = table.within(read.days) or table.files[:1]
        chains = [list(fold.rows.chain) for fold in self.folds]
        chained = any(
            rows.table == read.table for chain in chains if len(chain) > 1 for rows in chain
        )
        # Of all rows that any fold asks for: those that were counted elsewhere are told apart.
        clock = [HOUR] if any(rows.hours for rows in read.rows) else []
        clock += [TIME] if chained or self.user is not None else []
        columns = read.columns
        if self.user is not None and table.spec.action:
            columns = tuple(dict.fromkeys((*columns, table.spec.action)))
        rows = scan(self.engine, table, files, columns, clock)
        if self.user is not None:
            rows = rows.filter(nw.col(table.spec.key) == self.user)
        rows = rows.filter(any_matching(wanted, self.plan.nodes, table.spec.action))
        if chained:
            rows = self.engine.number(rows, table.spec.key)
        held = self.engine.hold(rows)
        table.check_unchanged(files)
        return Events(
            held,
            table.spec.key,
            table.spec.action,
            self.plan.types[read.table],
            table.tags[table.spec.time].type.kind is Kind.TIMESTAMP,
            table.zoned,
            self.engine.time_zone,
            self.engine.hold,
            self.engine.wide,
        )


def check_sums(
    engine: Engine, events: Events, folds: Iterable[Fold], nodes: Sequence[Node]
) -> None:
    """Fractions that folds add up must be small enough for exact sums. Raises DataError."""
    added = Added.of(events, folds, nodes)
    if added.sizes:
        (row,) = engine.fetch(events.frame.select(each.max() for each in added.sizes)).to_pylist()
        added.check(row.values())


@dataclass(frozen=True)
class Added:
    """What folds add up: of each column of fractions its table and name, and how large values are.

    ``sizes`` are of rows, missing of those that do not count.
    """

    columns: Sequence[tuple[str, str]]
    sizes: Sequence[nw.Expr]

    @classmethod
    def of(cls, events: Events, folds: Iterable[Fold], nodes: Sequence[Node]) -> Added:
        """What some folds add up."""
        columns: list[tuple[str, str]] = []
        sizes: list[nw.Expr] = []
        for fold in folds:
            counts = matching(fold.rows, nodes, events.action) & ~nw.col(events.key).is_null()
            for column in summed(fold, events.types):
                size = magnitude(nw.when(counts).then(nw.col(column)))
                sizes.append(size.alias(f"{OWN}size_{len(columns)}"))
                columns.append((fold.rows.table, column))
        return cls(columns, sizes)

    def check(self, largest: Iterable[float | None]) -> None:
        """The largest of each must be small enough for exact sums. Raises DataError."""
        for (table, column), value in zip(self.columns, largest, strict=True):
            if value is not None and value > LARGEST:
                raise DataError(
                    f"table `{table}`: `{column}` has a value of {value:g}, which can't "
                    f"be summed exactly; values up to {LARGEST:g} can"
                )
