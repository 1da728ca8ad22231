"""Whole numbers counted block by block."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience import counting


@settings(derandomize=True, deadline=None)
@given(
    numbers=st.lists(st.integers(-100, 100)),
    kind=st.sampled_from([np.int8, np.int16, np.int64]),
    block=st.sampled_from([1, 7, 1 << 17]),
)
def test_how_often_each_is_there(numbers: list[int], kind: type, block: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(counting, "_BLOCK", block)
        found = counting.counted(np.array(numbers, dtype=kind), -100, 100)
    times = Counter(numbers)
    assert found.tolist() == [times[number] for number in range(-100, 101)]


def test_the_edges_of_a_type() -> None:
    ends = np.array([-128, 127, 127], dtype=np.int8)
    assert counting.counted(ends, -128, 127)[[0, -1]].tolist() == [1, 2]
    high = np.array([2**63 - 1, 2**63 - 2], dtype=np.uint64)
    assert counting.counted(high, 2**63 - 2, 2**63 - 1).tolist() == [1, 1]
