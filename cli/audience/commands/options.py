"""Options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audience.commands.output import Format, InsightFormat, SummaryFormat
from audience.errors import UsageError

if TYPE_CHECKING:
    from audience.rules.project import Project

ProjectOption = Annotated[
    Path | None,
    typer.Option(
        "--project",
        "-p",
        help="The project file or its folder; default: the nearest audience.yaml above.",
        show_default=False,
    ),
]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing unless it fails.")]
FormatOption = Annotated[Format, typer.Option("--format", "-f", help="How the result is written.")]
SummaryFormatOption = Annotated[
    SummaryFormat, typer.Option("--format", "-f", help="How the summary is written.")
]
InsightFormatOption = Annotated[
    InsightFormat, typer.Option("--format", "-f", help="How the result is written.")
]
TopOption = Annotated[
    int,
    typer.Option(
        "--top", min=1, help="How many lines of each table are shown; CSV and JSON have all."
    ),
]
RulesArgument = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Rule files or folders of them; default: all of the project's.", show_default=False
    ),
]
AsOfOption = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        help="The day rules are evaluated at: a date, `today` or `yesterday`; "
        "default: the rule file's, else today in the project's time zone.",
        show_default=False,
    ),
]
PackOption = Annotated[
    list[str] | None,
    typer.Option("--pack", help="Only this pack; may be given several times.", show_default=False),
]
VarOption = Annotated[
    list[str] | None,
    typer.Option(
        "--var",
        help="A rule file's variable, as name=value; may be given several times.",
        show_default=False,
    ),
]
EngineOption = Annotated[
    str | None,
    typer.Option(
        "--engine",
        help="What evaluates the rules: polars, duckdb or spark; default: the project's `engine`.",
        show_default=False,
    ),
]

NoCacheOption = Annotated[
    bool,
    typer.Option("--no-cache", help="Take nothing from earlier runs, keep nothing for later ones."),
]
MinCellOption = Annotated[
    int | None,
    typer.Option(
        "--min-cell",
        min=0,
        help="Hide counts below this, and those that would tell them; default: nothing, but in "
        "Markdown the project's `min_cell`.",
        show_default=False,
    ),
]
NotifyOption = Annotated[
    str | None,
    typer.Option(
        "--notify",
        help="Where a failure is told: an http(s) address, which gets the run's record as JSON, "
        "or a command, which gets it on its input.",
        show_default=False,
    ),
]
ProfileOption = Annotated[
    bool, typer.Option("--profile", help="Say what each step read and how long it took.")
]


def read_as_of(text: str | None, project: Project) -> date | None:
    """``--as-of`` as a day. Raises UsageError."""
    return None if text is None else read_day("--as-of", text, project)


def read_day(option: str, text: str, project: Project) -> date:
    """An option's day: a date, `today` or `yesterday`. Raises UsageError."""
    from audience.api import today

    if text in {"today", "yesterday"}:
        return today(project) - timedelta(days=text == "yesterday")
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = None
    if day is None or day.isoformat() != text:
        raise UsageError(
            f"{option} `{text}`: expected a date such as 2023-04-30, today or yesterday"
        )
    return day


def least_count(
    given: int | None, format: SummaryFormat | InsightFormat, project: Project | None
) -> int:
    """The least count that is told: what is pasted elsewhere is made to be shared."""
    if given is not None or format not in {SummaryFormat.MARKDOWN, InsightFormat.MARKDOWN}:
        return given or 0
    from audience.rules.settings import MIN_CELL

    return project.min_cell if project else MIN_CELL


def read_names(*texts: str | None) -> list[str]:
    """Names that are given with commas between them, `,` or the Chinese `，` and `、`."""
    found = [each.strip() for text in texts for each in re.split("[,，、]", text or "")]
    return [each for each in found if each]


def read_variables(texts: Sequence[str] | None) -> dict[str, str]:
    """``--var`` as names and values. Raises UsageError."""
    out: dict[str, str] = {}
    for text in texts or ():
        name, sign, value = text.partition("=")
        if not sign or not name:
            raise UsageError(f"--var `{text}`: expected name=value")
        if name in out:
            raise UsageError(f"--var `{name}` is given twice")
        out[name] = value
    return out
