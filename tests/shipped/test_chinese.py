"""Reports in Chinese over the shipped rules have no English in what they say of conditions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from audience import api
from audience.insight.report import Report
from audience.rules.project import Project

ROOT = Path(__file__).parents[2]
RULES = sorted(path for path in (ROOT / "rules").rglob("*.yaml") if ".cases." not in path.name)
EARLIER, DAY = "2023-06-15", "2023-06-30"
PATHS = re.compile(r"`[^`]*`|[\w.-]+/[\w./@:-]+")
"""What is code, a path, or the name of a phase, a pack or a build."""


@pytest.fixture(scope="module")
def known(project: Project) -> list[str]:
    """What may stand in a condition: names that rules make, and the dictionary's words."""
    found: set[str] = {"ID"}
    for path in RULES:
        rules = yaml.safe_load(path.read_text("utf-8"))
        for section in ("define", "rows", "packs"):
            found |= set(rules.get(section, {}))
        for stages in rules.get("stages", {}).values():
            found |= set(stages)
    tables = (project.users, *project.events.values())
    for table in tables:
        found |= {value.label for value in table.actions or ()}
        for column in table.columns:
            found.add(column.label)
            found |= {each.label or each.stored.text for each in column.values or ()}
    return sorted(filter(None, found), key=len, reverse=True)


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    packs = tmp_path_factory.mktemp("packs")
    opened = replace(api.load(ROOT), packs=packs, lang="zh")
    api.build(opened, as_of=EARLIER)
    return opened


def said(report: Report) -> Iterator[str]:
    """All texts that the analysis makes."""
    yield from report.warnings
    for waterfall in report.waterfalls:
        yield from (step.asked for step in waterfall.found.steps)
    for profile in report.profiles:
        yield from (line.value for line in profile.found.lines)
    for conversion in report.conversions:
        yield from (line.value for line in conversion.found.lines)
    if report.reasons is not None:
        yield from report.reasons.found.untold
        for pack in report.reasons.found.packs:
            for cause in pack.causes:
                yield cause.detail
                for each in cause.transitions:
                    yield from (each.old, each.new)


@pytest.mark.parametrize("rules", RULES, ids=lambda path: path.stem)
def test_a_report_says_everything_in_chinese(
    project: Project, known: list[str], rules: Path
) -> None:
    report = api.report_on(project, rules, as_of=DAY, goal="{did: {event: buy, within: 30d}}")
    assert report.waterfalls
    assert report.conversions
    assert report.reasons is not None
    assert any(pack.causes for pack in report.reasons.found.packs)
    texts = set(said(report))
    assert len(texts) > 20
    for text in texts:
        left = PATHS.sub("", text)
        for name in known:
            left = left.replace(name, "")
        assert not re.search("[A-Za-z]", left), text


def test_english_is_the_default(project: Project) -> None:
    english = replace(project, lang="en")
    report = api.report_on(english, RULES[0], as_of=DAY)
    assert any("did " in step.asked for each in report.waterfalls for step in each.found.steps)
    chinese = api.report_on(english, RULES[0], as_of=DAY, lang="zh")
    texts = [step.asked for each in chinese.waterfalls for step in each.found.steps]
    assert not any("did " in text for text in texts)
