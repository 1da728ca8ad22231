"""The keys of a user table: where each stands among all, and which row a key belongs to.

Rows stay in the order in which the table lies on disk; what is made of rows is a bitmap in that
order. A key's position is its place in ascending order, which is what packs are written in.
Events are counted by position.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from audience.bits import Bits, as_mask, everybody, unpack
from audience.places import BATCH, DENSE, GATHER, Dense, Finder, Positions, Scattered
from audience.sorting import Sorting
from audience.texts import as_texts, of_one_width, rows_of_words
from audience.threads import in_threads

_PIECE = 1 << 21
"""How much of a range of numbers is looked at in one piece."""


class Keyring:
    """Keys in the order of the table's rows, 64-bit integers or texts, none missing."""

    def __init__(self, keys: pa.Array, sorting: Sorting) -> None:
        self.keys = keys
        self.whole = pa.types.is_integer(keys.type)
        self._sorting = sorting

    def __len__(self) -> int:
        return len(self.keys)

    @cached_property
    def repeated(self) -> pa.Array:
        """The keys that stand more than once, ascending, each as often as it is too many."""
        if self._dense is not None:
            return self.keys[:0]
        if self.whole:
            return repeated(self.ascending)
        return as_texts(repeated(self._sorted))

    @cached_property
    def ranks(self) -> Positions:
        """The position of each row's key."""
        if self._dense is not None:
            return self._dense.find(self.keys)
        out = np.empty(len(self), dtype=np.int32)
        out[self._rows] = np.arange(len(self), dtype=np.int32)
        return out

    @property
    def ascending(self) -> pa.Array:
        """All keys in ascending order."""
        return self.ids(everybody(len(self)))

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
            found = codes[self.ranks[start : start + GATHER].astype(np.intp)]
            for number, bits in enumerate(out):
                flags = found & np.uint8(1 << number)
                bits[start // 8 : (start + GATHER) // 8] = np.packbits(flags, bitorder="little")

        in_threads(look_up, range(0, len(self), GATHER))
        return out

    def ids(self, bits: Bits) -> pa.Array:
        """The keys of the rows in a bitmap, ascending."""
        low, offsets = self._offsets if self.whole else (0, pa.array(self.ranks))
        chosen = self._sorting.sort(np.asarray(offsets.filter(as_mask(bits, len(self)))))
        if self.whole:
            return pa.array(chosen.astype(np.int64) + low)
        return as_texts(self._sorted.take(pa.array(chosen)))

    @cached_property
    def _sorted(self) -> pa.Array:
        """All keys in ascending order, texts of one length as rows of bytes."""
        return self._packed.take(pa.array(self._rows))

    @cached_property
    def _packed(self) -> pa.Array:
        return of_one_width(self.keys)

    @cached_property
    def _rows(self) -> npt.NDArray[Any]:
        return self._sorting.order(self.keys)

    @cached_property
    def _numbers(self) -> npt.NDArray[np.int64]:
        return np.asarray(self.keys, dtype=np.int64)

    @cached_property
    def _bounds(self) -> tuple[int, int]:
        """The least and the greatest number."""
        if not len(self):
            return 0, 0
        return int(self._numbers.min()), int(self._numbers.max())

    @cached_property
    def _offsets(self) -> tuple[int, pa.Array]:
        """A number, and how far each key is from it: half as much to move if 32 bits are enough."""
        low, high = self._bounds
        if high - low >= 2**32:
            return 0, self.keys
        out = np.empty(len(self), dtype=np.uint32)
        np.subtract(self._numbers, low, out=out, casting="unsafe")  # in small steps: no array of 64
        return low, pa.array(out)

    @cached_property
    def _dense(self) -> Dense | None:
        if not self.whole or not len(self):
            return None
        low, high = self._bounds
        if high - low >= DENSE * len(self) + BATCH:
            return None
        dense = Dense(self._numbers, low, high)
        return dense if dense.distinct else None

    @cached_property
    def _finder(self) -> Finder:
        return self._dense or Scattered(self._sorted)


def repeated(keys: pa.Array) -> pa.Array:
    """The keys of an ascending array that stand more than once, each as often as it is too many."""
    if len(keys) < 2:
        return keys[:0]
    if pa.types.is_fixed_size_binary(keys.type):
        words = rows_of_words(keys)
        same = np.logical_and.reduce(words[1:] == words[:-1], axis=1)
        return keys[1:].filter(pa.array(same))
    return keys[1:].filter(pc.equal(keys[1:], keys[:-1]))


class Marks:
    """Lists of whole numbers, each number once in a list, to be held against one another.

    Where they lie close together, a number is a place in an array, made for one piece of their
    range after the other: each fits a processor's cache.
    """

    def __init__(self, lists: Sequence[npt.NDArray[np.int64]]) -> None:
        self._lists = [_ascending(numbers) for numbers in lists]
        filled = [numbers for numbers in self._lists if len(numbers)]
        self._low = min((int(numbers[0]) for numbers in filled), default=0)
        self._high = max((int(numbers[-1]) for numbers in filled), default=0)
        self._dense = self._high - self._low < DENSE * sum(map(len, filled)) + BATCH

    def distinct(self) -> npt.NDArray[np.int64]:
        """All numbers of any list, each once, ascending."""
        if not self._dense:
            return np.unique(np.concatenate(self._lists))
        found = [np.zeros(0, dtype=np.int64)]
        for start, pieces in self._pieces(*self._lists):
            there = np.zeros(_PIECE, dtype=np.bool_)
            for piece in pieces:
                there[piece] = True
            found.append(np.flatnonzero(there) + start)
        return np.concatenate(found)

    def common(self, one: int, other: int) -> int:
        """How many numbers two of the lists, named by their places, have in common."""
        mine, others = self._lists[one], self._lists[other]
        if not self._dense:
            return len(np.intersect1d(mine, others, assume_unique=True))
        there = np.zeros(_PIECE, dtype=np.bool_)
        count = 0
        for _, (piece, asked) in self._pieces(mine, others):
            there[piece] = True
            count += int(np.count_nonzero(there[asked]))
            there[piece] = False
        return count

    def _pieces(
        self, *lists: npt.NDArray[np.int64]
    ) -> Iterator[tuple[int, list[npt.NDArray[np.int64]]]]:
        """Where each piece of the range begins, and the numbers of the lists from there."""
        starts = range(self._low, self._high + 1, _PIECE)
        begins = np.array(starts, dtype=np.int64)
        cuts = [np.append(np.searchsorted(numbers, begins), len(numbers)) for numbers in lists]
        for place, start in enumerate(starts):
            yield (
                start,
                [
                    numbers[cut[place] : cut[place + 1]] - start
                    for numbers, cut in zip(lists, cuts, strict=True)
                ],
            )


def _ascending(numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """As packs' ids are; other lists need not be."""
    return numbers if bool((numbers[1:] > numbers[:-1]).all()) else np.sort(numbers)
