"""A build: requests planned together, evaluated in one run, summarized, published file by file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path

import pyarrow as pa

from audience.cache import Cache
from audience.cautions import cautions
from audience.engine.choice import open_engine
from audience.engine.novel import dictionary_tests
from audience.engine.run import Means, Outcome, missing_name, node_name, run_plan
from audience.engine.steps import Steps
from audience.engine.tables import TableData, choose_snapshot, open_snapshot
from audience.errors import (
    ExpectationError,
    NotPublishedError,
    StoreError,
    UsageError,
    nearest,
)
from audience.insight.expect import broken_expectations
from audience.insight.summary import PackBits, StageBits, Summary, summarize
from audience.lists import Lists, read_lists
from audience.membership import Membership
from audience.plan.build import Request, build_plan, reachable
from audience.plan.nodes import FilePlan, Listed, Plan
from audience.records import record
from audience.rules.project import Project
from audience.rules.reader import Problems
from audience.rules.reference import Reference
from audience.rules.tree import RuleFile
from audience.store.layout import days_of, phase_folder
from audience.store.manifest import ListInput, to_json
from audience.store.publish import PackData, Published, campaign_lock, publish
from audience.store.read import newest_with, open_build
from audience.workspace import Workspace, open_workspace, read_rules, today


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


def prepare(
    project: Project,
    rules: Sequence[str | Path],
    as_of: date | None,
    packs: Sequence[str],
    variables: Mapping[str, str],
) -> tuple[Workspace, list[Request]]:
    """The rule files to be built, each at its day, in an opened workspace.

    Raises RuleError with every problem, DataError, UsageError.
    """
    problems = Problems()
    workspace = open_workspace(project, problems)
    problems.raise_errors()
    files = read_rules(workspace, rules, problems, variables)
    problems.raise_errors()
    chosen = _choose(files, packs)
    now = today(project)
    days = {as_of} if as_of else {file.as_of for file in files if file.as_of}
    if days and max(days) > now:
        raise UsageError(f"as_of {max(days)} lies in the future; today is {now}")
    return workspace, [
        _request(workspace, file, as_of or file.as_of or now, chosen.get(file.name))
        for file in files
        if not packs or file.name in chosen
    ]


def _request(
    workspace: Workspace, file: RuleFile, day: date, packs: frozenset[str] | None
) -> Request:
    users = workspace.tables[workspace.project.users.name]
    return Request(file, day, packs, choose_snapshot(users, day))


def at_day(workspace: Workspace, request: Request, day: date) -> Request:
    """A request for another day, with the snapshot of that day. Raises DataError."""
    return _request(workspace, request.file, day, request.packs)


def plan_of(workspace: Workspace, requests: Sequence[Request]) -> Plan:
    """The plan of some requests."""
    suppress = bool(workspace.project.suppress)
    return build_plan(requests, workspace.catalog, suppress=suppress)


def users_of(workspace: Workspace, plan: Plan) -> Mapping[date | None, TableData]:
    """The user table as it was on each day that a plan reads it of."""
    newest = workspace.tables[plan.users.table]
    return {
        day: newest if day is None else open_snapshot(newest, day, plan.users.columns)
        for day in plan.snapshots
    }


def run_build(
    workspace: Workspace,
    requests: Sequence[Request],
    *,
    engine: str,
    dry_run: bool,
    steps: Steps,
    use_cache: bool = True,
    plain: bool = False,
) -> tuple[BuildResult, ...]:
    """Evaluate all requests in one run; publish each of them in one step unless it is a dry run.

    Raises ExpectationError, when all else is published, where a file's expectations are broken.
    """
    project = workspace.project
    with ExitStack() as locks:
        if not dry_run:
            for campaign in sorted({request.file.campaign for request in requests}):
                locks.enter_context(campaign_lock(project.packs, campaign, project.access))
            for request in requests:
                _check_partial(project, request)
        cache = Cache(project.cache if use_cache else None, project.cache_size, project.access)
        locks.callback(cache.close)
        run = _Run(workspace, requests, engine, cache, steps, plain=plain)
        results: list[BuildResult] = []
        for number in range(len(requests)):
            try:
                results.append(run.finish(number, dry_run=dry_run))
            except StoreError as error:
                done = [each.summary.name for each in results if each.published]
                if not done:
                    raise
                raise StoreError(f"{error}; published before it: {', '.join(done)}") from None
    broken = [told for result in results for told in result.broken]
    if broken:
        raise ExpectationError(broken, tuple(results))
    return tuple(results)


class _Run:
    """What one run computes of its requests, together, and then publishes one by one."""

    def __init__(
        self,
        workspace: Workspace,
        requests: Sequence[Request],
        engine: str,
        cache: Cache,
        steps: Steps,
        *,
        plain: bool,
    ) -> None:
        self.workspace = workspace
        self.requests = requests
        self.plan = plan_of(workspace, requests)
        self.users = users_of(workspace, self.plan)
        self.lists = read_lists(workspace, self.plan)
        self.steps = steps
        running = open_engine(engine, workspace.project.time_zone)
        try:
            means = Means(running, cache, steps, tally=not plain)
            self.outcome = run_plan(
                self.plan,
                workspace.tables,
                self.users,
                means,
                self.lists.ids,
                dictionary_tests(workspace.catalog.users, self.plan.users.columns),
            )
        finally:
            running.close()

    def finish(self, number: int, *, dry_run: bool) -> BuildResult:
        """One file's result, published unless it is a dry run or its expectations are broken."""
        request, file = self.requests[number], self.plan.files[number]
        summary = _summarize(file, self.outcome)
        members = self.outcome.memberships[file.snapshot]
        broken = tuple(
            broken_expectations(
                request.file,
                summary,
                {pack.name: members.size(node_name(pack.node)) for pack in file.guards},
                _sizes_before(self.workspace, request),
            )
        )
        listed = self._lists_of(file)
        warnings = tuple(
            cautions(
                request.file,
                summary,
                self.outcome,
                self.plan.inputs[number],
                self.workspace.tables,
                {node: len(self.lists.ids[node]) for node in listed},
            )
        )
        packs = self._packs(file)
        inputs = tuple(dict.fromkeys(_list_inputs(self.lists, listed)))
        published = None
        if not dry_run and not broken:
            manifest = record(
                self.workspace,
                request,
                self.users[file.snapshot],
                self.plan.inputs[number],
                inputs,
                summary,
            )
            text = to_json(summary.to_dict())
            project = self.workspace.project
            with self.steps.step("write", summary.name, told=False) as step:
                published = publish(
                    project.packs, manifest, tuple(packs.values()), text, project.access
                )
                step.rows = sum(pack.size for pack in summary.packs)
        return BuildResult(summary, published, warnings, packs, broken, inputs)

    def _packs(self, file: FilePlan) -> Mapping[str, PackData]:
        key_type = self.users[file.snapshot].key_type
        members = self.outcome.memberships[file.snapshot]
        return {
            pack.name: PackData(
                pack.name, pack.label, partial(_ids, members, node_name(pack.node), key_type)
            )
            for pack in file.packs
        }

    def _lists_of(self, file: FilePlan) -> list[Listed]:
        nodes = (self.plan.nodes[number] for number in reachable(self.plan.nodes, file.roots))
        return [node for node in nodes if isinstance(node, Listed)]


