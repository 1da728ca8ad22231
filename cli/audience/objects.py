"""Objects in an S3 store as paths: ``s3://bucket/key``, with what is asked of paths.

Where the store is and who asks is said by the environment alone, in the variables that AWS's own
tools read. The library is imported when a store is asked for the first time.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

from audience.errors import UsageError
from audience.threads import in_threads

if TYPE_CHECKING:
    from obstore import GetOptions, ObjectMeta, PutMode
    from obstore.store import S3Config, S3Store

REQUESTS = 8
"""So many objects at a time: who asks a store mostly waits."""

_SCHEME = "s3://"
_RANGES = 4
"""So many ranges of one object at a time."""

_PARTS = 2
"""So many parts of one object are written at a time: each must be there before the wait is over."""

_SIGNS = frozenset("*?[")
_WAIT = {"connect_timeout": "5s", "read_timeout": "10s"}
_WHOLE = "1h"
"""How long one answer may take that goes on and on."""

_RETRIES = 2
_PATIENCE = 20_000
"""After so many milliseconds a request is not made again."""

_METADATA = "169.254."
"""Where machines of a cloud ask for credentials: it is asked where there are no others."""


@dataclass(frozen=True)
class Object:
    """What a store says of an object. ``modified_ns`` is in whole seconds.

    Some stores list parts of seconds, which they leave out where they are asked for one object.
    """

    path: ObjectPath
    size: int
    modified_ns: int
    etag: str


@dataclass(frozen=True, order=True)
class ObjectPath:
    """An object, or all that lie below a name: a store has no folders.

    ``seen`` is what a listing said of it. What asks the store raises OSError, of its kinds
    FileNotFoundError and PermissionError, and UsageError where the library is not installed.
    """

    bucket: str
    names: tuple[str, ...] = ()
    seen: Object | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        return f"{_SCHEME}{self.bucket}/{self.key}"

    def __truediv__(self, other: str) -> ObjectPath:
        return ObjectPath(self.bucket, (*self.names, *_split(other)))

    @property
    def key(self) -> str:
        """The object's name in its bucket."""
        return "/".join(self.names)

    @property
    def name(self) -> str:
        """The last part; '' of a bucket."""
        return self.names[-1] if self.names else ""

    @property
    def suffix(self) -> str:
        """The end of the name from its last point on."""
        return PurePosixPath(self.name).suffix

    @property
    def stem(self) -> str:
        """The name without its suffix."""
        return PurePosixPath(self.name).stem

    @property
    def parts(self) -> tuple[str, ...]:
        """The bucket and all names."""
        return (_SCHEME + self.bucket, *self.names)

    @property
    def parent(self) -> ObjectPath:
        """What it lies in; a bucket is its own."""
        return ObjectPath(self.bucket, self.names[:-1])

    @property
    def parents(self) -> Sequence[ObjectPath]:
        """All that it lies in, the nearest first."""
        return [ObjectPath(self.bucket, self.names[:n]) for n in reversed(range(len(self.names)))]

    def is_relative_to(self, other: object) -> bool:
        """Whether it is another, or lies below it."""
        return isinstance(other, ObjectPath) and self.parts[: len(other.parts)] == other.parts

    def relative_to(self, other: ObjectPath) -> PurePosixPath:
        """The way from another. Raises ValueError where it does not lie below it."""
        if not self.is_relative_to(other):
            raise ValueError(f"{self} is not below {other}")
        return PurePosixPath(*self.names[len(other.names) :])

    def exists(self) -> bool:
        """Whether it is an object, or some lie below."""
        return self.is_file() or self.is_dir()

    def is_file(self) -> bool:
        """Whether it is an object."""
        try:
            return bool(self.names) and bool(self.stat())
        except FileNotFoundError:
            return False

    def is_dir(self) -> bool:
        """Whether objects lie below."""
        with _asking(self.bucket) as (library, store):
            return any(map(self._listed, library.list(store, self.key or None)))

    def is_symlink(self) -> bool:
        """A store has no links."""
        return False

    def resolve(self) -> ObjectPath:
        """It is what it is called: a store has no links."""
        return self

    def stat(self) -> Object:
        """What a listing said of the object, else what the store says now."""
        return self.seen or self.head()

    def head(self) -> Object:
        """What the store says of the object now."""
        with _asking(self.bucket) as (library, store):
            return _object(self, library.head(store, self.key))

    def iterdir(self) -> Sequence[ObjectPath]:
        """What lies directly below, objects and names that others lie below, sorted."""
        with _asking(self.bucket) as (library, store):
            found = library.list_with_delimiter(store, self.key or None)
        folders = [_split(prefix) for prefix in found["common_prefixes"]]
        objects = self._listed(found["objects"])
        return sorted({*(ObjectPath(self.bucket, names) for names in folders), *objects})

    def walk(self, after: str = "") -> Sequence[ObjectPath]:
        """Every object below, of which the names come after one, sorted, by one listing."""
        offset = (self / after).key if after else None
        with _asking(self.bucket) as (library, store):
            found = self._listed(library.list(store, self.key or None, offset=offset).collect())
        # Consoles make empty objects that stand for folders.
        folders = {folder for each in found for folder in each.parents}
        return sorted(each for each in found if each not in folders or each.stat().size)

    def glob(self, pattern: str) -> Sequence[ObjectPath]:
        """The objects below that a pattern fits, as pathlib reads it, sorted.

        ``**`` stands for any number of names, none too.
        """
        wanted = _split(pattern)
        folders = wanted[:-1]
        fixed = next((n for n, name in enumerate(folders) if _SIGNS & {*name}), len(folders))
        below = ObjectPath(self.bucket, (*self.names, *wanted[:fixed]))
        start = len(below.names)
        return [each for each in below.walk() if _fits(each.names[start:], wanted[fixed:])]

    def read_bytes(self) -> bytes:
        """The object's content."""
        with _asking(self.bucket) as (library, store):
            return bytes(library.get(store, self.key).bytes())

    def read_range(self, start: int, end: int) -> bytes:
        """Some of the object's content; of an object that was listed, as it was then."""
        if start >= end:
            return b""
        options: GetOptions = {"range": (start, end)}
        if self.seen is not None and self.seen.etag.startswith('"'):
            options["if_match"] = self.seen.etag
        with _asking(self.bucket) as (library, store):
            return bytes(library.get(store, self.key, options=options).bytes())

    def read_ranges(self, ranges: Iterable[tuple[int, int]]) -> Sequence[bytes]:
        """As :meth:`read_range`, several at a time."""
        return in_threads(lambda each: self.read_range(*each), ranges, _RANGES)

    def open(self, mode: str = "rb") -> ObjectFile:
        """The object as a file to read bytes from."""
        return ObjectFile(self.stat())

    def put(self, data: bytes, *, create: bool) -> None:
        """Write the object. With ``create``, raises FileExistsError where there is one."""
        mode: PutMode = "create" if create else "overwrite"
        with _asking(self.bucket) as (library, store):
            library.put(store, self.key, data, mode=mode, max_concurrency=_PARTS)

    def delete(self) -> None:
        """Remove the object; it may be gone already."""
        with _asking(self.bucket) as (library, store):
            library.delete(store, self.key)

    def _listed(self, found: Iterable[ObjectMeta]) -> list[ObjectPath]:
        """Objects of a listing, without one that stands for the folder itself."""
        out = []
        for meta in found:
            path = ObjectPath(self.bucket, _split(meta["path"]))
            if path != self:
                out.append(ObjectPath(path.bucket, path.names, _object(path, meta)))
        return out


