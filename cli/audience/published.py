"""What is published: listed, shown, verified, compared, and written for others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from audience.errors import UsageError
from audience.given import several
from audience.insight.diff import BuildDiff, compare
from audience.lists import suppressed_ids
from audience.objects import is_below
from audience.private import OWNER
from audience.rules.project import Project
from audience.rules.reference import parse_reference
from audience.store import verify as verifying
from audience.store.export import write_ids
from audience.store.read import Build, Listing, list_all, open_build, open_side, read_pack
from audience.store.verify import Verified


def list_builds(project: Project) -> Listing:
    """The manifests of all that is published, by campaign, phase and day."""
    return list_all(project.packs)


def verify(project: Project | None, names: str | Sequence[str] = ()) -> tuple[Verified, ...]:
    """Published builds, by default all, held against their manifests, file by file.

    A name is ``campaign/phase[@as_of][/pack]`` or a build's folder, which needs no project.
    Raises NotPublishedError, UsageError.
    """
    if project is None and not names:
        raise UsageError("without a project there is nothing to verify but folders that are named")
    return tuple(verifying.verify(project.packs if project else None, several(names)))


def show(project: Project, name: str) -> tuple[Build, str]:
    """The build that ``campaign/phase[@as_of][/pack]`` names, and the pack ('' for none)."""
    reference = parse_reference(name)
    found = open_build(project.packs, reference)
    if reference.pack:
        found.entry(reference.pack)
    return found, reference.pack


def members(project: Project, name: str, count: int | None = None) -> pa.Array:
    """The first so many ids, or all, of the pack that ``campaign/phase[@as_of]/pack`` names.

    Nobody who is on the project's suppress lists by now is among them. Raises NotPublishedError,
    StoreError, DataError, UsageError.
    """
    reference = parse_reference(name)
    if not reference.pack:
        raise UsageError(f"`{name}` names a build, expected a pack: {name}/…")
    ids = read_pack(project.packs, reference)[1]
    ids = _without(_suppressed(project, ids.type), ids)
    return ids if count is None else ids[:count]


@dataclass(frozen=True)
class Exported:
    """What left the program: of which build's pack, how many ids, how many suppressed ones less."""

    build: str
    ids: int
    left_out: int


def export(project: Project, name: str, path: Path) -> Exported:
    """Write a published pack's ids to a file: Parquet, CSV or text.

    Nobody who is on the project's suppress lists by now is among them. Raises as
    :func:`members`.
    """
    build, pack = show(project, name)
    ids = members(project, name)
    write_ids(path, ids, build.manifest.key, project.access)
    left_out = build.entry(pack).size - len(ids)
    return Exported(f"{build.manifest.name}/{pack}", len(ids), left_out)


def _suppressed(project: Project | None, kind: pa.DataType) -> pa.Array | None:
    """The ids that must not leave the program, of the keys' type; None where there are no lists."""
    if project is None or not project.suppress:
        return None
    listed = suppressed_ids(project, whole=pa.types.is_integer(kind))
    return None if listed is None else listed.cast(kind)


def _without(suppressed: pa.Array | None, ids: pa.Array) -> pa.Array:
    if suppressed is None:
        return ids
    return ids.filter(pc.invert(pc.is_in(ids, value_set=suppressed)))


def diff(project: Project | None, old: str, new: str) -> BuildDiff:
    """Two published packs or builds, by name or by path; a project is needed for names only."""
    sides = [open_side(project.packs if project else None, text) for text in (old, new)]
    if sides[0].is_pack != sides[1].is_pack:
        raise UsageError("a pack can only be compared with a pack, a build with a build")
    labels = {**sides[0].labels, **sides[1].labels}
    one, two = sides
    return compare(
        one.title,
        one.packs,
        two.title,
        two.packs,
        labels,
        pair=one.is_pack,
        key=two.key,
        bases=(one.base, two.base),
        origins=(one.origin, two.origin),
    )


def write_diff(project: Project | None, found: BuildDiff, folder: Path) -> int:
    """Write each pack's kept, added and removed ids below a folder; how many files that were.

    Nobody on the project's suppress lists is among them: what is not below the project's packs
    belongs to lists that are not known here. Raises StoreError, DataError, UsageError.
    """
    for origin in found.origins:
        if origin is None:
            continue
        if project is None or not is_below(origin, project.packs.resolve()):
            raise UsageError(
                f"{origin} was not published by "
                f"{'this project' if project else 'a project that is known here'}: whoever opted "
                "out since can't be left out; --project names the project that published it"
            )
    access = project.access if project else OWNER
    suppressed = _suppressed(project, found.key_type)
    count = 0
    for pack in found.packs:
        for part, ids in found.ids(pack).items():
            name = pack.new if pack.old == pack.new else f"{pack.old}--{pack.new}"
            path = folder / name / f"{part}.parquet"
            write_ids(path, _without(suppressed, ids), found.key, access)
            count += 1
    return count
