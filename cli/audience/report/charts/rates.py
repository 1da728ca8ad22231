"""Rates with intervals: a bar for each value, and for each period."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from audience.report.charts.canvas import Canvas, ticks
from audience.report.charts.rows import Band, Label, lay_rows, values_width

_LOOKS = ("bar", "other", "hue-2", "hue-3", "hue-4", "hue-6")
_BAR = 13.0


@dataclass(frozen=True)
class Measured:
    """A rate of 0 to 1 and its interval; None where hidden or not known."""

    rate: float | None
    low: float | None
    high: float | None
    text: str
    hidden: bool = False


@dataclass(frozen=True)
class RateRow:
    """A value's rates, one for each period; None where a period does not have the value."""

    label: Label
    rates: tuple[Measured | None, ...]


@dataclass(frozen=True)
class Rates:
    """Rates by value; ``periods`` are named where there are several."""

    title: str
    told: str
    periods: tuple[str, ...]
    rows: tuple[RateRow, ...]


def draw_rates(chart: Rates, width: float) -> Element:
    """Bars from 0 with whiskers, those of one value below each other."""
    canvas = Canvas.start(width, chart.title, chart.told)
    count = len(chart.periods)
    looks = [_LOOKS[at % len(_LOOKS)] for at in range(count)]
    top = canvas.legend(0, list(zip(looks, chart.periods, strict=True))) if count > 1 else 4.0
    top += 16
    rates = [rate for row in chart.rows for rate in row.rates if rate is not None]
    room = values_width([rate.text for rate in rates], 13)
    bar = count * (_BAR + 3) - 3
    plot = lay_rows(canvas, [row.label for row in chart.rows], top, values=room, bar=bar)
    shown = [rate.high or rate.rate or 0 for rate in rates if not rate.hidden]
    highest = max([*shown, 0.001])
    scale = (plot.right - plot.left) / highest
    for tick in ticks(highest, 3 if canvas.narrow else 6):
        x = plot.left + tick * scale
        plot.rule(canvas, "grid", x)
        anchor = "start" if x < 12 else "middle"
        canvas.text((x, top - 8), f"{tick * 100:g}%", "small muted", anchor=anchor)
    for row, band in zip(chart.rows, plot.bands, strict=True):
        for at, rate in enumerate(row.rates):
            if rate is not None:
                part = Band(band.top + at * (_BAR + 3), _BAR)
                _draw_rate(canvas, rate, part, plot.left, scale, looks[at])
    return canvas.finish(plot.bottom)


def _draw_rate(
    canvas: Canvas, rate: Measured, band: Band, left: float, scale: float, look: str
) -> None:
    if rate.hidden:
        canvas.hatch((left, band.top), band.height, rate.text)
    elif rate.rate is not None:
        canvas.rect((left, band.top), (rate.rate * scale, band.height), look)
        if rate.low is not None and rate.high is not None:
            canvas.whisker(left + rate.low * scale, left + rate.high * scale, band.middle)
    canvas.text((canvas.width, band.middle + 4.5), rate.text, anchor="end")
