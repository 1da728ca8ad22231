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

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from audience.bits import Bits, unpack
from audience.membership import Membership
from audience.threads import in_threads

_Rows = npt.NDArray[np.uint8]

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


def overlaps(members: Membership, packs: Sequence[tuple[str, str]], base: int | None) -> Overlaps:
    """Packs, each a name of the membership and a label, out of a base of so many users."""
    names = [name for name, _ in packs]
    sizes = {name: members.size(name) for name in names}
    common = members.common(names)
    regions = _regions([members.bits[name] for name in names], members.count, names)
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


def _regions(bits: Sequence[Bits], count: int, names: Sequence[str]) -> tuple[Region, ...]:
    """Largest first; of the same size in the order of their packs."""
    if not count:
        return ()
    # A row a user, a bit a pack: equal rows are one region.
    blocks = range(0, len(bits[0]), _BLOCK)
    pieces = in_threads(lambda start: _rows_of(bits, start, count), blocks)
    rows, times = (np.concatenate(each) for each in zip(*pieces, strict=True))
    found, at = _unique(rows)
    users = np.bincount(at, weights=times).astype(np.int64)
    out = []
    for row, number in zip(found, users, strict=True):
        flags = np.unpackbits(row, count=len(names))
        packs = tuple(name for name, flag in zip(names, flags, strict=True) if flag)
        if packs:
            out.append(Region(packs, int(number)))
    places = {name: place for place, name in enumerate(names)}
    return tuple(sorted(out, key=lambda each: (-each.users, [places[name] for name in each.packs])))


def _rows_of(bits: Sequence[Bits], start: int, count: int) -> tuple[_Rows, npt.NDArray[np.int64]]:
    """The different rows of a piece of some bitmaps, and how often each is there."""
    users = min(count - 8 * start, 8 * _BLOCK)
    # One number a row is found many times as fast as a row of bytes.
    width = max(8, (len(bits) + 7) // 8)
    rows = np.zeros((width, users), dtype=np.uint8)
    for place, each in enumerate(bits):
        piece = unpack(each[start : start + _BLOCK], users).view(np.uint8)
        rows[place // 8] |= piece << (7 - place % 8)
    return _distinct(np.ascontiguousarray(rows.T))


_BLOCK = 1 << 15
"""So many bytes of a bitmap at a time: what is made of them stays in a processor's cache."""


def _distinct(rows: _Rows) -> tuple[_Rows, npt.NDArray[np.int64]]:
    """Rows of bytes, each once, and how often it was there."""
    if rows.shape[1] > 8:
        return np.unique(rows, axis=0, return_counts=True)
    counted = pc.value_counts(pa.array(rows.view(np.uint64).ravel()))
    numbers, counts = map(np.asarray, counted.flatten())
    return numbers.view(np.uint8).reshape(-1, 8), counts


def _unique(rows: _Rows) -> tuple[_Rows, npt.NDArray[np.intp]]:
    """Rows of bytes, each once, and for each that was given which of them it is."""
    if rows.shape[1] > 8:
        found, at = np.unique(rows, axis=0, return_inverse=True)
        return found, at.ravel()
    numbers, at = np.unique(rows.view(np.uint64).ravel(), return_inverse=True)
    return numbers.view(np.uint8).reshape(-1, 8), at


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
