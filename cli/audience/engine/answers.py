"""Who is in a node, in three values: the same algebra for bitmaps and for columns.

A value that is missing closes a test to false. Beside that answer stand, where somebody asks, who
is in the node whatever the missing values are, and who could be.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from audience.plan.nodes import And, AtLeast, Kept, Left, Node, Not, Or, parts_of

V = TypeVar("V")

SURE, POSSIBLE = "sure", "possible"
_OPPOSITE = {SURE: POSSIBLE, POSSIBLE: SURE}


@dataclass(frozen=True)
class Answer(Generic[V]):
    """Who is in a node: as the rules say, and whatever missing values were, surely and possibly.

    One object thrice where no missing value matters; None where nobody asks.
    """

    closed: V
    sure: V | None
    possible: V | None

    @classmethod
    def certain(cls, found: V) -> Answer[V]:
        """An answer that no missing value could change."""
        return cls(found, found, found)


class Words(Protocol[V]):
    """What sets of users can do, however they are held."""

    def complement(self, one: V) -> V:
        """All others."""
        ...

    def all(self, parts: Sequence[V]) -> V:
        """Who is in each."""
        ...

    def any(self, parts: Sequence[V]) -> V:
        """Who is in one or more."""
        ...

    def at_least(self, least: int, parts: Sequence[V]) -> V:
        """Who is in so many or more."""
        ...


def put_together(node: Node, answers: Mapping[int, Answer[V]], words: Words[V]) -> Answer[V]:
    """The answer of a node that is made of parts."""
    match node:
        case Not(part):
            return _complement(answers[part], words)
        case Left(part, less):
            return _combined([answers[part], _complement(answers[less], words)], words.all)
        case And(parts):
            return _combined([answers[part] for part in parts], words.all)
        case Or(parts):
            return _combined([answers[part] for part in parts], words.any)
        case AtLeast(least, parts):
            own = [answers[part] for part in parts]
            return _combined(own, lambda found: words.at_least(least, found))
    raise AssertionError(f"{node} is told by rows or lists")


def kept_of(part: Answer[V], kept: V, words: Words[V]) -> Answer[V]:
    """The answer of a limit that keeps some of those in ``part``: who surely is kept was surely in.

    Whom the limit would have kept had values not been missing, nobody can say.
    """
    assert part.sure is not None
    if part.sure is part.closed:
        return Answer.certain(kept)
    return Answer(kept, words.all([kept, part.sure]), kept)


def sides_of(
    nodes: Sequence[Node], numbers: Sequence[int], roots: Sequence[int]
) -> Mapping[int, Collection[str]]:
    """Of each node what is asked of it beside its answer; of roots who surely is in them."""
    out: dict[int, set[str]] = {number: set() for number in numbers}
    for root in roots:
        out[root].add(SURE)
    for number in reversed(numbers):  # what is made of parts stands behind them
        node, mine = nodes[number], out[number]
        turned = {_OPPOSITE[side] for side in mine}
        match node:
            case Not(part):
                out[part] |= turned
            case Left(part, less):
                out[part] |= mine
                out[less] |= turned
            case Kept(part=part):
                out[part].add(SURE)
            case _:
                for part in parts_of(node):
                    out[part] |= mine
    return out


def _complement(inner: Answer[V], words: Words[V]) -> Answer[V]:
    closed = words.complement(inner.closed)

    def turned(found: V | None) -> V | None:
        if found is inner.closed:
            return closed
        return None if found is None else words.complement(found)

    return Answer(closed, turned(inner.possible), turned(inner.sure))


def _combined(answers: Sequence[Answer[V]], function: Callable[[Sequence[V]], V]) -> Answer[V]:
    closed = function([each.closed for each in answers])

    def side(found: Sequence[V | None]) -> V | None:
        if all(one is each.closed for one, each in zip(found, answers, strict=True)):
            return closed
        there = [one for one in found if one is not None]
        return function(there) if len(there) == len(found) else None

    return Answer(
        closed, side([each.sure for each in answers]), side([each.possible for each in answers])
    )
