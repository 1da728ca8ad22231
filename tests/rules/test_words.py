"""What conditions are called, in English and in Chinese: tests/cases/words.yaml has every kind."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest
import yaml

from audience.errors import Source, UsageError
from audience.kinds import Catalog, Choice, Kind, Table, Tag, Type
from audience.operators import MEASURES, PREDICATES
from audience.rules import tree
from audience.rules.language import Language
from audience.rules.library import Library
from audience.rules.reader import Problems
from audience.rules.speech import grouped
from audience.rules.tree import Condition, Did, Kept, Named, Not, Rows, Side, Stage
from audience.rules.variations import nearby
from audience.rules.walk import parts_of
from audience.rules.words import SPEECHES, words

FILE = yaml.safe_load((Path(__file__).parent.parent / "cases/words.yaml").read_text("utf-8"))
CASES = FILE["cases"]
ENGLISH, CHINESE = SPEECHES[Language.ENGLISH], SPEECHES[Language.CHINESE]


def tag(name: str, kind: Kind, label: str = "", **more: Any) -> Tag:
    values = more.pop("values", None)
    choices = values and tuple(Choice(value, called) for value, called in values.items())
    return Tag(name, Type(kind, **more), label, choices)


def table(name: str, *tags: Tag, **more: Any) -> Table:
    return Table(name, "user_id", {each.name: each for each in tags}, **more)


KEY = tag("user_id", Kind.INTEGER)
CITY = tag("city", Kind.TEXT, "城市", values={"1": "一线", "other": "", "hostile": "{x}、y"})
USERS = table(
    "users",
    KEY,
    tag("age", Kind.INTEGER, "年龄"),
    tag("spent", Kind.NUMBER, "消费"),
    tag("ratio", Kind.NUMBER, single=True),
    CITY,
    tag("note", Kind.TEXT),
    tag("同名", Kind.TEXT, "同名"),
    tag("hostile", Kind.TEXT, "{0}：，（%s"),
    tag("plus", Kind.BOOL),
    tag("registered", Kind.DATE, "注册日期"),
    tag("likes", Kind.LIST, "兴趣", item=Type(Kind.TEXT), values={"gaming": "游戏", "reading": ""}),
)
ROWS = (
    KEY,
    tag("ts", Kind.TIMESTAMP),
    tag("action", Kind.TEXT),
    tag("category", Kind.TEXT, "品类", values={"phone": "手机"}),
    tag("amount", Kind.NUMBER),
    tag("sku", Kind.TEXT, "商品"),
)
ACTIONS = (Choice("browse", "浏览"), Choice("cart", "加购"), Choice("search"))
CATALOG = Catalog(
    USERS,
    {
        "events": table("events", *ROWS, time="ts", action="action", actions=ACTIONS),
        "visits": table("visits", *ROWS, time="ts", action="action"),
    },
)


def read(text: str) -> Condition:
    problems = Problems()
    asker = Library(CATALOG, problems, {}).asker([Source("rules/p.yaml", FILE["rules"])], problems)
    (found,) = (*asker.read_all("--from", [text]), None)[:1]
    assert found, [str(each) for each in problems.errors]
    return found.condition


def lines(condition: Condition, language: Language, depth: int = 0) -> Iterator[str]:
    yield "  " * depth + SPEECHES[language].words(condition)
    for part in parts_of(condition):
        yield from lines(part, language, depth + 1)


def every(condition: Condition) -> Iterator[Condition]:
    yield condition
    inner = [*parts_of(condition)]
    if isinstance(condition, Did):
        inner += wheres(condition.rows)
    for part in inner:
        yield from every(part)


def wheres(rows: Rows) -> Iterator[Condition]:
    if rows.where is not None:
        yield rows.where
    if rows.then is not None:
        yield from wheres(rows.then.rows)


def held(name: str) -> Any:
    """What stands behind the name of a pack with a limit, of a side or of a stage."""
    named = read(f"p/{name}")
    assert isinstance(named, Named)
    return named.condition


@pytest.mark.parametrize("case", CASES, ids=[each["written"] for each in CASES])
def test_both_languages(case: dict[str, Any]) -> None:
    condition = read(case["written"])
    for language, key in ((Language.ENGLISH, "en"), (Language.CHINESE, "zh")):
        wanted = case[key] if isinstance(case[key], list) else [case[key]]
        assert list(lines(condition, language)) == wanted
    assert words(condition) == ENGLISH.words(condition)


def test_the_cases_have_everything() -> None:
    found = [each for case in CASES for each in every(read(case["written"]))]
    assert {type(each) for each in found} == set(get_args(Condition))
    assert {each.predicate.name for each in found if isinstance(each, tree.Test)} == set(PREDICATES)
    measures = {
        one.measure.name for each in found if isinstance(each, Did) for one in each.measures
    }
    assert measures == set(MEASURES)


@pytest.mark.parametrize(
    ("name", "step", "edited"),
    [
        (
            "rich",
            ("the first 1,200 by spent (greatest first)", "前 1,200 人 按 消费 降序"),
            ("the first 1,200 by spent (greatest first)", "前 1,200 人 按 消费 降序"),
        ),
        ("ab.a", ("this side of the split", "分流的一侧"), ("the split's side", "分流的一侧")),
        (
            "life.fresh",
            ("in none of the stages before", "不在之前各阶段"),
            ("the stage:", "本阶段"),
        ),
        (
            "life.rest",
            ("in none of the other stages", "不在其他各阶段"),
            ("none of the stages before:", "不在其他各阶段"),
        ),
    ],
)
def test_what_limits_others(name: str, step: tuple[str, str], edited: tuple[str, str]) -> None:
    condition = held(name)
    assert isinstance(condition, (Kept, Side, Stage))
    assert (ENGLISH.step(condition), CHINESE.step(condition)) == step
    assert (ENGLISH.edited(condition), CHINESE.edited(condition)) == edited


def test_a_negation_that_was_edited() -> None:
    condition = read("{not: {plus: true}}")
    assert isinstance(condition, Not)
    assert ENGLISH.edited(condition) == "not plus = true"
    assert CHINESE.edited(condition) == "排除 plus = 是"
    plain = read("{plus: true}")
    assert (CHINESE.edited(plain), CHINESE.step(plain)) == ("plus = 是", "plus = 是")


@pytest.mark.parametrize(
    ("written", "english", "chinese"),
    [
        ("{spent: {gte: 5000}}", ">= 4,000", "≥ 4,000"),
        ("{spent: {lt: 0.5}}", "< 0.4", "< 0.4"),
        ("{registered: {gt: 2023-06-18}}", "> 2023-06-11", "> 2023-06-11"),
        ("{registered: {within: 30d}}", "within 25d", "在近25天内"),
        ("{registered: {ago: 30d..}}", "ago 25d..", "距今 ≥ 25天"),
        ("{did: {in: events, within: 30d}}", "within 25d", "近25天"),
        ("{did: {in: events, between: 2023-06-18..}}", "between 2023-06-11..", "2023-06-11 及之后"),
        ("{did: {in: events, times: 5..}}", "times 4..", "次数 ≥ 4"),
        ("{did: {in: events, times: 1..2}}", "times 2..2", "次数 = 2"),
        (
            "{did: {in: events, sum: {amount: 1.5万..}}}",
            "sum 14000..",
            "amount 合计 ≥ 14000",
        ),
    ],
)
def test_nearby_bounds(written: str, english: str, chinese: str) -> None:
    condition = read(written)
    assert english in [text for text, _ in nearby(condition, ENGLISH)]
    assert chinese in [text for text, _ in nearby(condition, CHINESE)]


@pytest.mark.parametrize(
    ("value", "english", "chinese"),
    [
        ("1", "一线 (1)", "一线"),
        ("other", "other", "other"),
        (None, "(missing)", "（缺失）"),
        (["1", "other"], "[一线 (1), other]", "[一线、other]"),
        (1234.0, "1,234", "1,234"),
        (1234.5, "1,234.5", "1,234.5"),
        (True, "true", "是"),
        # What is called like something else is told apart from it.
        ("一线", "一线", "“一线”"),
        ("一线 (1)", "“一线 (1)”", "一线 (1)"),
        ("(missing)", "“(missing)”", "(missing)"),
        ("（缺失）", "（缺失）", "“（缺失）”"),
        ("（其他）", "（其他）", "“（其他）”"),
    ],
)
def test_values_that_were_found(value: object, english: str, chinese: str) -> None:
    assert ENGLISH.found(CITY, value) == english
    assert CHINESE.found(CITY, value) == chinese


def test_a_label_that_reads_like_something_else() -> None:
    hostile = replace(CITY, choices=(Choice("x", "（其他）"),))
    assert CHINESE.found(hostile, "x") == "“（其他）”"
    assert ENGLISH.found(hostile, "x") == "（其他） (x)"


def test_stretches() -> None:
    for speech, both, bin_above in (
        (ENGLISH, "> 26 and <= 1,500", ">= 26"),
        (CHINESE, "> 26 且 ≤ 1,500", "≥ 26"),
    ):
        assert speech.between([("gt", 26), ("lte", 1500)]) == both
        assert speech.between([("gte", 26)]) == bin_above
        # Of whole numbers there is one; of others there are many.
        for one in ([("gt", 0), ("lte", 1)], [("gte", 1), ("lt", 2)]):
            assert speech.between(one, whole=True) == "1"
            assert speech.between(one) != "1"
        assert speech.between([("gt", 26), ("lte", 1500)], whole=True) == both
        assert speech.between([("gte", 26)], whole=True) == bin_above
    assert ENGLISH.below("3,000", "4,000") == "3,000 to below 4,000"
    assert CHINESE.below("3,000", "4,000") == "≥ 3,000 且 < 4,000"
    assert (grouped(-0.0), grouped(float("inf"))) == ("0", "inf")


def test_languages() -> None:
    assert [Language.of(text) for text in ("en", "zh", "ZH-cn")] == [
        Language.ENGLISH,
        Language.CHINESE,
        Language.CHINESE,
    ]
    with pytest.raises(UsageError, match="no language `fr`; expected en or zh"):
        Language.of("fr")
    noun = ("event", "条事件")
    assert [Language.ENGLISH.counted(n, noun) for n in (0, 1, 2000)] == [
        "0 events",
        "1 event",
        "2,000 events",
    ]
    assert Language.CHINESE.counted(2000, noun) == "2,000 条事件"
    # What is filled in is never filled in again.
    assert Language.CHINESE.say(("{a}", "{a}！"), a="{a}{b}") == "{a}{b}！"
