"""``schedule``: the lines that make a machine build packs every night."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from audience.commands.options import NotifyOption, ProjectOption, RulesArgument
from audience.commands.output import guarded, say


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
    from audience.notify import check_target
    from audience.scheduling import unit_name

    if notify is not None:
        check_target(notify)
    opened = api.load(project)
    made = api.schedule(opened, rules or (), at=at, as_of=as_of, notify=notify, program=_program())
    if not rules:
        say(
            "warning: this builds every rule file of the project, those of finished phases too; "
            "to build only some, name them: audience schedule RULES…"
        )
    unit = unit_name(opened.root, rules or ())
    typer.echo(made.cron)
    typer.echo(_SERVICE.format(unit=unit))
    typer.echo(made.service)
    typer.echo(_TIMER.format(unit=unit))
    typer.echo(made.timer, nl=False)


_SERVICE = """\
# Or with systemd. As root: put this into /etc/systemd/system/{unit}.service.
# Without root: put it into ~/.config/systemd/user/{unit}.service,
# without the line `User=`. `loginctl enable-linger` lets it run while you are not logged in."""
_TIMER = """\
# Put this beside it, into {unit}.timer.
# Then, as root: systemctl daemon-reload && systemctl enable --now {unit}.timer
# Without root: systemctl --user daemon-reload && systemctl --user enable --now {unit}.timer"""


def _program() -> list[str]:
    """How this program is started, whatever PATH is then."""
    beside = Path(sys.executable).with_name("audience")
    if beside.is_file():
        return [str(beside)]
    found = shutil.which("audience")
    return [found] if found else [sys.executable, "-m", "audience"]
