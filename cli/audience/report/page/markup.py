"""HTML as a tree: elements, texts in which nothing hides, charts with their tables."""

from __future__ import annotations

import unicodedata
from xml.etree.ElementTree import Element, SubElement

from audience.report.charts import NARROW, WIDE, Chart, draw
from audience.report.grid import Grid
from audience.report.language import Words
from audience.report.words import number, visible


def add(parent: Element, tag: str, text: str = "", **attributes: str) -> Element:
    """A further element of a parent; ``class_`` is its class."""
    named = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
    element = SubElement(parent, tag, named)
    if text:
        element.text = plain(text)
    return element


def article(parent: Element, title: str, name: str = "") -> Element:
    """A part of a section under a heading, with the name that goes with a label."""
    box = add(parent, "article")
    head = add(box, "h3", title)
    if name and name != title:
        head.text = (head.text or "") + " "
        add(head, "small", name)
    return box


def plain(text: str) -> str:
    """A text as a page may have it: what does not print, or reorders text, is spelled out.

    Spaces of any width, tabs and line breaks may stay: they do not move what is around them.
    """
    return "".join(
        char if char in "\n\t" or unicodedata.category(char) == "Zs" else visible(char)
        for char in text.replace("\r\n", "\n")
    )


def add_chart(parent: Element, chart: Chart) -> None:
    """A chart twice: for a desk and paper, and for a phone; of both one is displayed."""
    figure = add(parent, "figure", class_="chart-box")
    for width, look in ((WIDE, "wide"), (NARROW, "narrow")):
        box = add(figure, "div", class_=f"scroll {look}")
        drawn = draw(chart, width)
        if float(drawn.get("width", "0")) <= width:
            drawn.set("class", "chart fits")
        box.append(drawn)


def add_tables(parent: Element, grids: list[Grid], words: Words, what: str) -> None:
    """Tables that open on demand, and on paper."""
    details = add(parent, "details")
    rows = sum(len(grid.rows) for grid in grids)
    summary = add(details, "summary", words("table", what=what))
    add(summary, "span", words("rows", n=number(rows)), class_="count")
    for grid in grids:
        if len(grids) > 1:
            add(details, "h4", grid.title)
        add_table(details, grid)


def add_table(parent: Element, grid: Grid) -> None:
    """A table in a box of its own, which scrolls where it is wide."""
    box = add(parent, "div", class_="scroll", tabindex="0", role="group")
    box.set("aria-label", plain(grid.title))
    table = add(box, "table")
    row = add(add(table, "thead"), "tr")
    for column in grid.columns:
        head = add(row, "th", column.title, scope="col")
        if column.right:
            head.set("class", "n")
    body = add(table, "tbody")
    for cells in grid.rows:
        row = add(body, "tr")
        for column, cell in zip(grid.columns, cells, strict=True):
            element = add(row, "td", cell)
            if column.right:
                element.set("class", "n")
