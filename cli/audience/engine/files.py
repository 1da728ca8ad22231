"""Which Parquet files a table is made of, and what their folders say of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from urllib.parse import unquote

from audience.errors import DataError
from audience.rules.project import TableSpec

_SUFFIXES = {".parquet", ".pq", ".parq"}


def find_files(spec: TableSpec, root: Path) -> tuple[list[Path], Path]:
    """The table's files, sorted, and the folder that partition folders are below."""
    place = spec.path
    if "://" in place:
        raise DataError(f"table `{spec.name}`: `{place}`: only local paths can be read")
    full = root / place
    if full.is_dir():
        found: Iterable[Path] = _walk(full)
        folder = full
    elif full.is_file():
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
        and (path.suffix.lower() in _SUFFIXES if full.is_dir() else path.is_file())
    )
    if not files:
        raise DataError(f"table `{spec.name}`: no Parquet file in `{place}`")
    return files, folder


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
