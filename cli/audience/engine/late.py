"""What no row of the user table tells: behaviour, lists, limits, shares, and what is made of them.

The engine computes the largest parts of a plan that rows do tell, and which keys pass each
behaviour; the rest is algebra over bitmaps of the sorted keys, done here, the same for every
engine. No join is asked of an engine, so a run may have any number of behaviours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from audience.hashing import SEED, hashes, salted
from audience.plan.build import reachable
from audience.plan.nodes import (
    And,
    AtLeast,
    Fold,
    Ids,
    Kept,
    Left,
    Listed,
    Node,
    Not,
    Or,
    Published,
    Share,
    Suppressed,
    parts_of,
)
from audience.plan.nodes import Late as LateNode
from audience.rules.beside import SHARES

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Answer:
    """Who is in a node: as the rules say, and whatever missing values were, surely and possibly."""

    closed: Flags
    sure: Flags
    possible: Flags


class Split:
    """The nodes of a plan that the engine computes, and those left for afterwards.

    ``early`` are the nodes to be computed as columns of the user table. Of an `and` or `or` that
    has late parts, the others are one column together: ``nodes`` has further nodes for these.
    """

    def __init__(self, nodes: Sequence[Node], roots: Sequence[int]) -> None:
        self.nodes = list(nodes)
        self.late: dict[int, Node] = {}
        self.early: list[int] = []
        known = set(roots)
        for number in reachable(nodes, roots):
            node = nodes[number]
            if isinstance(node, Fold | LateNode) or any(
                part in self.late for part in parts_of(node)
            ):
                self.late[number] = self._with_one_early(node)
        for number, node in self.late.items():
            known |= {number, *parts_of(node)}
        self.early = sorted(number for number in known if number not in self.late)
        self.inside = {part for node in self.late.values() for part in parts_of(node)}
        """The nodes that something late is made of: of these all three answers are needed."""

    def _with_one_early(self, node: Node) -> Node:
        if not isinstance(node, And | Or):
            return node
        early = tuple(part for part in node.parts if part not in self.late)
        if len(early) < 2:
            return node
        self.nodes.append(type(node)(early))
        late = (part for part in node.parts if part in self.late)
        return type(node)((*late, len(self.nodes) - 1))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the user table that limits order by."""
        found = {node.by for node in self.late.values() if isinstance(node, Kept) and node.by}
        return tuple(sorted(found))


class Late:
    """Computes late nodes over keys, once each."""

    def __init__(
        self,
        split: Split,
        keys: pa.Array,
        early: Mapping[int, Answer],
        columns: Mapping[str, pa.Array],
        folds: Mapping[int, pa.Array],
        lists: Mapping[Listed, pa.Array],
    ) -> None:
        self.split = split
        self.keys = keys
        self.columns = columns
        self.folds = folds
        self.lists = lists
        self.strangers: dict[Listed, int] = {}
        """For each list, how many of its ids are of nobody in the user table."""
        self._answers = dict(early)
        self._seeds: dict[int, npt.NDArray[np.uint64]] = {}

    def answers(self) -> Mapping[int, Answer]:
        """Who is in which node: the early ones that were given, and all late ones."""
        for number in sorted(self.split.late):  # parts stand before what is made of them
            self._answers[number] = self._compute(number)
        return self._answers

    def _compute(self, number: int) -> Answer:
        node = self.split.late[number]
        match node:
            case Fold():
                differ = self._flags_of(self.folds[number])
                return _certain(~differ if node.absent else differ)
            case Not(part):
                inner = self._answers[part]
                return Answer(~inner.closed, ~inner.possible, ~inner.sure)
            case Left(part, less):
                one, other = self._answers[part], self._answers[less]
                return Answer(
                    one.closed & ~other.closed,
                    one.sure & ~other.possible,
                    one.possible & ~other.sure,
                )
            case And(parts):
                return self._combined(parts, np.logical_and)
            case Or(parts):
                return self._combined(parts, np.logical_or)
            case AtLeast(count, parts):
                return self._combined_at_least(count, parts)
            case Kept():
                return self._kept(node)
            case Share():
                return _certain(self._share(node))
            case Ids() | Published() | Suppressed():
                return _certain(self._listed(node))
            case _:
                raise AssertionError(f"{node} is not late")

    def _combined(self, parts: Sequence[int], function: Any) -> Answer:
        answers = [self._answers[part] for part in parts]
        return Answer(
            reduce(function, [each.closed for each in answers]),
            reduce(function, [each.sure for each in answers]),
            reduce(function, [each.possible for each in answers]),
        )

    def _combined_at_least(self, count: int, parts: Sequence[int]) -> Answer:
        answers = [self._answers[part] for part in parts]

        def enough(flags: Sequence[Flags]) -> Flags:
            return np.asarray(np.sum(flags, axis=0, dtype=np.int32) >= count, dtype=bool)

        return Answer(
            enough([each.closed for each in answers]),
            enough([each.sure for each in answers]),
            enough([each.possible for each in answers]),
        )

    def _share(self, share: Share) -> Flags:
        """Whose hash ÷ 2^64 is in the share, in whole numbers: no rounding can move a user."""
        found = self._hashes(salted(share.salt))
        first, last = (-(-side * 2**64 // SHARES) for side in (share.low, share.high))
        return np.asarray((found >= np.uint64(first)) & (found <= np.uint64(last - 1)), dtype=bool)

    def _kept(self, node: Kept) -> Answer:
        part = self._answers[node.part]
        rows = np.flatnonzero(part.closed)
        kept = np.zeros(len(self.keys), dtype=bool)
        if len(rows) > node.keep:
            order: list[npt.NDArray[Any]] = [self._hashes()[rows]]
            if node.by is not None:
                values, missing = _ordered(self.columns[node.by], descending=node.descending)
                order += [values[rows], missing[rows]]
            rows = rows[np.lexsort(order)[: node.keep]]
        kept[rows] = True
        return Answer(kept, kept & part.sure, kept)

    def _hashes(self, seed: int = SEED) -> npt.NDArray[np.uint64]:
        if seed not in self._seeds:
            self._seeds[seed] = hashes(self.keys, seed)
        return self._seeds[seed]

    def _listed(self, node: Listed) -> Flags:
        ids = self.lists[node]
        flags = self._flags_of(ids)
        self.strangers[node] = len(ids) - int(flags.sum())
        return flags

    def _flags_of(self, ids: pa.Array) -> Flags:
        """Which keys are among some distinct ids."""
        if not pa.types.is_integer(self.keys.type):
            kind = self.keys.type
            flags = pc.is_in(self.keys, value_set=ids.cast(kind))
            return np.asarray(flags.to_numpy(zero_copy_only=False), dtype=bool)
        # Keys are sorted: a search for each id costs less than a look at every key.
        keys = self.keys.to_numpy(zero_copy_only=False)
        wanted = ids.to_numpy(zero_copy_only=False)
        found = np.zeros(len(keys), dtype=bool)
        if len(keys):
            places = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
            found[places[keys[places] == wanted]] = True
        return found


def _certain(flags: Flags) -> Answer:
    return Answer(flags, flags, flags)


def _ordered(column: pa.Array, *, descending: bool) -> tuple[npt.NDArray[Any], Flags]:
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
