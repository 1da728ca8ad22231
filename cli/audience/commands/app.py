"""The program: its commands in the order people meet them."""

from __future__ import annotations

import gc
import os
import sys
from typing import Annotated

import typer

from audience.commands.build import build_pack, explain, size
from audience.commands.check import check, schema
from audience.commands.exits import ExitCode
from audience.commands.init import init
from audience.commands.output import tell_lost_output
from audience.commands.packs import diff_packs, list_packs, show_pack
from audience.commands.tags import tags
from audience.commands.test import run_cases

_EPILOG = "Exit codes: " + ", ".join(
    f"{code.value} {code.name.lower().replace('_', ' ')}" for code in ExitCode
)

app = typer.Typer(
    name="audience",
    help="Build audience packs (人群包) from readable rules: YAML in, Parquet out.",
    epilog=_EPILOG,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

_START, _RUN, _LOOK = "Start", "Rules and packs", "What is published"

app.command("init", rich_help_panel=_START)(init)
app.command("tags", rich_help_panel=_START)(tags)
app.command("schema", rich_help_panel=_START)(schema)
app.command("check", rich_help_panel=_RUN)(check)
app.command("test", rich_help_panel=_RUN)(run_cases)
app.command("size", rich_help_panel=_RUN)(size)
app.command("build-pack", rich_help_panel=_RUN)(build_pack)
app.command("explain", rich_help_panel=_RUN)(explain)
app.command("list-packs", rich_help_panel=_LOOK)(list_packs)
app.command("show-pack", rich_help_panel=_LOOK)(show_pack)
app.command("diff-packs", rich_help_panel=_LOOK)(diff_packs)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"audience {version('audience')}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", help="Print the version.", callback=_print_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Build audience packs (人群包) from readable rules: YAML in, Parquet out."""


def main() -> None:
    """Run the program."""
    # A run makes many objects that stay and hardly any circle of them: looking for circles after
    # every few hundred would cost more than all that is ever found.
    gc.set_threshold(200_000, 20, 20)
    # No matrix is multiplied here; threads for it would only be started and wait.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    for stream in (sys.stdout, sys.stderr):
        # A terminal that can't show a character gets an escape, not a crash.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except OSError as error:  # from what is printed before a command begins: --version, --help
        tell_lost_output(error)
        sys.exit(ExitCode.STORE)
