"""A small project that is changed again and again, as people and nightly jobs change one."""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

ZONE = ZoneInfo("Asia/Shanghai")
FIRST, LAST = date(2024, 3, 1), date(2024, 3, 10)
PROJECT = """\
time_zone: Asia/Shanghai
tables:
  users: {{path: users{users}}}
  events: {{path: events, key: id, time: ts, action: action, day: dt{gaps}}}
  visits: {{path: visits.parquet, key: id, time: day}}
"""

CHOICES: dict[str, list[str]] = {
    "day": ["2024-03-10", "2024-03-09", "2024-03-06"],
    "window": ["within: 3d", "within: 7d", "within: 1d", "between: 2024-03-02..2024-03-05"],
    "other_window": ["within: 30d", "within: 7d", "weekdays: [sat, sun]", "hours: 22..6"],
    "times": ["1..", "2..", "..1", "0"],
    "sum": ["20..", "..5", "0.3"],
    "mean": ["1..", "..0.15", "0.1"],
    "where": ["n: 2..", "n: 1", "sku: [s1, s2]", "amount: known", "sku: {ne: s3}", "n: unknown"],
    "event": ["buy", "see", "[buy, see]"],
    "distinct": ["2..", "1", "0"],
    "then": ["after: ..2d", "after: 1d..", "same: sku", "event: see, within: 5d"],
    "each": ["sku", "n", "action"],
    "age": ["30..", "..18", "18..40", "unknown"],
    "city": ["bj", "[bj, sh]", "{ne: sh}", "{starts_with: s}"],
    "keep": ["5", "2, by: age", "9, by: score, order: asc"],
    "share": ["{a: 50%, b: 50%}", "{a: 10%, b: 90%}", "{a: 50%, b: 50%, seed: x}"],
    "visited": ["times: 2..", "first: {within: 5d}", "last: {ago: 3d..}", "days: 1"],
}
RULES = {
    "a": """\
campaign: laws
phase: a
as_of: {day}
define: {{active: {{did: {{in: events, event: {event}, {window}}}}}}}
stages:
  life: {{new: {{age: {age}}}, busy: active, rest: otherwise}}
packs:
  tags: {{where: {{age: {age}, any: [{{city: {city}}}, {{score: 0.5..}}]}}}}
  counted: {{where: {{did: {{in: events, event: {event}, {window}, times: {times}}}}}}}
  summed: {{where: {{did: {{in: events, where: {{{where}}}, sum: {{amount: {sum}}}}}}}}}
  limited: {{where: active, limit: {{keep: {keep}}}}}
  parted: {{where: {{city: {city}}}, split: {share}}}
""",
    "b": """\
campaign: laws
phase: b
as_of: 2024-03-08
base: {{age: known}}
packs:
  mean: {{where: {{did: {{in: events, {other_window}, mean: {{amount: {mean}}}}}}}}}
  distinct: {{where: {{did: {{in: events, {window}, distinct: {{sku: {distinct}}}}}}}}}
  followed: {{where: {{did: {{in: events, event: buy, then: {{{then}}}}}}}}}
  each: {{where: {{did: {{in: events, {window}, each: {each}, times: {times}}}}}}}
  listed: {{where: {{any: [{{ids: {{path: vip.txt}}}}, {{city: {city}}}]}}}}
""",
    "c": """\
campaign: more
phase: c
as_of: 2024-03-10
packs:
  visited: {{where: {{did: {{in: visits, {visited}}}}}}}
  edges: {{where: {{did: {{in: events, event: {event}, last: {{within: 4d}}, max: {{n: 2..}}}}}}}}
  least: {{where: {{did: {{in: events, where: {{{where}}}, min: {{amount: {sum}}}}}}}}}
  never: {{where: {{did_not: {{in: events, {window}, where: {{{where}}}}}}}}}
""",
}
PACKS = ["life", "tags", "counted", "summed", "parted.a", "distinct", "followed", "never", "edges"]


