"""What the analysis says in words of its own: warnings, causes and values, in both languages."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from string import Formatter
from types import ModuleType

import polars as pl
import pytest

import audience
from audience import api, cautions
from audience.analysis import sentences
from audience.errors import UsageError
from audience.insight import expect
from audience.rules import lint
from audience.rules.language import Pair
from support import MakeProject, Run

MODULES: tuple[ModuleType, ...] = (sentences, cautions, expect, lint)
PAIRS: dict[str, Pair] = {
    f"{module.__name__}.{name}": value
    for module in MODULES
    for name, value in vars(module).items()
    if isinstance(value, tuple) and len(value) == 2 and all(isinstance(each, str) for each in value)
}
SIGNS = {"EDIT", "_COUNT", "_MORE", "_BETWEEN"}


def test_there_are_sentences() -> None:
    assert all(any(name.startswith(each.__name__) for name in PAIRS) for each in MODULES)


@pytest.mark.parametrize("name", PAIRS)
def test_both_languages_say_the_same(name: str) -> None:
    asked = [
        # In Chinese a column is called by its label.
        {
            (field.replace("label", "tag"), form)
            for _, field, form, _ in Formatter().parse(text)
            if field
        }
        for text in PAIRS[name]
    ]
    assert asked[0] == asked[1]
    if name.rpartition(".")[2] not in SIGNS:
        assert re.search("[\u4e00-\u9fff]", PAIRS[name][1])
        assert not re.search("[\u4e00-\u9fff]", PAIRS[name][0])


RULES = """\
campaign: c
phase: p
as_of: 2024-02-20
stages:
  life:
    old: {where: {age: 50..}}
packs:
  some:
    where: {note: 5K+}
    expect: {size: 5..}
  many: {where: {not: {age: 20}}, expect: {change: ..10%}}
  few: {where: {age: 20..29}, expect: {change: ..10%}}
  listed: {where: {ids: {path: vip.txt}}}
  written: {where: {ids: [1, 77, 78]}}
  buyers: {where: {did: {event: buy, within: 60d}}}
"""
EXTRA = """\
suppress: [{path: out.txt}]
tags:
  age: {label: 年龄}
  city: {label: 城市, values: {北京: bj}}
"""
WARNINGS = [
    (
        "rules/a.yaml:9:19: `note` is text: `5K+` is that very text there, and no range of "
        "numbers; `type: text` in the dictionary says that it is meant",
        "rules/a.yaml:9:19: “note”是文本列，`5K+` 是文本本身，不是数值范围；"
        "若确实如此，请在字典中写明 `type: text`",
    ),
    (
        "rules/a.yaml:11:18: a negation over `age` also selects where it is missing (1 row); "
        "`age: known` beside it leaves them out",
        "rules/a.yaml:11:18: “排除” 条件也会选中“年龄”缺失的情况（1 行）；"
        "加上 `age: known` 可将其去掉",
    ),
    (
        "table `events`: 1 event without a time count for nobody",
        "数据表 `events`：1 条事件没有时间，不计入任何用户",
    ),
    (
        "table `events`: 1 event without a user count for nobody",
        "数据表 `events`：1 条事件没有用户，不计入任何用户",
    ),
    (
        "table `events`: 2 events of users who are not in the user table count for nobody",
        "数据表 `events`：2 条事件的用户不在用户表中，不计入任何用户",
    ),
    (
        "rules/a.yaml:13:32: the list `vip.txt`: 1 id not in the user table",
        "rules/a.yaml:13:32: 名单 `vip.txt`：1 个 ID 不在用户表中",
    ),
    (
        "rules/a.yaml:14:21: the list of ids: 2 ids not in the user table",
        "rules/a.yaml:14:21: 规则列出的 ID：2 个 ID 不在用户表中",
    ),
    (
        "none of the 2 ids to be suppressed is in the user table",
        "排除名单中的 2 个 ID 都不在用户表中",
    ),
    ("c/p: pack `some` is empty", "c/p：人群包 `some` 为空"),
    (
        "c/p: pack `some` has 0 users, expected 5.. (rules/a.yaml:10:13)",
        "c/p：人群包 `some` 有 0 人，预期 5..（rules/a.yaml:10:13）",
    ),
    (
        "c/p: stages `life` leave 6 of 8 users of the base in none of them, expected nobody, or a "
        "last stage `otherwise` (rules/a.yaml:6:5)",
        "c/p：阶段 `life` 未覆盖基础人群 8 人中的 6 人，预期全部覆盖，"
        "或以 `otherwise` 作为最后一个阶段（rules/a.yaml:6:5）",
    ),
]


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    users = pl.DataFrame(
        {
            "user_id": range(1, 9),
            "age": [20, 25, 30, 35, 40, 50, 60, None],
            "city": ["bj", "bj", "bj", "sh", "北京", "bj", "（其他）", None],
            "plus": [True] * 4 + [False] * 4,
            "note": ["x"] * 8,
        }
    )
    events = pl.DataFrame(
        {
            "user_id": [1, None, 99, 98, 2],
            "ts": [datetime(2024, 2, 1)] * 4 + [None],
            "action": ["buy"] * 5,
        }
    )
    root = make_project(users, {"a.yaml": RULES}, events, EXTRA)
    (root / "vip.txt").write_text("1\n2\n55\n")
    (root / "out.txt").write_text("501\n502\n")
    return root


def test_warnings(folder: Path) -> None:
    project, path = audience.load(folder), folder / "rules/a.yaml"
    english, chinese = (
        [
            each.replace(f"{folder}/", "")
            for each in api.report_on(project, path, lang=lang).warnings
        ]
        for lang in ("en", "zh")
    )
    assert {english for english, _ in WARNINGS} <= set(english)
    assert {chinese for _, chinese in WARNINGS} <= set(chinese)
    assert len(english) == len(chinese)


PARTED = """\
tables:
  users: {path: users.parquet, key: user_id}
  events:
    {path: events, key: user_id, time: ts, day: dt, action: action, actions: {购买: buy}}
