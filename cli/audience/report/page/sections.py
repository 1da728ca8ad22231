"""The sections of a report: each chart with the tables behind it, and how it was computed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from audience.insight.report import Report
from audience.report import pictures, portraits
from audience.report.language import Words
from audience.report.page import tables
from audience.report.page.conversions import add_conversions
from audience.report.page.markup import add, add_chart, add_table, add_tables, article
from audience.report.telling import Telling, called, pack_name


@dataclass(frozen=True)
class Section:
    """A section by its anchor, its title, and its element."""

    name: str
    title: str
    element: Element


def sections_of(report: Report, words: Words) -> list[Section]:
    """The sections that a report has something for, in order."""
    found = [
        _sizes(report, words),
        _waterfalls(report, words) if report.waterfalls else None,
        _overlaps(report, words) if report.overlaps else None,
        _profiles(report, words) if report.profiles else None,
        _conversions(report, words) if report.conversions else None,
        _flows(report, words) if report.flows else None,
        _reasons(report, words) if report.reasons else None,
        _method(report, words),
    ]
    return [section for section in found if section is not None]


def _begun(name: str, words: Words, about: str = "") -> Section:
    element = Element("section", {"id": name})
    add(element, "h2", words(name))
    if about:
        add(element, "p", about, class_="about")
    return Section(name, words(name), element)


def _sizes(report: Report, words: Words) -> Section:
    about = "sizes_about_before" if report.headlines.found.compared else "sizes_about"
    section = _begun("sizes", words, words(about))
    add_chart(section.element, pictures.sizes_chart(report.headlines, words))
    grid = tables.sizes_grid(report.headlines, words)
    add_tables(section.element, [grid], words, grid.title)
    return section


def _waterfalls(report: Report, words: Words) -> Section:
    section = _begun("waterfalls", words, words("waterfalls_about"))
    for part in report.waterfalls:
        name = called(part.found.pack, part.found.label)
        box = article(section.element, name, pack_name(part.found.pack))
        add_chart(box, pictures.waterfall_chart(part, words))
        add_tables(box, tables.waterfall_grids(part, words), words, name)
    return section


def _overlaps(report: Report, words: Words) -> Section:
    part = report.overlaps
    assert part is not None
    section = _begun("overlaps", words, words("overlaps_about"))
    box = article(section.element, words("heat_chart"))
    add_chart(box, pictures.heat_chart(part, words))
    pairs = tables.pairs_grid(part, words)
    add_tables(box, [pairs], words, pairs.title)
    box = article(section.element, words("upset_chart"))
    add_chart(box, pictures.upset_chart(part, words))
    regions = tables.regions_grid(part, words)
    add_tables(box, [regions], words, regions.title)
    if part.found.redundant:
        box = article(section.element, words("redundant"))
        add_table(box, tables.redundant_grid(part.found, words))
    return section


def _profiles(report: Report, words: Words) -> Section:
    section = _begun("profiles", words, words("profiles_about"))
    for part in report.profiles:
        name = pack_name(part.found.pack)
        label = report.labels.get(name, "")
        chart = portraits.profile_chart(part, words, label)
        box = article(section.element, chart.title, name)
        add_chart(box, chart)
        grid = tables.profile_grid(part, words, label)
        add_tables(box, [grid], words, grid.title)
    return section


def _conversions(report: Report, words: Words) -> Section:
    section = _begun("conversions", words, words("conversions_about"))
    add_conversions(section.element, report, words)
    return section


def _flows(report: Report, words: Words) -> Section:
    section = _begun("flows", words, words("flows_about"))
    for each in report.flows:
        grid = tables.flow_grid(each, words, report.labels)
        box = article(section.element, grid.title)
        add_chart(box, portraits.flow_chart(each, words, report.labels))
        add_tables(box, [grid], words, grid.title)
    return section


def _reasons(report: Report, words: Words) -> Section:
    part = report.reasons
    assert part is not None
    tell = Telling(words, part.hidden)
    about = words("reasons_about", old=part.found.old, new=part.found.new)
    section = _begun("reasons", words, about)
    for each in part.found.packs:
        name = called(each.pack, each.label)
        box = article(section.element, name, pack_name(each.pack))
        chart = portraits.causes_chart(each, tell)
        add(box, "p", chart.told)
        if each.causes:
            add_chart(box, chart)
            add_tables(box, tables.causes_grids(each, tell), words, name)
    if part.found.untold:
        box = article(section.element, words("untold"))
        lines = add(box, "ul")
        for sentence in part.found.untold:
            add(lines, "li", sentence)
    return section


def _method(report: Report, words: Words) -> Section:
    found = report.provenance
    section = _begun("method", words)
    terms = add(article(section.element, words("terms")), "dl", class_="terms")
    for name, text in _terms(report, words):
        add(terms, "dt", name)
        add(terms, "dd", text)
    if found.inputs:
        box = article(section.element, words("inputs"))
        rows = [
            (each.table, each.files, each.bytes, words.days_up_to(each.first, each.last))
            for each in found.inputs
        ]
        add_table(box, tables.inputs_grid(rows, words))
        if found.lists:
            add(box, "p", words("lists", names=", ".join(found.lists)), class_="about")
    if report.goal is not None and report.goal.words:
        box = article(section.element, words("goal_rule"))
        add(add(box, "div", class_="scroll"), "pre", report.goal.text, tabindex="0")
    box = article(section.element, words("rules"))
    for rule in found.rules:
        details = add(box, "details", class_="rule")
        add(add(details, "summary"), "code", rule.path)
        if rule.variables:
            known = ", ".join(f"{name} = {value}" for name, value in rule.variables)
            add(details, "p", f"{words('variables')}: {known}")
        add(add(details, "div", class_="scroll"), "pre", rule.text, tabindex="0")
    return section


def _terms(report: Report, words: Words) -> Iterator[tuple[str, str]]:
    """The terms that a report uses, each with what it means."""
    tested = bool(report.profiles or report.conversions)
    for name, key, used in (
        ("base", "term_base", True),
        ("TGI", "term_tgi", bool(report.profiles)),
        ("ctgi", "term_ctgi", bool(report.conversions)),
        ("jaccard", "term_jaccard", report.overlaps is not None),
        ("lift", "term_lift", report.overlaps is not None),
        ("interval", "term_interval", tested),
        ("remark", "term_chance", tested),
    ):
        if used:
            yield words(name), words(key)
