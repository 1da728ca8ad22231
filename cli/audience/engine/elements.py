"""Which lists have an element: many elements of one column, found by one look at each list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from audience.bits import Flags
from audience.kinds import Kind, Type
from audience.plan.nodes import Test

Places = npt.NDArray[np.int64]

_ENOUGH = 4
"""Tests of a column for so many elements are answered sooner this way than one by one."""

_COMBINED = {"has_any": np.logical_or, "has_all": np.logical_and}


def by_element(tests: Mapping[str, Test], types: Mapping[str, Type]) -> dict[str, dict[str, Test]]:
    """By column, the tests for elements that are many enough to be looked for together."""
    looking: dict[str, dict[str, Test]] = {}
    for name, test in tests.items():
        if _asks_for_elements(test, types[test.column]):
            looking.setdefault(test.column, {})[name] = test
    return {
        column: asked
        for column, asked in looking.items()
        if len(_elements(asked.values())) >= _ENOUGH
    }


def _asks_for_elements(test: Test, column: Type) -> bool:
    known = column.item is not None and column.item.kind in {Kind.TEXT, Kind.INTEGER}
    return known and test.operator in _COMBINED and bool(test.argument)


def _elements(tests: Iterable[Test]) -> list[Any]:
    """What tests ask for, each once."""
    return list(dict.fromkeys(one for test in tests for one in _asked(test)))


def _asked(test: Test) -> tuple[Any, ...]:
    assert isinstance(test.argument, tuple)
    return test.argument


def having(lists: pa.Array, tests: Iterable[Test]) -> Iterator[Flags]:
    """For each test whether each list has its elements; a missing list has none."""
    tests = list(tests)
    wanted = _elements(tests)
    flags = np.zeros((len(wanted), len(lists)), dtype=np.bool_)
    rows, codes = _found(lists, wanted)
    flags[codes, rows] = True
    of = dict(zip(wanted, flags, strict=True))
    for test in tests:
        yield reduce(_COMBINED[test.operator], [of[one] for one in _asked(test)])


def _found(lists: pa.Array, wanted: Sequence[Any]) -> tuple[Places, Places]:
    """The row and the number of each element that is one of those wanted."""
    elements = pc.list_flatten(lists)
    if pa.types.is_dictionary(elements.type):
        elements = elements.dictionary_decode()
    # What the column has no room for, it does not have.
    fitting = [n for n, value in enumerate(wanted) if _fits(value, elements.type)]
    values = pa.array([wanted[n] for n in fitting], elements.type)
    codes = pc.index_in(elements, value_set=values)
    known = np.asarray(codes.is_valid())
    rows = np.asarray(pc.list_parent_indices(lists))[known]
    return rows, np.array(fitting, np.int64)[np.asarray(codes.drop_null())]


def _fits(value: Any, kind: pa.DataType) -> bool:
    try:
        pa.scalar(value, kind)
    except (pa.ArrowInvalid, OverflowError):
        return False
    return True
