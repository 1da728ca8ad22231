"""Texts of a rule file → values: numbers with 万 and K, ranges, dates, durations.

Every reader takes the text as it was written and either returns a value or raises
:class:`Misfit`, which the caller turns into a problem with a place. Numbers are kept exact
(:class:`~decimal.Decimal`) until a column's type is known.
"""

from __future__ import annotations

import re
import struct
import unicodedata
from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Generic, TypeVar

from audience.kinds import DAYS, NUMBERS, Kind, Type, Value
from audience.rules.source import Scalar

UNITS = {
    "": 1,
    "K": 10**3,
    "k": 10**3,
    "千": 10**3,
    "W": 10**4,
    "w": 10**4,
    "万": 10**4,
    "M": 10**6,
}
_NUMBER = re.compile(r"([+-]?(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][+-]?\d{1,2})?)([KkWwM千万]?)", re.ASCII)
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_SIZE = re.compile(r"(\d{1,6})([MG])B", re.ASCII)
_DURATION = re.compile(r"(\d{1,5})([dwmy])", re.ASCII)
MAX_INTEGER = 2**63 - 1
_MAX_DIGITS = 40
_LARGEST = Decimal(10) ** 30
_LARGEST_MEASURE = Decimal(10) ** 18
_MOST_PLACES = 9
_LARGEST_COUNT = Decimal(10) ** 12
T = TypeVar("T")
Side = TypeVar("Side", Decimal, date)


