"""What came of cases, in words: a failure with the rule's tree, as it was for that user."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from audience.errors import Location
from audience.insight.why import WhyLine
from audience.report.words import visible

_HELD, _FAILED = "✓", "✗"


def render_failure(
    case: str, pack: str, user: object, must_be_in: bool, at: Location, lines: Sequence[WhyLine]
) -> str:
    """A failure on several lines."""
    what = "must be in and is out" if must_be_in else "must be out and is in"
    head = f"{at}: {case}: user {user} {what}: pack `{pack}`"
    return "\n".join([visible(head), *render_why(lines)])


def render_why(lines: Sequence[WhyLine]) -> Iterator[str]:
    """The tree, a condition a line."""
    for line in lines:
        mark = _HELD if line.held else _FAILED
        found = f"   {line.found}" if line.found else ""
        yield visible(f"{'  ' * (line.depth + 1)}{mark} {line.asked}{found}")


def why_dicts(lines: Sequence[WhyLine]) -> list[dict[str, Any]]:
    """The tree as JSON has it."""
    return [vars(line) for line in lines]
