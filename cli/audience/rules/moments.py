"""Texts about time in behaviour: hours of the day, days of the week, gaps between two events."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from audience.errors import listed
from audience.rules.scalars import Misfit, is_range, split_range

WEEKDAYS = {
    name: number
    for number, names in enumerate(
        ("mon 周一", "tue 周二", "wed 周三", "thu 周四", "fri 周五", "sat 周六", "sun 周日"), 1
    )
    for name in names.split()
}
"""By name, the number of the day: Monday is 1, Sunday 7 (ISO 8601)."""

_HOUR = re.compile(r"\d{1,2}", re.ASCII)
_GAP = re.compile(r"(\d{1,5})([dwh])", re.ASCII)
_LAST_HOUR = 24


class Unit(StrEnum):
    """What a gap is counted in."""

    DAYS = "d"
    HOURS = "h"


@dataclass(frozen=True)
class Gap:
    """How long one event is behind another, both ends in; ``high`` None is open."""

    low: int
    high: int | None
    unit: Unit

    def __str__(self) -> str:
        low, high = (
            None if side is None else f"{side}{self.unit}" for side in (self.low, self.high)
        )
        if self.low == self.high:
            return f"{low}"
        return f"..{high}" if not self.low and high else f"{low}..{high or ''}"


ANY_GAP = Gap(0, None, Unit.DAYS)


@dataclass(frozen=True)
class Hours:
    """Local hours of the day, ``end`` not in; over midnight where it is not behind ``begin``."""

    begin: int
    end: int

    def __str__(self) -> str:
        return str(self.begin) if self.end == self.begin + 1 else f"{self.begin}..{self.end}"


def read_hours(text: str) -> Hours:
    """``22..5``, ``9..18``, ``18..``, ``..6``, or one hour."""
    if not is_range(text):
        hour = _read_hour(text, _LAST_HOUR - 1)
        return Hours(hour, hour + 1)
    low, high = split_range(text, "22..5 or 9..18")
    begin = _read_hour(low, _LAST_HOUR - 1) if low else 0
    end = _read_hour(high, _LAST_HOUR) if high else _LAST_HOUR
    if begin == end:
        raise Misfit(
            f"`{text}` is no hour or all of them", "two hours that differ; the end is not in"
        )
    return Hours(begin, end or _LAST_HOUR)


def _read_hour(text: str, last: int) -> int:
    if not _HOUR.fullmatch(text) or int(text) > last:
        raise Misfit(
            f"`{text}` is no hour of the day",
            f"a whole number from 0 to {last}, or a range such as 22..5",
        )
    return int(text)


def read_weekday(text: str) -> int:
    """``sat`` or ``周六``, as the number of the day."""
    if text not in WEEKDAYS:
        message = f"`{text}` is no day of the week"
        raise Misfit(message, f"one of {listed(WEEKDAYS)}", meant=(text, WEEKDAYS))
    return WEEKDAYS[text]


def read_gap(text: str) -> Gap:
    """``0d..14d``, ``..48h``, ``2w..``, or one gap: exactly so long."""
    if not is_range(text):
        number, unit = _read_side(text)
        return Gap(number, number, unit)
    low, high = split_range(text, "0d..14d or ..48h")
    sides = [_read_side(side) for side in (low, high) if side]
    if len({unit for _, unit in sides}) > 1:
        raise Misfit(f"`{text}` mixes days and hours", "both sides in days, or both in hours")
    unit = sides[0][1]
    begin = sides[0][0] if low else 0
    end = sides[-1][0] if high else None
    if end is not None and begin > end:
        raise Misfit(f"the range `{text}` runs backwards", "the shorter time first")
    return Gap(begin, end, unit)


def _read_side(text: str) -> tuple[int, Unit]:
    match = _GAP.fullmatch(text)
    if not match:
        raise Misfit(
            f"`{text}` is no time between two events",
            "days such as 14d, weeks such as 2w or hours such as 48h",
        )
    count = int(match[1]) * (7 if match[2] == "w" else 1)
    return count, Unit.HOURS if match[2] == "h" else Unit.DAYS
