"""Who is in a pack only because a value is missing: counted, on both engines."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

import audience
from support import MakeProject

USERS = pl.DataFrame(
    {
        "user_id": [1, 2, 3, 4],
        "plus": [True, False, None, None],
        "age": [20, 50, 20, None],
        "likes": [["a"], [], None, [None]],
    }
)
EVENTS = [{"user_id": 1, "ts": date(2024, 1, 1), "action": "buy"}]

# condition → who is in, and how many of them would not be, were the missing values unknown
CASES: dict[str, tuple[str, list[int], int]] = {
    "positive": ("{plus: true}", [1], 0),
    "negated": ("{not: {plus: true}}", [2, 3, 4], 2),
    "not_equal": ("{plus: {ne: true}}", [2, 3, 4], 2),
    "not_in": ("{age: {not_in: [50]}}", [1, 3, 4], 1),
    "twice_negated": ("{not: {not: {plus: true}}}", [1], 0),
    "negated_complement": ("{not: {plus: {ne: true}}}", [1], 0),
    "known_otherwise": ("{any: [{not: {plus: true}}, {age: ..30}]}", [1, 2, 3, 4], 1),
    "decided_by_another": ("{not: {all: [{plus: true}, {age: 40..}]}}", [1, 2, 3, 4], 1),
    "asked_to_be_known": ("{plus: known, not: {plus: true}}", [2], 0),
    "asked_to_be_unknown": ("{plus: unknown}", [3, 4], 0),
    "not_unknown": ("{not: {plus: unknown}}", [1, 2], 0),
    "at_least": ("{at_least: 2, of: [{not: {plus: true}}, {age: ..60}, {age: 50}]}", [2, 3], 1),
    "lists": ("{not: {likes: a}}", [2, 3, 4], 1),
    "behaviour_is_known": ("{did_not: {event: buy}}", [2, 3, 4], 0),
    "minus": ("{user_id: known, minus: {age: ..30}}", [2, 4], 1),
    "shared": ("{any: [negated, {all: [negated, {age: 50}]}]}", [2, 3, 4], 2),
}


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_only_by_a_missing_value(make_project: MakeProject, engine: str) -> None:
    packs = "".join(f"  {name}: {{where: {where}}}\n" for name, (where, _, _) in CASES.items())
    rule = f"campaign: c\nphase: p\nas_of: 2024-01-02\npacks:\n{packs}"
    folder = make_project(USERS, {"a.yaml": rule}, events=EVENTS)
    result = audience.build(audience.load(folder), dry_run=True, engine=engine)[0]
    found = {
        pack.name: (result.ids(pack.name).to_pylist(), pack.only_missing)
        for pack in result.summary.packs
    }
    assert found == {name: (ids, count) for name, (_, ids, count) in CASES.items()}


WARNED: dict[str, tuple[str, list[tuple[int, int, str]]]] = {
    "negation": ("{not: {plus: true}}", [(5, 15, "a negation over `plus`")]),
    "operator": ("{plus: {ne: true}}", [(5, 22, "`ne` over `plus`")]),
    "known_beside": ("{plus: known, age: known, not: {plus: true}}", []),
    "known_inside": ("{plus: {is: known, ne: true}}", []),
    "no_missing": ("{not: {user_id: 3}}", []),
    "state": ("{not: {plus: unknown}}", []),
    "positive": ("{plus: true}", []),
    "twice": ("{not: {not: {plus: true}}}", []),
    "under_ne": ("{not: {plus: {ne: true}}}", []),
    "by_name": ("{age: known, minus: negated}", []),
    "known_by_value": ("{plus: {in: [true], ne: false}}", []),
    "known_deeper": ("{all: [{all: [{plus: known}]}, {not: {plus: true}}]}", []),
    "known_either_way": ("{any: [{plus: true}, {plus: false}], not: {plus: true}}", []),
    "elsewhere": ("{any: [{plus: known}, {not: {plus: true}}]}", [(5, 37, "a negation")]),
}


@pytest.mark.parametrize("name", WARNED)
def test_check_warns_where_missing_values_are_selected(
    make_project: MakeProject, name: str
) -> None:
    where, wanted = WARNED[name]
    head = "campaign: c\nphase: p\ndefine: {negated: {plus: {ne: true}}}\npacks:\n"
    if name == "by_name":
        wanted = []
    folder = make_project(USERS, {"a.yaml": f"{head}  a: {{where: {where}}}\n"})
    warnings = audience.check(audience.load(folder)).warnings
    inside = [each for each in warnings if each.at and each.at.line == 5]
    assert [(each.at.line, each.at.column) for each in inside if each.at] == [
        (line, column) for line, column, _ in wanted
    ]
    for warning, (_, _, text) in zip(inside, wanted, strict=True):
        assert text in warning.message
        assert "(2 rows)" in warning.message
