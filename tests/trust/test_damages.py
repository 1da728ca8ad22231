"""Damaged tables: refused with the file's name, or answered rightly; never a traceback."""

from __future__ import annotations

import random
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support import MakeProject, Ran, Run

COUNT = 2_000
RULE = """\
campaign: c
phase: p
as_of: 2024-03-01
packs:
  pack: {where: {any: [{city: c3}, {age: 40..}, {interests: t2}, {joined: {within: 30d}}]}}
"""
PROJECT = """\
tables:
  users: {path: users/, key: user_id}
"""


def table(part: int) -> pa.Table:
    rows = range(part * COUNT, (part + 1) * COUNT)
    days = [date(2023, 12, 1) + timedelta(days=n % 120) for n in rows]
    return pa.table(
        {
            "user_id": pa.array(rows),
            "city": pa.array([None if n % 7 == 0 else f"c{n % 40}" for n in rows]),
            "age": pa.array([n % 70 for n in rows], pa.int32()),
            "joined": pa.array(days, pa.date32()),
            "interests": pa.array([[f"t{n % k}" for k in range(1, n % 5 + 1)] for n in rows]),
            "unused": pa.array([float(n) for n in rows]),
        }
    )


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    folder = make_project([{"user_id": 1}], {"a.yaml": RULE}, project=PROJECT)
    (folder / "users").mkdir()
    for part in range(3):
        write(folder / f"users/{part}.parquet", part)
    return folder


def write(path: Path, part: int, **options: Any) -> None:
    chosen: dict[str, Any] = {"write_page_checksum": True, "row_group_size": 700} | options
    pq.write_table(table(part), path, **chosen)


def footer_length(data: bytes) -> int:
    return int.from_bytes(data[-8:-4], "little") + 8


def turned(data: bytes, draw: random.Random, start: int, end: int) -> bytes:
    place = draw.randrange(start, end)
    return data[:place] + bytes([data[place] ^ 1 << draw.randrange(8)]) + data[place + 1 :]


def check(done: Ran, right: str, seen: dict[str, int]) -> None:
    """Refused in words that name the file, or as if nothing had been."""
    assert "Traceback" not in done.err
    assert "panicked" not in done.out
    if done.code == 0:
        seen["answered"] = seen.get("answered", 0) + 1
        assert done.out == right
    else:
        seen["refused"] = seen.get("refused", 0) + 1
        assert done.code == 4, done.err
        assert "1.parquet" in done.err or "`users`" in done.err, done.err


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_pages(folder: Path, run: Run, engine: str) -> None:
    words = ("size", "--engine", engine, "--no-cache", "-f", "json")
    right = run(*words, at=folder).out
    path = folder / "users/1.parquet"
    whole = path.read_bytes()
    draw = random.Random(engine)
    seen: dict[str, int] = {}
    for _ in range(100):
        path.write_bytes(turned(whole, draw, 4, len(whole) - footer_length(whole)))
        check(run(*words, at=folder), right, seen)
    assert seen["refused"] > 40


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
@pytest.mark.parametrize("count", [6, pytest.param(300, marks=pytest.mark.soak)])
def test_footers(folder: Path, shell: Run, engine: str, count: int) -> None:
    """In processes of their own: over some footers a library ends the process."""
    words = ("size", "--engine", engine, "--no-cache", "-f", "json")
    right = shell(*words, at=folder).out
    path = folder / "users/1.parquet"
    whole = path.read_bytes()
    draw = random.Random(engine)
    seen: dict[str, int] = {}
    for _ in range(count):
        path.write_bytes(turned(whole, draw, len(whole) - footer_length(whole), len(whole)))
        check(shell(*words, at=folder), right, seen)
    assert seen["refused"] > count / 5


def test_a_library_that_ends_the_process_is_told_in_words(folder: Path) -> None:
    code = (
        "import os\nfrom audience.commands import app\nfrom audience.trail import opening\n"
        "app.app = lambda: os.abort()\nwith opening('table `users`: users/1.parquet'): app.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False
    )
    assert done.returncode == 4
    assert done.stderr.startswith("error: table `users`: users/1.parquet cannot be read: ")
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_files_that_were_not_written_to_their_end(folder: Path, run: Run, engine: str) -> None:
    path = folder / "users/1.parquet"
    whole = path.read_bytes()
    draw = random.Random(engine)
    for length in [0, 3, 4, 8, 11, 12, *(draw.randrange(len(whole)) for _ in range(30))]:
        path.write_bytes(whole[:length])
        done = run("size", "--engine", engine, "--no-cache", at=folder)
        assert done.code == 4
        assert "1.parquet" in done.err
        assert "Traceback" not in done.err
