"""Tables on disk: which files they are made of, and what their footers say. No row is read here."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa

from audience.cache import stamps
from audience.engine.files import DayFolders, State, find_files, hive_keys, state_of
from audience.engine.footers import Ranges, add_known, kind_of, read_footers, usable_kind
from audience.engine.pages import Chunk, check_pages
from audience.errors import DataError
from audience.kinds import Kind, Tag, Type
from audience.objects import REQUESTS, AnyPath, ObjectPath
from audience.rules.project import TableSpec
from audience.threads import THREADS, in_threads

_RESERVED = "__audience_"


@dataclass(frozen=True)
class TableFile:
    """One Parquet file. ``modified`` is in nanoseconds; ``keys`` are its hive partition values."""

    path: AnyPath
    size: int
    modified: int
    schema: pa.Schema
    keys: Mapping[str, str] = field(default_factory=dict)
    day: date | None = None
    rows: int = 0
    dated: bool = False
    """Whether every row that has a time is known to be of ``day``."""
    timeless: int | None = None
    """How many rows have no time; None where that is not known."""
    stamp: str = ""
    """What changes when the file does."""
    sizes: Mapping[str, int] = field(default_factory=dict, repr=False)
    """By column, its bytes as they lie on the disk."""
    chunks: tuple[Chunk, ...] = field(default=(), repr=False)
    """Where the pages of each column lie."""
    ranges: Mapping[str, Ranges] = field(default_factory=dict, repr=False)
    """By column that has a dictionary, between which values its own lie."""

    @property
    def proven(self) -> bool:
        """Whether every row is known to be of ``day``."""
        return self.dated and self.timeless == 0

    @property
    def is_unchanged(self) -> bool:
        """Whether the file is still the one that was opened. Raises OSError."""
        try:
            return state_of(self.path).stamp == self.stamp
        except FileNotFoundError:
            return False


@dataclass(frozen=True)
class TableData:
    """A table as it lies on disk, or in an object store.

    ``schema`` is that of the files, without partition columns; ``partitions`` are those, with
    the type they are read as. ``rows`` counts all files together.
    """

    spec: TableSpec
    root: AnyPath
    files: tuple[TableFile, ...]
    schema: pa.Schema
    partitions: Mapping[str, Type]
    tags: Mapping[str, Tag]
    rows: int
    snapshot: date | None = None
    snapshots: Mapping[date, tuple[AnyPath, ...]] = field(default_factory=dict, repr=False)
    """The files of each day's snapshot; this is the table as it was on ``snapshot``."""
    checked: dict[AnyPath, set[str]] = field(default_factory=dict, repr=False, compare=False)
    """By file the columns whose pages were held against their checksums."""

    @property
    def zoned(self) -> bool:
        """Whether every file's times have a zone: then they are moments, not clock readings."""
        types = [file.schema.field(self.spec.time).type for file in self.files]
        return all(pa.types.is_timestamp(each) and each.tz is not None for each in types)

    @property
    def daily(self) -> bool:
        """Whether every file is known to be of one day."""
        return all(file.proven for file in self.files)

    @property
    def name(self) -> str:
        """The table's name in the project file."""
        return self.spec.name

    @cached_property
    def stamp(self) -> str:
        """What changes when any of the files does, or what their key is."""
        return stamps([self.spec.key, *(file.stamp for file in self.files)])

    @property
    def key_type(self) -> pa.DataType:
        """The key's type as the files store it; of dictionary-coded keys, that of their values.

        Where files differ in it, the widest.
        """
        stored = {file.schema.field(self.spec.key).type for file in self.files}
        kinds = {each.value_type if pa.types.is_dictionary(each) else each for each in stored}
        if len(kinds) == 1:
            return kinds.pop()
        return pa.int64() if all(map(pa.types.is_integer, kinds)) else pa.large_string()

    def within(self, days: tuple[date | None, date] | None) -> tuple[TableFile, ...]:
        """The files that can hold days of a window: all of them where days are no partition.

        None, which a user table's reads have, is no window.
        """
        if days is None:
            return self.files
        first, last = days
        return tuple(
            file
            for file in self.files
            if file.day is None or ((first is None or file.day >= first) and file.day <= last)
        )

    def check_unchanged(self, files: Iterable[TableFile]) -> None:
        """Files must still be those that were opened: what is known of them would be wrong.

        Raises DataError.
        """

        def check(file: TableFile) -> None:
            try:
                same = file.is_unchanged
            except OSError as error:
                raise _unreadable(self.spec, error, file.path) from None
            if not same:
                raise DataError(f"table `{self.name}`: {file.path} changed while it was read")

        if isinstance(self.root, ObjectPath):
            in_threads(check, files, REQUESTS)
        else:
            for file in files:
                check(file)

    def check_pages(self, files: Iterable[TableFile], columns: Iterable[str]) -> None:
        """Hold what is about to be read against its checksums, once. Raises DataError."""
        if self.spec.checksums == "off":
            return
        names = set(columns)
        required = self.spec.checksums == "require"

        def check(file: TableFile) -> None:
            done = self.checked.setdefault(file.path, set())
            left = [each for each in file.chunks if each.column in names - done]
            where = f"table `{self.name}`: {file.path}"
            if left and not check_pages(where, file.path, left, required=required):
                done.update(file.sizes)  # its writer left none
            done.update(names)

        in_threads(check, files, REQUESTS if isinstance(self.root, ObjectPath) else THREADS)


