"""Conditions in English: nearly as a rule has them, with values as they are stored."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from audience.kinds import Tag
from audience.rules.moments import WEEKDAYS
from audience.rules.scalars import Duration, Range
from audience.rules.speech import MOST_VALUES, Days, Speech, number
from audience.rules.tree import Did, Kept, MeasureTest, Rows, Side, Stage, Test

SIGNS = {"eq": "=", "ne": "!=", "gt": ">", "gte": ">=", "lt": "<", "lte": "<="}
_WEEKDAYS = {day: name for name, day in WEEKDAYS.items() if name.isascii()}


class English(Speech):
    """English."""

    every = "all of"
    some = "any of"
    negated = "not"
    side = "this side of the split"
    edited_side = "the split's side"
    no_earlier_stage = "in none of the stages before"
    no_other_stage = "in none of the other stages"
    missing = "(missing)"
    others = "(others)"
    comma = ", "
    pause = ", "
    brackets = (" (", ")")
    signs = SIGNS
    both = " and "

    def tag(self, tag: Tag) -> str:
        """Its label and its name: ``年龄 (age)``."""
        return f"{tag.label} ({tag.name})" if tag.label and tag.label != tag.name else tag.name

    def value(self, value: object, tag: Tag | None = None) -> str:
        """As it is stored."""
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, (int, float, Decimal)):
            return number(value, single=tag is not None and tag.type.single)
        return str(value)

    def labelled(self, label: str, value: str) -> str:
        """``手机 (phone)``."""
        return f"{label} ({value})"

    def tested(self, test: Test) -> str:
        """``>= 5000``, ``in [1, new1]``."""
        name, argument = test.predicate.name, test.argument
        values = argument if isinstance(argument, tuple) else (argument,)
        texts = [self.value(value, test.tag) for value in values]
        shown = _list(texts) if isinstance(argument, tuple) else texts[0]
        return f"{SIGNS.get(name, name.replace('_', ' '))} {shown}"

    def at_least(self, count: int) -> str:
        """``at least 2 of``."""
        return f"at least {count} of"

    def listed(self, path: str) -> str:
        """``ids in lists/vip.csv``."""
        return f"ids in {path}"

    def written_out(self, count: int) -> str:
        """``ids, 3 written out``."""
        return f"ids, {count:,} written out"

    def published(self, name: str) -> str:
        """``published campaign/phase/pack``."""
        return f"published {name}"

    def kept(self, kept: Kept) -> str:
        """``the first 300 by ltv (greatest first)``."""
        order = "greatest" if kept.descending else "least"
        by = f" by {kept.by.name} ({order} first)" if kept.by else ""
        return f"the first {kept.keep:,}{by}"

    def around(self, condition: Kept | Side | Stage) -> str:
        """``the first 300 of``, ``the stage:``."""
        match condition:
            case Kept():
                return f"{self.kept(condition)} of"
            case Side():
                return "this side of a split of"
            case Stage(own):
                return "the stage:" if own is not None else "none of the stages before:"

    def did(self, did: Did) -> str:
        """``did browse or cart where category = phone, within 30d: times 6..``."""
        each = f", each {did.each.name}" if did.each else ""
        limits = " and ".join(map(self.measure, did.measures))
        return f"did {self._rows(did.rows)}{each}: {limits}"

    def measure(self, test: MeasureTest) -> str:
        """``sum(amount) 5000..``."""
        column = f"({test.tag.name})" if test.tag else ""
        word = f"{_word(test.range)} " if test.measure.of_days else ""
        span = test.range
        if isinstance(span, Range) and span.low == span.high:
            bounds = self.value(span.low)
        else:
            bounds = self._span(span)
        return f"{test.measure.name}{column} {word}{bounds}"

    def moved(self, test: MeasureTest) -> str:
        """``sum 5000..``."""
        return f"{test.measure.name} {self._span(test.range)}"

    def window(self, window: Days) -> str:
        """``within 30d``, ``ago 60d..``."""
        return f"{_word(window)} {window}"

    def below(self, low: str, high: str) -> str:
        """``3,000 to below 4,000``."""
        return f"{low} to below {high}"

    def _span(self, span: Duration | Range[Any]) -> str:
        if isinstance(span, Duration):
            return str(span)
        low, high = ("" if side is None else self.value(side) for side in (span.low, span.high))
        return f"{low}..{high}"

    def _rows(self, rows: Rows) -> str:
        text = " or ".join(rows.actions) if rows.actions is not None else "anything"
        if rows.where is not None:
            text += f" where {self.where(rows.where)}"
        if rows.hours is not None:
            text += f", hours {rows.hours}"
        if rows.weekdays:
            text += f", weekdays {_list([_WEEKDAYS[day] for day in rows.weekdays])}"
        if rows.window is not None:
            text += f", {self.window(rows.window)}"
        if rows.then is not None:
            same = "".join(f", same {one.name}" for one, _ in rows.then.same)
            text += f", then after {rows.then.after}{same} ({self._rows(rows.then.rows)})"
        return text


def _word(window: Duration | Range[Any]) -> str:
    """The key that days are written behind."""
    if isinstance(window, Duration):
        return "within"
    sides = (window.low, window.high)
    return "ago" if any(isinstance(side, Duration) for side in sides) else "between"


def _list(texts: Sequence[str]) -> str:
    more = ", …" if len(texts) > MOST_VALUES else ""
    return f"[{', '.join(texts[:MOST_VALUES])}{more}]"
