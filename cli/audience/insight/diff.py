"""Two builds, or two packs, side by side: who was kept, added, removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from audience.bits import count_common
from audience.errors import UsageError
from audience.membership import Membership, common_counts
from audience.objects import AnyPath


@dataclass(frozen=True)
class PackDiff:
    """One pack on both sides, in users.

    ``change`` is new ÷ old − 1, ``jaccard`` is kept ÷ (old or new); None where that divides by
    nothing.
    """

    name: str
    old: str
    new: str
    label: str
    old_size: int
    new_size: int
    kept: int
    added: int
    removed: int
    change: float | None
    jaccard: float | None


@dataclass(frozen=True)
class LonePack:
    """A pack that only one side has."""

    name: str
    label: str
    size: int


@dataclass(frozen=True)
class MatrixRow:
    """How an old pack's users spread: how many are in each new pack, and in none of them."""

    pack: str
    size: int
    into: dict[str, int]
    out: int


@dataclass(frozen=True)
class BuildDiff:
    """Everything about two sides; ``key`` is what the new side's ids are called.

    ``matrix`` has a last row for those who are new: in no old pack.
    """

    old: str
    new: str
    packs: tuple[PackDiff, ...]
    only_old: tuple[LonePack, ...]
    only_new: tuple[LonePack, ...]
    key: str
    key_type: pa.DataType
    sides: tuple[Mapping[str, pa.Array], Mapping[str, pa.Array]] = field(repr=False, compare=False)
    """The packs' ids, old and new."""
    bases: tuple[int | None, int | None] = (None, None)
    """Users in the base of each side, None of a file that lies alone."""
    origins: tuple[AnyPath | None, AnyPath | None] = (None, None)
    """Where each side lies."""

    @cached_property
    def common(self) -> Mapping[tuple[Place, Place], int]:
        """Users in both of any two packs of the two sides; of one and the same, its size.

        Beside the old packs stands who is in none of them, :data:`NOBODY`, and the same beside the
        new ones.
        """
        old, new = self.sides
        members = self._membership
        bits = {("old", name): members.bits[_OLD + name] for name in old}
        bits |= {("new", name): members.bits[_NEW + name] for name in new}
        everybody = members.union([_OLD + name for name in old] + [_NEW + name for name in new])
        bits["old", NOBODY] = everybody & ~members.union([_OLD + name for name in old])
        bits["new", NOBODY] = everybody & ~members.union([_NEW + name for name in new])
        counts = count_common(list(bits.values())).tolist()
        return {
            (one, other): counts[row][column]
            for row, one in enumerate(bits)
            for column, other in enumerate(bits)
        }

    @property
    def users(self) -> int:
        """Users in any pack of the two sides."""
        return self._membership.count

    @cached_property
    def matrix(self) -> tuple[MatrixRow, ...]:
        """How each old pack's users spread over the new ones."""
        old, new = self.sides
        return _matrix(self._membership, list(old), list(new))

    @cached_property
    def _membership(self) -> Membership:
        old, new = self.sides
        sides = ((_OLD, old), (_NEW, new))
        return Membership.from_ids(
            {at + name: ids for at, side in sides for name, ids in side.items()}
        )

    def to_dict(self, *, matrix: bool) -> dict[str, Any]:
        """As JSON has it."""
        out: dict[str, Any] = {
            "old": self.old,
            "new": self.new,
            "packs": [asdict(pack) for pack in self.packs],
            "only_old": [asdict(pack) for pack in self.only_old],
            "only_new": [asdict(pack) for pack in self.only_new],
        }
        if matrix:
            out["matrix"] = [asdict(row) for row in self.matrix]
        return out

    def ids(self, pack: PackDiff) -> dict[str, pa.Array]:
        """A pack's kept, added and removed ids, ascending."""
        members = self._membership
        old, new = members.bits[_OLD + pack.old], members.bits[_NEW + pack.new]
        parts = {"kept": old & new, "added": new & ~old, "removed": old & ~new}
        return {name: members.select(bits).sort() for name, bits in parts.items()}


_OLD, _NEW = "old:", "new:"
NOBODY = "(in no old pack)"
Place = tuple[str, str]
"""A side, ``old`` or ``new``, and a pack's name."""


def compare(
    old_title: str,
    old: Mapping[str, pa.Array],
    new_title: str,
    new: Mapping[str, pa.Array],
    labels: Mapping[str, str],
    *,
    pair: bool,
    key: str,
    bases: tuple[int | None, int | None] = (None, None),
    origins: tuple[AnyPath | None, AnyPath | None] = (None, None),
) -> BuildDiff:
    """Compare packs of ids by name; ``pair`` compares the one pack of each side whatever the names.

    Raises UsageError where the two sides have keys of different types.
    """
    kinds = {ids.type for side in (old, new) for ids in side.values()}
    if len(kinds) > 1:
        shown = ", ".join(sorted(map(str, kinds)))
        raise UsageError(f"{old_title} and {new_title} have keys of different types: {shown}")
    if pair:
        pairs = [(next(iter(old)), next(iter(new)))]
    else:
        pairs = [(name, name) for name in old if name in new]
    counts = common_counts([(old[one], new[other]) for one, other in pairs])
    return BuildDiff(
        old_title,
        new_title,
        tuple(
            _compare_pack(one, other, old[one], new[other], kept, labels)
            for (one, other), kept in zip(pairs, counts, strict=True)
        ),
        _alone(old, {one for one, _ in pairs}, labels),
        _alone(new, {other for _, other in pairs}, labels),
        key,
        kinds.pop() if kinds else pa.int64(),
        (old, new),
        bases,
        origins,
    )


def _compare_pack(
    old: str,
    new: str,
    old_ids: pa.Array,
    new_ids: pa.Array,
    kept: int,
    labels: Mapping[str, str],
) -> PackDiff:
    before, after = len(old_ids), len(new_ids)
    either = before + after - kept
    return PackDiff(
        old if old == new else f"{old} → {new}",
        old,
        new,
        labels.get(new, labels.get(old, "")),
        before,
        after,
        kept,
        after - kept,
        before - kept,
        after / before - 1 if before else None,
        kept / either if either else None,
    )


def _alone(
    packs: Mapping[str, pa.Array], paired: set[str], labels: Mapping[str, str]
) -> tuple[LonePack, ...]:
    return tuple(
        LonePack(name, labels.get(name, ""), len(ids))
        for name, ids in packs.items()
        if name not in paired
    )


def _matrix(members: Membership, old: list[str], new: list[str]) -> tuple[MatrixRow, ...]:
    everybody_new = members.union([_NEW + name for name in new])
    everybody_old = members.union([_OLD + name for name in old])
    extended = Membership(
        members.count,
        {**members.bits, "new": everybody_new, "newcomers": everybody_new & ~everybody_old},
        members.source,
    )
    rows = []
    for title, bits in [*((name, _OLD + name) for name in old), (NOBODY, "newcomers")]:
        size = extended.size(bits)
        into = {name: extended.both(bits, _NEW + name) for name in new}
        rows.append(MatrixRow(title, size, into, size - extended.both(bits, "new")))
    return tuple(rows)
