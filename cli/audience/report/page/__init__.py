"""A report as one HTML file that asks for nothing: no script, no font, no image from elsewhere.

The page depends on the report alone: the same report gives the same bytes.
"""

from __future__ import annotations

from importlib import resources
from xml.etree.ElementTree import Element, tostring

from audience.insight.report import Report
from audience.report.charts.theme import DARK, FONTS, LIGHT, chart_style
from audience.report.language import Language, Words
from audience.report.page.markup import add, plain
from audience.report.page.sections import Section, sections_of
from audience.report.telling import Telling
from audience.report.words import number

_MOST_WARNINGS = 3
"""More of them open on demand."""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'"


def render_page(report: Report, language: str | None = None, theme: str = "") -> str:
    """The page's text, in ``language``: `en` or `zh`, by default the report's own.

    ``theme`` is light, dark, or '' for what the reader's system prefers. Raises UsageError where
    there is no such language.
    """
    words = Words(Language.of(language or report.language))
    sections = sections_of(report, words)
    root = Element("html", {"lang": str(words.language)})
    if theme:
        root.set("data-theme", theme)
    _add_head(root, report, words)
    body = add(root, "body")
    add(body, "a", words("skip"), class_="skip", href="#report")
    page = add(body, "div", class_="page")
    _add_header(page, report, words)
    _add_contents(page, sections, words)
    main = add(page, "main", id="report")
    for section in sections:
        main.append(section.element)
    footer = add(page, "footer")
    add(footer, "p", words("version", version=report.provenance.version))
    return f"<!doctype html>\n{tostring(root, encoding='unicode', method='html')}\n"


def _add_head(root: Element, report: Report, words: Words) -> None:
    head = add(root, "head")
    add(head, "meta", charset="utf-8")
    add(head, "meta", http_equiv="Content-Security-Policy", content=_POLICY)
    add(head, "meta", name="viewport", content="width=device-width, initial-scale=1")
    add(head, "meta", name="color-scheme", content="light dark")
    add(head, "meta", name="referrer", content="no-referrer")
    # Else a browser asks for /favicon.ico.
    add(head, "link", rel="icon", href="data:,")
    add(head, "title", f"{report.label or report.name} · {report.as_of} · {words('title')}")
    style = add(head, "style")
    style.text = page_style()


def page_style() -> str:
    """All rules of the page: colours by theme, charts, and the page itself."""
    light, dark = (
        "".join(f"--{name}:{value};" for name, value in theme.items()) for theme in (LIGHT, DARK)
    )
    themes = (
        f":root{{color-scheme:light;{light}}}\n"
        f"@media screen and (prefers-color-scheme:dark){{:root{{color-scheme:dark;{dark}}}}}\n"
        f'@media screen{{:root[data-theme="light"]{{color-scheme:light;{light}}}\n'
        f':root[data-theme="dark"]{{color-scheme:dark;{dark}}}}}\n'
    )
    fonts = f":root{{--fonts:{FONTS}}}\n"
    own = resources.files(__package__).joinpath("style.css").read_text(encoding="utf-8")
    return "\n" + themes + fonts + chart_style(lambda name: f"var(--{name})") + "\n" + own


def _add_header(page: Element, report: Report, words: Words) -> None:
    header = add(page, "header")
    add(header, "p", words("title"), class_="kind")
    add(header, "h1", report.label or report.name)
    if report.label:
        add(header, "p", report.name, class_="name")
    found = report.headlines.found
    tell = Telling(words, report.headlines.hidden)
    facts = [
        (words("as_of"), report.as_of.isoformat()),
        (words("base"), tell.users("base", found.base)),
        (words("packs"), number(len(found.packs))),
    ]
    if found.suppressed:
        facts.append((words("suppressed"), tell.users("suppressed", found.suppressed)))
    if report.provenance.snapshot:
        facts.append((words("snapshot"), report.provenance.snapshot.isoformat()))
    box = add(header, "dl", class_="facts")
    for name, value in facts:
        fact = add(box, "div")
        add(fact, "dt", name)
        add(fact, "dd", value)
    if report.hides:
        add(header, "p", words("small_cells"), class_="note")
    if report.warnings:
        note = add(header, "div", class_="note warn", role="note")
        heading = words("warnings")
        if len(report.warnings) > _MOST_WARNINGS:
            note = add(note, "details")
            add(add(note, "summary", heading), "span", str(len(report.warnings)), class_="count")
        else:
            add(note, "strong", heading)
        lines = add(note, "ul")
        for warning in report.warnings:
            add(lines, "li", warning)


def _add_contents(page: Element, sections: list[Section], words: Words) -> None:
    nav = add(page, "nav")
    nav.set("aria-label", plain(words("contents")))
    add(nav, "h2", words("contents"))
    lines = add(nav, "ol")
    for section in sections:
        add(add(lines, "li"), "a", section.title, href=f"#{section.name}")
