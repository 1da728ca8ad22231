"""Users on lists: ids in files, and ids that are written out."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audience.commands.exits import ExitCode
from support import MakeProject, Ran, Run

ENGINES = ["polars", "duckdb"]
NUMBERS = pl.DataFrame({"user_id": [5, 1, 1001, 12, -3], "age": [20, 30, 40, 50, None]})
TEXTS = pl.DataFrame({"user_id": ["007", "7", "a,b", "用户1", " x "], "age": [1, 2, 3, 4, 5]})
HEAD = "campaign: c\nphase: p\nas_of: 2024-03-01\n"


@pytest.fixture
def numbers(make_project: MakeProject) -> Path:
    folder = make_project(NUMBERS)
    (folder / "lists").mkdir()
    return folder


@pytest.fixture
def texts(make_project: MakeProject) -> Path:
    folder = make_project(TEXTS)
    (folder / "lists").mkdir()
    return folder


def write(folder: Path, where: str, head: str = HEAD, name: str = "a.yaml") -> None:
    (folder / "rules" / name).write_text(f"{head}packs:\n  x:\n    where: {where}\n")


def members(folder: Path, run: Run, where: str, engine: str = "polars") -> list[Any]:
    """Who is in the pack of a condition."""
    write(folder, where)
    done = run("build-pack", "--engine", engine, at=folder)
    assert done.code == 0, done.err
    return pq.read_table(folder / "packs/c/p/latest/x.parquet")["user_id"].to_pylist()


def in_file(
    folder: Path, run: Run, data: bytes | str, options: str = "", name: str = "v.csv"
) -> Any:
    (folder / "lists" / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return members(folder, run, f"{{ids: {{path: lists/{name}{options}}}}}")


def refused(
    folder: Path, run: Run, data: bytes | str, options: str = "", name: str = "v.csv"
) -> Ran:
    """How a build with a list that can't be taken ends: with nothing published."""
    (folder / "lists" / name).write_bytes(data.encode() if isinstance(data, str) else data)
    write(folder, f"{{ids: {{path: lists/{name}{options}}}}}")
    done = run("build-pack", at=folder)
    assert done.code == ExitCode.DATA, done.err
    assert f"rules/a.yaml:6:25: the list `lists/{name}`" in done.err
    assert not list(folder.rglob("packs/**/*.parquet"))
    return done


# Files of whole numbers

FILES = {
    "one column": ("user_id\n1\n1001\n", ""),
    "no line break at the end": ("id\n1\n1001", ""),
    "a byte order mark": ("\ufeffuser_id\n1\n1001\n", ", column: user_id"),
    "lines of Windows": ("user_id,x\r\n1,a\r\n1001,b\r\n", ", column: user_id"),
    "all of Excel": ("\ufeff用户,名字\r\n1,张三\r\n1001,李四\r\n", ", column: 用户"),
    "quoted fields": ('"user_id","note"\n"1","a, b"\n"1001","say ""hi"""\n', ", column: user_id"),
    "a line break in quotes": ('user_id,note\n1,"a\nb"\n1001,c\n', ", column: user_id"),
    "the last column": ("a,b,user_id\nx,,1\n,y,1001\n", ", column: user_id"),
    "spaces around": ("user_id\n 1\n1001 \n", ""),
    "ids twice": ("user_id\n1\n1001\n1\n01\n", ""),
    "other columns with holes": ("user_id,age\n1,\n1001,\n", ", column: user_id"),
}


@pytest.mark.parametrize("name", FILES)
def test_ids_in_a_csv_file(run: Run, numbers: Path, name: str) -> None:
    text, options = FILES[name]
    assert in_file(numbers, run, text, options) == [1, 1001]


LINES = {
    "one a line": "1\n1001\n",
    "lines of Windows": "1\r\n1001\r\n",
    "a byte order mark": "\ufeff1\n1001",
    "blank lines": "\n1\n\n  \n1001\n\n",
    "spaces around": " 1\n1001 \t\n",
}


