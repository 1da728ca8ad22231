"""Bitmaps against Python's sets."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience.bits import count_bits
from audience.membership import Membership


@pytest.mark.parametrize(
    "key", [pa.int32(), pa.int64(), pa.uint64(), pa.string(), pa.large_string()]
)
def test_keys_keep_their_type(key: pa.DataType) -> None:
    ids = pa.array([3, 1, 2]).cast(key)
    members = Membership.from_ids({"a": ids, "b": ids[:0]})
    assert members.ids("a").type == members.ids("b").type == key
    assert set(members.ids("a").to_pylist()) == set(ids.to_pylist())


names = st.sampled_from(["a", "b", "c", "d"])
id_lists = st.dictionaries(names, st.sets(st.integers(-5, 150)), max_size=4)


@settings(derandomize=True, deadline=None, max_examples=100)
@given(sets=id_lists, text=st.booleans())
def test_lists_of_ids_are_python_sets(sets: dict[str, set[int]], text: bool) -> None:
    given_ids: dict[str, set[Any]] = {
        name: {f"用户-{number}" if text else number for number in numbers}
        for name, numbers in sets.items()
    }
    kind = pa.string() if text else pa.int64()
    lists = {name: pa.array(list(ids), kind) for name, ids in given_ids.items()}
    members = Membership.from_ids(lists)
    everybody: set[Any] = set().union(*given_ids.values())
    assert members.names == tuple(given_ids)
    assert len(members.keys) == len(everybody)
    assert set(members.keys.to_pylist()) == everybody
    for one, ids in given_ids.items():
        assert members.size(one) == len(ids)
        assert len(members.ids(one)) == len(ids)
        assert set(members.ids(one).to_pylist()) == ids
        for other, more in given_ids.items():
            assert members.both(one, other) == len(ids & more)
            assert members.common([one, other])[one, other] == len(ids & more)
            union = members.union([one, other])
            assert count_bits(union) == len(ids | more)
            assert set(members.select(union).to_pylist()) == ids | more
    assert count_bits(members.union([])) == 0
    assert count_bits(members.union(members.names)) == len(everybody)


def test_slices_of_ids_are_taken_as_they_are() -> None:
    ids = pa.array(range(100), pa.int64())
    members = Membership.from_ids({"a": ids[10:20], "b": ids[15:40]})
    assert sorted(members.ids("a").to_pylist()) == list(range(10, 20))
    assert sorted(members.ids("b").to_pylist()) == list(range(15, 40))
    assert members.both("a", "b") == 5


def test_a_union_is_a_bitmap_of_its_own() -> None:
    members = Membership.from_ids({"a": pa.array([1]), "b": pa.array([2])})
    union = members.union(["a"])
    union |= members.bits["b"]
    assert members.size("a") == 1


@pytest.mark.parametrize("lists", [{}, {"a": pa.array([], pa.int64())}])
def test_nobody(lists: dict[str, pa.Array]) -> None:
    members = Membership.from_ids(lists)
    assert len(members.keys) == 0
    assert members.names == tuple(lists)
    assert all(members.size(name) == 0 for name in lists)
    assert len(members.select(members.union(list(lists)))) == 0
