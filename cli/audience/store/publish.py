"""Publishing: a whole build becomes visible in one step, or not at all.

Files are written to a folder of their own that nobody looks into, flushed to the disk, and then
one symbolic link is renamed into place. A crash before the rename leaves the last build, a crash
after it the new one.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock, Timeout

from audience.errors import BusyError, StoreError
from audience.store.checksum import checksum
from audience.store.layout import BUILDS, LATEST, days_of, phase_folder
from audience.store.manifest import FILE_NAME, SUMMARY_NAME, Manifest, PackEntry
from audience.threads import in_threads

_ROW_GROUP = 1 << 20
_FILE_MODE = 0o600
_FOLDER_MODE = 0o700


@dataclass(frozen=True)
class PackData:
    """A pack to be written.

    ``read`` makes its ids when they are wanted, as all packs together may be larger than memory:
    ascending, each once, of the user table's key type.
    """

    name: str
    label: str
    read: Callable[[], pa.Array]


@dataclass(frozen=True)
class Published:
    """What publishing did: the build's folder, and whether it was there already, to the byte."""

    folder: Path
    manifest: Manifest
    unchanged: bool


@contextmanager
def campaign_lock(root: Path, campaign: str) -> Iterator[None]:
    """Hold a campaign for writing. Raises BusyError at once where another process holds it.

    The lock is the operating system's: it is free when its holder is gone, however it went.
    """
    folder = root / campaign
    _make_folder(folder)
    lock = FileLock(folder / ".lock", timeout=0, mode=_FILE_MODE)
    try:
        lock.acquire()
    except Timeout:
        raise BusyError(f"campaign `{campaign}` is being published by another process") from None
    except OSError as error:
        raise StoreError(f"cannot write {folder}: {error.strerror or error}") from None
    try:
        yield
    finally:
        lock.release()


def publish(
    root: Path,
    manifest: Manifest,
    packs: Sequence[PackData],
    summary: str,
) -> Published:
    """Publish a build. ``manifest`` has no packs yet: their entries come from the files written.

    Raises StoreError, and then what was published before is as it was.
    """
    folder = phase_folder(root, manifest.campaign, manifest.phase)
    builds = folder / BUILDS
    draft = builds / f".draft-{uuid.uuid4().hex}"
    try:
        _make_folder(builds)
        draft.mkdir(_FOLDER_MODE)
        try:
            return _publish(folder, draft, manifest, packs, summary)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise StoreError(f"cannot publish to {folder}: {error.strerror or error}") from None


def _publish(
    folder: Path,
    draft: Path,
    manifest: Manifest,
    packs: Sequence[PackData],
    summary: str,
) -> Published:
    for link in (folder / str(manifest.as_of), folder / LATEST):
        if os.path.lexists(link) and not link.is_symlink():
            raise StoreError(f"{link} is in the way: it is no link that this program made")
    # Two at a time: one waits for the disk while the other is encoded.
    entries = in_threads(lambda pack: _write_pack(draft, pack, manifest.key), packs)
    whole = replace(manifest, packs=tuple(entries))
    text = whole.to_json().encode()
    _write(draft / SUMMARY_NAME, summary.encode())
    _write(draft / FILE_NAME, text)
    _flush_folder(draft)
    fingerprint = hashlib.sha256(text + summary.encode()).hexdigest()[:16]
    final = folder / BUILDS / f"{manifest.as_of}.{fingerprint}"
    link = folder / str(manifest.as_of)
    published = _target(link)
    unchanged = published is not None and _same_files(published, draft)
    if published is not None and unchanged:
        final = published
    else:
        if final.exists():
            # A leftover, or a build whose files were changed since: readers may still be in it.
            final = final.with_name(f"{final.name}.{uuid.uuid4().hex[:8]}")
        draft.rename(final)
        _flush_folder(final.parent)
        _point(link, f"{BUILDS}/{final.name}")
    newest = days_of(folder)[-1]
    if os.path.realpath(folder / LATEST) != os.path.realpath(folder / str(newest)):
        _point(folder / LATEST, str(newest))
    _sweep(folder)
    return Published(final, whole, unchanged)


def _write_pack(draft: Path, pack: PackData, key: str) -> PackEntry:
    name = f"{pack.name}.parquet"
    ids = pack.read()
    table = pa.table({key: ids})
    # Ascending integers differ by little: deltas take a quarter of what compressors make of them.
    whole = pa.types.is_integer(ids.type)
    encoding = "DELTA_BINARY_PACKED" if whole else "DELTA_BYTE_ARRAY"
    path = draft / name
    with _create(path) as file:
        pq.write_table(
            table,
            file,
            row_group_size=_ROW_GROUP,
            compression="zstd",
            use_dictionary=False,
            column_encoding={key: encoding},
            store_schema=True,
        )
        file.flush()
        os.fsync(file.fileno())
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return PackEntry(pack.name, pack.label, len(ids), name, digest, checksum(ids))


def _create(path: Path) -> Any:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _FILE_MODE), "wb")


def _write(path: Path, data: bytes) -> None:
    with _create(path) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _make_folder(folder: Path) -> None:
    """Make a folder and those above it, for the owner alone."""
    try:
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        for each in reversed(missing):
            each.mkdir(_FOLDER_MODE, exist_ok=True)
            _flush_folder(each.parent)
    except OSError as error:
        raise StoreError(f"cannot make {folder}: {error.strerror or error}") from None


def _flush_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _point(link: Path, target: str) -> None:
    """Make a link point at its target, in one step: the commit."""
    draft = link.parent / BUILDS / f".link-{uuid.uuid4().hex}"
    # A link is read relative to where it stands, so it is made for its final place.
    draft.symlink_to(target)
    draft.replace(link)
    _flush_folder(link.parent)


def _target(link: Path) -> Path | None:
    return link.parent / link.readlink() if link.is_symlink() else None


def _same_files(one: Path, other: Path) -> bool:
    names = sorted(path.name for path in other.iterdir())
    return (
        one.is_dir()
        and sorted(path.name for path in one.iterdir()) == names
        and all((one / name).read_bytes() == (other / name).read_bytes() for name in names)
    )


def _sweep(folder: Path) -> None:
    """Remove builds that nothing points at any more, and what crashed runs have left."""
    links = [folder / str(day) for day in days_of(folder)]
    kept = {link.readlink().name for link in links if link.is_symlink()}
    for entry in (folder / BUILDS).iterdir():
        if entry.name in kept:
            continue
        if entry.is_symlink():
            entry.unlink(missing_ok=True)
        else:
            shutil.rmtree(entry, ignore_errors=True)
