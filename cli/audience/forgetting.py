"""Forgetting: people taken out of everything that is published and kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from audience.engine.lists import LIST_SUFFIXES, read_list
from audience.errors import DataError, StoreError, UsageError, masked
from audience.insight.summary import read_summary, recounted
from audience.membership import common_counts
from audience.redaction import without_ids
from audience.rules.project import Project
from audience.rules.reference import Reference
from audience.store.manifest import SUMMARY_NAME, Manifest, to_json
from audience.store.packs import PackData
from audience.store.read import Build, open_build
from audience.store.shelves import Writer, shelves


@dataclass(frozen=True)
class Forgotten:
    """What was done: for how many people of those named, in which builds, out of how many packs.

    ``builds`` are the names of builds that were replaced, each with the SHA-256 of its manifest
    now: they had somebody in a pack or in a rule's text. ``failed`` says which builds could not be
    read, and why.
    """

    asked: int
    found: int
    packs: int
    builds: dict[str, str]
    failed: tuple[str, ...]


def forget(project: Project, ids: Sequence[str]) -> Forgotten:
    """Take people out of every published pack, replaced builds, drafts and the cache.

    Each build is replaced in one step by one without them; what it was made from stays as it was,
    but for their ids in its texts: rules, variables, labels. A build that can't be read is left,
    and told. Raises BusyError, StoreError, UsageError, also where an id can be nobody's.
    """
    wanted = tuple(dict.fromkeys(ids))
    if not wanted or not all(each.strip() for each in wanted):
        raise UsageError("whom? expected at least one id, and none that is empty")
    there = shelves(project.packs)
    found: set[str] = set()
    builds: dict[str, str] = {}
    failed: list[str] = []
    packs = 0
    with ExitStack() as locks:
        places = there.begun()
        writers: dict[str, Writer] = {}
        for campaign in sorted({campaign for campaign, _ in places}):
            writers[campaign] = locks.enter_context(there.writing(campaign, project.access))
        _check(project, wanted)
        for campaign, phase in places:
            for day in there.days(campaign, phase):
                try:
                    build = open_build(project.packs, Reference(campaign, phase, day, ""))
                    held, count, manifest = _forget(writers[campaign], build, wanted)
                except StoreError as error:
                    failed.append(str(error))
                    continue
                if manifest is not None:
                    builds[manifest.name] = manifest.sha256
                    packs += count
                    found |= held
            try:
                writers[campaign].clear(phase)
            except StoreError as error:
                failed.append(str(error))
    if project.cache.exists():
        try:
            shutil.rmtree(project.cache)
        except OSError as error:
            failed.append(f"cannot remove {project.cache}: {error.strerror or error}")
    return Forgotten(len(wanted), len(found), packs, builds, tuple(failed))


def _check(project: Project, wanted: Sequence[str]) -> None:
    """Refuse what can be nobody's id: who is looked for in vain is not forgotten."""
    if _has_whole_keys(project):
        for each in wanted:
            if not _is_whole(each):
                raise UsageError(f"`{masked(each)}` is nobody's id: keys are whole numbers here")


def ids_in(project: Project, path: Path, column: str) -> list[str]:
    """The ids in a list, read as suppress lists are. Raises DataError, UsageError."""
    if path.suffix.lower() not in LIST_SUFFIXES:
        known = ", ".join(LIST_SUFFIXES)
        raise UsageError(f"{path}: ids are read from {known} files")
    whole = _has_whole_keys(project)
    try:
        return [str(each) for each in read_list(path, column, whole=whole).ids.to_pylist()]
    except DataError as error:
        raise DataError(f"the list `{path}`: {error}") from None


def _has_whole_keys(project: Project) -> bool:
    """Whether all that is published is of whole numbers."""
    whole, there = [], shelves(project.packs)
    for campaign, phase in there.phases():
        for day in there.days(campaign, phase):
            try:
                build = open_build(project.packs, Reference(campaign, phase, day, ""))
                whole += [
                    pa.types.is_integer(build.stored_type(entry.name))
                    for entry in build.manifest.packs[:1]
                ]
            except StoreError:
                continue  # told where people are taken out of it
    return bool(whole) and all(whole)


def _forget(
    writer: Writer, build: Build, wanted: Sequence[str]
) -> tuple[set[str], int, Manifest | None]:
    """Publish a build anew without some people: whom it had, in how many packs, its manifest now.

    None in its place where the build has nobody of them.
    """
    ids = {entry.name: build.ids(entry.name) for entry in build.manifest.packs}
    held: set[str] = set()
    left, count = {}, 0
    for name, each in ids.items():
        chosen = pc.is_in(each, value_set=_as_keys(wanted, each.type))
        mine = {str(one) for one in each.filter(chosen).to_pylist()}
        left[name] = each.filter(pc.invert(chosen)) if mine else each
        held |= mine
        count += bool(mine)
    old = build.manifest
    path = build.folder / SUMMARY_NAME
    try:
        summary = read_summary(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} is damaged: {error}") from None
    manifest, relabelled = without_ids(old, summary, wanted)
    if not held and (manifest, relabelled) == (old, summary):
        return held, 0, None
    base = old.base_size - len(held)
    pairs = list(combinations(left, 2))
    counts = common_counts([(left[one], left[other]) for one, other in pairs])
    both = dict(zip(pairs, counts, strict=True))
    both |= {(other, one): count for (one, other), count in both.items()}
    sizes = {name: len(each) for name, each in left.items()}
    kept = replace(
        manifest,
        base_size=base,
        packs=(),
        forgotten=manifest.forgotten + len(held),
    )
    packs = [
        PackData(entry.name, entry.label, partial(_as_stored, left[entry.name], build, entry.name))
        for entry in manifest.packs
    ]
    text = to_json(recounted(relabelled, base, sizes, both).to_dict())
    published = writer.publish(kept, packs, text)
    return held, count, published.manifest


def _as_stored(ids: pa.Array, build: Build, pack: str) -> pa.Array:
    """Ids in the type that a pack's file stores them as."""
    return ids.cast(build.stored_type(pack))


def _as_keys(wanted: Sequence[str], kind: pa.DataType) -> pa.Array:
    """Ids as they were typed, as keys of a type; those that can be none are nobody's."""
    if not pa.types.is_integer(kind):
        return pa.array(wanted, kind)
    numbers = [int(each) for each in wanted if _is_whole(each)]
    return pa.array([each for each in numbers if -(2**63) <= each < 2**63], kind)


def _is_whole(text: str) -> bool:
    digits = text.removeprefix("-")
    return digits.isascii() and digits.isdigit()
