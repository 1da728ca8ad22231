"""Ids that leave the program: as what they are written, and without whom."""

from __future__ import annotations

import csv
import errno
import os
import stat
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pytest

import audience
from audience import private
from audience.errors import DataError, StoreError, UsageError
from audience.store.export import write_ids
from support import MakeProject, Run

RULE = """\
campaign: c
phase: p
as_of: 2024-03-01
packs:
  everybody: {where: {age: known}}
"""
USERS = pl.DataFrame({"user_id": [5, 3, 9], "age": [20, 45, 50]})
SUPPRESS = "suppress: [{path: out.csv, column: id, allow_empty: true}]\n"


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    folder = make_project(USERS, {"a.yaml": RULE}, extra=SUPPRESS)
    (folder / "out.csv").write_text("id\n")
    audience.build(audience.load(folder))
    return folder


NUMBERS = pa.array([3, 5, 9])
TEXTS = pa.array(["a", 'b,"c"', "用户"], pa.large_string())


@pytest.mark.parametrize("ids", [NUMBERS, TEXTS])
def test_what_is_written_is_read_back(ids: pa.Array, tmp_path: Path) -> None:
    for suffix in (".parquet", ".csv", ".txt", ".CSV"):
        write_ids(tmp_path / f"new/ids{suffix}", ids, "user_id")
    assert pl.read_parquet(tmp_path / "new/ids.parquet")["user_id"].to_list() == ids.to_pylist()
    with (tmp_path / "new/ids.csv").open(encoding="utf-8", newline="") as file:
        rows = [row["user_id"] for row in csv.DictReader(file)]
    assert rows == [str(each) for each in ids.to_pylist()]
    lines = (tmp_path / "new/ids.txt").read_text(encoding="utf-8").splitlines()
    assert lines == [str(each) for each in ids.to_pylist()]


def test_an_id_that_a_text_file_cannot_hold(tmp_path: Path) -> None:
    for text in ("a\nb", "a\rb", "", " "):
        ids = pa.array(["a", text], pa.large_string())
        with pytest.raises(StoreError, match="line breaks"):
            write_ids(tmp_path / "ids.txt", ids, "id")
        assert list(tmp_path.iterdir()) == []
        write_ids(tmp_path / "ids.csv", ids, "id")
        with (tmp_path / "ids.csv").open(encoding="utf-8", newline="") as file:
            assert list(csv.reader(file))[1:] == [["a"], [text] if text else [""]]
        (tmp_path / "ids.csv").unlink()


def test_a_suffix_that_means_nothing(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"\.parquet, \.csv, \.txt"):
        write_ids(tmp_path / "ids.xlsx", NUMBERS, "id")


def test_a_file_is_replaced_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "ids.csv"
    path.write_text("old")
    path.chmod(0o644)

    def fail(_file: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(private, "flush", fail)
        with pytest.raises(StoreError, match="No space left"):
            write_ids(path, NUMBERS, "id")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]
    write_ids(path, NUMBERS, "id")
    assert path.read_text() == "id\n3\n5\n9\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_who_opted_out_since_is_not_in_an_export(folder: Path, run: Run) -> None:
    done = run("export-pack", "c/p/everybody", "ids.txt", at=folder)
    assert (done.code, done.out, done.err) == (0, "", "wrote 3 ids to ids.txt\n")
    (folder / "out.csv").write_text("id\n5\n77\n")
    assert run("export-pack", "c/p/everybody", "ids.txt", "-q", at=folder).err == ""
    assert (folder / "ids.txt").read_text() == "3\n9\n"
    shown = run("show-pack", "c/p/everybody", "-f", "json", at=folder).out
    assert audience.members(audience.load(folder), "c/p/everybody").to_pylist() == [3, 9]
    assert '"members": [\n    3,\n    9\n  ]' in shown


def test_without_its_lists_nothing_leaves(folder: Path, run: Run) -> None:
    (folder / "out.csv").unlink()
    for words in (
        ["export-pack", "c/p/everybody", "ids.txt"],
        ["show-pack", "c/p/everybody"],
        ["diff-packs", "c/p", "c/p", "--write", "moved"],
    ):
        done = run(*words, at=folder)
        assert done.code == 4
        assert "out.csv" in done.err
    assert not (folder / "ids.txt").exists()
    assert not list(folder.glob("moved/**/*.parquet"))
    with pytest.raises(DataError):
        audience.members(audience.load(folder), "c/p/everybody")


def test_a_build_is_no_pack(folder: Path, run: Run) -> None:
    done = run("export-pack", "c/p", "ids.csv", at=folder)
    assert done.code == 2
    assert "expected a pack" in done.err
