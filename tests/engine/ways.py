"""Every way in which a build can come to its answer: counted or related, cold or warm."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq

import audience
from audience.engine.behaviour import Behaviour
from audience.errors import DataError

USERS = "  users: {path: users.parquet, key: id}\n"
FLAT = "  events: {path: events, key: id, time: ts}\n"
BY_DAY = "  events: {path: events, key: id, time: ts, day: dt, known_gaps: [..2030-01-01]}\n"


def put(folder: Path, name: str, *, statistics: bool = True, **columns: Any) -> Path:
    """Write a Parquet file of some columns."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns), path, write_statistics=statistics)
    return path


def event(folder: Path, day: int, name: str = "e", **columns: Any) -> Path:
    """A file of one March day with a row for each key."""
    rows = len(columns["id"])
    columns.setdefault("ts", [datetime(2024, 3, day, 12)] * rows)
    return put(folder, f"events/dt=2024-03-{day:02}/{name}.parquet", **columns)


def project(folder: Path, events: str = BY_DAY, users: str = USERS, more: str = "") -> Any:
    """A project file over what lies in a folder."""
    (folder / "rules").mkdir(exist_ok=True)
    text = f"time_zone: Asia/Shanghai\n{more}tables:\n{users}{events}"
    (folder / "audience.yaml").write_text(text)
    return audience.load(folder)


def rule(folder: Path, wheres: Mapping[str, str], as_of: str) -> Path:
    packs = "".join(f"  {name}: {{where: {where}}}\n" for name, where in wheres.items())
    path = folder / "rules" / "r.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"campaign: c\nphase: p\nas_of: {as_of}\npacks:\n{packs}")
    return path


Told = tuple[dict[str, list[Any]], tuple[str, ...]] | str


def answer(
    opened: Any, path: Path, engine: str, *, cache: bool = True, plain: bool = False
) -> Told:
    """The ids of each pack and the warnings; or why the tables can't be read."""
    try:
        result = audience.build(
            opened, [path], dry_run=True, engine=engine, cache=cache, plain=plain
        )[0]
    except DataError as error:
        return str(error)
    return {name: result.ids(name).to_pylist() for name in result.packs}, result.warnings


def every_way(
    opened: Any, wheres: Mapping[str, str], engine: str, as_of: str = "2024-03-01"
) -> Told:
    """What all ways agree on. What earlier calls have kept is used first."""
    path = rule(opened.root, wheres, as_of)
    plain = answer(opened, path, engine, cache=False, plain=True)
    assert answer(opened, path, engine, cache=False) == plain, "counted"
    for turn in ("with what was kept", "warm"):
        assert answer(opened, path, engine) == plain, turn
    # As after an edit: slices are there, the answers of whole behaviours are not.
    with patch.object(Behaviour, "_find", lambda _self, _folds: {}):
        assert answer(opened, path, engine) == plain, "from slices"
    return plain


def forget(opened: Any) -> None:
    """Delete what was kept."""
    shutil.rmtree(opened.cache, ignore_errors=True)


def ids(told: Told) -> dict[str, list[Any]]:
    assert not isinstance(told, str), told
    return told[0]


def warnings(told: Told) -> tuple[str, ...]:
    assert not isinstance(told, str), told
    return tuple(each for each in told[1] if "table `" in each and "window begins" not in each)
