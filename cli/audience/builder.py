"""A build: requests evaluated in one run, summarized, published file by file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import pyarrow as pa

from audience.cautions import cautions
from audience.engine.run import missing_name, node_name
from audience.engine.steps import Steps
from audience.errors import ExpectationError, NotPublishedError, StoreError, UsageError
from audience.evaluation import Evaluation, evaluate
from audience.insight.expect import broken_expectations
from audience.insight.summary import PackBits, StageBits, Summary, summarize
from audience.membership import Members, Written
from audience.plan.build import Request
from audience.plan.nodes import FilePlan
from audience.records import record
from audience.rules.language import Language
from audience.rules.project import Project
from audience.rules.reference import Reference
from audience.store.manifest import ListInput, Manifest, to_json
from audience.store.packs import PackData, Published
from audience.store.read import newest_with, open_build
from audience.store.shelves import Writer, shelves
from audience.workspace import Workspace


@dataclass(frozen=True)
class BuildResult:
    """One rule file's build: the summary, and what was published.

    ``published`` is None on a dry run, and where the file's expectations are ``broken``.
    """

    summary: Summary
    published: Published | None
    warnings: tuple[str, ...]
    packs: Mapping[str, PackData] = field(repr=False, compare=False)
    broken: tuple[str, ...] = ()
    lists: tuple[ListInput, ...] = ()
    """The lists and published packs that were read."""

    def ids(self, pack: str) -> pa.Array:
        """A pack's ids, ascending, of the user table's key type. Raises UsageError."""
        if pack not in self.packs:
            raise UsageError(f"no pack `{pack}`; there is {', '.join(self.packs)}")
        return self.packs[pack].read()


def run_build(
    workspace: Workspace,
    requests: Sequence[Request],
    *,
    dry_run: bool,
    steps: Steps,
    use_cache: bool = True,
    plain: bool = False,
) -> tuple[BuildResult, ...]:
    """Evaluate all requests in one run; publish each of them in one step unless it is a dry run.

    Raises ExpectationError, when all else is published, where a file's expectations are broken.
    """
    project, there = workspace.project, shelves(workspace.project.packs)
    if not dry_run and project.engine == "spark" and not there.takes_parts:
        raise UsageError(
            "packs in an object store are published by the polars engine, or by duckdb, not by "
            "spark; --dry-run counts"
        )
    with ExitStack() as locks:
        writers: dict[str, Writer] = {}
        if not dry_run:
            for campaign in sorted({request.file.campaign for request in requests}):
                writers[campaign] = locks.enter_context(there.writing(campaign, project.access))
            for request in requests:
                _check_partial(project, request)
        evaluated = evaluate(workspace, requests, steps=steps, use_cache=use_cache, plain=plain)
        results: list[BuildResult] = []
        for number in range(len(requests)):
            try:
                result = result_of(evaluated, number)
                if not dry_run and not result.broken:
                    writer = writers[requests[number].file.campaign]
                    result = _publish(evaluated, number, result, steps, writer)
                results.append(result)
            except StoreError as error:
                done = [each.summary.name for each in results if each.published]
                if not done:
                    raise
                raise StoreError(f"{error}; published before it: {', '.join(done)}") from None
    broken = [told for result in results for told in result.broken]
    if broken:
        raise ExpectationError(broken, tuple(results))
    return tuple(results)


def result_of(found: Evaluation, number: int, language: Language = Language.ENGLISH) -> BuildResult:
    """One request's result, as it would be published; its warnings are in a language."""
    request, file = found.requests[number], found.plan.files[number]
    members = found.members(number)
    summary = _summarize(file, members)
    broken = tuple(
        broken_expectations(
            request.file,
            summary,
            {pack.name: members.size(node_name(pack.node)) for pack in file.guards},
            _sizes_before(found.workspace, request),
            language,
        )
    )
    warnings = tuple(
        cautions(
            request.file,
            summary,
            found.outcome,
            found.plan.inputs[number],
            found.workspace.tables,
            {node: len(found.lists.ids[node]) for node in found.listed(number)},
            language,
        )
    )
    packs = _packs(found, number)
    return BuildResult(summary, None, warnings, packs, broken, found.inputs(number))


