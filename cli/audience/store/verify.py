"""Verifying: every file of a build against its SHA-256, the manifest against itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from audience.errors import StoreError, UsageError
from audience.objects import AnyPath
from audience.rules.reference import Reference, parse_reference
from audience.store.checksum import checksum_of, sum_of_hashes
from audience.store.manifest import (
    FILE_NAME,
    SUMMARY_NAME,
    Manifest,
    PackEntry,
    digest_of,
    read_manifest,
)
from audience.store.parts import digest_of_parts
from audience.store.read import find_build, given_path, misplaced, read_file
from audience.store.shelves import shelves

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


def verify(root: AnyPath | None, names: Sequence[str] = ()) -> Iterator[Verified]:
    """Hold builds, by default all that are published, against their manifests.

    A name is ``campaign/phase[@as_of][/pack]`` or a build's folder. Raises NotPublishedError,
    StoreError, UsageError.
    """
    if root is not None and not names:
        there = shelves(root)
        for campaign, phase, days in there.entries():
            for day in days:
                found = _verify(root, Reference(campaign, phase, day, ""))
                last = day == days[-1]
                faults = there.faults_around(campaign, phase, days) if last else ()
                yield replace(found, faults=(*found.faults, *faults))
    for name in names:
        folder = _folder_named(name)
        if folder is not None:
            yield _verify_folder(name, folder, None)
        elif root is None:
            raise UsageError(f"`{name}` is no build's folder, and without a project names nothing")
        else:
            yield _verify(root, parse_reference(name))


def _folder_named(name: str) -> AnyPath | None:
    """A build's folder, by its path; None of a name."""
    folder = given_path(name)
    try:
        return folder if (folder / FILE_NAME).is_file() else None
    except OSError as error:
        raise StoreError(f"cannot read {name}: {error.strerror or error}") from None


def _verify(root: AnyPath, reference: Reference) -> Verified:
    for _ in range(_TRIES):
        fault = reference.as_of and shelves(root).entry_fault(
            reference.campaign, reference.phase, reference.as_of
        )
        if fault:
            return Verified(str(reference), 0, 0, (fault,))
        found = find_build(root, reference)[1]
        verified = _verify_folder(str(reference), found, (root, reference))
        if not verified.faults or found == find_build(root, reference)[1]:
            break
        # Replaced while it was looked at: look at the one that is there now.
    return verified


def _verify_folder(name: str, folder: AnyPath, place: tuple[AnyPath, Reference] | None) -> Verified:
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
        except OSError as error:
            faults.append(f"cannot read {folder / entry.file}: {error.strerror or error}")
        else:
            packs, users = packs + 1, users + entry.size
    return Verified(name, packs, users, tuple(faults))


def _faults_beside(manifest: Manifest, folder: AnyPath) -> Iterator[str]:
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
    try:
        found = sorted(each.name for each in folder.iterdir())
    except OSError as error:
        yield f"cannot read {folder}: {error.strerror or error}"
        return
    for name in found:
        if name not in known:
            yield f"{folder / name} was not published"


def _verify_parts(path: AnyPath, entry: PackEntry) -> None:
    """Raises StoreError."""
    if not path.is_dir():
        raise StoreError(f"{path} is missing")
    known = {part.file for part in entry.parts}
    for name in sorted(each.name for each in path.iterdir()):
        if name not in known:
            raise StoreError(f"{path / name} was not published")
    if digest_of_parts(entry.parts) != entry.sha256:
        raise StoreError(f"{path}: the manifest has another SHA-256 of its parts")


def _verify_pack(folder: AnyPath, entry: PackEntry, key: str) -> None:
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