class Misfit(Exception):
    """A text that is not what it must be; its parts go into the problem.

    ``meant`` is a name and the names it may have been meant for: looked for where it is told.
    """

    def __init__(
        self,
        message: str,
        expected: str,
        nearest: str = "",
        *,
        meant: tuple[str, Iterable[str]] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.expected = expected
        self.nearest = nearest
        self.meant = meant


@dataclass(frozen=True)
class Range(Generic[T]):
    """A closed range; None on an open side, never on both."""

    low: T | None
    high: T | None

    def __str__(self) -> str:
        low = "" if self.low is None else str(self.low)
        high = "" if self.high is None else str(self.high)
        return f"{low}..{high}"


@dataclass(frozen=True)
class Duration:
    """So many days, weeks, calendar months or years."""

    count: int
    unit: str

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"

    def before(self, day: date) -> date:
        """The day so long before ``day``; a month's end stays within the shorter month.

        Years before 1 are cut to the first day there is.
        """
        try:
            if self.unit in "dw":
                return day - timedelta(days=self.count * (7 if self.unit == "w" else 1))
            months = day.year * 12 + day.month - 1 - self.count * (12 if self.unit == "y" else 1)
            year, month = divmod(months, 12)
            return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
        except (OverflowError, ValueError):
            return date.min


def read_number(text: str) -> Decimal:
    """``5000``, ``-1.5``, ``5K``, ``1.5万``."""
    match = _NUMBER.fullmatch(text) if len(text) <= _MAX_DIGITS else None
    if not match:
        raise Misfit(f"`{text[:_MAX_DIGITS]}` is not a number", _number_hint(text))
    number = Decimal(match[1]) * UNITS[match[2]]
    if abs(number) > _LARGEST:
        raise Misfit(f"`{text}` is too large", "a number up to 1e30")
    return number


def _number_hint(text: str) -> str:
    plain = unicodedata.normalize("NFKC", text)
    if plain != text:
        return f"half-width characters: {plain[:_MAX_DIGITS]}"
    span = re.fullmatch(r"(\S+?)\s*[-~]\s*(\S+)", text)
    if span and _NUMBER.fullmatch(span[1]) and _NUMBER.fullmatch(span[2]):
        return f"a range such as {span[1]}..{span[2]}"
    return "a number such as 5000, 1.5万 or 5K, or a range such as 5000.. or 18..30"


def _unquoted_hint(text: str) -> str:
    compared = re.fullmatch(r"([<>])(=?)\s*(\S+)", text)
    if not compared:
        return "a number, without quotes"
    name = {"<": "lt", ">": "gt"}[compared[1]] + ("e" if compared[2] else "")
    return f"`{{{name}: {compared[3]}}}`"


def read_date(text: str) -> date:
    """``2023-02-01``."""
    if not _DATE.fullmatch(text):
        raise Misfit(f"`{text}` is not a date", "a date such as 2023-02-01")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Misfit(f"there is no day `{text}`", "a date of the calendar") from None


def read_duration(text: str) -> Duration:
    """``30d``, ``2w``, ``3m``, ``1y``."""
    match = _DURATION.fullmatch(text)
    if not match:
        raise Misfit(f"`{text}` is not a duration", "a duration such as 30d, 4w, 3m or 1y")
    return Duration(int(match[1]), match[2])


def read_size(text: str) -> int:
    """``500MB``, ``4GB``, or ``off``: a number of bytes."""
    match = _SIZE.fullmatch(text)
    if text == "off":
        return 0
    if not match:
        raise Misfit(f"`{text}` is not a size", "a size such as 500MB or 4GB, or off")
    return int(match[1]) * {"M": 10**6, "G": 10**9}[match[2]]


def is_range(text: str) -> bool:
    """Whether a text has the ``..`` of a range."""
    return ".." in text


def split_range(text: str, example: str) -> tuple[str, str]:
    """The two sides of ``a..b``; either may be empty, not both."""
    low, dots, high = text.partition("..")
    if not dots or (not low and not high) or ".." in high or high.startswith("."):
        raise Misfit(f"`{text}` is not a range", f"a range such as {example}")
    return low.strip(), high.strip()


def read_number_range(text: str) -> Range[Decimal]:
    """``21..30``, ``5000..``, ``..18``, ``5K+``, or one number, which is a range of itself."""
    if text.endswith("+") and not is_range(text):
        return Range(read_number(text[:-1]), None)
    if not is_range(text):
        number = read_number(text)
        return Range(number, number)
    low, high = split_range(text, "21..30, 5000.. or 5K+")
    return _ordered(text, read_number(low) if low else None, read_number(high) if high else None)


def read_measure_range(text: str) -> Range[Decimal]:
    """A range for a sum, a mean or another measure: small enough to be computed exactly."""
    numbers = read_number_range(text)
    for side in (numbers.low, numbers.high):
        if side is not None and abs(side) > _LARGEST_MEASURE:
            raise Misfit(f"`{text}` is too large", "a number up to 1e18")
        exponent = side.as_tuple().exponent if side is not None else 0
        if isinstance(exponent, int) and exponent < -_MOST_PLACES:
            raise Misfit(f"`{text}` is too precise", f"at most {_MOST_PLACES} decimal places")
    return numbers


def read_count_range(text: str) -> Range[int]:
    """A range of how many: whole numbers, none below 0."""
    numbers = read_number_range(text)
    for side in (numbers.low, numbers.high):
        if side is not None and (side < 0 or side != side.to_integral_value()):
            raise Misfit(f"`{text}` does not count", "whole numbers from 0, such as 2.. or ..3")
        if side is not None and side > _LARGEST_COUNT:
            raise Misfit(f"`{text}` is too large", "a count up to 1e12")
    low = None if numbers.low is None else int(numbers.low)
    high = None if numbers.high is None else int(numbers.high)
    return Range(low, high)


def read_date_range(text: str) -> Range[date]:
    """``2023-02-01..2023-03-15``, open where a side is left out; one date is a range of itself."""
    if not is_range(text):
        day = read_date(text)
        return Range(day, day)
    low, high = split_range(text, "2023-02-01..2023-03-15")
    return _ordered(text, read_date(low) if low else None, read_date(high) if high else None)


def read_duration_range(text: str) -> Range[Duration]:
    """``31d..90d``, ``90d..``, ``..30d``, or one duration: exactly so long ago."""
    if not is_range(text):
        duration = read_duration(text)
        return Range(duration, duration)
    low, high = split_range(text, "31d..90d or 90d..")
    sides = (read_duration(low) if low else None, read_duration(high) if high else None)
    some_day = date(2024, 6, 15)
    if sides[0] and sides[1] and sides[0].before(some_day) < sides[1].before(some_day):
        raise Misfit(f"the range `{text}` runs backwards", "the shorter time first")
    return Range(*sides)


def _ordered(text: str, low: Side | None, high: Side | None) -> Range[Side]:
    if low is not None and high is not None and low > high:
        raise Misfit(f"the range `{text}` runs backwards", "the smaller side first")
    return Range(low, high)


def read_value(scalar: Scalar, kind: Type) -> Value:
    """A scalar as a value of a column's type. Raises Misfit where it does not fit."""
    text = scalar.text
    if scalar.is_null:
        raise Misfit("a value is missing here", "`unknown` for missing values, or a text in quotes")
    if kind.kind is Kind.TEXT:
        return text
    if kind.kind is Kind.BOOL:
        if scalar.quoted or text not in {"true", "false"}:
            raise Misfit(f"`{_shown(scalar)}` does not fit {kind}", "true or false, without quotes")
        return text == "true"
    if kind.kind in NUMBERS:
        if scalar.quoted:
            raise Misfit(
                f"`{_shown(scalar)}` is text, the column is a {kind}", _unquoted_hint(text)
            )
        return fit_number(read_number(text), kind)
    if kind.kind in DAYS:
        return read_date(text)
    raise Misfit(f"a {kind} column has no single value", "a test for this type")


def fit_number(number: Decimal, kind: Type) -> int | float:
    """A number as a column's type stores it."""
    if kind.kind is Kind.INTEGER:
        if number != number.to_integral_value():
            raise Misfit(f"`{number}` is not a whole number, the column is", "a whole number")
        if abs(number) > MAX_INTEGER:
            raise Misfit(f"`{number}` is too large", "a number below 9.2e18")
        return int(number)
    value = float(number)
    if kind.single:
        try:
            value = struct.unpack("f", struct.pack("f", value))[0]
        except OverflowError:
            raise Misfit(f"`{number}` is too large", "a number below 3.4e38") from None
    return value


def fit_bound(number: Decimal, kind: Type, *, up: bool) -> int | float:
    """A bound as a column's type stores it; a fraction on a whole column moves inwards.

    ``up`` is for a lower bound: at least 1.5 of a whole number is at least 2.
    """
    if kind.kind is not Kind.INTEGER:
        return fit_number(number, kind)
    whole = number.to_integral_value("ROUND_CEILING" if up else "ROUND_FLOOR")
    return fit_number(whole, kind)


def _shown(scalar: Scalar) -> str:
    return f'"{scalar.text}"' if scalar.quoted else scalar.text
