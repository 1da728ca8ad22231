"""Keys that are texts: ordered by their bytes, and where they have one length, as rows of bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


def order_texts(
    keys: pa.Array, order: Callable[[npt.NDArray[np.uint64]], npt.NDArray[Any]]
) -> npt.NDArray[Any]:
    """The rows of texts in ascending order of their bytes, by a function that sorts numbers.

    What follows the beginning that all have in common is compared as a number of eight bytes; the
    few that agree in it are sorted as texts.
    """
    if not len(keys):
        return np.zeros(0, dtype=np.int64)
    data, offsets = bytes_of(keys)
    common = _common_beginning(data, offsets)
    words = _words(data, offsets, common)
    rows = order(words)
    ascending = words[rows]
    same = ascending[1:] == ascending[:-1]
    alike = np.flatnonzero(np.append(same, False) | np.append(False, same))
    if len(alike):
        mine = rows[alike]
        rows = rows.copy()
        rows[alike] = mine[
            np.asarray(pc.sort_indices(keys.take(pa.array(mine)).cast(pa.large_binary())))
        ]
    return rows


def _words(
    data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64], start: int
) -> npt.NDArray[np.uint64]:
    """Eight bytes of each text from a place on as a number; behind its end there are zeros."""
    count = len(offsets) - 1
    width = int(offsets[1] - offsets[0])
    if width >= start + 8 and bool((np.diff(offsets) == width).all()):
        rows = data[offsets[0] : offsets[-1]].reshape(count, width)
        own = np.ascontiguousarray(rows[:, start : start + 8])
        return own.view(">u8")[:, 0].astype(np.uint64)
    words = np.zeros(count, dtype=np.uint64)
    last = max(len(data) - 1, 0)
    for number in range(8):
        places = offsets[:-1] + (start + number)
        there = places < offsets[1:]
        found = data[np.minimum(places, last)] if len(data) else np.zeros(count, np.uint8)
        words |= np.where(there, found, 0).astype(np.uint64) << np.uint64(8 * (7 - number))
    return words


def _common_beginning(data: npt.NDArray[np.uint8], offsets: npt.NDArray[np.int64]) -> int:
    """How many bytes all texts begin with alike."""
    first = data[offsets[0] : offsets[1]]
    length = min(len(first), int(np.diff(offsets).min()))
    for number in range(length):
        if bool((data[offsets[:-1] + number] != first[number]).any()):
            return number
    return length


def of_one_width(keys: pa.Array) -> pa.Array:
    """Texts that all have one length as arrays of so many bytes, without a copy; others as is."""
    if pa.types.is_integer(keys.type) or pa.types.is_fixed_size_binary(keys.type):
        return keys
    if not len(keys) or keys.null_count:
        return keys
    data, offsets = bytes_of(keys)
    width = int(offsets[1] - offsets[0])
    if not width or not bool((np.diff(offsets) == width).all()):
        return keys
    own = pa.py_buffer(data[offsets[0] : offsets[-1]])
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(keys), [None, own])


def as_texts(keys: pa.Array) -> pa.Array:
    """Keys of one width as texts again; others as they are."""
    if not pa.types.is_fixed_size_binary(keys.type):
        return keys
    width = keys.type.byte_width
    offsets = np.arange(len(keys) + 1, dtype=np.int64) * width
    data = keys.buffers()[1].slice(keys.offset * width, len(keys) * width)
    return pa.LargeStringArray.from_buffers(len(keys), pa.py_buffer(offsets), data)


def bytes_of(texts: pa.Array) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.int64]]:
    """The bytes that texts lie in, and where in them each begins; the last end stands behind."""
    whole = texts.cast(pa.large_binary())
    _, offsets, data = whole.buffers()
    places = np.frombuffer(offsets, dtype=np.int64, count=len(whole) + 1, offset=whole.offset * 8)
    return np.frombuffer(data or b"", dtype=np.uint8), places


def rows_of_bytes(fixed: pa.Array) -> npt.NDArray[np.uint8]:
    """Keys of one width as rows of bytes, without a copy."""
    width = fixed.type.byte_width
    data = np.frombuffer(fixed.buffers()[1], dtype=np.uint8)
    return data[fixed.offset * width : (fixed.offset + len(fixed)) * width].reshape(-1, width)


def rows_of_words(fixed: pa.Array) -> npt.NDArray[np.uint64]:
    """Keys of one width as rows of numbers of eight bytes; behind their ends there are zeros."""
    data = rows_of_bytes(fixed)
    width = data.shape[1]
    if width % 8:
        padded = np.zeros((len(fixed), (width + 7) // 8 * 8), dtype=np.uint8)
        padded[:, :width] = data
        data = padded
    return data.view(np.uint64)
