"""Indices around 100, as bars to both sides, with intervals."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from xml.etree.ElementTree import Element

from audience.report.charts.canvas import Canvas
from audience.report.charts.rows import Band, Label, lay_rows, values_width

_TICKS = (10, 25, 50, 100, 200, 400, 1000)
_LEAST, _MOST = 10.0, 1000.0


@dataclass(frozen=True)
class Index:
    """A value around 100 and its interval; None where hidden or not known. ``sure`` if told apart.

    ``text`` stands behind it.
    """

    label: Label
    value: float | None
    low: float | None
    high: float | None
    text: str
    sure: bool = True
    hidden: bool = False


@dataclass(frozen=True)
class Indices:
    """Indices of one scale; ``legend`` names those above and below 100."""

    title: str
    told: str
    rows: tuple[Index, ...]
    legend: tuple[str, str]


def draw_indices(chart: Indices, width: float) -> Element:
    """Bars from 100 on a scale of ratios: twice as much is as long as half as much.

    What lies beyond the scale ends in an arrow.
    """
    canvas = Canvas.start(width, chart.title, chart.told)
    top = canvas.legend(0, list(zip(("bar", "other"), chart.legend, strict=True))) + 16
    labels = [row.label for row in chart.rows]
    texts = [row.text for row in chart.rows]
    plot = lay_rows(canvas, labels, top, values=values_width(texts, 13) + 6, bar=14)
    low, high = _range(chart.rows)

    def place(value: float) -> float:
        inside = min(max(value, low), high)
        return plot.left + log(inside / low) / log(high / low) * (plot.right - plot.left)

    for tick in _TICKS:
        if low <= tick <= high:
            x = place(tick)
            plot.rule(canvas, "axis" if tick == 100 else "grid", x)
            anchor = "start" if x < 12 else "end" if x > width - 12 else "middle"
            canvas.text((x, top - 8), str(tick), "small muted", anchor=anchor)
    for row, band in zip(chart.rows, plot.bands, strict=True):
        if row.hidden:
            canvas.hatch((place(100), band.top), band.height, row.text)
        elif row.value is not None:
            look = ("bar" if row.value >= 100 else "other") + ("" if row.sure else " pale")
            if low <= row.value <= high:
                start, end = sorted((place(100), place(row.value)))
                canvas.rect((start, band.top), (end - start, band.height), look)
            else:
                _draw_arrow(canvas, look, (place(100), place(row.value)), band)
            if row.low is not None and row.high is not None and low <= row.value <= high:
                canvas.whisker(place(row.low), place(row.high), band.middle)
        look = "" if row.sure else "muted"
        canvas.text((width, band.middle + 4.5), row.text, look, anchor="end")
    return canvas.finish(plot.bottom)


def _draw_arrow(canvas: Canvas, look: str, ends: tuple[float, float], band: Band) -> None:
    """A bar that goes on beyond the scale."""
    start, tip = ends
    neck = tip - 7 if tip > start else tip + 7
    below = band.top + band.height
    head = ("H", neck, "L", tip, band.middle, "L", neck, below)
    canvas.path(look, "M", start, band.top, *head, "H", start, "Z")


def _range(rows: tuple[Index, ...]) -> tuple[float, float]:
    """From where to where the scale goes: at least from 50 to 200."""
    known = [
        value
        for row in rows
        for value in (row.value, row.low, row.high)
        if value and not row.hidden
    ]
    lowest, highest = min([50.0, *known]), max([200.0, *known])
    return max(_LEAST, lowest * 0.92), min(_MOST, highest * 1.08)
