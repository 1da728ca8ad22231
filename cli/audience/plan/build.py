"""Rule trees and a day → the plan: names gone, dates absolute, equal parts shared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, cast

from audience.kinds import Catalog, Table
from audience.plan.nodes import (
    And,
    Arena,
    AtLeast,
    Const,
    Days,
    FilePlan,
    Fold,
    Ids,
    Kept,
    Left,
    Limit,
    Node,
    Not,
    Or,
    PackPlan,
    Plan,
    Published,
    Read,
    Rows,
    Share,
    StagesPlan,
    Suppressed,
    Test,
    Then,
    exact,
    parts_of,
)
from audience.plan.rewrite import simplify
from audience.rules import tree
from audience.rules.moments import Unit
from audience.rules.scalars import Duration, Range

_BY_EVENT = {"times", "mean", "min", "max"}
"""The measures that are of events where `each` makes rows into events."""


@dataclass(frozen=True)
class Request:
    """A rule file to be evaluated at a day; ``packs`` are those wanted, None for all.

    ``snapshot`` is the day of the user table to be read, where it has snapshots.
    """

    file: tree.RuleFile
    as_of: date
    packs: frozenset[str] | None = None
    snapshot: date | None = None


def build_plan(requests: Sequence[Request], catalog: Catalog, *, suppress: bool = False) -> Plan:
    """The plan of all files of a run together, so that what they share is computed once.

    With ``suppress``, nobody on the project's lists is in any base.
    """
    arena = Arena()
    return assemble(arena, [_plan_file(arena, request, suppress) for request in requests], catalog)


def assemble(arena: Arena, files: Sequence[FilePlan], catalog: Catalog) -> Plan:
    """The plan of some files whose nodes are in an arena."""
    nodes = tuple(arena.nodes)
    users, *events = reads_of(nodes, [root for file in files for root in file.roots], catalog)
    tables = (catalog.users, *catalog.events.values())
    return Plan(
        nodes,
        tuple(files),
        users,
        tuple(events),
        tuple(reads_of(nodes, file.roots, catalog) for file in files),
        {table.name: {name: tag.type for name, tag in table.tags.items()} for table in tables},
    )


def _plan_file(arena: Arena, request: Request, suppress: bool) -> FilePlan:
    file = request.file
    lower = Lowering(arena, request.as_of, file.name, suppress=suppress)
    whole = lower.condition(file.base) if file.base else arena.add(Const(True))
    base = lower.allowed(whole)

    def within(condition: tree.Condition) -> int:
        return lower.add(And((base, lower.condition(condition))))

    packs = tuple(
        PackPlan(file.campaign, file.phase, pack.name, pack.label, within(pack.where))
        for pack in file.packs
        if request.packs is None or pack.name in request.packs
    )
    wanted = {pack.name for pack in packs}
    stages = tuple(
        StagesPlan(
            each.name,
            tuple(name for name in each.packs if name in wanted),
            None if each.rest is None else within(each.rest),
        )
        for each in file.stages
        if wanted.intersection(each.packs)
    )
    # What is expected of a pack is expected where only a side of its split is asked for, too.
    guards = tuple(
        PackPlan(file.campaign, file.phase, pack.name, pack.label, within(pack.where))
        for pack in file.packs
        if pack.expect
        and pack.name not in wanted
        and any(name.startswith(pack.name + ".") for name in wanted)
    )
    return FilePlan(
        file.campaign,
        file.phase,
        file.label,
        request.as_of,
        request.snapshot,
        base,
        whole,
        packs,
        stages,
        guards,
    )


class Lowering:
    """One file's conditions at one day."""

    def __init__(self, arena: Arena, as_of: date, file: str, *, suppress: bool = False) -> None:
        self.arena = arena
        self.file = file
        self.as_of = as_of
        self.suppress = suppress
        # By identity: a named condition is one object however often it is mentioned, and the
        # tree below it may be exponentially larger than the rules are.
        self._done: dict[int, int] = {}

    def allowed(self, part: int) -> int:
        """Those of a part who are not suppressed."""
        if not self.suppress:
            return part
        return self.add(And((part, self.add(Not(self.add(Suppressed()))))))

    def add(self, node: Node) -> int:
        """The number of a node, in its simplest form."""
        return simplify(node, self.arena)

    def condition(self, condition: tree.Condition) -> int:
        """The number of the node that a condition becomes."""
        known = self._done.get(id(condition))
        if known is None:
            known = self._done[id(condition)] = self._lower(condition)
        return known

    def _lower(self, condition: tree.Condition) -> int:
        match condition:
            case tree.Test():
                return self.add(self._test(condition))
            case tree.All(parts):
                return self.add(And(self._parts(parts)))
            case tree.Either(parts):
                return self.add(Or(self._parts(parts)))
            case tree.Not(part):
                return self.add(Not(self.condition(part)))
            case tree.AtLeast(count, parts):
                return self.add(AtLeast(count, self._parts(parts)))
            case tree.Named(_, target, base):
                parts = (target,) if base is None else (base, target)
                return self.add(And(self._parts(parts)))
            case tree.Did():
                return self.add(And(self.folds(condition)))
            case tree.Ids(values, path, column, allow_empty, at):
                return self.add(Ids(values, path, column, allow_empty, at))
            case tree.Published(reference, allow_missing, at):
                # Its own last build is one before this: a second run must give the same.
                own = f"{reference.campaign}/{reference.phase}" == self.file
                until = _later(self.as_of, -1) if own else self.as_of
                return self.add(Published(reference, until, allow_missing, at))
            case tree.Kept(part, keep, by, descending):
                inside = self.allowed(self.condition(part))
                return self.add(Kept(inside, keep, by.name if by else None, descending))
            case tree.Stage(own, earlier):
                left = self.add(Const(True))
                for part in earlier:
                    left = self.add(Left(left, self.condition(part)))
                return left if own is None else self.add(And((left, self.condition(own))))
            case tree.Side(part, salt, low, high):
                return self.add(And((self.condition(part), self.add(Share(salt, low, high)))))

    def _parts(self, parts: Iterable[tree.Condition]) -> tuple[int, ...]:
        out = []
        for part in parts:
            out.append(self.condition(part))
        return tuple(out)

    def _test(self, test: tree.Test) -> Test:
        match test.argument:
            case Duration():
                argument: Any = self._within(test.argument)
            case Range():
                argument = self._ago(test.argument)
            case tuple() as values:
                argument = tuple(sorted(values, key=exact))
            case value:
                argument = value
        return Test(test.tag.name, test.predicate.name, argument, exact(argument))

    def folds(self, did: tree.Did) -> tuple[int, ...]:
        """The numbers of a behaviour's folds, all of which must hold."""
        return tuple(map(self.add, self._folds(did)))

    def _folds(self, did: tree.Did) -> Iterable[Fold]:
        """A behaviour's folds, all of which must hold.

        A first or last event is one of all time. Where rows are put together to events, sums,
        days and distinct values are still those of the rows.
        """
        rows = self._rows(did.rows, (None, self.as_of))
        tests = did.measures
        lifetime = [each for each in tests if each.measure.of_days]
        by_event = [each for each in tests if did.each and each.measure.name in _BY_EVENT]
        by_row = [each for each in tests if each not in lifetime and each not in by_event]
        # Not these rows with other days: what follows them was bounded by the window too.
        ever = self._rows(replace(did.rows, window=None), (None, self.as_of))
        for where, each, chosen in (
            (ever, None, lifetime),
            (rows, did.each, by_event),
            (rows, None, by_row),
        ):
            if chosen:
                limits = sorted({self._limit(test) for test in chosen}, key=repr)
                yield Fold(where, each.name if each else None, tuple(limits))

    def before(self, did: tree.Did) -> int | None:
        """The fold of the last event before a behaviour's window; None where nothing is before."""
        first = self.days(did.rows.window)[0]
        if first is None or first == date.min:
            return None
        window: Range[date] = Range(None, _later(first, -1))
        rows = self._rows(replace(did.rows, window=window), (None, self.as_of))
        return self.add(Fold(rows, None, (Limit("last", None, date.min, None),)))

    def _limit(self, test: tree.MeasureTest) -> Limit:
        low: object
        high: object
        match test.range:
            case Duration():
                low, high = self._within(test.range)
            case Range(low, high) if isinstance(low, Duration) or isinstance(high, Duration):
                low, high = self._ago(cast("Range[Duration]", test.range))
            case Range(low, high):
                pass
        bounds = cast("tuple[Decimal | int | date | None, ...]", (low, high))
        return Limit(test.measure.name, test.tag.name if test.tag else None, *bounds)

    def _rows(self, rows: tree.Rows, reach: Days) -> Rows:
        """Which rows count; no day out of reach has any that matter."""
        first, last = self.days(rows.window)
        low = max((day for day in (first, reach[0]) if day is not None), default=None)
        days = (low, min(last, reach[1]))
        where = self.condition(rows.where) if rows.where else None
        return Rows(
            rows.table.name,
            rows.actions,
            where,
            days,
            (rows.hours.begin, rows.hours.end) if rows.hours else None,
            rows.weekdays,
            self._then(rows.then, days) if rows.then else None,
        )

    def _then(self, then: tree.Then, before: Days) -> Then:
        gap = then.after
        hours = gap.unit is Unit.HOURS
        first = None if before[0] is None else _later(before[0], 0 if hours else gap.low)
        last = self.as_of
        if gap.high is not None:
            # Hours reach into one day more than they make up, and a change of clocks into another.
            last = min(last, _later(before[1], gap.high // 24 + 2 if hours else gap.high))
        rows = self._rows(then.rows, (first, last))
        same = tuple(sorted((one.name, other.name) for one, other in then.same))
        return Then(rows, same, gap.low, gap.high, hours)

    def days(self, window: tree.Window) -> Days:
        """The first and the last day of a window."""
        match window:
            case Duration():
                return self._within(window)
            case Range(low, high):
                return (low, self.as_of if high is None else min(high, self.as_of))
            case None:
                return (None, self.as_of)

    def _within(self, duration: Duration) -> Days:
        first = duration.before(self.as_of)
        return (first if first == date.min else first + timedelta(days=1), self.as_of)

    def _ago(self, ago: Range[Duration]) -> Days:
        near, far = ago.low, ago.high
        first = far.before(self.as_of) if far else None
        return (first, near.before(self.as_of) if near else self.as_of)


def _later(day: date, days: int) -> date:
    try:
        return day + timedelta(days=days)
    except OverflowError:
        return date.max if days > 0 else date.min


def reads_of(nodes: Sequence[Node], roots: Iterable[int], catalog: Catalog) -> tuple[Read, ...]:
    """What has to be read for some nodes: of the users, then of each event table they need."""
    used = reachable(nodes, roots)
    users = catalog.users
    columns = {users.key}
    for number in used:
        match nodes[number]:
            case Test(column):
                columns.add(column)
            case Kept(by=str(column)):
                columns.add(column)
    folds = [(number, node) for number in used if isinstance(node := nodes[number], Fold)]
    reads = [Read(users.name, tuple(sorted(columns)))]
    for name, table in catalog.events.items():
        own = [(number, fold) for number, fold in folds if fold.rows.table == name]
        rows = [each for _, fold in folds for each in fold.rows.chain if each.table == name]
        if rows:
            days = _span(each.days for each in rows)
            found = _event_columns(nodes, table, [fold for _, fold in folds])
            numbers = tuple(number for number, _ in own)
            unique = tuple(dict.fromkeys(rows))
            reads.append(Read(name, tuple(sorted(found)), table.time, days, numbers, unique))
    return tuple(reads)


def _span(windows: Iterable[Days]) -> Days:
    """The days from the first of any window to the last."""
    known = list(windows)
    firsts = [first for first, _ in known if first is not None]
    return (min(firsts) if len(firsts) == len(known) else None, max(last for _, last in known))


def _event_columns(nodes: Sequence[Node], table: Table, folds: Sequence[Fold]) -> set[str]:
    columns = {table.key}
    for fold in folds:
        if fold.rows.table == table.name:
            columns |= fold_columns(nodes, table.action, fold)
        for rows in fold.rows.chain:
            if rows.table == table.name:
                columns |= row_columns(nodes, table.action, rows) | _same(rows)
            if rows.then and rows.then.rows.table == table.name:
                columns |= {other for _, other in rows.then.same}
    return columns


def fold_columns(nodes: Sequence[Node], action: str, fold: Fold) -> set[str]:
    """The columns that a fold looks at in its own rows, beside their key and time."""
    columns = {limit.column for limit in fold.limits if limit.column}
    columns |= {fold.each} if fold.each else set()
    return columns | row_columns(nodes, action, fold.rows) | _same(fold.rows)


def _same(rows: Rows) -> set[str]:
    return {one for one, _ in rows.then.same} if rows.then else set()


def row_columns(nodes: Sequence[Node], action: str, rows: Rows) -> set[str]:
    """The columns that tell whether a row counts, beside its time."""
    columns = {action} if rows.actions is not None else set()
    if rows.where is not None:
        inside = reachable(nodes, [rows.where])
        columns |= {node.column for n in inside if isinstance(node := nodes[n], Test)}
    return columns


def reachable(nodes: Sequence[Node], roots: Iterable[int]) -> tuple[int, ...]:
    """The numbers of all nodes that the roots are made of, roots included, parts first."""
    seen: set[int] = set()
    waiting = list(roots)
    while waiting:
        number = waiting.pop()
        if number not in seen:
            seen.add(number)
            waiting += parts_of(nodes[number])
    return tuple(sorted(seen))
