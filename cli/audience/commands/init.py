"""``init``: a new project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audience.commands.output import guarded, say


@guarded
def init(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where; made if it is not there.")
    ] = Path(),
    tables: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            help="A Parquet file or folder of yours: of users, and if you like a second of events.",
            show_default=False,
        ),
    ] = None,
    key: Annotated[
        str | None,
        typer.Option(help="The column that names the user; default: found.", show_default=False),
    ] = None,
) -> None:
    """Make a new project: audience.yaml, a first rule file, .gitignore.

    Without --from it comes with small made-up tables, so that everything can be tried at once.
    """
    from audience import api

    for path in api.init(folder, tables or (), key=key):
        say(f"wrote {path}")
    here = "" if folder == Path() else f"cd {folder} && "
    say(f"\nnow: {here}audience check && audience build-pack")
