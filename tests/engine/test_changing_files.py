"""Files that change while they are read: what is known of them would be wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

import audience
from audience.engine.duckdb import DuckdbEngine
from audience.engine.polars import PolarsEngine
from audience.errors import DataError
from engine.ways import answer, event, every_way, forget, project, put, rule
from support import Run

ENGINES = ["polars", "duckdb"]

ASKED = {
    "users.parquet": "{age: 2..}",
    "events, counted": "{did: {within: 1d}}",
    "events, related": "{did: {then: {after: 0d..}}}",
    "events, put together": "{did: {each: id, times: 1}}",
}


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", ASKED)
def test_a_file_that_changes_while_it_is_read(
    tmp_path: Path, name: str, engine: str, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    users = put(tmp_path, "users.parquet", id=[1, 2, 3], age=[1, 2, 3])
    events = event(tmp_path, 1, id=[1, 2, 3])
    opened = project(tmp_path)
    path = rule(tmp_path, {"p": ASKED[name]}, "2024-03-01")
    changing = users if name.startswith("users") else events
    content = changing.read_bytes()
    for kind in (PolarsEngine, DuckdbEngine):
        for call in ("fetch", "hold"):
            read = getattr(kind, call)

            def changed(self: Any, frame: Any, read: Any = read) -> Any:
                found = read(self, frame)
                # Keys and tags are read at the same time: each has a new file of its own.
                new = changing.with_name(f"new-{uuid4().hex}")
                new.write_bytes(content)
                new.replace(changing)
                return found

            monkeypatch.setattr(kind, call, changed)
    told = answer(opened, path, engine)
    assert "changed while it was read" in told
    ran = run("build-pack", "--engine", engine, "--project", tmp_path, path)
    assert ran.code == 4
    assert "changed while it was read" in ran.err
    monkeypatch.undo()
    # Nothing of it was kept.
    put(tmp_path, "users.parquet", id=[1, 2, 3], age=[3, 2, 1])
    event(tmp_path, 1, id=[4, 5])
    every_way(project(tmp_path), {"p": ASKED[name]}, engine)


def test_a_file_that_goes_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, "users.parquet", id=[1])
    events = event(tmp_path, 1, id=[1])
    opened = project(tmp_path)
    path = rule(tmp_path, {"p": "{did: {within: 1d}}"}, "2024-03-01")
    fetch = PolarsEngine.fetch

    def gone(self: Any, frame: Any) -> Any:
        found = fetch(self, frame)
        events.unlink(missing_ok=True)
        return found

    monkeypatch.setattr(PolarsEngine, "fetch", gone)
    told = answer(opened, path, "polars")
    assert isinstance(told, str)
    assert told
    forget(opened)
    with pytest.raises(DataError):
        audience.build(opened, [path], dry_run=True)
