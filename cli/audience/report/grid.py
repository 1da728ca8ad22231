"""A table that is a value: made once, shown in a terminal or as Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich import box
from rich.cells import cell_len
from rich.table import Table
from rich.text import Text

from audience.report.words import visible

_GAP = 3
"""Between two columns in a terminal."""


@dataclass(frozen=True)
class Column:
    """A column's heading; numbers stand to the right.

    A ``spare`` one draws what others tell: it is left out where there is no room, and of Markdown.
    """

    title: str
    right: bool = False
    spare: bool = False


@dataclass(frozen=True)
class Grid:
    """A title, columns and rows of texts; a ``spare`` one is left out where it has no room."""

    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    spare: bool = False

    @property
    def width(self) -> int:
        """How many columns of a terminal it takes where nothing is folded."""
        texts = zip(*((column.title for column in self.columns), *self.rows), strict=False)
        widths = [max(cell_len(visible(text)) for text in column) for column in texts]
        return sum(widths) + _GAP * max(0, len(widths) - 1)

    def fitted(self, width: int) -> Grid:
        """The grid for so many columns of a terminal: without what is spare if it does not fit."""
        return self if self.width <= width else self._plain()

    def _plain(self) -> Grid:
        kept = [at for at, column in enumerate(self.columns) if not column.spare]
        rows = tuple(tuple(row[at] for at in kept) for row in self.rows)
        return replace(self, columns=tuple(self.columns[at] for at in kept), rows=rows)

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
        plain = self._plain()
        rule = ["---:" if column.right else "---" for column in plain.columns]
        lines = [[column.title for column in plain.columns], rule, *plain.rows]
        body = "\n".join("| " + " | ".join(_escaped(line)) + " |" for line in lines)
        return f"### {_plain_text(self.title)}\n\n{body}\n"


def _escaped(cells: Sequence[str]) -> list[str]:
    return [_plain_text(cell.replace("\\", "\\\\").replace("|", "\\|")) for cell in cells]


def _plain_text(text: str) -> str:
    """A text on one line in which nothing is HTML: where Markdown is shown, tags would be tags."""
    return " ".join(text.splitlines()).replace("<", "&lt;")
