"""The program: its commands in the order people meet them."""

from __future__ import annotations

import ctypes
import gc
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from traceback import walk_stack
from typing import Annotated, NoReturn

import typer

from audience.commands.build import build_pack, explain, size
from audience.commands.check import check, schema
from audience.commands.convert import convert
from audience.commands.exits import ExitCode, Terminated, TerminatedAmid
from audience.commands.init import init
from audience.commands.insight import flow, overlap, profile, waterfall
from audience.commands.output import open_streams, tell_lost_output
from audience.commands.packs import diff_packs, export_pack, list_packs, log, show_pack, verify
from audience.commands.report import report
from audience.commands.schedule import schedule
from audience.commands.tags import tags
from audience.commands.test import run_cases
from audience.commands.upkeep import forget, prune
from audience.commands.why import why

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
app.command("waterfall", rich_help_panel=_RUN)(waterfall)
app.command("profile", rich_help_panel=_RUN)(profile)
app.command("why", rich_help_panel=_RUN)(why)
app.command("report", rich_help_panel=_RUN)(report)
app.command("flow", rich_help_panel=_RUN)(flow)
app.command("convert", rich_help_panel=_RUN)(convert)
app.command("explain", rich_help_panel=_RUN)(explain)
app.command("schedule", rich_help_panel=_RUN)(schedule)
app.command("list-packs", rich_help_panel=_LOOK)(list_packs)
app.command("show-pack", rich_help_panel=_LOOK)(show_pack)
app.command("diff-packs", rich_help_panel=_LOOK)(diff_packs)
app.command("overlap", rich_help_panel=_LOOK)(overlap)
app.command("export-pack", rich_help_panel=_LOOK)(export_pack)
app.command("verify", rich_help_panel=_LOOK)(verify)
app.command("log", rich_help_panel=_LOOK)(log)
app.command("prune", rich_help_panel=_LOOK)(prune)
app.command("forget", rich_help_panel=_LOOK)(forget)


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
    open_streams()
    # A run makes many objects that stay and hardly any circle of them: looking for circles after
    # every few hundred would cost more than all that is ever found.
    gc.set_threshold(1_000_000, 20, 20)
    # No matrix is multiplied here; threads for it would only be started and wait.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    sys.meta_path.insert(0, _WithoutPandas)
    signal.signal(signal.SIGTERM, _end)
    sys.unraisablehook = _again
    _catch_aborts()
    _leave(_run())


def _end(_signal: int, _frame: object) -> NoReturn:
    # A line to Java would stay as it is, and whoever asks next wait for its answer.
    raise TerminatedAmid if "py4j" in sys.modules else Terminated


def _again(lost: sys.UnraisableHookArgs) -> None:
    """A signal may come while Python does away with something, where nothing can be raised.

    The run would go on as if nobody had asked; so it comes again, once this is over.
    """
    if issubclass(lost.exc_type, (KeyboardInterrupt, Terminated)):
        number = signal.SIGTERM if issubclass(lost.exc_type, Terminated) else signal.SIGINT
        threading.Thread(target=_send_later, args=[number], daemon=True).start()
        return
    sys.__unraisablehook__(lost)


def _send_later(number: signal.Signals) -> None:
    main = threading.main_thread().ident or 0
    while any(  # it would be lost there, too
        frame.f_code is _again.__code__ for frame, _ in walk_stack(sys._current_frames()[main])
    ):
        time.sleep(0.01)
    signal.pthread_kill(main, number)


def _give_up(_signal: int) -> NoReturn:
    from audience.trail import last

    where = last() or "a table"
    text = f"error: {where} cannot be read: the library that reads it gave up over what is in it\n"
    with suppress(OSError):  # nobody may be there to read it
        os.write(2, text.encode())
    os._exit(ExitCode.DATA)


def _catch_aborts() -> None:
    """Tell in words when a library ends the process: some do, over tables that are damaged.

    Python's own handlers would never be called: a process that was aborted runs no more of it.
    """
    global _handler
    _handler = ctypes.CFUNCTYPE(None, ctypes.c_int)(_give_up)
    ctypes.CDLL(None).signal(signal.SIGABRT, _handler)


_handler: object = None
"""Kept for as long as the process may call it."""


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
    except Terminated:  # outside of commands
        return ExitCode.TERMINATED
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