AnyPath = Path | ObjectPath


def delete_all(paths: Sequence[ObjectPath]) -> None:
    """Remove objects of one bucket, in no order; some may be gone already. Raises OSError."""
    if paths:
        with _asking(paths[0].bucket) as (library, store):
            library.delete(store, [path.key for path in paths])


def is_below(path: AnyPath, folder: AnyPath) -> bool:
    """Whether a path is another, or lies below it; objects are never below folders."""
    return path.parts[: len(folder.parts)] == folder.parts


def path_of(text: str, root: Path) -> AnyPath:
    """An object, or a path in a folder. Raises ValueError where it is neither."""
    if text.startswith(_SCHEME):
        bucket, *names = text.removeprefix(_SCHEME).split("/")
        if not bucket or _SIGNS & {*bucket}:
            raise ValueError("it names no bucket; expected s3://bucket/…")
        return ObjectPath(bucket) / "/".join(names)
    if "://" in text:
        raise ValueError("expected a local path or s3://bucket/…")
    return root / text


def options() -> dict[str, Any]:
    """What the environment says of the store, beside credentials, and how long to wait for it.

    In the words of Polars, which reads the credentials as our library does.
    """
    names = ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL", "AWS_ENDPOINT")
    endpoint = next((os.environ[name] for name in names if os.environ.get(name)), "")
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    plain = endpoint.lower().startswith("http://")
    out = {"aws_region": region, "allow_http": "true" if plain else "false", **_WAIT}
    if endpoint:
        out["aws_endpoint_url"] = endpoint
    return {**out, "max_retries": _RETRIES, "retry_timeout_ms": _PATIENCE}


