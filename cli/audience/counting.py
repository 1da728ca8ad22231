"""How often whole numbers are there."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

_BLOCK = 1 << 17


def counted(numbers: npt.NDArray[Any], low: int, high: int) -> npt.NDArray[np.int64]:
    """How often each number from ``low`` to ``high``, both in, is there; no other may be."""
    out = np.zeros(high - low + 1, dtype=np.int64)
    # What is made of a block stays in a processor's cache, and of all numbers is never room asked.
    block = max(_BLOCK, len(out))
    for start in range(0, len(numbers), block):
        part = numbers[start : start + block].astype(np.int64) - low
        out += np.bincount(part, minlength=len(out))
    return out
