"""Charts: values → SVG trees. What is hidden comes here as None, so that no length can tell it."""

from __future__ import annotations

from xml.etree.ElementTree import Element

from audience.report.charts.bars import Bars, Drops, draw_bars, draw_drops
from audience.report.charts.canvas import NARROW, WIDE
from audience.report.charts.causes import Changes, draw_changes
from audience.report.charts.files import to_png, to_svg
from audience.report.charts.heat import Heat, draw_heat
from audience.report.charts.indices import Indices, draw_indices
from audience.report.charts.rates import Rates, draw_rates
from audience.report.charts.sankey import Sankey, draw_sankey
from audience.report.charts.upset import Upset, draw_upset

__all__ = [
    "NARROW",
    "WIDE",
    "Bars",
    "Changes",
    "Chart",
    "Drops",
    "Heat",
    "Indices",
    "Rates",
    "Sankey",
    "Upset",
    "draw",
    "to_png",
    "to_svg",
]

Chart = Bars | Drops | Heat | Upset | Indices | Rates | Sankey | Changes


def draw(chart: Chart, width: float = WIDE) -> Element:
    """A chart as an SVG tree, of so many pixels; it has no colours yet, only classes."""
    match chart:
        case Bars():
            return draw_bars(chart, width)
        case Drops():
            return draw_drops(chart, width)
        case Heat():
            return draw_heat(chart, width)
        case Upset():
            return draw_upset(chart, width)
        case Indices():
            return draw_indices(chart, width)
        case Rates():
            return draw_rates(chart, width)
        case Sankey():
            return draw_sankey(chart, width)
        case Changes():
            return draw_changes(chart, width)
