"""Lists: many elements found by one look are those that engines find one by one."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from audience.engine.elements import by_element, having
from audience.kinds import Kind, Type
from audience.plan import nodes
from audience.plan.nodes import exact

TEXTS, WHOLE = Type(Kind.LIST, Type(Kind.TEXT)), Type(Kind.LIST, Type(Kind.INTEGER))


def wanting(operator: str, *values: Any) -> nodes.Test:
    return nodes.Test("likes", operator, values, exact(values))


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
@given(made=LISTS, cut=st.integers(0, 20))
def test_rows_that_have_elements(made: Any, cut: int) -> None:
    rows, kind, wanted = made
    column = (
        pa.array([["a"]] * cut + rows, kind)[cut:] if wanted[0] == "a" else pa.array(rows, kind)
    )
    tests = [wanting(operator, value) for value in wanted for operator in ("has_any", "has_all")]
    tests += [wanting("has_any", *wanted), wanting("has_all", *wanted[:2])]
    for test, held in zip(tests, having(column, tests), strict=True):
        matches = any if test.operator == "has_any" else all
        assert held.tolist() == [
            row is not None and matches(one in row for one in test.argument) for row in rows
        ]


def test_elements_that_are_coded() -> None:
    codes = pa.DictionaryArray.from_arrays(pa.array([0, 1, 0]), pa.array(["a", "b"]))
    column = pa.ListArray.from_arrays([0, 2, 2, 3], codes)
    tests = [wanting("has_any", "a"), wanting("has_any", "b")]
    assert [held.tolist() for held in having(column, tests)] == [
        [True, False, True],
        [True, False, False],
    ]


def test_what_is_left_to_an_engine() -> None:
    """Few elements, other questions, and lists of other things."""
    many = {value: wanting("has_any", value) for value in "abc"}
    asked = many | {"every": wanting("has_all", "c", "d")}
    known = nodes.Test("likes", "is", "known", exact("known"))
    assert by_element(asked | {"known": known}, {"likes": TEXTS}) == {"likes": asked}
    assert by_element(asked, {"likes": WHOLE}) == {"likes": asked}
    assert by_element(many | {"every": wanting("has_all", *many)}, {"likes": TEXTS}) == {}
    assert by_element(asked, {"likes": Type(Kind.LIST, Type(Kind.NUMBER))}) == {}
