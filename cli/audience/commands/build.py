"""``build-pack``, ``size``, ``explain``: rules evaluated."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from audience.commands.options import (
    AsOfOption,
    EngineOption,
    MinCellOption,
    NoCacheOption,
    NotifyOption,
    PackOption,
    ProfileOption,
    ProjectOption,
    QuietOption,
    RulesArgument,
    SummaryFormatOption,
    VarOption,
    least_count,
    read_as_of,
    read_variables,
)
from audience.commands.output import SummaryFormat, guarded, say, warn, write_grids, write_json
from audience.commands.runs import Run, told
from audience.errors import ExpectationError

if TYPE_CHECKING:
    from audience.api import BuildResult
    from audience.engine.steps import OnStep, Step
    from audience.insight.cells import Cell

DryRunOption = Annotated[
    bool, typer.Option("--dry-run", "-n", help="Compute all sizes and publish nothing.")
]


@guarded
def build_pack(
    rules: RulesArgument = None,
    as_of: AsOfOption = None,
    pack: PackOption = None,
    var: VarOption = None,
    dry_run: DryRunOption = False,
    engine: EngineOption = None,
    no_cache: NoCacheOption = False,
    profile: ProfileOption = False,
    notify: NotifyOption = None,
    format: SummaryFormatOption = SummaryFormat.TABLE,
    min_cell: MinCellOption = None,
    project: ProjectOption = None,
    quiet: QuietOption = False,
) -> None:
    """Evaluate rule files in one run and publish their packs.

    The run is told of in the log, however it ends: `audience log` shows it.
    """
    how = _How(engine, dry_run, not no_cache, profile, format, min_cell, quiet)
    with told("build-pack", notify) as run:
        run.logged = not dry_run
        _build(run, rules, as_of, pack, var, project, how)


@guarded
def size(
    rules: RulesArgument = None,
    as_of: AsOfOption = None,
    pack: PackOption = None,
    var: VarOption = None,
    engine: EngineOption = None,
    no_cache: NoCacheOption = False,
    profile: ProfileOption = False,
    format: SummaryFormatOption = SummaryFormat.TABLE,
    min_cell: MinCellOption = None,
    project: ProjectOption = None,
    quiet: QuietOption = False,
) -> None:
    """Compute the sizes and overlaps of packs; publish nothing (build-pack --dry-run)."""
    # Sizes are what was asked for: --quiet leaves out the talk, not them.
    how = _How(engine, True, not no_cache, profile, format, min_cell, quiet, always=True)
    _build(Run(), rules, as_of, pack, var, project, how)


@guarded
def explain(
    rules: RulesArgument = None,
    as_of: AsOfOption = None,
    pack: PackOption = None,
    var: VarOption = None,
    engine: EngineOption = None,
    project: ProjectOption = None,
) -> None:
    """Print the plan: what is read, what is shared, how each pack comes out of it."""
    from audience import api

    found = api.load(project)
    text = api.explain(
        found,
        rules or (),
        as_of=read_as_of(as_of, found),
        packs=pack or (),
        variables=read_variables(var),
        engine=engine,
    )
    typer.echo(text, nl=False)


@dataclass(frozen=True)
class _How:
    """How a build is made and told; ``always`` tells sizes even where it is ``quiet``."""

    engine: str | None
    dry_run: bool
    cache: bool
    profile: bool
    format: SummaryFormat
    min_cell: int | None
    quiet: bool
    always: bool = False


def _build(
    run: Run,
    rules: Sequence[Path] | None,
    as_of: str | None,
    pack: Sequence[str] | None,
    var: Sequence[str] | None,
    project: Path | None,
    how: _How,
) -> None:
    from audience import api
    from audience.engine.steps import Steps
    from audience.report.words import counted

    run.project = found = api.load(project)
    run.facts["rules"] = [str(each) for each in rules or ()]
    day = read_as_of(as_of, found)
    broken: ExpectationError | None = None
    with _progress(how.quiet) as on_step:
        steps = Steps(on_step)
        try:
            results = api.build(
                found,
                rules or (),
                as_of=day,
                packs=pack or (),
                variables=read_variables(var),
                dry_run=how.dry_run,
                engine=how.engine,
                cache=how.cache,
                steps=steps,
            )
        except ExpectationError as error:
            # The numbers are what shows what is wrong.
            broken, results = error, error.results
    run.facts |= api.facts_of(results)
    if not how.quiet or how.always:
        _write(results, how.format, least_count(how.min_cell, how.format, found))
    warn((text for result in results for text in result.warnings), quiet=how.quiet)
    if not how.quiet:
        for result in results:
            for each in result.lists:
                if each.kind == "published":
                    say(f"{result.summary.name} takes {each.name}: {counted(each.size, 'user')}")
            if result.published:
                what = "unchanged" if result.published.unchanged else "published"
                name = result.published.manifest.name
                say(f"{what} {name}: {counted(len(result.published.manifest.packs), 'pack')}")
    if how.profile:
        from audience.report.tables import steps_grid

        write_grids([steps_grid(steps.done)], err=True)
    if broken is not None:
        raise broken


def _write(results: Sequence[BuildResult], format: SummaryFormat, least: int) -> None:
    from audience.insight.sharing import hidden_in_summary
    from audience.report.counts import summary_grids

    hidden = [hidden_in_summary(result.summary, least) for result in results]
    told = list(zip(results, hidden, strict=True))
    if format is SummaryFormat.JSON:
        write_json({"builds": [_result_dict(result, cells, least) for result, cells in told]})
    else:
        grids = [grid for result, cells in told for grid in summary_grids(result.summary, cells)]
        write_grids(grids, markdown=format is SummaryFormat.MARKDOWN)


def _result_dict(result: BuildResult, hidden: frozenset[Cell], least: int) -> dict[str, Any]:
    from audience.insight.sharing import shared_count, shared_sentence, shared_summary

    published = result.published
    return {
        **shared_summary(result.summary, hidden),
        "folder": str(published.folder) if published else None,
        "unchanged": published.unchanged if published else None,
        "warnings": [shared_sentence(each, least) for each in result.warnings],
        "broken": [shared_sentence(each, least) for each in result.broken],
        "lists": [
            {**asdict(each), "size": shared_count(each.size, least)} for each in result.lists
        ],
    }


@contextmanager
def _progress(quiet: bool) -> Iterator[OnStep | None]:
    """Which table is being read, rows and time: on a terminal, and only there."""
    if quiet or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console

    from audience.report.words import duration, number

    console = Console(stderr=True, markup=False, highlight=False)
    with console.status("opening tables …") as status:

        def on_step(what: str, table: str, step: Step | None) -> None:
            if step is None:
                status.update(f"{what} {table} …")
            else:
                rows, time = number(step.rows), duration(step.seconds)
                console.print(f"{what} {table}: {rows} rows in {time}")
                status.update("…")

        yield on_step
