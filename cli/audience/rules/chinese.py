"""Conditions in Chinese, as analysts of online shops say them, with the dictionary's labels."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from audience.kinds import Tag
from audience.rules.moments import WEEKDAYS, Gap, Hours, Unit
from audience.rules.scalars import Duration, Range
from audience.rules.speech import MOST_VALUES, Days, Speech, label_of, number
from audience.rules.tree import (
    All,
    Condition,
    Did,
    Kept,
    MeasureTest,
    Rows,
    Side,
    Stage,
    Test,
    Then,
)

_SIGNS = {"eq": "=", "ne": "≠", "gt": ">", "gte": "≥", "lt": "<", "lte": "≤"}
_WEEKDAYS = {day: name for name, day in WEEKDAYS.items() if not name.isascii()}
_UNITS = {"d": "天", "w": "周", "m": "个月", "y": "年"}
_GAP_UNITS = {Unit.DAYS: "天", Unit.HOURS: "小时"}
_OF_VALUES = {"in": "属于", "not_in": "不属于", "has_any": "包含任一", "has_all": "包含全部"}
_OF_TEXT = {
    "starts_with": "以“{}”开头",
    "ends_with": "以“{}”结尾",
    "contains": "含有“{}”",
    "matches": "匹配正则“{}”",
}
_STATES = {"known": "有值", "unknown": "缺失"}
_MEASURES = {
    "times": "次数",
    "days": "天数",
    "distinct": "去重数",
    "sum": "合计",
    "mean": "平均值",
    "min": "最小值",
    "max": "最大值",
    "first": "首次",
    "last": "最近一次",
}


class Chinese(Speech):
    """Chinese, in the words of the mainland."""

    every = "同时满足"
    some = "满足任一"
    negated = "排除"
    side = "分流的一侧"
    edited_side = side
    no_earlier_stage = "不在之前各阶段"
    no_other_stage = "不在其他各阶段"
    missing = "（缺失）"
    others = "（其他）"
    comma = "，"
    pause = "、"
    brackets = ("（", "）")
    signs = _SIGNS
    both = " 且 "

    def tag(self, tag: Tag) -> str:
        """Its label: ``商品品类``."""
        return tag.label or tag.name

    def value(self, value: object, tag: Tag | None = None) -> str:
        """Its label, or as it is stored: ``手机``."""
        label = label_of(value, tag.choices) if tag is not None else ""
        if label:
            return label
        if isinstance(value, bool):
            return "是" if value else "否"
        if isinstance(value, (int, float, Decimal)):
            return number(value, single=tag is not None and tag.type.single)
        return str(value)

    def labelled(self, label: str, value: str) -> str:
        """The label alone."""
        return label

    def tested(self, test: Test) -> str:
        """``≥ 5000``, ``属于 一线、新一线``."""
        name, argument = test.predicate.name, test.argument
        if isinstance(argument, tuple):
            word = "包含" if name.startswith("has_") and len(argument) == 1 else _OF_VALUES[name]
            return f"{word} {_list([self.value(each, test.tag) for each in argument])}"
        if isinstance(argument, (Duration, Range)):
            return self._in_days(argument)
        if name in _OF_TEXT:
            return _OF_TEXT[name].format(argument)
        if name == "is":
            return _STATES[str(argument)]
        return f"{_SIGNS[name]} {self.value(argument, test.tag)}"

    def at_least(self, count: int) -> str:
        """``至少满足 2 项``."""
        return f"至少满足 {count} 项"

    def listed(self, path: str) -> str:
        """``在名单 lists/vip.csv 中``."""
        return f"在名单 {path} 中"

    def written_out(self, count: int) -> str:
        """``在规则列出的 3 个 ID 中``."""
        return f"在规则列出的 {count:,} 个 ID 中"

    def published(self, name: str) -> str:
        """``在已发布的人群包 … 中``."""
        return f"在已发布的人群包 {name} 中"

    def kept(self, kept: Kept) -> str:
        """``前 300 人 按 累计消费 降序``."""
        order = "降序" if kept.descending else "升序"
        by = f" 按 {self.tag(kept.by)} {order}" if kept.by else ""
        return f"前 {kept.keep:,} 人{by}"

    def around(self, condition: Kept | Side | Stage) -> str:
        """As a step is said, but that of a stage."""
        match condition:
            case Stage(own) if own is not None:
                return "本阶段"
            case _:
                return self.step(condition)

    def did(self, did: Did) -> str:
        """``近30天 浏览或加购（商品品类 = 手机）：次数 ≥ 6``."""
        each = f"，按 {self.tag(did.each)} 合并" if did.each else ""
        limits = " 且 ".join(map(self.measure, did.measures))
        return f"{self._rows(did.rows)}{each}：{limits}"

    def measure(self, test: MeasureTest) -> str:
        """``实付金额 合计 ≥ 5000``."""
        name = _MEASURES[test.measure.name]
        if test.measure.of_days:
            return f"{name} {self._in_days(test.range)}"
        column = f"{self.tag(test.tag)} " if test.tag else ""
        return f"{column}{name} {self._span(test.range)}"

    def moved(self, test: MeasureTest) -> str:
        """The same."""
        return self.measure(test)

    def window(self, window: Days) -> str:
        """``近30天``, ``距今 ≥ 60天``."""
        if isinstance(window, Duration):
            return f"近{_long(window)}"
        low, high = window.low, window.high
        if isinstance(low, Duration) or isinstance(high, Duration):
            return f"距今 {self._span(window)}"
        if low == high:
            return f"{low}"
        if low is None:
            return f"{high} 及之前"
        return f"{low} 及之后" if high is None else f"{low} 至 {high}"

    def below(self, low: str, high: str) -> str:
        """``≥ 3,000 且 < 4,000``."""
        return f"≥ {low} 且 < {high}"

    def nested(self, condition: Condition) -> str:
        """What has to hold together has brackets of its own."""
        text = self.where(condition)
        together = isinstance(condition, All) and len(condition.parts) > 1
        return self.group(self.every, text) if together else text

    def _in_days(self, days: Any) -> str:
        """Days that something is in, or that it is ago."""
        if isinstance(days, Duration):
            return f"在{self.window(days)}内"
        ago = any(isinstance(side, Duration) for side in (days.low, days.high))
        return self.window(days) if ago else f"在 {self.window(days)}"

    def _span(self, span: Any) -> str:
        low, high = (self._side(side) for side in (span.low, span.high))
        if span.low == span.high:
            return f"= {low}"
        if span.low is None:
            return f"≤ {high}"
        return f"≥ {low}" if span.high is None else f"{low} 至 {high}"

    def _side(self, side: object) -> str:
        return _long(side) if isinstance(side, Duration) else self.value(side)

    def _rows(self, rows: Rows, then: Then | None = None) -> str:
        """Events; ``then`` is how they follow others."""
        window = f"{self.window(rows.window)} " if rows.window is not None else ""
        asked = [f"同一 {self.tag(one)}" for one, _ in (then.same if then else ())]
        if rows.where is not None:
            asked.append(self.where(rows.where))
        if rows.hours is not None:
            asked.append(_clock(rows.hours))
        if rows.weekdays:
            asked.append(self.pause.join(_WEEKDAYS[day] for day in rows.weekdays))
        inner = self.group("", self.comma.join(asked)) if asked else ""
        text = f"{window}{self._actions(rows)}{inner}"
        if rows.then is not None:
            text += f"，{_after(rows.then.after)} {self._rows(rows.then.rows, rows.then)}"
        return text

    def _actions(self, rows: Rows) -> str:
        if rows.actions is None:
            return "任意行为"
        names = [label_of(each, rows.table.actions) or each for each in rows.actions]
        *first, last = names
        return f"{self.pause.join(first)}或{last}" if first else last


def _long(duration: Duration) -> str:
    """How long: ``30天``, ``3个月``."""
    return f"{duration.count}{_UNITS[duration.unit]}"


def _after(gap: Gap) -> str:
    """How long after, both ends in."""
    unit = _GAP_UNITS[gap.unit]
    if gap.low == gap.high:
        return "当天又" if gap.high == 0 and gap.unit is Unit.DAYS else f"恰好 {gap.low}{unit}后"
    if gap.high is None:
        return f"至少 {gap.low}{unit}后" if gap.low else "之后"
    return f"{gap.low}至{gap.high}{unit}后" if gap.low else f"之后 {gap.high}{unit}内"


def _clock(hours: Hours) -> str:
    """Hours of the day: ``21:00–次日 02:00``."""
    over = "次日 " if hours.end <= hours.begin else ""
    return f"{hours.begin:02}:00–{over}{hours.end:02}:00"


def _list(texts: Sequence[str]) -> str:
    more = f" 等 {len(texts):,} 项" if len(texts) > MOST_VALUES else ""
    return "、".join(texts[:MOST_VALUES]) + more
