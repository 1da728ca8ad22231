"""Reading what is published."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from audience.errors import NotPublishedError, StoreError, UsageError, nearest
from audience.membership import combined
from audience.objects import REQUESTS, AnyPath, path_of
from audience.rules.reference import Reference, parse_reference
from audience.store.layout import BUILDS
from audience.store.manifest import FILE_NAME, Manifest, PackEntry, digest_of, read_manifest
from audience.store.shelves import shelves
from audience.threads import in_threads

_TRIES = 5
T = TypeVar("T")


@dataclass(frozen=True)
class Build:
    """A published build: its manifest, and the folder that its files are in."""

    folder: AnyPath
    manifest: Manifest

    def entry(self, name: str) -> PackEntry:
        """A pack's entry. Raises NotPublishedError with what there is."""
        entry = self.manifest.pack(name)
        if entry is None:
            names = [each.name for each in self.manifest.packs]
            close = nearest(name, names)
            hint = f"; did you mean {close}?" if close else ""
            raise NotPublishedError(
                f"no pack `{name}` in {self.manifest.name}; there is {', '.join(names)}{hint}"
            )
        return entry

    def ids(self, name: str) -> pa.Array:
        """A pack's ids, ascending. Raises StoreError where a file is not the one published."""
        return read_entry(self.folder, self.entry(name))[0]

    def stored_type(self, name: str) -> pa.DataType:
        """The type that a pack's file stores its ids as. Raises StoreError."""
        path = self.folder / self.entry(name).files[0][0]
        try:
            with path.open("rb") as file:
                return pq.read_schema(file).types[0]
        except (pa.ArrowException, OSError, ValueError) as error:
            raise StoreError(f"cannot read {path}: {error}") from None


@dataclass(frozen=True)
class Listing:
    """All that is published, by campaign, phase and day; what is wrong with builds left out."""

    builds: tuple[Manifest, ...]
    damaged: tuple[str, ...]


@dataclass(frozen=True)
class Side:
    """One side of a comparison: packs of ids by name, and what to call it."""

    title: str
    packs: dict[str, pa.Array]
    labels: dict[str, str]
    is_pack: bool
    key: str
    base: int | None = None
    """Users in its build's base; None of a file that lies alone."""
    origin: AnyPath | None = None
    """Where it lies."""


def find_build(root: AnyPath, reference: Reference) -> tuple[date, AnyPath]:
    """The day and the folder of the build a reference names, the newest where it names no day.

    Raises NotPublishedError, StoreError.
    """
    there = shelves(root)
    found = there.find(reference.campaign, reference.phase, reference.as_of)
    if found is not None:
        return found
    days = there.days(reference.campaign, reference.phase)
    if days:
        known = ", ".join(map(str, days))
        raise NotPublishedError(f"`{reference}` is not published; there is {known}")
    names = [f"{campaign}/{phase}" for campaign, phase in there.phases()]
    wanted = f"{reference.campaign}/{reference.phase}"
    close = nearest(wanted, names)
    hint = f"; did you mean {close}?" if close else ""
    known = ", ".join(names) or "nothing"
    raise NotPublishedError(f"nothing is published of `{wanted}`; there is {known}{hint}")


def open_build(root: AnyPath, reference: Reference) -> Build:
    """The build a reference names. Raises NotPublishedError, StoreError."""
    for _ in range(_TRIES):
        day, folder = find_build(root, reference)
        try:
            manifest = read_manifest(folder)
        except FileNotFoundError:
            # Replaced between the look and the read: look again.
            continue
        except OSError as error:
            told = error.strerror or error
            raise StoreError(f"cannot read {folder / FILE_NAME}: {told}") from None
        for fault in misplaced(manifest, folder, root, replace(reference, as_of=day)):
            raise StoreError(fault)
        return Build(folder, manifest)
    raise StoreError(f"{find_build(root, reference)[1]} has no {FILE_NAME}")


