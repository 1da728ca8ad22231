"""The checksum of ids against another implementation of XXH64."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import xxhash

from audience.hashing import xxh64
from audience.store import checksum as module
from audience.store.checksum import checksum

INTS = [0, 1, -1, 42, 2**31, -(2**31), 2**53 + 1, 2**63 - 1, -(2**63), *range(1000, 1100)]
ALPHABET = "abcXYZ019 _-小米手机é😀\x00"


def texts() -> list[str]:
    """Texts of 0 to 100 bytes and of 0 to 100 characters."""
    rng = random.Random(7)
    ascii_only = ["".join(rng.choices(ALPHABET[:12], k=length)) for length in range(101)]
    any_script = ["".join(rng.choices(ALPHABET, k=length)) for length in range(101)]
    return list(dict.fromkeys([*ascii_only, *any_script]))


def expected(ids: Iterable[Any]) -> str:
    total = 0
    for one in ids:
        data = one.to_bytes(8, "little", signed=True) if isinstance(one, int) else one.encode()
        total += xxhash.xxh64_intdigest(data, seed=42)
    return f"xxh64sum:{total % 2**64:016x}"


@pytest.mark.parametrize("length", range(101))
def test_xxh64_of_bytes_of_each_length(length: int) -> None:
    rng = random.Random(length)
    rows = [rng.randbytes(length) for _ in range(5)] + [b"\x00" * length, b"\xff" * length]
    array = np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), length)
    assert xxh64(array).tolist() == [xxhash.xxh64_intdigest(row, seed=42) for row in rows]


def test_each_integer() -> None:
    for number in INTS:
        assert checksum(pa.array([number], pa.int64())) == expected([number])


def test_each_text() -> None:
    for text in texts():
        assert checksum(pa.array([text], pa.string())) == expected([text])


@pytest.mark.parametrize("kind", [pa.int64(), pa.int32(), pa.int16(), pa.uint8(), pa.uint32()])
def test_the_width_of_an_integer_does_not_matter(kind: pa.DataType) -> None:
    numbers = [0, 1, 5, 127]
    assert checksum(pa.array(numbers, kind)) == expected(numbers)


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_the_layout_of_texts_does_not_matter(kind: pa.DataType) -> None:
    assert checksum(pa.array(texts(), kind)) == expected(texts())


def test_of_nobody() -> None:
    assert checksum(pa.array([], pa.int64())) == "xxh64sum:0000000000000000"
    assert checksum(pa.array([], pa.string())) == "xxh64sum:0000000000000000"


def test_the_empty_text_is_somebody() -> None:
    assert checksum(pa.array([""])) == expected([""]) != "xxh64sum:0000000000000000"


@pytest.mark.parametrize("start", [0, 1, 7, 8, 50])
@pytest.mark.parametrize("length", [0, 1, 8, 49])
def test_a_slice_is_its_own_ids(start: int, length: int) -> None:
    for ids in (pa.array(INTS), pa.array(texts()), pa.array(texts(), pa.large_string())):
        part = ids[start : start + length]
        assert checksum(part) == expected(part.to_pylist())


@pytest.mark.parametrize("ids", [INTS, texts()], ids=["integers", "texts"])
def test_order_does_not_matter(ids: list[Any]) -> None:
    mixed = random.Random(1).sample(ids, len(ids))
    assert mixed != ids
    assert checksum(pa.array(mixed)) == checksum(pa.array(ids)) == expected(ids)


@pytest.mark.parametrize("ids", [INTS, texts()], ids=["integers", "texts"])
def test_parts_add_up(ids: list[Any]) -> None:
    whole = int(checksum(pa.array(ids)).partition(":")[2], 16)
    for cut in (0, 1, len(ids) // 2, len(ids)):
        parts = [checksum(pa.array(ids)[:cut]), checksum(pa.array(ids)[cut:])]
        assert sum(int(part.partition(":")[2], 16) for part in parts) % 2**64 == whole


@pytest.mark.parametrize("ids", [INTS, texts()], ids=["integers", "texts"])
def test_batches_add_up(ids: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_BATCH", 10)
    assert checksum(pa.array(ids)) == expected(ids)


def test_a_changed_id_shows() -> None:
    sums = {checksum(pa.array(ids)) for ids in ([1, 2], [1, 3], [1], [2], [1, 2, 3])}
    assert len(sums) == 5
    assert checksum(pa.array(["1"])) != checksum(pa.array([1]))
