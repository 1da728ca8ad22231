"""Where text goes: data to stdout, talk to stderr, every error to words, never a traceback."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ParamSpec

import typer

from audience.commands.exits import ExitCode, Terminated, code_of, exit_of
from audience.errors import AudienceError, RuleError

if TYPE_CHECKING:
    from audience.report.grid import Grid

P = ParamSpec("P")

_WIDE = 10_000


class Format(StrEnum):
    """How results are written."""

    TABLE = "table"
    JSON = "json"


class SummaryFormat(StrEnum):
    """How summaries are written."""

    TABLE = "table"
    JSON = "json"
    MARKDOWN = "markdown"


def guarded(command: Callable[P, None]) -> Callable[P, None]:
    """Turn what a command raises into a message and an exit code."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
            sys.stdout.flush()  # here, where it can still be told, and not when Python ends
        except RuleError as error:
            _say_problems(error)
            raise typer.Exit(ExitCode.RULES) from None
        except AudienceError as error:
            from audience.report.words import visible

            for line in str(error).splitlines():
                say(f"error: {visible(line)}")
            raise typer.Exit(code_of(error)) from None
        except (KeyboardInterrupt, Terminated) as error:
            what = "interrupted" if isinstance(error, KeyboardInterrupt) else "told to end"
            say(f"{what}; nothing was published by this run beyond what was said")
            raise typer.Exit(exit_of(error)) from None
        except BrokenPipeError:
            _give_up_stdout()  # whoever read our output has gone
            raise typer.Exit(ExitCode.OK) from None
        except OSError as error:
            tell_lost_output(error)
            raise typer.Exit(ExitCode.STORE) from None
        except (typer.Exit, typer.Abort, typer.TyperException):
            raise
        except Exception as error:
            if os.environ.get("AUDIENCE_DEBUG"):
                raise
            say(
                f"internal error: {type(error).__name__}: {error}\n"
                "This is a fault of audience. AUDIENCE_DEBUG=1 shows where it happened."
            )
            raise typer.Exit(ExitCode.INTERNAL) from None

    return run


def _give_up_stdout() -> None:
    """What is still to be flushed goes nowhere: Python would fail over it once more at its end."""
    with suppress(OSError, ValueError):  # a stand-in for stdout may have no number
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def tell_lost_output(error: OSError) -> None:
    """Say that stdout can't be written to, and write no more to it."""
    _give_up_stdout()
    say(f"error: the output could not be written: {error.strerror or error}")


def say(text: str) -> None:
    """Tell something on stderr."""
    typer.echo(text, err=True)


def warn(texts: Iterable[str], *, quiet: bool) -> None:
    """Tell warnings, each once."""
    if not quiet:
        for text in dict.fromkeys(texts):
            say(f"warning: {text}")


def write_json(value: Any) -> None:
    """A result as JSON on stdout."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))


def write_grids(grids: Sequence[Grid], *, markdown: bool = False, err: bool = False) -> None:
    """Tables on stdout, or on stderr, a blank line between them."""
    if markdown:
        typer.echo("\n".join(grid.to_markdown() for grid in grids), nl=False)
        return
    from rich.console import Console

    from audience.report.words import visible

    # A pipe has no width: without one given, rich would cut tables to 80 columns.
    width = None if (sys.stderr if err else sys.stdout).isatty() else _WIDE
    console = Console(markup=False, highlight=False, emoji=False, width=width)
    for number, grid in enumerate(grids):
        with console.capture() as captured:
            if number:
                console.print()
            console.print(visible(grid.title), style="bold", soft_wrap=True)
            console.print(grid.to_rich())
        for line in captured.get().splitlines():
            typer.echo(line.rstrip(), err=err)


def _say_problems(error: RuleError) -> None:
    from audience.errors import Severity
    from audience.report.problems import render_problems

    wrong = [each for each in error.problems if each.severity is Severity.ERROR]
    say(render_problems(wrong))
    say(f"\n{len(wrong)} error{'s' if len(wrong) != 1 else ''}")
