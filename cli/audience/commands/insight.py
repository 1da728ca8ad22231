"""``waterfall``, ``overlap``, ``flow``, ``profile``: why packs are so large, and who is in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
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
    read_as_of,
    read_day,
    read_names,
    read_variables,
)
from audience.commands.output import (
    InsightFormat,
    guarded,
    say,
    write_insight,
)
from audience.commands.runs import told
from audience.errors import UsageError


@guarded
def waterfall(
    rules: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[PACK|RULES]...",
            help="Packs by name, phase/pack or campaign/phase/pack; rule files or folders of them. "
            "Default: all of the project's.",
            show_default=False,
        ),
    ] = None,
    as_of: AsOfOption = None,
    var: VarOption = None,
    engine: EngineOption = None,
    no_cache: NoCacheOption = False,
    format: InsightFormatOption = InsightFormat.TABLE,
    min_cell: MinCellOption = None,
    project: ProjectOption = None,
) -> None:
    """Show what each condition of a rule costs, and what nearby bounds would give."""
    from audience import api
    from audience.insight.sharing import shared_warnings
    from audience.insight.waterfall import hidden_in_waterfall, shared_waterfall
    from audience.report.insights import waterfall_grids

    opened = api.load(project)
    files = [each for each in rules or () if _is_file(each)]
    found = api.waterfall(
        opened,
        files,
        as_of=read_as_of(as_of, opened),
        packs=[each for each in rules or () if each not in files],
        variables=read_variables(var),
        engine=engine,
        cache=not no_cache,
    )
    least = least_count(min_cell, format, opened)
    hidden = [hidden_in_waterfall(each, least) for each in found]
    pairs = list(zip(found, hidden, strict=True))
    warnings = shared_warnings((text for each in found for text in each.warnings), least)
    write_insight(
        format,
        {
            "waterfalls": [shared_waterfall(each, cells) for each, cells in pairs],
            "warnings": warnings,
        },
        _steps,
        lambda: [grid for each, cells in pairs for grid in waterfall_grids(each, cells)],
        warnings,
    )


def _is_file(text: str) -> bool:
    from audience.workspace import RULE_SUFFIXES

    return Path(text).exists() or Path(text).suffix in RULE_SUFFIXES


def _steps(told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A row for each condition, and one more for each nearby value of its bounds."""
    for each in told["waterfalls"]:
        for step in each["steps"]:
            plain = {name: value for name, value in step.items() if name != "nearby"}
            for around in ({"change": "", "size": None, "difference": None}, *step["nearby"]):
                yield {"pack": each["pack"], **plain, **around}


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
    write_insight(
        format,
        shared_overlaps(found, hidden),
        lambda told: map(_joined, told[part.value]),
        lambda: overlap_grids(found, top, hidden),
    )


def _joined(row: dict[str, Any]) -> dict[str, Any]:
    """A row whose packs are one text."""
    return {**row, "packs": " & ".join(row["packs"])} if "packs" in row else row


@guarded
def flow(
    stages: Annotated[
        str, typer.Argument(help="A set of stages, by name, phase/name or campaign/phase/name.")
    ],
    start: Annotated[str, typer.Option("--from", help="The first day.")],
    end: Annotated[str, typer.Option("--to", help="The last day.")],
    step: Annotated[
        str | None,
        typer.Option(help="Days between, so far apart: 7d, 1m.", show_default=False),
    ] = None,
    cell: Annotated[
        str | None,
        typer.Option(
            help="FROM:TO, two stages, or nothing for in no stage: who is written to --write.",
            show_default=False,
        ),
    ] = None,
    write: Annotated[
        Path | None,
        typer.Option(help="The file for --cell: .parquet, .csv or .txt.", show_default=False),
    ] = None,
    var: VarOption = None,
    engine: EngineOption = None,
    no_cache: NoCacheOption = False,
    format: InsightFormatOption = InsightFormat.TABLE,
    min_cell: MinCellOption = None,
    project: ProjectOption = None,
) -> None:
    """Show how many moved from each stage to each between two days, stayed, entered and left."""
    from audience import api
    from audience.insight.flow import hidden_in_flows, shared_flow
    from audience.insight.sharing import shared_warnings
    from audience.report.insights import flow_grid
    from audience.report.words import counted

    if (cell is None) != (write is None):
        raise UsageError("--cell and --write belong together")
    opened = api.load(project)
    found = api.flow(
        opened,
        stages,
        read_day("--from", start, opened),
        read_day("--to", end, opened),
        step=step,
        variables=read_variables(var),
        engine=engine,
        cache=not no_cache,
    )
    if cell is not None and write is not None:
        if len(found) > 1:
            raise UsageError("--cell is of one flow, and --step makes several")
        with told("flow --write", reads=True) as run:
            run.project = opened
            count = api.write_flow(opened, found[0], cell, write)
            run.facts |= {"from": [f"{stages} {cell}"], "file": str(write), "ids": count}
        say(f"wrote {counted(count, 'id')} to {write}")
    least = least_count(min_cell, format, opened)
    hidden = hidden_in_flows(found, least)
    pairs = list(zip(found, hidden, strict=True))
    warnings = shared_warnings((text for each in found for text in each.warnings), least)
    write_insight(
        format,
        {
            "stages": stages,
            "flows": [shared_flow(each, cells) for each, cells in pairs],
            "warnings": warnings,
        },
        _moves,
        lambda: [flow_grid(f"{stages}: users by stage", each, cells) for each, cells in pairs],
        warnings,
    )


def _moves(told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """A row for each stage of the one day and of the other."""
    for each in told["flows"]:
        days = {"from": each["from"], "to": each["to"]}
        for one, row in each["moved"].items():
            for other, users in row.items():
                if one or other:
                    yield {**days, "stage_from": one, "stage_to": other, "users": users}


@guarded
def profile(
    pack: Annotated[
        str, typer.Argument(help="A pack in the rules: by name, phase/pack or campaign/phase/pack.")
    ],
    against: Annotated[
        str, typer.Option(help="The baseline: `base`, the pack's own, or another pack.")
    ] = "base",
    tags: Annotated[
        str | None,
        typer.Option(help="Only these tags, by name or label, with commas.", show_default=False),
    ] = None,
    top: TopOption = 20,
    as_of: AsOfOption = None,
    var: VarOption = None,
    engine: EngineOption = None,
    no_cache: NoCacheOption = False,
    format: InsightFormatOption = InsightFormat.TABLE,
    min_cell: MinCellOption = None,
    project: ProjectOption = None,
) -> None:
    """Show who a pack's users are: values of tags, their shares against a baseline's, and TGI."""
    from audience import api
    from audience.insight.profile import hidden_in_profile, shared_profile
    from audience.insight.sharing import shared_warnings
    from audience.report.insights import profile_grid

    opened = api.load(project)
    found = api.profile(
        opened,
        pack,
        against=against,
        tags=read_names(tags),
        as_of=read_as_of(as_of, opened),
        variables=read_variables(var),
        engine=engine,
        cache=not no_cache,
    )
    least = least_count(min_cell, format, opened)
    hidden = hidden_in_profile(found, least)
    warnings = shared_warnings(found.warnings, least)
    write_insight(
        format,
        {**shared_profile(found, hidden), "warnings": warnings},
        lambda told: told["lines"],
        lambda: [profile_grid(found, top, hidden)],
        warnings,
    )
