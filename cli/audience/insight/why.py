"""Why somebody is in a pack or not: the rule's tree, with what held and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from audience.insight.findings import Finding, told, value_of
from audience.insight.needs import Need
from audience.insight.reasons import Reason

_MOST_LINES = 200


@dataclass(frozen=True)
class WhyLine:
    """One condition of the tree: how deep, whether it held, what it asks and what was found."""

    depth: int
    held: bool
    asked: str
    found: str


@dataclass(frozen=True)
class Why:
    """Why a user is in a pack at a day, or not.

    ``missing`` is what would have to change for a user who is not in it: every part that fails,
    of `any` and `at_least` a choice. ``snapshot`` is the day of the user table, None of one
    without. ``whole`` is false where the tree is too large and was cut off.
    """

    pack: str
    label: str
    user: int | str
    as_of: date
    snapshot: date | None
    suppressed: bool
    tree: Reason = field(repr=False)
    missing: tuple[Need, ...]
    whole: bool = True
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """What there is to be said of the data that was read."""

    @property
    def held(self) -> bool:
        """Whether the user is in the pack."""
        return self.tree.held

    @property
    def headline(self) -> str:
        """The answer, in one line."""
        answer = "is" if self.held else "is not"
        return f"user {self.user} {answer} in {self.pack} as of {self.as_of}"

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return {
            "pack": self.pack,
            "label": self.label,
            "user": self.user,
            "as_of": self.as_of.isoformat(),
            "snapshot": self.snapshot.isoformat() if self.snapshot else None,
            "held": self.held,
            "suppressed": self.suppressed,
            "missing": [_need_dict(each) for each in self.missing],
            "whole": self.whole,
            "tree": _reason_dict(self.tree),
        }


def lines_of(reason: Reason) -> tuple[WhyLine, ...]:
    """A tree as lines, parts below what they are part of; of a large one the first."""
    lines: list[WhyLine] = []
    for depth, each in walk(reason):
        if len(lines) == _MOST_LINES:
            lines.append(WhyLine(0, each.held, "…", ""))
            break
        lines.append(WhyLine(depth, each.held, each.asked, told(each.found)))
    return tuple(lines)


def walk(reason: Reason, depth: int = 0) -> Iterator[tuple[int, Reason]]:
    """Each condition of a tree with its depth, in the order of the text."""
    yield depth, reason
    for part in reason.parts:
        yield from walk(part, depth + 1)


def _need_dict(need: Need) -> dict[str, Any]:
    out: dict[str, Any] = {
        "asked": need.asked,
        "must_hold": need.must_hold,
        "found": told(need.found, gaps=True),
    }
    if need.choices:
        out |= {"least": need.least, "choices": [_need_dict(each) for each in need.choices]}
    return out


def _reason_dict(reason: Reason) -> dict[str, Any]:
    out: dict[str, Any] = {
        "kind": reason.kind,
        "held": reason.held,
        "asked": reason.asked,
        "found": told(reason.found, gaps=True),
    }
    if reason.found:
        out["values"] = [_finding_dict(each) for each in reason.found if not each.note]
    if reason.counted is not None:
        out["events"] = [_event_dict(each) for each in reason.counted]
    if reason.least:
        out["least"] = reason.least
    if reason.parts:
        out["parts"] = [_reason_dict(each) for each in reason.parts]
    return out


def _finding_dict(found: Finding) -> dict[str, Any]:
    out: dict[str, Any] = {"name": found.name, "value": value_of(found.value)}
    if found.gap is not None:
        gap = found.gap
        by = int(gap.by) if gap.by == int(gap.by) else float(gap.by)
        out |= {"gap": by, "unit": "days" if gap.days else "", "beyond": gap.beyond}
        out |= {"open": gap.open, "bound": gap.bound}
    return out


def _event_dict(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value_of(value) for name, value in row.items()}
