"""Charts: lengths are in proportion, texts fit, what is hidden has no length."""

from __future__ import annotations

import builtins
import re
import unicodedata
from dataclasses import replace
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import pytest
from hypothesis import given
from hypothesis import strategies as st
from reports import made_up

from audience.errors import UsageError
from audience.report import pictures, portraits, rates
from audience.report.charts import NARROW, WIDE, Chart, draw, to_png, to_svg
from audience.report.charts.bars import Bar, Bars, Drop, Drops
from audience.report.charts.canvas import cut, pixels, text_width, ticks, wrapped
from audience.report.charts.causes import Both, Changes
from audience.report.charts.indices import Index, Indices
from audience.report.charts.rates import Measured, RateRow, Rates
from audience.report.charts.rows import Label
from audience.report.charts.sankey import Node, Sankey, Stream
from audience.report.charts.theme import DARK, HEATS, LIGHT, THEMES
from audience.report.language import Language, Words
from audience.report.telling import Telling

SVG = "{http://www.w3.org/2000/svg}"


def charts_of(words: Words, least: int = 0) -> dict[str, Chart]:
    report = made_up(5, least)
    assert report.overlaps
    assert report.reasons
    return {
        "sizes": pictures.sizes_chart(report.headlines, words),
        "waterfall": pictures.waterfall_chart(report.waterfalls[0], words),
        "heat": pictures.heat_chart(report.overlaps, words),
        "upset": pictures.upset_chart(report.overlaps, words),
        "profile": portraits.profile_chart(report.profiles[0], words),
        "conversions": rates.conversions_chart(report, report.conversions, words),
        "flow": portraits.flow_chart(report.flows[0], words),
        "causes": portraits.causes_chart(
            report.reasons.found.packs[0], Telling(words, report.reasons.hidden)
        ),
    }


def lengths(chart: Element, look: str, side: str = "width") -> list[float]:
    rects = [each for each in chart.iter("rect") if each.get("class") == look]
    return [float(each.get(side, "")) for each in rects]


def texts(chart: Element) -> list[str]:
    return [each.text or "" for each in chart.iter("text")]


@pytest.mark.parametrize("width", [WIDE, NARROW])
@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("least", [0, 60])
def test_charts_are_accessible_and_the_same_each_time(
    language: Language, width: int, least: int
) -> None:
    for chart in charts_of(Words(language), least).values():
        drawn = draw(chart, width)
        assert drawn.get("role") == "img"
        assert [each.tag for each in drawn][:2] == ["title", "desc"]
        assert all(each.text for each in list(drawn)[:2])
        box = [float(each) for each in drawn.get("viewBox", "").split()]
        assert box[2:] == [float(drawn.get("width", "")), float(drawn.get("height", ""))]
        assert ElementTree.tostring(drawn) == ElementTree.tostring(draw(chart, width))
        assert not any(
            name in {"style", "fill", "stroke"} for each in drawn.iter() for name in each.attrib
        )


@pytest.mark.parametrize("theme", list(THEMES))
def test_a_file_of_its_own_has_its_colours(theme: str) -> None:
    for chart in charts_of(Words()).values():
        text = to_svg(draw(chart), theme)
        root = ElementTree.fromstring(text)
        assert root.tag == f"{SVG}svg"
        style = root.find(f"{SVG}style")
        assert style is not None
        assert style.text
        assert THEMES[theme]["bar"] in style.text
        assert "var(" not in text
        assert "http" not in text.replace("http://www.w3.org/2000/svg", "")
    with pytest.raises(UsageError, match="did you mean dark"):
        to_svg(draw(chart), "darc")


def test_png() -> None:
    pytest.importorskip("vl_convert")
    chart = draw(charts_of(Words(Language.CHINESE))["sizes"])
    data = to_png(chart, scale=1)
    assert data.startswith(b"\x89PNG")
    assert int.from_bytes(data[16:20]) == WIDE + 32


def test_png_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    there = builtins.__import__

    def absent(name: str, *args: Any, **more: Any) -> Any:
        if name == "vl_convert":
            raise ImportError(name)
        return there(name, *args, **more)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(UsageError, match=r"pip install 'audience\[report\]'"):
        to_png(draw(charts_of(Words())["sizes"]))


