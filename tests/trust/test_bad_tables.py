"""Tables broken in every way people break them: refused, with what must be known to mend them.

Each case breaks a project that works, in one place. The run must end with its code, name the file
(and the tag or rule where there is one), publish nothing, and leave what was published.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import audience
from support import MakeProject, Run

PROJECT = """\
time_zone: Asia/Shanghai
tables:
  users: {path: users/, key: user_id, snapshot: dt, max_age: 7d}
  events: {path: events/, key: user_id, time: ts, action: action, day: dt}
suppress:
  - {path: lists/optout.csv, column: user_id}
tags:
  city: {label: 城市, values: [北京, 成都]}
  value: {type: number}
"""
RULE = """\
campaign: c
phase: p
as_of: 2024-03-07
packs:
  老客: {where: {did: {event: buy, where: {brand: mi}, within: 7d}, city: [北京, 成都]}}
  rich: {where: {any: [{value: 5K+}, {level: 3}, {ids: {path: lists/known.csv, column: user_id}}]}}
"""
FIRST = 20_000_001
DAYS = [date(2024, 3, 1) + timedelta(days=n) for n in range(7)]


def users(part: int) -> pl.DataFrame:
    ids = range(FIRST + part * 100, FIRST + part * 100 + 100)
    return pl.DataFrame(
        {
            "user_id": ids,
            "city": [["北京", "成都", None][n % 3] for n in ids],
            "value": [n * 97 % 9_000 for n in ids],
            "level": [n % 4 for n in ids],
        }
    )


def events(day: date) -> pl.DataFrame:
    ids = range(FIRST, FIRST + 200, 1 + day.day)
    noon = datetime(day.year, day.month, day.day, 4)
    return pl.DataFrame(
        {"user_id": ids, "ts": [noon] * len(ids), "action": "buy", "brand": "mi"}
    ).with_columns(pl.col("user_id").cast(pl.Int64))


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    folder = make_project([{"user_id": 1}], {"a.yaml": RULE}, project=PROJECT)
    (folder / "users.parquet").unlink()
    for part in range(3):
        put(users(part), folder / f"users/dt=2024-03-06/{part}.parquet")
    for day in DAYS:
        put(events(day), folder / f"events/dt={day}/0.parquet")
    (folder / "lists").mkdir()
    (folder / "lists/known.csv").write_text(f"user_id\n{FIRST + 7}\n{FIRST + 8}\n")
    (folder / "lists/optout.csv").write_text(f"user_id\n{FIRST + 9}\n")
    return folder


def put(frame: pl.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame.write_parquet(path)


def change(name: str, by: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Path], None]:
    """Write one of the tables' files anew."""

    def apply(folder: Path) -> None:
        put(by(pl.read_parquet(folder / name, hive_partitioning=False)), folder / name)

    return apply


def cast(name: str, column: str, to: pl.DataType | type[pl.DataType]) -> Callable[[Path], None]:
    return change(name, lambda frame: frame.with_columns(pl.col(column).cast(to)))


