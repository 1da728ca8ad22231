"""The record of a build: what its manifest says it was made from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from audience.engine.tables import TableData
from audience.errors import Source
from audience.insight.summary import Summary
from audience.plan.build import Request
from audience.plan.nodes import Read
from audience.store.manifest import InputFile, ListInput, Manifest, RuleText, Window
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
            modified = datetime.fromtimestamp(file.modified // 1_000_000_000, UTC)
            text = f"{modified:%Y-%m-%dT%H:%M:%S}.{file.modified % 1_000_000_000:09d}Z"
            path = below(file.path, workspace.project.root)
            yield InputFile(table.name, path, file.size, text)
