"""A table that is a value: made once, shown in a terminal or as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich import box
from rich.table import Table
from rich.text import Text

from audience.report.words import visible


@dataclass(frozen=True)
class Column:
    """A column's heading; numbers stand to the right."""

    title: str
    right: bool = False


@dataclass(frozen=True)
class Grid:
    """A title, columns and rows of texts."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]

    def to_rich(self) -> Table:
        """For a terminal, under the title: texts as they are, folded rather than cut."""
        headed = any(column.title for column in self.columns)
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, show_header=headed)
        for column in self.columns:
            table.add_column(
                Text(column.title),
                justify="right" if column.right else "left",
                overflow="fold",
            )
        for row in self.rows:
            table.add_row(*(Text(visible(cell)) for cell in row))
        return table

    def to_markdown(self) -> str:
        """As Markdown, under a heading."""
        rule = ["---:" if column.right else "---" for column in self.columns]
        lines = [[column.title for column in self.columns], rule, *self.rows]
        body = "\n".join("| " + " | ".join(_escaped(line)) + " |" for line in lines)
        return f"### {self.title}\n\n{body}\n"


def _escaped(cells: Sequence[str]) -> list[str]:
    return [cell.replace("\\", "\\\\").replace("|", "\\|").replace("\n", " ") for cell in cells]
