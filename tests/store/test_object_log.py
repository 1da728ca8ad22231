"""The log of runs in an object store: a line each, chained, and none is lost or written over."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from audience.errors import StoreError
from audience.objects import ObjectPath
from audience.store.buckets import ObjectShelves
from audience.store.chain import Log
from engine.stores import Answer, Store

LINES = "packs/log.jsonl"


@pytest.fixture
def shelves(store: Store) -> ObjectShelves:
    return ObjectShelves(ObjectPath(store.bucket) / "packs")


def numbers(log: Log) -> list[int]:
    return [each["n"] for each in log.runs]


def objects(shelves: ObjectShelves) -> dict[str, bytes]:
    return {each.key: each.read_bytes() for each in shelves.root.walk()}


def test_an_object_for_each_run(shelves: ObjectShelves) -> None:
    assert shelves.read_log() == Log((), ())
    for n in range(3):
        shelves.append({"n": n})
    assert [*objects(shelves)] == [
        f"{LINES}/00000001.json",
        f"{LINES}/00000002.json",
        f"{LINES}/00000003.json",
        f"{LINES}/last/00000003",
    ]
    found = shelves.read_log()
    assert (numbers(found), found.faults) == ([0, 1, 2], ())
    assert shelves.phases() == []


def test_what_is_there_is_never_written_over(store: Store, shelves: ObjectShelves) -> None:
    shelves.append({"n": 0})
    before = objects(shelves)[f"{LINES}/00000001.json"]
    shelves.append({"n": 1})
    assert objects(shelves)[f"{LINES}/00000001.json"] == before


def test_a_run_that_another_was_faster_than(store: Store, shelves: ObjectShelves) -> None:
    shelves.append({"n": 0})
    times = [0]

    def overtake(asked: Answer) -> None:
        if asked.method == "PUT" and times[0] < 3:
            times[0] += 1
            before, store.before = store.before, lambda _: None
            shelves.append({"n": times[0]})
            store.before = before

    store.before = overtake
    shelves.append({"n": 9})
    store.before = lambda _: None
    found = shelves.read_log()
    assert (numbers(found), found.faults) == ([0, 1, 2, 3, 9], ())
    shelves.append({"n": 10})
    assert shelves.read_log().faults == ()


def test_many_write_at_once_and_none_is_lost(shelves: ObjectShelves) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda n: shelves.append({"n": n}), range(24)))
    found = shelves.read_log()
    assert (sorted(numbers(found)), found.faults) == ([*range(24)], ())


def test_a_run_that_was_killed_before_its_line_was_noted(
    store: Store, shelves: ObjectShelves
) -> None:
    shelves.append({"n": 0})
    store.before = lambda asked: (
        "403 AccessDenied" if asked.method == "PUT" and "/last/" in asked.path else None
    )
    with pytest.raises(StoreError, match=r"cannot write s3://.*/log\.jsonl: the object store den"):
        shelves.append({"n": 1})
    store.before = lambda _: None
    assert shelves.read_log().faults == ()
    shelves.append({"n": 2})
    found = shelves.read_log()
    assert (numbers(found), found.faults) == ([0, 1, 2], ())


def edit(store: Store, number: int, change: Callable[[bytes], bytes]) -> None:
    path = ObjectPath(store.bucket) / f"{LINES}/{number:08}.json"
    before = path.read_bytes()
    assert change(before) != before
    store.put(path.key, change(before))


def swap(store: Store) -> None:
    one, two = (ObjectPath(store.bucket) / f"{LINES}/{n:08}.json" for n in (2, 3))
    content = one.read_bytes(), two.read_bytes()
    store.put(two.key, content[0])
    store.put(one.key, content[1])


def forge(store: Store) -> None:
    """A chain of its own: whole, but not the one that was noted."""
    other = ObjectShelves(ObjectPath(store.bucket) / "other")
    for n in (0, 1, 2, 7):
        other.append({"n": n})
    for each in (other.root / "log.jsonl").walk():
        if each.suffix == ".json":
            store.put(f"{LINES}/{each.name}", each.read_bytes())


EDITS: dict[str, Callable[[Store], None]] = {
    "a number is changed": lambda store: edit(store, 2, lambda line: line.replace(b"1", b"5", 1)),
    "a blank is put in": lambda store: edit(store, 2, lambda line: line.replace(b", ", b",  ", 1)),
    "a line has no end": lambda store: edit(store, 2, lambda line: line[:-1]),
    "two lines": lambda store: edit(store, 2, lambda line: line * 2),
    "no JSON": lambda store: edit(store, 2, lambda line: line[5:]),
    "the first is gone": lambda store: store.delete(f"{LINES}/00000001.json"),
    "one is gone": lambda store: store.delete(f"{LINES}/00000002.json"),
    "the last is gone": lambda store: store.delete(f"{LINES}/00000004.json"),
    "all are gone": lambda store: (
        [store.delete(f"{LINES}/0000000{n}.json") for n in (1, 2, 3, 4)] and None
    ),
    "two change places": swap,
    "all are made up": forge,
    "the last is another": lambda store: edit(store, 4, lambda line: line.replace(b"3", b"8", 1)),
    "one is made up": lambda store: store.put(f"{LINES}/00000005.json", b'{"n": 5}\n'),
    "something beside": lambda store: store.put(f"{LINES}/notes.txt", b"x"),
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_shows_for_good(store: Store, shelves: ObjectShelves, name: str) -> None:
    for n in range(4):
        shelves.append({"n": n})
    EDITS[name](store)
    told = shelves.read_log().faults
    assert told
    assert all(each.startswith(f"s3://{store.bucket}/{LINES}") for each in told)
    for n in (5, 6):
        shelves.append({"n": n})
    found = shelves.read_log()
    assert found.faults
    assert numbers(found)[-2:] == [5, 6]


def test_a_store_that_denies(store: Store, shelves: ObjectShelves) -> None:
    store.before = lambda _: "403 AccessDenied"
    with pytest.raises(StoreError, match=r"^cannot write s3://[^ ]*/packs/log.jsonl: the object"):
        shelves.append({"n": 0})
    with pytest.raises(StoreError, match=r"^cannot read s3://[^ ]*/packs/log.jsonl: the object"):
        shelves.read_log()
