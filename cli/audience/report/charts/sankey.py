"""A Sankey diagram of two columns: from what, to what, bands as wide as users are many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from audience.report.charts.canvas import SMALL, Canvas
from audience.report.charts.theme import HUES

_HIGH = 340.0
_SLOT = 36.0
_NODE = 12.0
_THIN = 3.0


@dataclass(frozen=True)
class Node:
    """A stage on one side: its name, size (None where hidden), and hue (None of nobody's)."""

    name: str
    size: int | None
    text: str
    hue: int | None


@dataclass(frozen=True)
class Stream:
    """Users from one node to another; None where they are hidden."""

    users: int | None
    told: str


@dataclass(frozen=True)
class Sankey:
    """Nodes on the left and on the right, under heads, and streams by their numbers."""

    title: str
    told: str
    heads: tuple[str, str]
    left: tuple[Node, ...]
    right: tuple[Node, ...]
    streams: Mapping[tuple[int, int], Stream]


def draw_sankey(chart: Sankey, width: float) -> Element:
    """Streams drawn between two columns; a hidden one is a thin broken line."""
    canvas = Canvas.start(width, chart.title, chart.told)
    label = 100.0 if canvas.narrow else 190.0
    scale = _HIGH / max(_total(chart, 0), _total(chart, 1), 1)
    tops, bottoms = zip(*(_places(chart, side, scale) for side in (0, 1)), strict=True)
    left, right = label + _NODE, width - label - _NODE
    offsets = [list(tops[0]), list(tops[1])]
    gaps = [_gaps(chart, side, scale) for side in (0, 1)]
    placed = []
    for (one, other), stream in sorted(chart.streams.items()):
        thick = (stream.users or 0) * scale
        ends = [gaps[0][one], gaps[1][other]] if stream.users is None else [thick, thick]
        placed.append((stream, one, offsets[0][one], offsets[1][other], ends))
        offsets[0][one] += ends[0]
        offsets[1][other] += ends[1]
    for stream, one, start, end, ends in sorted(placed, key=lambda each: -each[4][0]):
        _draw_stream(canvas, stream, chart.left[one], (left, start), (right, end), ends)
    for side, (nodes, x) in enumerate(((chart.left, label), (chart.right, right))):
        edge = label - 8 if side == 0 else right + _NODE + 8
        anchor = "end" if side == 0 else "start"
        canvas.text((edge, 12), chart.heads[side], "small muted", anchor=anchor)
        for at, node in enumerate(nodes):
            top, bottom = tops[side][at], bottoms[side][at]
            look = "hatched" if node.size is None else _look(node)
            canvas.rect((x, top), (_NODE, bottom - top), look, f"{node.name}: {node.text}")
            middle = (top + bottom) / 2
            name = "small" if canvas.narrow else ""
            canvas.text((edge, middle - 2), node.name, name, anchor=anchor, room=label - 8)
            canvas.text((edge, middle + 13), node.text, "small muted", anchor=anchor)
    return canvas.finish(max([*_ends(chart, scale), 30.0]) + 8)


def _look(node: Node) -> str:
    return "nobody" if node.hue is None else f"hue-{node.hue % HUES}"


def _total(chart: Sankey, side: int) -> int:
    """What is known to be on a side: sizes, and where one is hidden the streams that are told."""
    nodes = chart.left if side == 0 else chart.right
    known = 0
    for at, node in enumerate(nodes):
        streams = (each for key, each in chart.streams.items() if key[side] == at)
        known += sum(each.users or 0 for each in streams) if node.size is None else node.size
    return known


def _gaps(chart: Sankey, side: int, scale: float) -> list[float]:
    """How far hidden streams are apart at each node of a side: they share what the others leave.

    Where a node's size is hidden too, it is as large as they need.
    """
    gaps = []
    for at, node in enumerate(chart.left if side == 0 else chart.right):
        streams = [each.users for key, each in chart.streams.items() if key[side] == at]
        hidden, told = streams.count(None), sum(users or 0 for users in streams)
        left = _THIN * hidden if node.size is None else (node.size - told) * scale
        gaps.append(min(_THIN, left / hidden) if hidden else 0.0)
    return gaps


def _places(chart: Sankey, side: int, scale: float) -> tuple[list[float], list[float]]:
    """Where each node of a side begins and ends; small ones have room for their labels."""
    tops, bottoms = [], []
    gaps = _gaps(chart, side, scale)
    y = 24.0
    for at, node in enumerate(chart.left if side == 0 else chart.right):
        streams = sum(
            gaps[at] if each.users is None else each.users * scale
            for key, each in chart.streams.items()
            if key[side] == at
        )
        high = max(streams, (node.size or 0) * scale, 2.0)
        slot = max(high, _SLOT)
        tops.append(y + (slot - high) / 2)
        bottoms.append(tops[-1] + high)
        y += slot + 10
    return tops, bottoms


def _ends(chart: Sankey, scale: float) -> list[float]:
    """Where each column ends, with the label of its last node."""
    return [
        max(bottoms[-1], (tops[-1] + bottoms[-1]) / 2 + SMALL + 6)
        for tops, bottoms in (_places(chart, side, scale) for side in (0, 1))
        if tops
    ]


def _draw_stream(
    canvas: Canvas,
    stream: Stream,
    source: Node,
    start: tuple[float, float],
    end: tuple[float, float],
    ends: list[float],
) -> None:
    (x, y), (right, down) = start, end
    middle = (x + right) / 2
    if stream.users is None:
        y, down = y + ends[0] / 2, down + ends[1] / 2
        curve = ("C", middle, y, middle, down, right, down)
        canvas.path("hatched", "M", x, y, *curve, more=stream.told)
        return
    thick = ends[0]
    there = ("C", middle, y, middle, down, right, down)
    back = ("C", middle, down + thick, middle, y + thick, x, y + thick)
    look = f"stream {_look(source)}"
    canvas.path(look, "M", x, y, *there, "L", right, down + thick, *back, "Z", more=stream.told)