def misplaced(
    manifest: Manifest, folder: AnyPath, root: AnyPath, reference: Reference
) -> Iterator[str]:
    """What is wrong with where a build lies that a reference names."""
    place = (reference.campaign, reference.phase, reference.as_of or manifest.as_of)
    if (manifest.campaign, manifest.phase, manifest.as_of) != place:
        yield f"{folder / FILE_NAME} is of {manifest.name}, not of {reference}"
    own = root / reference.campaign / reference.phase / BUILDS
    if folder.parent != own.resolve():
        yield f"{folder} is not below {own}: a link leads elsewhere"


def newest_with(root: AnyPath, reference: Reference, until: date) -> Reference:
    """The reference with its day: that of the newest build up to a day that has the pack.

    A reference with a day is as it is. Raises NotPublishedError.
    """
    if reference.as_of is not None:
        return reference
    days = shelves(root).days(reference.campaign, reference.phase)
    known = [replace(reference, as_of=day) for day in reversed(days) if day <= until]
    if days and not known:
        there = ", ".join(map(str, days))
        raise NotPublishedError(f"`{reference}` is not published up to {until}; there is {there}")
    for dated in known:
        if open_build(root, dated).manifest.pack(reference.pack):
            return dated
    # Looking it up tells what there is.
    return known[0] if known else reference


def read_pack(root: AnyPath, reference: Reference) -> tuple[Build, pa.Array]:
    """The build and the ids of the pack a reference names. Raises as :func:`open_build`."""
    return _read_build(root, reference, lambda build: (build, build.ids(reference.pack)))


def _read_build(root: AnyPath, reference: Reference, read: Callable[[Build], T]) -> T:
    """What is read of a build; where it is replaced meanwhile, of the one that is there then."""
    for _ in range(_TRIES):
        build = open_build(root, reference)
        try:
            return read(build)
        except StoreError:
            if find_build(root, reference)[1] == build.folder:
                raise
    return read(open_build(root, reference))


def list_all(root: AnyPath) -> Listing:
    """Every published build."""
    there = shelves(root)
    names = [
        Reference(campaign, phase, day, "")
        for campaign, phase in there.phases()
        for day in there.days(campaign, phase)
    ]

    def opened(name: Reference) -> Manifest | StoreError:
        try:
            return open_build(root, name).manifest
        except StoreError as error:
            return error

    found = in_threads(opened, names, REQUESTS)
    return Listing(
        tuple(each for each in found if isinstance(each, Manifest)),
        tuple(str(each) for each in found if isinstance(each, StoreError)),
    )


def read_entry(folder: AnyPath, entry: PackEntry) -> tuple[pa.Array, str]:
    """The ids of a pack of a build's folder, and their column's name. Raises StoreError.

    Each file must be the one that was published.
    """
    return _whole(folder / entry.file, entry.files, folder)


def read_ids(path: AnyPath) -> tuple[pa.Array, str]:
    """The ids of a pack's file, or of a folder of its parts, and their column's name.

    Raises StoreError.
    """
    if not path.is_dir():
        return read_file(path)
    parts = sorted(each.name for each in path.iterdir() if each.suffix == ".parquet")
    if not parts:
        raise StoreError(f"{path} has no Parquet file")
    return _whole(path, [(part, "") for part in parts], path)


def _whole(
    path: AnyPath, files: Sequence[tuple[str, str]], folder: AnyPath
) -> tuple[pa.Array, str]:
    """The ids of files below a folder, each with its SHA-256, that follow each other."""
    found = in_threads(lambda file: read_file(folder / file[0], sha256=file[1]), files)
    columns, names = zip(*found, strict=True)
    if len(set(names)) > 1:
        raise StoreError(f"{path}: the column is `{names[0]}` in one part, another in another")
    kinds = {column.type for column in columns}
    if len(kinds) > 1:
        raise StoreError(f"{path} holds whole numbers in one part, texts in another")
    ids = combined(pa.chunked_array(columns))
    if len(files) > 1:
        _check_once(path, ids)
    return ids, names[0]


def _check_once(path: AnyPath, ids: pa.Array) -> None:
    if not _is_ascending(ids) and len(ids.unique()) != len(ids):
        raise StoreError(f"{path} has ids more than once")


