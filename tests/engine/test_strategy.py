"""What bounds memory: behaviours in turns, columns and files in passes; answers stay the same."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

import audience
from audience.engine import strategy
from audience.plan.nodes import Fold, Limit, Rows
from support import Run

ROOT = Path(__file__).parents[2]
RULES = ROOT / "rules" / "mi13-2023"


def fold(name: str, table: str) -> Fold:
    column = None if name in {"times", "days", "first", "last"} else "v"
    limit = Limit(name, column, 2, None)
    return Fold(Rows(table, None, None, (None, date(2024, 1, 1))), None, (limit,))


def test_turns_fit_and_have_each_behaviour_once(monkeypatch: pytest.MonkeyPatch) -> None:
    folds = [fold(name, str(number)) for number in range(9) for name in ("times", "mean", "last")]
    monkeypatch.setattr(strategy, "_ARRAYS", 50)
    groups = list(strategy.turns(folds, 2))
    assert [each for group in groups for each in group] == folds
    assert [len(group) for group in groups] == [3] * 9  # 16, 24 and 8 bytes of 50
    assert list(strategy.turns(folds[:1], 10**9)) == [folds[:1]]
    assert list(strategy.turns([], 1)) == []


def test_a_run_of_many_turns_and_passes_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    project = audience.load(ROOT)

    def ids() -> list[list[int]]:
        results = audience.build(project, [RULES], dry_run=True, cache=False)
        return [each.ids(name).to_pylist() for each in results for name in each.packs]

    whole = ids()
    for name, small in (("_ARRAYS", 1), ("_RUN_ROWS", 5_000), ("_COLUMNS", 1)):
        monkeypatch.setattr(strategy, name, small)
    assert ids() == whole


def test_profile_has_a_line_a_step(run: Run, tmp_path: Path) -> None:
    ran = run("size", "--profile", "--no-cache", "--project", ROOT, RULES, "-f", "json")
    assert ran.code == 0
    steps = [line.split()[0] for line in ran.err.splitlines() if " s" in line]
    assert [step for step in ("open", "read", "count", "combine", "all") if step not in steps] == []
    assert "profile" not in ran.out
