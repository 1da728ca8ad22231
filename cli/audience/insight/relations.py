"""How the sizes of packs hang together, for whoever knows their rules.

What is a part of what, what shares nobody, what is both, either or the rest of others: a reader of
the rules knows that, and can add and subtract. It is read off the counts themselves, which errs on
the side of hiding more.

A pack that is made of others is written by them: with 1 for who is in and 0 for who is not, a and b
are ``a·b``, a or b are ``a + b - a·b``, a without b are ``a - a·b``. Every count is then a sum of
counts of products, and whatever two sums say alike is an equation between counts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations, permutations

from audience.insight.cells import Cell, Cells, Row, Table, Thing, reduce_row

Product = frozenset[Cell]
"""Packs, of which everybody that it counts is in all."""

Sum = dict[Product, int]
"""Products, each so many times."""


@dataclass(frozen=True)
class Relations:
    """Packs by the cells of their sizes, and for two of them the cell of who is in both.

    All these cells are in the table. What others are parts of comes before them.
    """

    table: Table
    sizes: Sequence[Cell]
    both: Callable[[Cell, Cell], Cell]

    def add(self, least: int) -> None:
        """Add to the table all that is known, and the groups of fewer than ``least``."""
        packs, nothing = self._written()
        sums = dict(packs)
        for one, other in combinations(self.sizes, 2):
            cell = self.both(one, other)
            if cell not in sums:
                sums[cell] = self._times(packs[one], packs[other])
        self.table.equations += dependencies(sums, nothing)
        for more, less in self._groups():
            if 0 < self.table.size(more, less) < least:
                self.table.groups.append((more, less))

    def _written(self) -> tuple[dict[Cell, Sum], list[Sum]]:
        """Each pack, written by packs that are not made of others; and sums that come to nothing.

        Where a pack can be written in several ways, they differ by nothing. So do packs that share
        nobody, and one that is a part of another from what both have.
        """
        out: dict[Cell, Sum] = {}
        rests: list[Sum] = []
        for pack in self.sizes:
            ways = list(self._ways(pack, out)) if self._count(pack) else [{}]
            out[pack] = ways[0] if ways else {frozenset((pack,)): 1}
            rests += [_plus(way, out[pack], -1) for way in ways[1:]]
        for one, other in permutations(self.sizes, 2):
            if not self._count(self.both(one, other)):
                rests.append(self._times(out[one], out[other]))
            elif self._within(one, other):
                rests.append(_plus(self._times(out[one], out[other]), out[one], -1))
        rests = _distinct(rests)
        return out, _distinct([*rests, *(self._times(a, b) for a in rests for b in out.values())])

    def _ways(self, pack: Cell, sums: dict[Cell, Sum]) -> Iterator[Sum]:
        """The ways to write a pack by those before it."""
        size = self._count(pack)
        known = [each for each in sums if self._count(each)]
        within = [each for each in known if self._within(pack, each)]
        apart = [each for each in known if not self._count(self.both(pack, each))]
        parts = [each for each in known if self._within(each, pack)]
        for one in within:
            if self._count(one) == size:
                yield sums[one]
        for one, other in combinations(within, 2):
            if self._count(self.both(one, other)) == size:
                yield self._times(sums[one], sums[other])
        for one in within:
            for other in apart:
                if self._count(one) - self._count(self.both(one, other)) == size:
                    yield _plus(sums[one], self._times(sums[one], sums[other]), -1)
            for family in self._families([each for each in apart if self._within(each, one)]):
                if self._count(one) - sum(map(self._count, family)) == size:
                    yield self._less(sums[one], family, sums)
        for one, other in combinations(parts, 2):
            common = self.both(one, other)
            if self._count(one) + self._count(other) - self._count(common) == size:
                either = _plus(sums[one], sums[other], 1)
                yield _plus(either, self._times(sums[one], sums[other]), -1)
        for family in self._families(parts):
            if sum(map(self._count, family)) == size:
                yield {p: -n for p, n in self._less({}, family, sums).items()}

    def _less(self, whole: Sum, family: Cells, sums: dict[Cell, Sum]) -> Sum:
        for part in family:
            whole = _plus(whole, sums[part], -1)
        return whole

    def _times(self, one: Sum, other: Sum) -> Sum:
        out: Sum = {}
        for left, count in one.items():
            for right, times in other.items():
                product = self._product(left | right)
                if product is not None:
                    out[product] = out.get(product, 0) + count * times
        return {product: count for product, count in out.items() if count}

    def _product(self, packs: Product) -> Product | None:
        """The least packs that say the same; None where nobody is in all of them."""
        left = set(packs)
        for one, other in combinations([each for each in self.sizes if each in packs], 2):
            if not self._count(self.both(one, other)):
                return None
            if self._within(other, one):
                left.discard(one)
            elif self._within(one, other):
                left.discard(other)
        return frozenset(left)

    def _groups(self) -> Iterator[tuple[Cells, Cells]]:
        """Groups of people that are differences of cells."""
        for one in self.sizes:
            inside = [each for each in self.sizes if each != one and self._within(each, one)]
            for other in self.sizes:
                if other != one:
                    yield (one,), (self.both(one, other),)
            for left, right in combinations(inside, 2):
                yield (one, self.both(left, right)), (left, right)
            for family in self._families(inside):
                yield (one,), family
            around = [each for each in self.sizes if each != one and self._within(one, each)]
            for left, right in combinations(around, 2):
                yield (self.both(left, right),), (one,)

    def _families(self, packs: Sequence[Cell]) -> Iterator[Cells]:
        """Packs that share nobody with each other: from each of them on, as many as there are."""
        found: dict[frozenset[Cell], Cells] = {}
        for start in packs:
            family = [start] if self._count(start) else []
            for other in packs:
                if other == start or not self._count(other):
                    continue
                if not any(self._count(self.both(other, each)) for each in family):
                    family.append(other)
            if len(family) > 1:
                found.setdefault(frozenset(family), tuple(family))
        yield from found.values()

    def _within(self, one: Cell, other: Cell) -> bool:
        return 0 < self._count(one) == self._count(self.both(one, other))

    def _count(self, cell: Cell) -> int:
        return self.table.counts[cell]


def _distinct(sums: Iterable[Sum]) -> list[Sum]:
    """Each once, and none of nothing."""
    return [dict(each) for each in dict.fromkeys(tuple(each.items()) for each in sums) if each]


def _plus(one: Sum, other: Sum, times: int) -> Sum:
    out = dict(one)
    for product, count in other.items():
        out[product] = out.get(product, 0) + times * count
    return {product: count for product, count in out.items() if count}


def dependencies(sums: Mapping[Cell, Sum], nothing: Iterable[Sum]) -> Iterator[Row]:
    """The equations between cells: those sums of them that come to nothing."""
    solved: dict[Product, tuple[dict[Product, Fraction], Row]] = {}
    known: list[tuple[Row, Sum]] = [({}, each) for each in nothing]
    known += [({cell: Fraction(1)}, each) for cell, each in sums.items()]
    for used, products in known:
        left = {product: Fraction(count) for product, count in products.items()}
        while (pivot := next((each for each in left if each in solved), None)) is not None:
            times = left[pivot]
            left = reduce_row(left, solved[pivot][0], times)
            used = reduce_row(used, solved[pivot][1], times)
        if left:
            pivot = next(iter(left))
            solved[pivot] = (_divided(left, left[pivot]), _divided(used, left[pivot]))
        elif used:
            yield used


def _divided(row: dict[Thing, Fraction], by: Fraction) -> dict[Thing, Fraction]:
    return {thing: value / by for thing, value in row.items()}
