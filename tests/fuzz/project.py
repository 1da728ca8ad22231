"""A world as files: Parquet tables, `audience.yaml` and rule files."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import date, datetime
from enum import Enum
from pathlib import Path
from typing import Any, Literal
from zoneinfo import ZoneInfo

import polars as pl

from fuzz.scalars import Quoted
from fuzz.world import Table, World

INTEGERS = {"age": pl.Int32, "count": pl.UInt8, "sku": pl.Int16}
"""Columns of whole numbers that are narrower than 64 bits."""

UNITS: dict[str, Literal["ms", "us", "ns"]] = {"seen": "ms", "at": "ns"}
STORED_ZONES = {"at": "Asia/Tokyo"}
"""A zone of the file, which isn't the project's and must play no part."""


class Layout(Enum):
    """How event tables lie on disk."""

    FILE = "one file"
    DAYS = "a folder for each day"
    BARE = "a folder for each day, some files without statistics"


def render(part: Any) -> str:
    """A condition as YAML in flow style."""
    if isinstance(part, Mapping):
        return "{" + ", ".join(f"{name(key)}: {render(part[key])}" for key in part) + "}"
    if isinstance(part, list):
        return "[" + ", ".join(map(render, part)) + "]"
    if isinstance(part, Quoted):
        return json.dumps(part, ensure_ascii=False)
    assert re.fullmatch(r"[\w+./@-]([\w+./@ -]*[\w+./@-])?", part), f"needs quotes: {part!r}"
    return str(part)


def name(key: str) -> str:
    assert re.fullmatch(r"[\w.-]+", key)
    return key


def write(world: World, folder: Path, layout: Layout = Layout.FILE) -> None:
    """Write the tables, the project file and the rule files."""
    (folder / "rules").mkdir(parents=True, exist_ok=True)
    lines = [f"time_zone: {world.time_zone}", "tables:"]
    for table in (world.users, *world.events.values()):
        days = bool(table.time) and layout is not Layout.FILE
        if days:
            write_days(table, folder / table.name, world, bare=layout is Layout.BARE)
        else:
            frame(table).write_parquet(folder / f"{table.name}.parquet")
        path = table.name if days else f"{table.name}.parquet"
        lines += [f"  {table.name}:", f"    path: {path}", f"    key: {table.key}"]
        lines.append("    allow_empty: true")
        if table.time:
            lines.append(f"    time: {table.time}")
            lines += ["    day: dt", "    known_gaps: [..2099-12-31]"] if days else []
            labels = {column: {"label": label} for label, column in table.labels.items()}
            lines += [f"    columns: {render(labels)}"] if labels else []
        if table.action:
            lines.append(f"    action: {table.action}")
            actions = table.values.get(table.action)
            lines += [f"    actions: {render(actions)}"] if actions else []
    if world.users.labels:
        lines.append("tags:")
        lines += [f"  {column}: {{label: {label}}}" for label, column in world.users.labels.items()]
    (folder / "audience.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for path, ids in world.lists.items():
        (folder / path).write_text("".join(f"{each}\n" for each in ids), encoding="utf-8")
    for file in world.files:
        (folder / "rules" / rule_path(file)).write_text(rule_text(world, file), encoding="utf-8")


def write_days(table: Table, folder: Path, world: World, *, bare: bool) -> None:
    """Write a file for each day, several for some. Rows without a time are of no day.

    They are left out: they count for nobody.
    """
    whole = frame(table)
    places: dict[tuple[date, int], list[int]] = {}
    for number, row in enumerate(table.rows):
        if row[table.time] is not None:
            day = local_day(row[table.time], world.time_zone)
            part = number % 3 if day.toordinal() % 2 else 0
            places.setdefault((day, part), []).append(number)
    for (day, part), rows in (places or {(world.as_of, 0): []}).items():
        path = folder / f"dt={day}" / f"part-{part}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        whole[rows].write_parquet(path, statistics=not (bare and part == 0))


def local_day(moment: Any, time_zone: str) -> date:
    """The day that a date, or a clock in a zone, shows."""
    if not isinstance(moment, datetime):
        assert isinstance(moment, date)
        return moment
    return (moment.astimezone(ZoneInfo(time_zone)) if moment.tzinfo else moment).date()


def rule_path(file: str) -> str:
    return file.replace("/", "-") + ".yaml"


def rule_text(world: World, file: str) -> str:
    rules = world.files[file]
    campaign, phase = file.split("/")
    lines = [f"campaign: {campaign}", f"phase: {phase}", f"as_of: {world.as_of}"]
    if rules.base is not None:
        lines.append(f"base: {render(rules.base)}")
    if rules.define:
        lines.append("define:")
        lines += [f"  {name}: {render(part)}" for name, part in rules.define.items()]
    if rules.stages:
        lines.append("stages:")
        for stages, parts in rules.stages.items():
            lines.append(f"  {stages}:")
            lines += [f"    {name}: {render(part)}" for name, part in parts.items()]
    if rules.packs:
        lines.append("packs:")
        lines += [f"  {name}: {{where: {render(part)}}}" for name, part in rules.packs.items()]
    return "\n".join(lines) + "\n"


def tables_text(world: World) -> str:
    """The tables, to be read in the note on a failure; without the missing values."""
    lines = [f"time zone {world.time_zone}, as of {world.as_of}"]
    for table in (world.users, *world.events.values()):
        lines.append(f"{table.name}:")
        for row in table.rows:
            values = [f"{name}={show(row[name])}" for name in row if row[name] is not None]
            lines.append("  " + ", ".join(values))
    lines += [f"{path}: {list(ids)}" for path, ids in world.lists.items()]
    return "\n".join(lines)


def show(value: Any) -> str:
    return value.isoformat(" ") if isinstance(value, datetime) else str(value)


def frame(table: Table) -> pl.DataFrame:
    """The table as it is stored."""
    schema = {column: stored(table, column) for column in table.columns}
    out = pl.DataFrame([dict(row) for row in table.rows], schema=schema)
    for column, zone in STORED_ZONES.items():
        if isinstance(kind := schema.get(column), pl.Datetime) and kind.time_zone:
            out = out.with_columns(pl.col(column).dt.convert_time_zone(zone))
    return out


def stored(table: Table, column: str) -> Any:
    """The type a column is stored as."""
    kind = table.columns[column]
    if kind == "timestamp":
        moments = [row[column] for row in table.rows if row[column] is not None]
        zone = "UTC" if moments and moments[0].tzinfo else None
        return pl.Datetime(UNITS.get(column, "us"), zone)
    plain: dict[str, Any] = {
        "bool": pl.Boolean,
        "int": INTEGERS.get(column, pl.Int64),
        "float": pl.Decimal(12, 2) if column == "fee" else pl.Float64,
        "float32": pl.Float32,
        "text": pl.String,
        "date": pl.Date,
        "list of text": pl.List(pl.String),
        "list of int": pl.List(pl.Int64),
        "list of date": pl.List(pl.Date),
    }
    return plain[kind]