class Edited:
    """The project's folder, and what can happen to it; everything by chance of one seed."""

    def __init__(self, folder: Path, seed: int, *, text_keys: bool, snapshots: bool) -> None:
        self.folder = folder
        self.rng = random.Random(seed)
        self.text_keys = text_keys
        self.snapshots = [date(2024, 3, 5), date(2024, 3, 9)] if snapshots else []
        self.gaps: list[date] = []
        self.chosen = {name: choices[0] for name, choices in CHOICES.items()}
        (folder / "rules").mkdir(parents=True)
        if not self.snapshots:
            self.write_users(None)
        for snapshot in self.snapshots:
            self.write_users(snapshot)
        for number in range((date(2024, 3, 8) - FIRST).days + 1):
            self.write_day(FIRST + timedelta(days=number), "part-0", 12)
        self.add_day()
        self.add_day()
        self.visits()
        self.list_file()
        self.write_texts()

    @property
    def steps(self) -> dict[str, Callable[[], None]]:
        """All that can happen, by name."""
        return {
            "edit": self.edit,
            "add day": self.add_day,
            "rewrite day": self.rewrite_day,
            "swap keys": self.swap_keys,
            "late file": self.late_file,
            "delete day": self.delete_day,
            "users": lambda: self.write_users(self.some_snapshot()),
            "add snapshot": self.add_snapshot,
            "reorder users": self.reorder_users,
            "visits": self.visits,
            "list": self.list_file,
            "damage": self.damage,
            "forget": lambda: shutil.rmtree(self.cache, ignore_errors=True),
            "nothing": lambda: None,
        }

    @property
    def cache(self) -> Path:
        return self.folder / ".audience/cache"

    # Texts

    def edit(self) -> None:
        name = self.rng.choice(list(CHOICES))
        self.chosen[name] = self.rng.choice(CHOICES[name])
        self.write_texts()

    def write_texts(self) -> None:
        users = ", key: id, snapshot: dt" if self.snapshots else ".parquet, key: id"
        gaps = f", known_gaps: [{', '.join(map(str, self.gaps))}]" if self.gaps else ""
        (self.folder / "audience.yaml").write_text(PROJECT.format(users=users, gaps=gaps))
        for name, text in RULES.items():
            (self.folder / f"rules/{name}.yaml").write_text(text.format(**self.chosen))

    def list_file(self) -> None:
        keys = self.rng.sample(range(50), 8)
        (self.folder / "vip.txt").write_text("".join(f"{self.key(key)}\n" for key in keys))

    # Rows

    def key(self, number: int) -> Any:
        return f"u{number:02}" if self.text_keys else number * 1_000_003

    def keys(self, column: list[int | None]) -> pa.Array:
        kind = pa.string() if self.text_keys else pa.int64()
        return pa.array([None if each is None else self.key(each) for each in column], kind)

    def put(self, name: str, table: pa.Table) -> None:
        """Write a file, at times into the old one, as old as that was."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.stat() if path.exists() else None
        if before is not None and self.rng.random() < 0.5:
            path.unlink()
        plain: dict[str, Any] = {"use_dictionary": False, "compression": "none"}
        pq.write_table(table, path, **plain)
        if before is not None and self.rng.random() < 0.5:
            os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    def pick(self, count: int, *values: Any) -> list[Any]:
        return [self.rng.choice(values) for _ in range(count)]

    def write_users(self, snapshot: date | None) -> None:
        numbers = self.rng.sample(range(40), self.rng.randint(20, 32))
        count = len(numbers)
        joined = [None, *(LAST - timedelta(days=day) for day in (0, 5, 40))]
        table = pa.table(
            {
                "id": self.keys([*numbers]),
                "age": pa.array(self.pick(count, None, 10, 18, 30, 40, 65), pa.int32()),
                "city": pa.array(self.pick(count, None, "bj", "sh", "gz"), pa.string()),
                "score": pa.array(self.pick(count, None, 0.1, 0.5, 0.9), pa.float64()),
                "joined": pa.array(self.pick(count, *joined), pa.date32()),
            }
        )
        self.put(self.users_file(snapshot), table)

    def users_file(self, snapshot: date | None) -> str:
        return "users.parquet" if snapshot is None else f"users/dt={snapshot}/part-0.parquet"

    def some_snapshot(self) -> date | None:
        return self.rng.choice(self.snapshots) if self.snapshots else None

    def add_snapshot(self) -> None:
        if self.snapshots:
            self.snapshots.append(FIRST + timedelta(days=self.rng.randint(1, 9)))
            self.write_users(self.snapshots[-1])

    def reorder_users(self) -> None:
        name = self.users_file(self.some_snapshot())
        table = pl.read_parquet(self.folder / name, hive_partitioning=False).to_arrow()
        table = table.cast(pq.read_schema(self.folder / name))
        self.put(name, table.take(pa.array(self.rng.sample(range(len(table)), len(table)))))

    def visits(self) -> None:
        count = self.rng.randint(0, 40)
        days = [None, *(FIRST + timedelta(days=number) for number in range(12))]
        numbers = self.pick(count, *range(45), None)
        columns = {"id": self.keys(numbers), "day": pa.array(self.pick(count, *days), pa.date32())}
        self.put("visits.parquet", pa.table(columns))

    # Days of events

    def day_files(self) -> list[Path]:
        return sorted((self.folder / "events").glob("dt=*/*.parquet"))

    def write_day(self, day: date, name: str, count: int) -> None:
        midnight = datetime(day.year, day.month, day.day, tzinfo=ZONE)
        hours = self.pick(count, 0, 3, 9, 22, 23.99)
        times = [(midnight + timedelta(hours=hour)).astimezone(UTC) for hour in hours]
        table = pa.table(
            {
                "id": self.keys(self.pick(count, *range(12), *range(45), None)),
                "ts": pa.array(times, pa.timestamp("us", "UTC")),
                "action": pa.array(self.pick(count, "buy", "see"), pa.string()),
                "amount": pa.array(self.pick(count, None, 0.1, 0.2, 19.99, -5.0), pa.float64()),
                "n": pa.array(self.pick(count, None, 1, 2, 3), pa.int16()),
                "sku": pa.array(self.pick(count, None, "s1", "s2", "s3"), pa.string()),
            }
        )
        self.put(f"events/dt={day}/{name}.parquet", table)

    def add_day(self) -> None:
        """The day after the last there is, or one that was deleted."""
        there = {file.parent.name for file in self.day_files()}
        days = [FIRST + timedelta(days=number) for number in range(10)]
        missing = [day for day in days if f"dt={day}" not in there]
        if missing:
            day = missing[-1] if self.rng.random() < 0.5 else missing[0]
            self.write_day(day, "part-0", self.rng.randint(0, 15))
            self.gaps = [gap for gap in self.gaps if gap != day]
            self.write_texts()

    def rewrite_day(self) -> None:
        """As many other rows."""
        file = self.rng.choice(self.day_files())
        self.write_day(_day_of(file), file.stem, pq.read_metadata(file).num_rows)

    def swap_keys(self) -> None:
        """Other rows in a file of the same size and the same statistics."""
        file = self.rng.choice(self.day_files())
        table = pq.ParquetFile(file).read()
        keys = table["id"].to_pylist()
        known = [place for place, key in enumerate(keys) if key is not None]
        others = self.rng.sample(known, len(known))
        found = [keys[place] for place in others]
        for place, key in zip(known, found, strict=True):
            keys[place] = key
        swapped = pa.array(keys, table.schema.field("id").type)
        size = file.stat().st_size
        self.put(str(file.relative_to(self.folder)), table.set_column(0, "id", swapped))
        assert file.stat().st_size == size

    def late_file(self) -> None:
        day = _day_of(self.rng.choice(self.day_files()))
        self.write_day(day, f"late-{self.rng.randrange(10**6)}", self.rng.randint(0, 6))

    def delete_day(self) -> None:
        folders = sorted({file.parent for file in self.day_files()})
        if len(folders) > 3:
            folder = self.rng.choice(folders)
            self.gaps.append(_day_of(folder / "x"))
            shutil.rmtree(folder)
            self.write_texts()

    # What was kept

    def damage(self) -> None:
        entries = sorted(self.cache.glob("*/*.entry"))
        for path in self.rng.sample(entries, min(len(entries), self.rng.randint(1, 12))):
            if not path.exists():
                continue
            data = bytearray(path.read_bytes())
            match self.rng.randrange(6):
                case 0 if data:
                    data[self.rng.randrange(len(data))] ^= 1 << self.rng.randrange(8)
                    path.write_bytes(data)
                case 1:
                    path.write_bytes(data[: self.rng.randrange(len(data) + 1)])
                case 2:
                    other = self.rng.choice(entries)
                    content = other.read_bytes() if other.exists() else b""
                    path.write_bytes(content)
                    if other.exists():
                        other.write_bytes(data)
                case 3:
                    path.write_bytes(b"")
                case 4:
                    path.write_bytes(data + b"x")
                case _:
                    path.unlink()


def _day_of(file: Path) -> date:
    return date.fromisoformat(file.parent.name.removeprefix("dt="))
