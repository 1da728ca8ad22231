r"""Regular expressions that mean the same on every engine.

Polars (Rust), DuckDB (RE2) and Spark (Java) agree on a common core only. This module lets that
core through, rewrites ``\d``, ``\w`` and ``\s`` to the ASCII classes that RE2 gives them, and
refuses the rest: look-around and back references (no engine but Java has them), ``\b`` (Unicode
on one engine, ASCII on another), nested classes.
"""

from __future__ import annotations

import re

_CLASSES = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}
_PLAIN_ESCAPES = set("ntrfv\\.^$|?*+()[]{}-/#&~<>=!@%,:;'\"_ `")
_GROUPS = ("(?:", "(?i)", "(?s)", "(?i:", "(?s:")
_MAX_REPEAT = 1000
_MAX_LENGTH = 1000
_MAX_NESTING = 50
_MAX_SIZE = 2000
_CLASS_COST = 20
_REPEAT = re.compile(r"\{(\d+)(,(\d*))?\}")
_PROPERTY = re.compile(r"[pP]\{(Han|L|Lu|Ll|N|Nd|P|S|Z)\}")


class PatternError(ValueError):
    """Why a pattern is refused."""


def portable(pattern: str) -> str:
    """The pattern as every engine reads it alike. Raises PatternError."""
    if len(pattern) > _MAX_LENGTH:
        raise PatternError(f"the pattern is longer than {_MAX_LENGTH} characters")
    out: list[str] = []
    checked: list[str] = []
    place = 0
    in_class = False
    size = _Size()
    while place < len(pattern):
        char = pattern[place]
        if char == "\\":
            text, stand_in, place = _escape(pattern, place, in_class)
            out.append(text)
            checked.append(stand_in)
            if not in_class:
                size.add(_CLASS_COST if text.startswith(("\\p", "\\P")) else 1)
            continue
        if in_class:
            if char == "[":
                raise PatternError(r"a `[` inside a class is read in two ways; write `\[`")
            if pattern[place : place + 2] in ("&&", "--", "~~"):
                raise PatternError(f"`{char}{char}` inside a class is read in two ways")
            in_class = char != "]"
        elif char == "[":
            in_class = True
            length = 2 if pattern[place : place + 2] == "[^" else 1
            if pattern[place + length : place + length + 1] == "]":
                raise PatternError(r"a class that begins with `]`; write `\]`")
        elif pattern.startswith("(?", place) and not pattern.startswith(_GROUPS, place):
            raise PatternError(
                "look-around, back references and named groups are not allowed; "
                "`(?:…)` and `(?i)` are"
            )
        elif (
            char == "+"
            and place
            and pattern[place - 1] in "*+?}"
            and not _escaped(pattern, place - 1)
        ):
            raise PatternError(f"`{pattern[place - 1]}+` is read in two ways")
        elif char == "{":
            repeat = _REPEAT.match(pattern, place)
            if not repeat:
                raise PatternError(r"a `{` that begins no repetition; write `\{`")
            times = max(int(repeat[1]), int(repeat[3] or 0))
            if times > _MAX_REPEAT:
                raise PatternError(f"a repetition of more than {_MAX_REPEAT}")
            size.repeat(times)
        if char == "(":
            size.open()
        elif char == ")" and not in_class:
            size.close()
        elif not in_class:
            size.add(1)
        out.append(char)
        checked.append(char)
        place += 1
    try:
        re.compile("".join(checked))
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(str(error)) from None
    return "".join(out)


class _Size:
    """How large a pattern grows when its repetitions are written out, as engines do."""

    def __init__(self) -> None:
        self.levels: list[list[int]] = [[]]

    def add(self, cost: int) -> None:
        self.levels[-1].append(cost)
        self._check()

    def open(self) -> None:
        self.levels.append([])
        if len(self.levels) > _MAX_NESTING:
            raise PatternError(f"groups nested more than {_MAX_NESTING} deep")

    def close(self) -> None:
        if len(self.levels) > 1:
            inner = self.levels.pop()
            self.add(max(1, sum(inner)))

    def repeat(self, times: int) -> None:
        if self.levels[-1]:
            self.levels[-1][-1] *= max(1, times)
            self._check()

    def _check(self) -> None:
        if self.levels[-1] and self.levels[-1][-1] > _MAX_SIZE:
            raise PatternError("the repetitions make the pattern too large")


def _escape(pattern: str, place: int, in_class: bool) -> tuple[str, str, int]:
    """An escape as it goes out, what stands for it in Python's check, and the place behind it."""
    if place + 1 == len(pattern):
        raise PatternError("a lone backslash at the end")
    char = pattern[place + 1]
    if char in _CLASSES:
        text = _CLASSES[char] if in_class else f"[{_CLASSES[char]}]"
        return text, text, place + 2
    if char.lower() in _CLASSES:
        if in_class:
            raise PatternError(rf"`\{char}` inside a class is not allowed")
        text = f"[^{_CLASSES[char.lower()]}]"
        return text, text, place + 2
    named = _PROPERTY.match(pattern, place + 1)
    if named:
        return "\\" + named[0], "x", named.end()
    if char in _PLAIN_ESCAPES:
        # Letters and signs that need no escape go out bare: not every engine lets them be escaped.
        text = char if char in "/#&~<>=!@%,:;'\"_ `" and not in_class else "\\" + char
        return text, "\\" + char, place + 2
    raise PatternError(rf"`\{char}` does not mean the same on every engine")


def _escaped(pattern: str, place: int) -> bool:
    slashes = 0
    while place - slashes > 0 and pattern[place - slashes - 1] == "\\":
        slashes += 1
    return slashes % 2 == 1
