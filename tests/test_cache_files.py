"""The folder of what is kept on a file system: rights, faults, several processes, the project."""

from __future__ import annotations

import errno
import io
import os
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from audience.cache import Cache
from cached import LIMIT, TABLES, entries, everything, found, keep, size_of
from support import MakeProject, Run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "project" / ".audience" / "cache"


# The file system


def test_files_and_folders_are_for_their_owner_alone(folder: Path) -> None:
    before = os.umask(0)
    try:
        folder.parents[1].mkdir()
        keep(folder, "a")
    finally:
        os.umask(before)
    for path in (folder.parent, folder, *folder.rglob("*")):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), path.name
    assert (folder / ".gitignore").read_text() == "*\n"


def test_a_file_in_the_folders_place(folder: Path) -> None:
    for place in (folder, folder.parent):
        shutil.rmtree(folder.parents[1], ignore_errors=True)
        place.parent.mkdir(parents=True)
        place.write_text("mine")
        keep(folder, "a")
        assert found(folder, "a") is None
        assert not Cache(folder, LIMIT).has("a")
        assert place.read_text() == "mine"


def test_a_file_in_the_place_of_a_part(folder: Path) -> None:
    keep(folder, "a")
    (path,) = entries(folder)
    shutil.rmtree(path.parent)
    path.parent.write_text("mine")
    keep(folder, "a")
    assert found(folder, "a") is None


@pytest.mark.parametrize("number", [errno.EACCES, errno.EROFS, errno.EPERM, errno.EIO])
def test_a_folder_that_nothing_can_be_made_in(
    folder: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> Any:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "mkdir", fail)
    keep(folder, "a")
    monkeypatch.undo()
    assert not folder.exists()
    keep(folder, "b")
    monkeypatch.setattr(os, "open", fail)
    keep(folder, "a")
    monkeypatch.undo()
    assert len(everything(folder)) == 2  # the entry of `b` and `.gitignore`


@pytest.mark.parametrize("number", [errno.EACCES, errno.EIO, errno.ESTALE])
def test_a_folder_that_nothing_can_be_read_of(
    folder: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(folder, "a")
    real, opened = os.stat, io.open

    def fail(path: Any, *more: Any, **how: Any) -> Any:
        if "cache" in str(path):
            raise OSError(number, os.strerror(number), str(path))
        return real(path, *more, **how)

    def fail_open(path: Any, *more: Any, **how: Any) -> Any:
        if "cache" in str(path):
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, *more, **how)

    monkeypatch.setattr(os, "stat", fail)
    monkeypatch.setattr(io, "open", fail_open)
    cache = Cache(folder, LIMIT)
    assert not cache.has("a")
    assert cache.get("a") is None
    cache.put(TABLES["numbers"], "b")
    cache.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
@pytest.mark.parametrize("mode", [0o000, 0o400, 0o500])
def test_a_folder_without_rights(folder: Path, mode: int) -> None:
    keep(folder, "a")
    folder.chmod(mode)
    try:
        cache = Cache(folder, LIMIT)
        cache.has("a")
        cache.get("a")
        cache.put(TABLES["numbers"], "b")
        cache.close()
    finally:
        folder.chmod(0o700)


def test_a_disk_that_is_full(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keep(folder, "a")
    before = everything(folder)
    real = os.fdopen

    class Full(io.BytesIO):
        def write(self, data: Any) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def full(number: int, *how: Any, **more: Any) -> Any:
        os.close(number)
        return Full()

    monkeypatch.setattr(os, "fdopen", full)
    keep(folder, "b", "c")
    monkeypatch.setattr(os, "fdopen", real)
    assert everything(folder) == before
    assert found(folder, "a") is not None
    assert found(folder, "b") is None


def test_a_folder_that_goes_while_it_is_used(folder: Path) -> None:
    cache = Cache(folder, LIMIT)
    cache.put(TABLES["numbers"], "a")
    for each in list(cache._writing):
        each.result()
    shutil.rmtree(folder)
    assert cache.get("a") is None
    cache.put(TABLES["numbers"], "a")
    cache.close()
    assert found(folder, "a") is not None


def test_what_crashed_runs_left_goes(folder: Path) -> None:
    keep(folder, "a")
    (path,) = entries(folder)
    old, young = path.with_name(".0123"), path.with_name(".4567")
    for each in (old, young):
        each.write_bytes(b"half an entry")
    day = 86_400 * 10**9
    now = path.stat().st_mtime_ns
    os.utime(old, ns=(now - day, now - day))
    os.utime(path, ns=(now - day, now - day))
    keep(folder, "b")
    # One that may still be written stays, and entries as old as what is left over.
    assert not old.exists()
    assert young.exists()
    assert path.exists()


# Several at once

WRITER = """\
import sys
from pathlib import Path
import pyarrow as pa
from audience.cache import Cache

table = pa.table({"v": pa.array(range(2000))})
for turn in range(30):
    cache = Cache(Path(sys.argv[1]), int(sys.argv[2]))
    for name in range(10):
        got = cache.get(name)
        assert got is None or got.equals(table), name
        cache.put(table, name)
    cache.close()
"""


@pytest.mark.parametrize("limit", [10**7, 60_000])
def test_two_processes_at_once(folder: Path, limit: int) -> None:
    words = [sys.executable, "-c", WRITER, str(folder), str(limit)]
    both = [subprocess.Popen(words, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    for each in both:
        _, told = each.communicate(timeout=120)
        assert each.returncode == 0, told
    assert size_of(folder) <= limit
    assert all(path.suffix == ".entry" or path.name == ".gitignore" for path in everything(folder))


# The project file


RULE = "campaign: c\nphase: p\nas_of: 2024-03-01\npacks: {x: {where: {age: 2..}}}\n"


@pytest.mark.parametrize(
    "line, kept", [("", True), ("cache: 10MB\n", True), ("cache: off\n", False)]
)
def test_the_project_says_how_much_is_kept(
    make_project: MakeProject, run: Run, line: str, kept: bool
) -> None:
    users = pl.DataFrame({"user_id": [1, 2, 3], "age": [1, 2, 3]})
    project = make_project(users, {"a.yaml": RULE}, extra=line)
    for _ in range(2):
        assert run("build-pack", at=project).code == 0
    assert bool(entries(project / ".audience" / "cache")) is kept
    assert (project / ".audience").exists() is kept


def test_a_project_whose_cache_can_be_neither_read_nor_written(
    make_project: MakeProject, run: Run
) -> None:
    users = pl.DataFrame({"user_id": [1, 2, 3], "age": [1, 2, 3]})
    project = make_project(users, {"a.yaml": RULE})
    (project / ".audience").write_text("no folder")
    ran = run("build-pack", at=project)
    assert (ran.code, ran.err) == (0, "published c/p@2024-03-01: 1 pack\n")