@pytest.mark.parametrize("name", LINES)
def test_ids_in_a_text_file(run: Run, numbers: Path, name: str) -> None:
    assert in_file(numbers, run, LINES[name], name="v.txt") == [1, 1001]


@pytest.mark.parametrize("kind", [pl.Int64, pl.Int16, pl.UInt32])
def test_ids_in_a_parquet_file(run: Run, numbers: Path, kind: Any) -> None:
    table = pl.DataFrame({"id": [1001, 1, 1], "x": ["a", "b", "c"]}, schema_overrides={"id": kind})
    table.write_parquet(numbers / "lists/v.parquet")
    assert members(numbers, run, "{ids: {path: lists/v.parquet, column: id}}") == [1, 1001]
    assert members(numbers, run, "{not: {ids: {path: lists/v.parquet, column: id}}}") == [-3, 5, 12]


def test_a_suffix_in_capitals_and_an_absolute_path(run: Run, numbers: Path) -> None:
    (numbers / "lists/V.CSV").write_text("id\n12\n")
    assert members(numbers, run, "{ids: {path: lists/V.CSV}}") == [12]
    assert members(numbers, run, f"{{ids: {{path: {numbers}/lists/V.CSV}}}}") == [12]


def test_line_breaks_in_quotes_lose_no_id_of_a_large_file(run: Run, numbers: Path) -> None:
    """However the file is cut up to be read."""
    count = 60_000
    pl.DataFrame({"user_id": range(count)}).write_parquet(numbers / "users.parquet")
    rows = (f'{number},"x\n{number + 10**6},y"\n' for number in range(count))
    found = in_file(numbers, run, "id,note\n" + "".join(rows), ", column: id")
    assert set(range(count)) - set(found) == set()


def test_lines_of_old_macs_are_read_or_refused_in_words(run: Run, numbers: Path) -> None:
    (numbers / "lists/v.csv").write_bytes(b"id\r1\r1001\r")
    write(numbers, "{ids: {path: lists/v.csv}}")
    done = run("build-pack", at=numbers)
    assert done.code in (ExitCode.OK, ExitCode.DATA), done.err
    path = numbers / "packs/c/p/latest/x.parquet"
    assert not path.exists() or pl.read_parquet(path)["user_id"].to_list() == [1, 1001]


REFUSED = {
    "a fraction, as a table program writes it": ("id\n1\n1001.0\n", "", ["row 2", "`1…0`"]),
    "a letter": ("id\n12x\n", "", ["row 1", "`…`"]),
    "an exponent": ("id\n1e3\n", "", ["row 1", "`…`"]),
    "full-width digits": ("id\n１２\n", "", ["row 1"]),
    "beyond 64 bits": ("id\n9223372036854775808\n", "", ["row 1: `92…08`"]),
    "a missing cell": ("id,x\n1,a\n,b\n", ", column: id", ["row 2"]),
    "an empty quoted cell": ('id\n1\n""\n', "", ["row 2"]),
    "another column": ("user_id\n1\n", ", column: user_ld", ["user_ld", "did you mean user_id"]),
    "columns and none named": ("a,b\n1,2\n", "", ["which column", "a, b"]),
    "the column twice": ("a,a\n1,2\n", ", column: a", ["two columns"]),
    "rows of two lengths": ("id,x\n1,a\n2\n", ", column: id", ["cannot be read"]),
    "quotes that never end": ('id,x\n1,"a\n1001,b\n', ", column: id", ["cannot be read"]),
    "nothing at all": ("", "", ["empty"]),
    "nothing but names": ("user_id\n", "", ["empty", "allow_empty"]),
}


@pytest.mark.parametrize("name", REFUSED)
def test_csv_files_that_are_refused(run: Run, numbers: Path, name: str) -> None:
    text, options, told = REFUSED[name]
    err = refused(numbers, run, text, options).err
    for part in told:
        assert part in err


