"""A checksum of a set of ids that depends on the ids alone.

The sum, modulo 2^64, of XXH64 (seed 42) of each id: integers as 8 bytes, least first, texts as
UTF-8. A sum does not depend on order, files or row groups, and parts computed apart can be
added.
"""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from audience.hashing import hashes

_BATCH = 1 << 20


def checksum(ids: pa.Array) -> str:
    """The checksum of distinct ids, integers or texts: ``xxh64sum:`` and 16 hex digits."""
    return checksum_of(sum_of_hashes(ids))


def sum_of_hashes(ids: pa.Array) -> int:
    """The sum of the hashes of some ids: that of all is the sum of those of their parts."""
    total = 0
    for start in range(0, len(ids), _BATCH):
        total += int(hashes(ids.slice(start, _BATCH)).sum(dtype=np.uint64))
    return total


def checksum_of(hashes: int) -> str:
    """The same of the sum of the ids' hashes."""
    return f"xxh64sum:{hashes % 2**64:016x}"
