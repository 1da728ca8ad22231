"""The rules of a published build, read again from its manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from audience.analysis import sentences
from audience.errors import RuleError, Source
from audience.kinds import Catalog
from audience.rules.catalog import build_catalog
from audience.rules.language import Language
from audience.rules.library import Library
from audience.rules.project import Project, TableSpec, parse_project
from audience.rules.reader import Problems
from audience.rules.tree import RuleFile
from audience.store.manifest import Manifest, RuleText
from audience.workspace import Workspace


@dataclass(frozen=True)
class Recorded:
    """A build's rule file as it was then; ``doubts`` say what is not as it was."""

    file: RuleFile
    doubts: tuple[str, ...]


def recorded_rules(
    workspace: Workspace, manifest: Manifest, language: Language = Language.ENGLISH
) -> Recorded:
    """A build's rules by the dictionary of its day, over the tables of today.

    Raises RuleError where they can't be read any more: a column is gone, or its type is another.
    """
    catalog, doubts = _catalog(workspace, manifest, language)
    if manifest.forgotten:
        doubts.append(language.say(sentences.FORGOTTEN, build=manifest.name))
    sources = [Source(each.path, each.text) for each in manifest.rules]
    file = _read(catalog, sources, {})
    wanted = _changed(file, manifest.rules)
    return Recorded(_read(catalog, sources, wanted) if wanted else file, tuple(doubts))


def _catalog(
    workspace: Workspace, manifest: Manifest, language: Language
) -> tuple[Catalog, list[str]]:
    project = workspace.project
    if manifest.project.text == project.source.text:
        return workspace.catalog, []
    then = parse_project(Source(manifest.project.path, manifest.project.text), project.root)
    doubts = []
    if _places(then) != _places(project):
        doubts.append(language.say(sentences.OTHER_TABLES, build=manifest.name))
    if then.time_zone != project.time_zone:
        text = language.say(sentences.OTHER_ZONE, build=manifest.name, zone=then.time_zone)
        doubts.append(text)
    # The dictionary is that of its day, the tables are those that are here.
    both = replace(
        project,
        users=_with_words(project.users, then.users),
        events={
            name: _with_words(table, then.events[name]) if name in then.events else table
            for name, table in project.events.items()
        },
    )
    problems = Problems()
    schemas = {name: table.tags for name, table in workspace.tables.items()}
    catalog = build_catalog(both, schemas, problems)
    problems.raise_errors()
    return catalog, doubts


def _places(project: Project) -> list[tuple[str, ...]]:
    tables = (project.users, *project.events.values())
    return sorted(
        (each.name, each.path, each.key, each.time, each.day, each.action, each.snapshot)
        for each in tables
    )


def _with_words(now: TableSpec, then: TableSpec) -> TableSpec:
    return replace(now, columns=then.columns, actions=then.actions)


def _read(catalog: Catalog, sources: list[Source], variables: Mapping[str, str]) -> RuleFile:
    problems = Problems()
    files = Library(catalog, problems, variables).read(sources[:1], sources[1:])
    problems.raise_errors()
    if not files:
        raise RuleError([])
    return files[0]


def _changed(file: RuleFile, texts: tuple[RuleText, ...]) -> dict[str, str]:
    """The variables that were given another value than their file has."""
    return {
        name: value
        for text in texts
        for name, value in text.variables.items()
        if file.variables.get(text.path, {}).get(name, value) != value
    }
