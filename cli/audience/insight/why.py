"""Why somebody is in a pack or not: the rule's tree, with what held and what was found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from audience.rules.tree import Condition, Stage
from audience.rules.walk import parts_of
from audience.rules.words import words

_MOST_LINES = 200


@dataclass(frozen=True)
class WhyLine:
    """One condition of the tree: how deep, whether it held, what it asks and what was found."""

    depth: int
    held: bool
    asked: str
    found: str


def why(
    condition: Condition,
    held: Callable[[Condition], bool],
    found: Callable[[Condition], str],
) -> tuple[WhyLine, ...]:
    """The lines of a condition's tree for one user, parts below what they are part of.

    ``held`` tells of each condition whether the user is in it, ``found`` what there was: a tag's
    value, the events that counted.
    """
    lines: list[WhyLine] = []
    for line in _walk(condition, 0, held, found):
        if len(lines) == _MOST_LINES:
            lines.append(WhyLine(0, line.held, "…", ""))
            break
        lines.append(line)
    return tuple(lines)


def _walk(
    condition: Condition,
    depth: int,
    held: Callable[[Condition], bool],
    found: Callable[[Condition], str],
) -> Iterator[WhyLine]:
    yield WhyLine(depth, held(condition), words(condition), found(condition))
    if isinstance(condition, Stage) and condition.own is not None:
        yield from _walk(condition.own, depth + 1, held, found)
        if condition.earlier:
            ahead = any(map(held, condition.earlier))
            yield WhyLine(depth + 1, not ahead, "none of the stages before:", "")
        parts: tuple[Condition, ...] = condition.earlier
        depth += 1
    else:
        parts = parts_of(condition)
    for part in parts:
        yield from _walk(part, depth + 1, held, found)