def test_text_files_that_are_refused(run: Run, numbers: Path) -> None:
    assert "row 2: `u…d`" in refused(numbers, run, "1\nuser_id\n", name="v.txt").err
    assert "empty" in refused(numbers, run, "\n \n", name="v.txt").err


@pytest.mark.parametrize("name", ["v.csv", "v.txt"])
def test_a_file_that_is_not_utf_8_is_refused(run: Run, numbers: Path, name: str) -> None:
    err = refused(numbers, run, "用户\n1\n".encode("gbk"), name=name).err
    assert "not UTF-8" in err


BROKEN_TABLES = {
    "fractions": (pa.table({"id": [1.0, 1001.0]}), "double"),
    "texts": (pa.table({"id": ["1", "1001"]}), "key is a whole number"),
    "missing": (pa.table({"id": pa.array([1, None], pa.int64())}), "the first is row 2"),
    "beyond 64 bits": (pa.table({"id": pa.array([2**64 - 1], pa.uint64())}), "cannot be read"),
    "no rows": (pa.table({"id": pa.array([], pa.int64())}), "empty"),
}


@pytest.mark.parametrize("name", BROKEN_TABLES)
def test_parquet_files_that_are_refused(run: Run, numbers: Path, name: str) -> None:
    table, told = BROKEN_TABLES[name]
    pq.write_table(table, numbers / "t.parquet")
    data = (numbers / "t.parquet").read_bytes()
    assert told in refused(numbers, run, data, name="v.parquet").err
    assert "cannot be read" in refused(numbers, run, data[:-9], name="v.parquet").err


def test_an_empty_list_is_nobody_where_that_is_allowed(run: Run, numbers: Path) -> None:
    allowed = ", allow_empty: true"
    assert in_file(numbers, run, "user_id\n", allowed) == []
    assert in_file(numbers, run, "", allowed, "v.txt") == []
    where = f"{{not: {{ids: {{path: lists/v.csv{allowed}}}}}}}"
    assert members(numbers, run, where) == [-3, 1, 5, 12, 1001]


def test_a_missing_file_is_a_problem_with_a_place(run: Run, numbers: Path) -> None:
    write(numbers, "{any: [{age: 1..}, {ids: {path: lists/none.csv}}]}")
    done = run("check", at=numbers)
    assert done.code == ExitCode.RULES
    assert "rules/a.yaml:6:44: error: there is no file `lists/none.csv`" in done.err
    built = run("build-pack", at=numbers)
    assert built.code == ExitCode.DATA
    assert "rules/a.yaml:6:44: the list `lists/none.csv`: there is no such file" in built.err
    (numbers / "lists/none.csv").mkdir()
    assert run("check", at=numbers).code == ExitCode.RULES
    assert run("build-pack", at=numbers).code == ExitCode.DATA


# Texts


@pytest.mark.parametrize("engine", ENGINES)
def test_text_keys_are_taken_exactly(run: Run, texts: Path, engine: str) -> None:
    (texts / "lists/v.csv").write_text('id,n\n007,1\n"a,b",2\n X ,3\n用户1,4\nNA,5\n')
    where = "{ids: {path: lists/v.csv, column: id}}"
    assert members(texts, run, where, engine) == ["007", "a,b", "用户1"]
    (texts / "lists/v.txt").write_text("7\n x \na,b\n")
    assert members(texts, run, "{ids: {path: lists/v.txt}}", engine) == [" x ", "7", "a,b"]


def test_only_a_line_break_ends_a_line(run: Run, make_project: MakeProject) -> None:
    keys = ["a\x85", "b\x0bc", "d\u2028e", "f"]
    folder = make_project(pl.DataFrame({"user_id": keys}))
    (folder / "lists").mkdir()
    assert in_file(folder, run, "\r\n".join(keys), name="v.txt") == keys


