"""The folder of what is kept: whole entries under their own names, and no error whatever befalls.

What is computed must never depend on it: see tests/laws/test_cached.py.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from audience.cache import Cache, stamps
from cached import LIMIT, TABLES, entries, found, keep, size_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "project" / ".audience" / "cache"


@pytest.mark.parametrize("name", TABLES)
def test_what_is_put_is_found(folder: Path, name: str) -> None:
    table = TABLES[name]
    cache = Cache(folder, LIMIT)
    assert not cache.has("slice", 1)
    assert cache.get("slice", 1) is None
    cache.put(table, "slice", 1)
    cache.close()
    cache = Cache(folder, LIMIT)
    assert cache.has("slice", 1)
    again = cache.get("slice", 1)
    cache.close()
    assert again is not None
    assert again.equals(table, check_metadata=True)
    assert again.to_pydict() == table.to_pydict()


@pytest.mark.parametrize(
    "other", [("slice", "1"), ("slice",), ("slice", 1, None), (("slice", 1),), ("slice", 1.0)]
)
def test_names_are_told_apart(folder: Path, other: tuple[Any, ...]) -> None:
    cache = Cache(folder, LIMIT)
    cache.put(TABLES["numbers"], "slice", 1)
    cache.close()
    assert found(folder, "slice", 1) is not None
    assert found(folder, *other) is None


def test_what_is_put_twice_is_the_last(folder: Path) -> None:
    keep(folder, "a")
    keep(folder, "a", table=TABLES["bytes"])
    again = found(folder, "a")
    assert again is not None
    assert again.equals(TABLES["bytes"])
    assert len(entries(folder)) == 1


# Damage


def damages() -> Iterator[tuple[str, Any]]:
    yield "empty", lambda data: data[:0]
    yield "one byte", lambda data: data[:1]
    yield "the head alone", lambda data: data[:49]
    yield "half", lambda data: data[: len(data) // 2]
    yield "one byte less", lambda data: data[:-1]
    yield "one byte more", lambda data: data + b"\0"
    yield "twice", lambda data: data + data
    yield "zeros", lambda data: bytes(len(data))
    yield "another version", lambda data: data.replace(b"cache 1", b"cache 0")
    yield "no digest", lambda data: data[:17] + bytes(32) + data[49:]


@pytest.mark.parametrize("name, damage", list(damages()), ids=[name for name, _ in damages()])
def test_a_damaged_entry_is_none(folder: Path, name: str, damage: Any) -> None:
    keep(folder, "a", "b")
    for path in entries(folder):
        path.write_bytes(damage(path.read_bytes()))
    for each in ("a", "b"):
        assert found(folder, each) is None
    # What can't be used is not looked at again.
    assert not Cache(folder, LIMIT).has("a")
    keep(folder, "a")
    assert found(folder, "a") is not None


def test_no_bit_of_an_entry_may_flip(folder: Path) -> None:
    keep(folder, "a")
    (path,) = entries(folder)
    data = path.read_bytes()
    for bit in range(0, len(data) * 8, 5):
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path.write_bytes(bytes(flipped))
        assert found(folder, "a") is None, bit
    path.write_bytes(data)
    assert found(folder, "a") is not None


def test_an_entry_in_anothers_place_is_none(folder: Path) -> None:
    keep(folder, "a", "b")
    one, two = entries(folder)
    contents = one.read_bytes(), two.read_bytes()
    one.write_bytes(contents[1])
    two.write_bytes(contents[0])
    assert found(folder, "a") is None
    assert found(folder, "b") is None
    keep(folder, "a")
    (path,) = entries(folder)
    moved = path.parent / ("0" * 62 + ".entry")
    path.rename(moved)
    assert found(folder, "a") is None
    assert moved.is_file()


@pytest.mark.parametrize("kind", ["folder", "link to nowhere", "link to itself"])
def test_something_else_in_an_entrys_place(folder: Path, kind: str) -> None:
    keep(folder, "a")
    (path,) = entries(folder)
    path.unlink()
    if kind == "folder":
        (path / "in").mkdir(parents=True)
    else:
        path.symlink_to(folder / "nowhere" if kind == "link to nowhere" else path)
    cache = Cache(folder, LIMIT)
    assert not cache.has("a")
    assert cache.get("a") is None
    cache.put(TABLES["numbers"], "a")
    cache.close()


# The limit


def test_what_was_used_least_lately_goes_first(folder: Path) -> None:
    for number in range(6):
        keep(folder, number)
    for number, path in enumerate(entries(folder)):
        os.utime(path, ns=(number, number))
    size = size_of(folder) // 6
    assert found(folder, 1) is not None  # being found is being used
    assert found(folder, 4) is not None
    keep(folder, "new", limit=3 * size + 10)
    cache = Cache(folder, LIMIT)
    assert {name for name in (*range(6), "new") if cache.has(name)} == {1, 4, "new"}


@pytest.mark.parametrize("limit", [1, 700, 5_000, 20_000])
def test_no_more_than_the_limit_is_left(folder: Path, limit: int) -> None:
    keep(folder, *range(40))
    keep(folder, *range(100, 140), limit=limit)
    assert size_of(folder) <= limit


def test_one_run_does_not_fill_the_disk(folder: Path) -> None:
    """What a run writes before it sweeps is bounded by the limit too."""
    large = pa.table({"v": pa.array(range(10_000))})
    cache = Cache(folder, 200_000)
    for number in range(50):
        cache.put(large, number)
    assert cache.written_bytes <= 200_000
    cache.close()
    assert size_of(folder) <= 200_000


def test_without_room_or_folder_nothing_is_kept(folder: Path) -> None:
    keep(folder, "a", limit=0)
    assert not folder.parent.exists()
    cache = Cache(None, LIMIT)
    cache.put(TABLES["numbers"], "a")
    assert not cache.has("a")
    assert cache.get("a") is None
    cache.close()


def test_stamps_are_of_their_order() -> None:
    assert stamps(["a", "b"]) != stamps(["b", "a"])
    assert stamps(["a", "b"]) != stamps(["ab"])
    assert stamps(iter(["a"])) == stamps(["a"])
