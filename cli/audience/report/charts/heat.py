"""A heat map: shares of rows in columns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from audience.report.charts.canvas import SMALL, Canvas, text_width
from audience.report.charts.theme import HEATS
from audience.report.words import whole_percent


@dataclass(frozen=True)
class Share:
    """A share of 0 to 1, None where it is hidden or there is none, and what is told of it."""

    share: float | None
    told: str
    hidden: bool = False


@dataclass(frozen=True)
class Heat:
    """Shares by the numbers of row and column; those of a name with itself are left out."""

    title: str
    told: str
    names: tuple[str, ...]
    shares: Mapping[tuple[int, int], Share]


def draw_heat(chart: Heat, width: float) -> Element:
    """A square of cells, columns numbered as the rows are; wider than asked for rather than dim."""
    canvas = Canvas.start(width, chart.title, chart.told)
    count = len(chart.names)
    labels = [f"{number}  {name}" for number, name in enumerate(chart.names, 1)]
    wish = max(map(text_width, labels), default=0) + 10
    label = min(wish, 130.0 if canvas.narrow else 260.0)
    cell = min(64.0, max(24.0, (width - label) / max(count, 1)))
    high = min(cell, 34.0)
    top = 20.0
    for number, name in enumerate(chart.names):
        x, y = label + number * cell, top + number * high
        canvas.text((x + cell / 2, 13), str(number + 1), "small muted", anchor="middle", more=name)
        canvas.text((0, y + high / 2 + 4.5), labels[number], room=label - 8)
        for column in range(count):
            at = (label + column * cell, y)
            share = chart.shares.get((number, column))
            if share is None:
                canvas.rect((at[0] + 1, y + 1), (cell - 2, high - 2), "ghost")
            else:
                _draw_share(canvas, at, (cell, high), share)
    return canvas.finish(top + count * high + 2, max(width, label + count * cell))


def _draw_share(
    canvas: Canvas, at: tuple[float, float], size: tuple[float, float], share: Share
) -> None:
    x, y = at
    cell, high = size
    if share.hidden:
        canvas.hatch((x + cell / 2 - 11, y + high / 2 - 6), 12, share.told)
        return
    step = min(HEATS - 1, int((share.share or 0) * HEATS))
    canvas.rect((x + 1, y + 1), (cell - 2, high - 2), f"heat-{step}", share.told)
    text = "–" if share.share is None else whole_percent(share.share)
    if cell >= 44 and share.share is not None:
        text += "%"
    look = "small" if text_width(text, SMALL) < cell - 4 else "tiny"
    where = (x + cell / 2, y + high / 2 + 4)
    canvas.text(where, text, f"{look} heat-ink-{step}", anchor="middle", more=share.told)
