"""What written scalars mean: numbers, ranges, durations, hours, weekdays, patterns.

Slow and plain on purpose; shares nothing with the program.
"""

from __future__ import annotations

import calendar
import re
import struct
from collections.abc import Callable
from datetime import date, timedelta
from fractions import Fraction
from typing import Any


class Quoted(str):
    """A text that stands in quotes in the rule file; every other ``str`` stands there bare."""

    __slots__ = ()


UNITS = {"": 1, "K": 1000, "k": 1000, "千": 1000}
UNITS |= {"W": 10_000, "w": 10_000, "万": 10_000, "M": 1_000_000}

WEEKDAYS = {
    name: day
    for names in ("mon tue wed thu fri sat sun", "周一 周二 周三 周四 周五 周六 周日")
    for day, name in enumerate(names.split())
}


def number(text: str) -> Fraction:
    found = re.fullmatch(r"([+-]?[0-9]+(?:\.[0-9]+)?)([KkWwM千万]?)", text)
    assert found, f"not a number: {text}"
    return Fraction(found[1]) * UNITS[found[2]]


def single(value: Fraction | float) -> float:
    """The nearest 32-bit float."""
    return float(struct.unpack("f", struct.pack("f", float(value)))[0])


def literal(text: str, kind: str) -> Any:
    """One written value as a value of a column of this kind."""
    if kind == "bool":
        return {"true": True, "false": False}[text]
    if kind == "int":
        return number(text)
    if kind == "float":
        return float(number(text))
    if kind == "float32":
        return single(number(text))
    if kind in ("date", "timestamp"):
        return date.fromisoformat(text)
    assert kind == "text", kind
    return str(text)


def is_range(text: str) -> bool:
    return ".." in text or text.endswith("+")


def in_range(value: Any, text: str, read: Callable[[str], Any]) -> bool:
    """Whether a value lies in ``a..b``, ``a..``, ``..b``, ``a+``, or is ``a``."""
    if text.endswith("+"):
        return bool(value >= read(text[:-1]))
    if ".." not in text:
        return bool(value == read(text))
    low, high = text.split("..")
    return (not low or value >= read(low)) and (not high or value <= read(high))


def months_before(day: date, months: int) -> date:
    """The same day so many months before; where that month is too short, its last day."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return date(year, month + 1, min(day.day, last))


def before(as_of: date, duration: str) -> date:
    """The day that lies a duration before as_of."""
    count, unit = int(duration[:-1]), duration[-1]
    if unit in "my":
        return months_before(as_of, count * (12 if unit == "y" else 1))
    return as_of - timedelta(days=count * (7 if unit == "w" else 1))


def is_within(day: date, duration: str, as_of: date) -> bool:
    """So many calendar days up to as_of, which is the last of them."""
    return before(as_of, duration) < day <= as_of


def is_ago(day: date, written: str, as_of: date) -> bool:
    """So many calendar days before as_of, both ends in; never after as_of."""
    if day > as_of:
        return False
    if ".." not in written:
        return day == before(as_of, written)
    short, long = written.split("..")
    if short and day > before(as_of, short):
        return False
    return not long or day >= before(as_of, long)


def is_between(day: date, written: str) -> bool:
    return in_range(day, written, date.fromisoformat)


def in_hours(hour: int, written: str) -> bool:
    """``22..5``: the end is not in, and it may lie behind midnight."""
    if ".." not in written:
        return hour == int(written)
    left, right = written.split("..")
    begin, end = int(left or 0), int(right or 24) or 24
    assert begin != end, f"no hour or all: {written}"
    return begin <= hour < end if begin < end else hour >= begin or hour < end


HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def is_after(days: int, elapsed: timedelta, written: str) -> bool:
    """``after:``: calendar days between two days, or hours between two moments."""
    hours = "h" in written

    def read(text: str) -> Any:
        count = int(text[:-1])
        return count * HOUR if hours else count * (7 if text[-1] == "w" else 1)

    return in_range(elapsed if hours else days, written, read)


# The rule language's classes are ASCII, `$` is the very end, and scripts have names.
PATTERN = (
    (r"\d", "[0-9]"),
    (r"\w", "[0-9A-Za-z_]"),
    (r"\s", "[ \t\n\r\f\v]"),
    (r"\p{Han}", "[\u4e00-\u9fff]"),
    ("$", r"\Z"),
)


def found_in(pattern: str, text: str) -> bool:
    """Whether a pattern (of the few shapes that the fuzz test draws) is found in a text."""
    for written, plain in PATTERN:
        pattern = pattern.replace(written, plain)
    return re.search(pattern, text) is not None
