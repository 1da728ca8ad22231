"""Who is in what: the one value that engines produce, and that packs and insights are made of.

A user is a row number, a pack is a bitmap over the rows, so sizes and overlaps are counts of
bits and cost next to nothing, however many packs there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

Bits = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Membership:
    """Keys, ascending and each once, and for each name a bitmap over them (least bit first).

    Bits past the last key are 0.
    """

    keys: pa.Array
    bits: Mapping[str, Bits] = field(repr=False)

    @classmethod
    def from_flags(cls, keys: pa.Array, flags: Mapping[str, npt.NDArray[np.bool_]]) -> Membership:
        """From a boolean for each key."""
        packed = {name: np.packbits(each, bitorder="little") for name, each in flags.items()}
        return cls(keys, packed)

    @classmethod
    def from_ids(cls, lists: Mapping[str, pa.Array]) -> Membership:
        """From lists of ids of one type, each id at most once in a list. Keys are in no order."""
        if not lists:
            return cls(pa.array([], pa.int64()), {})
        coded = pa.concat_arrays(list(lists.values())).dictionary_encode()
        keys = coded.dictionary
        rows = coded.indices.to_numpy(zero_copy_only=False)
        bits = {}
        start = 0
        for name, ids in lists.items():
            flags = np.zeros(len(keys), dtype=bool)
            flags[rows[start : start + len(ids)]] = True
            bits[name] = np.packbits(flags, bitorder="little")
            start += len(ids)
        return cls(keys, bits)

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

    def ids(self, name: str) -> pa.Array:
        """The keys of those in it, in the order of the keys."""
        return self.select(self.bits[name])

    def select(self, bits: Bits) -> pa.Array:
        """The keys of the set bits, in the order of the keys."""
        flags = np.unpackbits(bits, count=len(self.keys), bitorder="little").view(bool)
        return self.keys.filter(pa.array(flags))

    def union(self, names: Sequence[str]) -> Bits:
        """The bitmap of those who are in any of the names."""
        out = np.zeros((len(self.keys) + 7) // 8, dtype=np.uint8)
        for name in names:
            out |= self.bits[name]
        return out


def count_bits(bits: Bits) -> int:
    """How many bits are set."""
    whole = len(bits) // 8 * 8
    words = np.bitwise_count(bits[:whole].view(np.uint64)).sum(dtype=np.int64)
    return int(words) + int(np.bitwise_count(bits[whole:]).sum(dtype=np.int64))


def combined(column: pa.ChunkedArray) -> pa.Array:
    """A column as one array, however many chunks it came in."""
    whole = column.combine_chunks()
    return whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole


def repeated(keys: pa.Array) -> pa.Array:
    """The keys of an ascending array that stand more than once, each as often as it is too many."""
    if len(keys) < 2:
        return keys[:0]
    return keys[1:].filter(pc.equal(keys[1:], keys[:-1]))
