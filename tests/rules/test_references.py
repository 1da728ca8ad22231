"""Names from other files: evaluated at this build's day, drawn from both files' bases."""

from __future__ import annotations

from datetime import date

import pytest

import audience
from support import MakeProject

USERS = [
    {"user_id": n, "age": age, "joined": date(2024, 1, day)}
    for n, (age, day) in enumerate([(10, 1), (20, 1), (30, 1), (40, 31), (50, 31)], 1)
]
FIRST = """\
campaign: c
phase: one
as_of: 2024-01-02
base: {age: 18..}
define: {not_thirty: {not: {age: 30}}}
packs:
  recent: {where: {joined: {within: 5d}}}
  old: {where: {age: 40..}}
"""
SECOND = """\
campaign: c
phase: two
as_of: 2024-01-31
base: {age: ..45}
packs:
  recent: {where: one/recent}
  not_thirty: {where: c/one/not_thirty}
  not_old: {where: {not: one/old}}
"""


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
@pytest.mark.parametrize("names", [["b.yaml"], ["a.yaml", "b.yaml"], ["b.yaml", "a.yaml"]])
def test_both_bases_and_this_day(make_project: MakeProject, engine: str, names: list[str]) -> None:
    folder = make_project(USERS, {"a.yaml": FIRST, "b.yaml": SECOND})
    paths = [folder / "rules" / name for name in names]
    results = audience.build(audience.load(folder), paths, dry_run=True, engine=engine)
    found = {
        f"{result.summary.phase}/{pack.name}": result.ids(pack.name).to_pylist()
        for result in results
        for pack in result.summary.packs
    }
    wanted = {"two/recent": [4], "two/not_thirty": [2, 4], "two/not_old": [1, 2, 3]}
    if len(names) == 2:
        wanted |= {"one/recent": [2, 3], "one/old": [4, 5]}
    assert found == wanted


def test_the_manifest_has_the_texts_of_both_files(make_project: MakeProject) -> None:
    folder = make_project(USERS, {"a.yaml": FIRST, "b.yaml": SECOND})
    published = audience.build(audience.load(folder), folder / "rules/b.yaml")[0].published
    assert published
    assert [rule.path for rule in published.manifest.rules] == ["rules/b.yaml", "rules/a.yaml"]
