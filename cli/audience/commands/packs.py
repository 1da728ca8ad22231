"""``list-packs``, ``show-pack``, ``diff-packs``: what is published."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from audience.commands.options import (
    FormatOption,
    ProjectOption,
    SummaryFormatOption,
)
from audience.commands.output import Format, SummaryFormat, guarded, say, write_grids, write_json

_MEMBERS = 5
# The help is markup: a bracket that is meant is escaped.
_NAME = r"campaign/phase\[@as_of]\[/pack]"


@guarded
def list_packs(format: FormatOption = Format.TABLE, project: ProjectOption = None) -> None:
    """List what is published: builds, their packs, sizes."""
    from audience import api
    from audience.report.tables import builds_grid

    manifests = api.list_builds(api.load(project))
    if format is Format.JSON:
        write_json({"builds": [_brief(manifest) for manifest in manifests]})
    elif manifests:
        write_grids([builds_grid(manifests)])
    else:
        say("nothing is published yet; `audience build-pack` publishes")


@guarded
def show_pack(
    pack: Annotated[str, typer.Argument(help=_NAME)],
    format: FormatOption = Format.TABLE,
    project: ProjectOption = None,
) -> None:
    """Show a published pack, or a whole build: its manifest, size and a few members."""
    from audience import api
    from audience.report.tables import build_grids

    build, name = api.show(api.load(project), pack)
    members = build.ids(name)[:_MEMBERS].to_pylist() if name else []
    if format is Format.JSON:
        manifest = {**asdict(build.manifest), "as_of": str(build.manifest.as_of)}
        value = {"folder": str(build.folder), "manifest": manifest}
        if name:
            value |= {"pack": asdict(build.entry(name)), "members": members}
        write_json(value)
    else:
        write_grids(build_grids(build, name, members))


@guarded
def diff_packs(
    old: Annotated[str, typer.Argument(help=f"{_NAME}, a build's folder or a pack's file")],
    new: Annotated[str, typer.Argument(help="The same, to compare it with.")],
    matrix: Annotated[
        bool, typer.Option("--matrix", help="How OLD packs' users spread over NEW packs.")
    ] = False,
    write: Annotated[
        Path | None,
        typer.Option(
            "--write",
            help="Write kept, added and removed ids as Parquet below this folder.",
            show_default=False,
        ),
    ] = None,
    format: SummaryFormatOption = SummaryFormat.TABLE,
    project: ProjectOption = None,
) -> None:
    """Compare two packs, two phases or two builds: who was kept, added, removed."""
    from audience import api
    from audience.report.tables import diff_grids
    from audience.report.words import counted

    opened = api.load_if_any(project)
    found = api.diff(opened, old, new)
    if write:
        count = api.write_diff(opened, found, write)
        say(f"wrote {counted(count, 'file')} below {write}")
    if format is SummaryFormat.JSON:
        write_json(found.to_dict(matrix=matrix))
    else:
        write_grids(diff_grids(found, matrix=matrix), markdown=format is SummaryFormat.MARKDOWN)


def _brief(manifest: object) -> dict[str, object]:
    from audience.store.manifest import Manifest

    assert isinstance(manifest, Manifest)
    return {
        "build": manifest.name,
        "label": manifest.label,
        "base": manifest.base_size,
        "partial": manifest.partial,
        "packs": [asdict(entry) for entry in manifest.packs],
    }