def everywhere(glob: str, by: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        for path in sorted(folder.glob(glob)):
            change(str(path.relative_to(folder)), by)(folder)

    return apply


def remove(name: str) -> Callable[[Path], None]:
    def apply(folder: Path) -> None:
        path = folder / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()

    return apply


def rename(old: str, new: str) -> Callable[[Path], None]:
    return lambda folder: (folder / old).rename(folder / new) and None


def copy(old: str, new: str) -> Callable[[Path], None]:
    return lambda folder: put(pl.read_parquet(folder / old, hive_partitioning=False), folder / new)


def bare(name: str, by: Callable[[pl.DataFrame], pl.DataFrame]) -> Callable[[Path], None]:
    """Write one of the tables' files anew, without statistics."""

    def apply(folder: Path) -> None:
        frame = pl.read_parquet(folder / name, hive_partitioning=False)
        by(frame).write_parquet(folder / name, statistics=False)

    return apply


def without_times(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(ts=pl.lit(None, pl.Datetime("us")))


def one_day_later(frame: pl.DataFrame) -> pl.DataFrame:
    """The first row is of the next day."""
    late = pl.col("ts") + pl.duration(days=1)
    return frame.with_columns(ts=pl.when(pl.int_range(pl.len()) == 0).then(late).otherwise("ts"))


def text(name: str, content: str | bytes) -> Callable[[Path], None]:
    data = content if isinstance(content, bytes) else content.encode()
    return lambda folder: (folder / name).write_bytes(data) and None


def cut(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:-20]) and None


@dataclass(frozen=True)
class Broken:
    """What is broken, the code it ends with, and what must be told."""

    how: Callable[[Path], None]
    told: Sequence[str]
    code: int = 4


USER, EVENT = "users/dt=2024-03-06/1.parquet", "events/dt=2024-03-04/0.parquet"
BROKEN = {
    # Columns, in all files: the rule that asks for them is named.
    "a tag is gone": Broken(
        everywhere("users/*/*", lambda frame: frame.drop("level")),
        ["rules/a.yaml:6:", "`level`"],
        code=3,
    ),
    "a tag of the dictionary is gone": Broken(
        everywhere("users/*/*", lambda frame: frame.drop("city")),
        ["audience.yaml:8:", "`users`", "`city`"],
        code=3,
    ),
    "a tag is renamed": Broken(
        everywhere("users/*/*", lambda frame: frame.rename({"level": "levels"})),
        ["rules/a.yaml:6:", "`level`", "did you mean `levels`?"],
        code=3,
    ),
    "a tag is of another type": Broken(
        everywhere("users/*/*", lambda frame: frame.cast({"value": pl.String})),
        ["audience.yaml:9:", "`value` of table `users` is text", "number, as the dictionary says"],
        code=3,
    ),
    "a column of events is gone": Broken(
        everywhere("events/*/*", lambda frame: frame.drop("brand")),
        ["rules/a.yaml:5:", "`brand`", "`events`"],
        code=3,
    ),
    "a column of events is of another type": Broken(
        everywhere("events/*/*", lambda frame: frame.with_columns(brand=pl.lit(1))),
        ["rules/a.yaml:5:", "brand"],
        code=3,
    ),
    # Columns, in one file of many: the file is named.
    "a tag is gone from one file": Broken(
        change(USER, lambda frame: frame.drop("city")), [USER, "`city`"]
    ),
    "a tag is renamed in one file": Broken(
        change(USER, lambda frame: frame.rename({"city": "town"})), [USER, "`city`"]
    ),
    "a tag is of another type in one file": Broken(
        cast(USER, "value", pl.String), ["1.parquet", "`value`"]
    ),
    "a column of events is gone from one day": Broken(
        change(EVENT, lambda frame: frame.drop("brand")), [EVENT, "`brand`"]
    ),
    "a column of events is renamed on one day": Broken(
        change(EVENT, lambda frame: frame.rename({"action": "act"})), [EVENT, "`action`"]
    ),
    "a column of events is of another type on one day": Broken(
        change(EVENT, lambda frame: frame.with_columns(brand=pl.lit(1))), [EVENT, "`brand`"]
    ),
    "time is text on one day": Broken(cast(EVENT, "ts", pl.String), [EVENT, "`ts`"]),
    "the key is text on one day": Broken(cast(EVENT, "user_id", pl.String), [EVENT, "`user_id`"]),
    "the key is text in one file": Broken(cast(USER, "user_id", pl.String), [USER, "`user_id`"]),
    # Keys.
    "a key twice": Broken(
        change(USER, lambda frame: pl.concat([frame, frame.head(4)])),
        ["`users`", "4 of 304 rows repeat a key, for example 20…01, 20…02, 20…03"],
    ),
    "a key in two files": Broken(
        lambda folder: put(users(2).head(3), folder / "users/dt=2024-03-06/3.parquet"),
        ["`users`", "3 of 303 rows repeat a key"],
    ),
    "a key is missing": Broken(
        change(
            USER,
            lambda frame: frame.with_columns(
                user_id=pl.when(pl.col("user_id") > FIRST + 104).then("user_id")
            ),
        ),
        ["`users`", "`user_id`", "is missing in 5 of 300 rows"],
    ),
    "the key is gone": Broken(
        everywhere("users/*/*", lambda frame: frame.drop("user_id")),
        ["`users`", "`user_id`"],
        code=3,
    ),
    "the key is a fraction": Broken(
        everywhere("users/*/*", lambda frame: frame.cast({"user_id": pl.Float64})),
        ["audience.yaml:3:", "`user_id`", "number"],
        code=3,
    ),
    # Files.
    "no users": Broken(remove("users"), ["`users`", "`users/`"]),
    "a file of no Parquet": Broken(text(USER, b"user_id,city\n1,x\n"), [USER]),
    "a file of no bytes": Broken(text(EVENT, b""), [EVENT]),
    "a file that was not written to its end": Broken(cut(EVENT), [EVENT]),
    "a user file that was not written to its end": Broken(cut(USER), [USER]),
    "no rows of users": Broken(
        everywhere("users/*/*", lambda frame: frame.clear()), ["`users`", "allow_empty"]
    ),
    "no rows of events": Broken(
        everywhere("events/*/*", lambda frame: frame.clear()), ["`events`", "allow_empty"]
    ),
    "no time of any event": Broken(
        everywhere("events/*/*", without_times), ["`events`", "`ts`", "missing in all", "rows"]
    ),
    "a pipe": Broken(
        lambda folder: os.mkfifo(folder / "events/dt=2024-03-04/1.parquet"),
        ["`events`", "events/dt=2024-03-04/1.parquet is no regular file"],
    ),
    "a pipe among users": Broken(
        lambda folder: os.mkfifo(folder / "users/dt=2024-03-06/9.parquet"),
        ["`users`", "users/dt=2024-03-06/9.parquet is no regular file"],
    ),
    "a link to a device": Broken(
        lambda folder: (folder / "events/dt=2024-03-04/1.parquet").symlink_to("/dev/zero"),
        ["`events`", "events/dt=2024-03-04/1.parquet is no regular file"],
    ),
    # Partitions.
    "a day is missing": Broken(
        remove("events/dt=2024-03-04"), ["`events`", "1 day", "2024-03-04", "known_gaps"]
    ),
    "the last day is missing": Broken(remove("events/dt=2024-03-07"), ["`events`", "2024-03-07"]),
    "a day without files": Broken(remove(EVENT), ["`events`", "2024-03-04"]),
    "a day whose file has no rows": Broken(
        change(EVENT, lambda frame: frame.clear()),
        ["`events`", "the files of 1 day", "have no rows: 2024-03-04", "known_gaps"],
    ),
    "the last day has no rows": Broken(
        change("events/dt=2024-03-07/0.parquet", lambda frame: frame.clear()),
        ["`events`", "have no rows: 2024-03-07"],
    ),
    "a day twice": Broken(
        copy(EVENT, "events/dt=20240304/0.parquet"),
        ["`events`", "events/dt=2024-03-04 and ", "events/dt=20240304 are both"],
    ),
    "a snapshot twice": Broken(
        copy(USER, "users/dt=20240306/1.parquet"),
        ["`users`", "users/dt=2024-03-06 and ", "users/dt=20240306 are both"],
    ),
    "a copy inside a day": Broken(
        copy(EVENT, "events/dt=2024-03-04/backup/0.parquet"),
        ["`events`", "events/dt=2024-03-04/backup/0.parquet", "`backup`"],
    ),
    "a copy of a day": Broken(
        copy(EVENT, "events/backup/dt=2024-03-04/0.parquet"),
        ["`events`", "events/backup/dt=2024-03-04/0.parquet", "`backup`"],
    ),
    "a copy inside a snapshot": Broken(
        copy(USER, "users/dt=2024-03-06/old/1.parquet"),
        ["`users`", "users/dt=2024-03-06/old/1.parquet", "`old`"],
    ),
    "a partition that is no day": Broken(
        rename("events/dt=2024-03-04", "events/dt=2024-03-40"), ["`events`", "dt=2024-03-40"]
    ),
    "a partition of another name": Broken(
        rename("events/dt=2024-03-04", "events/day=2024-03-04"), ["`events`", "day=2024-03-04"]
    ),
    "a file beside the partitions": Broken(
        rename(EVENT, "events/0.parquet"), ["`events`", "events/0.parquet"]
    ),
    "rows of another day": Broken(
        rename("events/dt=2024-03-01", "events/dt=2024-03-08"), ["`events`"]
    ),
    "a row of another day, without statistics": Broken(
        bare(EVENT, one_day_later), ["`events`", EVENT, "has 1 row of other days", "2024-03-04"]
    ),
    "a snapshot that is no day": Broken(
        rename("users/dt=2024-03-06", "users/dt=tuesday"), ["`users`", "dt=tuesday"]
    ),
    "a snapshot that is too old": Broken(
        rename("users/dt=2024-03-06", "users/dt=2024-02-20"),
        ["`users`", "2024-02-20", "max_age"],
    ),
    "no snapshot yet": Broken(
        rename("users/dt=2024-03-06", "users/dt=2024-04-01"), ["`users`", "2024-03-07"]
    ),
    # Lists.
    "a list is gone": Broken(remove("lists/known.csv"), ["lists/known.csv"]),
    "a list is empty": Broken(text("lists/known.csv", "user_id\n"), ["lists/known.csv"]),
    "a list has no key": Broken(text("lists/known.csv", "id,x\n7,8\n"), ["known.csv", "user_id"]),
    "a list is of another kind": Broken(text("lists/known.csv", "user_id\nu7\n"), ["known.csv"]),
    "opt-outs are gone": Broken(remove("lists/optout.csv"), ["lists/optout.csv"]),
    "opt-outs are empty": Broken(text("lists/optout.csv", ""), ["lists/optout.csv"]),
}


@pytest.mark.parametrize("engine", ["polars", pytest.param("duckdb", marks=pytest.mark.soak)])
@pytest.mark.parametrize("name", BROKEN)
def test_broken(folder: Path, run: Run, name: str, engine: str) -> None:
    words = ("build-pack", "--engine", engine)
    assert run(*words, at=folder).code == 0
    before = audience.show(audience.load(folder), "c/p")[0].manifest
    case = BROKEN[name]
    case.how(folder)
    for _ in range(2):  # a second run has the cache of the first, and of the day before
        done = run(*words, at=folder)
        for part in case.told:
            assert part in done.err.replace("\n", " "), done.err
        assert done.code == case.code, done.err
        assert "Traceback" not in done.err
    project = audience.load(folder)
    assert audience.show(project, "c/p")[0].manifest == before
    (found,) = audience.verify(project)
    assert found.faults == ()
    assert audience.read_log(project).runs[-1]["exit"] == case.code
