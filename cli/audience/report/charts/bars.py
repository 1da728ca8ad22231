"""Horizontal bars: sizes, and from a base to a pack."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree.ElementTree import Element

from audience.report.charts.canvas import Canvas, text_width
from audience.report.charts.rows import Label, lay_rows, values_width


@dataclass(frozen=True)
class Bar:
    """A length, None where it is hidden, and its text; ``notes`` stand in columns behind it."""

    label: Label
    value: int | None
    text: str
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Bars:
    """Bars of one scale; ``heads`` are over the columns of notes."""

    title: str
    told: str
    bars: tuple[Bar, ...]
    heads: tuple[str, ...] = ()


def draw_bars(chart: Bars, width: float) -> Element:
    """Bars, longest the longest that is not hidden."""
    canvas = Canvas.start(width, chart.title, chart.told)
    columns = [
        values_width([head, *(bar.notes[at] for bar in chart.bars)])
        for at, head in enumerate(chart.heads)
    ]
    top = 20.0 if chart.heads else 0.0
    plot = lay_rows(canvas, [bar.label for bar in chart.bars], top, values=sum(columns))
    ends = [width - sum(columns[at + 1 :]) for at in range(len(columns))]
    for head, end in zip(chart.heads, ends, strict=True):
        canvas.text((end, 11), head, "small muted", anchor="end")
    longest = max((bar.value for bar in chart.bars if bar.value), default=0)
    room = plot.right - plot.left - max((text_width(bar.text) for bar in chart.bars), default=0) - 8
    for bar, band in zip(chart.bars, plot.bands, strict=True):
        end = plot.left
        if bar.value is None:
            end += canvas.hatch((plot.left, band.top), band.height, bar.text)
        elif bar.value:
            length = max(1.0, bar.value / longest * room)
            canvas.rect((plot.left, band.top), (length, band.height), "bar")
            end += length
        canvas.text((end + 6, band.middle + 4.5), bar.text)
        for note, x in zip(bar.notes, ends, strict=True):
            canvas.text((x, band.middle + 4), note, "small muted", anchor="end")
    return canvas.finish(plot.bottom)


@dataclass(frozen=True)
class Drop:
    """A step from a base down: who is left, and before it; None where hidden.

    ``alone`` steps are parts of another one and count by themselves.
    """

    label: Label
    left: int | None
    before: int | None
    text: str
    lost: str = ""
    alone: bool = False


@dataclass(frozen=True)
class Drops:
    """A waterfall: the base, then each step; ``legend`` names left, lost and alone."""

    title: str
    told: str
    base: int | None
    steps: tuple[Drop, ...]
    legend: tuple[str, str, str]


def draw_drops(chart: Drops, width: float) -> Element:
    """Bars from the base down; what a step takes away is pale."""
    canvas = Canvas.start(width, chart.title, chart.told)
    looks = ("bar", "ghost", "other pale")
    parts = any(step.alone for step in chart.steps)
    entries = list(zip(looks, chart.legend, strict=True))
    top = canvas.legend(0, entries if parts else entries[:2])
    texts = [step.text for step in chart.steps]
    plot = lay_rows(
        canvas, [step.label for step in chart.steps], top, values=values_width(texts, 13)
    )
    known = [each for step in chart.steps for each in (step.left, step.before) if each]
    scale = (plot.right - plot.left) / max([*known, chart.base or 0, 1])
    for step, band in zip(chart.steps, plot.bands, strict=True):
        if step.before is not None and step.left is not None and step.before > step.left:
            size = ((step.before - step.left) * scale, band.height)
            canvas.rect((plot.left + step.left * scale, band.top), size, "ghost", step.lost)
        if step.left is None:
            canvas.hatch((plot.left, band.top), band.height, step.text)
        elif step.left:
            look = "other pale" if step.alone else "bar"
            canvas.rect((plot.left, band.top), (step.left * scale, band.height), look)
        look = "muted" if step.alone else ""
        canvas.text((width, band.middle + 4.5), step.text, look, anchor="end")
    return canvas.finish(plot.bottom)
