"""A pack's file, wherever it is put: the same ids are the same bytes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import pyarrow as pa
import pyarrow.parquet as pq

from audience.membership import Written
from audience.objects import AnyPath
from audience.store.checksum import checksum
from audience.store.manifest import Manifest, PackEntry

_ROW_GROUP = 1 << 20


@dataclass(frozen=True)
class PackData:
    """A pack to be written.

    ``read`` makes its ids when they are wanted, as all packs together may be larger than memory:
    ascending, each once, of the user table's key type.
    """

    name: str
    label: str
    read: Callable[[], pa.Array]

    @property
    def file(self) -> str:
        """What its file is called."""
        return f"{self.name}.parquet"

    def entry(self, ids: pa.Array, sha256: str) -> PackEntry:
        """What the manifest says of it, once its ids are written as a file of that hash."""
        return PackEntry(self.name, self.label, len(ids), self.file, sha256, checksum(ids))


Write = Callable[[Path], Mapping[str, Written] | None]
"""Writes packs below a folder that it makes: by name, what it wrote; None where it writes none."""


@dataclass(frozen=True)
class Published:
    """What publishing did: the build's folder, and whether it was there already, to the byte."""

    folder: AnyPath
    manifest: Manifest
    unchanged: bool


def write_ids_to(file: IO[bytes], ids: pa.Array, key: str) -> None:
    """Write a pack's ids as Parquet, with a column named ``key``. Raises OSError."""
    # Ascending integers differ by little: deltas take a quarter of what compressors make of them.
    whole = pa.types.is_integer(ids.type)
    pq.write_table(
        pa.table({key: ids}),
        file,
        row_group_size=_ROW_GROUP,
        compression="zstd",
        use_dictionary=False,
        column_encoding={key: "DELTA_BINARY_PACKED" if whole else "DELTA_BYTE_ARRAY"},
        store_schema=True,
    )
