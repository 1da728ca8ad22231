"""A chart as a file of its own: SVG with its colours inside, or PNG."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from xml.etree.ElementTree import Element, SubElement, tostring

from audience.errors import UsageError, nearest
from audience.report.charts.canvas import NORMAL, SMALL, Canvas, wrapped
from audience.report.charts.theme import THEMES, chart_style

_MARGIN = 16.0
_LINE = 18.0
_BOLD = 1.1
"""How much wider a bold text is."""


def to_svg(chart: Element, theme: str = "light", *, heading: Sequence[str] = ()) -> str:
    """A chart as the text of an SVG file, on paper of the theme, below a title and further lines.

    Raises UsageError where there is no such theme.
    """
    if theme not in THEMES:
        raise UsageError(
            f"no theme `{theme}`; expected one of {', '.join(THEMES)}"
            + (f"; did you mean {near}?" if (near := nearest(theme, THEMES)) else "")
        )
    colours = THEMES[theme]
    inner = deepcopy(chart)
    width, height = (float(inner.get(name, "0")) + 2 * _MARGIN for name in ("width", "height"))
    lines = _lines(heading, width - 2 * _MARGIN)
    head = _LINE * len(lines) + (_MARGIN if lines else 0)
    left, top, height = -_MARGIN, -_MARGIN - head, height + head
    box = f"{left:g} {top:g} {width:g} {height:g}"
    attributes = {"xmlns": "http://www.w3.org/2000/svg", "class": "chart", "role": "img"}
    out = Element(
        "svg", {**attributes, "viewBox": box, "width": f"{width:g}", "height": f"{height:g}"}
    )
    out.extend([each for each in inner if each.tag in {"title", "desc"}])
    SubElement(out, "style").text = "\n" + chart_style(colours.__getitem__) + "\n"
    paper = {"x": f"{left:g}", "y": f"{top:g}", "width": f"{width:g}"}
    SubElement(out, "rect", {**paper, "height": f"{height:g}", "fill": colours["paper"]})
    canvas = Canvas(out, width)
    for at, (line, look) in enumerate(lines):
        canvas.text((0, -head + _LINE * at + 12), line, look)
    out.extend([each for each in inner if each.tag not in {"title", "desc"}])
    return tostring(out, encoding="unicode") + "\n"


def _lines(heading: Sequence[str], width: float) -> list[tuple[str, str]]:
    """The lines of a heading, each with its look."""
    out = []
    for at, text in enumerate(heading):
        look, size = ("small muted", SMALL) if at else ("strong", NORMAL * _BOLD)
        out += [(line, look) for line in wrapped(text, width, 3, size)]
    return out


def to_png(
    chart: Element, theme: str = "light", scale: float = 2, *, heading: Sequence[str] = ()
) -> bytes:
    """A chart as a PNG file, so many pixels for each of its own.

    Raises UsageError where what draws it is not installed.
    """
    text = to_svg(chart, theme, heading=heading)
    try:
        import vl_convert
    except ImportError as error:
        raise UsageError(
            "PNG needs a further package; expected it to be there: pip install 'audience[report]'"
        ) from error
    return bytes(vl_convert.svg_to_png(text, scale=scale))
