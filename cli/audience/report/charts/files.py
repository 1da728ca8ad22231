"""A chart as a file of its own: SVG with its colours inside, or PNG."""

from __future__ import annotations

from copy import deepcopy
from xml.etree.ElementTree import Element, SubElement, tostring

from audience.errors import UsageError, nearest
from audience.report.charts.theme import THEMES, chart_style

_MARGIN = 16.0


def to_svg(chart: Element, theme: str = "light") -> str:
    """A chart as the text of an SVG file, on paper of the theme.

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
    box = f"{-_MARGIN:g} {-_MARGIN:g} {width:g} {height:g}"
    attributes = {"xmlns": "http://www.w3.org/2000/svg", "class": "chart", "role": "img"}
    out = Element(
        "svg", {**attributes, "viewBox": box, "width": f"{width:g}", "height": f"{height:g}"}
    )
    out.extend([each for each in inner if each.tag in {"title", "desc"}])
    SubElement(out, "style").text = "\n" + chart_style(colours.__getitem__) + "\n"
    paper = {"x": f"{-_MARGIN:g}", "y": f"{-_MARGIN:g}", "width": f"{width:g}"}
    SubElement(out, "rect", {**paper, "height": f"{height:g}", "fill": colours["paper"]})
    out.extend([each for each in inner if each.tag not in {"title", "desc"}])
    return tostring(out, encoding="unicode") + "\n"


def to_png(chart: Element, theme: str = "light", scale: float = 2) -> bytes:
    """A chart as a PNG file, so many pixels for each of its own.

    Raises UsageError where what draws it is not installed.
    """
    text = to_svg(chart, theme)
    try:
        import vl_convert
    except ImportError as error:
        raise UsageError(
            "PNG needs a further package; expected it to be there: pip install 'audience[report]'"
        ) from error
    return bytes(vl_convert.svg_to_png(text, scale=scale))
