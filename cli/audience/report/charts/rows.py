"""Rows with a label each: beside what they show on a desk, above it on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from audience.report.charts.canvas import SMALL, Canvas, text_width, wrapped

_INDENT = 14.0
_LINES = 3
"""Of a label, which is cut beyond."""


@dataclass(frozen=True)
class Label:
    """What a row is called, in short and in full; what lies deeper stands further right."""

    text: str
    more: str = ""
    depth: int = 0


@dataclass(frozen=True)
class Band:
    """Where a row's marks go: the top of its bar, how high it is, and the middle."""

    top: float
    height: float

    @property
    def middle(self) -> float:
        """Half way down."""
        return self.top + self.height / 2


@dataclass(frozen=True)
class Plot:
    """The rows' bands, between left and right, and where they end below."""

    bands: tuple[Band, ...]
    left: float
    right: float
    top: float
    bottom: float

    def rule(self, canvas: Canvas, look: str, x: float) -> None:
        """A line from top to bottom; on a phone it leaves out the labels above the bars."""
        if not canvas.narrow:
            canvas.path(look, "M", x, self.top - 4, "V", self.bottom)
            return
        steps: list[str | float] = []
        for band in self.bands:
            steps += ["M", x, band.top - 2, "V", band.top + band.height + 2]
        canvas.path(look, *steps)


def lay_rows(
    canvas: Canvas, labels: Sequence[Label], top: float, *, values: float, bar: float = 16
) -> Plot:
    """Draw the labels and lay the bands out; ``values`` pixels are left free on the right."""
    right = canvas.width - values
    bands = []
    y = top
    if canvas.narrow:
        for label in labels:
            x = min(label.depth, 4) * _INDENT
            lines = wrapped(label.text, canvas.width - x, _LINES)
            _draw(canvas, x, y + 12, lines, label)
            y += 17 * len(lines) + 2
            bands.append(Band(y, bar))
            y += bar + 11
        return Plot(tuple(bands), 0, right, top, y - 4)
    wish = max((text_width(each.text) + min(each.depth, 4) * _INDENT for each in labels), default=0)
    room = min(max(wish, 60.0), canvas.width * 0.36)
    for label in labels:
        x = min(label.depth, 4) * _INDENT
        lines = wrapped(label.text, room - x, _LINES)
        height = max(bar, 17.0 * len(lines))
        _draw(canvas, x, y + height / 2 + 4.5 - 8.5 * (len(lines) - 1), lines, label)
        bands.append(Band(y + (height - bar) / 2, bar))
        y += height + 9
    return Plot(tuple(bands), room + 14, right, top, y - 4)


def values_width(texts: Sequence[str], size: float = SMALL) -> float:
    """Room for the widest of some values."""
    return max((text_width(text, size) for text in texts), default=0) + 16


def _draw(canvas: Canvas, x: float, y: float, lines: list[str], label: Label) -> None:
    whole = "".join(lines).replace(" ", "") == label.text.replace(" ", "")
    more = label.more or ("" if whole else label.text)
    for number, line in enumerate(lines):
        canvas.text((x, y + 17 * number), line, more=more)
