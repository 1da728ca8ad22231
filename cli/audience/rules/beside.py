"""What stands beside a pack's `where`: limit, split, expect."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import TypeVar

from audience.kinds import ORDERED, Table, Tag
from audience.rules.grammar import EXPECT, LIMIT, SEED, name_fault
from audience.rules.reader import Problems
from audience.rules.scalars import (
    MAX_INTEGER,
    Misfit,
    Range,
    is_range,
    read_count_range,
    read_number,
    split_range,
)
from audience.rules.source import Node, Scalar
from audience.rules.tree import Expect

SHARES = 1_000_000
"""What 100 % is, in the whole numbers that shares are kept in."""

MAX_SIDES = 100
_ORDERS = ("desc", "asc")
_PERCENT = re.compile(r"([+-]?\d{1,9}(?:\.\d{1,4})?)%", re.ASCII)
Fields = Mapping[str, tuple[Scalar, Node]]
T = TypeVar("T")


@dataclass(frozen=True)
class Limit:
    """The first ``keep`` by a tag; None: by the hash alone."""

    keep: int
    by: Tag | None
    descending: bool


@dataclass(frozen=True)
class Split:
    """Sides in the order of their names, each with its stretch of :data:`SHARES`."""

    sides: tuple[tuple[str, int, int], ...]
    seed: str | None

    @cached_property
    def stretches(self) -> dict[str, tuple[int, int]]:
        """The stretch of each side."""
        return {side: (low, high) for side, low, high in self.sides}


def read_limit(node: Node, users: Table, problems: Problems) -> Limit | None:
    """The limit; None after a problem."""
    fields = problems.fields(node, LIMIT, "`limit`")
    if fields is None:
        return None
    before = problems.count
    keep = _read(fields, "keep", _read_keep, problems)
    order = _read(fields, "order", _read_order, problems) or _ORDERS[0]
    tag = None
    by = problems.scalar(fields["by"][1], "`by`") if "by" in fields else None
    if by is not None:
        tag = users.find(by.text)
        if tag is None:
            message = f"unknown tag `{by.text}`"
            problems.error(by.at, message, "a tag of the dictionary", meant=(by.text, users.names))
        elif tag.type.kind not in ORDERED:
            message = f"users can't be ordered by `{by.text}`, a {tag.type} tag"
            problems.error(by.at, message, "a tag of numbers or dates")
    if "order" in fields and "by" not in fields:
        problems.error(fields["order"][0].at, "`order` without `by`", "`by: tag` too")
    if problems.count > before or keep is None:
        return None
    return Limit(keep, tag, order == _ORDERS[0])


def _read_keep(text: str) -> int:
    number = read_number(text)
    if number != number.to_integral_value() or not 1 <= number <= MAX_INTEGER:
        raise Misfit(f"`{text}` is no number of users", "a whole number from 1, such as 10万")
    return int(number)


def _read_order(text: str) -> str:
    if text not in _ORDERS:
        raise Misfit(f"`{text}` is no order", " or ".join(_ORDERS))
    return text


def read_split(node: Node, problems: Problems) -> Split | None:
    """The split; None after a problem."""
    mapping = problems.mapping(node, "`split`")
    if mapping is None:
        return None
    before = problems.count
    sides = [key for key, _ in mapping.entries if key.text != SEED]
    if len(sides) > MAX_SIDES:
        problems.error(sides[MAX_SIDES].at, f"more than {MAX_SIDES} sides in a split", "fewer")
        return None
    seed = None
    shares: dict[str, int] = {}
    folded: dict[str, Scalar] = {}
    for key, value in mapping.entries:
        scalar = problems.scalar(value, f"`{key.text}`")
        if key.text == SEED:
            seed = scalar.text if scalar is not None else None
            continue
        if fault := name_fault(key.text):
            problems.error(
                key.at, f"unsafe name `{key.text}`: {fault}", "letters, digits, '_' and '-'"
            )
        other = folded.setdefault(key.text.casefold(), key)
        if other is not key:
            problems.error(
                key.at, f"the name `{key.text}` is taken", "sides that differ in more than case"
            )
        if scalar is not None:
            try:
                shares[key.text] = _read_share(scalar.text)
            except Misfit as misfit:
                problems.misfit(scalar.at, misfit)
    if problems.count > before:
        return None
    total = sum(shares.values())
    if len(shares) < 2 or total != SHARES:
        told = f"{Decimal(total * 100) / SHARES:f}%" if shares else "nothing"
        message = (
            f"the sides of a split add up to {told}" if total != SHARES else "a split with one side"
        )
        problems.error(node.at, message, "two sides or more, together 100%")
        return None
    stretches = []
    low = 0
    for name in sorted(shares):  # the order they are written in can't matter
        stretches.append((name, low, low + shares[name]))
        low += shares[name]
    return Split(tuple(stretches), seed)


def _read_share(text: str) -> int:
    share = _read_percent(text) * SHARES
    if not 0 < share < SHARES:
        raise Misfit(f"`{text}` is no share of a split", "more than 0% and less than 100%")
    return int(share)


def _read_percent(text: str) -> Decimal:
    match = _PERCENT.fullmatch(text)
    if not match:
        raise Misfit(f"`{text}` is no share", "a share such as 10% or 33.3333%")
    return Decimal(match[1]) / 100


def read_expect(node: Node, problems: Problems) -> Expect | None:
    """What is expected of a pack; None after a problem."""
    fields = problems.fields(node, EXPECT, "`expect`")
    if fields is None:
        return None
    before = problems.count
    if not getattr(node, "entries", ()):
        problems.error(node.at, "`expect` is empty", "`size:`, `change:` or both")
    size = _read(fields, "size", read_count_range, problems)
    change = _read(fields, "change", _read_change, problems)
    return None if problems.count > before else Expect(size, change, node.at)


def _read_change(text: str) -> Range[Decimal]:
    """``..30%`` is at most so much either way; with a lower side, both sides are signed."""
    if not is_range(text):
        raise Misfit(f"`{text}` is no range of change", "a range such as ..30% or -10%..50%")
    low, high = split_range(text, "..30% or -10%..50%")
    sides = [None if not side else _read_percent(side) for side in (low, high)]
    if sides[0] is None and sides[1] is not None:
        if sides[1] < 0:
            raise Misfit(f"`{text}` bounds nothing", "a range such as ..30% or -50%..-10%")
        sides[0] = -sides[1]
    if sides[0] is not None and sides[1] is not None and sides[0] > sides[1]:
        raise Misfit(f"the range `{text}` runs backwards", "the smaller side first")
    return Range(sides[0], sides[1])


def _read(fields: Fields, name: str, read: Callable[[str], T], problems: Problems) -> T | None:
    if name not in fields:
        return None
    scalar = problems.scalar(fields[name][1], f"`{name}`")
    if scalar is None:
        return None
    try:
        return read(scalar.text)
    except Misfit as misfit:
        problems.misfit(scalar.at, misfit)
        return None