def manifest_of(found: Evaluation, number: int, result: BuildResult) -> Manifest:
    """What a request's manifest says, but for its packs' files, which are written first."""
    return record(
        found.workspace,
        found.requests[number],
        found.users[found.plan.files[number].snapshot],
        found.plan.inputs[number],
        result.lists,
        result.summary,
    )


def _publish(
    found: Evaluation, number: int, result: BuildResult, steps: Steps, writer: Writer
) -> BuildResult:
    manifest = manifest_of(found, number, result)
    text = to_json(result.summary.to_dict())
    with steps.step("write", result.summary.name, told=False) as step:
        data = tuple(result.packs.values())
        write = partial(_write, found, number)
        published = writer.publish(manifest, data, text, write)
        step.rows = sum(pack.size for pack in result.summary.packs)
    return replace(result, published=published)


def _packs(found: Evaluation, number: int) -> Mapping[str, PackData]:
    file = found.plan.files[number]
    key_type = found.users[file.snapshot].key_type
    members = found.members(number)
    return {
        pack.name: PackData(
            pack.name, pack.label, partial(_ids, members, node_name(pack.node), key_type)
        )
        for pack in file.packs
    }


def _write(found: Evaluation, number: int, folder: Path) -> Mapping[str, Written] | None:
    """Packs that are not here, written where they are."""
    file = found.plan.files[number]
    names = {pack.name: node_name(pack.node) for pack in file.packs}
    users = found.users[file.snapshot]
    return found.members(number).write(folder, names, users.spec.key, users.key_type)


def _ids(members: Members, name: str, key_type: pa.DataType) -> pa.Array:
    return members.ids(name).cast(key_type)


def _sizes_before(workspace: Workspace, request: Request) -> Mapping[str, tuple[str, int]]:
    """For each pack whose change is bounded, its last published build up to as_of, and its size."""
    file = request.file
    wanted = {pack.name for pack in file.packs if pack.expect and pack.expect.change}
    if not wanted:
        return {}
    out = {}
    for name in sorted(wanted):
        reference = Reference(file.campaign, file.phase, None, name)
        try:
            last = newest_with(workspace.project.packs, reference, request.as_of)
            build = open_build(workspace.project.packs, last)
            out[name] = (build.manifest.name, build.entry(name).size)
        except NotPublishedError:
            continue  # the first build has nothing to differ from
    return out


def _check_partial(project: Project, request: Request) -> None:
    """A build of some packs must not take others of that day out of what is published."""
    file = request.file
    if request.packs is None:
        return
    if request.as_of not in shelves(project.packs).days(file.campaign, file.phase):
        return
    reference = Reference(file.campaign, file.phase, request.as_of, "")
    there = {entry.name for entry in open_build(project.packs, reference).manifest.packs}
    lost = sorted(there - request.packs)
    if lost:
        raise UsageError(
            f"{reference} is published with {', '.join(lost)} too, which a build of only "
            f"{', '.join(sorted(request.packs))} would take away; build the whole file, "
            "or add --dry-run"
        )


def _summarize(file: FilePlan, members: Members) -> Summary:
    packs = [
        PackBits(
            pack.name,
            pack.label,
            node_name(pack.node),
            missing_name(pack.node) if missing_name(pack.node) in members.names else "",
        )
        for pack in file.packs
    ]
    stages = [
        StageBits(each.name, each.packs, "" if each.rest is None else node_name(each.rest))
        for each in file.stages
    ]
    base = (node_name(file.base), node_name(file.whole))
    return summarize(file, base, packs, stages, members)
