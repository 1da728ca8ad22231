"""Conversions of a page: all packs beside each other, then each by value where anybody did."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from reports import GOAL, ROOT, made_conversion, made_up, rate_of, several
from test_hidden import other_report
from test_page import Node, read, section, tables

import audience
from audience import api
from audience.errors import UsageError
from audience.insight.convert import Conversion, Rate
from audience.insight.report import Goal, Part, Report
from audience.report.charts import Rates, Sankey
from audience.report.language import Language, Words
from audience.report.page import render_page
from audience.report.picture import chart_of
from audience.report.rates import conversions_chart, conversions_of, overview_chart, silence_of
from audience.report.telling import goal_called

ENGLISH = Words()
NAMED = Goal("买小米手机", "", "{did: {event: 购买}}")


def shown(report: Report, language: Language = Language.ENGLISH) -> Node:
    return section(read(render_page(report, language)), "conversions")


def headings(node: Node) -> list[str]:
    return [each.text for each in node.all("h3")]


@pytest.mark.parametrize("language", list(Language))
def test_all_packs_are_beside_each_other_first(language: Language) -> None:
    report = several(4, NAMED)
    node = shown(report, language)
    title = Words(language)("overview_chart", target="买小米手机")
    labels = ["高价值用户", "高端换机人群", "rivals", "沉默用户"]
    expected = [f"{label} → 买小米手机" for label in labels]
    assert headings(node)[0] == title
    for text, start in zip(headings(node)[1:], expected, strict=True):
        assert text.startswith(start)
    overview = tables(node)[0][1:]
    rates = {part.found.source: part.found.rate for part in report.conversions}
    order = sorted(rates, key=lambda name: -rates[name].users)
    assert [row[0] for row in overview] == order
    for row in overview:
        rate = rates[row[0]]
        assert row[2:5] == [str(rate.users), "400", f"{rate.users / 400:.1%}"]
        assert row[5] == f"{rate.low:.1%} – {rate.high:.1%}"
    chart = overview_chart(report, Words(language))
    assert [row.rates[0].rate for row in chart.rows if row.rates[0]] == [
        rates[name].users / 400 for name in order
    ]


def test_one_pack_needs_no_overview() -> None:
    report = several(1, NAMED)
    assert len(headings(shown(report))) == 1
    assert len(list(shown(report).all("figure"))) == 1


def test_what_is_hidden_stands_last_and_has_no_length() -> None:
    report = several(4)
    best = max(range(4), key=lambda at: report.conversions[at].found.rate.users)
    parts = list(report.conversions)
    parts[best] = replace(parts[best], hidden=frozenset({"converted"}))
    report = replace(report, conversions=tuple(parts))
    *_, last = overview_chart(report, ENGLISH).rows
    assert parts[best].found.source in last.label.more
    assert last.rates[0] is not None
    assert (last.rates[0].rate, last.rates[0].hidden) == (None, True)


@pytest.mark.parametrize("seed", range(4))
def test_the_page_does_not_depend_on_what_is_hidden(seed: int) -> None:
    report = several(5, NAMED)
    cells = [
        {"converted", *((at, "converted") for at in range(15))},
        {"users", "converted", (1, "users")},
        {(at, side) for at in range(seed, 15) for side in ("converted", "users")},
        {(2, "converted")},
        set(),
    ]
    parts = zip(report.conversions, cells, strict=True)
    report = replace(
        report, conversions=tuple(replace(part, hidden=frozenset(hide)) for part, hide in parts)
    )
    changed = other_report(report, seed)
    assert changed != report
    assert render_page(report) == render_page(changed)


NOBODY = rate_of(0, 400)


def of_nobody(found: Conversion, overall: Rate = NOBODY) -> Conversion:
    lines = tuple(replace(line, rate=rate_of(0, line.rate.of)) for line in found.lines)
    return replace(found, rate=overall, lines=lines)


def all_lines(found: Conversion) -> frozenset[object]:
    return frozenset((at, "converted") for at in range(len(found.lines)))


FOUND = made_conversion("", 1)
SILENT: dict[str, tuple[Part[Conversion], str]] = {
    "nobody": (Part(of_nobody(FOUND)), "nobody_converted"),
    "nobody is there": (Part(of_nobody(FOUND, rate_of(0, 0))), "nobody_converted"),
    "every line hidden": (Part(FOUND, all_lines(FOUND)), "no_value_told"),
    "hidden or 0": (
        Part(of_nobody(FOUND, rate_of(3, 400)), frozenset({"converted", (0, "converted")})),
        "no_value_told",
    ),
}


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("case", SILENT)
def test_where_nothing_is_to_be_shown_it_is_said(case: str, language: Language) -> None:
    part, key = SILENT[case]
    words = Words(language)
    hides = "converted" in part.hidden
    told = words("hidden") if hides else words.percent(part.found.rate.rate)
    expected = words(key, rates=told) if key == "no_value_told" else words(key)
    node = shown(replace(made_up(2), conversions=(part,)), language)
    assert expected in [each.text for each in node.all("p")]
    assert not list(node.all("svg"))
    assert not list(node.all("table"))


def test_where_any_value_converts_it_is_drawn() -> None:
    assert silence_of([Part(FOUND)], ENGLISH) == ""
    one = all_lines(FOUND) - {(0, "converted")}
    assert silence_of([Part(FOUND, one)], ENGLISH) == ""
    # In one period of two: the other has somebody.
    assert silence_of([Part(of_nobody(FOUND)), Part(FOUND)], ENGLISH) == ""


def test_lines_that_are_hidden_are_last() -> None:
    part = Part(FOUND, frozenset({(0, "converted"), (2, "users")}))
    report = replace(made_up(1), conversions=(part,))
    chart = conversions_chart(report, [part], ENGLISH)
    assert not any(row.rates[0] and row.rates[0].hidden for row in chart.rows)
    values = [row[1] for row in tables(shown(report))[0][2:]]
    hidden = [FOUND.lines[0].value, FOUND.lines[2].value]
    assert values[-2:] == hidden
    assert values[:-2] == [line.value for line in FOUND.lines if line.value not in hidden]


def test_a_long_goal_is_cut_in_headings_and_told_once() -> None:
    node = shown(several(3, GOAL))
    assert all("…" in text for text in headings(node))
    assert len(list(node.all("code"))) == 1
    assert next(node.all("code")).text == GOAL.text
    assert GOAL.text not in "".join(headings(node))


@pytest.mark.parametrize(
    ("goal", "called"),
    [
        (Goal("3-convert/high_end_eye", "高端/关注", "3-convert/high_end_eye"), "高端/关注"),
        (Goal("3-convert/owners", "", "3-convert/owners"), "owners"),
        (NAMED, "买小米手机"),
        (Goal("{a: b/c}", "", "{a: b/c}"), "{a: b/c}"),
        (GOAL, "{did: {event: 购买, where…"),
        (None, "buyers"),
    ],
)
def test_what_a_goal_is_called(goal: Goal | None, called: str) -> None:
    assert goal_called(goal, "c/p/buyers") == called


def test_a_short_goal_needs_no_line() -> None:
    goal = Goal("{plus: true}", "", "{plus: true}")
    assert not list(shown(several(2, goal)).all("code"))
    assert not list(shown(several(2, Goal("named", "", ""))).all("code"))  # one with ids
    assert len(list(shown(several(2, NAMED)).all("code"))) == 1


def test_the_overview_is_a_chart_by_name() -> None:
    report = several(3, NAMED)
    assert chart_of(report, "conversions", Language.ENGLISH) == overview_chart(report, ENGLISH)
    with pytest.raises(UsageError, match="did you mean conversions"):
        chart_of(made_up(3), "conversion", Language.ENGLISH)
    with pytest.raises(UsageError, match="no chart `conversions`: it needs --goal"):
        chart_of(replace(report, conversions=()), "conversions", Language.ENGLISH)


def test_a_chart_by_name_has_all_periods() -> None:
    report = made_up(3)
    (parts,) = conversions_of(report)
    chart = chart_of(report, "conversion:浏览小米高端机", Language.ENGLISH)
    assert chart == conversions_chart(report, parts, ENGLISH)
    assert isinstance(chart, Rates)
    assert len(chart.periods) == 2


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Report]:
    project = replace(audience.load(ROOT), packs=tmp_path_factory.mktemp("packs"))

    def asked(goal: str, lang: str = "en") -> Report:
        rules = ROOT / "rules/mi13-2023/3-convert.yaml"
        return api.report_on(
            project, rules, goal=goal, packs=["undecided"], tags=["plus"], lang=lang
        )

    return asked


@pytest.mark.parametrize(
    ("text", "goal"),
    [
        ("3-convert/high_end_eye", Goal("3-convert/high_end_eye", "高端手机关注人群")),
        ("买={plus:  true}", Goal("买")),
        ("{user_id: [1000008]}", Goal("--goal")),
    ],
)
def test_a_report_knows_its_goal(ask: Callable[[str], Report], text: str, goal: Goal) -> None:
    found = ask(text).goal
    given = {"买": "{plus: true}", "--goal": ""}.get(goal.name, goal.name)
    told = {"买": "PLUS会员 (plus) = true"}.get(goal.name, "")
    assert found == replace(goal, text=given, words=told)


TOLD = {
    Language.ENGLISH: "did 购买 where 商品品类 (category) = 手机, within 30d: times 1..",
    Language.CHINESE: "近30天 购买（商品品类 = 手机，商品品牌 属于 小米、红米）：次数 ≥ 1",
}


@pytest.mark.parametrize("language", list(Language))
def test_a_condition_is_told_in_words(language: Language) -> None:
    """Its text is in how the report was computed, and nowhere else."""
    for goal in (GOAL, replace(GOAL, name="买手机")):
        report = several(2, replace(goal, words=TOLD[language]))
        page = read(render_page(report, language))
        about = [each.text for each in section(page, "conversions").all("p")]
        name = "" if goal is GOAL else "买手机 "
        assert Words(language)("goal") + name + TOLD[language] in about
        assert not list(section(page, "conversions").all("code"))
        assert GOAL.text in [each.text for each in section(page, "method").all("pre")]
        assert page.text.count(GOAL.text) == 1
        head = TOLD[language][:12] if goal is GOAL else "买手机"
        assert all(f"→ {head}" in text for text in headings(section(page, "conversions")))


def test_a_goal_is_told_in_the_report_s_language(ask: Callable[..., Report]) -> None:
    text = "{did: {event: buy, where: {category: phone, brand: [Xiaomi, Redmi]}, within: 30d}}"
    found = ask(text, lang="zh").goal
    assert found is not None
    assert (found.text, found.words) == (text, TOLD[Language.CHINESE])


@pytest.mark.parametrize("language", list(Language))
def test_up_to_what_day_a_goal_is_counted(language: Language) -> None:
    told = Words(language)("goal_until", day="2023-04-30")
    report = several(2, NAMED)
    whole = [Part(replace(part.found, first=None)) for part in report.conversions]
    report = replace(report, conversions=tuple(whole))
    assert told in [each.text for each in shown(report, language).all("p")]
    # Periods have days of their own.
    assert told not in [each.text for each in shown(made_up(2), language).all("p")]


def test_stages_are_called_by_their_labels(tmp_path: Path) -> None:
    project = replace(audience.load(ROOT), packs=tmp_path)
    rules = ROOT / "rules/dream-3c/1-mind.yaml"
    report = api.report_on(project, rules, tags=["plus"], as_of="2023-06-18", since="2023-05-22")
    chart = chart_of(report, "flow:mind", Language.CHINESE)
    assert isinstance(chart, Sankey)
    assert "E 问询 搜索加购关注" in [node.name for node in chart.left]
    (moves,) = tables(section(read(render_page(report)), "flows"))
    assert moves[3][0] == "E 问询 搜索加购关注 (asking)"


def test_many_warnings_open_on_demand() -> None:
    few = replace(made_up(1), warnings=("a", "b", "c"))
    many = replace(few, warnings=(*few.warnings, "d"))
    for report, opens in ((few, False), (many, True)):
        (header,) = read(render_page(report)).all("header")
        assert len(list(header.all("details"))) == opens
        assert [each.text for each in header.all("li")] == list(report.warnings)


def test_pack_labels_are_those_of_the_headlines() -> None:
    assert several(2).labels == {"high_value": "高价值用户", "高端换机": "高端换机人群"}
