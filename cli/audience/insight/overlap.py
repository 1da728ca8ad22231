"""Packs upon each other: what any two have in common, and who is in exactly which of them.

Jaccard: |a and b| ÷ |a or b| (Jaccard, 1912). Lift: |a and b| · N ÷ (|a| · |b|), how many times as
many are in both as if the two had nothing to do with each other, N users in the base (Brin,
Motwani, Ullman, Tsur: Dynamic Itemset Counting, SIGMOD 1997, call it interest). Exclusive regions
are what UpSet plots show (Lex et al., IEEE TVCG 2014): of each set of packs those who are in all of
them and in no other.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

from audience.membership import Members

NEARLY = 0.95
"""Of two packs that share so much of both, one says little that the other does not."""


@dataclass(frozen=True)
class Sized:
    """A pack and its size in users."""

    name: str
    label: str
    size: int


@dataclass(frozen=True)
class Pair:
    """Two packs: users in both, shares of each (0 to 1), Jaccard (0 to 1), and lift (from 0).

    None where it divides by nothing; lift is None too where no base is known.
    """

    one: str
    other: str
    both: int
    of_one: float | None
    of_other: float | None
    jaccard: float | None
    lift: float | None


@dataclass(frozen=True)
class Region:
    """The users who are in all of some packs and in no other."""

    packs: tuple[str, ...]
    users: int


@dataclass(frozen=True)
class Redundant:
    """A pack that another one makes needless: ``equal``, ``within`` it, or ``nearly`` equal."""

    pack: str
    other: str
    how: str


@dataclass(frozen=True)
class Overlaps:
    """Packs upon each other.

    ``pairs`` are unordered and in the packs' order, ``regions`` largest first. ``base`` and
    ``outside``, the users of the base who are in no pack, are None where the packs are of several
    bases.
    """

    packs: tuple[Sized, ...]
    base: int | None
    pairs: tuple[Pair, ...]
    regions: tuple[Region, ...]
    outside: int | None
    redundant: tuple[Redundant, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def overlaps(members: Members, packs: Sequence[tuple[str, str]], base: int | None) -> Overlaps:
    """Packs, each a name of the membership and a label, out of a base of so many users."""
    names = [name for name, _ in packs]
    sizes = {name: members.size(name) for name in names}
    common = members.common(names)
    regions = _regions(members, names)
    anywhere = sum(region.users for region in regions)
    return Overlaps(
        tuple(Sized(name, label, sizes[name]) for name, label in packs),
        base,
        tuple(
            _pair(one, other, sizes, common[one, other], base)
            for one, other in combinations(names, 2)
        ),
        regions,
        None if base is None else base - anywhere,
        tuple(_redundant(names, sizes, common)),
    )


def _pair(one: str, other: str, sizes: Mapping[str, int], both: int, base: int | None) -> Pair:
    left, right = sizes[one], sizes[other]
    either = left + right - both
    return Pair(
        one,
        other,
        both,
        both / left if left else None,
        both / right if right else None,
        both / either if either else None,
        both * base / (left * right) if base is not None and left and right else None,
    )


def _regions(members: Members, names: Sequence[str]) -> tuple[Region, ...]:
    """Largest first; of the same size in the order of their packs."""
    places = {name: place for place, name in enumerate(names)}
    out = [Region(packs, users) for packs, users in members.regions(names).items()]
    return tuple(sorted(out, key=lambda each: (-each.users, [places[name] for name in each.packs])))


def _redundant(
    names: Sequence[str], sizes: Mapping[str, int], common: Mapping[tuple[str, str], int]
) -> Iterator[Redundant]:
    for one, other in combinations(names, 2):
        both, left, right = common[one, other], sizes[one], sizes[other]
        if not both:
            continue
        if both == left == right:
            yield Redundant(other, one, "equal")
        elif both == left:
            yield Redundant(one, other, "within")
        elif both == right:
            yield Redundant(other, one, "within")
        elif both > NEARLY * max(left, right):
            yield Redundant(other, one, "nearly")
