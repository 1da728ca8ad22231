"""Checksums of pages: what is damaged is refused, whatever it would have been read as."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audience.engine.footers import read_footer
from audience.engine.pages import check_pages
from audience.errors import DataError
from support import MakeProject, Run

COUNT = 4_000
TABLE = pa.table(
    {
        "user_id": pa.array(np.arange(COUNT)),
        "city": pa.array([None if n % 7 == 0 else f"城市{n % 40}" for n in range(COUNT)]),
        "score": pa.array([n * 0.37 for n in range(COUNT)]),
        "interests": pa.array([[f"t{n % k}" for k in range(1, n % 5 + 1)] for n in range(COUNT)]),
        "big": pa.array([None if n % 2 else bytes(100) for n in range(COUNT)]),
    }
)
COLUMNS = TABLE.column_names


def written(path: Path, *, checksums: bool = True, **options: Any) -> Path:
    chosen: dict[str, Any] = {"row_group_size": 1_500, "data_page_size": 2_000} | options
    pq.write_table(TABLE, path, write_page_checksum=checksums, **chosen)
    return path


def check(path: Path, *columns: str, required: bool) -> bool:
    """Check some columns, or all."""
    found = [
        each
        for each in read_footer("users", "", path).chunks
        if each.column in (columns or COLUMNS)
    ]
    return check_pages(f"table `users`: {path}", path, found, required=required)


def chunks(path: Path) -> list[tuple[str, int, int]]:
    """Where the pages of each column lie."""
    found = read_footer("users", "", path).chunks
    return [(each.column, each.start, each.end) for each in found]


@pytest.mark.parametrize("compression", ["none", "snappy", "zstd", "gzip"])
@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("dictionary", [True, False])
def test_what_is_whole_passes(
    tmp_path: Path, compression: str, version: str, dictionary: bool
) -> None:
    path = written(
        tmp_path / "a.parquet",
        compression=compression,
        data_page_version=version,
        use_dictionary=dictionary,
    )
    assert check(path, required=True)


@pytest.mark.parametrize("version", ["1.0", "2.0"])
def test_every_turned_bit_of_a_page_is_found(tmp_path: Path, version: str) -> None:
    """Of headers too, but for those fields that say nothing of what is read."""
    path = written(tmp_path / "a.parquet", data_page_version=version)
    whole = path.read_bytes()
    draw = random.Random(version)
    overlooked = 0
    for _ in range(150):
        name, start, end = draw.choice(chunks(path))
        place, bit = draw.randrange(start, end), draw.randrange(8)
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
        told = ""
        try:
            check(path, name, required=True)
        except DataError as error:
            told = str(error)
        overlooked += not told
        assert not told or f"table `users`: {path}: column `{name}`" in told
        path.write_bytes(whole)
    # A header's statistics and counts are not part of the page.
    assert overlooked <= 30


def test_only_the_columns_that_are_read_matter(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet")
    whole = path.read_bytes()
    (_, start, end) = next(chunk for chunk in chunks(path) if chunk[0] == "score")
    path.write_bytes(whole[: end - 5] + bytes([whole[end - 5] ^ 1]) + whole[end - 4 :])
    assert check(path, "user_id", "city", required=True)
    with pytest.raises(DataError, match="column `score` is damaged: a page differs"):
        check(path, "score", required=False)
    assert start < end


def test_files_without_checksums_pass_unless_they_are_required(tmp_path: Path) -> None:
    path = written(tmp_path / "a.parquet", checksums=False)
    assert not check(path, required=False)
    with pytest.raises(
        DataError, match=r"has pages without a checksum, which `checksums: require`"
    ):
        check(path, required=True)


RULE = """\
campaign: c
phase: p
as_of: 2024-03-01
packs:
  pack: {where: {any: [{city: 城市3}, {score: 100..}, {interests: t2}]}}
"""
PROJECT = """\
tables:
  users: {path: users.parquet, key: user_id, checksums: CHOICE}
"""


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_a_build_refuses_what_its_columns_were_damaged_to(
    make_project: MakeProject, run: Run, engine: str
) -> None:
    folder = make_project([{"user_id": 1}], {"a.yaml": RULE}, project=PROJECT)
    for choice, checksums, code in (
        ("auto", True, 0),
        ("require", True, 0),
        ("auto", False, 0),
        ("require", False, 4),
        ("off", False, 0),
    ):
        (folder / "audience.yaml").write_text(PROJECT.replace("CHOICE", choice))
        written(folder / "users.parquet", checksums=checksums)
        assert run("build-pack", "--engine", engine, at=folder).code == code
    path = written(folder / "users.parquet")
    whole = path.read_bytes()
    for name in ("user_id", "city", "score", "interests"):
        *_, (_, _, end) = (chunk for chunk in chunks(path) if chunk[0] == name)
        path.write_bytes(whole[: end - 3] + bytes([whole[end - 3] ^ 4]) + whole[end - 2 :])
        (folder / "audience.yaml").write_text(PROJECT.replace("CHOICE", "auto"))
        done = run("build-pack", "--engine", engine, at=folder)
        assert done.code == 4
        assert f"users.parquet: column `{name}` is damaged" in done.err
        path.write_bytes(whole)


def test_a_choice_that_there_is_not(make_project: MakeProject, run: Run) -> None:
    folder = make_project([{"user_id": 1}], project=PROJECT.replace("CHOICE", "required"))
    done = run("check", at=folder)
    assert done.code == 3
    assert "`required` is no choice" in done.err
    assert "did you mean `require`?" in done.err
