"""A build: requests planned together, evaluated in one run, summarized, published file by file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pyarrow as pa

from audience.engine.base import OnStep
from audience.engine.choice import open_engine
from audience.engine.run import Outcome, StrayEvents, missing_name, node_name, run_plan
from audience.errors import Source, StoreError, UsageError, nearest
from audience.insight.summary import PackBits, Summary, summarize
from audience.plan.build import Request, build_plan
from audience.plan.nodes import FilePlan, Plan, Read
from audience.rules.lint import missing_warnings
from audience.rules.project import Project
from audience.rules.reader import Problems
from audience.rules.tree import RuleFile
from audience.store.layout import Reference, days_of, phase_folder
from audience.store.manifest import InputFile, Manifest, RuleText, to_json
from audience.store.publish import PackData, Published, campaign_lock, publish
from audience.store.read import open_build
from audience.workspace import Workspace, below, open_workspace, read_rules, today


@dataclass(frozen=True)
class BuildResult:
    """One rule file's build: the summary, and what was published (None on a dry run)."""

    summary: Summary
    published: Published | None
    warnings: tuple[str, ...]
    packs: Mapping[str, PackData] = field(repr=False, compare=False)

    def ids(self, pack: str) -> pa.Array:
        """A pack's ids, ascending, of the user table's key type. Raises UsageError."""
        if pack not in self.packs:
            raise UsageError(f"no pack `{pack}`; there is {', '.join(self.packs)}")
        return self.packs[pack].ids


def program_version() -> str:
    """The installed version; 0 where the package runs from a bare folder."""
    try:
        return version("audience")
    except PackageNotFoundError:
        return "0"


def prepare(
    project: Project, rules: Sequence[str | Path], as_of: date | None, packs: Sequence[str]
) -> tuple[Workspace, list[Request]]:
    """The rule files to be built, each at its day, in an opened workspace.

    Raises RuleError with every problem, DataError, UsageError.
    """
    problems = Problems()
    workspace = open_workspace(project, problems)
    problems.raise_errors()
    files = read_rules(workspace, rules, problems)
    problems.raise_errors()
    chosen = _choose(files, packs)
    now = today(project)
    days = {as_of} if as_of else {file.as_of for file in files if file.as_of}
    if days and max(days) > now:
        raise UsageError(f"as_of {max(days)} lies in the future; today is {now}")
    return workspace, [
        Request(file, as_of or file.as_of or now, chosen.get(file.name))
        for file in files
        if not packs or file.name in chosen
    ]


def run_build(
    workspace: Workspace,
    requests: Sequence[Request],
    *,
    engine: str,
    dry_run: bool,
    on_step: OnStep | None,
) -> tuple[BuildResult, ...]:
    """Evaluate all requests in one run; publish each of them in one step unless it is a dry run."""
    project = workspace.project
    with ExitStack() as locks:
        if not dry_run:
            for campaign in sorted({request.file.campaign for request in requests}):
                locks.enter_context(campaign_lock(project.packs, campaign))
            for request in requests:
                _check_partial(project, request)
        plan = build_plan(requests, workspace.catalog)
        outcome = _run(workspace, plan, engine, on_step)
        shared = [warning for each in outcome.stray for warning in _stray_warnings(each)]
        results: list[BuildResult] = []
        for request, file, reads in zip(requests, plan.files, plan.inputs, strict=True):
            summary = _summarize(file, outcome)
            warnings = (*_rule_warnings(request.file), *shared, *_empty_warnings(summary))
            data = _pack_data(workspace, file, outcome)
            published = None
            if not dry_run:
                inputs = tuple(_inputs(workspace, reads))
                try:
                    published = _publish(workspace, request, file, inputs, summary, data)
                except StoreError as error:
                    done = [each.summary.name for each in results]
                    if not done:
                        raise
                    text = f"{error}; published before it: {', '.join(done)}"
                    raise StoreError(text) from None
            results.append(BuildResult(summary, published, warnings, data))
        return tuple(results)


