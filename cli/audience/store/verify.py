"""Verifying: every file of a build against its SHA-256, the manifest against itself."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from audience.errors import StoreError, UsageError
from audience.rules.reference import Reference, parse_reference
from audience.store.checksum import checksum_of, sum_of_hashes
from audience.store.layout import BUILDS, LATEST, find_build, named_days, phase_folder, places
from audience.store.manifest import (
    FILE_NAME,
    SUMMARY_NAME,
    Manifest,
    PackEntry,
    digest_of,
    read_manifest,
)
from audience.store.parts import digest_of_parts
from audience.store.read import misplaced, read_file

_TRIES = 5


@dataclass(frozen=True)
class Verified:
    """A build that was looked at: how many packs and users it has, and what is wrong with it.

    Where it is damaged, packs and users are those that were whole.
    """

    build: str
    packs: int
    users: int
    faults: tuple[str, ...]


def verify(root: Path | None, names: Sequence[str] = ()) -> Iterator[Verified]:
    """Hold builds, by default all that are published, against their manifests.

    A name is ``campaign/phase[@as_of][/pack]`` or a build's folder. Raises NotPublishedError,
    UsageError.
    """
    if root is not None and not names:
        for campaign, phase in places(root):
            folder = phase_folder(root, campaign, phase)
            # A file that is called like a day is nobody's build.
            days = [day for day in named_days(folder) if _is_entry(folder / str(day))]
            for day in days:
                found = _verify(root, Reference(campaign, phase, day, ""))
                faults = _faults_around(folder, days) if day == days[-1] else ()
                yield replace(found, faults=(*found.faults, *faults))
    for name in names:
        folder = Path(name)
        if (folder / FILE_NAME).is_file():
            yield _verify_folder(name, folder, None)
        elif root is None:
            raise UsageError(f"`{name}` is no build's folder, and without a project names nothing")
        else:
            yield _verify(root, parse_reference(name))


def _is_entry(path: Path) -> bool:
    return path.is_symlink() or path.is_dir()


def _faults_around(folder: Path, days: Sequence[date]) -> Iterator[str]:
    """What is wrong in a phase's folder beside its builds."""
    latest = folder / LATEST
    # A run that was killed may have left it behind the newest build, or not made it yet.
    if os.path.lexists(latest):
        goal = str(latest.readlink()) if latest.is_symlink() else "no link"
        if goal not in map(str, days):
            yield f"{latest} leads to no build of this phase: {goal}"
    known = {LATEST, BUILDS, *map(str, days)}
    for path in sorted(folder.iterdir()):
        if path.name not in known:
            yield f"{path} was not published"


def _verify(root: Path, reference: Reference) -> Verified:
    folder = phase_folder(root, reference.campaign, reference.phase)
    for _ in range(_TRIES):
        link = folder / str(reference.as_of)
        if link.is_symlink() and not link.is_dir():
            return Verified(str(reference), 0, 0, (f"{link} leads to {link.readlink()}: nothing",))
        found = find_build(root, reference)
        verified = _verify_folder(str(reference), found, (root, reference))
        if not verified.faults or found.exists():
            break
        # Replaced while it was looked at: look at the one that is there now.
    return verified


def _verify_folder(name: str, folder: Path, place: tuple[Path, Reference] | None) -> Verified:
    try:
        manifest = read_manifest(folder)
    except OSError as error:
        fault = f"{folder / FILE_NAME} cannot be read: {error.strerror or error}"
        return Verified(name, 0, 0, (fault,))
    except StoreError as error:
        return Verified(name, 0, 0, (str(error),))
    faults = [] if place is None else list(misplaced(manifest, folder, *place))
    reference = place[1] if place else None
    entries = manifest.packs
    if reference is not None and reference.pack:
        entries = tuple(each for each in entries if each.name == reference.pack)
        if not entries:
            faults.append(f"{folder / FILE_NAME} has no pack `{reference.pack}`")
    else:
        faults += _faults_beside(manifest, folder)
    users = packs = 0
    for entry in entries:
        try:
            _verify_pack(folder, entry, manifest.key)
        except StoreError as error:
            faults.append(str(error))
        else:
            packs, users = packs + 1, users + entry.size
    return Verified(name, packs, users, tuple(faults))


def _faults_beside(manifest: Manifest, folder: Path) -> Iterator[str]:
    """The summary, and files that nobody published."""
    summary = folder / SUMMARY_NAME
    try:
        if digest_of(summary.read_bytes()) != manifest.summary:
            yield f"{summary} is not the file that was published: its SHA-256 differs"
    except FileNotFoundError:
        yield f"{summary} is missing"
    except OSError as error:
        yield f"cannot read {summary}: {error.strerror or error}"
    known = {FILE_NAME, SUMMARY_NAME, *(entry.file for entry in manifest.packs)}
    for path in sorted(folder.iterdir()):
        if path.name not in known:
            yield f"{path} was not published"


def _verify_parts(path: Path, entry: PackEntry) -> None:
    """Raises StoreError."""
    if not path.is_dir():
        raise StoreError(f"{path} is missing")
    known = {part.file for part in entry.parts}
    for each in sorted(path.iterdir()):
        if each.name not in known:
            raise StoreError(f"{each} was not published")
    if digest_of_parts(entry.parts) != entry.sha256:
        raise StoreError(f"{path}: the manifest has another SHA-256 of its parts")


def _verify_pack(folder: Path, entry: PackEntry, key: str) -> None:
    """Raises StoreError."""
    path = folder / entry.file
    for place in {path, *(folder / file for file, _ in entry.files)}:
        if place.is_symlink():
            raise StoreError(f"{place} is a symbolic link, not the file that was published")
    if entry.parts:
        _verify_parts(path, entry)
    size, hashes, last = 0, 0, None
    # File by file: together they may be larger than memory.
    for file, sha256 in entry.files:
        ids, name = read_file(folder / file, sha256=sha256)
        if name != key:
            raise StoreError(f"{path} has a column `{name}`, the manifest says `{key}`")
        if len(ids) and last is not None and ids[0].as_py() <= last:
            raise StoreError(f"{path}: its parts do not follow each other")
        last = ids[-1].as_py() if len(ids) else last
        size, hashes = size + len(ids), hashes + sum_of_hashes(ids)
    if size != entry.size:
        raise StoreError(f"{path} has {size:,} ids, the manifest says {entry.size:,}")
    if checksum_of(hashes) != entry.ids:
        raise StoreError(f"{path} has other ids than the manifest says: their checksum differs")
