"""What can go wrong, and where: places in files, problems found there, errors that carry them.

A *problem* is a finding with a place; problems are collected while a file is read and raised
once, as one :class:`RuleError`. Everything that the program raises on purpose is an
:class:`AudienceError`, so a caller needs one ``except``.
"""

from __future__ import annotations

import difflib
import heapq
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from itertools import islice
from typing import Any

_BREAK = re.compile("\r\n|\r|\n")
_LONGEST_NAME = 100
_MOST_LIKELY = 50


@dataclass(frozen=True)
class Source:
    """A text and the name of the file it came from.

    ``private`` are the lines that have ids of users on them: no message quotes them.
    """

    path: str
    text: str = field(repr=False)
    private: set[int] = field(default_factory=set, repr=False, compare=False)

    @cached_property
    def lines(self) -> tuple[str, ...]:
        """The text's lines, as YAML counts them (it breaks at CR, LF and CRLF)."""
        return tuple(_BREAK.split(self.text))

    def at(self, position: int) -> Location:
        """The place of a character, by its number in the text."""
        before = _BREAK.split(self.text[:position])
        return Location(self, len(before), len(before[-1]) + 1)

    @property
    def end(self) -> Location:
        """The last line that has text, behind its last character."""
        line = max((n for n, text in enumerate(self.lines, 1) if text.strip()), default=1)
        return Location(self, line, len(self.lines[line - 1]) + 1)


@dataclass(frozen=True, slots=True)
class Location:
    """A stretch of one line: ``line`` and ``column`` count from 1, ``length`` in characters.

    ``note`` says what stands there where that is not what is written: a variable's value.
    """

    source: Source
    line: int
    column: int
    length: int = 1
    note: str = ""

    @property
    def quoted(self) -> str:
        """The whole line, without its line break; empty past the end, and where it is private."""
        if self.line in self.source.private:
            return ""
        lines = self.source.lines
        return lines[self.line - 1] if 0 < self.line <= len(lines) else ""

    def __str__(self) -> str:
        return f"{self.source.path}:{self.line}:{self.column}"


class Severity(StrEnum):
    """An error stops the run; a warning is told and the run goes on."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True)
class Problem:
    """One finding: what is wrong, what was expected, and what was probably meant.

    ``more`` is 0, or how many findings this one stands for, which are not told one by one.
    """

    message: str
    at: Location | None = None
    expected: str = ""
    nearest: str = ""
    severity: Severity = Severity.ERROR
    more: int = 0

    def __str__(self) -> str:
        text = f"{self.at}: {self.message}" if self.at else self.message
        if self.expected:
            text += f"; expected {self.expected}"
        if self.nearest:
            text += f"; did you mean {self.nearest}?"
        if self.at and self.at.note:
            text += f"; {self.at.note}"
        return text

    @property
    def order(self) -> tuple[str, int, int]:
        """Sort key: by file, then by place; what stands for others is last."""
        if self.more:
            return (chr(0x10FFFF), 0, 0)
        if self.at is None:
            return ("", 0, 0)
        return (self.at.source.path, self.at.line, self.at.column)


def count_of(problems: Iterable[Problem]) -> int:
    """How many problems there are, with those that are not told one by one."""
    return sum(each.more or 1 for each in problems)


class AudienceError(Exception):
    """Anything the program refuses to do, told in words."""


class RuleError(AudienceError):
    """A rule file or the project file is wrong; carries every problem found, in file order."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(dict.fromkeys(problems), key=lambda problem: problem.order))
        super().__init__("\n".join(str(problem) for problem in self.problems))


class ConditionError(RuleError):
    """A condition that a caller gave is wrong; carries every problem found."""


class UsageError(AudienceError):
    """The caller asked for something that does not exist or cannot be combined."""


class DataError(AudienceError):
    """An input table is missing, unreadable, or not what the project file says it is."""


class UnreadableError(DataError):
    """An engine could not read the tables; which file it was is to be found out."""


class NotPublishedError(AudienceError):
    """A published build or pack was named that is not there."""


class ExpectationError(AudienceError):
    """What a rule file expects of its packs does not hold; nothing of that file was published.

    ``results`` are those of all files of the run, of which the others were published.
    """

    def __init__(self, broken: Iterable[str], results: tuple[Any, ...]) -> None:
        super().__init__("\n".join(broken))
        self.results = results


class StoreError(AudienceError):
    """Packs could not be written, or what is published is damaged."""


class BusyError(StoreError):
    """Another process is publishing the same campaign, or was faster."""


def listed(names: Iterable[str], most: int = 20) -> str:
    """Names as messages list them; of many, the first and how many there are."""
    known = names if isinstance(names, Collection) else list(names)
    if not known:
        return "(there is none)"
    more = f", … ({len(known):,} in all)" if len(known) > most else ""
    return ", ".join(islice(known, most)) + more


def masked(value: object) -> str:
    """An id as messages show it: enough to find it by, and not the id."""
    text = str(value)
    shown = 2 if len(text) >= 8 else 1 if len(text) >= 4 else 0
    return f"{text[:shown]}…{text[len(text) - shown :]}"


def nearest(name: str, names: Iterable[str]) -> str:
    """The one of ``names`` most like ``name``; empty where none is close.

    Case is ignored. Chinese names are short: one shared character out of two is close enough.
    What is longer than any name is compared with none: it would take too long.
    """
    if len(name) > _LONGEST_NAME:
        return ""
    cutoff = 0.6 if name.isascii() else 0.5
    folded: dict[str, str] = {}
    for candidate in names:
        if len(candidate) <= _LONGEST_NAME:
            folded.setdefault(candidate.casefold(), candidate)
    found = _closest(name.casefold(), folded, cutoff)
    return folded[found] if found else ""


def _closest(name: str, names: Iterable[str], cutoff: float) -> str:
    """As difflib finds it, but measured in full are only the likeliest, which takes long."""
    matcher: difflib.SequenceMatcher[str] = difflib.SequenceMatcher()
    matcher.set_seq2(name)

    def ratio(other: str, *, quick: bool) -> float:
        matcher.set_seq1(other)
        if not quick:
            return matcher.ratio()
        return matcher.quick_ratio() if matcher.real_quick_ratio() >= cutoff else 0

    likely = ((ratio(each, quick=True), each) for each in names)
    best = heapq.nlargest(_MOST_LIKELY, (each for each in likely if each[0] >= cutoff))
    measured = max(((ratio(each, quick=False), each) for _, each in best), default=(0, ""))
    return measured[1] if measured[0] >= cutoff else ""
