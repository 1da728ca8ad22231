"""The summary of a rule file's packs: sizes, shares of the base, overlaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date
from typing import Any

from audience.membership import Members
from audience.plan.nodes import FilePlan


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
class Stages:
    """A set of stages: the names of their packs, their sizes together, and who is in none.

    ``total`` and ``rest`` add up to the base, as everybody is in one stage or in none.
    """

    name: str
    packs: tuple[str, ...]
    total: int
    rest: int


@dataclass(frozen=True)
class Summary:
    """All packs of one rule file at one day.

    ``overlaps`` has every ordered pair of different packs. ``suppressed`` is how many are not in
    the base because they are on a suppress list; ``snapshot`` the day of the user table.
    """

    campaign: str
    phase: str
    label: str
    as_of: date
    users: int
    base: int
    packs: tuple[PackSize, ...]
    overlaps: tuple[Overlap, ...]
    stages: tuple[Stages, ...] = ()
    suppressed: int = 0
    snapshot: date | None = None

    @property
    def name(self) -> str:
        """``campaign/phase``."""
        return f"{self.campaign}/{self.phase}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it: every count."""
        snapshot = self.snapshot.isoformat() if self.snapshot else None
        return {**asdict(self), "as_of": self.as_of.isoformat(), "snapshot": snapshot}


def read_summary(data: Mapping[str, Any]) -> Summary:
    """A summary as :meth:`Summary.to_dict` told it. Raises KeyError, TypeError, ValueError."""
    snapshot = data["snapshot"]
    return Summary(
        **{
            **data,
            "as_of": date.fromisoformat(data["as_of"]),
            "snapshot": date.fromisoformat(snapshot) if snapshot else None,
            "packs": tuple(PackSize(**each) for each in data["packs"]),
            "overlaps": tuple(Overlap(**each) for each in data["overlaps"]),
            "stages": tuple(
                Stages(**{**each, "packs": tuple(each["packs"])}) for each in data["stages"]
            ),
        }
    )


def recounted(
    summary: Summary, base: int, sizes: Mapping[str, int], both: Mapping[tuple[str, str], int]
) -> Summary:
    """A summary after its packs were changed: their sizes now, and what each two have in common.

    How many are in a pack only by a missing value is known as a bound alone.
    """
    return replace(
        summary,
        base=base,
        packs=tuple(
            replace(
                pack,
                size=sizes[pack.name],
                share=share(sizes[pack.name], base),
                only_missing=min(pack.only_missing, sizes[pack.name]),
            )
            for pack in summary.packs
        ),
        overlaps=tuple(
            replace(each, both=count, share=share(count, sizes[each.pack]))
            for each in summary.overlaps
            for count in [both[each.pack, each.other]]
        ),
        stages=tuple(
            replace(each, total=sum(sizes[name] for name in each.packs)) for each in summary.stages
        ),
    )


@dataclass(frozen=True)
class PackBits:
    """The names of a pack's bitmaps: its users, and those only by a missing value ('' for none)."""

    name: str
    label: str
    users: str
    only_missing: str


@dataclass(frozen=True)
class StageBits:
    """A set of stages, and the bitmap of those of the base in none of them ('' for none)."""

    name: str
    packs: tuple[str, ...]
    rest: str


def summarize(
    file: FilePlan,
    base: tuple[str, str],
    packs: Sequence[PackBits],
    stages: Sequence[StageBits],
    membership: Members,
) -> Summary:
    """The summary of a file whose base and packs are these bitmaps of the membership.

    ``base`` names two: the base, and the base with those who are suppressed.
    """
    whole = membership.size(base[0])
    sizes = {pack.name: membership.size(pack.users) for pack in packs}
    counts = membership.common([pack.users for pack in packs])
    return Summary(
        file.campaign,
        file.phase,
        file.label,
        file.as_of,
        membership.count,
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
            for both in [counts[one.users, other.users]]
        ),
        tuple(
            Stages(
                each.name,
                each.packs,
                sum(sizes[name] for name in each.packs),
                membership.size(each.rest) if each.rest else 0,
            )
            for each in stages
        ),
        membership.size(base[1]) - whole,
        file.snapshot,
    )


def share(part: int, whole: int) -> float | None:
    """A share of a whole; None where the whole is nothing."""
    return part / whole if whole else None


def overlap_table(summary: Summary) -> Mapping[tuple[str, str], Overlap]:
    """The overlaps by pair of packs."""
    return {(each.pack, each.other): each for each in summary.overlaps}
