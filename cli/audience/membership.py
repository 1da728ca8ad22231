"""Who is in what: the one value that engines produce, and that packs and insights are made of.

A user is a row number, a pack is a bitmap over the rows, so sizes and overlaps are counts of
bits and cost next to nothing, however many packs there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from audience.bits import Bits, Flags, count_bits, count_common, nobody, pack, unpack
from audience.keyring import Keyring, Marks
from audience.regions import regions
from audience.sorting import Sorting
from audience.threads import in_threads


class Members(Protocol):
    """Who is in what: by name some of the users of a table."""

    @property
    def count(self) -> int:
        """Users in the table."""
        ...

    @property
    def names(self) -> tuple[str, ...]:
        """What there is."""
        ...

    def size(self, name: str) -> int:
        """How many are in it."""
        ...

    def both(self, one: str, other: str) -> int:
        """How many are in both."""
        ...

    def common(self, names: Sequence[str]) -> Mapping[tuple[str, str], int]:
        """How many are in both, by any two of the names."""
        ...

    def regions(self, names: Sequence[str]) -> Mapping[tuple[str, ...], int]:
        """How many are in exactly these of the names; those in none of them are left out."""
        ...

    def ids(self, name: str) -> pa.Array:
        """The keys of those in it, ascending."""
        ...

    def write(
        self, folder: Path, names: Mapping[str, str], key: str, kind: pa.DataType
    ) -> Mapping[str, Written] | None:
        """Write the keys of those in some names where they are, as files below a new folder.

        For each new name the one it has here; of nobody there is no file. The column is called
        ``key`` and is of the ``kind`` of the table's, where that can be. None where they are here:
        whoever wants files writes them.
        """
        ...

    def among(self, ids: pa.Array) -> Among:
        """The same of some users alone, each given once."""
        ...

    def renamed(self, names: Mapping[str, str]) -> Members:
        """The same under other names: for each new name the one it had."""
        ...


@dataclass(frozen=True)
class WrittenFile:
    """A Parquet file of ids, ascending, and the SHA-256 of its bytes."""

    path: Path
    sha256: str


@dataclass(frozen=True)
class Written:
    """Ids in files that follow each other, how many, and the sum of their hashes, modulo 2^64."""

    files: tuple[WrittenFile, ...]
    size: int
    hashes: int


@dataclass(frozen=True)
class Among:
    """Some users, each at a place, and which of them are in what.

    ``rows`` has for each place a row of the bitmaps, -1 of who is not in the table.
    """

    bits: Mapping[str, Bits] = field(repr=False)
    rows: npt.NDArray[np.int64] = field(repr=False)

    @property
    def there(self) -> Flags:
        """Who is in the table."""
        found: Flags = self.rows >= 0
        return found

    def flags(self, name: str) -> Flags:
        """Who is in it."""
        bits = self.bits[name]
        if not len(bits):
            return np.zeros(len(self.rows), dtype=np.bool_)
        found: Flags = (bits[self.rows >> 3] >> (self.rows & 7).astype(np.uint8) & 1).view(np.bool_)
        return found & self.there


class Keys(Protocol):
    """Keys in the order of the rows."""

    @property
    def keys(self) -> pa.Array:
        """All keys."""
        ...

    def ids(self, bits: Bits) -> pa.Array:
        """The keys of the rows in a bitmap."""
        ...


@dataclass(frozen=True)
class ListedKeys:
    """Keys as they were listed, each once."""

    keys: pa.Array

    def ids(self, bits: Bits) -> pa.Array:
        """The keys of the rows in a bitmap, in the order in which they were listed."""
        return self.keys.filter(pa.array(unpack(bits, len(self.keys))))


@dataclass(frozen=True)
class Membership:
    """So many rows, each a user, and for each name a bitmap over them.

    ``source`` has the keys: it is asked only when ids are wanted.
    """

    count: int
    bits: Mapping[str, Bits] = field(repr=False)
    source: Callable[[], Keys] = field(repr=False)

    @classmethod
    def from_ids(cls, lists: Mapping[str, pa.Array]) -> Membership:
        """From lists of ids of one type, each id at most once in a list. Keys are in no order."""
        if not lists:
            return cls(0, {}, lambda: ListedKeys(pa.array([], pa.int64())))
        if all(pa.types.is_integer(ids.type) for ids in lists.values()):
            return cls._from_numbers(lists)
        coded = pa.concat_arrays(list(lists.values())).dictionary_encode()
        rows = coded.indices.to_numpy(zero_copy_only=False)
        ends = np.cumsum([0, *map(len, lists.values())])
        places = {name: rows[ends[n] : ends[n + 1]] for n, name in enumerate(lists)}
        return cls._at(coded.dictionary, places)

    @classmethod
    def _from_numbers(cls, lists: Mapping[str, pa.Array]) -> Membership:
        """From whole numbers: these have places of their own, which need no look-up by value."""
        numbers = {name: np.asarray(ids.cast(pa.int64())) for name, ids in lists.items()}
        keys = Marks(list(numbers.values())).distinct()
        ring = Keyring(pa.array(keys), Sorting())
        places = {name: ring.positions(pa.array(ids)) for name, ids in numbers.items()}
        return cls._at(pa.array(keys).cast(next(iter(lists.values())).type), places)

    @classmethod
    def _at(cls, keys: pa.Array, places: Mapping[str, npt.NDArray[Any]]) -> Membership:
        bits = {}
        for name, rows in places.items():
            flags = np.zeros(len(keys), dtype=np.bool_)
            flags[rows] = True
            bits[name] = pack(flags)
        return cls(len(keys), bits, lambda: ListedKeys(keys))

    @property
    def keys(self) -> pa.Array:
        """The keys of all rows, in their order."""
        return self.source().keys

    @property
    def names(self) -> tuple[str, ...]:
        """What there is a bitmap of."""
        return tuple(self.bits)

    def size(self, name: str) -> int:
        """How many are in it."""
        return count_bits(self.bits[name])

    def both(self, one: str, other: str) -> int:
        """How many are in both."""
        return count_bits(self.bits[one] & self.bits[other])

    def common(self, names: Sequence[str]) -> Mapping[tuple[str, str], int]:
        """How many are in both, by any two of the names."""
        counts = count_common([self.bits[name] for name in names]).tolist()
        return {
            (one, other): counts[row][column]
            for row, one in enumerate(names)
            for column, other in enumerate(names)
        }

    def regions(self, names: Sequence[str]) -> Mapping[tuple[str, ...], int]:
        """How many are in exactly these of the names; those in none of them are left out."""
        found = regions([self.bits[name] for name in names], self.count)
        return {tuple(names[place] for place in places): users for places, users in found}

    def ids(self, name: str) -> pa.Array:
        """The keys of those in it, ascending where they are of a table."""
        return self.select(self.bits[name])

    def write(self, folder: Path, names: Mapping[str, str], key: str, kind: pa.DataType) -> None:
        """Nothing is written: all keys are here."""

    def among(self, ids: pa.Array) -> Among:
        """The same of some users alone, each given once."""
        keys = self.keys
        rows = pc.fill_null(pc.index_in(ids.cast(keys.type), value_set=keys), -1)
        return Among(self.bits, np.asarray(rows).astype(np.int64))

    def renamed(self, names: Mapping[str, str]) -> Membership:
        """The same under other names: for each new name the one it had."""
        return Membership(
            self.count, {new: self.bits[old] for new, old in names.items()}, self.source
        )

    def select(self, bits: Bits) -> pa.Array:
        """The keys of the set bits, ascending where they are of a table."""
        return self.source().ids(bits)

    def union(self, names: Sequence[str]) -> Bits:
        """The bitmap of those who are in any of the names."""
        out = nobody(self.count)
        for name in names:
            out |= self.bits[name]
        return out


def common_counts(pairs: Sequence[tuple[pa.Array, pa.Array]]) -> list[int]:
    """For each pair of lists of ids, each id once in a list, how many are in both."""
    if not all(pa.types.is_integer(ids.type) for pair in pairs for ids in pair):
        return [_common(one, other) for one, other in pairs]
    marked = Marks([np.asarray(ids.cast(pa.int64())) for pair in pairs for ids in pair])
    return in_threads(lambda at: marked.common(2 * at, 2 * at + 1), range(len(pairs)))


def _common(one: pa.Array, other: pa.Array) -> int:
    return int(pc.sum(pc.is_in(one, value_set=other)).as_py() or 0)


def combined(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array, however many chunks it came in."""
    whole = column.combine_chunks()
    return whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole
