"""The `*.cases.yaml` beside rule files: rows of users and events, and who is in which pack."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import yaml

ZONE = ZoneInfo("Asia/Shanghai")
APART = 1_000_000
"""Users of different cases are kept apart by this much, so that one build answers all cases."""


@dataclass(frozen=True)
class Expectation:
    """One case's word on one pack."""

    case: str
    pack: str
    members: frozenset[int]
    strangers: frozenset[int]


@dataclass(frozen=True)
class CaseFile:
    """A case file as tables and expectations."""

    rules: Path
    as_of: date | None
    users: list[dict[str, Any]]
    events: list[dict[str, Any]]
    expectations: tuple[Expectation, ...]


def read_case_file(path: Path) -> CaseFile:
    data = yaml.safe_load(path.read_text())
    users, events, expected = [], [], []
    for number, case in enumerate(data["cases"], 1):
        shift = number * APART
        users += [{**row, "user_id": row["user_id"] + shift} for row in case["users"]]
        events += [
            {**row, "user_id": row["user_id"] + shift, "ts": _time(row["ts"])}
            for row in case.get("events", [])
        ]
        for pack, sides in case["packs"].items():
            members, strangers = (
                frozenset(user + shift for user in sides.get(side, [])) for side in ("in", "out")
            )
            expected.append(Expectation(case["name"], pack, members, strangers))
    rules = path.with_name(path.name.replace(".cases.yaml", ".yaml"))
    return CaseFile(rules, data.get("as_of"), users, events, tuple(expected))


def write_tables(case_file: CaseFile, schemas: dict[str, pl.Schema], folder: Path) -> None:
    """Write the rows with the types of the real tables; columns that are not given are missing."""
    for name, rows in (("users", case_file.users), ("events", case_file.events)):
        schema = schemas[name]
        unknown = {column for row in rows for column in row} - set(schema)
        assert not unknown, f"{case_file.rules}: no columns {unknown}"
        full = [
            {column: _value(row.get(column), kind) for column, kind in schema.items()}
            for row in rows
        ]
        table = pl.DataFrame(full, schema=schema, orient="row")
        if name == "users":
            (folder / "users").mkdir()
            table.write_parquet(folder / "users" / "part-0.parquet")
            continue
        local = pl.col("ts").dt.convert_time_zone(ZONE.key).dt.date()
        for (day,), part in table.group_by(local):
            target = folder / "events" / f"dt={day}"
            target.mkdir(parents=True)
            part.write_parquet(target / "part-0.parquet")


def _value(value: Any, kind: pl.DataType) -> Any:
    if isinstance(kind, pl.Datetime) and type(value) is date:
        return datetime(value.year, value.month, value.day, 12, tzinfo=ZONE)
    if isinstance(kind, pl.Datetime) and value is not None:
        return _time(value)
    return value


def _time(value: Any) -> datetime:
    moment = value if isinstance(value, datetime) else datetime.fromisoformat(str(value))
    return moment if moment.tzinfo else moment.replace(tzinfo=ZONE)


def all_case_files(root: Path) -> list[Path]:
    return sorted(root.rglob("*.cases.yaml"))
