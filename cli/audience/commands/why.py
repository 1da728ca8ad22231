"""``why``: a pack's rule for one user, what held, what was found, what is missing."""

from __future__ import annotations

from typing import Annotated

import typer

from audience.commands.options import (
    AsOfOption,
    EngineOption,
    InsightFormatOption,
    NoCacheOption,
    ProjectOption,
    VarOption,
    read_as_of,
    read_variables,
)
from audience.commands.output import InsightFormat, guarded, write_insight


@guarded
def why(
    pack: Annotated[
        str, typer.Argument(help="A pack in the rules: by name, phase/pack or campaign/phase/pack.")
    ],
    user: Annotated[str, typer.Argument(help="The user's id.")],
    events: Annotated[
        int,
        typer.Option(
            min=0, help="How many of the newest events that counted are shown for each behaviour."
        ),
    ] = 5,
    as_of: AsOfOption = None,
    var: VarOption = None,
    engine: EngineOption = None,
    no_cache: NoCacheOption = False,
    format: InsightFormatOption = InsightFormat.TABLE,
    project: ProjectOption = None,
) -> None:
    """Show why a user is in a pack or not: what held, what was found, what is missing."""
    from audience import api
    from audience.report.why import why_grids, why_rows

    opened = api.load(project)
    found = api.why(
        opened,
        pack,
        user,
        as_of=read_as_of(as_of, opened),
        variables=read_variables(var),
        engine=engine,
        cache=not no_cache,
        events=events,
    )
    # Spaces at the beginning of a cell would be lost where a page is shown.
    indent = "\N{NO-BREAK SPACE}" * 4 if format is InsightFormat.MARKDOWN else "  "
    write_insight(
        format,
        {**found.to_dict(), "warnings": list(found.warnings)},
        lambda _: why_rows(found),
        lambda: why_grids(found, indent),
        found.warnings,
    )
