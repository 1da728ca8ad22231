"""Publishing into folders: a whole build becomes visible in one step, or not at all.

Files are written to a folder of their own that nobody looks into, flushed to the disk, and then
one symbolic link is renamed into place. A crash before the rename leaves the last build, a crash
after it the new one.
"""

from __future__ import annotations

import filecmp
import os
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from filelock import FileLock, Timeout

from audience import private
from audience.errors import BusyError, StoreError
from audience.private import OWNER, Access
from audience.rules.reference import Reference
from audience.store.layout import BUILDS, LATEST, days_of, phase_folder
from audience.store.manifest import FILE_NAME, SUMMARY_NAME, Manifest, PackEntry, digest_of
from audience.store.packs import PackData, Published, Write, write_ids_to
from audience.store.parts import take_parts
from audience.threads import in_threads

_LOCK = ".lock"
_SCRATCH = ".parts"


@contextmanager
def campaign_lock(root: Path, campaign: str, access: Access = OWNER) -> Iterator[None]:
    """Hold a campaign for writing. Raises BusyError at once where another process holds it.

    The lock is the operating system's: it is free when its holder is gone, however it went.
    """
    folder = root / campaign
    _make_folders(folder, root, access)
    lock = FileLock(folder / _LOCK, timeout=0, mode=access.file)
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
    access: Access = OWNER,
    write: Write | None = None,
) -> Published:
    """Publish a build. ``manifest`` has no packs yet: their entries come from the files written.

    ``write`` may have written the packs' files itself, below the folder it is given.

    The build that is replaced stays until the next one is published, for those who are reading
    it. Raises StoreError, and then what was published before is as it was.
    """
    folder = phase_folder(root, manifest.campaign, manifest.phase)
    draft = folder / BUILDS / f".draft-{uuid.uuid4().hex}"
    _make_folders(draft.parent, root, access)
    try:
        private.make_folder(draft, access)
        try:
            return _publish(folder, draft, manifest, packs, summary, access, write)
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
    access: Access,
    write: Write | None,
) -> Published:
    for link in (folder / str(manifest.as_of), folder / LATEST):
        if os.path.lexists(link) and not link.is_symlink():
            raise StoreError(f"{link} is in the way: it is no link that this program made")
    scratch = draft / _SCRATCH
    written = (write(scratch) if write else None) or {}

    def enter(pack: PackData) -> PackEntry:
        if pack.name in written:
            return take_parts(draft, pack.name, pack.label, written[pack.name], access)
        return _write_pack(draft, pack, manifest.key, access)

    # Two at a time: one waits for the disk while the other is encoded.
    entries = in_threads(enter, packs)
    shutil.rmtree(scratch, ignore_errors=True)
    whole = replace(manifest, packs=tuple(entries), summary=digest_of(summary.encode()))
    text = whole.to_json().encode()
    private.write(draft / SUMMARY_NAME, summary.encode(), access)
    private.write(draft / FILE_NAME, text, access)
    private.flush_folder(draft)
    final = folder / BUILDS / f"{manifest.as_of}.{digest_of(text)[:16]}"
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
        private.flush_folder(final.parent)
        _point(link, f"{BUILDS}/{final.name}")
    newest = days_of(folder)[-1]
    if os.path.realpath(folder / LATEST) != os.path.realpath(folder / str(newest)):
        _point(folder / LATEST, str(newest))
    sweep(folder, spared=published)
    return Published(final, whole, unchanged)


def _write_pack(draft: Path, pack: PackData, key: str, access: Access) -> PackEntry:
    ids = pack.read()
    path = draft / pack.file
    with private.create(path, access) as file:
        write_ids_to(file, ids, key)
        private.flush(file)
    return pack.entry(ids, digest_of(path.read_bytes()))


def _make_folders(folder: Path, root: Path, access: Access) -> None:
    """Make a folder below the packs' own. Raises StoreError.

    Links are not followed: what is published lies below that folder and nowhere else.
    """
    for each in (folder, *folder.parents):
        if each == root:
            break
        if each.is_symlink():
            raise StoreError(f"{each} is a symbolic link; packs are published into folders only")
    try:
        private.make_folders(folder, access)
    except OSError as error:
        raise StoreError(f"cannot make {folder}: {error.strerror or error}") from None


def _point(link: Path, target: str) -> None:
    """Make a link point at its target, in one step: the commit."""
    draft = link.parent / BUILDS / f".link-{uuid.uuid4().hex}"
    # A link is read relative to where it stands, so it is made for its final place.
    draft.symlink_to(target)
    draft.replace(link)
    private.flush_folder(link.parent)


def remove(root: Path, builds: Sequence[Reference]) -> None:
    """Remove builds of campaigns that are locked, each in one step: first its link goes.

    The newest build of a phase can't be removed this way: `latest` leads to it. Raises
    StoreError.
    """
    for build in builds:
        folder = phase_folder(root, build.campaign, build.phase)
        if build.as_of == days_of(folder)[-1]:
            raise StoreError(f"{build} is the newest build of its phase")
        try:
            (folder / str(build.as_of)).unlink()
            private.flush_folder(folder)
            sweep(folder)
        except OSError as error:
            raise StoreError(f"cannot remove {build}: {error.strerror or error}") from None


def _target(link: Path) -> Path | None:
    return link.parent / link.readlink() if link.is_symlink() else None


def _same_files(one: Path, other: Path) -> bool:
    """Whether two folders hold the same, to the byte."""
    if not one.is_dir():
        return False
    names = _names_below(other)
    # What is read in pieces may be larger than memory.
    return names == _names_below(one) and all(
        filecmp.cmp(one / name, other / name, shallow=False) for name in names
    )


def _names_below(folder: Path) -> list[Path]:
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir())


def sweep(folder: Path, *, spared: Path | None = None) -> None:
    """Remove builds that nothing points at any more, and what crashed runs have left."""
    links = [folder / str(day) for day in days_of(folder)]
    kept = {link.readlink().name for link in links if link.is_symlink()}
    if spared is not None:
        kept.add(spared.name)
    for entry in (folder / BUILDS).iterdir():
        if entry.name in kept:
            continue
        if entry.is_symlink() or entry.is_file():
            entry.unlink(missing_ok=True)
        else:
            shutil.rmtree(entry, ignore_errors=True)
