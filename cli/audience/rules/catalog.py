"""The dictionary joined with the tables' real columns: what rules may name, with types."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from audience.errors import Location
from audience.kinds import DECLARED, ORDERED, Catalog, Choice, Kind, Table, Tag, Type, Value
from audience.rules.project import Project, TableSpec, TagSpec, ValueSpec
from audience.rules.reader import Problems
from audience.rules.scalars import Misfit, read_value

_KEYS = {Kind.INTEGER, Kind.TEXT}
_TIMES = {Kind.DATE, Kind.TIMESTAMP}


def build_catalog(
    project: Project, schemas: Mapping[str, Mapping[str, Tag]], problems: Problems
) -> Catalog:
    """The catalog of a project whose tables have these columns (``{table: {column: bare tag}}``).

    A dictionary that names a column that is not there, or a value that does not fit the column,
    is a problem with its place in the project file.
    """
    tables = {
        spec.name: _build_table(spec, schemas[spec.name], problems)
        for spec in (project.users, *project.events.values())
    }
    users = tables.pop(project.users.name)
    key = users.tags.get(users.key)
    for table in tables.values():
        other = table.tags.get(table.key)
        if key and other and key.type.kind is not other.type.kind:
            problems.error(
                project.events[table.name].places["key"],
                f"the key `{other.name}` is {other.type}, that of `{users.name}` is {key.type}",
                "keys of one type",
            )
    return Catalog(users, tables)


def _build_table(spec: TableSpec, columns: Mapping[str, Tag], problems: Problems) -> Table:
    tags = dict(columns)
    for role, kinds in (("key", _KEYS), ("time", _TIMES), ("action", {Kind.TEXT})):
        name = getattr(spec, role)
        if name and _has(name, columns, spec.places[role], spec.name, problems):
            kind = columns[name].type
            if kind.kind not in kinds:
                expected = " or ".join(sorted(str(each.value) for each in kinds))
                problems.error(
                    spec.places[role], f"`{name}` is {kind}, as `{role}` it can't be", expected
                )
    for tag in spec.columns:
        if _has(tag.name, columns, tag.at, spec.name, problems):
            column = columns[tag.name]
            choices = None
            if tag.type and column.type.kind not in DECLARED[tag.type]:
                problems.error(
                    tag.type_at,
                    f"`{tag.name}` of table `{spec.name}` is {column.type}",
                    f"{tag.type}, as the dictionary says",
                )
            if tag.values is not None:
                choices = _read_choices(tag.values, column.type, problems)
            tags[tag.name] = replace(
                column,
                label=tag.label,
                choices=choices,
                declared=bool(tag.type),
                bins=_read_bins(tag, column.type, problems),
            )
            if tag.label and tag.label in columns and tag.label != tag.name:
                problems.error(
                    tag.label_at, f"the label `{tag.label}` is a column's name", "another label"
                )
    actions = None
    if spec.actions is not None and spec.action in columns:
        actions = _read_choices(spec.actions, columns[spec.action].type, problems)
    return Table(spec.name, spec.key, tags, spec.time, spec.action, actions)


def _has(
    name: str, columns: Mapping[str, Tag], at: Location, table: str, problems: Problems
) -> bool:
    if name in columns:
        return True
    problems.error(
        at,
        f"table `{table}` has no column `{name}`",
        "one of " + ", ".join(columns),
        meant=(name, columns),
    )
    return False


def _read_bins(tag: TagSpec, kind: Type, problems: Problems) -> tuple[Value, ...]:
    """The edges of a tag's bins, of its type and ascending."""
    if not tag.bins:
        return ()
    at = tag.bins[0].at
    if kind.kind not in ORDERED:
        problems.error(at, f"`bins` on `{tag.name}`, which is {kind}", "a number or a date")
        return ()
    out: list[Any] = []
    for edge in tag.bins:
        try:
            value = read_value(edge, kind)
        except Misfit as misfit:
            problems.misfit(edge.at, misfit)
            continue
        if out and value <= out[-1]:
            text = f"`{edge.text}` does not come after the edge before it"
            problems.error(edge.at, text, "ascending edges")
        out.append(value)
    return tuple(out)


def _read_choices(
    values: tuple[ValueSpec, ...], kind: Type, problems: Problems
) -> tuple[Choice, ...]:
    element = kind.item or kind
    out: list[Choice] = []
    read: list[tuple[ValueSpec, Value]] = []
    known: set[Value] = set()
    for spec in values:
        try:
            value = read_value(spec.stored, element)
        except Misfit as misfit:
            problems.misfit(spec.stored.at, misfit)
            continue
        if value in known:
            problems.error(spec.stored.at, f"the value `{value}` stands twice", "each value once")
        known.add(value)
        read.append((spec, value))
        out.append(Choice(value, spec.label))
    words = {str(value) for _, value in read}
    for spec, value in read:
        # `1: "2"` beside `2: "1"` could be read either way.
        if spec.label in words and spec.label != str(value):
            problems.error(
                spec.stored.at,
                f"`{spec.label}` is the label of one value and the stored form of another",
                "labels unlike the stored values",
            )
    return tuple(out)
