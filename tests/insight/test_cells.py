"""Small cells: hidden, and not to be worked out from what is told, by a solver that tries."""

from __future__ import annotations

import itertools
import os
import random
import subprocess
import sys
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from scipy.optimize import Bounds, LinearConstraint, milp

from audience.insight.cells import Cell, Table, hidden_cells
from audience.insight.diff import NOBODY, BuildDiff, compare
from audience.insight.sharing import (
    BASE,
    SUPPRESSED,
    USERS,
    both_of,
    counts_of_diff,
    hidden_in_diff,
    hidden_in_summary,
    missing_of,
    rest_of,
    shared_summary,
    size_of,
    total_of,
)
from audience.insight.summary import Overlap, PackSize, Stages, Summary, share

LEAST = 10


@pytest.mark.parametrize(
    ("counts", "sums", "groups", "hidden"),
    [
        ({"a": 9, "b": 10, "c": 0}, [], [], {"a"}),
        # A part that is hidden alone is its whole less the others: the smallest other goes too.
        ({"w": 100, "a": 9, "b": 40, "c": 51}, [(("w",), ("a", "b", "c"))], [], {"a", "b"}),
        ({"w": 100, "a": 9, "b": 8, "c": 83}, [(("w",), ("a", "b", "c"))], [], {"a", "b"}),
        # Without its whole nothing tells it.
        ({"a": 9, "b": 40, "c": 51}, [], [], {"a"}),
        # Those of the base who are not in a pack.
        ({"base": 100, "pack": 95}, [], [(("base",), ("pack",))], {"pack"}),
        ({"base": 100, "pack": 90}, [], [(("base",), ("pack",))], set()),
        ({"base": 100, "pack": 100}, [], [(("base",), ("pack",))], set()),
    ],
)
def test_what_is_hidden(
    counts: dict[Cell, int],
    sums: list[tuple[tuple[Cell, ...], tuple[Cell, ...]]],
    groups: list[tuple[tuple[Cell, ...], tuple[Cell, ...]]],
    hidden: set[Cell],
) -> None:
    assert hidden_cells(Table(counts, sums, groups), LEAST) == hidden


def test_two_sums_together_tell_no_more_than_each() -> None:
    """A cross table: rows and columns add up, and one cell is small."""
    counts: dict[Any, int] = {}
    sums: list[tuple[tuple[Cell, ...], tuple[Cell, ...]]] = []
    values = [[5, 40, 60], [50, 70, 30], [20, 80, 90]]
    for row, line in enumerate(values):
        counts |= {(row, column): value for column, value in enumerate(line)}
        counts["row", row] = sum(line)
        sums.append(((("row", row),), tuple((row, column) for column in range(3))))
    for column in range(3):
        counts["column", column] = sum(line[column] for line in values)
        sums.append(((("column", column),), tuple((row, column) for row in range(3))))
    hidden = hidden_cells(Table(counts, sums), LEAST)
    assert (0, 0) in hidden
    cells = [(row, column) for row in range(3) for column in range(3)]
    rows, known = [], []
    for name in counts.keys() - hidden:
        kind, at = name if isinstance(name[0], str) else ("cell", name)
        inside = {"cell": [at], "row": [(at, n) for n in range(3)]}.get(kind)
        inside = inside or [(n, at) for n in range(3)]
        rows.append([float(cell in inside) for cell in cells])
        known.append(counts[name])
    least, most = extremes([float(cell == (0, 0)) for cell in cells], rows, known)
    assert least < 5 < most


Person = tuple[bool, ...]
NAMES = ["a", "a.x", "a.y", "b", "c", "s.one", "s.two", "a_or_b", "b_and_c", "b_less_c", "not_c"]


def person(first: bool, side: bool, second: bool, third: bool, stage: bool) -> Person:
    """Who is in which pack: sides are parts of the first, stages split the base, others are made
    of packs."""
    sides = (first and side, first and not side)
    made = (first or second, second and third, second and not third, not third)
    return (first, *sides, second, third, stage, not stage, *made)


