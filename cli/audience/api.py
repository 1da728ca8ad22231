"""The Python interface: everything that the command line can do, as functions.

>>> project = audience.load()                       # doctest: +SKIP
>>> results = audience.build(project, as_of=date(2023, 6, 18))
>>> audience.diff(project, "mi13-2023/2-expand-category", "mi13-2023/3-convert")
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from audience.engine.base import ENGINES, OnStep, open_engine
from audience.engine.run import Outcome, StrayEvents, missing_name, node_name, run_plan
from audience.errors import Problem, Source, UsageError, nearest
from audience.insight.diff import BuildDiff, compare
from audience.insight.summary import PackBits, Summary, summarize
from audience.insight.tags import TagReport, report_tag
from audience.kinds import Kind
from audience.plan.build import Request, build_plan
from audience.plan.explain import explain_plan
from audience.plan.nodes import FilePlan, Plan
from audience.rules.jsonschema import project_schema, rule_schema
from audience.rules.lint import missing_warnings
from audience.rules.project import Project, find_project
from audience.rules.reader import Problems
from audience.rules.tree import RuleFile
from audience.scaffold import SCHEMAS, make_project
from audience.store.layout import Reference, days_of, parse_reference, phase_folder
from audience.store.manifest import InputFile, Manifest, RuleText, to_json
from audience.store.publish import PackData, Published, campaign_lock, publish
from audience.store.read import Build, all_builds, open_build, open_side, write_ids
from audience.workspace import Workspace, below, load_project, open_workspace, read_rules


@dataclass(frozen=True)
class CheckReport:
    """What `check` found: the rule files that are right, and every problem and warning."""

    files: tuple[RuleFile, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


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


def load(path: str | Path | None = None) -> Project:
    """The project at ``path`` (file or folder), else the nearest one above the working directory.

    Raises UsageError where there is none, RuleError where it is wrong.
    """
    return load_project(path)


def check(project: Project, rules: Sequence[str | Path] = ()) -> CheckReport:
    """All problems of the project file and of rule files, without reading a row.

    Without ``rules``: of every rule file of the project. Raises DataError where a table can't be
    opened.
    """
    problems = Problems()
    workspace = open_workspace(project, problems)
    if problems.errors:
        return CheckReport((), problems.errors, problems.warnings)
    files = read_rules(workspace, rules, problems)
    for file in files:
        missing_warnings(file, problems)
    return CheckReport(tuple(files), problems.errors, problems.warnings)


def build(
    project: Project,
    rules: Sequence[str | Path] = (),
    *,
    as_of: date | None = None,
    packs: Sequence[str] = (),
    dry_run: bool = False,
    engine: str = "polars",
    on_step: OnStep | None = None,
) -> tuple[BuildResult, ...]:
    """Evaluate rule files in one run and publish each of them in one step.

    ``packs`` limits the run to packs of those names (``pack`` or ``campaign/phase/pack``); with
    ``dry_run`` nothing is published. Raises RuleError, DataError, StoreError, BusyError,
    UsageError.
    """
    workspace, requests = _prepare(project, rules, as_of, packs)
    with ExitStack() as locks:
        if not dry_run:
            for campaign in sorted({request.file.campaign for request in requests}):
                locks.enter_context(campaign_lock(project.packs, campaign))
            for request in requests:
                _check_partial(project, request)
        plan = build_plan(requests, workspace.catalog)
        outcome = _run(workspace, plan, engine, on_step)
        stray = [warning for each in outcome.stray for warning in _stray_warnings(each)]
        results = []
        for request, file in zip(requests, plan.files, strict=True):
            summary = _summarize(file, outcome)
            warnings = (*stray, *_empty_warnings(summary))
            data = _pack_data(workspace, file, outcome)
            published = None
            if not dry_run:
                published = _publish(workspace, request, plan, file, summary, data)
            results.append(BuildResult(summary, published, warnings, data))
        return tuple(results)


def explain(
    project: Project,
    rules: Sequence[str | Path] = (),
    *,
    as_of: date | None = None,
    packs: Sequence[str] = (),
) -> str:
    """The plan of a build, as text: what is read, what is shared, how each pack comes out of it."""
    workspace, requests = _prepare(project, rules, as_of, packs)
    plan = build_plan(requests, workspace.catalog)
    counts = {}
    for read in (plan.users, *plan.events):
        table = workspace.tables[read.table]
        chosen = table.between(*(read.days or (None, None)))
        counts[read.table] = (len(chosen), len(table.files))
    return explain_plan(plan, counts)


def tags(
    project: Project, names: Sequence[str] = (), *, top: int = 20, engine: str = "polars"
) -> tuple[TagReport, ...]:
    """The tag dictionary with what the columns hold; ``names`` are tags or labels, default all."""
    problems = Problems()
    workspace = open_workspace(project, problems)
    problems.raise_errors()
    users = workspace.catalog.users
    wanted = []
    for name in names or [name for name in users.tags if name != users.key]:
        tag = users.find(name)
        if tag is None:
            close = nearest(name, users.names)
            raise UsageError(f"no tag `{name}`" + (f"; did you mean {close}?" if close else ""))
        wanted.append(tag)
    table = workspace.tables[users.name]
    running = open_engine(engine, project.time_zone)
    try:
        out = []
        for tag in wanted:
            if tag.type.kind is Kind.OTHER:
                continue
            column = running.fetch(running.scan(table, table.files, [tag.name]))[tag.name]
            out.append(report_tag(tag, column, top))
        return tuple(out)
    finally:
        running.close()


def list_builds(project: Project) -> tuple[Manifest, ...]:
    """The manifests of all that is published, by campaign, phase and day."""
    return tuple(all_builds(project.packs))


def show(project: Project, name: str) -> tuple[Build, str]:
    """The build that ``campaign/phase[@as_of][/pack]`` names, and the pack ('' for none)."""
    reference = parse_reference(name)
    found = open_build(project.packs, reference)
    if reference.pack:
        found.entry(reference.pack)
    return found, reference.pack


def diff(project: Project | None, old: str, new: str) -> BuildDiff:
    """Two published packs or builds, by name or by path; a project is needed for names only."""
    root = project.packs if project else Path()
    sides = [open_side(root, text) for text in (old, new)]
    if sides[0].is_pack != sides[1].is_pack:
        raise UsageError("a pack can only be compared with a pack, a build with a build")
    labels = {**sides[0].labels, **sides[1].labels}
    one, two = sides
    return compare(one.title, one.packs, two.title, two.packs, labels, pair=one.is_pack)


def write_diff(found: BuildDiff, folder: Path) -> int:
    """Write each pack's kept, added and removed ids below a folder; how many files that were.

    Raises StoreError.
    """
    count = 0
    for pack in found.packs:
        for part, ids in found.ids(pack).items():
            name = pack.new if pack.old == pack.new else f"{pack.old}--{pack.new}"
            write_ids(folder / name / f"{part}.parquet", ids)
            count += 1
    return count


def schema(kind: str, project: Project | None = None) -> dict[str, Any]:
    """The JSON Schema of `rules` or of the `project` file; with a project, rules know its tags."""
    if kind == "project":
        return project_schema()
    if project is None:
        return rule_schema()
    problems = Problems()
    workspace = open_workspace(project, problems)
    problems.raise_errors()
    return rule_schema(workspace.catalog)


def write_schemas(project: Project) -> tuple[Path, ...]:
    """Write both schemas into the project's ``.audience``, where the files' first lines look."""
    folder = project.root / SCHEMAS
    folder.mkdir(exist_ok=True)
    out = []
    for kind in ("rules", "project"):
        path = folder / f"{kind}.schema.json"
        path.write_text(to_json(schema(kind, project)), encoding="utf-8")
        out.append(path)
    return tuple(out)


def init(folder: Path, tables: Sequence[Path] = (), *, key: str | None = None) -> tuple[Path, ...]:
    """Make a new project over tables of one's own or made-up ones; the files written.

    Raises UsageError where a file is in the way or the tables can't be understood.
    """
    written = make_project(folder, tables, key)
    return (*written, *write_schemas(load(folder)))


def load_if_any(path: str | Path | None = None) -> Project | None:
    """As :func:`load`, or None where no path is given and there is no project."""
    return None if path is None and find_project(Path.cwd()) is None else load(path)


def today(project: Project) -> date:
    """The day it is in the project's time zone."""
    return datetime.now(ZoneInfo(project.time_zone)).date()


