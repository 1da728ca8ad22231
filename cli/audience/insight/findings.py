"""What was found of a user for one condition: values, measures, and by how much they miss."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from math import isfinite
from typing import Any

from audience.insight.gaps import Gap, plainly


@dataclass(frozen=True)
class Finding:
    """A value, of a tag or a measure: None is missing, a list a tuple. A ``note`` has no value."""

    name: str = ""
    value: Any = None
    gap: Gap | None = None
    label: str = ""
    note: str = ""


def told(found: Sequence[Finding], *, gaps: bool = False) -> str:
    """What was found, in words; with ``gaps`` also how far it is from what is asked."""
    values = [_told(each, gaps) for each in found if not each.note]
    notes = [each.note for each in found if each.note]
    text = ", ".join(values)
    aside = " ".join(f"({note})" for note in notes) if values else ", ".join(notes)
    return " ".join(each for each in (text, aside) if each)


def shown(value: Any, *, grouped: bool = False) -> str:
    """A value as a line has it; ``grouped`` tells thousands apart."""
    if value is None:
        return "missing"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple):
        return "[" + ", ".join(shown(each, grouped=grouped) for each in value) + "]"
    if grouped and isinstance(value, (int, float)):
        return plainly(value)
    if isinstance(value, datetime):
        return str(value.replace(tzinfo=None, microsecond=0))
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def value_of(value: Any) -> Any:
    """A value as JSON has it: days and times as texts, and so what is infinite."""
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, float) and not isfinite(value):
        return str(value)
    return [value_of(each) for each in value] if isinstance(value, (list, tuple)) else value


def _told(found: Finding, gaps: bool) -> str:
    missing = "" if found.name else "missing"
    text = shown(found.value, grouped=gaps)
    if found.value is None and missing:
        return missing
    head = f"{found.name} is" if found.name else "is"
    label = f" ({found.label})" if found.label and gaps else ""
    gap = f": {found.gap}" if found.gap is not None and gaps else ""
    return f"{head} {text}{label}{gap}"
