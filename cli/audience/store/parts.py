"""Packs that are a folder of files, which follow each other by their ids."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from audience import private
from audience.errors import StoreError
from audience.membership import Written
from audience.private import Access
from audience.store.checksum import checksum_of
from audience.store.manifest import PackEntry, PartEntry, digest_of


def take_parts(draft: Path, name: str, label: str, written: Written, access: Access) -> PackEntry:
    """Take what others wrote into a build's folder, as the parts of a pack.

    Raises StoreError where the files are not what they were said to be, OSError.
    """
    folder = draft / f"{name}.parquet"
    private.make_folder(folder, access)
    parts, bounds = [], []
    for number, file in enumerate(written.files):
        path = folder / f"part-{number:05}.parquet"
        file.path.rename(path)
        path.chmod(access.file)
        with path.open("rb") as opened:
            private.flush(opened)
        rows, *ends = _bounds(path)
        bounds += [ends] if rows else []
        parts.append(PartEntry(path.name, rows, file.sha256))
    private.flush_folder(folder)
    size = sum(part.size for part in parts)
    if size != written.size:
        raise StoreError(f"{folder} has {size:,} ids, {written.size:,} were counted")
    if any(before[1] >= after[0] for before, after in pairwise(bounds)):
        raise StoreError(f"{folder}: its parts do not follow each other")
    sha256 = digest_of_parts(parts)
    return PackEntry(
        name, label, size, folder.name, sha256, checksum_of(written.hashes), tuple(parts)
    )


def digest_of_parts(parts: Sequence[PartEntry]) -> str:
    """The SHA-256 of the parts' own, a line each with the name behind it."""
    return digest_of("".join(f"{each.sha256}  {each.file}\n" for each in parts).encode())


def _bounds(path: Path) -> tuple[int, Any, Any]:
    """How many ids a file has, the least and the greatest."""
    try:
        found = pq.read_metadata(path)
        if not found.num_rows:
            return 0, None, None
        groups = [found.row_group(number) for number in range(found.num_row_groups)]
        ends = [group.column(0).statistics for group in groups]
        return found.num_rows, ends[0].min, ends[-1].max
    except (pa.ArrowException, AttributeError, IndexError) as error:
        raise StoreError(f"{path} is not what was written: {error}") from None
