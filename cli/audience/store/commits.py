"""Which build of a day is published in an object store: the one that its last commit names.

```
packs/CAMPAIGN/PHASE/2023-04-30/00000001                  .builds/2023-04-30.00000001-3f9c…
packs/CAMPAIGN/PHASE/2023-04-30/00000002                  .builds/2023-04-30.00000002-b07e…
packs/CAMPAIGN/PHASE/.builds/2023-04-30.00000002-b07e…/   PACK.parquet, summary.json, manifest.json
```

A commit is an object that is made once and never changed: of two who make the same one, the store
refuses the second. A build's folder has the number of the commit that it is meant for, so with the
number taken by another build it can never be published.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import date
from uuid import uuid4

from audience.errors import StoreError
from audience.objects import ObjectPath
from audience.store.layout import BUILDS, day_named

NOTHING = "nothing"
"""What a commit says in place of a build's name: nothing is published."""

_TRIES = 5
_NUMBER = re.compile(r"\d{8}", re.ASCII)
_BUILD = re.compile(r"(\d{4}-\d{2}-\d{2})\.(\d{8})-[0-9a-f]{32}", re.ASCII)
# What is beside the folder of builds, and not in it: `/` comes before `0`.
_BESIDE = f"{BUILDS}0"


@dataclass(frozen=True)
class Commit:
    """One of a day's commits."""

    number: int
    path: ObjectPath

    @property
    def is_nothing(self) -> bool:
        """Whether it says that nothing is published."""
        return self.path.stat().size == len(f"{NOTHING}\n")

    def read(self) -> str:
        """The name of a build's folder, or that of nothing.

        Raises FileNotFoundError where it was removed meanwhile, StoreError where it names no build.
        """
        text = self.path.read_bytes().decode(errors="replace")
        name = text.removesuffix("\n")
        if name == text or (name != NOTHING and not _BUILD.fullmatch(name)):
            raise StoreError(f"{self.path} is damaged: it names no build")
        return name


def new_name(day: date, number: int) -> str:
    """What a new build's folder is called that is meant for a commit."""
    return f"{day}.{number:08}-{uuid4().hex}"


def meant_for(name: str) -> tuple[date | None, int]:
    """The day and the number of the commit that a build's folder is meant for; None for none."""
    found = _BUILD.fullmatch(name)
    return (day_named(found[1]), int(found[2])) if found else (None, 0)


def commit_path(phase: ObjectPath, day: date, number: int) -> ObjectPath:
    """Where a commit is."""
    return phase / str(day) / f"{number:08}"


def commits_of(phase: ObjectPath, day: date | None = None) -> Mapping[date, Sequence[Commit]]:
    """The commits of each day of a phase, or of one day, the last one last. Raises OSError."""
    listed = (phase / str(day)).walk() if day else phase.walk(after=_BESIDE)
    out: dict[date, list[Commit]] = {}
    for path in listed:
        found = _commit(phase, path)
        if found is not None:
            out.setdefault(found[0], []).append(found[1])
    return out


def strays(phase: ObjectPath) -> Iterator[ObjectPath]:
    """The objects of a phase that are neither a commit nor part of a build. Raises OSError."""
    for path in phase.walk():
        if path.names[len(phase.names)] != BUILDS and _commit(phase, path) is None:
            yield path


def last_named(commits: Sequence[Commit], count: int) -> list[str]:
    """The last so many builds that a day's commits name, the newest first. Raises OSError.

    A commit that is damaged names none.
    """
    out: list[str] = []
    for commit in reversed(commits):
        with suppress(StoreError):
            name = commit.read()
            if name not in {NOTHING, *out}:
                out.append(name)
        if len(out) == count:
            break
    return out


def builds_of(phase: ObjectPath) -> Mapping[str, Sequence[ObjectPath]]:
    """The objects in each folder of builds, published or not. Raises OSError."""
    out: dict[str, list[ObjectPath]] = {}
    folder = phase / BUILDS
    for path in folder.walk():
        out.setdefault(path.names[len(folder.names)], []).append(path)
    return out


def put_once(path: ObjectPath, data: bytes) -> bool:
    """Write an object that nobody has written; whether it is ours. Raises OSError."""
    for _ in range(_TRIES):
        try:
            path.put(data, create=True)
        except FileExistsError:
            try:
                # A request that is made again, as its answer got lost, meets what it wrote itself.
                return path.read_bytes() == data
            except FileNotFoundError:
                continue  # another's request was under way, and came to nothing
        return True
    raise OSError(f"{path.name} can't be written, though it is not there")


@contextmanager
def asking(what: str, path: ObjectPath) -> Iterator[None]:
    """Tell what a store refuses as a StoreError: what can't be done to which path."""
    try:
        yield
    except OSError as error:
        raise StoreError(f"cannot {what} {path}: {error}") from None


def _commit(phase: ObjectPath, path: ObjectPath) -> tuple[date, Commit] | None:
    names = path.names[len(phase.names) :]
    day = day_named(names[0])
    if day is None or len(names) != 2 or not _NUMBER.fullmatch(names[1]):
        return None
    return day, Commit(int(names[1]), path)
