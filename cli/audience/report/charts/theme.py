"""Colours of charts and pages in two themes, and the style of charts.

Hues are told apart with any colour vision (after Okabe, Ito: Color Universal Design, 2008); no
chart tells anything by hue alone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

HEATS = 8
"""Steps of a heat map, from nothing to everything."""

HUES = 7
"""Colours of stages, after which they begin again."""

FONTS = (
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "PingFang SC", "Hiragino Sans GB", '
    '"Microsoft YaHei", "Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", sans-serif'
)

LIGHT: Mapping[str, str] = {
    "paper": "#ffffff",
    "raised": "#f6f7f9",
    "ink": "#1c2330",
    "muted": "#596275",
    "line": "#dfe3ea",
    "link": "#1d5fa8",
    "bar": "#2f6fb3",
    "other": "#c8601a",
    "ghost": "#d4deea",
    "warn": "#fdf3e2",
    "warn-line": "#d99a2b",
    "heat-0": "#f1f5fa",
    "heat-1": "#dbe7f4",
    "heat-2": "#bfd5ec",
    "heat-3": "#9dc0e2",
    "heat-4": "#78a8d6",
    "heat-5": "#3a70aa",
    "heat-6": "#27588d",
    "heat-7": "#16416f",
    "hue-0": "#2f6fb3",
    "hue-1": "#d98a1f",
    "hue-2": "#1c8c6e",
    "hue-3": "#b4548c",
    "hue-4": "#53a5d8",
    "hue-5": "#bd4b1c",
    "hue-6": "#8a8322",
    **{f"heat-ink-{step}": "#1c2330" if step < 5 else "#ffffff" for step in range(HEATS)},
}
DARK: Mapping[str, str] = {
    "paper": "#14181f",
    "raised": "#1c222b",
    "ink": "#e7eaf0",
    "muted": "#a3acbb",
    "line": "#343c49",
    "link": "#8bb9ee",
    "bar": "#6aa3e0",
    "other": "#e8935a",
    "ghost": "#2c3a4d",
    "warn": "#2e2718",
    "warn-line": "#b98a35",
    "heat-0": "#1d2530",
    "heat-1": "#223448",
    "heat-2": "#274663",
    "heat-3": "#2d587f",
    "heat-4": "#356a9b",
    "heat-5": "#6fa6dc",
    "heat-6": "#97c0ea",
    "heat-7": "#c4dcf5",
    "hue-0": "#6aa3e0",
    "hue-1": "#e6ac52",
    "hue-2": "#45b596",
    "hue-3": "#d486b3",
    "hue-4": "#8accf0",
    "hue-5": "#e8845a",
    "hue-6": "#b9b14c",
    **{f"heat-ink-{step}": "#e7eaf0" if step < 5 else "#14181f" for step in range(HEATS)},
}
THEMES: Mapping[str, Mapping[str, str]] = {"light": LIGHT, "dark": DARK}


def chart_style(colour: Callable[[str], str]) -> str:
    """The rules that charts are drawn by, with each colour as the function tells it."""
    rules = [
        f".chart{{font-family:{FONTS};font-size:13px}}",
        f".chart text{{fill:{colour('ink')}}}",
        f".chart .muted{{fill:{colour('muted')}}}",
        ".chart .small{font-size:11px}",
        ".chart .tiny{font-size:9.5px}",
        ".chart .strong{font-weight:600}",
        f".chart .bar{{fill:{colour('bar')}}}",
        f".chart .other{{fill:{colour('other')}}}",
        f".chart .ghost{{fill:{colour('ghost')}}}",
        ".chart .pale{opacity:.5}",
        f".chart .grid{{stroke:{colour('line')};fill:none}}",
        f".chart .axis{{stroke:{colour('muted')};fill:none}}",
        f".chart .whisker{{stroke:{colour('ink')};stroke-width:1.3;fill:none}}",
        f".chart .hatch{{stroke:{colour('muted')};stroke-width:1.4;fill:none}}",
        f".chart .hatched{{stroke:{colour('muted')};stroke-dasharray:3 3;fill:none}}",
        f".chart .dot{{fill:{colour('ink')}}}",
        f".chart .hole{{fill:{colour('line')}}}",
        f".chart .join{{stroke:{colour('ink')};stroke-width:2;fill:none}}",
        f".chart .stripe{{fill:{colour('raised')}}}",
        f".chart .nobody{{fill:{colour('muted')}}}",
        ".chart .stream{opacity:.4}",
    ]
    for step in range(HEATS):
        rules.append(f".chart .heat-{step}{{fill:{colour(f'heat-{step}')}}}")
        rules.append(f".chart .heat-ink-{step}{{fill:{colour(f'heat-ink-{step}')}}}")
    rules += [f".chart .hue-{hue}{{fill:{colour(f'hue-{hue}')}}}" for hue in range(HUES)]
    return "\n".join(rules)
