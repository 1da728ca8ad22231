"""Two builds, or two packs, side by side: who was kept, added, removed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa

from audience.errors import UsageError
from audience.membership import Membership


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
    matrix: tuple[MatrixRow, ...]
    key: str
    membership: Membership = field(repr=False, compare=False)

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
        old, new = self.membership.bits[_OLD + pack.old], self.membership.bits[_NEW + pack.new]
        parts = {"kept": old & new, "added": new & ~old, "removed": old & ~new}
        return {name: self.membership.select(bits).sort() for name, bits in parts.items()}


_OLD, _NEW = "old:", "new:"
NOBODY = "(in no old pack)"


def compare(
    old_title: str,
    old: Mapping[str, pa.Array],
    new_title: str,
    new: Mapping[str, pa.Array],
    labels: Mapping[str, str],
    *,
    pair: bool,
    key: str,
) -> BuildDiff:
    """Compare packs of ids by name; ``pair`` compares the one pack of each side whatever the names.

    Raises UsageError where the two sides have keys of different types.
    """
    lists = {_OLD + name: ids for name, ids in old.items()} | {
        _NEW + name: ids for name, ids in new.items()
    }
    kinds = {str(ids.type) for ids in lists.values()}
    if len(kinds) > 1:
        raise UsageError(
            f"{old_title} and {new_title} have keys of different types: {', '.join(sorted(kinds))}"
        )
    members = Membership.from_ids(lists)
    if pair:
        pairs = [(next(iter(old)), next(iter(new)))]
    else:
        pairs = [(name, name) for name in old if name in new]
    return BuildDiff(
        old_title,
        new_title,
        tuple(_compare_pack(members, one, other, labels) for one, other in pairs),
        _alone(old, {one for one, _ in pairs}, labels),
        _alone(new, {other for _, other in pairs}, labels),
        _matrix(members, list(old), list(new)),
        key,
        members,
    )


def _compare_pack(members: Membership, old: str, new: str, labels: Mapping[str, str]) -> PackDiff:
    before, after = members.size(_OLD + old), members.size(_NEW + new)
    kept = members.both(_OLD + old, _NEW + new)
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
