"""Conversion: of the users who did one thing, who did another, by the values of tags.

The definitions are those of the case study, a campaign for high-end phones of 2023. Conversion TGI
= share of a value among those of A who did B ÷ its share among those of A who did not × 100: above
100 the value goes with converting. Penetration = users of A in a market ÷ users of the market.
Market share of a day = users of A on that day ÷ users of the market on that day; there, those who
looked at an item's price band among those who looked at the category's. Swing users looked at
every one of several things and bought none of them.

The interval of the TGI is that of a ratio of two independent shares (Katz), as nobody did B and
did not. Whether a value's share differs by more than chance is tested between the two groups: see
:mod:`audience.insight.proportions`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from typing import Any

from audience.insight.proportions import (
    accepted,
    difference,
    interval_of,
    is_few,
    ratio_interval,
)


@dataclass(frozen=True)
class Rate:
    """Users of so many, their share (0 to 1), and its 95 % interval; None of nobody."""

    users: int
    of: int
    rate: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Split:
    """A value of a tag: A's users who have it, and those of them who did B."""

    tag: str
    label: str
    value: str
    users: int
    converted: int


@dataclass(frozen=True)
class ConversionLine:
    """One value: of A's users with it those who did B, and the conversion TGI.

    ``low`` and ``high`` bound the TGI with 95 % confidence, ``p`` is the chance of such a
    difference where there is none; None where it can't be computed. ``significant`` after
    correction for all lines, ``few`` where the counts are too small to tell.
    """

    tag: str
    label: str
    value: str
    rate: Rate
    tgi: float | None
    low: float | None
    high: float | None
    p: float | None
    significant: bool
    few: bool

    @property
    def converts(self) -> bool:
        """Whether the value goes with converting, and not by chance.

        Without a TGI everybody who has it did B.
        """
        return self.significant and not self.few and (self.tgi is None or self.tgi > 100)


@dataclass(frozen=True)
class Conversion:
    """From A to B in one period: how many of A's users did B; the most telling lines are first.

    ``period`` is its name, '' without; ``first`` its first day, and ``as_of`` its last.
    """

    source: str
    target: str
    period: str
    first: date | None
    as_of: date
    rate: Rate
    lines: tuple[ConversionLine, ...]


@dataclass(frozen=True)
class Part:
    """One of several conditions of A: its users, and of them those who did B (None without B)."""

    name: str
    label: str
    users: int
    rate: Rate | None


@dataclass(frozen=True)
class Source:
    """Of B's users those who are in this pack, and their share (0 to 1, None of nobody)."""

    name: str
    label: str
    users: int
    share: float | None


@dataclass(frozen=True)
class Day:
    """A day's users of A and of the market, and the market share, None where it has no users."""

    day: date
    users: int
    market: int
    share: float | None


@dataclass(frozen=True)
class Period:
    """What was found in one period, or, without periods, at one day.

    ``users`` are A's. ``conversion``, ``target_users`` (B's) and ``no_source`` (B's users of none
    of the sources) are None where they were not asked for, and so are ``penetration`` and
    ``swing``: the users of every part of A, where there are several, who did not do B.
    """

    name: str
    first: date | None
    as_of: date
    users: int
    parts: tuple[Part, ...] = ()
    conversion: Conversion | None = None
    swing: int | None = None
    target_users: int | None = None
    sources: tuple[Source, ...] = ()
    no_source: int | None = None
    penetration: Rate | None = None
    days: tuple[Day, ...] = ()


@dataclass(frozen=True)
class Contrast:
    """A value that converts in these periods, and not in those."""

    tag: str
    label: str
    value: str
    converts_in: tuple[str, ...]
    not_in: tuple[str, ...]


@dataclass(frozen=True)
class Conversions:
    """From A to B in all periods; ``target`` and ``market`` are '' where there is none."""

    source: str
    target: str
    market: str
    periods: tuple[Period, ...]
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """What there is to be said of the data that was read."""

    @property
    def conversions(self) -> tuple[Conversion, ...]:
        """Those of the periods."""
        return tuple(each.conversion for each in self.periods if each.conversion)

    @property
    def contrasts(self) -> tuple[Contrast, ...]:
        """The values that convert in one period and not in another."""
        found = self.conversions
        converting = [{_value(line) for line in each.lines if line.converts} for each in found]
        out = []
        for tag, label, value in side_by_side(found):
            inside = [(tag, label, value) in each for each in converting]
            if any(inside) and not all(inside):
                periods = [each.period for each in found]
                yes = tuple(name for name, is_in in zip(periods, inside, strict=True) if is_in)
                no = tuple(name for name, is_in in zip(periods, inside, strict=True) if not is_in)
                out.append(Contrast(tag, label, value, yes, no))
        return tuple(out)

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        out = asdict(self)
        del out["warnings"]
        for period in out["periods"]:
            for each in (period, period["conversion"] or {}):
                for name in each.keys() & {"first", "as_of"}:
                    each[name] = each[name] and each[name].isoformat()
            for day in period["days"]:
                day["day"] = day["day"].isoformat()
        return {**out, "contrasts": [asdict(each) for each in self.contrasts]}


def _value(line: ConversionLine) -> tuple[str, str, str]:
    return line.tag, line.label, line.value


def side_by_side(
    found: Sequence[Conversion],
) -> Mapping[tuple[str, str, str], tuple[tuple[int, ConversionLine], ...]]:
    """By tag, label and value its lines in all periods, each with its place among them.

    Values that tell most in any period are first.
    """
    lines: dict[tuple[str, str, str], list[tuple[int, ConversionLine]]] = {}
    for each in found:
        for place, line in enumerate(each.lines):
            lines.setdefault(_value(line), []).append((place, line))
    order = sorted(lines, key=lambda key: (min(place for place, _ in lines[key]), lines[key][0][0]))
    return {key: tuple(lines[key]) for key in order}


def rate_of(users: int, of: int) -> Rate:
    """A share and its interval (Wilson)."""
    return Rate(users, of, users / of if of else None, *interval_of(users, of))


def market_day(day: date, users: int, market: int) -> Day:
    """A day's market share."""
    return Day(day, users, market, users / market if market else None)


def sources_of(counts: Sequence[tuple[str, str, int]], whole: int) -> tuple[Source, ...]:
    """Sources, largest first, of so many users; ``counts`` are names, labels and users."""
    found = [
        Source(name, label, users, users / whole if whole else None)
        for name, label, users in counts
    ]
    return tuple(sorted(found, key=lambda each: -each.users))


def lines_of(splits: Sequence[Split], users: int, converted: int) -> tuple[ConversionLine, ...]:
    """The lines of values, the most telling first, of so many users of whom so many did B."""
    stayed = users - converted
    pairs = [(each.converted, each.users - each.converted) for each in splits]
    tests = [difference(did, converted, did_not, stayed) for did, did_not in pairs]
    trusted = accepted([p for _, p in tests])
    lines: list[tuple[float, int, ConversionLine]] = []
    for each, (did, did_not), (z, p), told in zip(splits, pairs, tests, trusted, strict=True):
        bounds = ratio_interval(did, converted, did_not, stayed)
        line = ConversionLine(
            each.tag,
            each.label,
            each.value,
            rate_of(each.converted, each.users),
            100 * (did / converted) / (did_not / stayed) if converted and did_not else None,
            100 * bounds[0] if bounds else None,
            100 * bounds[1] if bounds else None,
            p,
            told,
            is_few(each.users, converted, stayed),
        )
        lines.append((-abs(z), len(lines), line))
    return tuple(line for *_, line in sorted(lines, key=lambda each: each[:2]))
