"""Keyrings against Python's sorting and dictionaries."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience import bits
from audience.keyring import Keyring, Marks, repeated
from audience.places import Scattered
from audience.sorting import Sorting
from audience.texts import as_texts, of_one_width, order_texts

DENSE = st.integers(1_000, 1_400)
SPARSE = st.integers(-(2**63), 2**63 - 1)
TEXTS = st.one_of(
    st.text("ab\x00é用", max_size=12),
    st.integers(0, 300).map(lambda number: f"user-{number:09d}"),
    st.integers(0, 300).map(lambda number: f"{number * 0x9E3779B97F4A7C15 % 2**64:016x}"),
)
KEYS: Any = st.one_of(
    st.lists(DENSE, unique=True, max_size=150),
    st.lists(SPARSE, unique=True, max_size=60),
    st.lists(TEXTS, unique=True, max_size=60),
)


def array_of(keys: list[Any]) -> pa.Array:
    text = bool(keys) and isinstance(keys[0], str)
    return pa.array(keys, pa.large_string() if text else pa.int64())


@settings(derandomize=True, deadline=None, max_examples=300)
@given(keys=KEYS, more=st.lists(st.one_of(DENSE, SPARSE), max_size=20), data=st.data())
def test_a_ring_knows_every_place(keys: list[Any], more: list[int], data: st.DataObject) -> None:
    ring = Keyring(array_of(keys), Sorting())
    text = not ring.whole
    ascending = sorted(keys, key=lambda key: key.encode() if text else key)
    place = {key: number for number, key in enumerate(ascending)}
    asked = [*keys, *([f"x{number}" for number in more] if text else more)]
    assert len(ring) == len(keys)
    assert len(ring.repeated) == 0
    assert ring.ascending.to_pylist() == ascending
    assert ring.ranks.tolist() == [place[key] for key in keys]
    assert ring.positions(pa.array(asked, ring.keys.type)).tolist() == [
        place.get(key, -1) for key in asked
    ]
    flags = data.draw(st.lists(st.booleans(), min_size=len(keys), max_size=len(keys)))
    chosen = [key for key, flag in zip(keys, flags, strict=True) if flag]
    packed = bits.pack(np.array(flags, dtype=np.bool_))
    assert ring.ids(packed).to_pylist() == [key for key in ascending if key in set(chosen)]
    by_place = bits.pack(np.array([key in set(chosen) for key in ascending], dtype=np.bool_))
    others = [bits.everybody(len(keys)), bits.nobody(len(keys))]
    found = ring.by_row([by_place, *others * 4, by_place])
    assert [each.tolist() for each in found] == [
        each.tolist() for each in (packed, *others * 4, packed)
    ]


@settings(derandomize=True, deadline=None, max_examples=200)
@given(texts=st.lists(TEXTS, max_size=40))
def test_texts_are_ordered_by_their_bytes(texts: list[str]) -> None:
    rows = order_texts(pa.array(texts, pa.large_string()), np.argsort)
    assert [texts[row] for row in rows] == sorted(texts, key=str.encode)


def test_numbers_of_one_number_apart_are_told_apart() -> None:
    ring = Keyring(pa.array([-(2**63), 2**63 - 1, 0], pa.int64()), Sorting())
    asked = pa.array([2**63 - 2, 0, 2**63 - 1, -(2**63), -(2**63) + 1], pa.int64())
    assert ring.positions(asked).tolist() == [-1, 1, 2, 0, -1]


def test_texts_of_one_hash_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    def same(ids: pa.Array, _seed: int = 0) -> Any:
        return np.full(len(ids), 7, dtype=np.uint64)

    monkeypatch.setattr("audience.places.hashes", same)
    ring = Keyring(pa.array(["b"], pa.large_string()), Sorting())
    assert ring.positions(pa.array(["a", "b", "c"], pa.large_string())).tolist() == [-1, 0, -1]


@pytest.mark.parametrize(
    ("keys", "again"),
    [
        ([], []),
        ([1], []),
        ([1, 2, 3], []),
        ([1, 1], [1]),
        ([3, 1, 2, 1, 3, 1], [1, 1, 3]),
        ([2**62, 1, 2**62], [2**62]),
        ([0, 63, 63], [63]),
        ([*range(128), *range(128)], [*range(128)]),
        (["b", "a", "b"], ["b"]),
    ],
)
def test_repeated_keys(keys: list[Any], again: list[Any]) -> None:
    assert Keyring(array_of(keys), Sorting()).repeated.to_pylist() == again
    assert repeated(array_of(sorted(keys))).to_pylist() == again


@settings(derandomize=True, deadline=None, max_examples=200)
@given(keys=st.lists(st.integers(0, 130), max_size=40))
def test_no_repeated_number_is_overlooked(keys: list[int]) -> None:
    again = sorted((Counter(keys) - Counter(set(keys))).elements())
    assert Keyring(array_of(keys), Sorting()).repeated.to_pylist() == again


def test_what_is_done_in_batches_is_done_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """As at many millions of keys, whose batches are larger."""
    monkeypatch.setattr("audience.places.BATCH", 16)
    monkeypatch.setattr("audience.places.GATHER", 64)
    monkeypatch.setattr("audience.keyring.GATHER", 64)
    numbers = [7 * place % 1009 for place in range(1, 1009)]
    for keys in (numbers, [number * 2**40 for number in numbers], [f"{n:08d}" for n in numbers]):
        ring = Keyring(array_of(keys), Sorting())
        place = {key: number for number, key in enumerate(sorted(keys))}
        assert len(ring.repeated) == 0
        assert ring.ranks.tolist() == [place[key] for key in keys]
        assert ring.positions(ring.keys).tolist() == ring.ranks.tolist()
        third = np.arange(len(keys)) % 3 == 0
        (found,) = ring.by_row([bits.pack(third)])
        assert bits.unpack(found, len(keys)).tolist() == [bool(third[place[k]]) for k in keys]
        assert ring.ids(bits.everybody(len(keys))).to_pylist() == sorted(keys)


WORDS = ["", "a", "bb", "b\0", "ccc", "dddd", "用户用户", "abcdefghijklmnop", "abcdefghijklmnoq"]


@pytest.mark.parametrize("alike", [False, True], ids=["spread", "all of one hash"])
@pytest.mark.parametrize("width", [None, 2, 4, 12, 16])
@pytest.mark.parametrize("asked_width", [None, 2, 4, 12, 16])
def test_texts_are_found_however_either_side_lies(
    alike: bool, width: int | None, asked_width: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of one length as rows of bytes, or of several as texts; hashes that agree change nothing."""
    if alike:
        monkeypatch.setattr(
            "audience.places._spread", lambda keys: np.full(len(keys), 2**63 + 5, np.uint64)
        )

    def of(chosen: int | None) -> pa.Array:
        found = [word for word in WORDS if chosen in {None, len(word.encode())}]
        return of_one_width(pa.array(found, pa.large_string()))

    keys, asked = of(width), of(asked_width)
    known = sorted(as_texts(keys).to_pylist(), key=str.encode)
    found = Scattered(of_one_width(pa.array(known, pa.large_string()))).find(asked)
    assert found.tolist() == [
        known.index(word) if word in known else -1 for word in as_texts(asked).to_pylist()
    ]


@pytest.mark.parametrize("piece", [1, 7, 1 << 10])
@pytest.mark.parametrize("low", [0, -500, -(2**63), 2**63 - 1_000])
def test_lists_are_held_against_one_another_piece_by_piece(
    piece: int, low: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether or not they are in order, at either end of 64 bits, empty ones too."""
    monkeypatch.setattr("audience.keyring._PIECE", piece)
    numbers = [[low + (step * n) % 1_000 for n in range(300)] for step in (1, 3, 7, 999)]
    lists = [np.array(each, dtype=np.int64) for each in [*numbers, []]]
    marks = Marks(lists)
    sets = [set(each.tolist()) for each in lists]
    assert marks.distinct().tolist() == sorted(set().union(*sets))
    for one, mine in enumerate(sets):
        for other, others in enumerate(sets):
            assert marks.common(one, other) == len(mine & others)


def test_no_lists_have_no_numbers() -> None:
    assert Marks([]).distinct().tolist() == []
    assert Marks([np.zeros(0, dtype=np.int64)]).distinct().tolist() == []
