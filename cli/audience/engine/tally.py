"""Behaviour by counting: a table's files in the order of their days, each row at its user's place.

Files are read in runs that the same behaviours want, the rows that any of these wants leave the
decoder, and the next run is read while the last is counted.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import pyarrow as pa

from audience.bits import Bits, pack
from audience.cache import Cache
from audience.engine.base import Engine
from audience.engine.slices import Leaf, Reader, Slice, columns_of, leaves_of, wants
from audience.engine.states import Events, Tally, TooWide
from audience.engine.strategy import Run, by_day, leaves_in, runs, size_of
from audience.engine.strays import Strays
from audience.engine.tables import TableData, TableFile
from audience.keyring import Keyring
from audience.kinds import Type
from audience.plan.nodes import Fold, Node

_FINDERS, _READERS = 2, 1
"""Threads that look for what was kept, and that read: an engine has threads of its own, and more
readers at a time take a tenth more of the processor and are no faster.
"""

Found = tuple[TableFile, Leaf, Slice]


@dataclass(frozen=True)
class Counted:
    """Of whom a fold holds, by position in a ring, and the rows it asked for that are nobody's."""

    held: Bits
    strays: Strays


class Tallies:
    """The folds of one table that are counted."""

    def __init__(
        self,
        engine: Engine,
        table: TableData,
        types: Mapping[str, Type],
        nodes: Sequence[Node],
        ring: Keyring,
        folds: Sequence[Fold],
        cache: Cache,
    ) -> None:
        self.table = table
        self.nodes = nodes
        self.ring = ring
        self.types = types
        self.folds = folds
        self.leaves = leaves_of(folds, daily=table.daily)
        self.rows = self.bytes = 0
        self._sorting = engine.sorting
        self._reader = Reader(engine, table, nodes, ring, cache)

    def compute(self) -> Mapping[Fold, Counted]:
        """Each fold's answer; without those that arrays of this width have no room for."""
        tallies = {
            fold: Tally(fold, self.types, len(self.ring), self._sorting) for fold in self.folds
        }
        strays = {fold: Strays() for fold in self.folds}
        for file, leaf, found in self._slices():
            self.rows += len(found.keys)
            events, unknown = _known(found)
            for fold in list(tallies):
                if self.leaves[fold] == leaf and wants(fold, file):
                    strays[fold].add(str(file.path), found.orphans, unknown)
                    try:
                        tallies[fold].add(events)
                    except TooWide:
                        del tallies[fold]
        return {fold: Counted(pack(tally.holds()), strays[fold]) for fold, tally in tallies.items()}

    def _slices(self) -> Iterator[Found]:
        """All slices: those that were kept, then those that have to be read."""
        kept = [
            (file, leaf)
            for file in by_day(self.table)
            for leaf in leaves_in(file, self.leaves)
            if self._reader.has(file, leaf)
        ]
        done: set[tuple[str, Leaf]] = set()

        for file, leaf, found in _ahead((partial(self._find, *each) for each in kept), _FINDERS):
            done.add((str(file.path), leaf))
            yield file, leaf, found
        left = runs(
            self.table,
            self.nodes,
            self.leaves,
            lambda file, leaf: (str(file.path), leaf) not in done,
        )
        yield from _ahead((partial(self._read, run) for run in left), _READERS)

    def _find(self, file: TableFile, leaf: Leaf) -> list[Found]:
        found = self._reader.find(file, leaf)
        return [] if found is None else [(file, leaf, found)]

    def _read(self, run: Run) -> list[Found]:
        columns = columns_of(self.table, self.nodes, run.leaves)
        self.bytes += size_of(run.files, columns)
        return list(self._reader.read(run.files, run.leaves))


def _ahead(reads: Iterable[Callable[[], list[Found]]], depth: int) -> Iterator[Found]:
    """What each read finds, in their order; the next ones are made while one is looked at."""
    waiting: deque[Future[list[Found]]] = deque()
    with ThreadPoolExecutor(depth) as ahead:
        for read in reads:
            waiting.append(ahead.submit(read))
            if len(waiting) > depth:
                yield from waiting.popleft().result()
        while waiting:
            yield from waiting.popleft().result()


def _known(found: Slice) -> tuple[Events, np.ndarray]:
    """The rows of a slice that are somebody's, and the numbers of those of nobody."""
    places = found.positions.astype(np.intp)
    known = np.flatnonzero(places >= 0)
    if len(known) == len(places):
        return Events(places, found.day, found.values), found.numbers[:0]
    day = found.day if isinstance(found.day, int) else found.day[known]
    values = {name: column.take(pa.array(known)) for name, column in found.values.items()}
    return Events(places[known], day, values), found.numbers[places < 0]