def _ids(members: Membership, name: str, key_type: pa.DataType) -> pa.Array:
    return members.ids(name).cast(key_type)


def _list_inputs(lists: Lists, listed: Sequence[Listed]) -> Iterable[ListInput]:
    return (each for node in listed for each in lists.inputs[node])


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


def _choose(files: Sequence[RuleFile], packs: Sequence[str]) -> dict[str, frozenset[str]]:
    """For each file that has any of the packs asked for, which.

    A pack's name stands for the sides of its split too, the name of stages for each of them.
    """
    out: dict[str, set[str]] = {}
    for wanted in packs:
        found = False
        for file in files:
            own = wanted.removeprefix(file.name + "/")
            for pack in file.packs:
                if pack.name == own or pack.name.startswith(own + "."):
                    out.setdefault(file.name, set()).add(pack.name)
                    found = True
        if not found:
            names = [pack.name for file in files for pack in file.packs]
            close = nearest(wanted, names)
            raise UsageError(f"no pack `{wanted}`" + (f"; did you mean {close}?" if close else ""))
    return {name: frozenset(chosen) for name, chosen in out.items()}


def _check_partial(project: Project, request: Request) -> None:
    """A build of some packs must not take others of that day out of what is published."""
    file = request.file
    folder = phase_folder(project.packs, file.campaign, file.phase)
    if request.packs is None or request.as_of not in days_of(folder):
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


def _summarize(file: FilePlan, outcome: Outcome) -> Summary:
    members = outcome.memberships[file.snapshot]
    packs = [
        PackBits(
            pack.name,
            pack.label,
            node_name(pack.node),
            missing_name(pack.node) if missing_name(pack.node) in members.bits else "",
        )
        for pack in file.packs
    ]
    stages = [
        StageBits(each.name, each.packs, "" if each.rest is None else node_name(each.rest))
        for each in file.stages
    ]
    base = (node_name(file.base), node_name(file.whole))
    return summarize(file, base, packs, stages, members)
