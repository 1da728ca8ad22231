"""Tags with what is really in their columns."""

from __future__ import annotations

from collections.abc import Sequence

import narwhals.stable.v2 as nw

from audience.analysis.outline import counted_there
from audience.engine.choice import open_engine
from audience.engine.columns import scan
from audience.errors import UsageError, nearest
from audience.given import several
from audience.insight.tags import TagReport, report_counts, report_tag
from audience.kinds import Kind, Tag
from audience.workspace import Workspace


def report_tags(
    workspace: Workspace,
    names: str | Sequence[str] = (),
    *,
    table: str = "",
    top: int = 20,
) -> tuple[TagReport, ...]:
    """The tags of the user table, or of an event table, by name or label, default all.

    Raises UsageError, DataError.
    """
    wanted = chosen_tags(workspace, names, table)
    table_data = workspace.tables[table or workspace.catalog.users.name]
    running = open_engine(workspace.project)
    try:
        out = []
        for tag in wanted:
            column = scan(running, table_data, table_data.files, [tag.name]).select(tag.name)
            if running.far:
                unknown = column.filter(nw.col(tag.name).is_null()).select(nw.len().alias("n"))
                missing = int(running.fetch(unknown)["n"][0].as_py())
                counts = counted_there(running, table_data, tag)
                out.append(report_counts(tag, table_data.rows, missing, counts, top))
            else:
                out.append(report_tag(tag, running.fetch(column)[tag.name], top))
        return tuple(out)
    finally:
        running.close()


def chosen_tags(
    workspace: Workspace, names: str | Sequence[str], table: str = ""
) -> tuple[Tag, ...]:
    """The tags of a table by name or label, default all but the key, that have values to be told.

    Raises UsageError.
    """
    catalog = workspace.catalog
    tables = {catalog.users.name: catalog.users, **catalog.events}
    if table and table not in tables:
        raise UsageError(f"no table `{table}`; there is {', '.join(tables)}")
    users = tables[table or catalog.users.name]
    wanted: dict[str, Tag] = {}
    for name in several(names) or [name for name in users.tags if name != users.key]:
        tag = users.find(name)
        if tag is None:
            elsewhere = [other for other in tables.values() if other.find(name)]
            close = nearest(name, users.names)
            hint = f"; did you mean {close}?" if close else ""
            if elsewhere:
                hint = f"; it is a column of `{elsewhere[0].name}`, which --table names"
            raise UsageError(f"no tag `{name}`{hint}")
        wanted[tag.name] = tag
    return tuple(tag for tag in wanted.values() if tag.type.kind is not Kind.OTHER)
