"""Which Parquet files a table is made of, and what their folders say of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import takewhile
from pathlib import Path
from urllib.parse import unquote

from audience.errors import DataError, UsageError
from audience.objects import AnyPath, ObjectPath, path_of
from audience.rules.project import TableSpec

_SUFFIXES = {".parquet", ".pq", ".parq"}
_DAY = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})", re.ASCII)


@dataclass(frozen=True)
class State:
    """What a file is at a moment; ``stamp`` is another when it is. ``modified``: nanoseconds."""

    size: int
    modified: int
    stamp: str


def state_of(path: AnyPath, *, anew: bool = True) -> State:
    """A file as it is; unless ``anew``, an object is as it was listed. Raises OSError."""
    if isinstance(path, ObjectPath):
        found = path.head() if anew else path.stat()
        # Listed or asked for, with or without quotes: stores differ.
        etag = found.etag.removeprefix("W/").strip('"')
        parts: tuple[object, ...] = (found.size, found.modified_ns, etag)
        return State(found.size, found.modified_ns, _stamp(path, parts))
    stat = path.stat()
    # The time of its last change can't be set by who writes a file.
    parts = (stat.st_dev, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    return State(stat.st_size, stat.st_mtime_ns, _stamp(path, parts))


def _stamp(path: AnyPath, parts: Iterable[object]) -> str:
    return f"{path}:" + ":".join(map(str, parts))


def local_path(path: AnyPath, engine: str) -> Path:
    """A path for an engine that reads local files alone. Raises UsageError."""
    if isinstance(path, ObjectPath):
        raise UsageError(f"{path}: only the polars engine reads s3://…, not the {engine} engine")
    return path


def find_files(spec: TableSpec, root: Path) -> tuple[Sequence[AnyPath], AnyPath]:
    """The table's files, sorted, and the folder that partition folders are below.

    Whether they are files of a kind that can be read is left to who looks at them. Raises
    DataError, OSError, ValueError.
    """
    place = path_of(spec.path, root)
    found: Iterable[AnyPath]
    folder: AnyPath
    if isinstance(place, ObjectPath):
        found, folder, whole = _find_objects(spec, place)
    else:
        found, folder, whole = _find_local(spec, root, place)
    depth = len(folder.parts)
    files = sorted(
        (
            path
            for path in found
            if not any(map(_is_private, path.parts[depth:]))
            and (not whole or path.suffix.lower() in _SUFFIXES)
        ),
        key=lambda path: path.parts,
    )
    if not files:
        raise DataError(f"table `{spec.name}`: no Parquet file in `{spec.path}`")
    for path in files:
        _check_folders(spec, path, folder, whole=whole)
    return files, folder


def _find_local(spec: TableSpec, root: Path, place: Path) -> tuple[Iterable[Path], Path, bool]:
    """Files, the folder that they are below, and whether all in it were asked for."""
    if place.is_dir():
        return _walk(place), place, True
    if place.exists():
        return [place], place.parent, False
    if not _has_signs(spec.path):
        raise DataError(f"table `{spec.name}`: there is no `{spec.path}` in {root}")
    asked = Path(spec.path).parts
    fixed = _fixed_part(asked)
    folder = root.joinpath(*fixed)
    found = folder.glob(str(Path(*asked[len(fixed) :])))
    return (path for path in found if not path.is_dir()), folder, False


def _find_objects(
    spec: TableSpec, place: ObjectPath
) -> tuple[Iterable[ObjectPath], ObjectPath, bool]:
    """As :func:`_find_local`; a store is listed once."""
    if place.suffix.lower() in _SUFFIXES and not _has_signs(place.key):
        with suppress(FileNotFoundError):
            return [replace(place, seen=place.head())], place.parent, False
    if _has_signs(place.key):
        folder = ObjectPath(place.bucket, tuple(_fixed_part(place.names)))
        return folder.glob("/".join(place.names[len(folder.names) :])), folder, False
    found = place.walk()
    if not found:
        raise DataError(f"table `{spec.name}`: there is no `{spec.path}`")
    return found, place, True


def _check_folders(spec: TableSpec, path: AnyPath, folder: AnyPath, *, whole: bool) -> None:
    """A plain folder beside partition folders is a copy or a draft, and its rows there twice.

    Unless ``whole``, a glob may name the folders that partitions lie in.
    """
    parts = path.parts[len(folder.parts) : -1]
    start = next((n for n, part in enumerate(parts) if "=" in part), len(parts))
    plain = [part for part in parts[start:] if "=" not in part]
    if whole and start < len(parts):
        plain += parts[:start]
    if plain:
        raise DataError(
            f"table `{spec.name}`: {path} is in a folder `{plain[0]}` among partition folders, "
            "which is no partition `name=value`"
        )


def _walk(folder: Path) -> Iterator[Path]:
    """Every file below a folder, links followed; raises OSError where it can't be looked into."""

    def fail(error: OSError) -> None:
        raise error

    seen: set[str] = set()
    for place, folders, files in os.walk(folder, onerror=fail, followlinks=True):
        real = os.path.realpath(place)
        if real in seen:
            folders.clear()  # a link back to a folder above
            continue
        seen.add(real)
        yield from (Path(place, name) for name in files)


def _is_private(name: str) -> bool:
    """Names that begin so are other programs' private files; `_a=1` is a partition."""
    return name.startswith(".") or (name.startswith("_") and "=" not in name)


def _has_signs(text: str) -> bool:
    return any(sign in text for sign in "*?[")


def _fixed_part(parts: Iterable[str]) -> Sequence[str]:
    return list(takewhile(lambda part: not _has_signs(part), parts))


def hive_keys(path: AnyPath, folder: AnyPath) -> dict[str, str]:
    """The partition values in a path: `dt=2023-06-18`."""
    parts = path.parts[len(folder.parts) : -1]
    pairs = (part.partition("=") for part in parts if "=" in part)
    return {unquote(name): unquote(value) for name, _, value in pairs}


@dataclass
class DayFolders:
    """The days that partition folders say. ``asked`` is the key that names the partition."""

    spec: TableSpec
    asked: str
    name: str
    folder: AnyPath
    _seen: dict[tuple[AnyPath, date], AnyPath] = field(default_factory=dict)

    def day_of(self, path: AnyPath) -> date:
        """The day of a file. Raises DataError where it has none, or its day has two folders."""
        table = f"table `{self.spec.name}`"
        for place in path.parents:
            if place == self.folder:
                break
            name, sign, value = map(unquote, place.name.partition("="))
            if sign and name == self.name:
                day = _read_day(value)
                if day is None:
                    raise DataError(f"{table}: the partition `{name}={value}` of {path} is no day")
                first = self._seen.setdefault((place.parent, day), place)
                if first != place:
                    raise DataError(f"{table}: {first} and {place} are both of the day {day}")
                return day
        raise DataError(
            f"{table}: {path} is in no partition folder `{self.name}=…`, "
            f"which `{self.asked}: {self.name}` asks for"
        )


def _read_day(text: str) -> date | None:
    match = _DAY.fullmatch(text)
    try:
        return date(int(match[1]), int(match[2]), int(match[3])) if match else None
    except ValueError:
        return None