def _choose(files: Sequence[RuleFile], packs: Sequence[str]) -> dict[str, frozenset[str]]:
    """For each file that has any of the packs asked for, which."""
    out: dict[str, set[str]] = {}
    for wanted in packs:
        found = False
        for file in files:
            for pack in file.packs:
                if wanted in (pack.name, f"{file.name}/{pack.name}"):
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


def _run(workspace: Workspace, plan: Plan, engine: str, on_step: OnStep | None) -> Outcome:
    running = open_engine(engine, workspace.project.time_zone)
    try:
        return run_plan(plan, workspace.tables, running, on_step)
    finally:
        running.close()


def _summarize(file: FilePlan, outcome: Outcome) -> Summary:
    names = outcome.membership.bits
    packs = [
        PackBits(
            pack.name,
            pack.label,
            node_name(pack.node),
            missing_name(pack.node) if missing_name(pack.node) in names else "",
        )
        for pack in file.packs
    ]
    return summarize(
        file.campaign,
        file.phase,
        file.label,
        file.as_of,
        outcome.users,
        node_name(file.base),
        packs,
        outcome.membership,
    )


def _pack_data(workspace: Workspace, file: FilePlan, outcome: Outcome) -> Mapping[str, PackData]:
    key_type = workspace.tables[workspace.project.users.name].key_type
    members = outcome.membership
    return {
        pack.name: PackData(pack.name, pack.label, members.ids(node_name(pack.node)).cast(key_type))
        for pack in file.packs
    }


def _publish(
    workspace: Workspace,
    request: Request,
    file: FilePlan,
    inputs: tuple[InputFile, ...],
    summary: Summary,
    packs: Mapping[str, PackData],
) -> Published:
    project = workspace.project
    manifest = Manifest(
        file.campaign,
        file.phase,
        file.label,
        file.as_of,
        f"audience {program_version()}",
        _rule_text(project.source, project.root),
        tuple(_rule_text(source, project.root) for source in request.file.sources),
        inputs,
        project.users.key,
        summary.base,
        request.packs is not None and len(request.packs) < len(request.file.packs),
        (),
    )
    return publish(project.packs, manifest, tuple(packs.values()), to_json(summary.to_dict()))


def _rule_text(source: Source, root: Path) -> RuleText:
    digest = hashlib.sha256(source.text.encode()).hexdigest()
    return RuleText(below(Path(source.path), root), digest, source.text)


def _inputs(workspace: Workspace, reads: Sequence[Read]) -> Iterable[InputFile]:
    for read in reads:
        table = workspace.tables[read.table]
        for file in table.within(read.days):
            modified = datetime.fromtimestamp(file.modified // 1_000_000_000, UTC)
            text = f"{modified:%Y-%m-%dT%H:%M:%S}.{file.modified % 1_000_000_000:09d}Z"
            path = below(file.path, workspace.project.root)
            yield InputFile(table.name, path, file.size, text)


def _rule_warnings(file: RuleFile) -> Iterable[str]:
    problems = Problems()
    missing_warnings(file, problems)
    return map(str, problems.warnings)


def _stray_warnings(stray: StrayEvents) -> Iterable[str]:
    if stray.without_key:
        count = _events(stray.without_key)
        yield f"table `{stray.table}`: {count} without a user count for nobody"
    if stray.unknown_key:
        count = _events(stray.unknown_key)
        yield (
            f"table `{stray.table}`: {count} of users who are not in the user table "
            "count for nobody"
        )


def _events(count: int) -> str:
    return f"{count:,} event" + ("" if count == 1 else "s")


def _empty_warnings(summary: Summary) -> Iterable[str]:
    if not summary.base:
        yield f"{summary.name}: the base is empty"
    for pack in summary.packs:
        if not pack.size:
            yield f"{summary.name}: pack `{pack.name}` is empty"
