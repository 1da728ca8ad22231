"""The record of a build: what its manifest says it was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from audience.engine.files import state_of
from audience.engine.tables import TableData
from audience.errors import Source
from audience.insight.summary import Summary
from audience.objects import REQUESTS, path_of
from audience.plan.build import Request
from audience.plan.nodes import Read
from audience.rules.project import Project
from audience.store.manifest import InputFile, ListInput, Manifest, RuleText, Window
from audience.threads import in_threads
from audience.workspace import Workspace, below


def program_version() -> str:
    """The installed version; 0 where the package runs from a bare folder."""
    try:
        return version("audience")
    except PackageNotFoundError:
        return "0"


def record(
    workspace: Workspace,
    request: Request,
    users: TableData,
    reads: Sequence[Read],
    lists: Iterable[ListInput],
    summary: Summary,
) -> Manifest:
    """The manifest of a file's build, without its packs: their entries come from the files."""
    project = workspace.project
    file = request.file
    return Manifest(
        file.campaign,
        file.phase,
        file.label,
        request.as_of,
        f"audience {program_version()}",
        _rule_text(project.source, project.root, {}),
        tuple(
            _rule_text(source, project.root, file.variables.get(source.path, {}))
            for source in file.sources
        ),
        tuple(_inputs(workspace, users, reads)),
        project.users.key,
        summary.base,
        request.packs is not None and len(request.packs) < len(file.packs),
        (),
        str(request.snapshot or ""),
        tuple(
            Window(read.table, str(read.days[0] or ""), str(read.days[1]))
            for read in reads
            if read.days is not None
        ),
        tuple(sorted(set(lists), key=lambda each: (each.kind, each.name))),
        summary.suppressed,
    )


def _rule_text(source: Source, root: Path, variables: Mapping[str, str]) -> RuleText:
    digest = hashlib.sha256(source.text.encode()).hexdigest()
    return RuleText(below(Path(source.path), root), digest, source.text, dict(variables))


def _inputs(workspace: Workspace, users: TableData, reads: Sequence[Read]) -> Iterable[InputFile]:
    for read in reads:
        table = users if read.days is None else workspace.tables[read.table]
        for file in table.within(read.days):
            path = below(file.path, workspace.project.root)
            yield InputFile(table.name, path, file.size, _moment(file.modified))


def changed_inputs(project: Project, manifest: Manifest) -> list[InputFile]:
    """The files that a build was made from and that are gone, or not as it read them."""
    here = in_threads(lambda each: _is_here(project.root, each), manifest.inputs, REQUESTS)
    return [each for each, same in zip(manifest.inputs, here, strict=True) if not same]


def _is_here(root: Path, as_read: InputFile) -> bool:
    try:
        found = state_of(path_of(as_read.path, root))
    except OSError:
        return False
    return (found.size, _moment(found.modified)) == (as_read.size, as_read.modified)


def _moment(nanoseconds: int) -> str:
    """A time since 1970, as manifests have it: UTC."""
    whole, part = divmod(nanoseconds, 1_000_000_000)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{part:09d}Z"
