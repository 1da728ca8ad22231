"""``list-packs``, ``show-pack``, ``verify``, ``export-pack``, ``diff-packs``: what is published."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from audience.commands.options import (
    EngineOption,
    FormatOption,
    MinCellOption,
    NoCacheOption,
    ProjectOption,
    QuietOption,
    SummaryFormatOption,
    least_count,
)
from audience.commands.output import Format, SummaryFormat, guarded, say, write_grids, write_json
from audience.commands.runs import told
from audience.errors import StoreError, UsageError

_MEMBERS = 5
# The help is markup: a bracket that is meant is escaped.
_NAME = r"campaign/phase\[@as_of]\[/pack]"


@guarded
def list_packs(format: FormatOption = Format.TABLE, project: ProjectOption = None) -> None:
    """List what is published: builds, their packs, sizes."""
    from audience import api
    from audience.report.tables import builds_grid

    found = api.list_builds(api.load(project))
    if format is Format.JSON:
        briefs = [_brief(manifest) for manifest in found.builds]
        write_json({"builds": briefs, "damaged": list(found.damaged)})
    elif found.builds:
        write_grids([builds_grid(found.builds)])
    elif not found.damaged:
        say("nothing is published yet; `audience build-pack` publishes")
    if found.damaged:
        raise StoreError("\n".join(found.damaged))


@guarded
def show_pack(
    pack: Annotated[str, typer.Argument(help=_NAME)],
    format: FormatOption = Format.TABLE,
    project: ProjectOption = None,
) -> None:
    """Show a published pack, or a whole build: its manifest, size and a few members."""
    from audience import api
    from audience.report.tables import build_grids

    opened = api.load(project)
    build, name = api.show(opened, pack)
    members = api.members(opened, pack, _MEMBERS).to_pylist() if name else []
    if format is Format.JSON:
        manifest = {**asdict(build.manifest), "as_of": str(build.manifest.as_of)}
        value = {"folder": str(build.folder), "manifest": manifest}
        if name:
            value |= {"pack": asdict(build.entry(name)), "members": members}
        write_json(value)
    else:
        write_grids(build_grids(build, name, members))


@guarded
def verify(
    packs: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PACK]...",
            help=f"{_NAME} or a build's folder; default: all that is published.",
            show_default=False,
        ),
    ] = None,
    format: FormatOption = Format.TABLE,
    project: ProjectOption = None,
    quiet: QuietOption = False,
) -> None:
    """Hold published files against the SHA-256 of their manifest, and the manifest against itself.

    Every file that is damaged, missing or nobody's is named, and the exit code is 5.
    """
    from audience import api
    from audience.report.tables import verified_grid

    found = api.verify(api.load_if_any(project), packs or ())
    if format is Format.JSON:
        write_json({"builds": [asdict(each) for each in found]})
    elif found and not quiet:
        write_grids([verified_grid(found)])
    elif not found and not quiet:
        say("nothing is published yet; `audience build-pack` publishes")
    faults = [fault for each in found for fault in each.faults]
    if faults:
        raise StoreError("\n".join(faults))


@guarded
def export_pack(
    pack: Annotated[str, typer.Argument(help=r"campaign/phase\[@as_of]/pack")],
    file: Annotated[
        Path, typer.Argument(help="The file to write: .parquet, .csv or .txt, an id a line.")
    ],
    project: ProjectOption = None,
    quiet: QuietOption = False,
) -> None:
    """Write a published pack's ids to a file, without those who are on suppress lists by now."""
    from audience import api
    from audience.report.words import counted

    with told("export-pack", reads=True) as run:
        run.project = api.load(project)
        found = api.export(run.project, pack, file)
        run.facts |= {
            "from": [found.build],
            "file": str(file),
            "ids": found.ids,
            "left_out": found.left_out,
        }
    if not quiet:
        more = f" without {found.left_out:,} on suppress lists by now" if found.left_out else ""
        say(f"wrote {counted(found.ids, 'id')} to {file}{more}")


@guarded
def log(
    last: Annotated[
        int, typer.Option("--last", "-n", min=1, help="How many runs, the newest last.")
    ] = 20,
    format: FormatOption = Format.TABLE,
    project: ProjectOption = None,
) -> None:
    """Show the log of runs: what was built from what, sizes, time, exit code.

    Each line names the hash of the one before it; where the chain is broken, the exit code is 5.
    """
    from audience import api
    from audience.report.tables import log_grid

    found = api.read_log(api.load(project))
    runs = found.runs[-last:]
    if format is Format.JSON:
        write_json({"runs": list(runs), "faults": list(found.faults)})
    elif runs:
        write_grids([log_grid(runs)])
    elif not found.faults:
        say("no run is in the log yet; `audience build-pack` publishes")
    if found.faults:
        raise StoreError("\n".join(found.faults))


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
    why: Annotated[
        bool,
        typer.Option(
            "--why",
            help="Why: rules edited, tags changed, days moved on; the old rules are evaluated on "
            "the new data, and the other way round.",
        ),
    ] = False,
    engine: EngineOption = None,
    no_cache: NoCacheOption = False,
    format: SummaryFormatOption = SummaryFormat.TABLE,
    min_cell: MinCellOption = None,
    project: ProjectOption = None,
) -> None:
    """Compare two packs, two phases or two builds: who was kept, added, removed, and why."""
    from audience import api
    from audience.insight.causes import shared_reasons
    from audience.insight.sharing import hidden_in_diff, shared_diff
    from audience.report.causes import reasons_grids
    from audience.report.counts import diff_grids
    from audience.report.words import counted

    opened = api.load_if_any(project)
    found = api.diff(opened, old, new)
    if write:
        with told("diff-packs --write", reads=True) as run:
            run.project = opened
            count = api.write_diff(opened, found, write)
            run.facts |= {"from": [found.old, found.new], "file": str(write), "files": count}
        say(f"wrote {counted(count, 'file')} below {write}")
    reasons = None
    if why:
        if opened is None:
            raise UsageError("--why evaluates rules: it needs a project")
        reasons = api.reasons(opened, found, engine=engine, cache=not no_cache)
    least = least_count(min_cell, format, opened)
    hidden = hidden_in_diff(found, least, matrix=matrix, reasons=reasons)
    if format is SummaryFormat.JSON:
        value = shared_diff(found, hidden, matrix=matrix)
        write_json(value | {"why": shared_reasons(reasons, hidden)} if reasons else value)
    else:
        grids = diff_grids(found, matrix=matrix, hidden=hidden)
        grids += reasons_grids(reasons, hidden) if reasons else []
        write_grids(grids, markdown=format is SummaryFormat.MARKDOWN)


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
