"""The summary of a rule file's packs: sizes, shares of the base, overlaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

from audience.membership import Membership


@dataclass(frozen=True)
class PackSize:
    """A pack's size in users. ``share`` is of the base (0 to 1, None of an empty base).

    ``only_missing`` is how many are in it only because a value is missing.
    """

    name: str
    label: str
    size: int
    share: float | None
    only_missing: int


@dataclass(frozen=True)
class Overlap:
    """Users in both of two packs, and their share of the first (0 to 1, None of an empty pack)."""

    pack: str
    other: str
    both: int
    share: float | None


@dataclass(frozen=True)
class Summary:
    """All packs of one rule file at one day.

    ``overlaps`` has every ordered pair of different packs.
    """

    campaign: str
    phase: str
    label: str
    as_of: date
    users: int
    base: int
    packs: tuple[PackSize, ...]
    overlaps: tuple[Overlap, ...]

    @property
    def name(self) -> str:
        """``campaign/phase``."""
        return f"{self.campaign}/{self.phase}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {**asdict(self), "as_of": self.as_of.isoformat()}


@dataclass(frozen=True)
class PackBits:
    """The names of a pack's bitmaps: its users, and those only by a missing value ('' for none)."""

    name: str
    label: str
    users: str
    only_missing: str


def summarize(
    campaign: str,
    phase: str,
    label: str,
    as_of: date,
    users: int,
    base: str,
    packs: Sequence[PackBits],
    membership: Membership,
) -> Summary:
    """The summary of a file whose base and packs are these bitmaps of the membership."""
    whole = membership.size(base)
    sizes = {pack.name: membership.size(pack.users) for pack in packs}
    counts: dict[tuple[str, str], int] = {}
    for number, one in enumerate(packs):
        for other in packs[number + 1 :]:
            both = membership.both(one.users, other.users)
            counts[one.name, other.name] = counts[other.name, one.name] = both
    return Summary(
        campaign,
        phase,
        label,
        as_of,
        users,
        whole,
        tuple(
            PackSize(
                pack.name,
                pack.label,
                sizes[pack.name],
                share(sizes[pack.name], whole),
                membership.size(pack.only_missing) if pack.only_missing else 0,
            )
            for pack in packs
        ),
        tuple(
            Overlap(one.name, other.name, both, share(both, sizes[one.name]))
            for one in packs
            for other in packs
            if one is not other
            for both in [counts[one.name, other.name]]
        ),
    )


def share(part: int, whole: int) -> float | None:
    """A share of a whole; None where the whole is nothing."""
    return part / whole if whole else None


def overlap_table(summary: Summary) -> Mapping[tuple[str, str], Overlap]:
    """The overlaps by pair of packs."""
    return {(each.pack, each.other): each for each in summary.overlaps}
