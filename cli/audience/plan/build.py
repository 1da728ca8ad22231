"""Rule trees and a day → the plan: names gone, dates absolute, equal parts shared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from audience.kinds import Catalog
from audience.plan.nodes import (
    And,
    Arena,
    AtLeast,
    Const,
    Days,
    FilePlan,
    Fold,
    Limit,
    Node,
    Not,
    Or,
    PackPlan,
    Plan,
    Read,
    Test,
    exact,
    parts_of,
)
from audience.plan.rewrite import simplify
from audience.rules import tree
from audience.rules.scalars import Duration, Range


@dataclass(frozen=True)
class Request:
    """A rule file to be evaluated at a day; ``packs`` are those wanted, None for all."""

    file: tree.RuleFile
    as_of: date
    packs: frozenset[str] | None = None


def build_plan(requests: Sequence[Request], catalog: Catalog) -> Plan:
    """The plan of all files of a run together, so that what they share is computed once."""
    arena = Arena()
    files = []
    for request in requests:
        lower = _Lowering(arena, request.as_of)
        file = request.file
        base = lower.condition(file.base) if file.base else arena.add(Const(True))
        packs = tuple(
            PackPlan(
                file.campaign,
                file.phase,
                pack.name,
                pack.label,
                lower.add(And((base, lower.condition(pack.where)))),
            )
            for pack in file.packs
            if request.packs is None or pack.name in request.packs
        )
        files.append(FilePlan(file.campaign, file.phase, file.label, request.as_of, base, packs))
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


class _Lowering:
    """One file's conditions at one day."""

    def __init__(self, arena: Arena, as_of: date) -> None:
        self.arena = arena
        self.as_of = as_of
        # By identity: a named condition is one object however often it is mentioned, and the
        # tree below it may be exponentially larger than the rules are.
        self._done: dict[int, int] = {}

    def add(self, node: Node) -> int:
        return simplify(node, self.arena)

    def condition(self, condition: tree.Condition) -> int:
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
                return self.add(self._fold(condition))

    def _parts(self, parts: Iterable[tree.Condition]) -> tuple[int, ...]:
        out = []
        for part in parts:
            out.append(self.condition(part))
        return tuple(out)

    def _test(self, test: tree.Test) -> Test:
        match test.argument:
            case Duration():
                argument: object = self._within(test.argument)
            case Range(low, high):
                argument = self._ago(low, high)
            case tuple() as values:
                argument = tuple(sorted(values, key=exact))
            case value:
                argument = value
        return Test(test.tag.name, test.predicate.name, argument, exact(argument))  # type: ignore[arg-type]

    def _fold(self, did: tree.Did) -> Fold:
        match did.window:
            case Duration():
                days: Days = self._within(did.window)
            case Range(low, high):
                days = (low, self.as_of if high is None else min(high, self.as_of))
            case None:
                days = (None, self.as_of)
        limits = (
            Limit(
                each.measure.name,
                each.tag.name if each.tag else None,
                each.range.low,
                each.range.high,
            )
            for each in did.measures
        )
        where = self.condition(did.where) if did.where else None
        ordered = sorted(set(limits), key=repr)
        return Fold(did.table.name, did.actions, where, days, tuple(ordered))

    def _within(self, duration: Duration) -> Days:
        first = duration.before(self.as_of)
        return (first if first == date.min else first + timedelta(days=1), self.as_of)

    def _ago(self, near: Duration | None, far: Duration | None) -> Days:
        first = far.before(self.as_of) if far else None
        return (first, near.before(self.as_of) if near else self.as_of)


def reads_of(nodes: Sequence[Node], roots: Iterable[int], catalog: Catalog) -> tuple[Read, ...]:
    """What has to be read for some nodes: of the users, then of each event table they need."""
    used = reachable(nodes, roots)
    users = catalog.users
    columns = {node.column for number in used if isinstance(node := nodes[number], Test)}
    reads = [Read(users.name, tuple(sorted(columns | {users.key})))]
    for name, table in catalog.events.items():
        folds = [n for n in used if isinstance(fold := nodes[n], Fold) and fold.table == name]
        if folds:
            reads.append(_event_read(nodes, name, table.key, table.time, table.action, folds))
    return tuple(reads)


def _event_read(
    nodes: Sequence[Node], name: str, key: str, time: str, action: str, numbers: Sequence[int]
) -> Read:
    columns = {key}
    firsts, lasts = [], []
    for number in numbers:
        fold = nodes[number]
        assert isinstance(fold, Fold)
        firsts.append(fold.days[0])
        lasts.append(fold.days[1])
        columns |= {limit.column for limit in fold.limits if limit.column}
        if fold.actions is not None:
            columns.add(action)
        if fold.where is not None:
            inside = reachable(nodes, [fold.where])
            columns |= {node.column for n in inside if isinstance(node := nodes[n], Test)}
    known = [first for first in firsts if first is not None]
    days = (min(known) if len(known) == len(firsts) else None, max(lasts))
    return Read(name, tuple(sorted(columns)), time, days, tuple(numbers))


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
