"""Columns read as numbers: their values, counts and tests are what the rows themselves tell."""

from __future__ import annotations

from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest import mock

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience.bits import unpack
from audience.cache import Cache
from audience.engine import codes
from audience.engine.codes import Codebook, Codes, read_codes
from audience.engine.tables import TableData, open_table
from audience.errors import DataError, UnreadableError
from audience.plan.nodes import Test as Asked
from audience.plan.nodes import exact
from audience.rules.project import TableSpec

TEXTS = st.none() | st.sampled_from(["a", "b", "猫", ""])
WHOLE = st.none() | st.integers(-3, 120)
COLUMNS = st.one_of(
    st.tuples(
        st.lists(TEXTS, min_size=1),
        st.sampled_from(
            [
                pa.string(),
                pa.large_string(),
                pa.dictionary(pa.int8(), pa.string()),
                pa.dictionary(pa.int64(), pa.large_string()),
            ],
        ),
        st.just(["a", "猫", "", "never"]),
    ),
    st.tuples(
        st.lists(st.none() | st.lists(TEXTS), min_size=1),
        st.sampled_from([pa.list_(pa.string()), pa.large_list(pa.large_string())]),
        st.just(["a", "猫", "", "never"]),
    ),
    st.tuples(
        st.lists(st.none() | st.lists(WHOLE), min_size=1),
        st.sampled_from([pa.list_(pa.int8()), pa.large_list(pa.int64())]),
        st.just([0, 7, 120, -3, 2**40]),
    ),
)


def table_of(folder: Path, *parts: pa.Array, name: str = "tag", **options: Any) -> TableData:
    """A user table with one column beside its key, in as many files as there are parts."""
    users = folder / "users"
    users.mkdir(parents=True, exist_ok=True)
    for old in users.iterdir():
        old.unlink()
    start = 0
    for number, part in enumerate(parts):
        keys = pa.array(range(start, start + len(part)), pa.int64())
        start += len(part)
        pq.write_table(
            pa.table({"user_id": keys, name: part}), users / f"{number}.parquet", **options
        )
    return open_table(TableSpec("users", "users/", "user_id"), folder, "UTC")


def asked(operator: str, argument: Any) -> Asked:
    return Asked("tag", operator, argument, exact(argument))


def held(found: Codes, test: Asked) -> list[bool]:
    return unpack(found.answers([test])[test], found.count).tolist()


@settings(derandomize=True, deadline=None, max_examples=200)
@given(
    made=COLUMNS,
    cut=st.integers(0, 8),
    group=st.sampled_from([1, 3, 100]),
    block=st.sampled_from([8, 1 << 17]),
)
def test_a_column(
    made: Any, cut: int, group: int, block: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows, kind, wanted = made
    parts = [pa.array(part, kind) for part in (rows[:cut], rows[cut:]) if part]
    table = table_of(tmp_path_factory.mktemp("codes"), *parts, row_group_size=group)
    found = read_codes(table, "tag")
    assert found is not None
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    every = [one for row in rows if row is not None for one in row] if lists else rows
    assert dict(found.counts()) == Counter(one for one in every if one is not None)
    assert held(found, asked("is", "unknown")) == [row is None for row in rows]
    assert held(found, asked("is", "known")) == [row is not None for row in rows]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codes, "_BLOCK", block)
        if lists:
            tests = [asked(name, (one,)) for one in wanted for name in ("has_any", "has_all")]
            tests += [asked("has_any", tuple(wanted)), asked("has_all", tuple(wanted[:2]))]
            answers = found.answers(tests)
            for test in tests:
                matches = any if test.operator == "has_any" else all
                assert unpack(answers[test], len(rows)).tolist() == [
                    row is not None and matches(one in row for one in test.argument) for row in rows
                ]
            return
        for value in wanted:
            assert held(found, asked("eq", value)) == [row == value for row in rows]
        for some in (tuple(wanted[:2]), tuple(wanted)):
            assert held(found, asked("in", some)) == [row in some for row in rows]


def test_what_is_left_to_an_engine(tmp_path: Path) -> None:
    """Tests of texts' letters, other columns, points in names, and columns of many values."""
    found = read_codes(table_of(tmp_path, pa.array(["a", "b"])), "tag")
    assert found is not None
    assert found.answers([asked("starts_with", "a"), asked("matches", "a")]) == {}
    for column in (
        pa.array([1, 2]),
        pa.array([1.5, None]),
        pa.array([True, False]),
        pa.array([[1.5], None]),
        pa.array([[["a"]], None]),
    ):
        assert read_codes(table_of(tmp_path, column), "tag") is None
    assert read_codes(table_of(tmp_path, pa.array(["a"]), name="a.b"), "a.b") is None
    many = [str(number) for number in range(codes._MOST + 1)]
    assert read_codes(table_of(tmp_path, pa.array(many[1:])), "tag") is not None
    assert read_codes(table_of(tmp_path, pa.array(many)), "tag") is None
    halves = [pa.array(many[:9]), pa.array(many[9:])]
    assert read_codes(table_of(tmp_path, *halves), "tag") is None
    lists = pa.array([[one] for one in many])
    assert read_codes(table_of(tmp_path, lists), "tag") is None


