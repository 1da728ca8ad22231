"""How the counts of a report's packs hang together, from one part of it to another.

Where packs add up, as stages do to the base and sides to their pack, so do those of them who have
a value, who did something, or who were added: what holds of all their users holds of some.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import compress, permutations
from typing import Any, NamedTuple

import numpy as np

from audience.insight.cells import Cell, Row, Table, reduce_row
from audience.insight.overlap import Overlaps
from audience.insight.relations import dependencies
from audience.insight.report import Report

Family = tuple[Any, ...]
"""What is counted of each pack: its users, those who did something; of those with a value, that of
all with the tag and the value behind it."""

SIZES: Family = ("users",)
OLD: Family = ("old",)
ALL = ""
"""In the place of a pack: the base."""

_CHANGES = {"added", "removed", "moved"}
"""Of these, a pack without such a cell has nobody."""

Sum = dict[str, Fraction]
"""Packs, each so many times."""


class Of(NamedTuple):
    """A cell: what is counted, and of which pack."""

    family: Family
    pack: str


@dataclass
class Relations:
    """All that is known of a report's packs, to be added to its table.

    What no part shows and others tell is a cell of the table that is untold.
    """

    report: Report
    table: Table
    families: dict[Family, dict[str, Of]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        found = self.report.headlines.found
        overlaps = self.report.overlaps
        self.names = [pack.pack for pack in found.packs]
        self.regions = Regions(overlaps.found) if overlaps else None
        self.nested = list(self.regions.nested()) if self.regions else []
        self.named = list(self._sums_by_name())
        for cell in self.table.counts:
            if isinstance(cell, Of):
                self.families.setdefault(cell.family, {})[cell.pack] = cell
        self.tags = self._find_tags()
        self.lists = {tag for tag in {tag for _, tag in self.tags} if self._has_several(tag)}

    def add(self) -> None:
        """Add sums over packs and over values, and the groups that several parts tell together."""
        while any([*self._work_out_nobody(), *self._work_out_packs(), *self._work_out_values()]):
            pass
        for family, packs in self.families.items():
            self._add_packs(family, packs)
            self._add_groups(family, packs)
        for (whole, tag), values in self.tags.items():
            self._add_values(whole, tag, values)
        self._add_steps()

    def _sums_by_name(self) -> Iterator[Sum]:
        """Sides come to their pack and stages to the base, also where some of them are empty."""
        sizes = {pack.pack: pack.size for pack in self.report.headlines.found.packs}
        sizes[ALL] = self.report.headlines.found.base
        for whole, parts in self._parts().items():
            of = whole if whole in sizes else ALL
            if sum(sizes[part] for part in parts) == sizes[of]:
                yield {of: Fraction(-1), **dict.fromkeys(parts, Fraction(1))}

    def _parts(self) -> dict[str, list[str]]:
        """The sides of each split, and the stages of each set of them, in their order."""
        out: dict[str, list[str]] = {}
        for name in self.names:
            whole, dot, _ = name.rpartition(".")
            if dot:
                out.setdefault(whole, []).append(name)
        return out

    def _find_tags(self) -> dict[tuple[Family, str], set[str]]:
        """Of what is counted, the tags by which it is split, and their values in any part."""
        out: dict[tuple[Family, str], set[str]] = {}
        for family in self.families:
            whole = family[:-2]
            if whole in self.families and whole[0] not in _CHANGES:
                out.setdefault((whole, family[-2]), set()).add(family[-1])
        return out

    def _has_several(self, tag: str) -> bool:
        """Whether users have several values of a tag: then those are more than users."""
        return any(
            self._left(whole, tag, values, pack)[0] < 0
            for (whole, name), values in self.tags.items()
            if name == tag
            for pack in self.families[whole]
        )

    def _left(
        self, whole: Family, tag: str, values: Iterable[str], pack: str
    ) -> tuple[int, list[Of], frozenset[str]]:
        """How many are in no line of a tag; the lines; and the values without one."""
        cells = {value: Of((*whole, tag, value), pack) for value in sorted(values)}
        lines = [cell for cell in cells.values() if cell in self.table.counts]
        others = frozenset(value for value, cell in cells.items() if cell not in self.table.counts)
        return self.table.size((self.families[whole][pack],), lines), lines, others

    # What a reader works out: lines that no part has, as those beyond the first ones.

    def _work_out_nobody(self) -> Iterator[bool]:
        """Where nobody is in a whole, nobody is in a part of it."""
        wholes = [(name, ALL) for name in self.names] + [(part, of) for of, part in self.nested]
        for (whole, tag), values in self.tags.items():
            for value in values:
                family = (*whole, tag, value)
                users = (*SIZES, tag, value)
                for part, of in wholes:
                    around = Of(family, of), Of(whole, part), Of(users, part)
                    if Of(family, part) not in self.table.counts and any(
                        self.table.counts.get(cell) == 0 for cell in around
                    ):
                        yield self._tell(Of(family, part), Fraction(0))

    def _work_out_packs(self) -> Iterator[bool]:
        for family, packs in self.families.items():
            missing = [name for name in (ALL, *self.names) if name not in packs]
            for row in self._sums(family, missing) if family[0] not in _CHANGES else ():
                match [name for name in row if name in missing]:
                    case [name]:
                        others: Row = {packs[each]: n for each, n in row.items() if each != name}
                        yield self._tell(Of(family, name), -self._total(others) / row[name])

    def _work_out_values(self) -> Iterator[bool]:
        for (whole, tag), values in self.tags.items():
            for pack in self.families[whole] if tag not in self.lists else ():
                left, lines, others = self._left(whole, tag, values, pack)
                if lines and (len(others) == 1 or not left):
                    for value in others:
                        yield self._tell(Of((*whole, tag, value), pack), Fraction(left))

    def _tell(self, cell: Of, count: Fraction) -> bool:
        """Whether a count that nobody wrote can be worked out, as it is now."""
        if count < 0 or count.denominator > 1:
            return False
        self._add_untold(cell, int(count))
        self.families[cell.family][cell.pack] = cell
        return True

    def _add_untold(self, cell: Cell, count: int) -> None:
        self.table.counts[cell] = count
        self.table.untold.add(cell)

    def _total(self, cells: Row) -> Fraction:
        return sum((n * self.table.counts[cell] for cell, n in cells.items()), Fraction(0))

    # What holds.

    def _sums(self, family: Family, missing: Sequence[str]) -> list[Sum]:
        """The packs that come to nothing: some of them may have nobody who is counted."""
        found = list(self.named)
        if self.regions is not None:
            packs = self.families[family]
            nobody = {name for name, cell in packs.items() if not self.table.counts[cell]}
            found += self.regions.sums(frozenset(nobody))
        return _without(found, missing)

    def _add_packs(self, family: Family, packs: Mapping[str, Of]) -> None:
        unknown = {ALL, *self.names} - packs.keys()
        if family[0] in _CHANGES:
            unknown &= {ALL}
        for row in self._sums(family, sorted(unknown)):
            cells: Row = {packs[name]: times for name, times in row.items() if name in packs}
            if unknown.isdisjoint(row) and not self._total(cells):
                self.table.equations.append(cells)

    def _add_groups(self, family: Family, packs: Mapping[str, Of]) -> None:
        """Groups of those of a pack who are not in parts of it, and did something or did not."""
        kind, line = family[0], family[3:]
        if kind not in {"users", "did"}:
            return
        users = self.families.get((*SIZES, *line), {}) if kind == "did" else {}
        for whole, part in self.nested:
            if whole in packs and part in packs:
                self.table.groups.append(((packs[whole],), (packs[part],)))
                if whole in users and part in users:
                    more, less = (users[whole], packs[part]), (users[part], packs[whole])
                    self.table.groups.append((more, less))
        for whole, parts in self._parts().items():
            of = packs.get(whole if whole in self.names else ALL)
            shown = tuple(packs[part] for part in parts if part in packs)
            if of is not None and shown:
                self.table.groups.append(((of,), shown))

    def _add_values(self, whole: Family, tag: str, values: set[str]) -> None:
        """A tag's values come to all users; those that no part has are the rest."""
        for pack, size in self.families[whole].items():
            left, lines, others = self._left(whole, tag, values, pack)
            if not lines or (tag in self.lists and (left or others)):
                continue
            parts: list[Cell] = [*lines]
            if left:
                parts.append(("rest", whole, tag, others, pack))
                self._add_untold(parts[-1], left)
            self.table.sums.append(((size,), tuple(parts)))

    def _add_steps(self) -> None:
        """Steps that are as many as some stages together, or as all but a pack, may be those.

        Who is in none of the stages before is in that stage or in a later one.
        """
        sizes = self.families[SIZES]
        whole: Cell = sizes[ALL]
        alike: list[tuple[tuple[Cell, ...], tuple[Cell, ...]]] = [
            ((whole,), (sizes[name],)) for name in self.names
        ]
        for parts in self._parts().values():
            cells = tuple(sizes[name] for name in parts)
            if not self.table.size((whole,), cells):
                alike += [(cells[start:], ()) for start in range(1, len(cells) - 1)]
        for more, less in alike:
            total = self.table.size(more, less)
            for cell in [cell for cell, n in self.table.counts.items() if n == total > 0]:
                if _is_step(cell):
                    self.table.sums.append((more, (cell, *less)))


