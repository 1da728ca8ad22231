"""The page: well-formed, with the value's numbers, in both languages, safe with any label."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date
from html.parser import HTMLParser

import pytest
from reports import made_up

from audience.insight.report import Headline, Part, Report, RuleText
from audience.report.language import Language, Words
from audience.report.page import page_style, render_page
from audience.report.picture import chart_of
from audience.report.words import change, signed

VOID = {"meta", "link", "br"}


@dataclass
class Node:
    tag: str
    attributes: dict[str, str]
    children: list[Node | str] = field(default_factory=list)

    def all(self, tag: str) -> Iterator[Node]:
        for child in self.children:
            if isinstance(child, Node):
                if child.tag == tag:
                    yield child
                yield from child.all(tag)

    @property
    def text(self) -> str:
        return "".join(each if isinstance(each, str) else each.text for each in self.children)


class Tree(HTMLParser):
    """Reads a page, strictly: every element that opens closes, in order."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Node("", {})
        self.open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        node = Node(tag, {name: value or "" for name, value in attrs})
        assert len(node.attributes) == len(attrs)
        self.open[-1].children.append(node)
        if tag not in VOID:
            self.open.append(node)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop().tag == tag

    def handle_data(self, data: str) -> None:
        self.open[-1].children.append(data)


def read(text: str) -> Node:
    tree = Tree()
    tree.feed(text)
    tree.close()
    assert tree.open == [tree.root]
    return tree.root


def tables(section: Node) -> list[list[list[str]]]:
    return [
        [[cell.text for cell in row.children if isinstance(cell, Node)] for row in table.all("tr")]
        for table in section.all("table")
    ]


def section(page: Node, name: str) -> Node:
    return next(each for each in page.all("section") if each.attributes["id"] == name)


REPORT = made_up(5)
PAGES = {language: read(render_page(REPORT, language)) for language in Language}


@pytest.mark.parametrize("language", list(Language))
def test_structure(language: Language) -> None:
    page = PAGES[language]
    (root,) = page.all("html")
    assert root.attributes == {"lang": str(language)}
    sections = [each.attributes["id"] for each in page.all("section")]
    names = ["sizes", "waterfalls", "overlaps", "profiles", "conversions", "flows", "reasons"]
    assert sections == [*names, "method"]
    (nav,) = page.all("nav")
    assert [each.attributes["href"] for each in nav.all("a")] == [f"#{name}" for name in sections]
    assert len(list(page.all("h1"))) == 1
    for each in page.all("section"):
        assert next(each.all("h2")).text == Words(language)(each.attributes["id"])
    ids = [
        each.attributes["id"]
        for tag in ("section", "main", "svg")
        for each in page.all(tag)
        if "id" in each.attributes
    ]
    assert len(ids) == len(set(ids))
    for chart in page.all("svg"):
        assert chart.attributes["role"] == "img"
        assert [child.tag for child in chart.children[:2] if isinstance(child, Node)] == [
            "title",
            "desc",
        ]


def test_every_chart_has_its_table() -> None:
    for page in PAGES.values():
        for figure in page.all("figure"):
            assert [box.attributes["class"] for box in figure.all("div")] == [
                "scroll wide",
                "scroll narrow",
            ]
        for each in page.all("section"):
            figures, details = list(each.all("figure")), list(each.all("details"))
            if each.attributes["id"] != "method":
                assert len(figures) == len(details) > 0


@pytest.mark.parametrize("language", list(Language))
def test_tables_have_the_numbers(language: Language) -> None:
    page, words = PAGES[language], Words(language)
    (sizes,) = tables(section(page, "sizes"))
    assert len(sizes) == 6
    for row, pack in zip(sizes[1:], REPORT.headlines.found.packs, strict=True):
        assert row[:4] == [pack.pack, pack.label, f"{pack.size:,}", f"{pack.share:.1%}"]
        if pack.before is None:
            assert row[4:] == ["–", "–", words("new")]
        else:
            change = pack.size / pack.before - 1
            assert row[4:] == [f"{pack.before:,}", "2023-04-15", f"{change:+.1%}"]
    falls = tables(section(page, "waterfalls"))
    for part, rows, around in zip(REPORT.waterfalls, falls[::2], falls[1::2], strict=True):
        for row, step in zip(rows[1:], part.found.steps, strict=True):
            told = [step.alone, step.after, step.without, step.only_missing]
            assert row[1:] == ["" if n is None else f"{n:,}" for n in told]
            assert row[0].strip() == step.asked
        nearby = [each for step in part.found.steps for each in step.nearby]
        assert [row[1:] for row in around[1:]] == [
            [each.change, f"{each.size:,}", f"{each.difference:+,}"] for each in nearby
        ]
    assert REPORT.overlaps
    found = REPORT.overlaps.found
    pairs, regions = tables(section(page, "overlaps"))[:2]
    told_pairs = {(row[0], row[1]): row[2:] for row in pairs[1:]}
    for pair in found.pairs:
        shares = [f"{share:.1%}" for share in (pair.of_one, pair.of_other)]
        assert told_pairs[pair.one, pair.other] == [
            f"{pair.both:,}",
            *["<0.1%" if share == "0.0%" and pair.both else share for share in shares],
            f"{pair.jaccard:.3f}",
            f"{pair.lift:.2f}",
        ]
    told_regions = {row[0]: row[1] for row in regions[1:]}
    for region in found.regions[:40]:
        assert told_regions[" & ".join(region.packs)] == f"{region.users:,}"
    assert told_regions[words("outside")] == f"{found.outside:,}"


