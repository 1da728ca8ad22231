"""The Python interface: everything that the command line can do, as functions.

>>> project = audience.load()                       # doctest: +SKIP
>>> results = audience.build(project, as_of=date(2023, 6, 18))
>>> audience.diff(project, "mi13-2023/2-expand-category", "mi13-2023/3-convert")
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audience.analysis.causes import reasons
from audience.analysis.convert import convert
from audience.analysis.flow import flow, write_flow
from audience.analysis.overlap import overlap
from audience.analysis.profile import profile
from audience.analysis.report import report_on, write_report
from audience.analysis.tags import report_tags
from audience.analysis.waterfall import waterfall
from audience.analysis.why import why
from audience.builder import BuildResult, run_build
from audience.cases.find import find_cases, prepare_cases, read_cases
from audience.cases.run import CasesReport, run_cases
from audience.engine.choice import explain_run
from audience.engine.steps import OnStep, Steps
from audience.errors import Problem, UsageError
from audience.evaluation import plan_of, prepare, users_of
from audience.forgetting import Forgotten, ids_in
from audience.forgetting import forget as forget_people
from audience.given import day_or_none, duration_of, paths_of, several
from audience.history import facts_of, read_log
from audience.insight.tags import TagReport
from audience.lists import list_problems
from audience.plan.explain import explain_plan
from audience.published import (
    diff,
    export,
    list_builds,
    members,
    show,
    verify,
    write_diff,
)
from audience.retention import Old
from audience.retention import prune as prune_builds
from audience.rules.jsonschema import project_schema, rule_schema
from audience.rules.lint import doubts
from audience.rules.project import Project, find_project
from audience.rules.reader import Problems
from audience.rules.tree import RuleFile
from audience.scaffold import SCHEMAS, make_project
from audience.scheduling import Schedule, make_schedule, read_time
from audience.store.manifest import to_json
from audience.workspace import load_project, open_workspace, opened, read_rules, today

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

__all__ = [
    "BuildResult",
    "CasesReport",
    "CheckReport",
    "build",
    "check",
    "check_cases",
    "convert",
    "diff",
    "explain",
    "export",
    "facts_of",
    "flow",
    "forget",
    "ids_in",
    "init",
    "list_builds",
    "load",
    "load_if_any",
    "members",
    "overlap",
    "profile",
    "prune",
    "read_log",
    "reasons",
    "report_on",
    "schedule",
    "schema",
    "show",
    "tags",
    "today",
    "verify",
    "waterfall",
    "why",
    "write_diff",
    "write_flow",
    "write_report",
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
    files = read_rules(workspace, paths_of(rules), problems, variables)
    for file in files:
        doubts(file, problems)
    problems.extend(list_problems(project, files))
    return CheckReport(tuple(files), problems.errors, problems.warnings)


def build(
    project: Project,
    rules: str | Path | Sequence[str | Path] = (),
    *,
    as_of: date | str | None = None,
    packs: str | Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    dry_run: bool = False,
    engine: str | None = None,
    spark: SparkSession | None = None,
    on_step: OnStep | None = None,
    steps: Steps | None = None,
    cache: bool = True,
    plain: bool = False,
) -> tuple[BuildResult, ...]:
    """Evaluate rule files in one run and publish each of them in one step.

    ``packs`` limits the run to packs of those names (``[[campaign/]phase/]pack``);
    ``variables`` win over those of the files; with ``dry_run`` nothing is published; without
    ``cache`` nothing is taken from earlier runs or kept for later ones; ``plain`` leaves out
    what is only there for speed, for comparison. ``on_step`` is told of each step, ``steps``
    measures them. Raises RuleError, DataError, StoreError,
    BusyError, NotPublishedError, UsageError, and at the end ExpectationError, which carries the
    results, where a file's expectations are broken.
    """
    steps = steps or Steps(on_step)
    with steps.step("open", "tables and rules", told=False):
        workspace, requests = prepare(
            project.on(engine, spark), paths_of(rules), day_or_none(as_of), packs, variables or {}
        )
    return run_build(
        workspace,
        requests,
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
    engine: str | None = None,
    spark: SparkSession | None = None,
) -> tuple[CasesReport, ...]:
    """Run the cases beside rule files, by default all of the project's; a report for each file.

    Raises RuleError with every problem of the case files and rules, UsageError, DataError.
    """
    workspace, problems = opened(project.on(engine, spark)), Problems()
    files = read_cases(workspace, find_cases(project, paths_of(rules)), problems)
    prepared = [(file, prepare_cases(workspace, file, variables or {}, problems)) for file in files]
    problems.raise_errors()
    return tuple(run_cases(workspace, file, cases) for file, cases in prepared)


def explain(
    project: Project,
    rules: str | Path | Sequence[str | Path] = (),
    *,
    as_of: date | str | None = None,
    packs: str | Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    engine: str | None = None,
    spark: SparkSession | None = None,
) -> str:
    """The plan of a build, as text: what is read, what is shared, how each pack comes out of it.

    Of the engine it says how it would go about it, of Spark the stages and what is shuffled.
    """
    project = project.on(engine, spark)
    workspace, requests = prepare(
        project, paths_of(rules), day_or_none(as_of), packs, variables or {}
    )
    plan = plan_of(workspace, requests)
    by_day = users_of(workspace, plan)
    users = by_day.values()
    whole = workspace.tables[plan.users.table]
    every = sum(map(len, whole.snapshots.values())) or len(whole.files)
    counts = {whole.name: (sum(len(each.files) for each in users), every)}
    for read in plan.events:
        table = workspace.tables[read.table]
        counts[read.table] = (len(table.within(read.days)), len(table.files))
    how = explain_run(project, plan, workspace.tables, by_day)
    return explain_plan(plan, counts) + "".join(f"{line}\n" for line in how)


def tags(
    project: Project,
    names: str | Sequence[str] = (),
    *,
    table: str = "",
    top: int = 20,
    engine: str | None = None,
    spark: SparkSession | None = None,
) -> tuple[TagReport, ...]:
    """The tag dictionary with what the columns hold; ``names`` are tags or labels, default all.

    ``table`` is an event table whose columns are wanted instead. Raises UsageError, DataError.
    """
    return report_tags(opened(project.on(engine, spark)), names, table=table, top=top)


def schema(kind: str, project: Project | None = None) -> dict[str, Any]:
    """The JSON Schema of `rules` or of the `project` file; with a project, rules know its tags."""
    if kind == "project":
        return project_schema()
    if project is None:
        return rule_schema()
    return rule_schema(opened(project).catalog)


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


def prune(
    project: Project,
    names: str | Sequence[str] = (),
    *,
    keep: int | None = None,
    older_than: str | None = None,
    dry_run: bool = False,
) -> tuple[Old, ...]:
    """Remove old builds; see :func:`audience.retention.prune`. ``older_than`` is such as 90d."""
    age = duration_of("--older-than", older_than)
    return prune_builds(project, several(names), keep=keep, older_than=age, dry_run=dry_run)


def forget(project: Project, ids: int | str | Sequence[int | str]) -> Forgotten:
    """Take people out of all that is published and kept; see :func:`audience.forgetting.forget`."""
    people = [ids] if isinstance(ids, (int, str)) else ids
    return forget_people(project, [str(each) for each in people])


def schedule(
    project: Project,
    rules: str | Path | Sequence[str | Path] = (),
    *,
    at: str = "03:00",
    as_of: str = "yesterday",
    notify: str | None = None,
    program: str | Sequence[str] = ("audience",),
) -> Schedule:
    """A nightly build of rule files as a crontab line and a systemd timer; nothing is put in place.

    Raises UsageError.
    """
    if as_of not in {"today", "yesterday"}:
        raise UsageError(f"--as-of `{as_of}`: expected today or yesterday, as it runs every day")
    files = [str(Path(each).resolve()) for each in paths_of(rules)]
    for each in files:
        if not Path(each).exists():
            raise UsageError(f"there is no rule file {each}")
    words = ["build-pack", *files, "--as-of", as_of, "--quiet"]
    words += ["--notify", notify] if notify else []
    now = datetime.now().astimezone()
    return make_schedule(
        several(program), words, project.root, read_time(at), project.time_zone, now
    )


def load_if_any(path: str | Path | None = None) -> Project | None:
    """As :func:`load`, or None where no path is given and there is no project."""
    return None if path is None and find_project(Path.cwd()) is None else load(path)
