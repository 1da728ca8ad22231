"""Markdown: what is in a cell is text, whatever it looks like."""

from __future__ import annotations

from audience.report.grid import Column, Grid


def test_nothing_in_a_cell_is_html_or_ends_it() -> None:
    grid = Grid("a <b>\nc", (Column("x"), Column("y")), (("<img src=x> & | \\", "1\n2"),))
    assert grid.to_markdown() == (
        "### a &lt;b> c\n\n| x | y |\n| --- | --- |\n| &lt;img src=x> & \\| \\\\ | 1 2 |\n"
    )
