"""``waterfall``, ``overlap``: why packs are as large as they are, and what they have in common."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from audience.commands.options import (
    AsOfOption,
    EngineOption,
    InsightFormatOption,
    MinCellOption,
    NoCacheOption,
    ProjectOption,
    TopOption,
    VarOption,
    least_count,
    read_variables,
)
from audience.commands.output import InsightFormat, guarded, write_csv, write_grids, write_json


@guarded
def waterfall(
    rules: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PACK|RULES]...",
            help="Packs by name or as campaign/phase/pack; rule files or folders of them. "
            "Default: all of the project's.",
            show_default=False,
        ),
    ] = None,
    as_of: AsOfOption = None,
    var: VarOption = None,
    engine: EngineOption = "polars",
    no_cache: NoCacheOption = False,
    format: InsightFormatOption = InsightFormat.TABLE,
    min_cell: MinCellOption = None,
    project: ProjectOption = None,
) -> None:
    """Show what each condition of a rule costs, and what nearby bounds would give."""
    from audience import api
    from audience.insight.waterfall import hidden_in_waterfall, shared_waterfall
    from audience.report.insights import waterfall_grids

    opened = api.load(project)
    files = [each for each in rules or () if _is_file(each)]
    found = api.waterfall(
        opened,
        files,
        as_of=as_of,
        packs=[each for each in rules or () if each not in files],
        variables=read_variables(var),
        engine=engine,
        cache=not no_cache,
    )
    least = least_count(min_cell, format, opened)
    hidden = [hidden_in_waterfall(each, least) for each in found]
    told = list(zip(found, hidden, strict=True))
    if format is InsightFormat.JSON:
        write_json({"waterfalls": [shared_waterfall(each, cells) for each, cells in told]})
    elif format is InsightFormat.CSV:
        write_csv([row for each, cells in told for row in _rows(shared_waterfall(each, cells))])
    else:
        grids = [grid for each, cells in told for grid in waterfall_grids(each, cells)]
        write_grids(grids, markdown=format is InsightFormat.MARKDOWN)


def _is_file(text: str) -> bool:
    from audience.workspace import RULE_SUFFIXES

    return Path(text).exists() or Path(text).suffix in RULE_SUFFIXES


def _rows(told: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A row for each condition, and one more for each nearby value of its bounds."""
    for step in told["steps"]:
        plain = {name: value for name, value in step.items() if name != "nearby"}
        for around in ({"change": "", "size": None, "difference": None}, *step["nearby"]):
            yield {"pack": told["pack"], **plain, **around}


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
