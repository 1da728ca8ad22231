"""``prune``, ``forget``: what is published and must not stay."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audience.commands.options import ProjectOption, QuietOption
from audience.commands.output import guarded, say
from audience.commands.runs import told
from audience.errors import StoreError

if TYPE_CHECKING:
    from audience.rules.project import Project


@guarded
def prune(
    phases: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PHASE]...",
            help="Campaigns, or campaign/phase; default: all.",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep", min=1, help="How many builds of each phase stay.", show_default=False
        ),
    ] = None,
    older_than: Annotated[
        str | None,
        typer.Option(
            "--older-than",
            help="Only builds of days so long ago: 90d, 6m, 1y.",
            show_default=False,
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", "-n", help="Say what would go, and remove nothing.")
    ] = False,
    project: ProjectOption = None,
    quiet: QuietOption = False,
) -> None:
    """Remove old builds; never the newest of a phase, nor one that a rule's `published:` names."""
    from audience import api
    from audience.report.words import counted

    with told("prune") as run:
        run.project, run.logged = api.load(project), not dry_run
        found = api.prune(
            run.project, phases or (), keep=keep, older_than=older_than, dry_run=dry_run
        )
        gone = [str(each.build) for each in found if not each.needed_by]
        run.facts["removed"] = gone
    if quiet:
        return
    for each in found:
        if each.needed_by:
            say(f"kept {each.build}: {each.needed_by} names it")
    for name in gone:
        typer.echo(name)
    say(f"{'would remove' if dry_run else 'removed'} {counted(len(gone), 'build')}")


@guarded
def forget(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ID]...", help="Who is to be forgotten.", show_default=False),
    ] = None,
    ids_from: Annotated[
        Path | None,
        typer.Option(
            "--from",
            help="A list like those of `suppress` (.txt, .csv, .parquet), or - for ids that are "
            "typed or piped in, one a line: those on a command line stay in a shell's history.",
            show_default=False,
            allow_dash=True,
        ),
    ] = None,
    column: Annotated[
        str,
        typer.Option(help="The column of the ids in a CSV or Parquet file of several."),
    ] = "",
    project: ProjectOption = None,
    quiet: QuietOption = False,
) -> None:
    """Take people out of every published pack and out of what is kept between runs.

    Your tables, rule files and lists are yours: while those have them, the next build has them
    again, unless they are on a suppress list.
    """
    from audience import api
    from audience.report.words import counted

    with told("forget") as run:
        run.project = api.load(project)
        found = api.forget(run.project, [*(ids or ()), *_read(run.project, ids_from, column)])
        changed = [{"build": name, "manifest": sha} for name, sha in found.builds.items()]
        run.facts |= {"people": found.found, "packs": found.packs, "changed": changed}
        if not quiet:
            who = f"{found.found:,} of {counted(found.asked, 'id')}"
            where = f"{counted(found.packs, 'pack')} in {counted(len(found.builds), 'build')}"
            say(f"took {who} out of {where}, and out of the builds' texts")
            say("replaced builds, drafts and what was kept between runs are removed")
            say(
                "exported files, tables, rule files and lists are yours: while the tables have "
                "them, the next build has them again, unless they are on a suppress list"
            )
        if found.failed:
            raise StoreError("\n".join(found.failed))


def _read(project: Project, path: Path | None, column: str) -> list[str]:
    from audience import api

    if path is None:
        return []
    if str(path) != "-":
        return api.ids_in(project, path, column)
    return [line.strip() for line in sys.stdin.read().splitlines() if line.strip()]
