"""The Python interface: everything that the command line can do, as functions.

>>> project = audience.load()                       # doctest: +SKIP
>>> results = audience.build(project, as_of=date(2023, 6, 18))
>>> audience.diff(project, "mi13-2023/2-expand-category", "mi13-2023/3-convert")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from audience.builder import BuildResult, plan_of, prepare, run_build, users_of
from audience.cases.find import find_cases, prepare_cases, read_cases
from audience.cases.run import CasesReport, run_cases
from audience.engine.choice import open_engine
from audience.engine.columns import scan
from audience.engine.steps import OnStep, Steps
from audience.engine.strategy import explain_strategy
from audience.errors import Problem, UsageError, nearest
from audience.insight.diff import BuildDiff, compare
from audience.insight.tags import TagReport, report_tag
from audience.kinds import Kind, Tag
from audience.lists import list_problems, suppressed_ids
from audience.plan.explain import explain_plan
from audience.rules.jsonschema import project_schema, rule_schema
from audience.rules.lint import missing_warnings
from audience.rules.project import Project, find_project
from audience.rules.reader import Problems
from audience.rules.reference import parse_reference
from audience.rules.tree import RuleFile
from audience.scaffold import SCHEMAS, make_project
from audience.store.manifest import Manifest, to_json
from audience.store.read import Build, all_builds, open_build, open_side, write_ids
from audience.workspace import load_project, open_workspace, read_rules, today

__all__ = [
    "BuildResult",
    "CasesReport",
    "CheckReport",
    "build",
    "check",
    "check_cases",
    "diff",
    "explain",
    "init",
    "list_builds",
    "load",
    "load_if_any",
    "schema",
    "show",
    "tags",
    "today",
    "write_diff",
    "write_schemas",
]


@dataclass(frozen=True)
class CheckReport:
    """What `check` found: the rule files that are right, and every problem and warning."""

    files: tuple[RuleFile, ...]
    problems: tuple[Problem, ...]
    warnings: tuple[Problem, ...]


def load(path: str | Path | None = None) -> Project:
    """The project at ``path`` (file or folder), else the nearest one above the working directory.

    Raises UsageError where there is none, RuleError where it is wrong.
    """
    return load_project(path)


def check(
    project: Project,
    rules: str | Path | Sequence[str | Path] = (),
    *,
    variables: Mapping[str, str] | None = None,
) -> CheckReport:
    """All problems of the project file and of rule files, without reading a row.

    Without ``rules``: of every rule file of the project. Raises DataError where a table can't be
    opened.
    """
    problems = Problems()
    workspace = open_workspace(project, problems)
    if problems.errors:
        return CheckReport((), problems.errors, problems.warnings)
    files = read_rules(workspace, _paths(rules), problems, variables)
    for file in files:
        missing_warnings(file, problems)
    problems.extend(list_problems(project, files))
    return CheckReport(tuple(files), problems.errors, problems.warnings)


def build(
    project: Project,
    rules: str | Path | Sequence[str | Path] = (),
    *,
    as_of: date | str | None = None,
    packs: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    dry_run: bool = False,
    engine: str = "polars",
    on_step: OnStep | None = None,
    steps: Steps | None = None,
    cache: bool = True,
    plain: bool = False,
) -> tuple[BuildResult, ...]:
    """Evaluate rule files in one run and publish each of them in one step.

    ``packs`` limits the run to packs of those names (``pack`` or ``campaign/phase/pack``);
    ``variables`` win over those of the files; with ``dry_run`` nothing is published; without
    ``cache`` nothing is taken from earlier runs or kept for later ones; ``plain`` leaves out
    what is only there for speed, for comparison. ``on_step`` is told of each step, ``steps``
    measures them. Raises RuleError, DataError, StoreError,
    BusyError, NotPublishedError, UsageError, and at the end ExpectationError, which carries the
    results, where a file's expectations are broken.
    """
    steps = steps or Steps(on_step)
    with steps.step("open", "tables and rules", told=False):
        workspace, requests = prepare(project, _paths(rules), _day(as_of), packs, variables or {})
    return run_build(
        workspace,
        requests,
        engine=engine,
        dry_run=dry_run,
        steps=steps,
        use_cache=cache,
        plain=plain,
    )


def check_cases(
    project: Project,
    rules: str | Path | Sequence[str | Path] = (),
    *,
    variables: Mapping[str, str] | None = None,
    engine: str = "polars",
) -> tuple[CasesReport, ...]:
    """Run the cases beside rule files, by default all of the project's; a report for each file.

    Raises RuleError with every problem of the case files and rules, UsageError, DataError.
    """
    problems = Problems()
    workspace = open_workspace(project, problems)
    problems.raise_errors()
    files = read_cases(workspace, find_cases(project, _paths(rules)), problems)
    prepared = [(file, prepare_cases(workspace, file, variables or {}, problems)) for file in files]
    problems.raise_errors()
    return tuple(run_cases(workspace, file, cases, engine) for file, cases in prepared)


def explain(
    project: Project,
    rules: str | Path | Sequence[str | Path] = (),
    *,
    as_of: date | str | None = None,
    packs: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
) -> str:
    """The plan of a build, as text: what is read, what is shared, how each pack comes out of it."""
    workspace, requests = prepare(project, _paths(rules), _day(as_of), packs, variables or {})
    plan = plan_of(workspace, requests)
    users = users_of(workspace, plan).values()
    whole = workspace.tables[plan.users.table]
    every = sum(map(len, whole.snapshots.values())) or len(whole.files)
    counts = {whole.name: (sum(len(each.files) for each in users), every)}
    for read in plan.events:
        table = workspace.tables[read.table]
        counts[read.table] = (len(table.within(read.days)), len(table.files))
    how = explain_strategy(plan, workspace.tables, list(users))
    return explain_plan(plan, counts) + "".join(f"{line}\n" for line in how)


def tags(
    project: Project,
    names: Sequence[str] = (),
    *,
    table: str = "",
    top: int = 20,
    engine: str = "polars",
) -> tuple[TagReport, ...]:
    """The tag dictionary with what the columns hold; ``names`` are tags or labels, default all.

    ``table`` is an event table whose columns are wanted instead. Raises UsageError, DataError.
    """
    problems = Problems()
    workspace = open_workspace(project, problems)
    problems.raise_errors()
    catalog = workspace.catalog
    tables = {catalog.users.name: catalog.users, **catalog.events}
    if table and table not in tables:
        raise UsageError(f"no table `{table}`; there is {', '.join(tables)}")
    users = tables[table or catalog.users.name]
    wanted: dict[str, Tag] = {}
    for name in names or [name for name in users.tags if name != users.key]:
        tag = users.find(name)
        if tag is None:
            elsewhere = [other for other in tables.values() if other.find(name)]
            close = nearest(name, users.names)
            hint = f"; did you mean {close}?" if close else ""
            if elsewhere:
                hint = f"; it is a column of `{elsewhere[0].name}`, which --table names"
            raise UsageError(f"no tag `{name}`{hint}")
        wanted[tag.name] = tag
    table_data = workspace.tables[users.name]
    running = open_engine(engine, project.time_zone)
    try:
        out = []
        for tag in wanted.values():
            if tag.type.kind is Kind.OTHER:
                continue
            rows = scan(running, table_data, table_data.files, [tag.name])
            column = running.fetch(rows.select(tag.name))[tag.name]
            out.append(report_tag(tag, column, top))
        return tuple(out)
    finally:
        running.close()


def _paths(rules: str | Path | Sequence[str | Path]) -> Sequence[str | Path]:
    return [rules] if isinstance(rules, str | Path) else rules


def _day(text: date | str | None) -> date | None:
    try:
        return date.fromisoformat(text) if isinstance(text, str) else text
    except ValueError:
        raise UsageError(f"as_of `{text}`: expected a date such as 2023-04-30") from None


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
    sides = [open_side(project.packs if project else None, text) for text in (old, new)]
    if sides[0].is_pack != sides[1].is_pack:
        raise UsageError("a pack can only be compared with a pack, a build with a build")
    labels = {**sides[0].labels, **sides[1].labels}
    one, two = sides
    return compare(
        one.title, one.packs, two.title, two.packs, labels, pair=one.is_pack, key=two.key
    )


def write_diff(project: Project | None, found: BuildDiff, folder: Path) -> int:
    """Write each pack's kept, added and removed ids below a folder; how many files that were.

    Nobody on the project's suppress lists is among them. Raises StoreError, DataError.
    """
    whole = pa.types.is_integer(found.key_type)
    suppressed = suppressed_ids(project, whole=whole) if project else None
    count = 0
    for pack in found.packs:
        for part, ids in found.ids(pack).items():
            name = pack.new if pack.old == pack.new else f"{pack.old}--{pack.new}"
            if suppressed is not None:
                ids = ids.filter(pc.invert(pc.is_in(ids, value_set=suppressed.cast(ids.type))))
            write_ids(folder / name / f"{part}.parquet", ids, found.key)
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
