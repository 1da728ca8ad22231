"""Columns of the benchmark's tables, drawn from seeded generators as Arrow arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]


class Draw:
    """Arrow columns of one chunk of rows, one after another from one generator."""

    def __init__(self, seed: Sequence[int], rows: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.rows = rows

    def missing(self, share: float) -> Mask | None:
        """Which rows have no value."""
        if not share:
            return None
        return self.rng.random(self.rows, dtype=np.float32) < share

    def codes(self, weights: Floats) -> Ints:
        """Numbers from 0, as often as their weights say."""
        ends = np.cumsum(weights / weights.sum())[:-1]
        return np.searchsorted(ends, self.rng.random(self.rows), side="right")

    def text(self, values: Sequence[str], weights: Floats, share: float = 0.0) -> Any:
        """Texts, as often as their weights say."""
        return self.named(values, self.codes(weights), share)

    def named(self, values: Sequence[str], codes: Ints, share: float = 0.0) -> Any:
        """The texts of codes."""
        return pa.array(values).take(pa.array(codes, mask=self.missing(share)))

    def whole(self, values: NDArray[Any], kind: Any, share: float = 0.0) -> Any:
        """Whole numbers of an Arrow type."""
        return pa.array(values.astype(np.int64), mask=self.missing(share)).cast(kind)

    def number(self, values: Floats, decimals: int, share: float = 0.0) -> Any:
        """64-bit floats with few decimals."""
        return pa.array(np.round(values, decimals), mask=self.missing(share))

    def flag(self, chance: float | Floats, share: float = 0.0) -> Any:
        """True as often as the chance says."""
        drawn = self.rng.random(self.rows, dtype=np.float32) < chance
        return pa.array(drawn, mask=self.missing(share))

    def date(self, last: int, back: Floats, share: float = 0.0) -> Any:
        """Days that lie so far before the last one."""
        days = last - back.astype(np.int32)
        return pa.array(days.astype(np.int32), mask=self.missing(share)).cast(pa.date32())

    def lists(self, values: Any, mean: float, longest: int, share: float) -> Any:
        """Lists of distinct values: a skewed first one, and each next a few places further on."""
        count = len(values)
        lengths = np.minimum(self.rng.poisson(mean, self.rows), longest)
        gone = self.missing(share)
        if gone is not None:
            lengths[gone] = 0
        offsets = np.zeros(self.rows + 1, dtype=np.int32)
        np.cumsum(lengths, out=offsets[1:])
        total = int(offsets[-1])
        start = np.repeat(self.codes(zipf(count, 1.1)), lengths)
        # Steps of at most count / longest never come round to the first value again.
        steps = 1 + (self.rng.random(total) ** 2 * (count // longest - 1)).astype(np.int64)
        walked = np.cumsum(steps)
        before = np.concatenate(([0], walked))[offsets[:-1]]
        places = (start + walked - np.repeat(before, lengths) - 1) % count
        mask = None if gone is None else pa.array(gone)
        return pa.ListArray.from_arrays(pa.array(offsets), values.take(pa.array(places)), mask=mask)


def zipf(count: int, power: float) -> Floats:
    """Weights that fall with the rank."""
    return np.arange(1, count + 1, dtype=np.float64) ** -power


def shares(*weights: float) -> Floats:
    """Weights as they are."""
    return np.array(weights, dtype=np.float64)


def mixed(keys: Ints) -> NDArray[np.uint64]:
    """Whole numbers mixed beyond recognition, one to one (the finaliser of SplitMix64)."""
    x = keys.astype(np.uint64)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def key_column(keys: Ints, text: bool, gone: Mask | None = None) -> Any:
    """Keys as 64-bit numbers or as 16 hexadecimal digits of the mixed number."""
    if not text:
        return pa.array(keys, mask=gone)
    rows = len(keys)
    octets = mixed(keys).astype(">u8").view(np.uint8).reshape(rows, 8)
    digits = np.empty((rows, 16), dtype=np.uint8)
    digits[:, 0::2] = octets >> 4
    digits[:, 1::2] = octets & 15
    letters = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)[digits]
    offsets = np.arange(0, 16 * rows + 1, 16, dtype=np.int32)
    valid = None if gone is None else pa.py_buffer(np.packbits(~gone, bitorder="little"))
    buffers = [valid, pa.py_buffer(offsets), pa.py_buffer(letters)]
    return pa.Array.from_buffers(pa.string(), rows, buffers)