def error_of(text: str, bucket: str = "") -> OSError:
    """What the library said, which is long and may tell more than it should, in one line."""
    if _METADATA in text:
        return PermissionError("no credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
    if "configured region" in text:
        return OSError("the bucket is in another region: set AWS_REGION")
    host = re.search(r"https?://(?:[^/\s]*@)?([^/\s?]+)", text)
    status = re.search(r"status code: (\d+)", text)
    if status is None and host is None:
        return OSError(text.partition("\n")[0][:200])
    if status is None:
        return ConnectionError(f"the object store at {host and host[1]} does not answer")
    code = re.search(r"<Code>(\w+)</Code>", text)
    told = " ".join(filter(None, (status[1], code and code[1])))
    match status[1]:
        case "404" if code and code[1] == "NoSuchBucket":
            return FileNotFoundError(f"there is no bucket `{bucket}`" if bucket else "no bucket")
        case "404":
            return FileNotFoundError("there is no such object")
        case "401" | "403":
            return PermissionError(f"the object store denies access ({told})")
        case "412":
            return OSError("it changed while it was read")
    return OSError(f"the object store answers {told}")


class ObjectFile(io.RawIOBase):
    """An object as a file to read from: each read is one request."""

    def __init__(self, found: Object) -> None:
        self._path = ObjectPath(found.path.bucket, found.path.names, found)
        self._place = 0
        self.size = found.size

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._place

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a place."""
        start = {os.SEEK_SET: 0, os.SEEK_CUR: self._place, os.SEEK_END: self.size}[whence]
        self._place = max(0, start + offset)
        return self._place

    def read(self, size: int | None = -1) -> bytes:
        """The next bytes, as many as are asked for where there are as many."""
        start = self._place
        end = self.size if size is None or size < 0 else min(start + size, self.size)
        self._place = max(start, end)
        return self._path.read_range(start, end)


@contextmanager
def _asking(bucket: str) -> Iterator[tuple[Any, S3Store]]:
    """The library and a store to be asked; what it refuses is told as an OSError."""
    try:
        import obstore
        from obstore.exceptions import AlreadyExistsError, BaseError
    except ImportError:
        raise UsageError("s3 is not installed: pip install audience[s3]") from None
    environment = sorted(each for each in os.environ.items() if each[0].startswith("AWS_"))
    try:
        yield obstore, _open_store(bucket, tuple(environment))
    except AlreadyExistsError:
        raise FileExistsError("there is such an object already") from None
    except (BaseError, OSError) as error:
        raise error_of(str(error), bucket) from None


@lru_cache(maxsize=16)
def _open_store(bucket: str, _environment: tuple[tuple[str, str], ...]) -> S3Store:
    """A store with its connections, for as long as the environment, which it reads, is the same."""
    from obstore.store import S3Store

    found = options()
    config: S3Config = {"region": found["aws_region"]}
    if "aws_endpoint_url" in found:
        config["endpoint"] = found["aws_endpoint_url"]
    return S3Store(
        bucket,
        config=config,
        client_options={
            "allow_http": found["allow_http"] == "true",
            "connect_timeout": _WAIT["connect_timeout"],
            "read_timeout": _WAIT["read_timeout"],
            "timeout": _WHOLE,
        },
        retry_config={
            "max_retries": _RETRIES,
            "retry_timeout": timedelta(milliseconds=_PATIENCE),
        },
    )


def _object(path: ObjectPath, meta: ObjectMeta) -> Object:
    seconds = int(meta["last_modified"].timestamp())
    return Object(path, meta["size"], seconds * 10**9, meta["e_tag"] or "")


def _split(text: str) -> tuple[str, ...]:
    names = tuple(name for name in text.split("/") if name not in {"", "."})
    if ".." in names:
        raise ValueError("`..` leads nowhere in an object store")
    return names


def _fits(names: Sequence[str], pattern: Sequence[str]) -> bool:
    if not pattern:
        return not names
    if pattern[0] == "**":
        return any(_fits(names[n:], pattern[1:]) for n in range(len(names) + 1))
    return bool(names) and fnmatchcase(names[0], pattern[0]) and _fits(names[1:], pattern[1:])