def test_files_that_differ(tmp_path: Path) -> None:
    """One that has nothing, and one that stores texts without a dictionary."""
    rows = [None, "b", "a", "b", "c"]
    parts = [pa.array(rows[:1], pa.string()), pa.array(rows[1:3]), pa.array(rows[3:])]
    for options in ({}, {"use_dictionary": False}, {"data_page_size": 1}):
        found = read_codes(table_of(tmp_path, *parts, **options), "tag")
        assert found is not None
        assert dict(found.counts()) == {"a": 1, "b": 2, "c": 1}
        assert held(found, asked("eq", "b")) == [row == "b" for row in rows]


def test_a_partition_is_no_column(tmp_path: Path) -> None:
    folder = tmp_path / "users" / "region=north"
    folder.mkdir(parents=True)
    pq.write_table(pa.table({"user_id": [1, 2]}), folder / "a.parquet")
    table = open_table(TableSpec("users", "users/", "user_id"), tmp_path, "UTC")
    assert read_codes(table, "region") is None


def test_a_file_that_is_damaged_or_changes(tmp_path: Path) -> None:
    table = table_of(tmp_path, pa.array(["猫"] * 100), compression="none")
    (path,) = (file.path for file in table.files)
    whole = path.read_bytes()
    path.write_bytes(whole.replace("猫".encode(), b"\xff\xfe\xfd"))
    with pytest.raises((UnreadableError, DataError)):
        read_codes(table, "tag")
    path.write_bytes(whole + b" ")
    with pytest.raises((UnreadableError, DataError)):
        read_codes(table, "tag")


def test_a_book_gives_a_column_once(tmp_path: Path) -> None:
    table = table_of(tmp_path / "one", pa.array(["a", "b"]))
    other = table_of(tmp_path / "other", pa.array(["a", "c"]))
    book = Codebook()
    found = book.read(table, "tag", Cache(None, 0))
    assert book.take(other, "tag") is None
    assert book.take(table, "tag") is found
    assert book.take(table, "tag") is None


@pytest.mark.parametrize(
    "column",
    [
        pa.array(["a", None, "猫", "a", ""]),
        pa.array([["a", "猫"], None, [], [None]], pa.list_(pa.string())),
        pa.array([[7, 7, -3], [], None], pa.list_(pa.int64())),
        pa.array([str(number) for number in range(300)]),
        pa.array([None], pa.string()),
    ],
)
def test_a_column_that_was_kept(column: pa.Array, tmp_path: Path) -> None:
    """It is found as it was read, without a look at the table; not where the entry is damaged."""
    table = table_of(tmp_path, column)
    with closing(Cache(tmp_path / "cache", 1 << 20)) as cache:
        read = Codebook().read(table, "tag", cache)
    assert read is not None
    for damaged in (False, True):
        entries = list((tmp_path / "cache").rglob("*.entry"))
        if damaged:
            for path in entries:
                path.write_bytes(path.read_bytes()[:-1])
        reading = mock.patch.object(codes, "read_codes", wraps=read_codes)
        with closing(Cache(tmp_path / "cache", 1 << 20)) as cache, reading as reads:
            book = Codebook()
            found = book.read(table, "tag", cache)
        assert found is not None
        assert book.take(table, "tag") is found
        assert reads.call_count == damaged
        assert len(entries) == 1
        assert found.values == read.values
        assert list(found.values) == list(read.values)
        assert found.count == read.count == len(column)
        assert found.numbers.dtype == read.numbers.dtype
        assert found.numbers.tolist() == read.numbers.tolist()
        assert (
            (found.lengths is None) == (read.lengths is None) == (not pa.types.is_list(column.type))
        )
        if found.lengths is not None and read.lengths is not None:
            assert found.lengths.tolist() == read.lengths.tolist()
        assert unpack(found.missing, found.count).tolist() == column.is_null().to_pylist()


def test_a_column_is_kept_for_its_table(tmp_path: Path) -> None:
    """Another table's column of the same name, and a table that changed, are read."""
    with closing(Cache(tmp_path / "cache", 1 << 20)) as cache:
        for text in ("a", "b"):
            for folder in ("one", "two"):
                table = table_of(tmp_path / folder, pa.array([folder, text]))
                found = Codebook().read(table, "tag", cache)
                assert found is not None
                assert dict(found.counts()) == {folder: 1, text: 1}
