"""Two rules held against each other: what was edited, one edit after the other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from audience.errors import Location
from audience.rules.tree import (
    All,
    AtLeast,
    Condition,
    Did,
    Either,
    Ids,
    Kept,
    Named,
    Not,
    Published,
    Side,
    Stage,
    Test,
)

Same = Callable[[Condition, Condition], bool]


@dataclass(frozen=True)
class Edit:
    """One edit: a condition that became another one, is new (no ``old``) or gone (no ``new``)."""

    old: Condition | None
    new: Condition | None


@dataclass(frozen=True)
class Edits:
    """The way from one rule to another: ``states[n]`` is the rule once ``edits[n]`` is made."""

    edits: tuple[Edit, ...]
    states: tuple[Condition, ...]


Make = Callable[[int], Condition | None]
"""A condition once so many of the edits are made; None where it is not there."""


def edits_between(old: Condition, new: Condition, same: Same) -> Edits:
    """What was edited. ``same`` tells whether two conditions ask the same, whatever their words.

    The order of conditions is none of their meaning. A name is what stands behind it.
    """
    aligner = _Aligner(same)
    make = aligner.align(old, new)
    states = []
    for made in range(1, len(aligner.edits) + 1):
        state = make(made)
        assert state is not None
        states.append(state)
    return Edits(tuple(aligner.edits), tuple(states))


class _Aligner:
    def __init__(self, same: Same) -> None:
        self.same = same
        self.edits: list[Edit] = []

    def align(self, old: Condition, new: Condition) -> Make:
        """The way from one condition to another; edits are noted as they are found."""
        if self.same(old, new):
            return lambda _: new
        match old, new:
            case (Named(), _) | (_, Named()):
                return self.align(_opened(old), _opened(new))
            case Kept(), Kept():
                return self._limits(old, new)
            case Side(), Side():
                return self._limits(old, new)
            case _ if _count_limits(old) > _count_limits(new):
                return self._limit_gone(old, new)
            case _ if _count_limits(old) < _count_limits(new):
                return self._limit_new(old, new)
            case (All(), _) | (_, All()):
                return self._lists(partial(_all, at=new.at), _flat(old), _flat(new))
            case Either(one), Either(other):
                return self._lists(partial(_either, at=new.at), one, other)
            case (Either(one), _) if any(self.same(part, new) for part in one):
                return self._lists(partial(_either, at=new.at), one, (new,))
            case (_, Either(other)) if any(self.same(part, old) for part in other):
                return self._lists(partial(_either, at=new.at), (old,), other)
            case AtLeast(count, one), AtLeast(other_count, other) if count == other_count:
                return self._lists(partial(_at_least, count=count, at=new.at), one, other)
            case Not(part), Not(other_part):
                inner = self.align(part, other_part)
                return lambda made: Not(_there(inner(made)), new.at)
            case Stage(), Stage():
                return self._stages(old, new)
            case _:
                return self._edit(old, new)

    def _edit(self, old: Condition | None, new: Condition | None) -> Make:
        self.edits.append(Edit(old, new))
        number = len(self.edits)
        return lambda made: new if made >= number else old

    def _limits(self, old: Kept | Side, new: Kept | Side) -> Make:
        inner = self.align(old.part, new.part)
        with_new = replace(old, part=new.part)
        limit: Make = (lambda _: new) if self.same(with_new, new) else self._edit(old, new)

        def make(made: int) -> Condition:
            outer = limit(made)
            assert isinstance(outer, (Kept, Side))
            return replace(outer, part=_there(inner(made)))

        return make

    def _limit_gone(self, old: Condition, new: Condition) -> Make:
        limit, without = _without_limit(old)
        gone = self._edit(limit, None)
        inner = self.align(without, new)
        return lambda made: inner(made) if gone(made) is None else old

    def _limit_new(self, old: Condition, new: Condition) -> Make:
        limit, without = _without_limit(new)
        inner = self.align(old, without)
        there = self._edit(None, limit)
        return lambda made: inner(made) if there(made) is None else new

    def _stages(self, old: Stage, new: Stage) -> Make:
        own = self._own(old.own, new.own)
        earlier = self._lists(partial(_either, at=new.at), old.earlier, new.earlier)

        def make(made: int) -> Condition:
            before = earlier(made)
            assert isinstance(before, Either)
            return Stage(own(made), before.parts, new.at)

        return make

    def _own(self, old: Condition | None, new: Condition | None) -> Make:
        """What a stage asks itself; of those who are left at last, nothing."""
        if old is not None and new is not None:
            return self.align(old, new)
        return (lambda _: None) if old is new else self._edit(old, new)

    def _lists(
        self,
        combined: Callable[[tuple[Condition, ...]], Condition],
        old: Sequence[Condition],
        new: Sequence[Condition],
    ) -> Make:
        """Parts in no order: those that are the same first, then those that are of one kind."""
        left = list(new)
        makers: dict[int, Make] = {}
        for alike in (self.same, _is_kin, _is_near):
            for place, one in enumerate(old):
                if place not in makers:
                    other = next((each for each in left if alike(one, each)), None)
                    if other is not None:
                        left = [each for each in left if each is not other]
                        makers[place] = self.align(one, other)
        for place, one in enumerate(old):
            if place not in makers:
                makers[place] = self._edit(one, None)
        every = [makers[place] for place in range(len(old))]
        every += [self._edit(None, each) for each in left]

        def make(made: int) -> Condition:
            parts = (part(made) for part in every)
            return combined(tuple(part for part in parts if part is not None))

        return make


def _is_kin(one: Condition, other: Condition) -> bool:
    """Whether one can be the other edited: they are about the same."""
    match one, other:
        case Test(), Test():
            return one.tag.name == other.tag.name
        case Did(), Did():
            same_table = one.rows.table.name == other.rows.table.name
            return same_table and one.rows.actions == other.rows.actions
        case Ids(), Ids():
            return one.path == other.path
        case Published(), Published():
            mine, yours = one.reference, other.reference
            return (mine.campaign, mine.pack) == (yours.campaign, yours.pack)
        case Named(), Named():
            return one.name == other.name
        case Not(part), Not(other_part):
            return _is_kin(part, other_part)
        case ((Kept() | Side()), (Kept() | Side())):
            return type(one) is type(other)
        case _:
            return False


def _is_near(one: Condition, other: Condition) -> bool:
    """Whether one might be the other edited: they are of one form."""
    match one, other:
        case (Named(), _) | (_, Named()):
            return _is_kin(_opened(one), _opened(other)) or _is_near(_opened(one), _opened(other))
        case Did(), Did():
            return one.rows.table.name == other.rows.table.name
        case (Either(), Either()) | (AtLeast(), AtLeast()) | (All(), All()) | (Stage(), Stage()):
            return True
        case Not(part), Not(other_part):
            return _is_near(part, other_part)
        case _:
            return False


def _opened(condition: Condition) -> Condition:
    """What stands behind a name."""
    while isinstance(condition, Named):
        inner = condition.condition
        base = condition.base
        condition = inner if base is None else All((base, inner), condition.at)
    return condition


def _flat(condition: Condition) -> tuple[Condition, ...]:
    """The conditions that must hold together."""
    if isinstance(condition, All):
        return tuple(each for part in condition.parts for each in _flat(part))
    return (condition,)


def _count_limits(condition: Condition) -> int:
    return sum(isinstance(part, (Kept, Side)) for part in _flat(condition))


def _without_limit(condition: Condition) -> tuple[Kept | Side, Condition]:
    """The first limit among conditions that must hold together, and those as if it were not."""
    parts = _flat(condition)
    limit = next(part for part in parts if isinstance(part, (Kept, Side)))
    inside = (part if part is not limit else limit.part for part in parts)
    return limit, All(tuple(inside), condition.at)


def _there(condition: Condition | None) -> Condition:
    assert condition is not None
    return condition


def _all(parts: Iterable[Condition], at: Location) -> Condition:
    return All(tuple(parts), at)


def _either(parts: Iterable[Condition], at: Location) -> Condition:
    return Either(tuple(parts), at)


def _at_least(parts: Iterable[Condition], count: int, at: Location) -> Condition:
    return AtLeast(count, tuple(parts), at)
