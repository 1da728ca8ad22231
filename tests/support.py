"""Names that tests share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from audience.insight.reasons import Reason

MakeProject = Callable[..., Path]


@dataclass(frozen=True)
class Ran:
    """How a run of the program ended."""

    code: int
    out: str
    err: str


Run = Callable[..., Ran]


def follows(reason: Reason) -> bool:
    """Whether a condition follows from its parts as its kind says."""
    parts = [part.held for part in reason.parts]
    match reason.kind:
        case "all":
            return reason.held == all(parts)
        case "any":
            return reason.held == any(parts)
        case "none":
            return reason.held == (not any(parts))
        case "not":
            return reason.held == (not parts[0])
        case "at_least":
            return reason.held == (sum(parts) >= reason.least)
        case "limit" | "split":
            return parts[0] or not reason.held
        case _:
            return not parts
