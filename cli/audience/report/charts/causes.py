"""Causes of a change, as bars to both sides: removed to the left, added to the right."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from audience.report.charts.canvas import NORMAL, Canvas, text_width
from audience.report.charts.rows import Band, Label, lay_rows


@dataclass(frozen=True)
class Both:
    """Users removed and added, None where hidden, with their texts."""

    label: Label
    removed: int | None
    added: int | None
    removed_text: str
    added_text: str


@dataclass(frozen=True)
class Changes:
    """Causes of one scale; ``legend`` names removed and added."""

    title: str
    told: str
    rows: tuple[Both, ...]
    legend: tuple[str, str]


def draw_changes(chart: Changes, width: float) -> Element:
    """Bars from the middle."""
    canvas = Canvas.start(width, chart.title, chart.told)
    top = canvas.legend(0, list(zip(("other", "bar"), chart.legend, strict=True)))
    plot = lay_rows(canvas, [row.label for row in chart.rows], top, values=0)
    widths = [
        [text_width(text, NORMAL) + 8 for text in texts]
        for texts in zip(*((row.removed_text, row.added_text) for row in chart.rows), strict=True)
    ] or [[0.0], [0.0]]
    known = [each for row in chart.rows for each in (row.removed, row.added) if each]
    least, most = plot.left + max(widths[0]), plot.right - max(widths[1])
    middle = (least + most) / 2
    scale = (most - middle) / max(known, default=1)
    for row, band in zip(chart.rows, plot.bands, strict=True):
        _draw_side(canvas, row.removed, row.removed_text, band, (middle, scale, -1))
        _draw_side(canvas, row.added, row.added_text, band, (middle, scale, 1))
    plot.rule(canvas, "axis", middle)
    return canvas.finish(plot.bottom)


def _draw_side(
    canvas: Canvas, users: int | None, text: str, band: Band, at: tuple[float, float, int]
) -> None:
    middle, scale, way = at
    if users == 0:
        return
    if users is None:
        length = 24.0
        canvas.hatch((middle + 2 if way > 0 else middle - 24, band.top), band.height, text)
    else:
        length = max(1.0, users * scale)
        start = middle if way > 0 else middle - length
        canvas.rect((start, band.top), (length, band.height), "bar" if way > 0 else "other")
    anchor = "start" if way > 0 else "end"
    canvas.text((middle + way * (length + 5), band.middle + 4.5), text, anchor=anchor)
