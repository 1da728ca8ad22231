"""Flows: a set of stages evaluated at several days, in one run, and held against each other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from audience.analysis.ask import ask, warnings_of
from audience.errors import UsageError, nearest
from audience.evaluation import at_day, read_files
from audience.given import day_of, duration_of
from audience.insight.flow import NOWHERE, Flow, flow_between
from audience.plan.build import Request
from audience.rules.naming import sets_named
from audience.rules.project import Project
from audience.rules.scalars import Duration
from audience.store.export import write_ids
from audience.workspace import today

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_MOST_DAYS = 400


def flow(
    project: Project,
    stages: str,
    start: date | str,
    end: date | str,
    *,
    step: str | None = None,
    variables: Mapping[str, str] | None = None,
    engine: str | None = None,
    spark: SparkSession | None = None,
    cache: bool = True,
) -> tuple[Flow, ...]:
    """How many moved from each stage to each between two days, or from step to step between them.

    ``stages`` is the name of a set of them in the project's rules, also as ``phase/name`` or
    ``campaign/phase/name``; ``step`` a duration such as 7d. Nothing is published. Raises
    RuleError, DataError, UsageError.
    """
    days = days_between(day_of(start), day_of(end), duration_of("--step", step))
    if day_of(start) > day_of(end):
        raise UsageError(f"from {start} to {end}: expected the earlier day first")
    if len(days) < 2:
        raise UsageError("a flow needs two days")
    if len(days) > _MOST_DAYS:
        raise UsageError(f"{len(days):,} days are too many: at most {_MOST_DAYS}")
    if days[-1] > today(project):
        raise UsageError(f"{days[-1]} lies in the future; today is {today(project)}")
    workspace, files = read_files(project.on(engine, spark), (), variables or {})
    found = sets_named(files, stages)
    if len(found) != 1:
        names = ", ".join(f"{file.name}/{each.name}" for file, each in found)
        raise UsageError(f"`{stages}` is in several files: {names}")
    ((file, own),) = found
    conditions = {
        pack.name.removeprefix(f"{own.name}."): pack.where
        for pack in file.packs
        if pack.name in own.packs
    }
    asked = [(at_day(workspace, Request(file, day), day), conditions) for day in days]
    answers = ask(workspace, asked, cache=cache)
    members = [{name: each.ids(name) for name in conditions} for each in answers]
    return tuple(
        replace(flow_between(one, old, other, new), warnings=warnings_of([early, late]))
        for (one, old, early), (other, new, late) in pairwise(
            zip(days, members, answers, strict=True)
        )
    )


def days_between(start: date, end: date, step: Duration | None) -> list[date]:
    """The first day, the last, and those between that are so far from the last, step by step."""
    return sorted({start, *_back(start, end, step)})


def _back(start: date, end: date, step: Duration | None) -> Iterator[date]:
    yield end
    if step is None:
        return
    if step.count == 0:
        raise UsageError("a step of no day leads nowhere")
    for times in range(1, _MOST_DAYS + 1):
        day = Duration(step.count * times, step.unit).before(end)
        if day <= start:
            return
        yield day


def write_flow(project: Project, found: Flow, cell: str, path: Path) -> int:
    """Write who moved from one stage to another to a file; how many they are.

    ``cell`` is ``FROM:TO``; nothing on one side is who was in no stage on that day. Raises
    StoreError, UsageError.
    """
    source, sign, target = cell.partition(":")
    for name, stages in ((source, found.before), (target, found.after)):
        if not sign or (name != NOWHERE and name not in stages):
            raise UsageError(_no_cell(cell, name, list(stages)))
    if not source and not target:
        raise UsageError("who was in no stage on both days is nobody who is known here")
    ids = found.ids(source, target)
    write_ids(path, ids, project.users.key, project.access)
    return len(ids)


def _no_cell(cell: str, name: str, stages: Sequence[str]) -> str:
    close = nearest(name, stages) if name not in stages else ""
    return (
        f"`{cell}`: expected FROM:TO of the stages {', '.join(stages)}; "
        f"leave a side empty for in no stage, as in `:{stages[-1]}`"
        + (f"; did you mean {close}?" if close else "")
    )
