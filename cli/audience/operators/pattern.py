r"""Regular expressions that mean the same on every engine.

Polars (Rust), DuckDB (RE2) and Spark (Java) agree on a common core only. This module lets that
core through, rewrites ``\d``, ``\w`` and ``\s`` to the ASCII classes that RE2 gives them, and
refuses the rest: look-around and back references (no engine but Java has them), ``\b`` (Unicode on
one engine, ASCII on another), nested classes, repetitions that grow past what an engine takes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_CLASSES = {"d": "0-9", "w": "0-9A-Za-z_", "s": r"\t\n\f\r "}
_SIGNS = ".^$|?*+()[]{}-\\"
_CONTROLS = "ntrfv"
_NEEDLESS = "/#&~<>=!@%,:;'\"_ `"
_GROUPS = ("(?:", "(?i)", "(?s)", "(?i:", "(?s:")
_REPEAT = re.compile(r"\{(\d{1,6})(,(\d{0,6}))?\}")
_PROPERTY = re.compile(r"\\[pP]\{(Han|L|Lu|Ll|N|Nd|P|S|Z)\}")
_MAX_LENGTH = 1000
_MAX_NESTING = 50
_MAX_REPEAT = 1000
_MAX_SIZE = 4000
_PROPERTY_SIZE = 20


class PatternError(ValueError):
    """Why a pattern is refused."""


@dataclass
class _Item:
    """How large a part grows when repetitions are written out, and how often it is repeated."""

    size: int
    repeats: int = 1


def portable(pattern: str) -> str:
    """The pattern as every engine reads it alike. Raises PatternError."""
    if len(pattern) > _MAX_LENGTH:
        raise PatternError(f"the pattern is longer than {_MAX_LENGTH} characters")
    reader = _Reader(pattern)
    reader.read()
    try:
        re.compile("".join(reader.checked))
    except (re.error, OverflowError, RecursionError) as error:
        raise PatternError(str(error)) from None
    return "".join(reader.out)


class _Reader:
    """Reads a pattern once; ``checked`` is what stands for ``out`` in the check by Python."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        self.place = 0
        self.out: list[str] = []
        self.checked: list[str] = []
        self.levels: list[list[_Item]] = [[]]
        self.repeated = False

    def read(self) -> None:
        while self.place < len(self.pattern):
            char = self.pattern[self.place]
            if char in "*+?{":
                self._read_repeat(char)
                continue
            self.repeated = False
            if char == "[":
                self._read_class()
            elif char == "(":
                self._open_group()
            elif char == ")":
                self._close_group()
            elif char == "\\":
                text, stand_in = self._read_escape(in_class=False)
                self._emit(text, stand_in)
                self._grow(_PROPERTY_SIZE if text.startswith(("\\p", "\\P")) else 1)
            else:
                self._emit(char)
                self.place += 1
                self._grow(1)

    def _emit(self, text: str, stand_in: str | None = None) -> None:
        self.out.append(text)
        self.checked.append(text if stand_in is None else stand_in)

    def _grow(self, size: int, repeats: int = 1) -> None:
        self.levels[-1].append(_Item(size, repeats))
        if sum(item.size for item in self.levels[-1]) > _MAX_SIZE:
            raise PatternError("the repetitions make the pattern too large")

    def _open_group(self) -> None:
        start = "("
        if self.pattern.startswith("(?", self.place):
            starts = [each for each in _GROUPS if self.pattern.startswith(each, self.place)]
            if not starts:
                raise PatternError(
                    "look-around, back references and named groups are not allowed; "
                    "`(?:…)` and `(?i)` are"
                )
            start = starts[0]
        self._emit(start)
        self.place += len(start)
        if not start.endswith(")"):
            self.levels.append([])
            if len(self.levels) > _MAX_NESTING:
                raise PatternError(f"groups nested more than {_MAX_NESTING} deep")

    def _close_group(self) -> None:
        self._emit(")")
        self.place += 1
        if len(self.levels) > 1:
            inner = self.levels.pop()
            size = sum(item.size for item in inner)
            self._grow(max(1, size), max((item.repeats for item in inner), default=1))

    def _read_repeat(self, char: str) -> None:
        if char == "+" and self.repeated:
            raise PatternError(f"`{self.pattern[self.place - 1]}+` is read in two ways")
        text = char
        if char == "{":
            found = _REPEAT.match(self.pattern, self.place)
            if not found:
                raise PatternError(r"a `{` that begins no repetition; write `\{`")
            text = found[0]
            self._repeat(max(int(found[1]), int(found[3] or 0)))
        self._emit(text)
        self.place += len(text)
        self.repeated = True

    def _repeat(self, times: int) -> None:
        items = self.levels[-1]
        if not items:
            return
        items[-1].repeats *= max(1, times)
        items[-1].size *= max(1, times)
        if items[-1].repeats > _MAX_REPEAT:
            raise PatternError(f"repetitions of more than {_MAX_REPEAT} times in all")
        if sum(item.size for item in items) > _MAX_SIZE:
            raise PatternError("the repetitions make the pattern too large")

    def _read_class(self) -> None:
        self._emit("[")
        self.place += 1
        if self.pattern.startswith("^", self.place):
            self._emit("^")
            self.place += 1
        if self.pattern.startswith("]", self.place):
            raise PatternError(r"a class that begins with `]`; write `\]`")
        size = 1
        while self.place < len(self.pattern) and self.pattern[self.place] != "]":
            char = self.pattern[self.place]
            if char == "[":
                raise PatternError(r"a `[` inside a class is read in two ways; write `\[`")
            if self.pattern[self.place : self.place + 2] in ("&&", "--", "~~", "||"):
                raise PatternError(f"`{char}{char}` inside a class is read in two ways")
            if char == "\\":
                text, stand_in = self._read_escape(in_class=True)
                size = _PROPERTY_SIZE if text.startswith(("\\p", "\\P")) else size
                self._emit(text, stand_in)
            else:
                self._emit(char)
                self.place += 1
        if self.place < len(self.pattern):
            self._emit("]")
            self.place += 1
        self._grow(size)

    def _read_escape(self, *, in_class: bool) -> tuple[str, str]:
        """An escape as it goes out, and what stands for it in Python's check."""
        found = _PROPERTY.match(self.pattern, self.place)
        if found:
            self._check_no_range(in_class, found.end())
            self.place = found.end()
            return found[0], "x"
        char = self.pattern[self.place + 1 : self.place + 2]
        if not char:
            raise PatternError("a lone backslash at the end")
        if char.lower() in _CLASSES and char.isascii():
            self._check_no_range(in_class, self.place + 2)
            self.place += 2
            inside = _CLASSES[char.lower()]
            if char.isupper() and in_class:
                raise PatternError(rf"`\{char}` inside a class is not allowed")
            text = inside if in_class else f"[{'^' if char.isupper() else ''}{inside}]"
            return text, text
        self.place += 2
        if char in _SIGNS or char in _CONTROLS or (in_class and char in "&~#"):
            return "\\" + char, "\\" + char
        if char in _NEEDLESS:
            # Not every engine lets a sign be escaped that needs no escape; `\<` even has a meaning.
            return char, char
        raise PatternError(rf"`\{char}` does not mean the same on every engine")

    def _check_no_range(self, in_class: bool, end: int) -> None:
        """A class of characters is no end of a range: it would become another class."""
        before = self.pattern[self.place - 2 : self.place]
        after = self.pattern[end : end + 2]
        opens = before[-1:] == "-" and before[:1] not in ("[", "^", "")
        if in_class and (opens or (after.startswith("-") and after != "-]")):
            raise PatternError("a class of characters as an end of a range")
