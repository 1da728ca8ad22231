"""What a terminal draws: bars around 100, shades, and what is left out where there is no room."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from reports import made_profile
from rich.cells import cell_len

from audience.commands.output import write_grids
from audience.insight.convert import Conversion, Conversions, Part, Period, Split, lines_of, rate_of
from audience.insight.convert_cells import CONVERTED, USERS, part_of
from audience.insight.overlap import overlaps
from audience.insight.sharing import both_of, region_of, size_of
from audience.membership import Membership
from audience.report.conversion import conversion_grids
from audience.report.grid import Column, Grid
from audience.report.insights import overlap_grids, profile_grid
from audience.report.words import bar_around, shade, whole_percent

INDICES = st.floats(0, 1e6)


@given(INDICES, st.floats(101, 1000), st.integers(1, 20))
def test_a_bar_around_has_one_width_and_one_middle(index: float, far: float, side: int) -> None:
    drawn = bar_around(index, far, side)
    assert len(drawn) == cell_len(drawn) == 2 * side + 1
    assert drawn[side] == "│"
    left, right = drawn[:side].strip(), drawn[side + 1 :].strip()
    assert bool(left) == (index < 100)
    assert bool(right) == (index > 100)
    if index >= far or index <= 10_000 / far:
        assert (left or right) == "█" * side


@given(INDICES, INDICES)
def test_bars_around_are_in_the_order_of_their_indices(one: float, other: float) -> None:
    def length(index: float) -> float:
        drawn = bar_around(index, 400, 10)
        parts = {"█": 1.0, "▐": 0.5, " ": 0.0} | {c: n / 8 for n, c in enumerate(" ▏▎▍▌▋▊▉") if n}
        return sum(parts[c] for c in drawn[11:]) - sum(parts[c] for c in drawn[:10])

    if one <= other:
        assert length(one) <= length(other)


@pytest.mark.parametrize(
    ("index", "drawn"),
    [
        (100, "    │    "),
        (200, "    │██  "),
        (50, "  ██│    "),
        (400, "    │████"),
        (0, "████│    "),
        (84, "   ▐│    "),
        (119, "    │▌   "),
    ],
)
def test_twice_as_often_is_as_far_as_half_as_often(index: float, drawn: str) -> None:
    assert bar_around(index, 400, 4) == drawn


@pytest.mark.parametrize(
    ("share", "told"),
    [
        (0, " 0"), (0.001, "░<1"), (0.2499, "░25"), (0.25, "▒25"), (0.5, "▓50"), (0.75, "█75"),
        (0.995, "█>99"), (1, "█100"),
    ],
)  # fmt: skip
def test_shades(share: float, told: str) -> None:
    assert shade(share) + whole_percent(share) == told


GRID = Grid(
    "t",
    (Column("人群"), Column("n", right=True), Column("", spare=True)),
    (("高端换机", "1,234", "████"), ("a", "5", "█")),
)


def test_a_grid_knows_how_wide_it_is() -> None:
    assert GRID.width == 8 + 3 + 5 + 3 + 4
    assert GRID.fitted(23) == GRID
    fitted = GRID.fitted(22)
    assert [column.title for column in fitted.columns] == ["人群", "n"]
    assert fitted.rows == (("高端换机", "1,234"), ("a", "5"))
    assert "█" not in GRID.to_markdown()
    assert Grid("t", (), ()).width == 0


@pytest.mark.parametrize("width", [22, 23])
def test_a_terminal_shows_what_has_room(
    width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No line is wider than the terminal, by the columns that Chinese takes."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(width))
    write_grids([GRID, replace(GRID, title="spare", spare=True)])
    out = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert ("█" in out) == ("spare" in out) == (width == 23)
    assert max(cell_len(line) for line in out.splitlines()) <= width
    assert "1,234" in out


def test_a_pipe_has_room(capsys: pytest.CaptureFixture[str]) -> None:
    write_grids([GRID, replace(GRID, title="spare", spare=True)])
    assert capsys.readouterr().out.count("████") == 2


def packs(sets: Sequence[set[int]], names: Sequence[str] = "abcdefghijklmn") -> Membership:
    ids = {name: pa.array(sorted(users)) for name, users in zip(names, sets, strict=False)}
    return Membership.from_ids(ids)


def drawn_sets(count: int) -> list[set[int]]:
    draw = np.random.default_rng(count)
    return [set(np.flatnonzero(draw.random(300) < (at + 1) / 14).tolist()) for at in range(count)]


def test_a_heat_map_of_shares() -> None:
    sets, names = drawn_sets(4), ["甲", "高端换机", "c", "d"]
    found = overlaps(packs(sets, names), [(name, "") for name in names], 300)
    grid = overlap_grids(found, 20)[1]
    assert grid.title.startswith("share of the row's pack in the column's")
    assert [column.title for column in grid.columns] == ["#", "pack", "1", "2", "3", "4"]
    for at, (own, row) in enumerate(zip(sets, grid.rows, strict=True)):
        assert row[:2] == (str(at + 1), names[at])
        for to, (other, cell) in enumerate(zip(sets, row[2:], strict=True)):
            share = len(own & other) / len(own)
            percent = f"{share * 100:.0f}%"
            mark = "░▒▓█"[int(share * 4)] if 0 < share < 1 else "█"
            assert cell == ("·" if at == to else f"{mark}{percent:>4}")
    assert {cell_len(cell) for row in grid.rows for cell in row[2:] if cell != "·"} == {5}


def test_a_heat_map_hides() -> None:
    sets = [set(range(50)), set(range(47, 100)), set(range(20, 80))]
    found = overlaps(packs(sets), [(name, "") for name in "abc"], 300)
    grid = overlap_grids(found, 20, frozenset({both_of("a", "b"), size_of("c")}))[1]
    assert [row[2:] for row in grid.rows] == [
        ("·", "hidden", "▓ 60%"),
        ("hidden", "·", "▓ 62%"),
        ("hidden", "hidden", "·"),
    ]


@pytest.mark.parametrize(("count", "there"), [(2, False), (3, True), (12, True), (13, False)])
def test_two_packs_need_none_and_many_have_no_room(count: int, there: bool) -> None:
    sets = drawn_sets(count)
    found = overlaps(packs(sets), [(name, "") for name in "abcdefghijklm"[:count]], 300)
    titles = [grid.title for grid in overlap_grids(found, 20)]
    assert any(title.startswith("share of") for title in titles) == there


def test_region_bars_do_not_depend_on_what_is_hidden() -> None:
    sets = [set(range(200)), set(range(150, 260)), set(range(100))]
    found = overlaps(packs(sets), [(name, "") for name in "abc"], 300)
    largest = found.regions[0]
    hidden = frozenset({region_of(largest.packs)})
    other = replace(found, regions=(replace(largest, users=largest.users * 9), *found.regions[1:]))
    assert largest.packs == ("a", "c")
    assert overlap_grids(found, 20, hidden) == overlap_grids(other, 20, hidden)


def test_a_profile_has_bars_around_100() -> None:
    found = made_profile("p", 900, 12_000, 1)
    grid = profile_grid(found, 6)
    at = next(at for at, column in enumerate(grid.columns) if column.spare)
    assert grid.columns[at].title.index("100") == 9  # over the middle
    shown = found.lines[:6]
    far = max(max(line.tgi or 1, 10_000 / (line.tgi or 1e9)) for line in shown)
    assert [row[at] for row in grid.rows] == [
        bar_around(line.tgi or 0, min(400, max(125, far)), 10) for line in shown
    ]
    assert "│" not in grid.to_markdown()


def test_bars_of_a_profile_do_not_depend_on_what_is_hidden() -> None:
    found = made_profile("p", 900, 12_000, 1)
    hidden = frozenset({(0, "users"), (3, "baseline")})
    lines = list(found.lines)
    for at in (0, 3):
        lines[at] = replace(lines[at], tgi=399.0)
    for each in (found, replace(found, lines=tuple(lines))):
        rows = profile_grid(each, 9, hidden).rows
        assert [rows[at][-2] for at in (0, 3)] == ["", ""]
    assert (
        profile_grid(found, 9, hidden).rows[1]
        == profile_grid(replace(found, lines=tuple(lines)), 9, hidden).rows[1]
    )


DAY = date(2024, 1, 31)


def conversions(users: int, parts: Sequence[tuple[int, int]]) -> Conversions:
    lines = lines_of([Split("t", "", str(n), *pair) for n, pair in enumerate(parts)], 400, users)
    conversion = Conversion("A", "B", "", None, DAY, rate_of(users, 400), lines)
    several = tuple(
        Part(f"p{n}", "部分", of, rate_of(did, of)) for n, (of, did) in enumerate(parts)
    )
    return Conversions("A", "B", "", (Period("", None, DAY, 400, several, conversion),))


def test_rates_have_bars() -> None:
    found = conversions(80, [(100, 40), (200, 20)])
    rates, lines = conversion_grids(found, 20)
    assert [row[-1] for row in rates.rows] == ["█" * 24, "█" * 6, "█" * 12]
    assert {row[1]: row[6] for row in lines.rows} == {"0": "█" * 12, "1": "█" * 3}
    alone = replace(found, periods=(replace(found.periods[0], parts=()),))
    assert [row[-1] for row in conversion_grids(alone, 20)[0].rows] == [""]


def test_bars_of_rates_do_not_depend_on_what_is_hidden() -> None:
    found = conversions(80, [(100, 40), (200, 20)])
    best = max(range(2), key=lambda at: found.conversions[0].lines[at].rate.rate or 0)
    hidden = frozenset({part_of(0, 0, CONVERTED), (0, best, USERS)})
    rates, lines = conversion_grids(found, 20, hidden)
    assert [row[-1] for row in rates.rows] == ["", "█" * 12, "█" * 24]
    assert sorted(row[6] for row in lines.rows) == ["", "█" * 12]


def test_a_profile_like_its_baseline_has_short_bars() -> None:
    found = made_profile("p", 900, 12_000, 1)
    lines = tuple(replace(line, tgi=101.0 if at else 99.0) for at, line in enumerate(found.lines))
    drawn = [row[-2] for row in profile_grid(replace(found, lines=lines), 9).rows]
    assert all(len(each.strip().strip("│")) <= 1 for each in drawn)
