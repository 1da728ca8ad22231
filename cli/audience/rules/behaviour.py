"""``did:`` → behaviour: which events count, and what must be true of a user's."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal

from audience.errors import listed
from audience.kinds import Catalog, Choice, Table, Tag
from audience.operators import MEASURES, Measure
from audience.rules.grammar import BEHAVIOUR, Key
from audience.rules.reader import Problems
from audience.rules.scalars import (
    Duration,
    Misfit,
    Range,
    read_count_range,
    read_date_range,
    read_duration,
    read_measure_range,
)
from audience.rules.source import Node, Scalar, Sequence
from audience.rules.tree import Condition, Did, MeasureTest
from audience.rules.values import read_choice

BEHAVIOUR_KEYS = BEHAVIOUR | {
    name: Key(measure.doc, "measure_columns" if measure.over_column else "count_range")
    for name, measure in MEASURES.items()
}

ReadRows = Callable[[Table, Node], Condition | None]


def read_behaviour(
    key: Scalar, node: Node, catalog: Catalog, problems: Problems, read_rows: ReadRows
) -> Did | None:
    """The behaviour behind a ``did`` key; None after a problem."""
    fields = problems.fields(node, BEHAVIOUR_KEYS, f"`{key.text}`")
    if fields is None:
        return None
    before = problems.count
    window = _read_window(fields, problems)
    table = _read_table(fields.get("in"), key, catalog, problems)
    if table is None:
        for name, measure in MEASURES.items():
            if name in fields and not measure.over_column:
                _read_limits(measure, fields[name][1], problems)
        return None
    actions = _read_actions(fields["event"][1], table, problems) if "event" in fields else None
    where = read_rows(table, fields["where"][1]) if "where" in fields else None
    measures: list[MeasureTest] = []
    for name, measure in MEASURES.items():
        if name in fields:
            measures += _read_measure(measure, fields[name][1], table, problems)
    if problems.count > before:
        return None
    if not measures:
        measures = [MeasureTest(MEASURES["times"], None, Range(1, None))]
    return Did(table, actions, where, window, tuple(measures), key.at)


def _read_table(
    field: tuple[Scalar, Node] | None, key: Scalar, catalog: Catalog, problems: Problems
) -> Table | None:
    if field is None:
        if len(catalog.events) == 1:
            return next(iter(catalog.events.values()))
        if catalog.events:
            names = listed(catalog.events)
            problems.error(key.at, "which event table? `in:` is missing", f"one of {names}")
        else:
            problems.error(key.at, "the project has no event table", "a table with `time:`")
        return None
    scalar = problems.scalar(field[1], "`in`")
    if scalar is None:
        return None
    if scalar.text not in catalog.events:
        problems.error(
            scalar.at,
            f"no event table `{scalar.text}`",
            "one of " + listed(catalog.events),
            meant=(scalar.text, catalog.events),
        )
        return None
    return catalog.events[scalar.text]


def _read_actions(node: Node, table: Table, problems: Problems) -> tuple[str, ...] | None:
    tag = table.tags.get(table.action) if table.action else None
    if tag is None:
        problems.error(
            node.at, f"`{table.name}` names no action column", "`action:` in the project file"
        )
        return None
    known: tuple[Choice, ...] | None = table.actions
    action = Tag(tag.name, tag.type, choices=known)
    nodes = node.items if isinstance(node, Sequence) else (node,)
    if not nodes:
        problems.error(node.at, "`event` is an empty list", "at least one action")
    out: list[str] = []
    for item in nodes:
        scalar = problems.scalar(item, "an action")
        if scalar is None:
            continue
        try:
            out.append(str(read_choice(action, scalar)))
        except Misfit as misfit:
            problems.misfit(scalar.at, misfit)
    return tuple(sorted(set(out)))


def _read_window(
    fields: dict[str, tuple[Scalar, Node]], problems: Problems
) -> Duration | Range[date] | None:
    given = [name for name in ("within", "between") if name in fields]
    if len(given) == 2:
        problems.error(fields["between"][0].at, "`within` and `between` together", "one of them")
    for name in given:
        scalar = problems.scalar(fields[name][1], f"`{name}`")
        if scalar is None:
            return None
        try:
            if name == "between":
                return read_date_range(scalar.text)
            duration = read_duration(scalar.text)
            if duration.count == 0:
                raise Misfit(f"`{scalar.text}` holds no day", "at least 1d, the day of as_of")
            return duration
        except Misfit as misfit:
            problems.misfit(scalar.at, misfit)
    return None


def _read_measure(
    measure: Measure, node: Node, table: Table, problems: Problems
) -> list[MeasureTest]:
    if not measure.over_column:
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


def _read_limits(
    measure: Measure, node: Node, problems: Problems
) -> Range[Decimal] | Range[int] | None:
    scalar = problems.scalar(node, f"`{measure.name}`")
    if scalar is None:
        return None
    try:
        if measure.counts:
            return read_count_range(scalar.text)
        return read_measure_range(scalar.text)
    except Misfit as misfit:
        problems.misfit(scalar.at, misfit)
        return None