def _prepare(
    project: Project, rules: Sequence[str | Path], as_of: date | None, packs: Sequence[str]
) -> tuple[Workspace, list[Request]]:
    problems = Problems()
    workspace = open_workspace(project, problems)
    problems.raise_errors()
    files = read_rules(workspace, rules, problems)
    problems.raise_errors()
    chosen = _choose(files, packs)
    now = today(project)
    return workspace, [
        Request(file, as_of or file.as_of or now, chosen.get(file.name))
        for file in files
        if not packs or file.name in chosen
    ]


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
    if engine not in ENGINES:
        raise UsageError(f"no engine `{engine}`; there is {', '.join(ENGINES)}")
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
    plan: Plan,
    file: FilePlan,
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
        tuple(_inputs(workspace, plan)),
        project.users.key,
        summary.base,
        request.packs is not None and len(request.packs) < len(request.file.packs),
        (),
    )
    return publish(project.packs, manifest, tuple(packs.values()), to_json(summary.to_dict()))


def _rule_text(source: Source, root: Path) -> RuleText:
    digest = hashlib.sha256(source.text.encode()).hexdigest()
    return RuleText(below(Path(source.path), root), digest, source.text)


def _inputs(workspace: Workspace, plan: Plan) -> Iterable[InputFile]:
    for read in (plan.users, *plan.events):
        table = workspace.tables[read.table]
        for file in table.between(*(read.days or (None, None))):
            modified = datetime.fromtimestamp(file.modified // 1_000_000_000, UTC)
            text = f"{modified:%Y-%m-%dT%H:%M:%S}.{file.modified % 1_000_000_000:09d}Z"
            path = below(file.path, workspace.project.root)
            yield InputFile(table.name, path, file.size, text)


def _stray_warnings(stray: StrayEvents) -> Iterable[str]:
    if stray.without_key:
        count = f"{stray.without_key:,}"
        yield f"table `{stray.table}`: {count} events name no user and count for nobody"
    if stray.unknown_key:
        yield (
            f"table `{stray.table}`: {stray.unknown_key:,} events are of users who are not in the "
            "user table and count for nobody"
        )


def _empty_warnings(summary: Summary) -> Iterable[str]:
    if not summary.base:
        yield f"{summary.name}: the base is empty"
    for pack in summary.packs:
        if not pack.size:
            yield f"{summary.name}: pack `{pack.name}` is empty"