def test_bars_are_as_long_as_packs_are_large() -> None:
    bars = tuple(Bar(Label(str(n)), n, str(n)) for n in (400, 100, 0, 200))
    drawn = draw(Bars("t", "d", (*bars, Bar(Label("h"), None, "hidden"))))
    long, short, middle = lengths(drawn, "bar")
    assert long / short == pytest.approx(4, rel=0.01)
    assert long / middle == pytest.approx(2, rel=0.01)
    assert len([each for each in drawn.iter("path") if each.get("class") == "hatch"]) == 1


def test_a_waterfall_ends_each_step_where_the_next_begins() -> None:
    steps = (
        Drop(Label("base"), 1000, None, "1,000"),
        Drop(Label("a"), 600, 1000, "600"),
        Drop(Label("part"), 300, None, "300", alone=True),
        Drop(Label("b"), 150, 600, "150"),
    )
    drawn = draw(Drops("t", "d", 1000, steps, ("left", "lost", "alone")))
    whole, first, second = lengths(drawn, "bar")[1:]
    lost = lengths(drawn, "ghost")[1:]
    assert first / whole == pytest.approx(0.6, rel=0.01)
    assert first + lost[0] == pytest.approx(whole, abs=0.2)
    assert second + lost[1] == pytest.approx(first, abs=0.2)
    assert lengths(drawn, "other pale")[1] / whole == pytest.approx(0.3, rel=0.01)


def test_after_a_hidden_step_nothing_tells_it() -> None:
    steps = (
        Drop(Label("base"), 1000, None, "1,000"),
        Drop(Label("a"), None, 1000, "hidden"),
        Drop(Label("b"), 150, None, "150"),
    )
    drawn = draw(Drops("t", "d", 1000, steps, ("left", "lost", "alone")))
    assert len(lengths(drawn, "ghost")) == 1  # the legend's


def test_twice_as_often_is_as_long_as_half_as_often() -> None:
    rows = tuple(
        Index(Label(str(value)), value, value * 0.9, value * 1.1, str(value))
        for value in (200.0, 50.0, 0.0, 5000.0)
    )
    hidden = Index(Label("h"), None, None, None, "hidden", hidden=True)
    drawn = draw(Indices("t", "d", (*rows, hidden), ("over", "under")))
    assert lengths(drawn, "bar")[1] == pytest.approx(lengths(drawn, "other")[1], abs=0.2)
    paths = [each.get("class") for each in drawn.iter("path")]
    # What lies beyond the scale is an arrow, without an interval.
    assert (paths.count("bar"), paths.count("other")) == (1, 1)
    assert (paths.count("whisker"), paths.count("hatch")) == (2, 1)


def test_rates_of_two_periods_stand_below_each_other() -> None:
    one = Measured(0.2, 0.1, 0.3, "20%")
    hidden = Measured(None, None, None, "hidden", hidden=True)
    rows = (
        RateRow(Label("both"), (one, replace(one, rate=0.1, low=0.05))),
        RateRow(Label("one"), (one, None)),
        RateRow(Label("hidden"), (one, hidden)),
    )
    drawn = draw(Rates("t", "d", ("promo", "flat"), rows))
    assert len(lengths(drawn, "bar")) == 1 + 3
    assert lengths(drawn, "other")[1] == pytest.approx(lengths(drawn, "bar")[1] / 2, abs=0.1)
    tops = lengths(drawn, "bar", "y")[1], lengths(drawn, "other", "y")[1]
    assert tops[0] < tops[1]
    assert {"promo", "flat", "0%", "20%"} <= set(texts(drawn))


def test_streams_are_as_wide_as_users_are_many() -> None:
    left = (Node("a", 300, "300", 0), Node("b", 100, "100", 1))
    right = (Node("a", 150, "150", 0), Node("b", 250, "250", 1))
    streams = {(0, 0): 150, (0, 1): 150, (1, 1): 100}
    told = {key: Stream(users, str(users)) for key, users in streams.items()}
    drawn = draw(Sankey("t", "d", ("one", "two"), left, right, told))
    assert lengths(drawn, "hue-0", "height")[0] == pytest.approx(340 * 300 / 400, abs=0.2)
    assert sum(lengths(drawn, "hue-0", "height")) == pytest.approx(340 * 450 / 400, abs=0.2)
    assert len([each for each in drawn.iter("path") if "stream" in each.get("class", "")]) == 3


