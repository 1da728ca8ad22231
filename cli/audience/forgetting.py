"""Forgetting: people taken out of everything that is published and kept."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations

import pyarrow as pa
import pyarrow.compute as pc

from audience.errors import Location, Source, StoreError, UsageError
from audience.insight.summary import read_summary, recounted
from audience.membership import common_counts
from audience.rules.project import Project
from audience.rules.reference import Reference
from audience.rules.source import Mapping, Node, Scalar, parse
from audience.rules.source import Sequence as Items
from audience.store.layout import days_of, phase_folder, phases
from audience.store.manifest import SUMMARY_NAME, RuleText, to_json
from audience.store.publish import PackData, campaign_lock, publish, sweep
from audience.store.read import Build, open_build

_BREAK = re.compile("(\r\n|\r|\n)")
_GONE = "forgotten"
"""What stands in the place of an id in a rule's text."""


@dataclass(frozen=True)
class Forgotten:
    """What was done: for how many people of those named, in which builds, out of how many packs.

    ``failed`` says which builds could not be read, and why.
    """

    asked: int
    found: int
    packs: int
    builds: tuple[str, ...]
    failed: tuple[str, ...]


def forget(project: Project, ids: Sequence[str]) -> Forgotten:
    """Take people out of every published pack, replaced builds and the cache.

    Each build is replaced in one step by one without them; what it was made from stays as it was,
    but for their ids in the texts of its rules. A build that can't be read is left, and told.
    Raises BusyError, StoreError, UsageError.
    """
    wanted = tuple(dict.fromkeys(ids))
    if not wanted or not all(each.strip() for each in wanted):
        raise UsageError("whom? expected at least one id, and none that is empty")
    root = project.packs
    found: set[str] = set()
    builds: list[str] = []
    failed: list[str] = []
    packs = 0
    with ExitStack() as locks:
        there = phases(root)
        for campaign in sorted({campaign for campaign, _ in there}):
            locks.enter_context(campaign_lock(root, campaign, project.access))
        for campaign, phase in there:
            folder = phase_folder(root, campaign, phase)
            for day in days_of(folder):
                try:
                    build = open_build(root, Reference(campaign, phase, day, ""))
                    held, count = _forget(project, build, wanted)
                except StoreError as error:
                    failed.append(str(error))
                    continue
                if held or count:
                    builds.append(build.manifest.name)
                    packs += count
                    found |= held
            sweep(folder)
    if project.cache.exists():
        try:
            shutil.rmtree(project.cache)
        except OSError as error:
            failed.append(f"cannot remove {project.cache}: {error.strerror or error}")
    return Forgotten(len(wanted), len(found), packs, tuple(builds), tuple(failed))


def _forget(project: Project, build: Build, wanted: Sequence[str]) -> tuple[set[str], int]:
    """Publish a build anew without some people: whom it had, and in how many packs."""
    ids = {entry.name: build.ids(entry.name) for entry in build.manifest.packs}
    held: set[str] = set()
    left, count = {}, 0
    for name, each in ids.items():
        chosen = pc.is_in(each, value_set=_as_keys(wanted, each.type))
        mine = {str(one) for one in each.filter(chosen).to_pylist()}
        left[name] = each.filter(pc.invert(chosen)) if mine else each
        held |= mine
        count += bool(mine)
    manifest = build.manifest
    rules = tuple(_redacted(text, wanted) for text in manifest.rules)
    if not held and rules == manifest.rules:
        return held, 0
    path = build.folder / SUMMARY_NAME
    try:
        summary = read_summary(json.loads(path.read_bytes()))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StoreError(f"{path} is damaged: {error}") from None
    base = manifest.base_size - len(held)
    pairs = list(combinations(left, 2))
    counts = common_counts([(left[one], left[other]) for one, other in pairs])
    both = dict(zip(pairs, counts, strict=True))
    both |= {(other, one): count for (one, other), count in both.items()}
    sizes = {name: len(each) for name, each in left.items()}
    kept = replace(
        manifest,
        rules=rules,
        base_size=base,
        packs=(),
        forgotten=manifest.forgotten + len(held),
    )
    packs = [
        PackData(entry.name, entry.label, partial(_as_stored, left[entry.name], build, entry.name))
        for entry in manifest.packs
    ]
    text = to_json(recounted(summary, base, sizes, both).to_dict())
    publish(project.packs, kept, packs, text, project.access)
    return held, count


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


def _redacted(rule: RuleText, wanted: Sequence[str]) -> RuleText:
    """A rule's text without some ids, where it lists ids; texts that can't be read have none."""
    document, _ = parse(Source(rule.path, rule.text))
    if document is None:
        return rule
    places = [each.at for each in _listed(document) if each.text in wanted]
    parts = _BREAK.split(rule.text)  # every other one is a line break
    for at in sorted(places, key=lambda at: (at.line, at.column), reverse=True):
        parts[2 * at.line - 2] = _cut(parts[2 * at.line - 2], at)
    return replace(rule, text="".join(parts))


def _cut(line: str, at: Location) -> str:
    start = at.column - 1
    return line[:start] + _GONE + line[start + at.length :]


def _listed(node: Node) -> Iterator[Scalar]:
    """The ids that are written out in a rule file."""
    match node:
        case Mapping(entries):
            for key, value in entries:
                if key.text == "ids" and isinstance(value, Items):
                    yield from (item for item in value.items if isinstance(item, Scalar))
                else:
                    yield from _listed(value)
        case Items(items):
            for item in items:
                yield from _listed(item)
