r"""Portable patterns as Java reads them, for Spark.

Java finds what others find by trying: ways through a repetition of parts that have no fixed form
may be without number, and each turn of it takes some of the stack; where that ends, the whole of a
worker ends. Such repetitions are refused here. Its ways to leave case aside are its own, too: they
are written out, by simple case folding (Unicode, CaseFolding.txt: C and S), which Rust and RE2 use.
"""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

from audience.operators.pattern import PatternError

_TURNS = 10
"""So often, at most, may a part that has no fixed form come again."""

_TOKEN = re.compile(
    r"(?P<class>\[(?:\\[pP]\{\w+\}|\\.|[^\]\\])+\])"
    r"|(?P<open>\(\?[is]:|\(\?:|\((?!\?))|(?P<flag>\(\?[is]\))|(?P<close>\))"
    r"|(?P<times>(?:[*+?]|\{\d+(?:,\d*)?\})\??)|(?P<or>\|)|(?P<one>\\[pP]\{\w+\}|\\.|.)",
    re.DOTALL,
)
_PART = re.compile(r"\\[pP]\{\w+\}|(\\.|[^\\])(?:-(\\.|[^\\\]]))?", re.DOTALL)
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "f": "\f", "v": "\v"}
_LETTERS = {"Lu": {"Lu"}, "Ll": {"Ll"}}
_FLAGS = "(?d)"
"""Only a newline ends a line."""


@dataclass
class _Group:
    """What is open: whether case counts, what its parts are, and how often they come at most."""

    any_case: bool
    turns: int = 0
    """Of parts of no fixed form; 0 where there is none."""
    last: int = 0


def for_java(pattern: str) -> str:
    """A portable pattern as Java reads it. Raises PatternError where it could take all there is."""
    out: list[str] = []
    groups = [_Group(False)]
    for found in _TOKEN.finditer(pattern):
        kind, text, top = found.lastgroup, found[0], groups[-1]
        match kind:
            case "flag" | "open":
                if kind == "open":
                    groups.append(_Group(top.any_case))
                groups[-1].any_case |= "i" in text
                text = text.replace("?i:", "?:").replace("(?i)", "")
            case "close":
                groups.pop()
                groups[-1].last = top.turns
                groups[-1].turns = max(groups[-1].turns, top.turns)
            case "or":
                top.turns = max(top.turns, 1)
            case "times":
                _repeat(top, text)
            case _:
                top.last = 0
                text = _class(text, top.any_case) if kind == "class" else _one(text, top.any_case)
        out.append(text)
    return _FLAGS + "".join(out)


def _repeat(group: _Group, times: str) -> None:
    low, high = _bounds(times)
    if group.last and (high is None or group.last * high > _TURNS):
        raise PatternError(
            f"`{times}` repeats what has no fixed form: Java, which Spark asks, "
            "may need all its time or memory for it"
        )
    turns = group.last * (high or 1) if group.last else int(low != high)
    group.turns = max(group.turns, turns)


def _bounds(times: str) -> tuple[int, int | None]:
    sign = times[0]
    if sign != "{":
        return int(sign == "+"), 1 if sign == "?" else None
    first, comma, last = times.rstrip("?")[1:-1].partition(",")
    return int(first), int(last) if last else None if comma else int(first)


def _one(text: str, any_case: bool) -> str:
    if text == "$":
        return r"\z"  # without a newline behind it
    if text[1:2] in {"p", "P"} or (any_case and _is_letter(text)):
        return _class(f"[{text}]", any_case) if any_case else _property(text)
    return _java(text)


def _is_letter(text: str) -> bool:
    return len(text) == 1 and text in _others()


def _class(text: str, any_case: bool) -> str:
    negated = text.startswith("[^")
    inside = text[2 if negated else 1 : -1]
    parts, more = [], set()
    for found in _PART.finditer(inside):
        part = found[0]
        parts.append(_property(part) if found[1] is None else _java_range(found))
        if any_case:
            more |= set(_folded(found))
    return f"[{'^' if negated else ''}{''.join(parts)}{''.join(_ranges(more))}]"


def _property(text: str) -> str:
    return text.replace("{Han}", "{IsHan}")


def _java_range(found: re.Match[str]) -> str:
    return _java(found[1]) + (f"-{_java(found[2])}" if found[2] else "")


def _java(text: str) -> str:
    # To Java it is a class of signs.
    return r"\x0B" if text == r"\v" else text


def _char(text: str) -> str:
    return _ESCAPED.get(text[1], text[1]) if text.startswith("\\") else text


def _folded(found: re.Match[str]) -> Iterator[str]:
    """The signs of other case that a part of a class stands for."""
    others = _others()
    if found[1] is None:
        name = found[0][3:-1]
        if name not in _LETTERS:
            return
        if found[0][1] == "P":
            raise PatternError(rf"`{found[0]}` without case is not what Java can be told")
        own = [char for char in others if unicodedata.category(char) in _LETTERS[name]]
    else:
        low, high = (ord(_char(each)) for each in (found[1], found[2] or found[1]))
        own = [char for char in others if low <= ord(char) <= high]
    for char in own:
        yield from others[char]


def _ranges(chars: Iterable[str]) -> Iterator[str]:
    """Signs as ranges of a class; none of them is one that must be escaped."""
    codes = sorted(map(ord, chars))
    edges = [n for n, (one, other) in enumerate(pairwise(codes), 1) if other != one + 1]
    for start, end in pairwise([0, *edges, len(codes)] if codes else []):
        first, last = chr(codes[start]), chr(codes[end - 1])
        yield first if first == last else f"{first}-{last}"


@cache
def _others() -> Mapping[str, tuple[str, ...]]:
    """By letter those that differ from it in case alone."""
    alike: dict[str, list[str]] = {}
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        folded = _fold(char)
        if folded != char:
            alike.setdefault(folded, [folded]).append(char)
    return {
        char: tuple(other for other in several if other != char)
        for several in alike.values()
        for char in several
    }


def _fold(char: str) -> str:
    """Simple case folding."""
    folded = char.casefold()
    if len(folded) > 1:
        folded = char.lower()
    return folded if len(folded) == 1 else char
