"""Which Parquet files a table is made of, and what their folders say of them."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from urllib.parse import unquote

from audience.errors import DataError
from audience.rules.project import TableSpec

_SUFFIXES = {".parquet", ".pq", ".parq"}
_DAY = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})", re.ASCII)


def find_files(spec: TableSpec, root: Path) -> tuple[list[Path], Path]:
    """The table's files, sorted, and the folder that partition folders are below.

    Whether they are files of a kind that can be read is left to who looks at them.
    """
    place = spec.path
    if "://" in place:
        raise DataError(f"table `{spec.name}`: `{place}`: only local paths can be read")
    full = root / place
    whole = full.is_dir()
    if whole:
        found: Iterable[Path] = _walk(full)
        folder = full
    elif full.exists():
        found, folder = [full], full.parent
    elif any(sign in place for sign in "*?["):
        fixed = _fixed_part(Path(place))
        folder = root.joinpath(*fixed)
        found = folder.glob(str(Path(*Path(place).parts[len(fixed) :])))
    else:
        raise DataError(f"table `{spec.name}`: there is no `{place}` in {root}")
    files = sorted(
        path
        for path in found
        if not any(map(_is_private, path.relative_to(folder).parts))
        and (path.suffix.lower() in _SUFFIXES if whole else not path.is_dir())
    )
    if not files:
        raise DataError(f"table `{spec.name}`: no Parquet file in `{place}`")
    for path in files:
        _check_folders(spec, path, folder, whole=whole)
    return files, folder


def _check_folders(spec: TableSpec, path: Path, folder: Path, *, whole: bool) -> None:
    """A plain folder beside partition folders is a copy or a draft, and its rows there twice.

    Unless ``whole``, a glob may name the folders that partitions lie in.
    """
    parts = path.relative_to(folder).parts[:-1]
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


def _fixed_part(path: Path) -> Sequence[str]:
    parts = []
    for part in path.parts:
        if any(sign in part for sign in "*?["):
            break
        parts.append(part)
    return parts


def hive_keys(path: Path, folder: Path) -> dict[str, str]:
    """The partition values in a path: `dt=2023-06-18`."""
    parts = path.relative_to(folder).parts[:-1]
    pairs = (part.partition("=") for part in parts if "=" in part)
    return {unquote(name): unquote(value) for name, _, value in pairs}


@dataclass
class DayFolders:
    """The days that partition folders say. ``asked`` is the key that names the partition."""

    spec: TableSpec
    asked: str
    name: str
    folder: Path
    _seen: dict[tuple[Path, date], Path] = field(default_factory=dict)

    def day_of(self, path: Path) -> date:
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