def random_summary(seed: int) -> tuple[Summary, list[Person]]:
    """A summary of made-up people."""
    draw = random.Random(seed)
    count = draw.choice([40, 120, 400])
    shares = [draw.choice([0.02, 0.1, 0.5, 0.9, 0.98]) for _ in range(3)]
    people: list[Person] = []
    for _ in range(count):
        first, second, third = (draw.random() < each for each in shares)
        side = draw.random() < 0.9
        stage = draw.random() < 0.85
        people.append(person(first, side, second, third, stage))
    names = NAMES
    sizes = {name: sum(person[at] for person in people) for at, name in enumerate(names)}
    users = count + draw.choice([0, 3, 50])
    suppressed = draw.choice([0, users - count])
    return (
        Summary(
            "c",
            "p",
            "",
            date(2024, 3, 1),
            users,
            count,
            tuple(PackSize(n, "", sizes[n], share(sizes[n], count), 0) for n in names),
            tuple(
                Overlap(names[one], names[other], both, share(both, sizes[names[one]]))
                for one, other in itertools.permutations(range(len(names)), 2)
                for both in [sum(person[one] and person[other] for person in people)]
            ),
            (Stages("s", ("s.one", "s.two"), count, 0),),
            suppressed,
        ),
        people,
    )


def possible() -> list[Person]:
    """Every kind of person there can be: sides are parts of the first pack, stages of the base."""
    found = []
    for first, side, second, third, stage in itertools.product([False, True], repeat=5):
        if not first and side:
            continue
        found.append(person(first, side, second, third, stage))
    return found


def told(summary: Summary) -> Mapping[Cell, int]:
    """All counts by their cells."""
    cells: dict[Cell, int] = {BASE: summary.base}
    for pack in summary.packs:
        cells[size_of(pack.name)] = pack.size
    for each in summary.overlaps:
        cells[both_of(each.pack, each.other)] = each.both
    for stages in summary.stages:
        cells[total_of(stages.name)] = stages.total
        cells[rest_of(stages.name)] = stages.rest
    return cells


def members(cell: Any, names: list[str], kind: Person) -> bool:
    """Whether a kind of person counts for a cell."""
    match cell:
        case "base" | ("total", _):
            return True
        case ("rest", _):
            return False
        case ("size", _, name):
            return kind[names.index(name)]
        case ("both", pair):
            return all(kind[names.index(name)] for name in pair)
    raise AssertionError(cell)


def extremes(row: list[float], rows: list[list[float]], values: list[int]) -> tuple[int, int]:
    """The least and the greatest value of a count, given others: whole numbers of each kind."""
    equal = LinearConstraint(np.array(rows), values, values)
    out = []
    for sign in (1, -1):
        found = milp(
            sign * np.array(row),
            constraints=equal,
            integrality=np.ones(len(row)),
            bounds=Bounds(0, np.inf),
        )
        out.append(round(sign * found.fun) if found.status == 0 else -sign * 10**9)
    return out[0], out[1]


def seeds(quick: int, all_: int) -> list[Any]:
    """So many, and with the tests that take minutes the others too."""
    more = (pytest.param(seed, marks=pytest.mark.soak) for seed in range(quick, all_))
    return [*range(quick), *more]


@pytest.mark.parametrize("seed", seeds(50, 200))
def test_a_solver_recovers_nobody(seed: int) -> None:
    summary, people = random_summary(seed)
    names = [pack.name for pack in summary.packs]
    hidden = hidden_in_summary(summary, LEAST)
    cells = told(summary)
    kinds = possible()
    shown = [cell for cell in cells if cell not in hidden]
    rows = [[float(members(cell, names, kind)) for kind in kinds] for cell in shown]
    values = [cells[cell] for cell in shown]
    for cell in cells:
        if 0 < cells[cell] < LEAST:
            assert cell in hidden
    for row, count in small_groups(names, kinds, people):
        least, most = extremes(row, rows, values)
        assert least <= count <= most
        assert least < most, (row, count, summary)


def small_groups(
    names: list[str], kinds: list[Person], people: list[Person]
) -> Iterable[tuple[list[float], int]]:
    """Groups of few: in or not in a pack, and what two packs have in common or not."""
    wanted = [((one, sign),) for one in range(len(names)) for sign in (True, False)]
    wanted += [
        ((one, first), (other, second))
        for one, other in itertools.combinations(range(len(names)), 2)
        for first in (True, False)
        for second in (True, False)
    ]
    for group in wanted:
        count = sum(all(person[at] == sign for at, sign in group) for person in people)
        if 0 < count < LEAST:
            yield [float(all(kind[at] == sign for at, sign in group)) for kind in kinds], count


def test_those_who_are_not_in_the_base_are_a_group_too() -> None:
    summary, _ = random_summary(0)
    for users, suppressed, hides in ((403, 3, True), (403, 0, True), (500, 100, False)):
        found = Summary(**{**vars(summary), "base": 400, "users": users, "suppressed": suppressed})
        hidden = hidden_in_summary(found, LEAST)
        assert (BASE in hidden or USERS in hidden) == hides
        assert (SUPPRESSED in hidden) == (suppressed == 3)


