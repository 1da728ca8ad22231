"""Bitmaps against arrays of booleans."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience import bits

LENGTHS = [0, 1, 7, 8, 9, 63, 64, 65, 100, 127, 128, 1000]


@pytest.mark.parametrize("length", LENGTHS)
def test_flags_go_in_and_come_out(length: int) -> None:
    flags = np.arange(length) % 3 == 2
    packed = bits.pack(flags)
    assert len(packed) == (length + 7) // 8
    assert bits.unpack(packed, length).tolist() == flags.tolist()
    assert bits.count_bits(packed) == flags.sum()
    assert bits.unpack(bits.complement(packed, length), length).tolist() == (~flags).tolist()


@pytest.mark.parametrize("length", LENGTHS)
def test_bits_past_the_last_row_are_0(length: int) -> None:
    none, every = bits.nobody(length), bits.everybody(length)
    assert bits.count_bits(none) == 0
    assert bits.count_bits(every) == length
    assert bits.count_bits(bits.complement(none, length)) == length
    assert bits.complement(every, length).tolist() == none.tolist()
    assert bits.at_least(0, [none], length).tolist() == every.tolist()


@pytest.mark.parametrize("length", range(40))
def test_bits_are_counted_at_every_length(length: int) -> None:
    assert bits.count_bits(np.full(length, 255, dtype=np.uint8)) == 8 * length
    assert bits.count_bits(np.full(length, 0b10010000, dtype=np.uint8)) == 2 * length


rows = st.integers(0, 80).flatmap(
    lambda length: st.lists(
        st.lists(st.booleans(), min_size=length, max_size=length), min_size=1, max_size=9
    )
)


@pytest.mark.parametrize("length", [0, 1, 100, 131_072, 131_080, 300_001])
def test_what_two_have_in_common_is_counted_for_each_two(length: int) -> None:
    numbers = np.arange(length)
    flags = [numbers % step == 0 for step in (1, 2, 3, 7)]
    found = bits.count_common([bits.pack(each) for each in flags])
    assert found.tolist() == [[int((one & other).sum()) for other in flags] for one in flags]


def test_none_have_nothing_in_common() -> None:
    assert bits.count_common([]).tolist() == []


@settings(derandomize=True, deadline=None, max_examples=300)
@given(parts=rows, least=st.integers(-1, 12))
def test_at_least_counts_parts(parts: list[list[bool]], least: int) -> None:
    length = len(parts[0])
    packed = [bits.pack(np.array(part, dtype=np.bool_)) for part in parts]
    before = [part.copy() for part in packed]
    found = bits.unpack(bits.at_least(least, packed, length), length)
    assert found.tolist() == [sum(column) >= least for column in zip(*parts, strict=True)]
    assert all((one == other).all() for one, other in zip(packed, before, strict=True))


@settings(derandomize=True, deadline=None, max_examples=300)
@given(values=st.lists(st.sampled_from([True, False, None]), max_size=80), start=st.integers(0, 20))
def test_columns_become_who_is_in_and_who_is_missing(values: list[bool | None], start: int) -> None:
    column = pa.array(values, pa.bool_()).slice(start)
    true, missing = bits.from_arrow(column)
    wanted = values[start:]
    assert bits.unpack(true, len(wanted)).tolist() == [value is True for value in wanted]
    if None in wanted:
        assert missing is not None
        assert bits.unpack(missing, len(wanted)).tolist() == [value is None for value in wanted]
    else:
        assert missing is None
