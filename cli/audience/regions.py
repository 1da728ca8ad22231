"""Exclusive regions of bitmaps: in exactly which of them rows are."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from audience.bits import Bits, unpack
from audience.threads import in_threads

_Rows = npt.NDArray[np.uint8]

_BLOCK = 1 << 15
"""So many bytes of a bitmap at a time: what is made of them stays in a processor's cache."""


def regions(bits: Sequence[Bits], count: int) -> list[tuple[tuple[int, ...], int]]:
    """Out of so many rows, by the places of the bitmaps that a row is in, how many rows there are.

    Rows that are in none are left out.
    """
    if not count or not bits:
        return []
    # A row a user, a bit a bitmap: equal rows are one region.
    blocks = range(0, len(bits[0]), _BLOCK)
    pieces = in_threads(lambda start: _rows_of(bits, start, count), blocks)
    rows, times = (np.concatenate(each) for each in zip(*pieces, strict=True))
    found, at = _unique(rows)
    users = np.bincount(at, weights=times).astype(np.int64)
    out = []
    for row, number in zip(found, users, strict=True):
        places = np.flatnonzero(np.unpackbits(row, count=len(bits))).tolist()
        if places:
            out.append((tuple(places), int(number)))
    return out


def _rows_of(bits: Sequence[Bits], start: int, count: int) -> tuple[_Rows, npt.NDArray[np.int64]]:
    """The different rows of a piece of some bitmaps, and how often each is there."""
    users = min(count - 8 * start, 8 * _BLOCK)
    # One number a row is found many times as fast as a row of bytes.
    width = max(8, (len(bits) + 7) // 8)
    rows = np.zeros((width, users), dtype=np.uint8)
    for place, each in enumerate(bits):
        piece = unpack(each[start : start + _BLOCK], users).view(np.uint8)
        rows[place // 8] |= piece << (7 - place % 8)
    return _distinct(np.ascontiguousarray(rows.T))


def _distinct(rows: _Rows) -> tuple[_Rows, npt.NDArray[np.int64]]:
    """Rows of bytes, each once, and how often it was there."""
    if rows.shape[1] > 8:
        return np.unique(rows, axis=0, return_counts=True)
    counted = pc.value_counts(pa.array(rows.view(np.uint64).ravel()))
    numbers, counts = map(np.asarray, counted.flatten())
    return numbers.view(np.uint8).reshape(-1, 8), counts


def _unique(rows: _Rows) -> tuple[_Rows, npt.NDArray[np.intp]]:
    """Rows of bytes, each once, and for each that was given which of them it is."""
    if rows.shape[1] > 8:
        found, at = np.unique(rows, axis=0, return_inverse=True)
        return found, at.ravel()
    numbers, at = np.unique(rows.view(np.uint64).ravel(), return_inverse=True)
    return numbers.view(np.uint8).reshape(-1, 8), at