tags: {city: {label: 城市, values: [bj]}}
"""


def test_warnings_of_dictionaries_and_days(make_project: MakeProject) -> None:
    users = [{"user_id": n, "city": f"c{max(n, 5)}"} for n in range(12)]
    rule = "where: {city: bj, did: {event: buy, within: 60d}}"
    text = (
        f"campaign: c\nphase: p\nas_of: 2024-02-04\nbase: {{city: bj}}\npacks: {{x: {{{rule}}}}}\n"
    )
    root = make_project(users, {"a.yaml": text}, project=PARTED)
    for day in (1, 2, 3, 4):
        folder = root / f"events/dt=2024-02-0{day}"
        folder.mkdir(parents=True)
        rows = [{"user_id": 1, "ts": datetime(2024, 2, day), "action": f"BUY{day}"}]
        pl.DataFrame(rows).write_parquet(folder / "part.parquet")
    project = audience.load(root)
    english, chinese = (
        "\n".join(api.report_on(project, root / "rules/a.yaml", lang=lang).warnings)
        for lang in ("en", "zh")
    )
    assert (
        "tag `city` has values that its dictionary lacks: c5 (6 rows), c10 (1 row), c11 (1 row), "
        "c6 (1 row), c7 (1 row), … 7 in all"
    ) in english
    assert (
        "标签 `city` 有字典中没有的取值：c5（6 行），c10（1 行），c11（1 行），c6（1 行），"
        "c7（1 行），… 共 7 种"
    ) in chinese
    assert "lacks: BUY1 (1 event), BUY2 (1 event), BUY3 (1 event), …" in english
    assert (
        "数据表 `events`：`action` 有字典中没有的取值："
        "BUY1（1 条事件），BUY2（1 条事件），BUY3（1 条事件），…"
    ) in chinese
    assert "c/p：时间窗从 2023-12-07 开始，而数据表 `events` 从 2024-02-01 才有数据" in chinese
    assert "c/p：基础人群为空" in chinese


def test_every_warning_of_a_report_is_in_its_language(folder: Path) -> None:
    found = api.report_on(audience.load(folder), folder / "rules/a.yaml", lang="zh").warnings
    assert len(found) >= len(WARNINGS)
    assert all(re.search("[\u4e00-\u9fff]", each) for each in found)


def test_the_project_says_in_what_language(folder: Path, run: Run) -> None:
    path = folder / "audience.yaml"
    path.write_text(path.read_text() + "lang: zh\n")
    (step,) = api.report_on(
        audience.load(folder), folder / "rules/a.yaml", packs=["few"]
    ).waterfalls
    assert [each.asked for each in step.found.steps] == ["年龄 ≥ 20", "年龄 ≤ 29"]
    # The terminal stays English.
    done = run("waterfall", "few", at=folder)
    assert "年龄 (age) >= 20" in done.out
    assert run("report", "rules/a.yaml", "-o", "a.html", at=folder).code == 0
    assert "年龄 ≥ 20" in (folder / "a.html").read_text("utf-8")
    assert run("report", "rules/a.yaml", "--lang", "en", "-o", "a.html", at=folder).code == 0
    assert "年龄 ≥ 20" not in (folder / "a.html").read_text("utf-8")


VALUES = {
    "en": {"北京 (bj)", "sh", "北京", "（其他）", "(missing)"},
    "zh": {"北京", "sh", "“北京”", "“（其他）”", "（缺失）"},
}


@pytest.mark.parametrize("lang", VALUES)
def test_values(folder: Path, lang: str) -> None:
    """What the dictionary lacks is told apart from a label of the same words."""
    project = audience.load(folder)
    profile = audience.profile(project, "few", tags=["city"], lang=lang)
    assert {line.value for line in profile.lines} == VALUES[lang]
    (period,) = audience.convert(project, "few", "many", by="city", lang=lang).periods
    assert period.conversion
    assert {line.value for line in period.conversion.lines} == VALUES[lang]
    plus = audience.profile(project, "few", tags=["plus"], lang=lang)
    wanted = {"是", "否"} if lang == "zh" else {"true", "false"}
    assert {line.value for line in plus.lines} == wanted


def test_nearby_bounds(folder: Path) -> None:
    (found,) = audience.waterfall(audience.load(folder), packs=["few"], lang="zh")
    assert [each.asked for each in found.steps] == ["年龄 ≥ 20", "年龄 ≤ 29"]
    assert "≥ 25" in [each.change for each in found.steps[0].nearby]


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_bounds_of_two_columns_are_two(make_project: MakeProject, lang: str) -> None:
    """Each has its own count, whatever it is called."""
    events = [
        {"user_id": n, "ts": datetime(2024, 2, 1), "action": "buy", "paid": paid, "list": 5000.0}
        for n, paid in enumerate((450.0, 600.0, 5000.0))
    ]
    rule = "{did: {event: buy, sum: {paid: 500.., list: 500..}}}"
    text = f"campaign: c\nphase: p\nas_of: 2024-02-20\npacks: {{x: {{where: {rule}}}}}\n"
    root = make_project([{"user_id": n} for n in range(3)], {"a.yaml": text}, events)
    (found,) = audience.waterfall(audience.load(root), lang=lang)
    around = found.steps[0].nearby
    assert len({each.change for each in around}) == len(around) == 8
    assert [each.size for each in around] == [3, 3, 2, 1, 2, 2, 2, 2]


def test_a_build_whose_tables_are_others(folder: Path) -> None:
    text = RULES.split("stages:")[0] + "packs:\n  few: {where: {age: 20..29}}\n"
    (folder / "rules/a.yaml").write_text(text)
    project = audience.load(folder)
    audience.build(project)
    path = folder / "users.parquet"
    pl.read_parquet(path).with_columns(age=pl.lit(25, pl.Int64)).write_parquet(path)
    told = api.report_on(project, "c/p", lang="zh").warnings
    assert "few 发布时有 2 人；按现在的数据表和名单计算为 8 人，下文均按现在的数据计算" in told
    assert any("its rules give 8" in each for each in api.report_on(project, "c/p").warnings)


def test_a_change_that_is_too_large(folder: Path) -> None:
    packs = "packs:\n  few: {where: {age: 20..29}EXPECT}\n  none: {where: {age: 99}EXPECT}\n"
    text = RULES.split("stages:")[0] + packs
    path = folder / "rules/a.yaml"
    path.write_text(text.replace("EXPECT", ""))
    project = audience.load(folder)
    audience.build(project, as_of=date(2024, 2, 1))
    path.write_text(
        text.replace("20..29", "20..39")
        .replace("age: 99", "age: 20..")
        .replace("EXPECT", ", expect: {change: ..10%}")
    )
    told = "\n".join(api.report_on(project, path, lang="zh").warnings)
    assert "人群包 `few` 从 c/p@2024-02-01 的 2 人变为 4 人（+100.0%），预期变化 -10%..+10%" in told
    assert "人群包 `none` 有 7 人，而 c/p@2024-02-01 中为 0 人，预期变化 -10%..+10%" in told


@pytest.mark.parametrize("lang", ["fr", "", "english"])
def test_an_unknown_language(folder: Path, lang: str) -> None:
    with pytest.raises(UsageError, match="no language"):
        audience.waterfall(audience.load(folder), lang=lang)
