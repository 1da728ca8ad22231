"""Numbers as people read them."""

from __future__ import annotations

from math import inf, log

HIDDEN = "hidden"
"""What stands where a count is too small to be shared, or would tell one that is."""


def number(value: int) -> str:
    """``12,345``."""
    return f"{value:,}"


def counted(value: int, noun: str) -> str:
    """``1 pack``, ``1,200 packs``."""
    return f"{value:,} {noun}" + ("" if value == 1 else "s")


def percent(share: float | None) -> str:
    """``12.3%``; ``–`` where there is none. A share that is not 0 never reads as 0."""
    if share is None:
        return "–"
    if 0 < share < 0.0005:
        return "<0.1%"
    return f"{share:.1%}"


def whole_percent(share: float) -> str:
    """``12``: percent without decimals, of which 0 and 100 mean just that."""
    if 0 < share < 0.01:
        return "<1"
    if 0.99 < share < 1:
        return ">99"
    return f"{share * 100:.0f}"


def bar(value: float, largest: float, width: int) -> str:
    """A bar of so many columns for the largest value, in eighths of a column."""
    if largest <= 0 or value <= 0:
        return ""
    eighths = max(1, round(value / largest * width * 8))
    return "█" * (eighths // 8) + " ▏▎▍▌▋▊▉"[eighths % 8].strip()


def bar_around(index: float, furthest: float, width: int) -> str:
    """A bar from 100, in the middle, to an index: to the right of more, to the left of less.

    As long as the index is far from 100 by its ratio: 200 is as far as 50. Each side has so many
    columns for ``furthest``, an index above 100, for its opposite (10,000 ÷ it) and for what is
    beyond. The text is of one width for all indices.
    """
    far = log(furthest) - log(100)
    own = log(index) - log(100) if index > 0 else -inf
    share = min(1.0, abs(own) / far)
    if own >= 0:
        return " " * width + "│" + bar(share, 1, width).ljust(width)
    # There are no eighths that begin on the right: halves.
    halves = max(1, round(share * width * 2))
    return ("▐" * (halves % 2) + "█" * (halves // 2)).rjust(width) + "│" + " " * width


def shade(share: float) -> str:
    """Of a share of 0 to 1 its quarter, as a shade: ``░▒▓█``, and a space of nothing."""
    return " " if share <= 0 else "░▒▓█"[min(3, int(share * 4))]


def change(value: float | None) -> str:
    """``+12.3%``; ``0`` of no change, ``–`` where there is none."""
    return "–" if value is None else f"{value:+.1%}" if value else "0"


def signed(value: int) -> str:
    """``+1,234``, ``-5``, and ``0``."""
    return f"{value:+,}" if value else "0"


def visible(text: str) -> str:
    """A text in which nothing hides: what does not print, or reorders text, is spelled out."""
    return "".join(char if char.isprintable() else _spelled(char) for char in text)


def _spelled(char: str) -> str:
    return f"\\x{ord(char):02x}" if ord(char) < 0x100 else f"U+{ord(char):04X}"


def duration(seconds: float) -> str:
    """``0.4 s``."""
    return f"{seconds:.1f} s"


def size(count: int) -> str:
    """``1.2 MB``."""
    value = float(count)
    for unit in ("B", "KB", "MB"):
        if value < 1000:
            return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1000
    return f"{value:.1f} GB"
