"""The languages that results can be told in, and texts that are written in both."""

from __future__ import annotations

from enum import StrEnum

from audience.errors import UsageError

Pair = tuple[str, str]
"""A text in English and in Chinese, with ``{fields}`` that are given to both."""

LANGUAGES = ("en", "zh")
"""What languages are called; the first is the default."""


class Language(StrEnum):
    """The languages of a report, by their tags (BCP 47)."""

    ENGLISH = "en"
    CHINESE = "zh-CN"

    @classmethod
    def of(cls, text: str) -> Language:
        """`en`, or `zh` for Chinese. Raises UsageError."""
        known = {**dict(zip(LANGUAGES, cls, strict=True)), **{each.lower(): each for each in cls}}
        found = known.get(text.lower())
        if found is None:
            raise UsageError(f"no language `{text}`; expected {' or '.join(LANGUAGES)}")
        return found

    def say(self, pair: Pair, **values: object) -> str:
        """A text in this language, with values in it."""
        text = pair[0 if self is Language.ENGLISH else 1]
        return text.format_map(values) if values else text

    def counted(self, count: int, noun: Pair) -> str:
        """So many of something: ``1 event``, ``2 events``, ``2 条事件``."""
        ending = "s" if self is Language.ENGLISH and count != 1 else ""
        return f"{count:,} {self.say(noun)}{ending}"
