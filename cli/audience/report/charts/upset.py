"""An UpSet plot: how many are in exactly which sets (Lex et al., IEEE TVCG 2014)."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from audience.report.charts.canvas import SMALL, Canvas, text_width

_BARS = 120.0
_ROW = 22.0


@dataclass(frozen=True)
class Combination:
    """Who is in exactly these sets, by number; None where the count is hidden."""

    sets: frozenset[int]
    users: int | None
    text: str
    told: str


@dataclass(frozen=True)
class Upset:
    """Combinations, the largest first, of the sets that have these names."""

    title: str
    told: str
    names: tuple[str, ...]
    combinations: tuple[Combination, ...]


def draw_upset(chart: Upset, width: float) -> Element:
    """Bars over a matrix of dots; of many combinations as many as there is room for."""
    canvas = Canvas.start(width, chart.title, chart.told)
    label = (
        min(max(map(text_width, chart.names), default=0), 110.0 if canvas.narrow else 240.0) + 12
    )
    widest = max((text_width(each.text, SMALL) for each in chart.combinations), default=0)
    step = max(26.0, min(widest + 8, 60.0))
    shown = chart.combinations[: max(1, int((width - label) / step))]
    step = min(64.0, max(step, (width - label) / max(len(shown), 1)))
    matrix = 18 + _BARS + 10
    for number, name in enumerate(chart.names):
        y = matrix + number * _ROW
        if not number % 2:
            canvas.rect((0, y), (label + len(shown) * step, _ROW), "stripe")
        canvas.text((4, y + 15), name, room=label - 10)
    longest = max((each.users for each in shown if each.users), default=1)
    for column, each in enumerate(shown):
        x = label + (column + 0.5) * step
        _draw_bar(canvas, x, step, each, longest)
        _draw_dots(canvas, x, matrix, each, len(chart.names))
    return canvas.finish(matrix + len(chart.names) * _ROW + 2)


def _draw_bar(canvas: Canvas, x: float, step: float, each: Combination, longest: int) -> None:
    wide = min(30.0, step - 6)
    foot = 18 + _BARS
    if each.users is None:
        canvas.hatch((x - 11, foot - 12), 12, each.told)
        return
    high = max(1.0, each.users / longest * _BARS)
    canvas.rect((x - wide / 2, foot - high), (wide, high), "bar", each.told)
    canvas.text((x, foot - high - 5), each.text, "small", anchor="middle", more=each.told)


def _draw_dots(canvas: Canvas, x: float, top: float, each: Combination, rows: int) -> None:
    inside = sorted(each.sets)
    for row in range(rows):
        if row not in each.sets:
            canvas.circle((x, top + (row + 0.5) * _ROW), 4, "hole")
    if len(inside) > 1:
        first, last = (top + (row + 0.5) * _ROW for row in (inside[0], inside[-1]))
        canvas.path("join", "M", x, first, "V", last)
    for row in inside:
        canvas.circle((x, top + (row + 0.5) * _ROW), 5, "dot")
