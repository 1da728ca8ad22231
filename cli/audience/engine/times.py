"""Times of events: every day that a window asks for must be told, and rows be of their days.

Footers tell it of most files. Of the others, such as those without statistics, the times are read
before all else, and what they told is kept. To count rows of files that are each of one day takes
no times any more, so they are read here instead of there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import date, timedelta

import narwhals.stable.v2 as nw
import pyarrow as pa

from audience.cache import Cache
from audience.engine.base import DAY, OWN, Engine
from audience.engine.columns import scan
from audience.engine.steps import Steps
from audience.engine.strategy import size_of
from audience.engine.tables import TableData, TableFile
from audience.errors import DataError
from audience.plan.nodes import Days

_ROWS = OWN + "rows"
_EXAMPLES = 3
_FIRST = date(1970, 1, 1)


def check_days(table: TableData, windows: Iterable[Days]) -> None:
    """Each day inside the windows, from the first there is, must have rows or be a known gap.

    Raises DataError.
    """
    folders = {file.day for file in table.files if file.day is not None}
    if not folders:
        return
    first = min(folders)
    wanted: set[date] = set()
    for low, high in windows:
        start = max(low or first, first)
        wanted |= {start + timedelta(days=n) for n in range((high - start).days + 1)}
    wanted = {day for day in wanted if not _is_gap(table, day)}
    ending = "; days that rightly have none can be listed as `known_gaps`"
    if missing := wanted - folders:
        last = max(folders)
        if max(missing) > last:
            ending = (
                f"; its last day is {last}, and --as-of sets the day that windows end on" + ending
            )
        raise DataError(
            f"table `{table.name}` has no partition of {_counted(missing)} that a rule's window "
            f"asks for: {_shown(missing)}{ending}"
        )
    hollow = wanted - {file.day for file in table.files if file.rows}
    if hollow and not table.spec.allow_empty:
        raise DataError(
            f"table `{table.name}`: the files of {_counted(hollow)} that a rule's window asks for "
            f"have no rows: {_shown(hollow)}{ending}"
        )


def know_times(
    engine: Engine, table: TableData, files: Sequence[TableFile], cache: Cache, steps: Steps
) -> tuple[TableFile, ...]:
    """Files with what their footers leave open: rows without a time, and whether others fit.

    Raises DataError where a row is of another day than its file, or no row has a time.
    """
    doubtful = [file for file in files if not _is_told(file)]
    found = {file.path: _find(engine, table, file, cache) for file in doubtful}
    left = [file for file in doubtful if found[file.path] is None]
    if left:
        with steps.step("read", table.name) as step:
            for file in left:
                found[file.path] = _read(engine, table, file, cache)
            step.rows = sum(file.rows for file in left)
            step.bytes = size_of(left, [table.spec.time])
    known = tuple(
        replace(file, dated=file.day is not None, timeless=found[file.path])
        if file.path in found
        else file
        for file in files
    )
    rows = sum(file.rows for file in known)
    if rows and rows == timeless(known) and not table.spec.allow_empty:
        raise DataError(
            f"table `{table.name}`: `{table.spec.time}` is missing in all {rows:,} rows of the "
            "files that rules ask for; none of them can count"
        )
    return known


def timeless(files: Iterable[TableFile]) -> int:
    """How many rows of files have no time, as far as it is known."""
    return sum(file.timeless or 0 for file in files)


def _is_told(file: TableFile) -> bool:
    """Whether a file's footer tells all."""
    return file.timeless is not None and (file.dated or file.day is None)


def _find(engine: Engine, table: TableData, file: TableFile, cache: Cache) -> int | None:
    """The number of a file's rows without a time, if an earlier run has read them."""
    entry = cache.get(*_name(engine, table, file))
    return None if entry is None else int(entry["timeless"][0].as_py())


def _read(engine: Engine, table: TableData, file: TableFile, cache: Cache) -> int:
    """The number of a file's rows without a time; the others must be of its day."""
    days = scan(engine, table, [file], []).group_by(DAY).agg(nw.len().alias(_ROWS))
    fetched = engine.fetch(days)
    table.check_unchanged([file])
    # Days as numbers: the years of some are beyond Python's dates.
    numbers = fetched[DAY].cast(pa.int32()).to_pylist()
    rows = dict(zip(numbers, fetched[_ROWS].to_pylist(), strict=True))
    without = int(rows.pop(None, 0))
    if file.day is not None:
        rows.pop((file.day - _FIRST).days, None)
        if astray := sum(rows.values()):
            raise DataError(
                f"table `{table.name}`: {file.path} has {astray:,} "
                f"{'row' if astray == 1 else 'rows'} of other days "
                f"(`{table.spec.time}` in {engine.time_zone}) than its partition "
                f"`{table.spec.day}` says, {file.day}; "
                "leave `day` out where partitions are not local days"
            )
    cache.put(pa.table({"timeless": [without]}), *_name(engine, table, file))
    return without


def _name(engine: Engine, table: TableData, file: TableFile) -> tuple[object, ...]:
    return ("times", engine.version, engine.time_zone, table.spec.time, file.stamp, file.day)


def _is_gap(table: TableData, day: date) -> bool:
    return any(
        (gap.low is None or gap.low <= day) and (gap.high is None or day <= gap.high)
        for gap in table.spec.gaps
    )


def _counted(days: set[date]) -> str:
    return "1 day" if len(days) == 1 else f"{len(days):,} days"


def _shown(days: set[date]) -> str:
    shown = ", ".join(map(str, sorted(days)[:_EXAMPLES]))
    return shown + (", …" if len(days) > _EXAMPLES else "")