Locate = Callable[[TableSpec], tuple[Sequence[AnyPath], AnyPath]]
"""Finds a table's files, sorted, and the folder that its partitions lie in."""


def open_table(
    spec: TableSpec, root: Path, time_zone: str, locate: Locate | None = None
) -> TableData:
    """Find a table's files and read their footers; of snapshots, the newest.

    ``locate`` finds them where a catalog must be asked. Raises DataError.
    """
    try:
        paths, folder = locate(spec) if locate and spec.table else find_files(spec, root)
        if not spec.snapshot:
            return _open(spec, paths, folder, ZoneInfo(time_zone))
        snapshots = _group_snapshots(spec, paths, folder)
        newest = max(snapshots)
        table = _open(spec, snapshots[newest], folder, ZoneInfo(time_zone))
        return replace(table, snapshot=newest, snapshots=snapshots)
    except (OSError, ValueError) as error:
        raise _unreadable(spec, error) from None


def choose_snapshot(table: TableData, as_of: date) -> date | None:
    """The newest snapshot that is not after a day; None of a table without. Raises DataError."""
    spec = table.spec
    if not table.snapshots:
        return None
    day = max((day for day in table.snapshots if day <= as_of), default=None)
    if day is None:
        raise DataError(
            f"table `{spec.name}` has no snapshot of {as_of} or before; "
            f"the first is of {min(table.snapshots)}"
        )
    if spec.max_age is not None and day < spec.max_age.before(as_of):
        raise DataError(
            f"table `{spec.name}`: the newest snapshot at {as_of} is of {day}, "
            f"older than `max_age: {spec.max_age}` allows"
        )
    return day


def open_snapshot(table: TableData, day: date, columns: Iterable[str]) -> TableData:
    """A table as it was on the day of one of its snapshots. Raises DataError.

    ``columns`` are needed, as they are in the table that is open.
    """
    if day == table.snapshot:
        return table
    spec = table.spec
    try:
        older = _open(spec, table.snapshots[day], table.root, None)
    except (OSError, ValueError) as error:
        raise _unreadable(spec, error) from None
    for name in columns:
        if name not in older.tags:
            raise DataError(f"table `{spec.name}`: its snapshot of {day} has no column `{name}`")
        if older.tags[name].type != table.tags[name].type:
            raise DataError(
                f"table `{spec.name}`: `{name}` is {older.tags[name].type} in the snapshot of "
                f"{day}, {table.tags[name].type} in that of {table.snapshot}"
            )
    return replace(older, snapshot=day, snapshots=table.snapshots)


def _unreadable(spec: TableSpec, error: Exception, path: AnyPath | None = None) -> DataError:
    reason = getattr(error, "strerror", None) or error
    return DataError(f"table `{spec.name}`: cannot read {path or f'`{spec.place}`'}: {reason}")


def _group_snapshots(
    spec: TableSpec, paths: Sequence[AnyPath], folder: AnyPath
) -> dict[date, tuple[AnyPath, ...]]:
    out: dict[date, list[AnyPath]] = {}
    days = DayFolders(spec, "snapshot", spec.snapshot, folder)
    for path in paths:
        out.setdefault(days.day_of(path), []).append(path)
    return {day: tuple(found) for day, found in sorted(out.items())}


