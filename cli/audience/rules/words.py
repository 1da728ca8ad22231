"""Conditions in words: one line for each, without the parts it is made of."""

from __future__ import annotations

from collections.abc import Mapping

from audience.rules.chinese import Chinese
from audience.rules.english import English
from audience.rules.language import Language
from audience.rules.speech import Speech
from audience.rules.tree import Condition

SPEECHES: Mapping[Language, Speech] = {
    Language.ENGLISH: English(),
    Language.CHINESE: Chinese(),
}
"""How conditions are said in each language."""


def words(condition: Condition) -> str:
    """What a condition asks, on one line, in English."""
    return SPEECHES[Language.ENGLISH].words(condition)
