"""XXH64 of ids and texts, many at a time: the same on every machine and in every version.

XXH64: Yann Collet, xxHash fast digest algorithm,
https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from audience.texts import bytes_of, of_one_width, rows_of_bytes

Words = npt.NDArray[np.uint64]

SEED = 42
"""The seed of Spark's ``xxhash64``, so that a cluster can compute the same where the ids are."""

_P1, _P2, _P3, _P4, _P5 = (
    np.uint64(prime)
    for prime in (
        0x9E3779B185EBCA87,
        0xC2B2AE3D27D4EB4F,
        0x165667B19E3779F9,
        0x85EBCA77C2B2AE63,
        0x27D4EB2F165667C5,
    )
)
_STRIPE = 32

_BATCH = 1 << 14
"""Ids at a time: what is computed on the way stays in a processor's cache."""


def salted(text: str) -> int:
    """A seed made of a text: its own XXH64, which is what Spark makes of two columns in a row."""
    data = np.frombuffer(text.encode(), dtype=np.uint8).reshape(1, -1)
    return int(xxh64(data)[0])


def hashes(ids: pa.Array, seed: int = SEED) -> Words:
    """The XXH64 of each id: integers as 8 bytes, least first, texts as UTF-8."""
    out = np.empty(len(ids), dtype=np.uint64)
    packed = of_one_width(ids)
    if pa.types.is_integer(ids.type):
        numbers = ids.cast(pa.int64()).to_numpy(zero_copy_only=False)
        rows = np.ascontiguousarray(numbers, dtype="<i8").view(np.uint8).reshape(len(ids), 8)
    elif pa.types.is_fixed_size_binary(packed.type):
        rows = rows_of_bytes(packed)
    else:
        return _hash_texts(ids, seed, out)
    for start in range(0, len(ids), _BATCH):
        out[start : start + _BATCH] = xxh64(rows[start : start + _BATCH], seed)
    return out


def _hash_texts(ids: pa.Array, seed: int, out: Words) -> Words:
    """Texts of several lengths: those of one length at a time."""
    data, offsets = bytes_of(ids)
    lengths = np.diff(offsets)
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        places = offsets[rows][:, None] + np.arange(length)
        row_bytes = data[places] if length else np.empty((len(rows), 0), dtype=np.uint8)
        out[rows] = xxh64(row_bytes, seed)
    return out


def xxh64(rows: npt.NDArray[np.uint8], seed: int = SEED) -> Words:
    """The XXH64 of each row of bytes; rows are all of one length.

    Sums wrap, as they must.
    """
    count, length = rows.shape
    rows = np.ascontiguousarray(rows)
    start = np.uint64(seed)
    at = 0
    with np.errstate(over="ignore"):
        if length >= _STRIPE:
            lanes = [
                np.full(count, lane, dtype=np.uint64)
                for lane in (start + _P1 + _P2, start + _P2, start, start - _P1)
            ]
            while at + _STRIPE <= length:
                for number in range(4):
                    lanes[number] = _round(lanes[number], _word(rows, at + 8 * number))
                at += _STRIPE
            value = sum(
                (_rotate(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18), strict=True)),
                np.uint64(0),
            )
            for lane in lanes:
                value = (value ^ _round(np.zeros_like(lane), lane)) * _P1 + _P4
        else:
            value = np.full(count, start + _P5, dtype=np.uint64)
        value = value + np.uint64(length)
        while at + 8 <= length:
            value ^= _round(np.zeros(count, dtype=np.uint64), _word(rows, at))
            value = _rotate(value, 27) * _P1 + _P4
            at += 8
        if at + 4 <= length:
            half = rows[:, at : at + 4].copy().view("<u4")[:, 0].astype(np.uint64)
            value = _rotate(value ^ (half * _P1), 23) * _P2 + _P3
            at += 4
        while at < length:
            value = _rotate(value ^ (rows[:, at].astype(np.uint64) * _P5), 11) * _P1
            at += 1
        value = (value ^ (value >> np.uint64(33))) * _P2
        value = (value ^ (value >> np.uint64(29))) * _P3
        return np.asarray(value ^ (value >> np.uint64(32)), dtype=np.uint64)


def _word(rows: npt.NDArray[np.uint8], at: int) -> Words:
    if rows.shape[1] % 8 == 0 and at % 8 == 0:
        return rows.view("<u8")[:, at // 8].astype(np.uint64)
    return rows[:, at : at + 8].copy().view("<u8")[:, 0].astype(np.uint64)


def _round(lane: Words, word: Words) -> Words:
    return _rotate(lane + word * _P2, 31) * _P1


def _rotate(value: Words, by: int) -> Words:
    out = value << np.uint64(by)
    out |= value >> np.uint64(64 - by)
    return out