def test_words_that_mean_missing_elsewhere_are_texts(run: Run, make_project: MakeProject) -> None:
    words = ["NA", "null", "NULL", "nan", "N/A", "#N/A", "true", "1e5"]
    folder = make_project(pl.DataFrame({"user_id": words}))
    (folder / "lists").mkdir()
    assert in_file(folder, run, "id\n" + "\n".join(words)) == sorted(words)


@pytest.mark.parametrize(
    "stored", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())]
)
def test_texts_in_a_parquet_file(run: Run, texts: Path, stored: pa.DataType) -> None:
    table = pa.table({"id": pa.array(["007", "nobody", "007"]).cast(stored)})
    pq.write_table(table, texts / "lists/v.parquet")
    assert members(texts, run, "{ids: {path: lists/v.parquet}}") == ["007"]


def test_numbers_are_no_text_keys(run: Run, texts: Path) -> None:
    pq.write_table(pa.table({"id": [7]}), texts / "t.parquet")
    data = (texts / "t.parquet").read_bytes()
    assert "the key is text" in refused(texts, run, data, name="v.parquet").err
    assert "row 2" in refused(texts, run, "id,x\n7,a\n,b\n", ", column: id").err


# Written out


@pytest.mark.parametrize("engine", ENGINES)
def test_ids_that_are_written_out(run: Run, numbers: Path, engine: str) -> None:
    assert members(numbers, run, "{ids: [1001, 1, 1, 99]}", engine) == [1, 1001]
    assert members(numbers, run, "{ids: [-3], age: unknown}", engine) == [-3]
    assert members(numbers, run, "{age: ..40, minus: {ids: [5]}}", engine) == [1, 1001]


@pytest.mark.parametrize("engine", ENGINES)
def test_texts_that_are_written_out(run: Run, texts: Path, engine: str) -> None:
    assert members(texts, run, '{ids: [007, "7", "a,b", true]}', engine) == ["007", "7", "a,b"]


# Strangers, and what the manifest says


@pytest.mark.parametrize("engine", ENGINES)
def test_ids_of_nobody_are_counted_and_told(run: Run, numbers: Path, engine: str) -> None:
    (numbers / "lists/v.csv").write_text("id\n1\n77\n78\n77\n")
    write(numbers, "{ids: {path: lists/v.csv}}")
    done = run("build-pack", "--engine", engine, at=numbers)
    assert (
        "warning: rules/a.yaml:6:25: the list `lists/v.csv`: 2 ids not in the user table"
        in done.err
    )
    write(numbers, "{ids: [1, 99]}")
    assert "1 id not in the user table" in run("size", at=numbers).err
    write(numbers, "{ids: [1, 5]}")
    assert "not in the user table" not in run("size", at=numbers).err


def test_users_outside_the_base_are_in_the_user_table(run: Run, numbers: Path) -> None:
    write(numbers, "{ids: [1, 5]}", HEAD + "base: {age: 25..}\n")
    done = run("build-pack", at=numbers)
    assert "not in the user table" not in done.err
    assert pl.read_parquet(numbers / "packs/c/p/latest/x.parquet")["user_id"].to_list() == [1]


@pytest.mark.not_on_spark("it is built by two engines then")
def test_the_manifest_names_lists_with_their_sha256(run: Run, numbers: Path) -> None:
    data = b"id\n1\n1\n77\n"
    in_file(numbers, run, data)
    manifest = json.loads((numbers / "packs/c/p/latest/manifest.json").read_text())
    digest = hashlib.sha256(data).hexdigest()
    wanted = {"kind": "ids", "name": "lists/v.csv", "size": 2, "sha256": digest}
    assert manifest["lists"] == [wanted]
    assert run("build-pack", at=numbers).err.count("unchanged") == 1
    (numbers / "lists/v.csv").write_bytes(b"id\n1\n5\n")
    assert "published c/p" in run("build-pack", at=numbers).err
