"""Who is in which node: algebra over bitmaps of a user table's rows, the same for every engine.

An engine only answers single tests of columns and folds behaviour; and, or, not, lists, limits,
shares and stages are made of these here. So a test that a hundred packs mention is answered once,
and a further pack costs a few operations on bitmaps.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from audience.bits import (
    Bits,
    at_least,
    complement,
    count_bits,
    everybody,
    nobody,
    pack,
    unpack,
)
from audience.engine.answers import POSSIBLE, Answer, kept_of, put_together, sides_of
from audience.hashing import SEED, hashes, salted
from audience.keyring import Keyring
from audience.plan.build import reachable
from audience.plan.nodes import (
    Const,
    Fold,
    Ids,
    Kept,
    Listed,
    Node,
    Published,
    Share,
    Suppressed,
    Test,
    parts_of,
)
from audience.rules.beside import SHARES


@dataclass(frozen=True)
class Given:
    """What rows and events have told: for each test and fold the users it holds of.

    ``missing`` has for a test the users whose value is missing, where there are any. ``columns``
    are those that limits order by, ``lists`` the ids of each list.
    """

    tests: Mapping[Test, Bits]
    missing: Mapping[Test, Bits]
    folds: Mapping[Fold, Bits]
    columns: Mapping[str, pa.Array]
    lists: Mapping[Listed, pa.Array]


@dataclass(frozen=True)
class _Bitmaps:
    """Sets of users as bitmaps of so many rows."""

    count: int

    def complement(self, one: Bits) -> Bits:
        return complement(one, self.count)

    def all(self, parts: Sequence[Bits]) -> Bits:
        return reduce(np.bitwise_and, parts)

    def any(self, parts: Sequence[Bits]) -> Bits:
        return reduce(np.bitwise_or, parts)

    def at_least(self, least: int, parts: Sequence[Bits]) -> Bits:
        return at_least(least, parts, self.count)


class Algebra:
    """Computes the nodes of a plan, each once and parts first."""

    def __init__(
        self, nodes: Sequence[Node], count: int, ring: Callable[[], Keyring], given: Given
    ) -> None:
        self.nodes = nodes
        self.count = count
        self.given = given
        self._ring = ring  # lists, limits and shares ask for keys
        self.strangers: dict[Listed, int] = {}
        """For each list, how many of its ids are of nobody in the user table."""
        self._seeds: dict[int, npt.NDArray[np.uint64]] = {}
        self._answers: dict[int, Answer[Bits]] = {}
        self._words = _Bitmaps(count)

    def answers(self, roots: Sequence[int]) -> Mapping[int, Answer[Bits]]:
        """Who is in each of some nodes, and who surely is."""
        numbers = reachable(self.nodes, roots)
        sides = sides_of(self.nodes, numbers, roots)
        last = {number: number for number in numbers}
        for number in numbers:
            last |= dict.fromkeys(parts_of(self.nodes[number]), number)
        done: dict[int, list[int]] = {}
        for part, number in last.items():
            done.setdefault(number, []).append(part)
        kept = set(roots)
        for number in numbers:
            self._answers[number] = self._compute(number, sides[number])
            for part in done.get(number, ()):  # nothing asks for them any more
                if part not in kept:
                    del self._answers[part]
        return {root: self._answers[root] for root in roots}

    def _compute(self, number: int, sides: Collection[str]) -> Answer[Bits]:
        node = self.nodes[number]
        match node:
            case Test():
                return self._test(node, sides)
            case Const(value):
                return Answer.certain((everybody if value else nobody)(self.count))
            case Fold():
                return Answer.certain(self.given.folds[node])
            case Kept():
                return self._kept(node)
            case Share():
                return Answer.certain(self._share(node))
            case Ids() | Published() | Suppressed():
                return Answer.certain(self._listed(node))
        return put_together(node, self._answers, self._words)

    def _test(self, test: Test, sides: Collection[str]) -> Answer[Bits]:
        held, missing = self.given.tests[test], self.given.missing.get(test)
        if missing is None:
            return Answer.certain(held)
        return Answer(held, held, held | missing if POSSIBLE in sides else None)

    def _share(self, share: Share) -> Bits:
        """Whose hash ÷ 2^64 is in the share, in whole numbers: no rounding can move a user."""
        found = self._hashes(salted(share.salt))
        first, last = (-(-side * 2**64 // SHARES) for side in (share.low, share.high))
        return pack((found >= np.uint64(first)) & (found <= np.uint64(last - 1)))

    def _kept(self, node: Kept) -> Answer[Bits]:
        part = self._answers[node.part]
        rows = np.flatnonzero(unpack(part.closed, self.count))
        if len(rows) > node.keep:
            by = None if node.by is None else self.given.columns[node.by]
            rows = in_order_of(node, rows, self._ring(), self._hashes(), by)[: node.keep]
        flags = np.zeros(self.count, dtype=np.bool_)
        flags[rows] = True
        return kept_of(part, pack(flags), self._words)

    def _hashes(self, seed: int = SEED) -> npt.NDArray[np.uint64]:
        if seed not in self._seeds:
            self._seeds[seed] = hashes(self._ring().keys, seed)
        return self._seeds[seed]

    def _listed(self, node: Listed) -> Bits:
        ids = self.given.lists[node]
        positions = self._ring().positions(ids)
        flags = np.zeros(self.count, dtype=np.bool_)
        flags[positions[positions >= 0]] = True
        (bits,) = self._ring().by_row([pack(flags)])
        self.strangers[node] = len(ids) - count_bits(bits)
        return bits


def in_order_of(
    limit: Kept,
    rows: npt.NDArray[np.intp],
    ring: Keyring,
    hashed: npt.NDArray[np.uint64],
    by: pa.Array | None,
) -> npt.NDArray[np.intp]:
    """Some rows in the order in which a limit keeps them.

    ``hashed`` and ``by``, the column that it goes by, are of all rows.
    """
    # Equal hashes are told apart by the key, as ever: by its position.
    order: list[npt.NDArray[Any]] = [ring.ranks[rows], hashed[rows]]
    if by is not None:
        values, missing = _ordered(by, limit.descending)
        order += [values[rows], missing[rows]]
    return rows[np.lexsort(order)]


def _ordered(column: pa.Array, descending: bool) -> tuple[npt.NDArray[Any], npt.NDArray[np.bool_]]:
    """A column as numbers that sort as wanted, and which are missing, to be sorted last."""
    missing = column.is_null().to_numpy(zero_copy_only=False)
    if pa.types.is_date32(column.type):
        column = column.cast(pa.int32())
    if pa.types.is_temporal(column.type) or pa.types.is_int32(column.type):
        column = column.cast(pa.int64())
    filled = column.fill_null(0).to_numpy(zero_copy_only=False)
    if descending:
        # Of whole numbers the complement, which unlike the negative never leaves the range.
        filled = ~filled if np.issubdtype(filled.dtype, np.integer) else -filled
    return filled, missing