def test_json_has_nothing_where_a_count_is_hidden() -> None:
    summary, _ = random_summary(3)
    hidden = hidden_in_summary(summary, LEAST)
    found = shared_summary(summary, hidden)
    for pack in found["packs"]:
        assert (pack["size"] is None) == (size_of(pack["name"]) in hidden)
        assert (pack["only_missing"] is None) == (missing_of(pack["name"]) in hidden)
        if pack["size"] is None:
            assert pack["share"] is None
    for each in found["overlaps"]:
        assert (each["both"] is None) == (both_of(each["pack"], each["other"]) in hidden)
        if each["both"] is None:
            assert each["share"] is None
    assert hidden_in_summary(summary, 0) == hidden_in_summary(summary, 1) == frozenset()


OLD_AND_NEW = ["a", "a.x", "a.y", "b", "a_or_b", "s.one", "s.two"]


def sides(first: bool, side: bool, second: bool, stage: bool) -> Person:
    split = (first and side, first and not side)
    return (first, *split, second, first or second, stage, not stage)


def random_diff(seed: int) -> tuple[BuildDiff, list[Person]]:
    """Two builds of the same base: some people moved, few or many."""
    draw = random.Random(seed)
    count = draw.choice([60, 200, 400])
    shares = [draw.choice([0.05, 0.5, 0.95]) for _ in range(2)]
    moving = draw.choice([0.02, 0.2])
    people = []
    for _ in range(count):
        old = [draw.random() < shares[0], draw.random() < 0.9, draw.random() < shares[1]]
        old.append(draw.random() < 0.9)
        new = [each ^ (draw.random() < moving) for each in old]
        new[1] = old[1]  # a user keeps a side
        people.append((*sides(*old), *sides(*new)))
    packs = [
        {name: pa.array([n for n, kind in enumerate(people) if kind[at]], pa.int64())}
        for at, name in enumerate(OLD_AND_NEW * 2)
    ]
    old_packs: dict[str, pa.Array] = {}
    new_packs: dict[str, pa.Array] = {}
    for at, pack in enumerate(packs):
        (old_packs if at < len(OLD_AND_NEW) else new_packs).update(pack)
    found = compare(
        "old", old_packs, "new", new_packs, {}, pair=False, key="id", bases=(count, count)
    )
    return found, people


def is_in(cell: Any, kind: Person) -> bool:
    """Whether somebody counts for a cell of a comparison."""
    at = len(OLD_AND_NEW)

    def inside(side: str, name: str) -> bool:
        half = kind[:at] if side == "old" else kind[at:]
        return not any(half) if name == NOBODY else half[OLD_AND_NEW.index(name)]

    match cell:
        case ("base", _):
            return True
        case ("size", side, name):
            return inside(side, name)
        case ("moved", old, new):
            return inside("old", old) and inside("new", new)
        case ("added", name):
            return inside("new", name) and not inside("old", name)
        case ("removed", name):
            return inside("old", name) and not inside("new", name)
    raise AssertionError(cell)


@pytest.mark.parametrize("matrix", [False, True])
@pytest.mark.parametrize("seed", seeds(5, 20))
def test_a_solver_recovers_nobody_who_moved(seed: int, matrix: bool) -> None:
    diff, people = random_diff(seed)
    hidden = hidden_in_diff(diff, LEAST, matrix=matrix)
    cells = counts_of_diff(diff, matrix=matrix) | {("base", "old"): len(people)}
    for cell, count in cells.items():
        assert count == sum(is_in(cell, kind) for kind in people)
    flags = itertools.product([False, True], repeat=7)
    kinds = [(*sides(a, x, b, s), *sides(c, x, d, t)) for a, x, b, s, c, d, t in flags]
    shown = [cell for cell in cells if cell not in hidden]
    rows = [[float(is_in(cell, kind)) for kind in kinds] for cell in shown]
    values = [cells[cell] for cell in shown]
    for cell, count in cells.items():
        if 0 < count < LEAST:
            assert cell in hidden
            row = [float(is_in(cell, kind)) for kind in kinds]
            least, most = extremes(row, rows, values)
            assert least <= count <= most
            assert least < most, (cell, count)


def test_what_is_hidden_is_the_same_in_every_process() -> None:
    """Two copies that hide different counts tell what each of them hides."""
    code = (
        "from insight.test_cells import *\n"
        "for seed in range(12):\n"
        "    print(sorted(map(spelled, hidden_in_summary(random_summary(seed)[0], LEAST))))"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[1])},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "2")
    }
    assert len(told) == 1


def spelled(cell: Any) -> str:
    """A cell, its sets in order."""
    parts = [sorted(each) if isinstance(each, frozenset) else each for each in cell]
    return str(parts)
