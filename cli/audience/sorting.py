"""Sorting: by numpy, or in the faster way that an engine has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from audience.texts import order_texts

Sort = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]


@dataclass(frozen=True)
class Sorting:
    """Two functions of whole numbers: ``sort`` them, and by ``argsort`` the rows in their order."""

    sort: Sort = np.sort
    argsort: Sort = np.argsort

    def order(self, keys: pa.Array) -> npt.NDArray[Any]:
        """The rows of keys, whole numbers or texts, in ascending order; no key is missing."""
        if pa.types.is_integer(keys.type):
            return self.argsort(np.asarray(keys))
        return order_texts(keys, self.argsort)
