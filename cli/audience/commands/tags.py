"""``tags``: the tag dictionary."""

from __future__ import annotations

from typing import Annotated

import typer

from audience.commands.options import FormatOption, ProjectOption
from audience.commands.output import Format, guarded, write_grids, write_json


@guarded
def tags(
    names: Annotated[
        list[str] | None,
        typer.Argument(help="Tags by name or label; default: all.", show_default=False),
    ] = None,
    table: Annotated[
        str,
        typer.Option(help="An event table whose columns to list instead.", show_default=False),
    ] = "",
    top: Annotated[int, typer.Option(min=1, help="How many values of a tag are listed.")] = 12,
    format: FormatOption = Format.TABLE,
    project: ProjectOption = None,
) -> None:
    """List the tags: name, label, type, missing values, and what is in them."""
    from audience import api
    from audience.report.tables import tag_grid

    reports = api.tags(api.load(project), names or (), table=table, top=top)
    if format is Format.JSON:
        write_json({"tags": [report.to_dict() for report in reports]})
    else:
        write_grids([tag_grid(reports, table)])
