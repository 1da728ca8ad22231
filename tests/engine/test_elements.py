"""Lists: many elements found by one look are those that engines find one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience.bits import unpack
from audience.engine import elements
from audience.engine.elements import by_element, having
from audience.kinds import Kind, Type
from audience.plan import nodes
from audience.plan.nodes import exact

TEXTS, WHOLE = Type(Kind.LIST, Type(Kind.TEXT)), Type(Kind.LIST, Type(Kind.INTEGER))


def wanting(value: Any, operator: str = "has_any") -> nodes.Test:
    return nodes.Test("likes", operator, (value,), exact((value,)))


LISTS = st.one_of(
    st.tuples(
        st.lists(st.none() | st.lists(st.none() | st.sampled_from(["a", "b", "猫", ""]))),
        st.sampled_from([pa.list_(pa.string()), pa.large_list(pa.large_string())]),
        st.just(["a", "b", "猫", "", "never"]),
    ),
    st.tuples(
        st.lists(st.none() | st.lists(st.none() | st.integers(0, 120))),
        st.sampled_from([pa.list_(pa.int8()), pa.large_list(pa.int64()), pa.list_(pa.uint64())]),
        st.just([0, 7, 120, -1, 2**40]),
    ),
)


@settings(derandomize=True, deadline=None)
@given(made=LISTS, cut=st.integers(0, 20), block=st.sampled_from([8, 16, 1 << 20]))
def test_rows_that_have_an_element(made: Any, cut: int, block: int) -> None:
    rows, kind, wanted = made
    column = pa.chunked_array([pa.array(rows[:cut], kind), pa.array(rows[cut:], kind)], kind)
    tests = [wanting(value) for value in wanted]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(elements, "_BLOCK", block)
        found, missing = having(column, tests)
    for test in tests:
        held = unpack(found[test], len(rows)).tolist()
        assert held == [row is not None and test.argument[0] in row for row in rows]
    unknown = [row is None for row in rows]
    assert (missing is None) is (not any(unknown))
    if missing is not None:
        assert np.array_equal(unpack(missing, len(rows)), unknown)


def test_elements_that_are_coded() -> None:
    codes = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0]), pa.array(["a", "b"]))
    column = pa.chunked_array([pa.ListArray.from_arrays([0, 2, 2, 3], codes)])
    tests = [wanting("a"), wanting("b")]
    found, _ = having(column, tests)
    assert [unpack(found[test], 3).tolist() for test in tests] == [
        [True, False, True],
        [True, False, False],
    ]


def test_what_is_left_to_an_engine() -> None:
    """Few tests, several elements, all of several, and lists of other things."""
    many = [wanting(value) for value in "abcd"]
    several = nodes.Test("likes", "has_any", ("a", "b"), exact(("a", "b")))
    every = wanting("a", "has_all")
    assert by_element([*many, several, every], {"likes": TEXTS}) == (
        [several, every],
        {"likes": many},
    )
    assert by_element(many[:3], {"likes": TEXTS}) == (many[:3], {})
    numbers = Type(Kind.LIST, Type(Kind.NUMBER))
    assert by_element(many, {"likes": numbers}) == (many, {})
    assert by_element(many, {"likes": WHOLE})[0] == []
