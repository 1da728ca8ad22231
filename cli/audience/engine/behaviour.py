"""Behaviour: for each fold of a plan the users it holds of, in whichever way is open to it.

An answer that was kept from an earlier run is taken; what can be counted row by row is counted;
the rest is left to relations.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import numpy as np
import pyarrow as pa

from audience.bits import Bits, pack, to_arrow, unpack
from audience.cache import Cache, stamps
from audience.engine.base import Engine
from audience.engine.relations import Relations
from audience.engine.slices import kinds_of, leaves_of, wants
from audience.engine.steps import Steps
from audience.engine.strategy import turns, why_related
from audience.engine.strays import Strays, count_strays
from audience.engine.tables import TableData
from audience.engine.tally import Counted, Tallies
from audience.engine.times import check_days, know_times, timeless
from audience.engine.users import Users
from audience.keyring import Keyring
from audience.plan.fingerprint import fingerprint_fold
from audience.plan.nodes import Fold, Plan, Read

Held = dict[date | None, dict[Fold, Bits]]
"""By snapshot of the user table, for each fold the rows of the users it holds of."""


@dataclass(frozen=True)
class StrayEvents:
    """Events that a rule asked for and that count for nobody.

    Those without a time are of all rows in the files that were asked for.
    """

    table: str
    without_key: int
    unknown_key: int
    without_time: int


class Behaviour:
    """The folds of one plan over the users of some snapshots."""

    def __init__(
        self,
        plan: Plan,
        tables: Mapping[str, TableData],
        users: Mapping[date | None, Users],
        engine: Engine,
        cache: Cache,
        steps: Steps,
        *,
        tally: bool,
    ) -> None:
        self.plan = plan
        self.tables = tables
        self.users = users
        self.engine = engine
        self.cache = cache
        self.steps = steps
        self.tally = tally
        self._asked: dict[str, TableData] = {}
        self._held: Held = {day: {} for day in users}

    def compute(self) -> tuple[Held, tuple[StrayEvents, ...]]:
        """Each fold's users, and the rows that were asked for and are nobody's.

        Raises DataError where a table can't be read, or a day that is asked for is not there.
        """
        counts: dict[str, tuple[int, int]] = {}
        left: list[Fold] = []
        for read in self.plan.events:
            self._asked[read.table] = self._ask(read)
            folds = list(map(self._fold, read.folds))
            strays = self._find(folds)
            counted = [fold for fold in folds if fold not in strays and self._can_count(fold)]
            strays |= self._count(read, counted)
            counts[read.table] = count_strays(strays.values())
            left += [fold for fold in folds if fold not in strays]
        if left:
            self._relate(left, counts)
        return self._held, tuple(
            StrayEvents(table, *found, timeless(self._asked[table].files))
            for table, found in counts.items()
        )

    @cached_property
    def ring(self) -> Keyring:
        """The keys that events are counted by: of all snapshots that are read."""
        rings = [users.ring for users in self.users.values()]
        if len(rings) == 1:
            return rings[0]
        keys = pa.concat_arrays([ring.keys for ring in rings]).unique()
        return Keyring(keys, self.engine.sorting)

    def _ask(self, read: Read) -> TableData:
        """A table with the files that windows ask for alone, and what is known of their times."""
        table = self.tables[read.table]
        check_days(table, (rows.days for rows in read.rows))
        files = table.within(read.days)
        return replace(table, files=know_times(self.engine, table, files, self.cache, self.steps))

    def _can_count(self, fold: Fold) -> bool:
        return self.tally and not why_related(fold)

    def _find(self, folds: Iterable[Fold]) -> dict[Fold, Strays]:
        """The folds whose answers were kept."""
        found = {}
        for fold in folds:
            entry = self.cache.get(*self._name(fold)) if self._can_count(fold) else None
            strays = self.cache.get(*self._name(fold), "strays") if entry is not None else None
            if entry is None or strays is None:
                continue
            for day, column in zip(self.users, entry.columns, strict=True):
                self._held[day][fold] = np.frombuffer(column[0].as_buffer(), dtype=np.uint8)
            found[fold] = Strays.from_table(strays)
        return found

    def _count(self, read: Read, folds: Sequence[Fold]) -> dict[Fold, Strays]:
        """The folds that can be counted row by row."""
        table, types = self._asked[read.table], self.plan.types[read.table]
        out: dict[Fold, Strays] = {}
        for group in turns(folds, sum(users.count for users in self.users.values())):
            with self.steps.step("count", read.table) as step:
                before = self.cache.read_bytes
                tallies = Tallies(
                    self.engine, table, types, self.plan.nodes, self.ring, group, self.cache
                )
                found = tallies.compute()
                self._hold({fold: counted.held for fold, counted in found.items()})
                step.rows, step.bytes = tallies.rows, tallies.bytes
                step.kept = self.cache.read_bytes - before
            for fold, counted in found.items():
                self._keep(fold, counted)
            out |= {fold: counted.strays for fold, counted in found.items()}
        return out

    def _relate(self, folds: Sequence[Fold], counts: dict[str, tuple[int, int]]) -> None:
        """The folds that can't, on top of what is counted in ``counts``."""
        done = [fold for read in self.plan.events for fold in map(self._fold, read.folds)]
        done = [fold for fold in done if fold not in folds]
        tables = ", ".join(dict.fromkeys(fold.rows.table for fold in folds))
        with self.steps.step("relate", tables) as step:
            held = Relations(self.plan, self.tables, self.engine, folds)
            self._hold({fold: held.passing(fold, self.ring) for fold in folds})
            for table in held.events:
                others = (fold.rows for fold in done if fold.rows.table == table)
                more = held.strays(table, self.ring, others)
                orphans, unknown = counts.get(table, (0, 0))
                counts[table] = (orphans + more[0], unknown + more[1])
                step.rows += held.size(table)

    def _hold(self, found: Mapping[Fold, Bits]) -> None:
        """Note answers by position in the ring as such by row of each snapshot."""
        for day, users in self.users.items():
            if users.ring is self.ring:
                held = self.ring.by_row(list(found.values()))
                self._held[day] |= dict(zip(found, held, strict=True))
                continue
            places = self.ring.positions(users.ring.keys).astype(np.intp)
            for fold, bits in found.items():
                self._held[day][fold] = pack(unpack(bits, len(self.ring))[places])

    def _keep(self, fold: Fold, counted: Counted) -> None:
        rows = [to_arrow(held[fold]) for held in self._held.values()]
        names = [str(day) for day in self._held]
        self.cache.put(pa.Table.from_arrays(rows, names), *self._name(fold))
        self.cache.put(counted.strays.to_table(), *self._name(fold), "strays")

    def _name(self, fold: Fold) -> tuple[object, ...]:
        table = self._asked[fold.rows.table]
        files = stamps(file.stamp for file in table.files if wants(fold, file))
        users = tuple(users.table.stamp for users in self.users.values())
        engine = (self.engine.version, self.engine.time_zone)
        nodes = self.plan.nodes
        kinds = kinds_of(table, nodes, leaves_of([fold], daily=table.daily)[fold])
        return ("fold", engine, users, files, kinds, fingerprint_fold(nodes, fold))

    def _fold(self, number: int) -> Fold:
        fold = self.plan.nodes[number]
        assert isinstance(fold, Fold)
        return fold
