"""Sets of rows as bitmaps: a bit a row, least bit of a byte first, bits past the last row 0.

A million rows are 125 kB, so the algebra of any number of conditions runs inside a processor's
cache, and counting them costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from audience.threads import in_threads

Bits = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]

_BLOCK = 1 << 14


def pack(flags: Flags) -> Bits:
    """From a boolean a row."""
    return np.packbits(flags, bitorder="little")


def unpack(bits: Bits, count: int) -> Flags:
    """To a boolean a row."""
    return np.unpackbits(bits, count=count, bitorder="little").view(np.bool_)


def has_row(bits: Bits, row: int) -> bool:
    """Whether a row is in it."""
    return bool(bits[row // 8] >> (row % 8) & 1)


def nobody(count: int) -> Bits:
    """None of so many rows."""
    return np.zeros((count + 7) // 8, dtype=np.uint8)


def everybody(count: int) -> Bits:
    """All of so many rows."""
    return _trimmed(np.full((count + 7) // 8, 0xFF, dtype=np.uint8), count)


def complement(bits: Bits, count: int) -> Bits:
    """The rows that are not in it."""
    return _trimmed(~bits, count)


def count_bits(bits: Bits) -> int:
    """How many bits are set."""
    return int(as_mask(bits, 8 * len(bits)).true_count)


def count_common(bitmaps: Sequence[Bits]) -> npt.NDArray[np.int64]:
    """How many bits are set in both, of each two bitmaps of one length; on the diagonal in one."""
    number = len(bitmaps)
    length = len(bitmaps[0]) if bitmaps else 0

    def count_block(start: int) -> npt.NDArray[np.int64]:
        # A piece of every bitmap at a time: together they stay in a processor's cache.
        block = np.zeros((number, _BLOCK), dtype=np.uint8)
        for place, bits in enumerate(bitmaps):
            piece = bits[start : start + _BLOCK]
            block[place, : len(piece)] = piece
        words = block.view(np.uint64)
        out = np.zeros((number, number), dtype=np.int64)
        for place in range(number):
            found = np.bitwise_count(words[place:] & words[place])
            out[place, place:] = found.sum(axis=1, dtype=np.uint32)  # of the few bits of a block
        return out

    blocks = in_threads(count_block, range(0, length, _BLOCK))
    half = sum(blocks, start=np.zeros((number, number), dtype=np.int64))
    return half + np.triu(half, 1).T


def at_least(least: int, parts: Sequence[Bits], count: int) -> Bits:
    """The rows that are in so many of the parts.

    The number of parts that a row is in is kept as a binary number whose digits are bitmaps:
    adding a part is a few operations on whole bitmaps.
    """
    digits: list[Bits] = []
    for part in parts:
        carry = part
        for number, digit in enumerate(digits):
            digits[number], carry = digit ^ carry, digit & carry
        if len(digits) < len(parts).bit_length() and carry.any():
            digits.append(carry)
    if least >> len(digits):
        return nobody(count) if least > 0 else everybody(count)
    found = everybody(count)  # so far equal, which is enough
    for number, digit in enumerate(digits):
        found = digit & found if least >> number & 1 else digit | found
    return found


def to_arrow(bits: Bits) -> pa.Array:
    """A bitmap as the one value of a column, without a copy."""
    ends = pa.py_buffer(np.array([0, len(bits)], dtype=np.int64))
    return pa.Array.from_buffers(pa.large_binary(), 1, [None, ends, pa.py_buffer(bits)])


def as_mask(bits: Bits, count: int) -> pa.Array:
    """A bitmap as a boolean column of so many rows, without a copy."""
    return pa.Array.from_buffers(pa.bool_(), count, [None, pa.py_buffer(bits)])


def from_arrow(column: pa.Array) -> tuple[Bits, Bits | None]:
    """Of a boolean column the rows that are true, and those that are missing (None: no row)."""
    count = len(column)
    if column.offset % 8:
        column = pa.concat_arrays([column, pa.array([], pa.bool_())])  # begins at 0
    valid, values = column.buffers()
    start, size = column.offset // 8, (count + 7) // 8
    true = _trimmed(np.frombuffer(values, np.uint8, size, start).copy(), count)
    if not column.null_count:
        return true, None
    known = np.frombuffer(valid, np.uint8, size, start)
    true &= known
    return true, complement(known, count)


def _trimmed(bits: Bits, count: int) -> Bits:
    if count % 8 and len(bits):
        bits[-1] &= (1 << count % 8) - 1
    return bits
