"""Where a key stands among all: two ways to look it up.

Whole numbers that lie close together have a bit each; other keys are found by a hash.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from audience.bits import Flags
from audience.hashing import hashes
from audience.texts import as_texts, of_one_width, rows_of_words
from audience.threads import in_threads

Positions = npt.NDArray[np.int32]
"""Places in ascending order of the keys; -1 where a key is not among them."""

BATCH = 1 << 14
"""Rows at a time where arrays are made on the way: what fits a processor's cache."""

GATHER = 1 << 18
"""Rows at a time whose places become the machine's own kind of index, many times as fast."""

DENSE = 16
"""Whole numbers are dense where their range is at most so many times their number."""


class Finder(Protocol):
    """Looks keys up."""

    def find(self, keys: pa.Array) -> Positions:
        """The position of each key (none of them missing), -1 where there is none."""
        ...


class Dense:
    """Whole numbers close together: a bit for each number there could be.

    A number's position is how many bits are set before its own: those up to the end of its word,
    which are counted once, less those from it on in its word. ``distinct`` where no number stands
    twice; else nothing can be found.
    """

    def __init__(self, numbers: npt.NDArray[np.int64], low: int, high: int) -> None:
        self._low = low
        # The last word has no bits: there end those who look beyond.
        self._words = np.zeros((high - low) // 64 + 2, dtype=np.uint64)
        for start in range(0, len(numbers), BATCH):
            offsets = numbers[start : start + BATCH] - low
            # Adding sets a bit where it is not yet set. Where it is, fewer are set in the end than
            # there are numbers.
            np.add.at(self._words, offsets >> 6, _ONE << (offsets & 63).view(np.uint64))
        self._upto = np.cumsum(np.bitwise_count(self._words), dtype=np.int32)
        self.distinct = int(self._upto[-1]) == len(numbers)

    def find(self, keys: pa.Array) -> Positions:
        """See :meth:`Finder.find`."""
        numbers = np.asarray(keys)
        out = np.empty(len(numbers), dtype=np.int32)

        def look_up(first: int) -> None:
            for start in range(first, min(first + GATHER, len(numbers)), BATCH):
                # As unsigned numbers, those below the first are beyond the last.
                offsets = (numbers[start : start + BATCH] - self._low).view(np.uint64)
                places = (offsets >> np.uint64(6)).view(np.int64)
                from_it = self._words.take(places, mode="clip") >> (offsets & np.uint64(63))
                found = self._upto.take(places, mode="clip")
                found -= np.bitwise_count(from_it)
                found[from_it & _ONE == 0] = -1
                out[start : start + BATCH] = found

        in_threads(look_up, range(0, len(numbers), GATHER))
        return out


_ONE = np.uint64(1)


class Scattered:
    """Ascending keys by a hash that leads to a place in a table, or to one of the next.

    A place holds a key's number among all and half of its hash, so that the keys themselves are
    looked at where they are as good as found; who is found has the same key, not only its hash.
    The table is two halves that two threads fill, where keys spread over both.
    """

    def __init__(self, keys: pa.Array) -> None:
        self._keys = keys
        self._same = _comparison(keys)
        digits = max(1, len(keys)).bit_length()
        crowded = len(keys) > 0.7 * (1 << digits)
        self._last = (1 << digits + crowded) - 1
        self._table = np.zeros(self._last + 1, dtype=np.uint64)
        starts = range(0, len(keys), GATHER)
        spread = in_threads(lambda at: _spread(keys[at : at + GATHER]), starts)
        half = (self._last + 1) // 2
        upper = sum(int(np.count_nonzero(self._places(part) >= half)) for part in spread)
        # In either half a place must stay free: there a search ends.
        self._inside = self._last
        if max(upper, len(keys) - upper) < half:
            self._inside >>= 1
        begins = range(0, self._last, self._inside + 1)
        in_threads(lambda begin: self._fill(spread, begin), begins)

    def _fill(self, spread: Sequence[npt.NDArray[np.uint64]], begin: int) -> None:
        for number, part in enumerate(spread):
            places = self._places(part)
            mine = np.flatnonzero((places & ~self._inside) == begin)
            places = places[mine]
            entries = (mine + (number * GATHER + 1)).view(np.uint64) | (part[mine] & _TAG)
            while len(places):
                free = self._table[places] == 0
                # Of those who want the same free place one gets it, the others go on to the next.
                self._table[places[free]] = entries[free]
                left = self._table[places] != entries
                entries, places = entries[left], self._next(places[left])

    def _places(self, spread: npt.NDArray[np.uint64]) -> npt.NDArray[np.int64]:
        return (spread & np.uint64(self._last)).view(np.int64)

    def _next(self, places: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The next place in the same half; behind its last comes its first."""
        return (places & ~self._inside) | ((places + 1) & self._inside)

    def find(self, keys: pa.Array) -> Positions:
        """See :meth:`Finder.find`."""
        out = np.full(len(keys), -1, dtype=np.int32)
        if pa.types.is_fixed_size_binary(self._keys.type) and keys.type != self._keys.type:
            mine = np.flatnonzero(_lengths(keys) == self._keys.type.byte_width)
            if len(mine):
                out[mine] = self.find(of_one_width(keys.take(pa.array(mine))))
            return out
        if not pa.types.is_fixed_size_binary(self._keys.type):
            keys = as_texts(keys)
        same = self._same(keys)

        def look_up(start: int) -> None:
            spread = _spread(keys[start : start + GATHER])
            tags = spread & _TAG
            places = self._places(spread)
            waiting = np.arange(start, start + len(spread))
            while len(waiting):
                entries = self._table[places]
                left = entries != 0
                alike = np.flatnonzero(left & (entries & _TAG == tags))
                found = (entries[alike] & _NUMBER).view(np.int64) - 1
                equal = same(found, waiting[alike])
                out[waiting[alike[equal]]] = found[equal]
                left[alike[equal]] = False
                waiting, tags = waiting[left], tags[left]
                places = self._next(places[left])

        in_threads(look_up, range(0, len(keys), GATHER))
        return out


_NUMBER = np.uint64(2**32 - 1)
_TAG = ~_NUMBER

_Same = Callable[[npt.NDArray[Any], npt.NDArray[Any]], Flags]


def _comparison(keys: pa.Array) -> Callable[[pa.Array], _Same]:
    """Whether a key, by its place, is one of others of the same type, by theirs."""

    def compare(others: pa.Array) -> _Same:
        if pa.types.is_integer(keys.type):
            return _rows_equal(np.asarray(keys), np.asarray(others))
        if pa.types.is_fixed_size_binary(keys.type):
            return _rows_equal(rows_of_words(keys), rows_of_words(others))
        known, texts = (each.cast(pa.large_string()) for each in (keys, others))

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


def _lengths(texts: pa.Array) -> npt.NDArray[Any]:
    """How many bytes each text has."""
    if pa.types.is_fixed_size_binary(texts.type):
        return np.full(len(texts), texts.type.byte_width)
    return np.asarray(pc.binary_length(texts))


def _spread(keys: pa.Array) -> npt.NDArray[np.uint64]:
    """Numbers of 64 bits, evenly spread; of keys of one type, the same for the same key."""
    if pa.types.is_integer(keys.type):
        return _mixed(np.asarray(keys, dtype=np.int64).view(np.uint64))
    if not pa.types.is_fixed_size_binary(keys.type):
        return hashes(keys)
    words = rows_of_words(keys)
    spread = _mixed(words[:, 0])
    for number in range(1, words.shape[1]):
        spread = _mixed(spread ^ words[:, number])
    return spread


def _mixed(numbers: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Numbers spread evenly over 64 bits, each to one of its own.

    The finishing steps of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number
    Generators, OOPSLA 2014).
    """
    with np.errstate(over="ignore"):
        mixed = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))
