"""A project opened: its tables' footers read, its dictionary typed, its rule files found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from audience.engine.choice import locate
from audience.engine.tables import TableData, open_table
from audience.errors import RuleError, Source, UsageError, nearest
from audience.kinds import Catalog
from audience.objects import AnyPath, ObjectPath
from audience.rules.asked import Asker
from audience.rules.catalog import build_catalog
from audience.rules.java import check_for_java
from audience.rules.library import Library
from audience.rules.project import FILE_NAME, Project, find_project, read_project
from audience.rules.reader import Problems
from audience.rules.source import read_source
from audience.rules.tree import RuleFile

_CASES = ".cases.yaml"
RULE_SUFFIXES = {".yaml", ".yml"}


@dataclass(frozen=True)
class Workspace:
    """A project with its tables' footers read."""

    project: Project
    tables: Mapping[str, TableData]
    catalog: Catalog


def load_project(path: str | Path | None) -> Project:
    """The project at ``path``, else the nearest one above the working directory.

    Raises UsageError, RuleError.
    """
    if path is None:
        found = find_project(Path.cwd())
        if found is None:
            raise UsageError(
                f"no {FILE_NAME} here or in a folder above; `audience init` makes a project, "
                "`--project` names one"
            )
    else:
        found = Path(path) / FILE_NAME if Path(path).is_dir() else Path(path)
        if not found.is_file():
            raise UsageError(f"there is no project file {found}")
    return read_project(found, shown(found))


def open_workspace(project: Project, problems: Problems) -> Workspace:
    """Open a project's tables. Faults of the dictionary go to ``problems``; raises DataError."""
    specs = (project.users, *project.events.values())
    found = partial(locate, project)
    tables = {spec.name: open_table(spec, project.root, project.time_zone, found) for spec in specs}
    schemas = {name: table.tags for name, table in tables.items()}
    return Workspace(project, tables, build_catalog(project, schemas, problems))


def opened(project: Project) -> Workspace:
    """A project opened whose dictionary has no faults. Raises RuleError, DataError."""
    problems = Problems()
    workspace = open_workspace(project, problems)
    problems.raise_errors()
    return workspace


def read_rules(
    workspace: Workspace,
    rules: Sequence[str | Path],
    problems: Problems,
    variables: Mapping[str, str] | None = None,
) -> list[RuleFile]:
    """The rule files asked for, by default all; their problems go to ``problems``.

    ``variables`` has values that win over those of the files. Raises UsageError.
    """
    shipped = _rule_files(workspace.project.rules)
    asked = (
        [file for each in rules for file in _named_files(Path(each), shipped)] if rules else shipped
    )
    wanted = list({path.resolve(): path for path in asked}.values())
    if not wanted:
        raise UsageError(f"no rule file in {shown(workspace.project.rules)}")
    known = {path.resolve() for path in wanted}
    sources = _read_sources(wanted, problems)
    others = [path for path in shipped if path.resolve() not in known]
    # A file that can't be read matters only to those who refer to it.
    library = Library(workspace.catalog, problems, variables)
    files = library.read(sources, _read_sources(others, Problems()))
    if workspace.project.engine == "spark":
        check_for_java(files, problems)
    return files


def open_asker(
    workspace: Workspace, problems: Problems, variables: Mapping[str, str] | None = None
) -> Asker:
    """What reads conditions that callers give; they may name all that the project's rules have.

    Raises UsageError.
    """
    unread = Problems()
    sources = _read_sources(_rule_files(workspace.project.rules), unread)
    return Library(workspace.catalog, problems, variables).asker(sources, unread)


def today(project: Project) -> date:
    """The day it is in the project's time zone."""
    return datetime.now(ZoneInfo(project.time_zone)).date()


def below(path: AnyPath, root: Path) -> str:
    """A path as manifests have it: relative to the project where it lies below it."""
    if isinstance(path, ObjectPath):
        return str(path)
    full = path.resolve()
    return full.relative_to(root).as_posix() if full.is_relative_to(root) else full.as_posix()


def shown(path: Path) -> str:
    """A path as messages have it: relative to the working directory where it lies below it."""
    full, here = path.resolve(), Path.cwd()
    return str(full.relative_to(here)) if full.is_relative_to(here) else str(full)


def _read_sources(paths: Iterable[Path], problems: Problems) -> list[Source]:
    out = []
    for path in paths:
        try:
            out.append(read_source(path, shown(path)))
        except RuleError as error:
            problems.extend(error.problems)
    return out


def _rule_files(folder: Path) -> list[Path]:
    try:
        return _search(folder)
    except OSError as error:
        raise UsageError(f"cannot read {shown(folder)}: {error.strerror or error}") from None


def _search(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in RULE_SUFFIXES
        and not path.name.endswith(_CASES)
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def _named_files(path: Path, shipped: Sequence[Path]) -> list[Path]:
    if path.is_dir():
        found = _rule_files(path)
        if not found:
            raise UsageError(f"no rule file in {path}")
        return found
    if not path.is_file():
        close = _nearest_file(path, shipped)
        hint = f"; did you mean {shown(close)}?" if close else ""
        raise UsageError(f"there is no rule file {path}{hint}")
    return [path]


def _nearest_file(path: Path, files: Sequence[Path]) -> Path | None:
    """The file with a name like that of a path, whatever its suffix: of its folder, else of any."""
    beside = [each for each in files if each.parent.resolve() == path.parent.resolve()]
    for some in (beside, files):
        by_name = {each.stem: each for each in some}
        close = nearest(path.stem, by_name)
        if close:
            return by_name[close]
    return None
