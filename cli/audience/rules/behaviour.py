"""``did:`` → behaviour: which events count, and what must be true of a user's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from audience.kinds import SCALARS, Catalog, Table, Tag
from audience.operators import MEASURES, Measure
from audience.rules.grammar import BEHAVIOUR, DAY_WINDOW, Key
from audience.rules.reader import Problems
from audience.rules.rows import Fields, ReadWhere, RowReader, read_window
from audience.rules.scalars import (
    Duration,
    Misfit,
    Range,
    read_count_range,
    read_duration_range,
    read_measure_range,
)
from audience.rules.source import Mapping, Node, Scalar
from audience.rules.tree import Did, MeasureTest


def _shape(measure: Measure) -> str:
    if measure.of_days:
        return "day_window"
    return "measure_columns" if measure.over_column else "count_range"


BEHAVIOUR_KEYS = BEHAVIOUR | {
    name: Key(measure.doc, _shape(measure)) for name, measure in MEASURES.items()
}


def read_behaviour(
    key: Scalar, node: Node, catalog: Catalog, problems: Problems, read_where: ReadWhere
) -> Did | None:
    """The behaviour behind a ``did`` key; None after a problem."""
    fields = problems.fields(node, BEHAVIOUR_KEYS, f"`{key.text}`")
    if fields is None:
        return None
    before = problems.count
    reader = RowReader(catalog, problems, read_where)
    rows = reader.read(fields, key.at)
    each = None
    if rows is not None and "each" in fields:
        each = _read_each(fields["each"][1], rows.table, reader, problems)
    measures: list[MeasureTest] = []
    for name, measure in MEASURES.items():
        if name in fields and (rows is not None or not measure.over_column):
            table = rows.table if rows is not None else None
            measures += _read_measure(measure, fields[name][1], table, problems)
    if problems.count > before or rows is None:
        return None
    # The window bounds no first or last: beside these alone, it asks for an event inside it.
    windowed = rows.window is not None and all(each.measure.of_days for each in measures)
    if not measures or windowed:
        measures.append(MeasureTest(MEASURES["times"], None, Range(1, None)))
    return Did(rows, each, tuple(measures), key.at)


def _read_each(node: Node, table: Table, reader: RowReader, problems: Problems) -> Tag | None:
    scalar = problems.scalar(node, "`each`")
    tag = None if scalar is None else reader.column(scalar, table)
    if tag is not None and tag.type.kind not in SCALARS:
        problems.error(
            node.at,
            f"`each` does not stand on `{tag.name}`, a {tag.type} column",
            "a column of single values",
        )
    return tag


def _read_measure(
    measure: Measure, node: Node, table: Table | None, problems: Problems
) -> list[MeasureTest]:
    if measure.of_days:
        days = _read_days(measure, node, problems)
        return [] if days is None else [MeasureTest(measure, None, days)]
    if not measure.over_column or table is None:
        limits = _read_limits(measure, node, problems)
        return [] if limits is None else [MeasureTest(measure, None, limits)]
    mapping = problems.mapping(node, f"`{measure.name}`")
    if mapping is None:
        return []
    if not mapping.entries:
        problems.error(node.at, f"`{measure.name}` is empty", "`column: range`")
    out: list[MeasureTest] = []
    for key, value in mapping.entries:
        tag = table.find(key.text)
        if tag is None:
            problems.error(
                key.at,
                f"unknown column `{key.text}` of `{table.name}`",
                "a column of the event table",
                meant=(key.text, table.names),
            )
        elif tag.type.kind not in measure.kinds:
            problems.error(
                key.at,
                f"`{measure.name}` does not stand on `{key.text}`, a {tag.type} column",
                "a column of " + " or ".join(sorted(f"{kind.value}s" for kind in measure.kinds)),
            )
        else:
            limits = _read_limits(measure, value, problems)
            if limits is not None:
                out.append(MeasureTest(measure, tag, limits))
    return out


def _read_days(
    measure: Measure, node: Node, problems: Problems
) -> Duration | Range[date] | Range[Duration] | None:
    """The days that a first or last event must be of."""
    if not isinstance(node, Mapping):
        problems.error(
            node.at,
            f"`{measure.name}` is held against days",
            "`{within: 30d}`, `{ago: 31d..90d}` or `{between: 2023-02-01..}`",
        )
        return None
    fields = problems.fields(node, DAY_WINDOW, f"`{measure.name}`")
    if fields is None:
        return None
    if len(fields) != 1:
        if not node.broken and len(node.entries) == len(fields):
            problems.error(
                node.at, f"`{measure.name}` has {len(fields)} tests", "one of within, ago, between"
            )
        return None
    if "ago" not in fields:
        return read_window(fields, ("within", "between"), problems)
    return _read_ago(fields, problems)


def _read_ago(fields: Fields, problems: Problems) -> Range[Duration] | None:
    scalar = problems.scalar(fields["ago"][1], "`ago`")
    if scalar is None:
        return None
    try:
        return read_duration_range(scalar.text)
    except Misfit as misfit:
        problems.misfit(scalar.at, misfit)
        return None


def _read_limits(
    measure: Measure, node: Node, problems: Problems
) -> Range[Decimal] | Range[int] | None:
    scalar = problems.scalar(node, f"`{measure.name}`")
    if scalar is None:
        return None
    read: Callable[[str], Range[Decimal] | Range[int]]
    read = read_count_range if measure.counts else read_measure_range
    try:
        return read(scalar.text)
    except Misfit as misfit:
        problems.misfit(scalar.at, misfit)
        return None
