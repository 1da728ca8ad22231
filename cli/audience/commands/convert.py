"""``convert``: who did one thing and then another, in which periods, and where they come from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
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
    read_names,
    read_variables,
)
from audience.commands.output import InsightFormat, guarded, write_insight
from audience.errors import UsageError


class Part(StrEnum):
    """A table of a conversion."""

    LINES = "lines"
    RATES = "rates"
    SOURCES = "sources"
    DAYS = "days"


@guarded
def convert(
    start: Annotated[
        list[str],
        typer.Option(
            "--from",
            help="Whose conversion: a pack in the rules or a condition in YAML, with NAME= before "
            "it if it is to be called so. Of several, who is in all of them.",
        ),
    ],
    end: Annotated[
        str | None,
        typer.Option("--to", help="What they are to have done, likewise.", show_default=False),
    ] = None,
    by: Annotated[
        list[str] | None,
        typer.Option(
            help="Only these tags, by name or label, with commas; may be given several times.",
            show_default=False,
        ),
    ] = None,
    period: Annotated[
        list[str] | None,
        typer.Option(
            help=r"\[NAME=]FROM..TO, two days: behaviour without a window is of these days. "
            "Several are shown side by side.",
            show_default=False,
        ),
    ] = None,
    source: Annotated[
        list[str] | None,
        typer.Option(
            help="Where those who did --to may come from: a pack or a condition; may be given "
            "several times.",
            show_default=False,
        ),
    ] = None,
    market: Annotated[
        str | None,
        typer.Option(
            help="A pack or a condition: how much of it --from reaches.", show_default=False
        ),
    ] = None,
    daily: Annotated[
        bool, typer.Option("--daily", help="The share of --market on each day of the periods.")
    ] = False,
    part: Annotated[Part, typer.Option(help="Which table CSV has: it holds one.")] = Part.LINES,
    top: TopOption = 20,
    as_of: AsOfOption = None,
    var: VarOption = None,
    engine: EngineOption = None,
    no_cache: NoCacheOption = False,
    format: InsightFormatOption = InsightFormat.TABLE,
    min_cell: MinCellOption = None,
    project: ProjectOption = None,
) -> None:
    """Show how many of those who did one thing did another: rates, values, periods, sources.

    For example --from "looked={did: {event: view, within: 30d}}" --to "bought={did: {event: buy}}".
    """
    from audience import api
    from audience.insight.convert_cells import hidden_in_convert, shared_convert
    from audience.insight.sharing import shared_warnings
    from audience.report.conversion import conversion_grids

    if format is InsightFormat.CSV:
        _check_part(part, end, source, market, daily=daily)
    opened = api.load(project)
    found = api.convert(
        opened,
        start,
        end,
        by=read_names(*(by or ())),
        periods=period or (),
        sources=source or (),
        market=market,
        daily=daily,
        as_of=read_as_of(as_of, opened),
        variables=read_variables(var),
        engine=engine,
        cache=not no_cache,
    )
    least = least_count(min_cell, format, opened)
    hidden = hidden_in_convert(found, least)
    warnings = shared_warnings(found.warnings, least)
    write_insight(
        format,
        {**shared_convert(found, hidden), "warnings": warnings},
        lambda told: _rows(told, part),
        lambda: conversion_grids(found, top, hidden),
        warnings,
    )


def _check_part(
    part: Part, end: str | None, source: list[str] | None, market: str | None, *, daily: bool
) -> None:
    """A table that nothing was asked for would be an empty file."""
    needed = {
        Part.LINES: ("--to", end),
        Part.RATES: ("", True),
        Part.SOURCES: ("--to and --source", end and source),
        Part.DAYS: ("--market and --daily", market and daily),
    }
    options, given = needed[part]
    if not given:
        raise UsageError(f"--part {part.value} needs {options}")


def _rows(told: Mapping[str, Any], part: Part) -> Iterator[dict[str, Any]]:
    tables: dict[Part, Callable[[dict[str, Any]], Iterable[dict[str, Any]]]] = {
        Part.LINES: _lines,
        Part.RATES: lambda period: _rates(told, period),
        Part.SOURCES: _sources,
        Part.DAYS: lambda period: period["days"],
    }
    for period in told["periods"]:
        head = {"period": period["name"], "first": period["first"], "as_of": period["as_of"]}
        for row in tables[part](period):
            yield {**head, **row}


def _lines(period: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for line in (period["conversion"] or {"lines": ()})["lines"]:
        rate = line["rate"]
        counts = {"users": rate["of"], "converted": rate["users"], "rate": rate["rate"]}
        bounds = {"rate_low": rate["low"], "rate_high": rate["high"]}
        texts = {name: line[name] for name in ("tag", "label", "value")}
        rest = {name: each for name, each in line.items() if name not in {*texts, "rate"}}
        yield {**texts, **counts, **bounds, **rest}


def _rates(told: Mapping[str, Any], period: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Each condition, those in all of them, the swing users, and the market."""
    rates = [("from", part["name"], part["rate"]) for part in period["parts"]]
    if period["conversion"]:
        rates.append(("all", told["source"], period["conversion"]["rate"]))
    if period["penetration"]:
        rates.append(("market", told["market"], period["penetration"]))
    for kind, name, rate in rates:
        if rate:
            yield {"kind": kind, "name": name, **rate}


def _sources(period: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from period["sources"]
    if period["sources"]:
        users, whole = period["no_source"], period["target_users"]
        share = users / whole if users is not None and whole else None
        yield {"name": "", "label": "", "users": users, "share": share}
