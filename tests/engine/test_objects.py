"""Paths of objects: what pathlib says of files they say of objects, and errors are OSErrors."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath

import pytest

from audience.errors import UsageError
from audience.objects import (
    ObjectFile,
    ObjectPath,
    _object,
    delete_all,
    error_of,
    is_below,
    path_of,
)
from engine.stores import Store

HERE = Path("/project")
NAMES = ["a.parquet", "d/b.parquet", "d/e/c.parquet", "d/e/n.txt", "d-x/b.parquet", "dt=1/城 市.pq"]


def of(store: Store, key: str = "") -> ObjectPath:
    return ObjectPath(store.bucket) / key


@pytest.mark.parametrize("key", ["", "a", "a/b", "a/b.tar.gz", "城市/dt=2024-03-01/x.parquet"])
def test_parts_are_those_of_a_path(key: str) -> None:
    path, same = ObjectPath("bucket") / key, PurePosixPath("/") / key
    assert (path.name, path.stem, path.suffix) == (same.name, same.stem, same.suffix)
    assert path.parts[1:] == same.parts[1:]
    assert [each.key for each in path.parents] == [str(each)[1:] for each in same.parents]
    assert path.parent.key == str(same.parent)[1:]
    assert str(path) == f"s3://bucket/{key}"
    assert path_of(str(path), HERE) == path
    assert hash(path_of(str(path), HERE)) == hash(path)


def test_order_is_that_of_paths() -> None:
    keys = ["a/b", "a-b", "a", "b/a/c", "a.b/c", "b"]
    assert [each.key for each in sorted(ObjectPath("x") / key for key in keys)] == [
        str(each) for each in sorted(map(PurePosixPath, keys))
    ]


def test_what_is_below() -> None:
    path = ObjectPath("x") / "a/b/c"
    assert path.relative_to(ObjectPath("x") / "a") == PurePosixPath("b/c")
    assert path.is_relative_to(ObjectPath("x"))
    assert not path.is_relative_to(ObjectPath("y"))
    assert not path.is_relative_to(Path("/a"))
    with pytest.raises(ValueError, match="s3://x/a/b/c is not below s3://x/b"):
        path.relative_to(ObjectPath("x") / "b")


def test_where_a_text_leads() -> None:
    assert path_of("data/users/", HERE) == HERE / "data/users"
    assert path_of("s3://x//a/./b/", HERE) == ObjectPath("x") / "a/b"
    for text in ("gs://x/a", "https://x/a", "s3a://x/a"):
        with pytest.raises(ValueError, match=r"expected a local path or s3://bucket/…"):
            path_of(text, HERE)
    for text in ("s3://", "s3:///a", "s3://*/a"):
        with pytest.raises(ValueError, match="names no bucket"):
            path_of(text, HERE)
    with pytest.raises(ValueError, match="leads nowhere"):
        path_of("s3://x/a/../b", HERE)


def fill(store: Store, folder: Path) -> None:
    for name in NAMES:
        store.put(name, name.encode())
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


PATTERNS = [
    "*",
    "*.parquet",
    "?.parquet",
    "[!b].parquet",
    "d*/*.parquet",
    "**/*.parquet",
    "d/**/*.parquet",
    "**/e/*",
    "d/**/e/**/c.parquet",
    "dt=*/*.pq",
    "d/b.parquet",
    "nothing/*",
]


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_pattern_fits_what_it_fits_on_disk(store: Store, tmp_path: Path, pattern: str) -> None:
    fill(store, tmp_path)
    wanted = sorted(each for each in tmp_path.glob(pattern) if each.is_file())
    found = [each.key for each in of(store).glob(pattern)]
    assert found == [each.relative_to(tmp_path).as_posix() for each in wanted]
    assert len(store.listings) == 1


def test_what_lies_where(store: Store, tmp_path: Path) -> None:
    fill(store, tmp_path)
    for key in ("", "d", "d/e", "dt=1", "a.parquet", "d/e/c.parquet", "none", "a", "d/e/c"):
        path, same = of(store, key), tmp_path / key
        assert (path.exists(), path.is_dir(), path.is_file(), path.is_symlink()) == (
            same.exists(),
            same.is_dir(),
            same.is_file(),
            False,
        ), key
        if same.is_dir():
            assert [each.name for each in path.iterdir()] == sorted(
                each.name for each in same.iterdir()
            )
    assert [each.key for each in of(store, "d").walk()] == [
        "d/b.parquet",
        "d/e/c.parquet",
        "d/e/n.txt",
    ]


def test_the_objects_behind_a_name(store: Store, tmp_path: Path) -> None:
    for key in ("p/.b/x", "p/.b/y/z", "p/1/a", "p/2", "p/A", "q"):
        store.put(key, b"x")
    assert [each.key for each in of(store, "p").walk(after=".b0")] == ["p/1/a", "p/2", "p/A"]
    assert [each.key for each in of(store).walk(after="p/2")] == ["p/A", "q"]


def test_removing_several_at_once(store: Store) -> None:
    for key in ("a", "城 市", "b/c%20", "d"):
        store.put(key, b"x")
    store.answers.clear()
    delete_all([of(store, key) for key in ("a", "城 市", "b/c%20", "none")])
    delete_all([])
    assert len(store.answers) == 1
    assert [each.key for each in of(store).walk()] == ["d"]


def test_what_lies_below_what(tmp_path: Path) -> None:
    far = ObjectPath("bucket") / "a/b"
    assert is_below(far, ObjectPath("bucket") / "a")
    assert is_below(tmp_path / "x/y", tmp_path)
    assert not is_below(far, ObjectPath("other"))
    assert not is_below(far, ObjectPath("bucket") / "a/bc")
    assert not is_below(far, Path("/"))
    assert not is_below(tmp_path, far)


def test_an_object_that_stands_for_a_folder_is_none(store: Store) -> None:
    for key in ("d/", "d/e/", "d/e/c.parquet"):
        store.put(key, b"" if key.endswith("/") else b"x")
    assert [each.key for each in of(store, "d").walk()] == ["d/e/c.parquet"]
    assert [each.key for each in of(store, "d").iterdir()] == ["d/e"]


def test_a_listing_tells_of_objects_what_they_tell_themselves(store: Store) -> None:
    store.put("d/a", b"content")
    (listed,) = of(store, "d").walk()
    store.answers.clear()
    assert listed.stat().size == 7
    assert listed.is_file()
    assert not store.answers
    assert listed.stat() == listed.head()


def test_a_time_is_in_whole_seconds_as_some_stores_list_more() -> None:
    part = datetime(2024, 3, 1, 12, 0, 0, 999_000, UTC)
    meta = {"path": "a", "last_modified": part, "size": 1, "e_tag": None, "version": None}
    assert _object(ObjectPath("x") / "a", meta).modified_ns == 1_709_294_400 * 10**9


def test_reading(store: Store) -> None:
    store.put("a", bytes(range(200)))
    path = of(store, "a")
    whole = path.read_bytes()
    assert whole == bytes(range(200))
    assert path.read_range(5, 9) == whole[5:9]
    assert path.read_range(9, 9) == b""
    assert path.read_ranges([(0, 3), (150, 200)]) == [whole[:3], whole[150:]]
    with path.open() as file:
        store.answers.clear()
        assert read(file, -20, os.SEEK_END, 10) == whole[180:190]
        assert file.tell() == 190
        assert read(file, 0, os.SEEK_CUR, 99) == whole[190:]
        assert read(file, 140, os.SEEK_SET, 20) == whole[140:160]
        assert read(file, 500, os.SEEK_SET, -1) == b""
        assert read(file, 0, os.SEEK_SET, -1) == whole
        assert [each.bytes for each in store.answers] == [10, 10, 20, 200]


def read(file: ObjectFile, place: int, whence: int, size: int) -> bytes:
    file.seek(place, whence)
    return file.read(size)


def test_an_object_that_was_replaced_is_not_read_on(store: Store) -> None:
    store.put("d/a", b"one")
    (listed,) = of(store, "d").walk()
    store.put("d/a", b"two")
    assert of(store, "d/a").read_range(0, 3) == b"two"
    with pytest.raises(OSError, match="changed while it was read"):
        listed.read_range(0, 3)


def test_writing(store: Store) -> None:
    path = of(store, "d/a")
    path.put(b"one", create=True)
    with pytest.raises(FileExistsError):
        path.put(b"two", create=True)
    assert path.read_bytes() == b"one"
    path.put(b"three", create=False)
    assert path.read_bytes() == b"three"
    path.delete()
    assert not path.exists()
    path.delete()


# Errors


def test_what_is_not_there(store: Store) -> None:
    for ask in (of(store, "a").head, of(store, "a").read_bytes, of(store, "a").open):
        with pytest.raises(FileNotFoundError, match=r"^there is no such object$"):
            ask()
    with pytest.raises(FileNotFoundError, match=r"^there is no bucket `nobody-has-it`$"):
        ObjectPath("nobody-has-it").walk()


def test_what_is_denied(store: Store) -> None:
    store.put("d/a", b"x")
    store.before = lambda _: "403 AccessDenied"
    for ask in (of(store, "d").walk, of(store, "d/a").head, of(store, "d/a").read_bytes):
        with pytest.raises(PermissionError, match=r"^the object store denies access \(403"):
            ask()


def test_who_says_nothing_of_who_they_are(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    told = error_of("Error performing PUT http://169.254.169.254/latest/api/token in 1s")
    assert isinstance(told, PermissionError)
    assert str(told) == "no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"


def test_a_store_that_is_not_there(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://me:hidden@{host}")
        with pytest.raises(ConnectionError) as told:
            of(store, "a").head()
    assert str(told.value) == f"the object store at {host} does not answer"


def test_a_store_that_never_answers(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("audience.objects._WAIT", {"connect_timeout": "1s", "read_timeout": "1s"})
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{silent.getsockname()[1]}")
        start = time.monotonic()
        with pytest.raises(ConnectionError, match="does not answer"):
            of(store, "a").walk()
    assert time.monotonic() - start < 20


SAID = [
    ("GET https://u:p@h:1/b in 1s - Server returned non-2xx status code: 503 Slow: <Code>SlowDown"
     "</Code>", OSError, "the object store answers 503 SlowDown"),
    ("GET https://h/b - Received redirect without LOCATION, this normally indicates an incorrectly "
     "configured region", OSError, "the bucket is in another region: set AWS_REGION"),
    ("status code: 403 Forbidden: <Code>SignatureDoesNotMatch</Code><Key>k</Key>",
     PermissionError, "the object store denies access (403 SignatureDoesNotMatch)"),
    ("Could not parse this\n\nDebug source:\nsecret", OSError, "Could not parse this"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "told"), SAID)
def test_what_the_library_says_is_told_in_a_line(text: str, kind: type, told: str) -> None:
    error = error_of(text)
    assert (type(error), str(error)) == (kind, told)


def test_without_the_library(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(UsageError, match=r"^s3 is not installed: pip install audience\[s3\]$"):
        of(store, "a").head()


def test_it_is_loaded_when_it_is_needed() -> None:
    code = "import audience.api, audience.engine.polars, sys; print('obstore' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
