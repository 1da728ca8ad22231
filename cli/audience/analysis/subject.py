"""What a report is of: a rule file at a day, or a published build by its own rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from audience.analysis.recorded import recorded_rules
from audience.errors import DataError, UsageError
from audience.evaluation import prepare
from audience.plan.build import Request
from audience.rules.language import Language
from audience.rules.project import Project
from audience.rules.reference import parse_reference
from audience.store.manifest import FILE_NAME, Manifest
from audience.store.read import Build, open_build
from audience.workspace import RULE_SUFFIXES, Workspace, opened


@dataclass(frozen=True)
class Subject:
    """A request in an opened workspace; of a build also that, and what is not as it was."""

    workspace: Workspace
    request: Request
    build: Build | None = None
    doubts: tuple[str, ...] = ()


def subject_of(
    project: Project,
    subject: str | Path,
    day: date | None,
    packs: Sequence[str],
    variables: Mapping[str, str],
    language: Language,
) -> Subject:
    """What a path, or a build's name, stands for. Raises as :func:`report_on` does."""
    path = Path(subject)
    if path.suffix in RULE_SUFFIXES or (path.exists() and not (path / FILE_NAME).is_file()):
        workspace, requests = prepare(project, [path], day, packs, variables)
        if len(requests) != 1:
            names = ", ".join(request.file.name for request in requests)
            raise UsageError(f"a report is of one rule file; {path} has {len(requests)}: {names}")
        return Subject(workspace, requests[0])
    if day is not None or variables:
        raise UsageError(f"{subject} is a build, whose day and variables are known")
    if path.exists():
        raise UsageError(f"{path} is a folder; name the build: campaign/phase@2023-06-18")
    reference = parse_reference(str(subject))
    if reference.pack and packs:
        raise UsageError(f"{subject} names a pack; --pack is for a whole build")
    build = open_build(project.packs, replace(reference, pack=""))
    workspace = opened(project)
    recorded = recorded_rules(workspace, build.manifest, language)
    wanted = [reference.pack] if reference.pack else list(packs)
    published = [entry.name for entry in build.manifest.packs]
    chosen = frozenset(each for name in wanted or published for each in _named(build, name))
    request = Request(recorded.file, build.manifest.as_of, chosen, None)
    request = replace(request, snapshot=_snapshot(workspace, build.manifest))
    return Subject(workspace, request, build, recorded.doubts)


def _named(build: Build, wanted: str) -> list[str]:
    """A published pack with the sides of its split, or all of a set of stages."""
    name = wanted.removeprefix(f"{build.manifest.campaign}/{build.manifest.phase}/")
    packs = [entry.name for entry in build.manifest.packs]
    found = [each for each in packs if each == name or each.startswith(f"{name}.")]
    return found or [build.entry(name).name]


def _snapshot(workspace: Workspace, build: Manifest) -> date | None:
    day = build.snapshot_day
    users = workspace.tables[workspace.project.users.name]
    if day is not None and day not in users.snapshots:
        raise DataError(f"the snapshot of {day} that {build.name} was built from is gone")
    return day