@pytest.mark.parametrize("language", list(Language))
def test_tables_of_people_have_the_numbers(language: Language) -> None:
    page, words = PAGES[language], Words(language)
    for part, rows in zip(REPORT.profiles, tables(section(page, "profiles")), strict=True):
        for row, line in zip(rows[1:], part.found.lines, strict=True):
            assert row[0] == (line.label or line.tag)
            assert row[1:3] == [line.value, f"{line.users:,}"]
            assert row[4] == f"{line.baseline_users:,}"
            assert row[6].startswith(f"{line.tgi:.0f}")
    (rates,) = tables(section(page, "conversions"))
    parts = [part.found for part in REPORT.conversions]
    assert len(rates) == 1 + 2 + sum(len(each.lines) for each in parts)
    for found in parts:
        for line in found.lines:
            mine = [row for row in rates if row[1] == line.value and found.period in row[2]]
            (row,) = [each for each in mine if each[0] == (line.label or line.tag)]
            assert row[3:6] == [
                f"{line.rate.users:,}",
                f"{line.rate.of:,}",
                f"{line.rate.rate:.1%}",
            ]
    (moves,) = tables(section(page, "flows"))
    flow = REPORT.flows[0].flow.found
    for row, (stage, moved) in zip(moves[1:-1], flow.moved.items(), strict=True):
        told = [f"{n:,}" if stage or name else "" for name, n in moved.items()]
        assert row[2:] == told
        assert row[0] == (stage or words("entered"))
    assert moves[-1][2:] == [*(f"{n:,}" for n in flow.after.values()), f"{flow.left:,}"]
    assert REPORT.reasons
    causes = tables(section(page, "reasons"))
    for explained, rows, changed in zip(
        REPORT.reasons.found.packs, causes[::2], causes[1::2], strict=True
    ):
        assert [row[1:] for row in rows[1:]] == [
            [each.detail, each.at, f"{each.added:,}", f"{each.removed:,}"]
            for each in explained.causes
        ]
        assert changed[1][1:] == ["二线 → 一线", str(explained.causes[2].transitions[0].users)]
    inputs = tables(section(page, "method"))[0]
    assert inputs[1] == ["users", "2023-02-28 – 2023-06-30", "3", "1,234,567"]


def test_it_is_the_same_each_time() -> None:
    assert render_page(made_up(5, 40)) == render_page(made_up(5, 40))


def test_it_asks_for_nothing() -> None:
    text = render_page(REPORT)
    page = read(text)
    assert not list(page.all("script"))
    assert not list(page.all("img"))
    links = [each.attributes["href"] for tag in ("a", "link") for each in page.all(tag)]
    assert all(link.startswith("#") or link == "data:," for link in links)
    policy = next(each for each in page.all("meta") if "http-equiv" in each.attributes)
    assert policy.attributes["content"].startswith("default-src 'none';")
    style = page_style()
    assert "@import" not in style
    assert "url(" not in style
    assert not [name for node in page.all("svg") for name in node.attributes if name[:2] == "on"]
    assert "http://" not in text
    assert "https://" not in text


def test_thirty_packs_are_small_enough() -> None:
    for language in Language:
        assert len(render_page(made_up(30), language).encode()) < 2_000_000


HOSTILE = "</title></style><script>alert(1)</script>&amp;\"'><b x=\u202eevil\x00\u2066"


def hostile() -> Report:
    report = made_up(3)
    packs = tuple(Headline(f"{HOSTILE}{at}", HOSTILE, 5, 0.1) for at in range(3))
    fall = report.waterfalls[0].found
    steps = tuple(replace(step, asked=HOSTILE, at=HOSTILE) for step in fall.steps)
    look = report.profiles[0].found
    lines = tuple(replace(line, label=HOSTILE, value=HOSTILE) for line in look.lines)
    turn = report.conversions[0].found
    assert report.reasons
    reason = report.reasons.found.packs[0]
    causes = tuple(
        replace(each, detail=HOSTILE, kind=HOSTILE, at=HOSTILE) for each in reason.causes
    )
    return replace(
        report,
        label=HOSTILE,
        campaign=HOSTILE,
        headlines=Part(replace(report.headlines.found, packs=packs)),
        waterfalls=(Part(replace(fall, pack=HOSTILE, label=HOSTILE, steps=steps)),),
        profiles=(Part(replace(look, pack=HOSTILE, baseline=HOSTILE, lines=lines)),),
        conversions=(Part(replace(turn, source=HOSTILE, period=HOSTILE)),),
        flows=(replace(report.flows[0], stages=HOSTILE),),
        reasons=Part(
            replace(
                report.reasons.found,
                packs=(replace(reason, label=HOSTILE, causes=causes),),
                untold=(HOSTILE,),
            )
        ),
        provenance=replace(
            report.provenance,
            rules=(RuleText(HOSTILE, f"a: 1\r\n\t{HOSTILE}\n", ((HOSTILE, HOSTILE),)),),
            version=HOSTILE,
        ),
        warnings=(HOSTILE,),
    )


