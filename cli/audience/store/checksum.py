"""A checksum of a set of ids that depends on the ids alone.

The sum, modulo 2^64, of XXH64 (seed 42) of each id: integers as 8 bytes, least first, texts as
UTF-8. A sum does not depend on order, files or row groups, and parts computed apart can be
added. Seed 42 is what Spark's ``xxhash64`` uses, so a cluster can compute it where the ids are.

XXH64: Yann Collet, xxHash fast digest algorithm,
https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Words = npt.NDArray[np.uint64]

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
_SEED = np.uint64(42)
_STRIPE = 32
_BATCH = 1 << 20


def checksum(ids: pa.Array) -> str:
    """The checksum of distinct ids, integers or texts: ``xxh64sum:`` and 16 hex digits."""
    total = 0
    for start in range(0, len(ids), _BATCH):
        total += int(_hashes(ids.slice(start, _BATCH)).sum(dtype=np.uint64))
    return f"xxh64sum:{total % 2**64:016x}"


def _hashes(ids: pa.Array) -> Words:
    """The XXH64 of each id."""
    if pa.types.is_integer(ids.type):
        numbers = ids.cast(pa.int64()).to_numpy(zero_copy_only=False)
        return xxh64(numbers.astype("<i8").view(np.uint8).reshape(len(ids), 8))
    texts = ids.cast(pa.large_binary())
    offsets = np.frombuffer(
        texts.buffers()[1], dtype=np.int64, count=len(ids) + 1, offset=texts.offset * 8
    )
    data = np.frombuffer(texts.buffers()[2] or b"", dtype=np.uint8)
    lengths = np.diff(offsets)
    out = np.empty(len(ids), dtype=np.uint64)
    for length in np.unique(lengths):
        rows = np.flatnonzero(lengths == length)
        places = offsets[rows][:, None] + np.arange(length)
        out[rows] = xxh64(data[places] if length else np.empty((len(rows), 0), dtype=np.uint8))
    return out


def xxh64(rows: npt.NDArray[np.uint8]) -> Words:
    """The XXH64, seed 42, of each row of bytes; rows are all of one length.

    Sums wrap, as they must.
    """
    count, length = rows.shape
    rows = np.ascontiguousarray(rows)
    at = 0
    with np.errstate(over="ignore"):
        if length >= _STRIPE:
            lanes = [
                np.full(count, seed, dtype=np.uint64)
                for seed in (_SEED + _P1 + _P2, _SEED + _P2, _SEED, _SEED - _P1)
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
            value = np.full(count, _SEED + _P5, dtype=np.uint64)
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
    return rows[:, at : at + 8].copy().view("<u8")[:, 0].astype(np.uint64)


def _round(lane: Words, word: Words) -> Words:
    return _rotate(lane + word * _P2, 31) * _P1


def _rotate(value: Words, by: int) -> Words:
    return (value << np.uint64(by)) | (value >> np.uint64(64 - by))