def _open(
    spec: TableSpec, paths: Sequence[AnyPath], folder: AnyPath, zone: ZoneInfo | None
) -> TableData:
    days = DayFolders(spec, "day", spec.day, folder)
    files: list[TableFile] = []
    first: pa.Schema | None = None
    missing: dict[str, int | None] = {}
    rows = 0
    listed = {each.name for each in spec.columns if each.values is not None}
    listed |= {spec.action} if spec.actions is not None else set()
    states = [_regular(spec, path) for path in paths]
    footers = read_footers(spec.name, spec.time, paths, listed)
    for path, state, footer in zip(paths, states, footers, strict=True):
        schema, counts = footer.schema, footer.missing
        _check_names(spec, schema, path)
        if first is None:
            first = schema
            missing = dict.fromkeys(schema.names, 0)
        else:
            _check_same(spec, first, files[0].path, schema, path)
        for name in missing:
            missing[name] = add_known(missing[name], counts.get(name))
        rows += footer.rows
        keys = hive_keys(path, folder)
        day = days.day_of(path) if spec.day else None
        if day is not None and zone is not None:
            _check_day(spec, day, footer.bounds, zone, path)
        dated = day is not None and zone is not None and footer.bounded
        files.append(
            TableFile(
                path,
                state.size,
                state.modified,
                schema,
                keys,
                day,
                footer.rows,
                dated,
                counts.get(spec.time),
                state.stamp,
                footer.sizes,
                footer.chunks,
                footer.ranges,
            )
        )
    assert first is not None
    if not rows and not spec.allow_empty:
        raise DataError(
            f"table `{spec.name}`: `{spec.place}` has no rows; `allow_empty: true` takes it so"
        )
    _check_partitioned(spec, files, folder)
    partitions = _partition_types(spec, files, first)
    if spec.key in partitions:
        raise DataError(f"table `{spec.name}`: the key `{spec.key}` is a partition, not a column")
    tags = {
        each.name: Tag(each.name, usable_kind(each), missing=missing[each.name]) for each in first
    }
    tags |= {name: Tag(name, kind, missing=0) for name, kind in partitions.items()}
    return TableData(spec, folder, tuple(files), first, partitions, tags, rows)


def _regular(spec: TableSpec, path: AnyPath) -> State:
    """What a file is before it is read. Raises DataError."""
    try:
        state = state_of(path, anew=False)
    except OSError as error:
        raise _unreadable(spec, error, path) from None
    if not path.is_file():  # to open a pipe would wait for who writes it
        raise DataError(f"table `{spec.name}`: {path} is no regular file")
    return state


def _check_day(
    spec: TableSpec, day: date, bounds: Iterable[Any], zone: ZoneInfo, path: AnyPath
) -> None:
    """A partition's rows must be of its day: a window finds the same, whatever else is read."""
    for bound in bounds:
        if isinstance(bound, datetime):
            found = (bound.astimezone(zone) if bound.tzinfo else bound).date()
        else:
            found = bound
        if isinstance(found, date) and found != day:
            raise DataError(
                f"table `{spec.name}`: {path} has rows of {found} (`{spec.time}` in {zone.key}), "
                f"its partition `{spec.day}` says {day}; "
                "leave `day` out where partitions are not local days"
            )


def _check_names(spec: TableSpec, schema: pa.Schema, path: AnyPath) -> None:
    twice = [name for name in schema.names if schema.names.count(name) > 1]
    if twice:
        raise DataError(f"table `{spec.name}`: {path} has two columns `{twice[0]}`")
    own = [name for name in schema.names if name.startswith(_RESERVED)]
    if own:
        raise DataError(
            f"table `{spec.name}`: {path} has a column `{own[0]}`; names that begin with "
            f"`{_RESERVED}` are kept for the program"
        )


def _check_same(
    spec: TableSpec, first: pa.Schema, first_path: AnyPath, other: pa.Schema, path: AnyPath
) -> None:
    """Columns of one file must be those of all, in name and kind."""
    for column in first:
        index = other.get_field_index(column.name)
        if index < 0:
            raise DataError(
                f"table `{spec.name}`: {path} has no column `{column.name}`, {first_path} has"
            )
        if kind_of(other.field(index).type) != kind_of(column.type):
            raise DataError(
                f"table `{spec.name}`: `{column.name}` is {other.field(index).type} in {path}, "
                f"{column.type} in {first_path}"
            )


def _check_partitioned(spec: TableSpec, files: Sequence[TableFile], folder: AnyPath) -> None:
    """Beside partition folders, a plain one is a copy or a draft."""
    loose = [file.path for file in files if not file.keys and file.path.parent != folder]
    if loose and any(file.keys for file in files):
        raise DataError(
            f"table `{spec.name}`: some files are in no partition `name=…`, such as {loose[0]}"
        )


def _partition_types(
    spec: TableSpec, files: Sequence[TableFile], schema: pa.Schema
) -> dict[str, Type]:
    names = {name for file in files for name in file.keys}
    names -= {spec.day, spec.snapshot, *schema.names}
    out: dict[str, Type] = {}
    for name in sorted(names):
        values = [file.keys.get(name) for file in files]
        if None in values:
            raise DataError(f"table `{spec.name}`: some files are in no partition `{name}=…`")
        whole = all(re.fullmatch(r"-?(0|[1-9]\d{0,17})", value or "", re.ASCII) for value in values)
        out[name] = Type(Kind.INTEGER if whole else Kind.TEXT, stored="partition")
    return out