@pytest.mark.parametrize("language", list(Language))
def test_no_label_is_markup(language: Language) -> None:
    text = render_page(hostile(), language)
    page = read(text)
    tags = {each.tag for tag in ("script", "b") for each in page.all(tag)}
    assert not tags
    plain = {each.tag for each in _every(page)} - {each.tag for each in _every(PAGES[language])}
    assert not plain
    for char in "\u202e\u2066\x00":
        assert char not in text
    assert "U+202E" in next(page.all("h1")).text
    assert "&amp;" in next(page.all("h1")).text  # as it was written
    assert "</title>" in next(page.all("title")).text
    assert len(list(page.all("style"))) == 1


def _every(node: Node) -> Iterator[Node]:
    for child in node.children:
        if isinstance(child, Node):
            yield child
            yield from _every(child)


def test_of_long_tables_the_first_rows_are_there() -> None:
    part = REPORT.profiles[0]
    lines = tuple(
        replace(line, value=f"{line.value} {at}") for at in range(3) for line in part.found.lines
    )
    report = replace(REPORT, profiles=(Part(replace(part.found, lines=lines)),))
    for language, told in (
        (Language.ENGLISH, "40 of 90"),
        (Language.CHINESE, "共 90 项，显示 40 项"),
    ):
        (table,) = tables(section(read(render_page(report, language)), "profiles"))
        assert [row[1] for row in table[1:]] == [line.value for line in lines[:40]]
        (details,) = section(read(render_page(report, language)), "profiles").all("details")
        assert told in next(details.all("summary")).text


def test_rule_texts_stand_as_they_are() -> None:
    (rule, *_) = section(PAGES[Language.CHINESE], "method").all("pre")
    assert rule.text == REPORT.provenance.rules[0].text
    assert "\u3000" in rule.text


def test_what_a_report_does_not_have_is_left_out() -> None:
    bare = Report(
        "c",
        "p",
        "",
        REPORT.as_of,
        Part(replace(REPORT.headlines.found, packs=())),
        REPORT.provenance,
    )
    page = read(render_page(bare))
    assert [each.attributes["id"] for each in page.all("section")] == ["sizes", "method"]
    assert next(page.all("h1")).text == "c/p"
    terms = [each.text for each in section(page, "method").all("dt")]
    assert terms == ["Base"]


@pytest.mark.parametrize("language", list(Language))
def test_without_a_build_before_nothing_is_compared(language: Language) -> None:
    heads = REPORT.headlines.found
    packs = tuple(replace(each, before=None, before_as_of=None) for each in heads.packs)
    report = replace(REPORT, headlines=Part(replace(heads, packs=packs)))
    words = Words(language)
    for found, compared in ((REPORT, True), (report, False)):
        sizes = section(read(render_page(found, language)), "sizes")
        (table,) = tables(sizes)
        assert len(table[0]) == (7 if compared else 4)
        assert (words("before") in table[0]) == compared
        about = next(sizes.all("p")).text
        assert about == words("sizes_about_before" if compared else "sizes_about")
        assert (("last build" in about) or ("上一次构建" in about)) == compared


def test_days_of_inputs() -> None:
    words = Words(Language.ENGLISH)
    first, last = date(2023, 4, 2), date(2023, 6, 18)
    assert words.days_up_to(first, last) == "2023-04-02 – 2023-06-18"
    assert words.days_up_to(last, last) == "2023-06-18"
    assert words.days_up_to(None, last) == "… – 2023-06-18"
    assert words.days_up_to(None, None) == "–"


def test_no_change_has_no_sign() -> None:
    assert [change(each) for each in (0.0, 0.5, -0.25, None)] == ["0", "+50.0%", "-25.0%", "–"]
    assert [signed(each) for each in (0, 1200, -5)] == ["0", "+1,200", "-5"]


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_page_is_in_the_report_s_language(language: str) -> None:
    own = replace(REPORT, language=Language.of(language))
    assert render_page(own) == render_page(REPORT, language)
    assert chart_of(own, "sizes") == chart_of(REPORT, "sizes", language)


def test_themes_by_system_and_by_attribute() -> None:
    style = page_style()
    assert "@media screen and (prefers-color-scheme:dark)" in style
    assert ':root[data-theme="dark"]' in style
    assert set(re.findall(r"var\(--([\w-]+)\)", style)) <= set(re.findall(r"--([\w-]+):", style))
    for theme in ("light", "dark"):
        (root,) = read(render_page(REPORT, theme=theme)).all("html")
        assert root.attributes["data-theme"] == theme
