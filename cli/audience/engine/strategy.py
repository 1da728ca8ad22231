"""How a plan is carried out: which way each behaviour goes, and what is read in which passes.

The plan says what. Here it is decided how, from what the footers tell, and in the words of this
module `explain` says it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from audience.engine.columns import shape
from audience.engine.slices import Leaf, columns_of, leaves_of, wants
from audience.engine.tables import TableData, TableFile
from audience.plan.build import reachable
from audience.plan.nodes import Fold, Kept, Limit, Node, Plan, Read, Test

_COLUMNS = 8
"""Columns of users that are decoded together: more at once are no faster and take more memory."""

_RUN_ROWS = 1 << 23
"""Rows of events that are read in one pass: enough to keep the decoder busy, and bounded."""

_ARRAYS = 1 << 29
"""Bytes of arrays in which behaviours are counted at the same time."""

_PLACE = {"first": 4, "last": 4, "sum": 8, "mean": 12, "min": 9, "max": 9}
"""Bytes a user that a measure is counted in; of other measures 8."""


def why_related(fold: Fold) -> str:
    """What keeps a behaviour from being counted row by row; nothing where it can be."""
    if fold.rows.then is not None:
        return "rows that others must follow"
    if fold.each is not None:
        return f"rows put together by {fold.each}"
    return ""


def turns(folds: Sequence[Fold], users: int) -> Iterator[Sequence[Fold]]:
    """Behaviours in groups whose arrays fit into memory together."""
    group: list[Fold] = []
    size = 0
    for fold in folds:
        mine = users * sum(map(_place, fold.limits))
        if group and size + mine > _ARRAYS:
            yield group
            group, size = [], 0
        group.append(fold)
        size += mine
    if group:
        yield group


def _place(limit: Limit) -> int:
    return 1 if limit == Limit("times", None, 1, None) else _PLACE.get(limit.name, 8)


@dataclass(frozen=True)
class Asked:
    """What a plan asks of a user table: tests of columns, and columns that limits order by."""

    tests: tuple[Test, ...]
    ordering: tuple[str, ...]

    @property
    def columns(self) -> list[str]:
        """The columns that have to be read."""
        return sorted({*(test.column for test in self.tests), *self.ordering})


def asked_of(plan: Plan, snapshot: date | None, also: Iterable[Test] = ()) -> Asked:
    """What the files of one snapshot ask, and what is asked of their columns ``also``."""
    used = [plan.nodes[number] for number in reachable(plan.nodes, plan.roots(snapshot))]
    ordering = {node.by for node in used if isinstance(node, Kept) and node.by}
    tests = tuple(node for node in used if isinstance(node, Test))
    return Asked(tuple(dict.fromkeys((*tests, *also))), tuple(sorted(ordering)))


def column_passes(columns: Sequence[str]) -> Iterator[Sequence[str]]:
    """The columns of users that are read together."""
    for start in range(0, len(columns), _COLUMNS):
        yield columns[start : start + _COLUMNS]


@dataclass(frozen=True)
class Run:
    """Files that are read in one pass, and the leaves they are read for."""

    files: tuple[TableFile, ...]
    leaves: tuple[Leaf, ...]


def by_day(table: TableData) -> list[TableFile]:
    """A table's files by their days."""
    return sorted(table.files, key=lambda file: (str(file.day), str(file.path)))


def leaves_in(file: TableFile, leaves: Mapping[Fold, Leaf]) -> tuple[Leaf, ...]:
    """The leaves that a file is read for."""
    return tuple(dict.fromkeys(leaf for fold, leaf in leaves.items() if wants(fold, file)))


def runs(
    table: TableData,
    nodes: Sequence[Node],
    leaves: Mapping[Fold, Leaf],
    is_wanted: Callable[[TableFile, Leaf], bool] = lambda _file, _leaf: True,
) -> Iterator[Run]:
    """The passes over a table of events, in the order of its days."""
    files: list[TableFile] = []
    mine: tuple[Leaf, ...] = ()
    kind: tuple[str, ...] = ()
    rows = 0
    columns = sorted(columns_of(table, nodes, leaves.values()) | {table.spec.time})
    for file in by_day(table):
        wanted = tuple(leaf for leaf in leaves_in(file, leaves) if is_wanted(file, leaf))
        found = shape(table, file, columns)
        if files and (wanted != mine or found != kind or rows + file.rows > _RUN_ROWS):
            yield Run(tuple(files), mine)
            files, rows = [], 0
        mine, kind = wanted, found
        if mine:
            files.append(file)
            rows += file.rows
    if files:
        yield Run(tuple(files), mine)


def size_of(files: Iterable[TableFile], columns: Iterable[str]) -> int:
    """The bytes that some columns of some files take on the disk."""
    names = list(columns)
    return sum(file.sizes.get(name, 0) for file in files for name in names)


def explain_strategy(
    plan: Plan, tables: Mapping[str, TableData], users: Sequence[TableData]
) -> Iterator[str]:
    """How a plan would be carried out with nothing kept from earlier runs, as text."""
    yield "how"
    for table in users:
        tested = asked_of(plan, table.snapshot).columns
        count = len(list(column_passes(tested))) + 1
        columns = {table.spec.key, *tested}
        name = f"{table.name} of {table.snapshot}" if table.snapshot else table.name
        yield f"  {name}: {_estimate(count, table.files, columns)}"
    for read in plan.events:
        yield from _explain_events(plan, read, tables[read.table], users[-1].rows)


def _explain_events(plan: Plan, read: Read, table: TableData, users: int) -> Iterator[str]:
    folds = [fold for n in read.folds if isinstance(fold := plan.nodes[n], Fold)]
    counted = [fold for fold in folds if not why_related(fold)]
    for number, group in enumerate(turns(counted, users)):
        leaves = leaves_of(group, daily=table.daily)
        passes = list(runs(table, plan.nodes, leaves))
        files = [file for each in passes for file in each.files]
        columns = columns_of(table, plan.nodes, leaves.values())
        turn = f", turn {number + 1}" if number else ""
        yield f"  {table.name}{turn}: {_estimate(len(passes), files, columns)}"
        yield f"    count {len(group)} of {len(folds)} behaviours row by row"
    reasons = [why_related(fold) for fold in folds if why_related(fold)]
    if reasons:
        yield f"  {table.name}: {_estimate(1, table.within(read.days), {*read.columns, read.time})}"
    for reason in dict.fromkeys(reasons):
        yield f"    relate {reasons.count(reason)} of {len(folds)} behaviours: {reason}"


def _estimate(passes: int, files: Sequence[TableFile], columns: Collection[str]) -> str:
    rows = sum(file.rows for file in files)
    size = size_of(files, columns) / 1e6
    return (
        f"{_counted(passes, 'pass', 'passes')}, {_counted(len(files), 'file', 'files')}, "
        f"{_counted(rows, 'row', 'rows')}, {_counted(len(columns), 'column', 'columns')}, "
        + (f"{size:,.0f} MB" if size >= 1 else "under 1 MB")
    )


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