def test_a_hidden_stream_has_one_width() -> None:
    def drawn(size: int | None) -> Element:
        left = (Node("a", 300, "300", 0), Node("b", None, "hidden", 1))
        right = (Node("a", None, "hidden", 0),)
        told = {(0, 0): Stream(300, "300"), (1, 0): Stream(size, "hidden")}
        return draw(Sankey("t", "d", ("one", "two"), left, right, told))

    assert [each.get("class") for each in drawn(None).iter("path")].count("hatched") == 1
    assert len(lengths(drawn(None), "hatched", "height")) == 2


def test_causes_go_both_ways() -> None:
    rows = (
        Both(Label("a"), 100, 200, "−100", "+200"),
        Both(Label("b"), 0, 50, "−0", "+50"),
        Both(Label("c"), None, 0, "hidden", "+0"),
    )
    drawn = draw(Changes("t", "d", rows, ("removed", "added")))
    added, removed = lengths(drawn, "bar")[1:], lengths(drawn, "other")[1:]
    assert added[0] == pytest.approx(2 * removed[0], abs=0.2)
    assert added[0] == pytest.approx(4 * added[1], abs=0.2)
    assert "−0" not in texts(drawn)


@given(st.text(max_size=60), st.floats(20, 300))
def test_a_cut_text_fits(text: str, width: float) -> None:
    shown = cut(text, width)
    assert text_width(shown) <= width
    assert shown == text or shown.endswith("…")
    assert text.startswith(shown.removesuffix("…"))


@given(st.text(st.sampled_from("ab 高端,。("), max_size=60), st.integers(1, 3))
def test_lines_fit_and_lose_nothing_that_has_room(text: str, most: int) -> None:
    lines = wrapped(text, 120, most)
    assert len(lines) <= most
    assert all(text_width(line) <= 120 for line in lines)
    if not any(line.endswith("…") for line in lines):
        assert "".join(lines).replace(" ", "") == text.replace(" ", "")


@given(st.text(st.sampled_from("ab 高端，、（）：“”"), max_size=60), st.integers(60, 200))
def test_no_line_begins_with_what_ends_a_clause(text: str, width: int) -> None:
    _, *lines = wrapped(text, width, 9)
    # Marks alone are longer than any line.
    if not re.search("[，、）：”（“ ]{3}", text):
        assert not [line for line in lines if line.startswith(tuple("，、）：”"))]


def test_where_lines_are_broken() -> None:
    text = "近30天 购买（商品品类 = 手机，商品品牌 属于 小米、红米）：次数 ≥ 1"
    assert wrapped(text, 13 * 6, 9) == [
        "近30天 购买",
        "（商品品类",
        "= 手机，商",
        "品品牌 属于",
        "小米、红",
        "米）：次数",
        "≥ 1",
    ]


def test_chinese_is_twice_as_wide() -> None:
    assert text_width("高端换机") == 4 * 13
    assert text_width("abcd") < 0.7 * text_width("高端换机")
    assert unicodedata.combining("\u0301")
    assert text_width("e\u0301") == text_width("e")


@given(st.just(0.0) | st.floats(1e-9, 1e9), st.integers(2, 8))
def test_ticks_are_round_and_few(highest: float, most: int) -> None:
    marks = ticks(highest, most)
    assert marks[0] == 0
    assert marks[-1] <= highest * 1.0001
    assert len(marks) <= most + 1
    assert all(one < other for one, other in pairwise(marks))


@pytest.mark.parametrize(
    ("value", "text"), [(1.0, "1"), (1.25, "1.2"), (-0.01, "0"), (-10.04, "-10"), (-0.5, "-0.5")]
)
def test_pixels(value: float, text: str) -> None:
    assert pixels(value) == text


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_have_contrast_and_marks_are_seen(theme: dict[str, str]) -> None:
    for ground in ("paper", "raised", "warn"):
        for ink in ("ink", "muted", "link"):
            assert contrast(theme[ink], theme[ground]) >= 4.5, (ink, ground)
    for step in range(HEATS):
        assert contrast(theme[f"heat-ink-{step}"], theme[f"heat-{step}"]) >= 4.5, step
    for mark in ("bar", "other"):
        assert contrast(theme[mark], theme["paper"]) >= 3
    assert LIGHT.keys() == DARK.keys()
