"""The plan of single conditions, whatever packs they are in: what a user is held against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from audience.kinds import Catalog
from audience.plan.build import Lowering, assemble
from audience.plan.nodes import Arena, Const, FilePlan, Kept, PackPlan, Plan, Share, Suppressed
from audience.rules import tree


@dataclass(frozen=True)
class Parts:
    """The plan of single conditions: by identity of each its node.

    Of behaviour there are its folds, of a split's side its share. ``suppressed`` is the node of
    those on suppress lists, None where they are not asked for.
    """

    plan: Plan
    nodes: Mapping[int, int]
    folds: Mapping[int, tuple[int, ...]]
    shares: Mapping[int, int] = field(default_factory=dict)
    suppressed: int | None = None


def plan_parts(
    file: tree.RuleFile,
    as_of: date,
    conditions: Sequence[tree.Condition],
    catalog: Catalog,
    *,
    suppress: bool = False,
) -> Parts:
    """The plan of some conditions of a file, each a pack of its own, whatever the base.

    With ``suppress``, nobody on the project's lists is in what a limit is of. What a limit is of
    is a pack too.
    """
    arena = Arena()
    lower = Lowering(arena, as_of, file.name, suppress=suppress)
    numbers = {id(each): lower.condition(each) for each in conditions}
    folds = {id(each): lower.folds(each) for each in conditions if isinstance(each, tree.Did)}
    sides = [each for each in conditions if isinstance(each, tree.Side)]
    shares = {id(each): arena.add(Share(each.salt, each.low, each.high)) for each in sides}
    suppressed = arena.add(Suppressed()) if suppress else None
    roots = {*numbers.values(), *shares.values(), *(n for each in folds.values() for n in each)}
    roots |= set() if suppressed is None else {suppressed}
    roots |= {node.part for n in numbers.values() if isinstance(node := arena.nodes[n], Kept)}
    plan = _bare(arena, file, as_of, roots, catalog)
    return Parts(plan, numbers, folds, shares, suppressed)


def plan_before(
    file: tree.RuleFile, as_of: date, behaviours: Sequence[tree.Did], catalog: Catalog
) -> Parts:
    """For behaviours whose window has a first day, the last of their events before that day."""
    arena = Arena()
    lower = Lowering(arena, as_of, file.name)
    folds = {id(each): (n,) for each in behaviours if (n := lower.before(each)) is not None}
    return Parts(_bare(arena, file, as_of, {n for (n,) in folds.values()}, catalog), {}, folds)


def _bare(
    arena: Arena, file: tree.RuleFile, as_of: date, roots: Iterable[int], catalog: Catalog
) -> Plan:
    """The plan of nodes that are packs by themselves, named by their numbers."""
    everybody = arena.add(Const(True))
    packs = tuple(PackPlan(file.campaign, file.phase, str(n), "", n) for n in sorted(roots))
    planned = FilePlan(
        file.campaign, file.phase, file.label, as_of, None, everybody, everybody, packs
    )
    return assemble(arena, [planned], catalog)
