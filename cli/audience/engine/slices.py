"""Slices: the rows of one file of events that count for a behaviour, and what is measured of them.

Behaviours that differ only in their windows or limits share slices, and a file of one day is the
same whatever else is in a window: so a slice can be kept from one run to the next.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from audience.bits import Flags, count_bits, from_arrow, unpack
from audience.cache import Cache
from audience.engine.base import DAY, HOUR, OWN, ROW, Engine
from audience.engine.columns import in_order, scan
from audience.engine.rows import any_matching, is_tested, matching
from audience.engine.states import days_since_1970
from audience.engine.strays import RowNumbers
from audience.engine.tables import TableData, TableFile
from audience.keyring import Keyring
from audience.membership import combined
from audience.places import Positions
from audience.plan.build import row_columns
from audience.plan.fingerprint import fingerprint_rows
from audience.plan.nodes import Fold, Node, Rows
from audience.texts import of_one_width

_MASK = OWN + "mask_"
_ALWAYS = (None, date.max)
_ORPHANS, _FIRST = b"orphans", b"first"


@dataclass(frozen=True)
class Leaf:
    """A condition over rows and the columns that are measured of those that pass.

    Where files are days, windows and days of the week are left out: they choose files.
    """

    rows: Rows
    columns: tuple[str, ...]


def leaves_of(folds: Iterable[Fold], *, daily: bool) -> dict[Fold, Leaf]:
    """The leaf of each fold; folds over the same rows share one."""
    rows = {
        fold: replace(fold.rows, days=_ALWAYS, weekdays=()) if daily else fold.rows
        for fold in folds
    }
    columns: dict[Rows, set[str]] = {}
    for fold, each in rows.items():
        measured = (limit.column for limit in fold.limits if limit.column)
        columns.setdefault(each, set()).update(measured)
    return {fold: Leaf(each, tuple(sorted(columns[each]))) for fold, each in rows.items()}


def columns_of(table: TableData, nodes: Sequence[Node], leaves: Iterable[Leaf]) -> set[str]:
    """The key, and the columns that leaves are told by and that are measured of them."""
    columns = {table.spec.key}
    for leaf in leaves:
        columns |= {*leaf.columns, *row_columns(nodes, table.spec.action, leaf.rows)}
    return columns


def kinds_of(table: TableData, nodes: Sequence[Node], leaf: Leaf) -> tuple[str, ...]:
    """What a leaf's columns are in a table: what is kept must not outlive it.

    What a partition's values are depends on all files, not on one.
    """
    types = (f"{name} {table.tags[name].type!r}" for name in columns_of(table, nodes, [leaf]))
    return (table.spec.key, table.spec.time, table.spec.action, *sorted(types))


@dataclass(frozen=True)
class Slice:
    """Rows of one file: keys, none missing, and values; ``numbers`` are those of the rows.

    ``orphans`` are the numbers of rows that count and have no key. ``day`` is in days since 1970,
    one for all where the file is of one day.
    """

    keys: pa.Array
    numbers: RowNumbers
    orphans: RowNumbers
    values: Mapping[str, pa.Array]
    day: int | npt.NDArray[Any]
    positions: Positions
    """Places in a keyring."""


def wants(fold: Fold, file: TableFile) -> bool:
    """Whether rows of a file of one day can count for a fold."""
    first, last = fold.rows.days
    day = file.day
    if day is None:
        return True
    if (first is not None and day < first) or day > last:
        return False
    weekdays = fold.rows.weekdays
    return not weekdays or not file.proven or day.isoweekday() in weekdays


class Reader:
    """Reads slices of a table, or finds those that were kept."""

    def __init__(
        self,
        engine: Engine,
        table: TableData,
        nodes: Sequence[Node],
        ring: Keyring,
        cache: Cache,
    ) -> None:
        self.engine = engine
        self.table = table
        self.nodes = nodes
        self.ring = ring
        self.cache = cache
        self.daily = table.daily
        self._leaf_names: dict[Leaf, tuple[object, ...]] = {}

    def has(self, file: TableFile, leaf: Leaf) -> bool:
        """Whether a slice was kept, as far as can be seen without reading it."""
        return self.daily and self.cache.has(*self._name(file, leaf))

    def find(self, file: TableFile, leaf: Leaf) -> Slice | None:
        """The slice that was kept, if it is whole."""
        entry = self.cache.get(*self._name(file, leaf))
        if entry is None or file.day is None:
            return None
        keys, gaps, *values = map(combined, entry.columns)
        first = int((entry.schema.metadata or {})[_FIRST])
        if pa.types.is_unsigned_integer(keys.type):
            keys = pa.array(np.asarray(keys).astype(np.int64) + first)
        numbers = np.cumsum(np.asarray(gaps), dtype=np.int64)
        values = [
            each.cast(each.type.value_type) if pa.types.is_dictionary(each.type) else each
            for each in values
        ]
        orphans = np.frombuffer((entry.schema.metadata or {})[_ORPHANS], dtype=np.uint32)
        return Slice(
            keys,
            numbers,
            orphans.astype(np.int64),
            dict(zip(leaf.columns, values, strict=True)),
            days_since_1970(file.day),
            self.ring.positions(keys),
        )

    def _keep(self, file: TableFile, leaf: Leaf, found: Slice) -> None:
        keys, first = _narrow(found.keys)
        gaps = np.diff(found.numbers, prepend=0)
        values = [
            each.dictionary_encode() if pa.types.is_large_string(each.type) else each
            for each in found.values.values()
        ]
        table = pa.Table.from_arrays(
            [keys, pa.array(gaps.astype(_width(gaps))), *values],
            ["key", "gap", *(f"value_{name}" for name in leaf.columns)],
        )
        notes = {_ORPHANS: found.orphans.astype(np.uint32).tobytes(), _FIRST: str(first).encode()}
        self.cache.put(table.replace_schema_metadata(notes), *self._name(file, leaf))

    def _name(self, file: TableFile, leaf: Leaf) -> tuple[object, ...]:
        # The same for every file, and asked for twice of each.
        if leaf not in self._leaf_names:
            made_by = (self.engine.version, self.engine.time_zone)
            rows = fingerprint_rows(self.nodes, leaf.rows)
            kinds = kinds_of(self.table, self.nodes, leaf)
            self._leaf_names[leaf] = ("slice", made_by, leaf.columns, kinds, rows)
        return (*self._leaf_names[leaf], file.stamp, file.day)

    def read(
        self, files: Sequence[TableFile], leaves: Sequence[Leaf]
    ) -> Iterator[tuple[TableFile, Leaf, Slice]]:
        """The slices of some leaves in some files, which store their columns alike: one pass."""
        fetched = in_order(self._fetch(files, leaves))
        self.table.check_unchanged(files)
        numbers = np.asarray(combined(fetched[ROW])).astype(np.int64)
        starts = np.cumsum([0, *(file.rows for file in files)])
        keys, lost = _filled(combined(fetched[self.table.spec.key]))
        # Texts of one length are rows of bytes: these are taken and compared much faster.
        keys = of_one_width(keys)
        positions = self.ring.positions(keys)
        columns = {name: combined(fetched[name]) for leaf in leaves for name in leaf.columns}
        days = None if self.daily else np.asarray(fetched[DAY].cast(pa.int32()))
        for number, leaf in enumerate(leaves):
            rows = np.arange(len(keys))
            if len(leaves) > 1:
                mask, _ = from_arrow(combined(fetched[f"{_MASK}{number}"]))
                rows = np.flatnonzero(unpack(mask, len(keys)))
            orphans = rows[:0]
            if lost is not None:
                orphans, rows = rows[lost[rows]], rows[~lost[rows]]
            taken = pa.array(rows)
            every = Slice(
                keys.take(taken),
                numbers[rows],
                numbers[orphans],
                {name: columns[name].take(taken) for name in leaf.columns},
                0 if days is None else days[rows],
                positions[rows],
            )
            for file, found in zip(files, _by_file(every, starts, files), strict=True):
                if self.daily and self.cache.has_room:
                    self._keep(file, leaf, found)
                yield file, leaf, found

    def _fetch(self, files: Sequence[TableFile], leaves: Sequence[Leaf]) -> pa.Table:
        spec = self.table.spec
        columns = columns_of(self.table, self.nodes, leaves)
        clock = [HOUR] if any(leaf.rows.hours for leaf in leaves) else []
        frame = scan(
            self.engine,
            self.table,
            files,
            sorted(columns),
            clock,
            numbered=True,
            dated=not self.daily,
        )
        rows = [leaf.rows for leaf in leaves]
        dated = not self.daily
        if dated or all(map(is_tested, rows)):
            frame = frame.filter(any_matching(rows, self.nodes, spec.action, dated=dated))
        values = {name for leaf in leaves for name in leaf.columns} - {spec.key}
        out: list[Any] = [spec.key, ROW, *sorted(values)]
        if dated:
            out.append(DAY)
        if len(leaves) > 1:
            for number, each in enumerate(rows):
                mask = matching(each, self.nodes, spec.action, dated=dated)
                out.append(mask.fill_null(False).alias(f"{_MASK}{number}"))
        return self.engine.fetch(frame.select(*out))


def _filled(keys: pa.Array) -> tuple[pa.Array, Flags | None]:
    """Keys without gaps, and where there were some: a key of no meaning stands there now."""
    unknown, _ = from_arrow(keys.is_null())
    if not count_bits(unknown):
        return keys, None
    lost = unpack(unknown, len(keys))
    # One of their own: texts of one length stay so.
    anything = keys[int(np.argmin(lost))] if not lost.all() else pa.scalar(0).cast(keys.type)
    return keys.fill_null(anything), lost


def _by_file(
    found: Slice, starts: npt.NDArray[np.int64], files: Sequence[TableFile]
) -> Iterator[Slice]:
    """A slice of several files, one behind the other, as those of each; these begin at rows."""
    ends = np.searchsorted(found.numbers, starts)
    lost = np.searchsorted(found.orphans, starts)
    for place, file in enumerate(files):
        mine = slice(ends[place], ends[place + 1])
        day = found.day
        if isinstance(day, int):
            assert file.day is not None
            day = days_since_1970(file.day)
        else:
            day = day[mine]
        yield Slice(
            found.keys[mine],
            found.numbers[mine] - starts[place],
            found.orphans[lost[place] : lost[place + 1]] - starts[place],
            {name: column[mine] for name, column in found.values.items()},
            day,
            found.positions[mine],
        )


def _narrow(keys: pa.Array) -> tuple[pa.Array, int]:
    """Keys less the least of them, where that takes half the room, and what was taken off."""
    if not pa.types.is_integer(keys.type) or not len(keys):
        return keys, 0
    numbers = np.asarray(keys)
    first, last = int(numbers.min()), int(numbers.max())
    if last - first >= 2**32:
        return keys, 0
    return pa.array((numbers - first).astype(np.uint32)), first


def _width(numbers: npt.NDArray[Any]) -> Any:
    """The narrowest unsigned type that has room."""
    return np.min_scalar_type(int(numbers.max(initial=0)))
