"""``schedule``: the lines that make a machine build packs every night."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from audience.commands.options import NotifyOption, ProjectOption, RulesArgument
from audience.commands.output import guarded


@guarded
def schedule(
    rules: RulesArgument = None,
    at: Annotated[
        str, typer.Option("--at", help="The time of day, in the project's time zone.")
    ] = "03:00",
    as_of: Annotated[
        str, typer.Option("--as-of", help="The day rules are evaluated at: today or yesterday.")
    ] = "yesterday",
    notify: NotifyOption = None,
    project: ProjectOption = None,
) -> None:
    """Print the crontab line, and a systemd timer, that build packs every night.

    Nothing is put in place: look at it, then do.
    """
    from audience import api

    made = api.schedule(
        api.load(project), rules or (), at=at, as_of=as_of, notify=notify, program=_program()
    )
    typer.echo(made.cron)
    typer.echo("# Or, as /etc/systemd/system/audience.service (`systemctl --user`: see the docs)")
    typer.echo(made.service)
    typer.echo(
        "# and /etc/systemd/system/audience.timer, then `systemctl enable --now audience.timer`"
    )
    typer.echo(made.timer, nl=False)


def _program() -> list[str]:
    """How this program is started, whatever PATH is then."""
    beside = Path(sys.executable).with_name("audience")
    if beside.is_file():
        return [str(beside)]
    found = shutil.which("audience")
    return [found] if found else [sys.executable, "-m", "audience"]
