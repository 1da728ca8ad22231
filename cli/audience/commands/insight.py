"""``overlap``: what packs have in common."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from audience.commands.options import (
    InsightFormatOption,
    MinCellOption,
    ProjectOption,
    TopOption,
    least_count,
)
from audience.commands.output import InsightFormat, guarded, write_csv, write_grids, write_json


class Part(StrEnum):
    """A table of what packs have in common."""

    PAIRS = "pairs"
    REGIONS = "regions"
    REDUNDANT = "redundant"


@guarded
def overlap(
    packs: Annotated[
        list[str],
        typer.Argument(
            metavar="PACK...",
            help=r"campaign/phase\[@as_of]\[/pack], a build's folder or a pack's file; a build is "
            "all of its packs.",
        ),
    ],
    part: Annotated[Part, typer.Option(help="Which table CSV has: it holds one.")] = Part.PAIRS,
    top: TopOption = 20,
    format: InsightFormatOption = InsightFormat.TABLE,
    min_cell: MinCellOption = None,
    project: ProjectOption = None,
) -> None:
    """Show what published packs have in common: pairs, exclusive regions, packs to do without."""
    from audience import api
    from audience.insight.sharing import hidden_in_overlaps, shared_overlaps
    from audience.report.insights import overlap_grids

    opened = api.load_if_any(project)
    found = api.overlap(opened, packs)
    hidden = hidden_in_overlaps(found, least_count(min_cell, format, opened))
    if format is InsightFormat.JSON:
        write_json(shared_overlaps(found, hidden))
    elif format is InsightFormat.CSV:
        rows = shared_overlaps(found, hidden)[part.value]
        write_csv(
            [{**row, "packs": " & ".join(row["packs"])} if "packs" in row else row for row in rows]
        )
    else:
        grids = overlap_grids(found, top, hidden)
        write_grids(grids, markdown=format is InsightFormat.MARKDOWN)
