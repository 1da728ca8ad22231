"""What would have to change for a user to be in a pack: the conditions that fail, and no others."""

from __future__ import annotations

from dataclasses import dataclass

from audience.insight.findings import Finding
from audience.insight.reasons import ANY, LEAST, LIMIT, NONE, NOT, SIDE, Reason


@dataclass(frozen=True)
class Need:
    """A condition that must hold and does not, or the other way round.

    With ``choices``: at least so many of these, ``least``; ``asked`` says it in words.
    """

    asked: str
    found: tuple[Finding, ...] = ()
    must_hold: bool = True
    least: int = 0
    choices: tuple[Need, ...] = ()


def needs_of(reason: Reason, wanted: bool = True) -> tuple[Need, ...]:
    """What keeps a condition from being as wanted, each thing once; nothing where it is."""
    if reason.held == wanted:
        return ()
    parts = reason.parts
    if not parts or (reason.kind == NONE and reason.found):
        return (Need(reason.asked, reason.found, wanted),)
    if reason.kind == NOT:
        return needs_of(parts[0], not wanted)
    if reason.kind in {LIMIT, SIDE}:
        return _of_place(reason, wanted)
    right, least = _wanted(reason, wanted)
    done = sum(part.held == right for part in parts)
    return _chosen([needs_of(part, right) for part in parts], least - done)


def _wanted(reason: Reason, wanted: bool) -> tuple[bool, int]:
    """What the parts must be, and how many of them at least."""
    count = len(reason.parts)
    if reason.kind == NONE:
        return not wanted, count if wanted else 1
    least = {ANY: 1, LEAST: reason.least}.get(reason.kind, count)
    return wanted, least if wanted else count - least + 1


def _of_place(reason: Reason, wanted: bool) -> tuple[Need, ...]:
    """Of a limit or a side: the part first, then the place in it."""
    (part,) = reason.parts
    if wanted and not part.held:
        return needs_of(part)
    return (Need(reason.asked.removesuffix(" of"), reason.found, wanted),)


def _chosen(groups: list[tuple[Need, ...]], least: int) -> tuple[Need, ...]:
    """At least so many of some groups of needs, those that are empty not counted."""
    groups = [group for group in groups if group]
    if least == 1:
        groups = list(dict.fromkeys(groups))
    if least >= len(groups):
        return tuple(dict.fromkeys(need for group in groups for need in group))
    choices = tuple(
        group[0] if len(group) == 1 else Need("all of", least=len(group), choices=group)
        for group in groups
    )
    asked = "any of" if least == 1 else f"at least {least} of"
    return (Need(asked, least=least, choices=choices),)
