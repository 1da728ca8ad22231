"""What every chart is drawn on: an SVG tree, and texts of which the width is estimated."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from math import floor, log10
from xml.etree.ElementTree import Element, SubElement

from audience.report.words import visible

WIDE = 880
"""The width of a chart on a desk and on paper, in pixels."""

NARROW = 320
"""The width of a chart on a phone: with the page's margins, of 360 pixels."""

NORMAL, SMALL, TINY = 13.0, 11.0, 9.5
_SLIM = frozenset("ijltfrI.,:;'|!()[]{}`\"/\\ ")
_BROAD = frozenset("mwMW@%&—…+−=<>→")


def text_width(text: str, size: float = NORMAL) -> float:
    """About how wide a text is, in pixels, whatever the font: rather too wide than too narrow."""
    return size * sum(map(_em, text))


def _em(char: str) -> float:
    if unicodedata.combining(char):
        return 0.0
    if _wide(char) or char in "“”‘’":
        return 1.0
    if char in _SLIM:
        return 0.36
    if char in _BROAD:
        return 0.95
    if char.isupper() or unicodedata.east_asian_width(char) == "A":
        return 0.72
    return 0.64 if char.isdigit() else 0.6


def cut(text: str, width: float, size: float = NORMAL) -> str:
    """A text that fits a width, with an ellipsis where it had to be cut."""
    if text_width(text, size) <= width:
        return text
    room = width - text_width("…", size)
    kept = 0
    for char in text:
        room -= text_width(char, size)
        if room < 0:
            break
        kept += 1
    return text[:kept].rstrip() + "…"


def wrapped(text: str, width: float, lines: int, size: float = NORMAL) -> list[str]:
    """A text in at most so many lines, broken at spaces and beside Chinese; the last one is cut."""
    out = [""]
    for word in _words(text):
        if text_width(out[-1] + word.rstrip(), size) > width and out[-1] and len(out) < lines:
            out[-1] = out[-1].rstrip()
            out.append("")
        out[-1] += word
    return [cut(line.rstrip(), width, size) for line in out]


def _words(text: str) -> Iterator[str]:
    """What is not broken: no line begins with what ends a clause, or ends with what opens one."""
    word = ""
    for char, following in zip_longest(text, text[1:], fillvalue=" "):
        word += char
        if _parts(char, following):
            yield word
            word = ""
    if word:
        yield word


def _parts(char: str, following: str) -> bool:
    """Whether a line may end between two characters."""
    if _wide(following) and unicodedata.category(following) in {"Po", "Pe", "Pf"}:
        return False
    if char == " ":
        return True
    if unicodedata.category(char) in {"Ps", "Pi"}:
        return False
    mark = unicodedata.category(following).startswith("P")
    opens = unicodedata.category(following) in {"Ps", "Pi"}
    return (_wide(char) or _wide(following)) and (opens or not mark)


def _wide(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WF"


def pixels(value: float) -> str:
    """A length as it is written: to a tenth of a pixel."""
    text = f"{value:.1f}".removesuffix(".0")
    return "0" if text == "-0" else text


@dataclass(frozen=True)
class Canvas:
    """A chart under way: so wide, accessible by its title and what it tells in words."""

    root: Element
    width: float

    @classmethod
    def start(cls, width: float, title: str, told: str) -> Canvas:
        """An empty chart."""
        root = Element("svg", {"class": "chart", "role": "img"})
        SubElement(root, "title").text = visible(title)
        SubElement(root, "desc").text = visible(told)
        return cls(root, width)

    def finish(self, height: float, width: float | None = None) -> Element:
        """The chart, so high; ``width`` where it needs more than was asked for."""
        wide, high = pixels(width or self.width), pixels(height)
        self.root.attrib |= {"viewBox": f"0 0 {wide} {high}", "width": wide, "height": high}
        return self.root

    @property
    def narrow(self) -> bool:
        """Whether labels have no room beside what they name."""
        return self.width < 500

    def text(
        self,
        at: tuple[float, float],
        text: str,
        look: str = "",
        *,
        anchor: str = "start",
        room: float | None = None,
        more: str = "",
    ) -> Element:
        """A text on its baseline, cut where there is no room; ``more`` is its tooltip."""
        size = TINY if "tiny" in look else SMALL if "small" in look else NORMAL
        whole = visible(text)
        shown = whole if room is None else cut(whole, room, size)
        element = SubElement(self.root, "text", {"x": pixels(at[0]), "y": pixels(at[1])})
        if look:
            element.set("class", look)
        if anchor != "start":
            element.set("text-anchor", anchor)
        element.text = shown
        if more or shown != whole:
            tip = SubElement(element, "title")
            tip.text = visible(more or text)
        return element

    def rect(
        self,
        at: tuple[float, float],
        size: tuple[float, float],
        look: str,
        more: str = "",
        *,
        round: float = 2,
    ) -> None:
        """A rectangle, at least half a pixel wide."""
        attributes = {
            "class": look,
            "x": pixels(at[0]),
            "y": pixels(at[1]),
            "width": pixels(max(0.5, size[0])),
            "height": pixels(max(0.5, size[1])),
        }
        if round:
            attributes["rx"] = pixels(round)
        self._told(SubElement(self.root, "rect", attributes), more)

    def path(self, look: str, *steps: str | float, more: str = "") -> None:
        """A path of commands and coordinates."""
        d = " ".join(step if isinstance(step, str) else pixels(step) for step in steps)
        self._told(SubElement(self.root, "path", {"class": look, "d": d}), more)

    def circle(self, at: tuple[float, float], radius: float, look: str) -> None:
        """A circle."""
        x, y, r = pixels(at[0]), pixels(at[1]), pixels(radius)
        SubElement(self.root, "circle", {"class": look, "cx": x, "cy": y, "r": r})

    def whisker(self, low: float, high: float, middle: float, reach: float = 3.5) -> None:
        """An interval from left to right, with its ends."""
        ends = [step for x in (low, high) for step in ("M", x, middle - reach, "V", middle + reach)]
        self.path("whisker", "M", low, middle, "H", high, *ends)

    def hatch(self, at: tuple[float, float], height: float, more: str = "") -> float:
        """The mark of what is hidden: always of one length, which is returned."""
        left, top = at
        lines: list[str | float] = []
        for step in range(3):
            x = left + 1 + step * 7
            lines += ["M", x, top + height, "L", x + 6, top]
        self.path("hatch", *lines, more=more)
        return 22.0

    def legend(self, top: float, entries: list[tuple[str, str]]) -> float:
        """What colours mean, in as many lines as it takes; where it ends."""
        x = 0.0
        for look, text in entries:
            wide = 18 + text_width(text, SMALL)
            if x and x + wide > self.width:
                x, top = 0.0, top + 18
            self.rect((x, top + 1), (11, 11), look)
            self.text((x + 16, top + 11), text, "small muted")
            x += wide + 14
        return top + 24

    def _told(self, element: Element, more: str) -> None:
        if more:
            SubElement(element, "title").text = visible(more)


def ticks(highest: float, most: int = 5) -> list[float]:
    """Round numbers from 0 to at most ``highest``, about so many."""
    if highest <= 0:
        return [0.0]
    step = 10.0 ** floor(log10(highest / most))
    step *= next((times for times in (1, 2, 5, 10) if highest / (step * times) <= most), 10)
    return [step * number for number in range(int(highest / step + 1e-9) + 1)]
