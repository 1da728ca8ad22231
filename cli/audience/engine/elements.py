"""Which lists have an element: many elements of one column, found by one look at each list."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from audience.bits import Bits, pack
from audience.kinds import Kind, Type
from audience.plan.nodes import Test
from audience.threads import in_threads

Places = npt.NDArray[np.int64]

_ENOUGH = 4
"""So many tests of a column are answered sooner this way than one by one."""

_BLOCK = 1 << 20
"""So many lists at a time: what is made of them is several times as large; a multiple of 8."""


def by_element(
    tests: Iterable[Test], types: Mapping[str, Type]
) -> tuple[list[Test], dict[str, list[Test]]]:
    """The tests to be left to an engine, and by column those that ask for one element each."""
    single: dict[str, list[Test]] = {}
    others = []
    for test in tests:
        if _asks_for_one(test, types[test.column]):
            single.setdefault(test.column, []).append(test)
        else:
            others.append(test)
    few = [name for name, asked in single.items() if len(asked) < _ENOUGH]
    return [*others, *(test for name in few for test in single.pop(name))], single


def _asks_for_one(test: Test, column: Type) -> bool:
    known = column.item is not None and column.item.kind in {Kind.TEXT, Kind.INTEGER}
    one = isinstance(test.argument, tuple) and len(test.argument) == 1
    return known and one and test.operator == "has_any"


def having(column: pa.ChunkedArray, tests: Sequence[Test]) -> tuple[dict[Test, Bits], Bits | None]:
    """For each test the rows whose list has its element; and the rows without a list, if any."""
    bits = np.zeros((len(tests), (len(column) + 7) // 8), dtype=np.uint8)
    wanted = [one for test in tests if isinstance(test.argument, tuple) for one in test.argument]

    def look(start: int) -> None:
        part = column.slice(start, _BLOCK)
        flags = np.zeros((len(tests), len(part)), dtype=np.bool_)
        for rows, codes in _found(part, wanted):
            flags[codes, rows] = True
        packed = np.packbits(flags, axis=1, bitorder="little")
        bits[:, start // 8 : start // 8 + packed.shape[1]] = packed

    in_threads(look, range(0, len(column), _BLOCK))
    missing = pack(np.asarray(column.is_null())) if column.null_count else None
    return dict(zip(tests, bits, strict=True)), missing


def _found(part: pa.ChunkedArray, wanted: Sequence[Any]) -> Iterator[tuple[Places, Places]]:
    """By chunk, the row and the number of each element that is one of those wanted."""
    before = 0
    for chunk in part.chunks:
        elements = pc.list_flatten(chunk)
        if pa.types.is_dictionary(elements.type):
            elements = elements.dictionary_decode()
        # What the column has no room for, it does not have.
        fitting = [n for n, value in enumerate(wanted) if _fits(value, elements.type)]
        values = pa.array([wanted[n] for n in fitting], elements.type)
        codes = pc.index_in(elements, value_set=values)
        known = np.asarray(codes.is_valid())
        rows = np.asarray(pc.list_parent_indices(chunk))[known]
        yield before + rows, np.array(fitting, np.int64)[np.asarray(codes.drop_null())]
        before += len(chunk)


def _fits(value: Any, kind: pa.DataType) -> bool:
    try:
        pa.scalar(value, kind)
    except (pa.ArrowInvalid, OverflowError):
        return False
    return True
