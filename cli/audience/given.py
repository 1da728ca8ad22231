"""What callers give: days, paths and durations, as values or as texts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from audience.errors import UsageError
from audience.rules.scalars import Duration, Misfit, read_duration


def day_of(text: date | str, option: str = "as_of") -> date:
    """A day. Raises UsageError that names the option."""
    try:
        return date.fromisoformat(text) if isinstance(text, str) else text
    except ValueError:
        raise UsageError(f"{option} `{text}`: expected a date such as 2023-04-30") from None


def day_or_none(text: date | str | None, option: str = "as_of") -> date | None:
    """A day, or none. Raises UsageError that names the option."""
    return None if text is None else day_of(text, option)


def duration_of(option: str, text: str | None) -> Duration | None:
    """A duration such as 90d, or none. Raises UsageError that names the option."""
    try:
        return None if text is None else read_duration(text)
    except Misfit as misfit:
        raise UsageError(f"{option}: {misfit.message}; expected {misfit.expected}") from None


def paths_of(rules: str | Path | Sequence[str | Path]) -> list[str | Path]:
    """One path or several."""
    return [rules] if isinstance(rules, (str, Path)) else list(rules)


def several(given: str | Sequence[str]) -> Sequence[str]:
    """One name or several: a text is a name, not its letters."""
    return [given] if isinstance(given, str) else given
