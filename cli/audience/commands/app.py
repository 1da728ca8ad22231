"""The program: its commands in the order people meet them."""

from __future__ import annotations

import gc
import os
import sys
from contextlib import suppress
from typing import Annotated, NoReturn

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


class _WithoutPandas:
    """pyarrow loads pandas for its first array wherever it is installed: 0.2 s for nothing here."""

    @staticmethod
    def find_spec(name: str, *_: object) -> None:
        """Say that there is none."""
        if name == "pandas":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def main() -> NoReturn:
    """Run the program, and end the process."""
    # A run makes many objects that stay and hardly any circle of them: looking for circles after
    # every few hundred would cost more than all that is ever found.
    gc.set_threshold(1_000_000, 20, 20)
    # No matrix is multiplied here; threads for it would only be started and wait.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.meta_path.insert(0, _WithoutPandas)
    for stream in (sys.stdout, sys.stderr):
        # A terminal that can't show a character gets an escape, not a crash.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    _leave(_run())


def _run() -> int:
    code: int = ExitCode.OK
    try:
        try:
            app()
        except SystemExit as end:
            if not isinstance(end.code, int):
                raise
            code = end.code
        sys.stdout.flush()
    except OSError as error:  # from what is printed outside of commands: --version, --help
        tell_lost_output(error)
        return ExitCode.STORE
    return code


def _leave(code: int) -> NoReturn:
    """End the process here.

    What was published is on the disk, locks are let go. To take all modules and arrays to pieces,
    as Python does, takes up to 0.3 s more.
    """
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):
            stream.flush()
    os._exit(code)
