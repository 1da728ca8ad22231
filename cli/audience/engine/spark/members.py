"""Who is in what, where the rows are: a frame of keys and packed answers, counted on demand."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyspark import StorageLevel
from pyspark.sql import functions as F

from audience.bits import pack
from audience.engine.base import OWN
from audience.engine.spark.engine import KEY, SparkEngine, to_arrow
from audience.engine.spark.parts import write_parts
from audience.engine.spark.release import release, start_releasing
from audience.engine.spark.words import Words
from audience.membership import Among, Written, combined

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_WORD = OWN + "word_"
Pair = tuple[tuple[int, int], tuple[int, int]]
"""Two answers, each by its word and its bit."""

_MOST = 300
"""Counts in one pass: more make a program that Java no longer compiles as a whole."""

_FEW = 1 << 14
"""Up to so many users are brought here at once: to ask for one name after the other takes longer.
"""

_KINDS = 1 << 17
"""Up to so many kinds of users, alike in all that is asked, are counted here."""


@dataclass(frozen=True)
class Found:
    """What one pass over all users has found.

    ``kinds``: of how many kinds they are, about; ``rows``: how many rows of each event table are
    theirs.
    """

    users: int
    all_once: bool
    kinds: int
    rows: Mapping[str, int]


class Spread:
    """Named sets of users, spread over the parts of a frame.

    ``frame`` has :data:`KEY`, each once, a boolean column for each name, none missing, and by the
    name of an event table a column of how many of its rows were asked for; missing where none.
    ``check`` raises DataError where the tables are no longer those that were read.
    """

    def __init__(
        self,
        engine: SparkEngine,
        frame: DataFrame,
        names: Sequence[str],
        rows: Mapping[str, str],
        check: Callable[[], None],
    ) -> None:
        words = Words(_WORD, names)
        packed = words.pack({name: F.col(name) for name in names})
        self.engine = engine
        self._check = check
        self.frame = frame.select(KEY, *packed, *rows.values()).persist(
            StorageLevel.MEMORY_AND_DISK
        )
        self._words = words
        self._rows = rows
        self._at = words.places
        self._counts: dict[Pair, int] = {}
        self._whole: Spread | None = None
        """What this is a part of, which holds the frame."""
        # Whoever asks may do so long after the run is over.
        start_releasing()
        weakref.finalize(self, release, self.frame).atexit = False

    @cached_property
    def found(self) -> Found:
        """What a pass over all users finds, which computes the frame.

        To find out of how many kinds they are costs little; to put users of many kinds together
        would cost much.
        """
        if self._whole is not None:
            return self._whole.found
        times, kind = OWN + "times", OWN + "kind"
        words = self._words.columns
        hashed = F.xxhash64(*words) if words else F.lit(0)
        rows = list(self._rows.values())
        each = self.frame.groupBy(KEY).agg(
            F.count(F.lit(1)).alias(times),
            F.any_value(hashed).alias(kind),
            *(F.any_value(column).alias(column) for column in rows),
        )
        once = F.col(KEY).isNotNull() & (F.col(times) == 1)
        told = each.agg(
            F.sum(times),
            F.bool_and(once),
            F.approx_count_distinct(kind),
            *(F.sum(column) for column in rows),
        )
        with self.engine.refusals():
            ((users, all_once, kinds, *sums),) = told.collect()
        theirs = {table: int(n or 0) for table, n in zip(self._rows, sums, strict=True)}
        return Found(int(users or 0), all_once is not False, int(kinds), theirs)

    @property
    def count(self) -> int:
        """Users in the table."""
        return self.found.users

    @property
    def names(self) -> tuple[str, ...]:
        """What there is."""
        return tuple(self._at)

    def size(self, name: str) -> int:
        """How many are in it; of all names, when the first one is asked for."""
        if not self._has(name, name):
            self._count_all((each, each) for each in self._at)
        return self.both(name, name)

    def both(self, one: str, other: str) -> int:
        """How many are in both; of one with every name, when the first is asked for."""
        if not self._has(one, other):
            self._count_all((one, each) for each in self._at)
        return self._counts[self._pair(one, other)]

    def common(self, names: Sequence[str]) -> Mapping[tuple[str, str], int]:
        """How many are in both, by any two of the names."""
        pairs = list(combinations_with_replacement(names, 2))
        self._count_all(pairs)
        found = {pair: self._counts[self._pair(*pair)] for pair in pairs}
        return found | {(other, one): count for (one, other), count in found.items()}

    def regions(self, names: Sequence[str]) -> Mapping[tuple[str, ...], int]:
        """How many are in exactly these of the names; those in none of them are left out."""
        words = Words(_WORD, names)
        columns = words.pack({name: self._is_in(name) for name in names})
        with self.engine.refusals():
            rows = self.frame.groupBy(*columns).count().collect()
        out = {}
        for *found, count in rows:
            inside = tuple(
                name for name, (word, place) in words.places.items() if found[word] >> place & 1
            )
            if inside:
                out[inside] = int(count)
        return out

    def of(self, name: str) -> DataFrame:
        """The keys of those in it, as a frame."""
        return self.frame.where(self._is_in(name)).select(KEY)

    def ids(self, name: str) -> pa.Array:
        """The keys of those in it, brought here, ascending."""
        if self.count <= _FEW:
            word, place = self._at[name]
            numbers = np.asarray(combined(self._all_here[f"{_WORD}{word}"]), dtype=np.int64)
            return _keys(self._all_here.filter(pa.array((numbers >> place & 1).astype(np.bool_))))
        with self.engine.refusals():
            found = _keys(to_arrow(self.of(name)))
        return found.take(pc.sort_indices(found))

    @cached_property
    def _all_here(self) -> pa.Table:
        """All users, brought here, ascending."""
        with self.engine.refusals():
            return to_arrow(self.frame).sort_by(KEY)

    def write(
        self, folder: Path, names: Mapping[str, str], key: str, kind: pa.DataType
    ) -> Mapping[str, Written]:
        """Write the keys of those in some names by the workers; see :meth:`Members.write`."""
        members = {new: self._is_in(old) for new, old in names.items()}
        sizes = {new: self.size(old) for new, old in names.items()}
        with self.engine.refusals():
            out = write_parts(self.engine.session, self.frame, members, sizes, folder, key, kind)
        self._check()  # what a worker has lost is read again
        return out

    def among(self, ids: pa.Array) -> Among:
        """The same of some users alone, each given once: those are brought here."""
        asked = self.engine.make(pa.table({KEY: ids}))
        with self.engine.refusals():
            found = to_arrow(self.frame.join(asked, KEY, "left_semi"))
        keys = _keys(found)
        rows = pc.fill_null(pc.index_in(ids.cast(keys.type), value_set=keys), -1)
        bits = {}
        for name, (word, place) in self._at.items():
            numbers = np.asarray(combined(found[f"{_WORD}{word}"]), dtype=np.int64)
            bits[name] = pack((numbers >> place & 1).astype(np.bool_))
        return Among(bits, np.asarray(rows).astype(np.int64))

    def renamed(self, names: Mapping[str, str]) -> Spread:
        """The same under other names: for each new name the one it had."""
        out = copy(self)  # what was counted is known to both
        out._at = {new: self._at[old] for new, old in names.items()}
        out._whole = self
        return out

    def _count_all(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Count pairs that were not counted before, in as few passes as can be."""
        new = list(dict.fromkeys(self._pair(*each) for each in pairs))
        new = [each for each in new if each not in self._counts]
        if not new:
            return
        kinds = self._kinds
        if kinds is not None:
            self._counts |= kinds.count(new)
            return
        for start in range(0, len(new), _MOST):
            self._count_some(new[start : start + _MOST])

    def _count_some(self, pairs: Sequence[Pair]) -> None:
        at = self._words.at
        sums = [F.sum((at(*one) & at(*other)).cast("bigint")) for one, other in pairs]
        named = [each.alias(f"n{number}") for number, each in enumerate(sums)]
        with self.engine.refusals():
            (row,) = self.frame.agg(*named).collect()
        self._counts |= {pair: int(n or 0) for pair, n in zip(pairs, row, strict=True)}

    @cached_property
    def _kinds(self) -> Kinds | None:
        """The users by all that is asked of them, where they are of few kinds."""
        words = self._words.columns
        if not words or self.found.kinds > _KINDS:
            return None
        with self.engine.refusals():
            found = to_arrow(self.frame.groupBy(*words).count())
        rows = [np.asarray(combined(column), dtype=np.int64) for column in found.columns]
        return Kinds(rows[:-1], rows[-1])

    def _has(self, one: str, other: str) -> bool:
        return self._pair(one, other) in self._counts

    def _pair(self, one: str, other: str) -> Pair:
        first, second = sorted((self._at[one], self._at[other]))
        return first, second

    def _is_in(self, name: str) -> Column:
        return self._words.at(*self._at[name])


@dataclass(frozen=True)
class Kinds:
    """Users who are alike in all that is asked: the words of each kind, and how many there are."""

    words: Sequence[npt.NDArray[np.int64]]
    users: npt.NDArray[np.int64]

    def count(self, pairs: Sequence[Pair]) -> dict[Pair, int]:
        """How many are in both of each two answers."""
        places = list(dict.fromkeys(place for pair in pairs for place in pair))
        at = {place: number for number, place in enumerate(places)}
        flags = np.array([self.words[word] >> bit & 1 for word, bit in places], dtype=np.int64)
        counts = (flags * self.users) @ flags.T
        return {(one, other): int(counts[at[one], at[other]]) for one, other in pairs}


def _keys(table: pa.Table) -> pa.Array:
    keys = combined(table[KEY])
    return keys if pa.types.is_integer(keys.type) else keys.cast(pa.large_string())
