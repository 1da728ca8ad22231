"""The keys of a user table: where each stands among all, and which row a key belongs to.

Rows stay in the order in which the table lies on disk; what is made of rows is a bitmap in that
order. A key's position is its place in ascending order, which is what packs are written in.
Events are counted by position.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from audience.bits import Bits, unpack
from audience.hashing import hashes

Positions = npt.NDArray[np.int32]
"""Places in ascending order of the keys; -1 where a key is not in the ring."""

Order = Callable[[pa.Array], npt.NDArray[Any]]
"""Sorts keys: the rows in ascending order of their keys."""

_BATCH = 1 << 14
"""Rows at a time where arrays are made on the way: what fits a processor's cache."""

_GATHER = 1 << 18
"""Rows at a time whose places become the machine's own kind of index, many times as fast."""

_DENSE = 16
"""Whole numbers are dense where their range is at most so many times their number."""

_THREADS = 2

_BLOCK = 1 << 27


class _Finder(Protocol):
    def find(self, keys: pa.Array) -> Positions:
        """The position of each key (none of them missing), -1 where there is none."""
        ...


class Keyring:
    """Keys in the order of the table's rows, 64-bit integers or texts, none missing.

    ``order`` sorts them where they are not whole numbers close together.
    """

    def __init__(self, keys: pa.Array, order: Order) -> None:
        self.keys = keys
        self.whole = pa.types.is_integer(keys.type)
        self._order = order

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def repeated(self) -> pa.Array:
        """The keys that stand more than once, ascending, each as often as it is too many."""
        if self._dense is not None and self._dense.count == len(self):
            return self.keys[:0]
        ascending = self.keys.take(pa.array(self._order(self.keys)))
        return repeated(ascending)

    @cached_property
    def ranks(self) -> Positions:
        """The position of each row's key."""
        if self._dense is not None:
            return self._dense.find(self.keys)
        out = np.empty(len(self), dtype=np.int32)
        out[self._rows] = np.arange(len(self), dtype=np.int32)
        return out

    @cached_property
    def ascending(self) -> pa.Array:
        """All keys in ascending order."""
        if self._dense is not None:
            numbers = np.empty(len(self), dtype=np.int64)
            numbers[self.ranks] = self._numbers
            return pa.array(numbers)
        return self.keys.take(pa.array(self._rows))

    def positions(self, keys: pa.Array) -> Positions:
        """The position of each of some keys, none of them missing; -1 of one that nobody has."""
        return self._finder.find(keys)

    def by_row(self, held: Sequence[Bits]) -> list[Bits]:
        """Bitmaps of positions as bitmaps of rows.

        Eight at a time are one byte a position, so that a row is looked up once for all of them.
        """
        return [
            bits
            for start in range(0, len(held), 8)
            for bits in self._eight(held[start : start + 8])
        ]

    def _eight(self, held: Sequence[Bits]) -> list[Bits]:
        codes = np.zeros(len(self), dtype=np.uint8)
        for number, bits in enumerate(held):
            codes |= unpack(bits, len(self)).view(np.uint8) << np.uint8(number)
        out = [np.empty(len(bits), dtype=np.uint8) for bits in held]

        def look_up(start: int) -> None:
            found = codes[self.ranks[start : start + _GATHER].astype(np.intp)]
            for number, bits in enumerate(out):
                flags = found & np.uint8(1 << number)
                bits[start // 8 : (start + _GATHER) // 8] = np.packbits(flags, bitorder="little")

        with ThreadPoolExecutor(_THREADS) as threads:
            list(threads.map(look_up, range(0, len(self), _GATHER)))
        return out

    def ids(self, bits: Bits) -> pa.Array:
        """The keys of the rows in a bitmap, ascending."""
        if self.whole:
            return pa.array(np.sort(self._numbers[unpack(bits, len(self))]))
        rows = np.flatnonzero(unpack(bits, len(self)))
        chosen = np.zeros(len(self), dtype=np.bool_)
        chosen[self.ranks[rows].astype(np.intp)] = True
        return self.ascending.filter(pa.array(chosen))

    @cached_property
    def _rows(self) -> npt.NDArray[Any]:
        return self._order(self.keys)

    @cached_property
    def _numbers(self) -> npt.NDArray[np.int64]:
        return np.asarray(self.keys, dtype=np.int64)

    @cached_property
    def _dense(self) -> _Dense | None:
        if not self.whole or not len(self):
            return None
        low, high = int(self._numbers.min()), int(self._numbers.max())
        if high - low >= _DENSE * len(self) + _BATCH:
            return None
        return _Dense(self._numbers, low, high)

    @cached_property
    def _finder(self) -> _Finder:
        if self._dense is not None:
            return self._dense
        if self.whole:
            return _Sparse(self._numbers, self.ranks, self._order)
        return _Texts(self, self._order)


def repeated(keys: pa.Array) -> pa.Array:
    """The keys of an ascending array that stand more than once, each as often as it is too many."""
    if len(keys) < 2:
        return keys[:0]
    return keys[1:].filter(pc.equal(keys[1:], keys[:-1]))


def order_texts(
    keys: pa.Array, order: Callable[[npt.NDArray[np.uint64]], npt.NDArray[Any]]
) -> npt.NDArray[Any]:
    """The rows of texts in ascending order of their bytes, by a function that sorts numbers.

    What follows the beginning that all have in common is compared as a number of eight bytes; the
    few that agree in it are sorted as texts.
    """
    if not len(keys):
        return np.zeros(0, dtype=np.int64)
    texts = keys.cast(pa.large_binary())
    offsets = np.frombuffer(
        texts.buffers()[1], dtype=np.int64, count=len(keys) + 1, offset=texts.offset * 8
    )
    data = np.frombuffer(texts.buffers()[2] or b"", dtype=np.uint8)
    common = _common_beginning(data, offsets)
    words = np.zeros(len(keys), dtype=np.uint64)
    last = max(len(data) - 1, 0)
    for number in range(8):
        places = offsets[:-1] + (common + number)
        there = places < offsets[1:]
        found = data[np.minimum(places, last)] if len(data) else np.zeros(len(keys), np.uint8)
        words |= np.where(there, found, 0).astype(np.uint64) << np.uint64(8 * (7 - number))
    rows = order(words)
    ascending = words[rows]
    same = ascending[1:] == ascending[:-1]
    alike = np.flatnonzero(np.append(same, False) | np.append(False, same))
    if len(alike):
        mine = rows[alike]
        rows = rows.copy()
        rows[alike] = mine[np.asarray(pc.sort_indices(texts.take(pa.array(mine))))]
    return rows


def _common_beginning(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> int:
    """How many bytes all texts begin with alike."""
    first = data[offsets[0] : offsets[1]]
    length = min(len(first), int(np.diff(offsets).min()))
    for number in range(length):
        if bool((data[offsets[:-1] + number] != first[number]).any()):
            return number
    return length


class _Dense:
    """Whole numbers close together: a bit for each number there could be.

    A number's position is how many bits are set before its own: those of the words before, which
    are counted once, and those before it in its word.
    """

    def __init__(self, numbers: npt.NDArray[np.int64], low: int, high: int) -> None:
        self._low, self._span = low, high - low + 1
        words = []
        for start in range(low, high + 1, _BLOCK):
            size = min(_BLOCK, high + 1 - start)
            there = np.zeros((size + 63) // 64 * 64, dtype=np.bool_)
            inside = numbers
            if size <= high - low:
                inside = numbers[(numbers >= start) & (numbers < start + size)]
            for at in range(0, len(inside), _GATHER):
                there[inside[at : at + _GATHER] - start] = True
            words.append(np.packbits(there, bitorder="little").view(np.uint64))
        self._words = np.concatenate(words)
        self._before = np.zeros(len(self._words) + 1, dtype=np.int32)
        np.cumsum(np.bitwise_count(self._words), dtype=np.int32, out=self._before[1:])
        self.count = int(self._before[-1])

    def find(self, keys: pa.Array) -> Positions:
        numbers = np.asarray(keys)
        out = np.empty(len(numbers), dtype=np.int32)
        one = np.uint64(1)

        for start in range(0, len(numbers), _BATCH):
            # As unsigned numbers, those below the first are beyond the last.
            offsets = (numbers[start : start + _BATCH] - self._low).view(np.uint64)
            outside = offsets >= np.uint64(self._span)
            offsets[outside] = 0
            places = (offsets >> np.uint64(6)).view(np.int64)
            words = self._words[places]
            bit = one << (offsets & np.uint64(63))
            found = self._before[places]
            found += np.bitwise_count(words & (bit - one))
            found[((words & bit) == 0) | outside] = -1
            out[start : start + _BATCH] = found
        return out


class _Sparse:
    """Whole numbers anywhere: multiplied, and those that then begin alike are tried in turn."""

    def __init__(self, numbers: npt.NDArray[np.int64], positions: Positions, order: Order) -> None:
        self._table = _Table(_mixed(numbers), positions, order)

    def find(self, keys: pa.Array) -> Positions:
        numbers = np.asarray(keys, dtype=np.int64)
        return self._table.find(_mixed(numbers))


class _Texts:
    """Texts by their hash; who is found has the same text, not only the same hash."""

    def __init__(self, ring: Keyring, order: Order) -> None:
        self._ring = ring
        self._table = _Table(hashes(ring.keys), ring.ranks, order)

    def find(self, keys: pa.Array) -> Positions:
        found = self._table.find(hashes(keys))
        return self._confirmed(keys, found)

    def _confirmed(self, keys: pa.Array, found: Positions) -> Positions:
        known = np.flatnonzero(found >= 0)
        mine = self._ring.ascending.take(pa.array(found[known]))
        same = pc.equal(mine, keys.take(pa.array(known)).cast(mine.type))
        found[known[~np.asarray(same.to_numpy(zero_copy_only=False), dtype=np.bool_)]] = -1
        return found


class _Table:
    """Distinct 64-bit numbers, evenly spread, each with a position."""

    def __init__(self, numbers: npt.NDArray[np.uint64], positions: Positions, order: Order) -> None:
        rows = order(pa.array(numbers))
        self._numbers = numbers[rows]
        self._positions = positions[rows]
        digits = max(1, len(numbers).bit_length())
        self._shift = np.uint64(64 - digits)
        buckets = (numbers >> self._shift).view(np.int64)
        self._starts = np.zeros((1 << digits) + 1, dtype=np.int32)
        np.cumsum(np.bincount(buckets, minlength=1 << digits), out=self._starts[1:])

    def find(self, numbers: npt.NDArray[np.uint64]) -> Positions:
        out = np.full(len(numbers), -1, dtype=np.int32)
        if not len(self._numbers):
            return out
        for start in range(0, len(numbers), _BATCH):
            self._find(numbers[start : start + _BATCH], out[start : start + _BATCH])
        return out

    def _find(self, numbers: npt.NDArray[np.uint64], out: Positions) -> None:
        bucket = (numbers >> self._shift).view(np.int64)
        places, ends = self._starts[bucket], self._starts[bucket + 1]
        active = np.flatnonzero(places < ends)
        while len(active):
            at = places[active]
            same = self._numbers[at] == numbers[active]
            out[active[same]] = self._positions[at[same]]
            active = active[~same]
            places[active] += 1
            active = active[places[active] < ends[active]]


def _mixed(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Numbers spread evenly, each to one of its own: an odd factor can be undone."""
    with np.errstate(over="ignore"):
        return numbers.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
