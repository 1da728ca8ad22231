"""What all tests share: the oracle's package on the path, small projects made from rows."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE))

MakeProject = Callable[..., Path]

PROJECT = """\
time_zone: Asia/Shanghai
tables:
  users: {path: users.parquet, key: user_id}
"""
EVENTS = "  events: {path: events.parquet, key: user_id, time: ts, action: action}\n"


@pytest.fixture
def make_project(tmp_path: Path) -> MakeProject:
    """Make a project in a folder of its own from rows, rule files and a dictionary."""

    def make(
        users: pl.DataFrame | Sequence[Mapping[str, Any]],
        rules: Mapping[str, str] | None = None,
        events: pl.DataFrame | Sequence[Mapping[str, Any]] | None = None,
        extra: str = "",
        project: str | None = None,
    ) -> Path:
        folder = tmp_path / "project"
        (folder / "rules").mkdir(parents=True)
        pl.DataFrame(users).write_parquet(folder / "users.parquet")
        text = PROJECT
        if events is not None:
            pl.DataFrame(events).write_parquet(folder / "events.parquet")
            text += EVENTS
        (folder / "audience.yaml").write_text(text + extra if project is None else project)
        for name, rule in (rules or {}).items():
            path = folder / "rules" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(rule)
        return folder

    return make
