"""Where a key stands among all: two ways to look it up.

Whole numbers that lie close together have a bit each; other keys are found by a hash.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from audience.bits import Flags
from audience.hashing import hashes
from audience.texts import as_texts, of_one_width, rows_of_words

Positions = npt.NDArray[np.int32]
"""Places in ascending order of the keys; -1 where a key is not among them."""

BATCH = 1 << 14
"""Rows at a time where arrays are made on the way: what fits a processor's cache."""

GATHER = 1 << 18
"""Rows at a time whose places become the machine's own kind of index, many times as fast."""

DENSE = 16
"""Whole numbers are dense where their range is at most so many times their number."""

_BLOCK = 1 << 27


class Finder(Protocol):
    """Looks keys up."""

    def find(self, keys: pa.Array) -> Positions:
        """The position of each key (none of them missing), -1 where there is none."""
        ...


class Dense:
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
            for at in range(0, len(inside), GATHER):
                there[inside[at : at + GATHER] - start] = True
            words.append(np.packbits(there, bitorder="little").view(np.uint64))
        self._words = np.concatenate(words)
        self._before = np.zeros(len(self._words) + 1, dtype=np.int32)
        np.cumsum(np.bitwise_count(self._words), dtype=np.int32, out=self._before[1:])
        self.count = int(self._before[-1])

    def find(self, keys: pa.Array) -> Positions:
        """See :meth:`Finder.find`."""
        numbers = np.asarray(keys)
        out = np.empty(len(numbers), dtype=np.int32)
        one = np.uint64(1)

        for start in range(0, len(numbers), BATCH):
            # As unsigned numbers, those below the first are beyond the last.
            offsets = (numbers[start : start + BATCH] - self._low).view(np.uint64)
            outside = offsets >= np.uint64(self._span)
            offsets[outside] = 0
            places = (offsets >> np.uint64(6)).view(np.int64)
            words = self._words[places]
            bit = one << (offsets & np.uint64(63))
            found = self._before[places]
            found += np.bitwise_count(words & (bit - one))
            found[((words & bit) == 0) | outside] = -1
            out[start : start + BATCH] = found
        return out


class Scattered:
    """Keys by a hash that leads to a place in a table of rows, or to one of the next.

    Who is found has the same key, not only the same hash.
    """

    def __init__(self, keys: pa.Array, ranks: Callable[[], Positions]) -> None:
        self._ranks = ranks
        self._same = _comparison(keys)
        spread = _spread(keys)
        digits = max(1, len(keys)).bit_length()
        crowded = len(keys) > 0.7 * (1 << digits)
        self._mask = np.uint64((1 << digits + crowded) - 1)
        self._rows = np.full(int(self._mask) + 1, -1, dtype=np.int32)
        waiting = np.arange(len(keys), dtype=np.int32)
        places = (spread & self._mask).view(np.int64)
        while len(waiting):
            mine = places[waiting]
            free = self._rows[mine] < 0
            # Of those who want the same free place one gets it, the others go on to the next.
            self._rows[mine[free]] = waiting[free]
            left = self._rows[mine] != waiting
            waiting = waiting[left]
            places[waiting] = (mine[left] + 1) & int(self._mask)

    def find(self, keys: pa.Array) -> Positions:
        """See :meth:`Finder.find`."""
        rows = np.full(len(keys), -1, dtype=np.int32)
        same = self._same(keys)
        places = (_spread(keys) & self._mask).view(np.int64)
        for start in range(0, len(keys), GATHER):
            active = np.arange(start, min(start + GATHER, len(keys)))
            while len(active):
                found = self._rows[places[active]]
                there = found >= 0
                active, found = active[there], found[there]
                equal = same(found, active)
                rows[active[equal]] = found[equal]
                active = active[~equal]
                places[active] = (places[active] + 1) & int(self._mask)
        known = rows >= 0
        rows[known] = self._ranks()[rows[known]]
        return rows


_Same = Callable[[npt.NDArray[Any], npt.NDArray[Any]], Flags]


def _comparison(keys: pa.Array) -> Callable[[pa.Array], _Same]:
    """Whether a key, by its row, is one of others, by theirs."""
    mine = of_one_width(keys)

    def compare(others: pa.Array) -> _Same:
        if pa.types.is_integer(keys.type):
            return _rows_equal(np.asarray(keys), np.asarray(others))
        theirs = of_one_width(others)
        if mine.type == theirs.type and pa.types.is_fixed_size_binary(mine.type):
            return _rows_equal(rows_of_words(mine), rows_of_words(theirs))
        known, texts = (as_texts(each).cast(pa.large_string()) for each in (keys, others))

        def same(rows: npt.NDArray[Any], places: npt.NDArray[Any]) -> Flags:
            found = pc.equal(known.take(pa.array(rows)), texts.take(pa.array(places)))
            return np.asarray(found.to_numpy(zero_copy_only=False), dtype=np.bool_)

        return same

    return compare


def _rows_equal(mine: npt.NDArray[Any], theirs: npt.NDArray[Any]) -> _Same:
    def same(rows: npt.NDArray[Any], places: npt.NDArray[Any]) -> Flags:
        found: Flags = mine[rows] == theirs[places]
        return found if found.ndim == 1 else np.logical_and.reduce(found, axis=1)

    return same


def _spread(keys: pa.Array) -> npt.NDArray[np.uint64]:
    """Numbers of 64 bits, evenly spread."""
    if not pa.types.is_integer(keys.type):
        return hashes(keys)
    mixed = _mixed(np.asarray(keys, dtype=np.int64))
    return mixed ^ (mixed >> np.uint64(32))


def _mixed(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Numbers spread evenly, each to one of its own: an odd factor can be undone."""
    with np.errstate(over="ignore"):
        return numbers.view(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
