"""Problems as people read them: the place, the line, a caret, what was expected."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rich.cells import cell_len

from audience.errors import Location, Problem
from audience.report.words import visible

_LONGEST = 160


def render_problem(problem: Problem) -> str:
    """One problem, on several lines."""
    head = f"{problem.severity}: {visible(problem.message)}"
    at = problem.at
    lines = [head] if at is None else [f"{at}: {head}", *_quote(at)]
    if at is not None and at.note:
        lines.append(f"  {visible(at.note)}")
    if problem.expected:
        lines.append(f"  expected {visible(problem.expected)}")
    if problem.nearest:
        lines.append(f"  did you mean `{visible(problem.nearest)}`?")
    return "\n".join(lines)


def render_problems(problems: Iterable[Problem]) -> str:
    """Problems in the order of their places, a blank line between them."""
    return "\n\n".join(render_problem(each) for each in sorted(problems, key=lambda p: p.order))


def problem_dict(problem: Problem) -> dict[str, Any]:
    """As JSON has it."""
    at = problem.at
    return {
        "severity": str(problem.severity),
        "file": at.source.path if at else None,
        "line": at.line if at else None,
        "column": at.column if at else None,
        "message": problem.message,
        "expected": problem.expected or None,
        "nearest": problem.nearest or None,
        "note": (at.note if at else "") or None,
    }


def _quote(at: Location) -> list[str]:
    """The line and a caret below it, in terminal columns: a Chinese character takes two."""
    line = at.quoted
    if not line:
        return []
    start = at.column - 1
    offset = max(0, start - _LONGEST // 2)
    shown = line[offset : offset + _LONGEST].replace("\t", " ")
    before = visible(shown[: start - offset])
    marked = visible(shown[start - offset : start - offset + at.length])
    number = str(at.line)
    gutter = " " * len(number)
    caret = "^" * max(1, cell_len(marked))
    return [
        f"  {number} | {visible(shown)}",
        f"  {gutter} | {' ' * cell_len(before)}{caret}",
    ]
