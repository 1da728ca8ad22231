"""Where text goes: data to stdout, talk to stderr, every error to words, never a traceback."""

from __future__ import annotations

import functools
import io
import json
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from enum import StrEnum
from typing import TYPE_CHECKING, Any, ParamSpec, TextIO

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


class InsightFormat(StrEnum):
    """How insights are written."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
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
            raise typer.Exit(code_of(error)) from None
        except AudienceError as error:
            from audience.report.words import visible

            for line in str(error).splitlines():
                say(f"error: {visible(line)}")
            raise typer.Exit(code_of(error)) from None
        except (KeyboardInterrupt, Terminated) as error:
            what = "told to end" if isinstance(error, Terminated) else "interrupted"
            say(f"{what}; nothing was published by this run beyond what was said")
            raise typer.Exit(exit_of(error)) from None
        except OSError as error:
            if error.filename is None:
                tell_lost_output(error)
            else:
                say(f"error: {error.filename}: {error.strerror or error}")
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


class _Stream(io.FileIO):
    """What is written to a file's number, until somebody is missed who need not be there."""

    def __init__(self, number: int, harmless: type[OSError]) -> None:
        super().__init__(number, "w", closefd=False)
        self._harmless = harmless

    def write(self, data: Any) -> int:
        """Write; from a harmless failure on, to nowhere."""
        try:
            return super().write(data)
        except self._harmless:
            _lead_nowhere(self.fileno())
            return len(data)


def open_streams() -> None:
    """Make streams on which no run depends: those that are closed lead nowhere.

    Neither a reader that has gone may end a run, nor a stderr that can't be written to. That stdout
    can't be written to, on a full disk, is an error: the result was asked for.
    """
    # The lowest number that is free is the closed stream's own: no file of ours gets it later.
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY), encoding="utf-8")
    sys.stdout = _stream(1, sys.stdout, BrokenPipeError)
    sys.stderr = _stream(2, sys.stderr, OSError)


def _stream(number: int, before: TextIO | None, harmless: type[OSError]) -> TextIO:
    if before is None:
        # Not to the number itself: it may be another file's by now.
        number = os.open(os.devnull, os.O_WRONLY)
    return io.TextIOWrapper(
        io.BufferedWriter(_Stream(number, harmless)),
        encoding=before.encoding if before else "utf-8",
        errors="backslashreplace",  # what a terminal can't show is an escape, not a crash
        line_buffering=bool(before and before.line_buffering),
    )


def _lead_nowhere(number: int) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, number)
    os.close(nowhere)


def tell_lost_output(error: OSError) -> None:
    """Say that stdout can't be written to, and write no more to it.

    What is still to be flushed goes nowhere: Python would fail over it once more at its end.
    """
    with suppress(OSError, ValueError):  # a stand-in for stdout may have no number
        _lead_nowhere(sys.stdout.fileno())
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


def write_csv(rows: Sequence[Mapping[str, Any]]) -> None:
    """Rows of one table as CSV on stdout: numbers as they are, nothing for what there is not.

    What is true or false is written as JSON writes it.
    """
    import csv

    text = io.StringIO()
    if rows:
        writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for row in rows:
            told = {n: str(v).lower() if isinstance(v, bool) else v for n, v in row.items()}
            writer.writerow(told)
    typer.echo(text.getvalue(), nl=False)


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
    shown = [grid for grid in grids if not grid.spare or grid.width <= console.width]
    for number, grid in enumerate(shown):
        with console.capture() as captured:
            if number:
                console.print()
            console.print(visible(grid.title), style="bold", soft_wrap=True)
            console.print(grid.fitted(console.width).to_rich())
        for line in captured.get().splitlines():
            typer.echo(line.rstrip(), err=err)


def write_insight(
    format: InsightFormat,
    told: Mapping[str, Any],
    rows: Callable[[Mapping[str, Any]], Iterable[Mapping[str, Any]]],
    grids: Callable[[], Sequence[Grid]],
    warnings: Iterable[str] = (),
) -> None:
    """An insight on stdout: as JSON has it, ``rows`` of that as CSV, or as tables."""
    if format is InsightFormat.JSON:
        write_json(told)
    elif format is InsightFormat.CSV:
        write_csv(list(rows(told)))
    else:
        write_grids(grids(), markdown=format is InsightFormat.MARKDOWN)
    warn(warnings, quiet=False)


def _say_problems(error: RuleError) -> None:
    from audience.errors import Severity, count_of
    from audience.report.problems import render_problems
    from audience.report.words import counted

    wrong = [each for each in error.problems if each.severity is Severity.ERROR]
    say(render_problems(wrong))
    say(f"\n{counted(count_of(wrong), 'error')}")