def _is_step(cell: Cell) -> bool:
    """Whether it is of a waterfall."""
    if not isinstance(cell, tuple):
        return False
    kind = cell.family[0] if isinstance(cell, Of) else cell[0]
    return kind in {"alone", "after", "without"}


@dataclass
class Regions:
    """Packs upon each other, by the exclusive regions that there are."""

    found: Overlaps
    known: dict[frozenset[str], list[Sum]] = field(default_factory=dict)

    def sums(self, nobody: frozenset[str]) -> list[Sum]:
        """The packs that come to nothing in every region, and with the base outside of them all.

        Regions in packs of which nobody is counted are left out.
        """
        if nobody not in self.known:
            self.known[nobody] = self._solve(nobody)
        return self.known[nobody]

    def _solve(self, nobody: frozenset[str]) -> list[Sum]:
        names = [ALL, *(pack.name for pack in self.found.packs)]
        places = {name: place for place, name in enumerate(names)}
        regions = [each for each in self.found.regions if nobody.isdisjoint(each.packs)]
        inside = np.zeros((len(regions) + 1, len(names)), dtype=np.int64)
        for row, region in enumerate(regions):
            inside[row, [0, *(places[name] for name in region.packs)]] = 1
        inside[-1, 0] = self.found.outside != 0
        # Packs that have no region are nobody, which is known without sums.
        some = inside.sum(axis=0) > 0
        inside, names = inside[:, some], list(compress(names, some.tolist()))
        # As many as packs, in the place of as many as regions: both vanish for the same sums.
        products = inside.T @ inside
        if np.linalg.matrix_rank(products, tol=1e-6) == len(names):
            return []
        written: dict[Cell, dict[frozenset[Cell], int]] = {
            name: {frozenset((other,)): int(n) for other, n in zip(names, row, strict=True) if n}
            for name, row in zip(names, products, strict=True)
        }
        rows = dependencies(written, ())
        return [{str(name): times for name, times in row.items()} for row in rows]

    def nested(self) -> Iterator[tuple[str, str]]:
        """Packs, and other packs that are parts of them and smaller."""
        regions: dict[str, set[int]] = {pack.name: set() for pack in self.found.packs}
        for number, region in enumerate(self.found.regions):
            for name in region.packs:
                regions[name].add(number)
        for whole, part in permutations(regions, 2):
            if regions[part] and regions[part] < regions[whole]:
                yield whole, part


def _without(sums: Sequence[Sum], missing: Sequence[str]) -> list[Sum]:
    """Sums that say the same, each of the missing packs in one of them where that can be."""
    rows = list(sums)
    done: list[Sum] = []
    for name in missing:
        pivot = next((row for row in rows if name in row), None)
        if pivot is None:
            continue
        rows.remove(pivot)
        rows = [_less(row, pivot, name) for row in rows]
        done = [*(_less(row, pivot, name) for row in done), pivot]
    return [row for row in (*done, *rows) if row]


def _less(row: Sum, pivot: Sum, name: str) -> Sum:
    return reduce_row(row, pivot, row[name] / pivot[name]) if name in row else row
