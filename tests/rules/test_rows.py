"""Named conditions over event rows: the same as what they stand for, wherever they are named."""

from __future__ import annotations

from pathlib import Path

import jsonschema
import polars as pl
import pytest
import yaml

import audience
from audience import api
from support import MakeProject, Run

EVENTS = [
    {"user_id": user, "ts": f"2024-02-{day:02}", "action": action, "amount": amount, "brand": brand}
    for user, day, action, amount, brand in (
        (1, 10, "browse", 5.0, "mi"),
        (1, 11, "buy", 9.0, "mi"),
        (2, 10, "browse", 4.99, "mi"),
        (2, 12, "buy", 9.0, None),
        (3, 10, "browse", 6.0, None),
        (3, 9, "buy", 9.0, "mi"),
        (4, 10, "buy", None, "hua"),
    )
]
PACKS = {
    "named": "{did: {where: dear}}",
    "among others": "{did: {where: {all: [dear], brand: mi}}}",
    "negated": "{did: {where: {not: dear}}}",
    "of names": "{did: {where: {any: [ours, {brand: hua}]}}}",
    "in what follows": "{did: {event: browse, where: dear, then: {event: buy, where: ours}}}",
    "twice": "{did: [{event: browse, where: dear}, {event: buy, where: dear}]}",
    "of a variable": "{did: {where: cheap}}",
}
ROWS = """\
vars: {most: 5}
rows:
  ours: {all: [dear], brand: mi}
  dear: {amount: 5..}
  cheap: {amount: "..${most}"}
"""
INLINE = {"dear": "{amount: 5..}", "ours": "{amount: 5.., brand: mi}", "cheap": "{amount: ..5}"}


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    users = pl.DataFrame({"user_id": [1, 2, 3, 4, 5]})
    events = pl.DataFrame(EVENTS).with_columns(pl.col("ts").str.to_datetime())
    folder = make_project(users, {}, events)
    events.rename({"brand": "make"}).write_parquet(folder / "others.parquet")
    return folder


def select(folder: Path, where: str, head: str = "", engine: str = "polars") -> list[int]:
    text = f"campaign: c\nphase: p\nas_of: 2024-03-01\n{head}packs: {{x: {{where: {where}}}}}\n"
    (folder / "rules/a.yaml").write_text(text)
    path = folder / "rules/a.yaml"
    result = audience.build(audience.load(folder), [path], dry_run=True, engine=engine)[0]
    ids: list[int] = result.ids("x").to_pylist()
    return ids


def inlined(where: str) -> str:
    for name, condition in INLINE.items():
        where = where.replace(name, condition)
    return where


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
@pytest.mark.parametrize("name", PACKS)
def test_a_name_is_what_it_stands_for(folder: Path, name: str, engine: str) -> None:
    named = select(folder, PACKS[name], ROWS, engine)
    assert named == select(folder, inlined(PACKS[name]), engine=engine)
    assert 0 < len(named) < 5


def test_names_of_another_phase(folder: Path) -> None:
    head = "campaign: c\nphase: q\npacks: {y: {where: {user_id: 1..}}}\n"
    (folder / "rules/q.yaml").write_text(head + ROWS)
    for place in ("q", "c/q"):
        found = select(folder, f"{{did: {{where: {{any: [{place}/ours, {{brand: hua}}]}}}}}}")
        assert found == [1, 3, 4]


def test_a_name_is_read_over_the_table_that_is_meant(folder: Path, run: Run) -> None:
    path = folder / "audience.yaml"
    others = "  others: {path: others.parquet, key: user_id, time: ts, action: action}\n"
    path.write_text(path.read_text() + others)
    dear = "{did: {in: others, event: browse, where: dear}}"
    assert select(folder, dear, ROWS) == [1, 3]
    text = (folder / "rules/a.yaml").read_text().replace("where: dear}", "where: ours}")
    (folder / "rules/a.yaml").write_text(text)
    done = run("check", at=folder)
    assert done.code == 3
    assert "rules/a.yaml:6:23: error: unknown column of `others` `brand`" in done.err


def test_editors_know_them(folder: Path) -> None:
    schema = api.schema("rules", audience.load(folder))
    head = "campaign: c\nphase: p\nas_of: '2024-03-01'\n"
    for where in PACKS.values():
        text = f"{head}{ROWS}packs: {{x: {{where: {where}}}}}\n"
        jsonschema.validate(yaml.safe_load(text), schema)
