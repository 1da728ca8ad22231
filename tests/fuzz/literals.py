"""Draws choices and literals; the literals are mostly values of the tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from fuzz.evaluator import missing
from fuzz.scalars import Quoted, number
from fuzz.tables import OFTEN, VALUES, Tables
from fuzz.world import Table

SIZES = ((10_000, "万"), (1000, "K"))


@dataclass
class Drawer:
    """Draws from what Hypothesis chooses; the first of all options is what failures shrink to."""

    draw: st.DrawFn
    data: Tables

    def pick(self, options: Sequence[Any]) -> Any:
        return options[self.draw(st.integers(0, len(options) - 1))]

    def chance(self, out_of: int) -> bool:
        """True once in so many times."""
        return bool(self.draw(st.integers(0, out_of - 1)) == out_of - 1)

    def some(self, one: Callable[[], Any], most: int = 3) -> list[Any]:
        out = [one()]
        while len(out) < most and self.chance(2):
            out.append(one())
        return out

    def one_or_some(self, one: Callable[[], Any]) -> Any:
        return self.some(one) if self.chance(3) else one()

    def day(self) -> date:
        return self.data.as_of - timedelta(days=self.pick(OFTEN))

    def literal(self, table: Table, column: str) -> str:
        """A value as it may be written behind a column."""
        kind = table.columns[column].removeprefix("list of ")
        if kind in ("date", "timestamp") and self.chance(6):
            return str(self.day())
        values = flat(row[column] for row in table.rows)
        if not values or self.chance(6):
            values += flat(VALUES["bool"] if kind == "bool" else VALUES.get(column, ()))
        if kind in ("date", "timestamp"):
            days = [self.local(value) for value in values]
            return str(self.pick(days) if days else self.day())
        if not values:
            return "1"
        value = self.pick(values)
        if kind == "bool":
            return "true" if value else "false"
        if kind == "text":
            return self.text(value)
        return self.digits(value, kind)

    def local(self, moment: Any) -> date:
        """The day of a date or a timestamp."""
        zone = getattr(moment, "tzinfo", None)
        if zone is not None:
            moment = moment.astimezone(self.data.zone)
        return date(moment.year, moment.month, moment.day)

    def text(self, value: str) -> str:
        bare = re.fullmatch(r"[\w.]([\w. ]*[\w.])?", value) and value not in ("known", "unknown")
        return value if bare and not self.chance(4) else Quoted(value)

    def digits(self, value: float | Decimal, kind: str) -> str:
        # A 32-bit float's digits are fewer than Python shows.
        text = format(Decimal(str(round(value, 2 if kind == "float32" else 7))), "f")
        exact = Fraction(text)
        if exact == 0:
            return "0"
        for size, unit in SIZES:
            if exact % size == 0:
                return f"{exact / size}{unit}"
        return text

    def limits(self, table: Table, column: str) -> str:
        """A range of numbers or dates."""
        low, high = sorted((self.literal(table, column), self.literal(table, column)), key=worth)
        options = [f"{low}..", f"..{high}", f"{low}..{high}"]
        if table.columns[column] not in ("date", "timestamp"):
            options.append(f"{low}+")
        return str(self.pick(options))


def flat(values: Any) -> list[Any]:
    """The values that can be written as literals, those in lists too."""
    out = []
    for value in values:
        for each in value if isinstance(value, list) else [value]:
            if missing(each) or each in (float("inf"), float("-inf")):
                continue
            # Control characters aren't allowed in a rule file.
            if not isinstance(each, str) or each.isprintable():
                out.append(each)
    return out


def worth(text: str) -> Any:
    """What written numbers, or written dates, are ordered by."""
    return date.fromisoformat(text) if re.fullmatch(r"\d{4}-\d\d-\d\d", text) else number(text)
