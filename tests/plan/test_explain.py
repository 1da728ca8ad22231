"""The plan as text: small rule files, each with the text that `explain` prints beside it.

With ``UPDATE_SNAPSHOTS=1`` the texts are written anew; read the difference before it goes in.
"""

from __future__ import annotations

import os
import re
from datetime import date, datetime
from pathlib import Path

import polars as pl
import pytest

import audience
from support import MakeProject

FOLDER = Path(__file__).parent.parent / "cases" / "explain"
RULES = sorted(FOLDER.glob("*.yaml"))

USERS = pl.DataFrame(
    {
        "user_id": [1, 2, 3],
        "age": [18, 30, None],
        "price": [19.99, None, 0.5],
        "plus": [True, False, None],
        "city": ["1", "new1", None],
        "registered": [date(2024, 2, 1), date(2023, 1, 1), None],
        "interests": [["a"], [], None],
    }
)
EVENTS = [
    {
        "user_id": 1,
        "ts": datetime(2024, 2, day, 12),
        "action": "buy",
        "amount": 9.5,
        "brand": "mi",
        "dt": f"2024-02-{day:02}",
    }
    for day in (1, 2, 28, 29)
]
PROJECT = """\
time_zone: Asia/Shanghai
tables:
  users: {path: users.parquet, key: user_id}
  events: {path: events, key: user_id, time: ts, day: dt, action: action}
tags:
  city: {label: 城市, values: {一线: "1", 新一线: new1}}
"""


def explained(make_project: MakeProject, rule: Path) -> str:
    folder = make_project(USERS, {rule.name: rule.read_text(encoding="utf-8")}, project=PROJECT)
    for event in EVENTS:
        part = folder / "events" / f"dt={event['dt']}"
        part.mkdir(parents=True)
        pl.DataFrame([event]).drop("dt").write_parquet(part / "part-0.parquet")
    return audience.explain(audience.load(folder))


@pytest.mark.parametrize("rule", RULES, ids=lambda path: path.stem)
def test_the_plan_is_the_one_that_was_read(make_project: MakeProject, rule: Path) -> None:
    text = explained(make_project, rule)
    snapshot = rule.with_suffix(".txt")
    if os.environ.get("UPDATE_SNAPSHOTS"):
        snapshot.write_text(text, encoding="utf-8")
    assert text == snapshot.read_text(encoding="utf-8")


def test_each_text_has_its_rules() -> None:
    assert {path.stem for path in FOLDER.glob("*.txt")} == {path.stem for path in RULES}
    assert len(RULES) >= 4


def test_how_rules_are_ordered_does_not_show(make_project: MakeProject, tmp_path: Path) -> None:
    project = audience.load(make_project(USERS))
    head = "campaign: a\nphase: b\nas_of: 2024-03-01\npacks:\n  p: "
    texts = (
        "{where: {any: [{age: 18.., plus: true}, {city: [new1, 1]}]}}",
        "{where: {any: [{city: [1, new1]}, {plus: true, age: 18..}]}}",
    )
    plans = []
    for number, text in enumerate(texts):
        path = tmp_path / f"rule{number}.yaml"
        path.write_text(head + text, encoding="utf-8")
        plans.append(audience.explain(project, [path]))
    # Parts stand in the order in which rules first mention them: the same words, set otherwise.
    words = [sorted(re.findall(r"[^\s()]+", plan)) for plan in plans]
    assert words[0] == words[1]