def read_file(path: AnyPath, *, sha256: str = "") -> tuple[pa.Array, str]:
    """The one column of a file, and its name; it must have the SHA-256 given. Raises StoreError."""
    try:
        if not path.is_file() and path.exists():
            raise StoreError(f"{path} is no file")  # to read a pipe is to wait for its writer
        data = path.read_bytes()
        if sha256 and digest_of(data) != sha256:
            raise StoreError(f"{path} is not the file that was published: its SHA-256 differs")
        with pq.ParquetFile(pa.BufferReader(data)) as file:
            table = file.read(use_threads=False)
    except FileNotFoundError:
        raise StoreError(f"{path} is missing") from None
    except (pa.ArrowException, OSError, ValueError) as error:
        raise StoreError(f"cannot read {path}: {' '.join(str(error).split())[:200]}") from None
    if table.num_columns != 1:
        raise StoreError(f"{path} has {table.num_columns} columns, a pack has one")
    column = table.column(0)
    if column.null_count:
        raise StoreError(f"{path} has missing ids")
    if not (pa.types.is_integer(column.type) or _is_text(column.type)):
        raise StoreError(f"{path} holds {column.type}, ids are integers or texts")
    ids = combined(column.cast(pa.large_string() if _is_text(column.type) else pa.int64()))
    _check_once(path, ids)
    return ids, table.column_names[0]


def _is_ascending(ids: pa.Array) -> bool:
    """Whether ids stand as packs are written; then none is there twice."""
    return len(ids) < 2 or bool(pc.all(pc.less(ids[:-1], ids[1:])).as_py())


def open_side(root: AnyPath | None, text: str) -> Side:
    """A pack or a build, by path or, below a project's packs, by name.

    Raises NotPublishedError, StoreError, UsageError.
    """
    path = given_path(text)
    try:
        found = _open_path(path, text)
    except OSError as error:
        raise StoreError(f"cannot read {text}: {error.strerror or error}") from None
    if found is not None:
        return found
    reference = parse_reference(text)
    if root is None:
        raise UsageError(f"`{text}` is no path here, and without a project names mean nothing")
    return _read_build(root, reference, lambda build: _side(build, reference.pack))


def given_path(text: str) -> AnyPath:
    """A path that a caller gave. Raises UsageError where there can be none."""
    try:
        return path_of(text, Path())
    except ValueError as error:
        raise UsageError(f"`{text}`: {error}") from None


def _open_path(path: AnyPath, text: str) -> Side | None:
    """A pack or a build by its path; None where there is none, and it may be a name."""
    if path.is_file() or (path.suffix == ".parquet" and path.is_dir()):
        entry = _published_entry(path)
        ids, key = read_entry(path.parent, entry) if entry else read_ids(path)
        return Side(text, {path.stem: ids}, {}, True, key, None, path.resolve())
    if (path / FILE_NAME).is_file():
        folder = path.resolve()
        return _side(Build(folder, read_manifest(folder)), "")
    if path.suffix == ".parquet" or text.startswith((".", "/", "s3://")):
        raise UsageError(
            f"there is no `{text}`; expected a pack's file, a build's folder or a name"
        )
    return None


def _published_entry(path: AnyPath) -> PackEntry | None:
    """What the manifest beside a pack's file says of it; None of a file that lies alone.

    Raises StoreError where the manifest has no such pack.
    """
    if not (path.parent / FILE_NAME).is_file():
        return None
    for entry in read_manifest(path.parent).packs:
        if entry.file == path.name:
            return entry
    raise StoreError(f"{path} was not published: the manifest beside it has no such pack")


def _side(build: Build, pack: str) -> Side:
    manifest = build.manifest
    names = [build.entry(pack).name] if pack else [entry.name for entry in manifest.packs]
    title = manifest.name + (f"/{pack}" if pack else "")
    labels = {entry.name: entry.label for entry in manifest.packs if entry.name in names}
    ids = dict(zip(names, in_threads(build.ids, names), strict=True))
    return Side(title, ids, labels, bool(pack), manifest.key, manifest.base_size, build.folder)


def _is_text(kind: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )
