"""What users are to have done, as a report tells it."""

from __future__ import annotations

from audience.insight.report import Goal
from audience.rules.asked import Asked
from audience.rules.language import Language
from audience.rules.words import SPEECHES

_OF_CONDITIONS = frozenset("{[:")
"""What no name of a pack has."""


def told_goal(goal: Asked | None, language: Language) -> Goal | None:
    """A goal that was asked for; in words where it is a condition that has no ids."""
    if goal is None:
        return None
    is_condition = not _OF_CONDITIONS.isdisjoint(goal.text)
    told = SPEECHES[language].where(goal.condition) if is_condition else ""
    return Goal(goal.name, goal.label, goal.text, told)
