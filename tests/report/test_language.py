"""Both languages say everything, and nothing is said that no part of the report asks for."""

from __future__ import annotations

import re
from datetime import date
from string import Formatter

import pytest
from reports import ROOT

from audience.report.language import TABLE, Language, Words

SOURCES = "\n".join(
    path.read_text("utf-8")
    for path in (ROOT / "cli/audience/report").rglob("*.py")
    if path.name != "language.py"
)


@pytest.mark.parametrize("key", TABLE)
def test_both_languages_say_the_same(key: str) -> None:
    english, chinese = TABLE[key]
    assert english.strip()
    assert chinese.strip()
    asked = [{name for _, name, _, _ in Formatter().parse(text) if name} for text in TABLE[key]]
    assert asked[0] == asked[1]


CHINESE_TOO = {"TGI", "jaccard", "conversion", "from_to", "flow_of", "version"}


@pytest.mark.parametrize("key", sorted(TABLE.keys() - CHINESE_TOO))
def test_chinese_is_chinese(key: str) -> None:
    assert any("\u4e00" <= char <= "\u9fff" for char in TABLE[key][1])


OWN = {"users_n", "equal", "within", "nearly"}


@pytest.mark.parametrize("key", sorted(TABLE.keys() - OWN))
def test_every_word_is_used(key: str) -> None:
    stem = "kind_" if key.startswith("kind_") else key
    assert re.search(f"[\"']{stem}", SOURCES)


def test_numbers_read_alike() -> None:
    for language in Language:
        words = Words(language)
        assert words.count(1234567) == "1,234,567"
        assert words.percent(0.1234) == "12.3%"
        assert words.days(date(2023, 4, 1), None) == "2023-04-01"
        assert words.days(None, None) == "–"
        assert words.count(None) == words("hidden")
    assert Words(Language.CHINESE).users(12) == "12 人"
    with pytest.raises(KeyError):
        Words()("no such key")
