"""How a plan would run on Spark: stages, what each reads, and what is shuffled between them.

Told by Spark's own plan, which is made and not run. While it runs Spark may change it: what turns
out to be small is sent to all in place of a shuffle, and small parts are put together.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from pyspark.sql import functions as F

from audience.engine.base import Engine
from audience.engine.spark.behaviour import fold_events
from audience.engine.spark.dialect import for_spark
from audience.engine.spark.engine import SparkEngine
from audience.engine.spark.run import People, checked_there
from audience.engine.spark.words import Words
from audience.engine.steps import Steps
from audience.engine.tables import TableData
from audience.kinds import Kind
from audience.plan.nodes import Kept, Listed, Plan

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_ADAPTIVE = "spark.sql.adaptive.enabled"
_BROADCAST = "spark.sql.autoBroadcastJoinThreshold"
_ROW = 16
"""Bytes that a row takes beside its columns, about."""

_READ = re.compile(r"struct<(.*)>", re.DOTALL)
_LONGEST = 400


def explain_spread(
    plan: Plan,
    tables: Mapping[str, TableData],
    users: Mapping[date | None, TableData],
    engine: Engine,
) -> Iterator[str]:
    """The stages of a plan on Spark, as text. Raises DataError."""
    assert isinstance(engine, SparkEngine)
    plan = for_spark(plan)
    tables = {name: checked_there(table) for name, table in tables.items()}
    session = engine.session
    # What Spark would only decide while it runs can't be told before.
    session.conf.set(_ADAPTIVE, "false")
    session.conf.set(_BROADCAST, "-1")
    yield f"how, on Spark {session.version} at {session.sparkContext.master}"
    with engine.refusals():
        folded = fold_events(plan, tables, engine, Steps(None))
        for each in folded:
            rows = tables[each.table]
            yield from _told(f"{each.table}: {_rows(rows.rows)}", each.frame.to_native())
        for day, table in users.items():
            people = People(plan, checked_there(table), day, engine, {})
            limits: list[Kept] = []

            def pretend(frame: DataFrame, limit: Kept, part: str, name: str) -> DataFrame:
                limits.append(limit)  # noqa: B023 it is used up in each turn
                return frame.withColumn(name, F.col(part))

            whole = table.tags[table.spec.key].type.kind is Kind.INTEGER
            # No list is read; of an empty one Spark would plan nothing.
            stand_in = pa.array([0] if whole else [""])
            nodes = [plan.nodes[number] for number in people.nodes]
            lists = {node: stand_in for node in nodes if isinstance(node, Listed)}
            frame, names, counts = people.told_of(folded, lists, pretend)
            words = Words("word_", names)
            packed = words.pack({name: F.col(name) for name in names})
            held = frame.select(frame.columns[0], *packed, *counts.values())
            title = f"{table.name} of {day}" if day else table.name
            yield from _told(f"{title}: {_rows(table.rows)}", held)
            for limit in limits:
                yield f"    limit of {limit.keep:,}: put in order by one more shuffle, counted"
            width = 8 * (len(held.columns) - 1)
            yield f"    held: a user's key and {width} bytes of answers, to be counted"
    yield "  packs: one job for all of a file: shuffled into files, 1 row an id; sorted, written"


@dataclass
class _Stage:
    """What is done without a shuffle."""

    scans: list[str] = field(default_factory=list)
    work: list[str] = field(default_factory=list)


def _told(title: str, frame: DataFrame) -> Iterator[str]:
    yield f"  {title}"
    lines: list[str] = []
    last = _walk(frame._jdf.queryExecution().executedPlan(), lines)
    yield from lines
    yield f"    last stage: {_line(last)}"


def _walk(node: Any, lines: list[str]) -> _Stage:
    """Tell the stages below a node of Spark's plan; what is its own stage so far."""
    stages = [_walk(each, lines) for each in _children(node)]
    stage = _Stage()
    for each in stages:
        stage.scans += each.scans
        stage.work += each.work
    match node.getClass().getSimpleName():
        case "FileSourceScanExec":
            stage.scans.append(_scan(node))
        case "ShuffleExchangeExec":
            lines.append(f"    stage: {_line(stage)}")
            lines.append(f"    shuffle: {_columns(node)}")
            return _Stage()
        case found if "Aggregate" in found:
            stage.work.append("aggregate")
        case found if "Join" in found:
            stage.work.append("join")
        case "WindowExec":
            stage.work.append("window")
        case "LocalTableScanExec":
            stage.scans.append("a list")
    return stage


def _children(node: Any) -> Sequence[Any]:
    found = node.children()
    return [found.apply(number) for number in range(found.size())]


def _line(stage: _Stage) -> str:
    # What is done twice in a row, as aggregates are, is done once.
    work = [each for n, each in enumerate(stage.work) if stage.work[n - 1 : n] != [each]]
    return ", ".join([*stage.scans, *work]) or "pass on"


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _columns(node: Any) -> str:
    output = node.output()
    widths = [output.apply(n).dataType().defaultSize() for n in range(output.size())]
    return f"{len(widths)} columns, about {sum(widths) + _ROW:,} bytes a row"


def _scan(node: Any) -> str:
    """What a scan reads, and what it leaves to the files to leave out."""
    told = node.metadata()

    def of(name: str) -> str:
        found = told.get(name)
        return str(found.get()) if found.isDefined() else ""

    read = _READ.match(of("ReadSchema"))
    columns = read[1].count(":") if read and read[1] else 0
    pushed = of("PushedFilters").strip("[]")
    text = f"scan of {columns} column{'' if columns == 1 else 's'}"
    return f"{text} where {_shortened(pushed)}" if pushed else text


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
