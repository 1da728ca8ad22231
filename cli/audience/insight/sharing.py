"""What of a summary or a comparison can be shared: which of its counts must be hidden.

Cells are named by what they count; the reports and the JSON ask by these names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from audience.insight.causes import Reasons, tell_causes
from audience.insight.cells import Cell, Table, hidden_cells
from audience.insight.diff import NOBODY, BuildDiff, Place
from audience.insight.overlap import Overlaps
from audience.insight.relations import Relations
from audience.insight.summary import Summary

BASE: Cell = "base"
USERS: Cell = "users"
SUPPRESSED: Cell = "suppressed"
EVERYBODY: Cell = "everybody"
OUTSIDE: Cell = "outside"


def size_of(pack: str, side: str = "") -> Cell:
    """A pack's size; in a comparison that of one side."""
    return ("size", side, pack)


def both_of(one: str, other: str) -> Cell:
    """Users in both of two packs of a summary."""
    return ("both", frozenset((one, other)))


def missing_of(pack: str) -> Cell:
    """Users in a pack only because a value is missing."""
    return ("missing", pack)


def total_of(stages: str) -> Cell:
    """Users in any of a set of stages."""
    return ("total", stages)


def rest_of(stages: str) -> Cell:
    """Users in none of a set of stages."""
    return ("rest", stages)


def moved_of(old: str, new: str) -> Cell:
    """Users of an old pack who are in a new one; of one and the same those who were kept."""
    return ("moved", old, new)


def part_of(pack: str, part: str) -> Cell:
    """Those who were added to a pack or removed from it."""
    return (part, pack)


def region_of(packs: tuple[str, ...]) -> Cell:
    """Users who are in exactly these packs."""
    return ("region", packs)


def hidden_in_summary(summary: Summary, least: int) -> frozenset[Cell]:
    """The counts of a summary that can't be shared."""
    if least < 2:
        return frozenset()
    table = Table({BASE: summary.base, USERS: summary.users, SUPPRESSED: summary.suppressed})
    table.groups.append(((USERS,), (BASE,)))
    for pack in summary.packs:
        table.counts[size_of(pack.name)] = pack.size
        table.counts[missing_of(pack.name)] = pack.only_missing
        table.groups.append(((size_of(pack.name),), (missing_of(pack.name),)))
    for each in summary.overlaps:
        table.counts[both_of(each.pack, each.other)] = each.both
    for stages in summary.stages:
        total, rest = total_of(stages.name), rest_of(stages.name)
        table.counts |= {total: stages.total, rest: stages.rest}
        table.sums.append(((total,), tuple(map(size_of, stages.packs))))
        table.sums.append(((BASE,), (total, rest)))
    names = {size_of(pack.name): pack.name for pack in summary.packs}
    both = partial(_both_of_names, names)
    Relations(table, [BASE, *names], both).add(least)
    return hidden_cells(table, least)


def _both_of_names(names: Mapping[Cell, str], one: Cell, other: Cell) -> Cell:
    if BASE in {one, other}:
        return other if one == BASE else one
    return both_of(names[one], names[other])


def hidden_in_diff(
    diff: BuildDiff, least: int, *, matrix: bool, reasons: Reasons | None = None
) -> frozenset[Cell]:
    """The counts of a comparison, and of its causes, that can't be shared."""
    if least < 2:
        return frozenset()
    told = counts_of_diff(diff, matrix=matrix)
    places = list(dict.fromkeys(one for one, _ in diff.common))
    cells = {_cell(one, other): count for (one, other), count in diff.common.items()}
    table = Table(told | cells, untold=cells.keys() - told.keys())
    for pack in diff.packs:
        old, new = size_of(pack.old, "old"), size_of(pack.new, "new")
        kept = moved_of(pack.old, pack.new)
        table.sums.append(((old,), (kept, part_of(pack.old, "removed"))))
        table.sums.append(((new,), (kept, part_of(pack.new, "added"))))
    for pack, explained in zip(diff.packs, reasons.packs if reasons else (), strict=False):
        tell_causes(table, explained, part_of(pack.new, "added"), part_of(pack.old, "removed"))
    at = {_cell(place, place): place for place in places}
    for side, base in zip(("old", "new"), diff.bases, strict=True):
        if base is None:
            continue
        whole = ("base", side)
        table.counts[whole] = base
        table.fixed.add(whole)  # the build's own summary tells it
        packs = {cell: place for cell, place in at.items() if place[0] == side}
        del packs[size_of(NOBODY, side)]
        Relations(table, [whole, *packs], partial(_both_of_places, packs)).add(least)
    # Everybody of the two sides: as many as a base, they are that base.
    table.counts[EVERYBODY] = diff.users
    (table.fixed if table.counts[EVERYBODY] in diff.bases else table.untold).add(EVERYBODY)
    Relations(table, [EVERYBODY, *at], partial(_both_of_places, at)).add(least)
    return hidden_cells(table, least)


def _both_of_places(at: Mapping[Cell, Place], one: Cell, other: Cell) -> Cell:
    if one not in at or other not in at:  # a base, of which all are a part
        return other if one not in at else one
    return _cell(at[one], at[other])


def counts_of_diff(diff: BuildDiff, *, matrix: bool) -> dict[Cell, int]:
    """All counts of a comparison."""
    told: dict[Cell, int] = {}
    for pack in diff.packs:
        told[size_of(pack.old, "old")] = pack.old_size
        told[size_of(pack.new, "new")] = pack.new_size
        told[moved_of(pack.old, pack.new)] = pack.kept
        told[part_of(pack.new, "added")] = pack.added
        told[part_of(pack.old, "removed")] = pack.removed
    told |= {size_of(each.name, "old"): each.size for each in diff.only_old}
    told |= {size_of(each.name, "new"): each.size for each in diff.only_new}
    for row in diff.matrix if matrix else ():
        told[size_of(row.pack, "old")] = row.size
        told |= {moved_of(row.pack, new): count for new, count in row.into.items()}
        told[moved_of(row.pack, NOBODY)] = row.out
    return told


def _cell(one: Place, other: Place) -> Cell:
    """The cell of who is in both of two packs of a comparison; of one pack, that of its size."""
    if one == other:
        return size_of(one[1], one[0])
    if one[0] == other[0]:
        return ("within", frozenset((one, other)))
    old, new = sorted((one, other), reverse=True)
    return moved_of(old[1], new[1])


def hidden_in_overlaps(found: Overlaps, least: int) -> frozenset[Cell]:
    """The counts of overlaps that can't be shared."""
    return hidden_cells(table_of_overlaps(found), least) if least > 1 else frozenset()


def table_of_overlaps(found: Overlaps) -> Table:
    """Their counts, and how the regions add up."""
    sizes = {size_of(pack.name): pack.size for pack in found.packs}
    table = Table({**sizes, **{both_of(pair.one, pair.other): pair.both for pair in found.pairs}})
    regions = {region_of(each.packs): each.users for each in found.regions}
    table.counts |= regions
    for pack in found.packs:
        parts = tuple(region_of(each.packs) for each in found.regions if pack.name in each.packs)
        table.sums.append(((size_of(pack.name),), parts))
    for pair in found.pairs:
        parts = tuple(
            region_of(each.packs)
            for each in found.regions
            if {pair.one, pair.other} <= set(each.packs)
        )
        table.sums.append(((both_of(pair.one, pair.other),), parts))
        table.groups.append(((size_of(pair.one),), (both_of(pair.one, pair.other),)))
        table.groups.append(((size_of(pair.other),), (both_of(pair.one, pair.other),)))
    if found.base is not None and found.outside is not None:
        table.counts |= {BASE: found.base, OUTSIDE: found.outside}
        table.sums.append(((BASE,), (*regions, OUTSIDE)))
        table.groups += [((BASE,), (size,)) for size in sizes]
    return table


def shared_overlaps(found: Overlaps, hidden: frozenset[Cell]) -> dict[str, Any]:
    """Overlaps as JSON has them, nothing (null) in the place of what is hidden."""
    out = found.to_dict()
    if not hidden:
        return out
    tell = partial(_tell, hidden=hidden)
    tell(out, "base", BASE)
    tell(out, "outside", OUTSIDE)
    for pack in out["packs"]:
        tell(pack, "size", size_of(pack["name"]))
    for pair in out["pairs"]:
        one, other = size_of(pair["one"]), size_of(pair["other"])
        both = both_of(pair["one"], pair["other"])
        tell(pair, "both", both)
        tell(pair, "of_one", both, one)
        tell(pair, "of_other", both, other)
        tell(pair, "jaccard", both, one, other)
        tell(pair, "lift", both, one, other, BASE)
    for region in out["regions"]:
        tell(region, "users", region_of(tuple(region["packs"])))
    return out


def shared_summary(summary: Summary, hidden: frozenset[Cell]) -> dict[str, Any]:
    """A summary as JSON has it, nothing (null) in the place of what is hidden."""
    out = summary.to_dict()
    if not hidden:
        return out
    tell = partial(_tell, hidden=hidden)
    for name, cell in (("users", USERS), ("base", BASE), ("suppressed", SUPPRESSED)):
        tell(out, name, cell)
    for pack in out["packs"]:
        size = size_of(pack["name"])
        tell(pack, "size", size)
        tell(pack, "share", size, BASE)
        tell(pack, "only_missing", missing_of(pack["name"]))
    for each in out["overlaps"]:
        both = both_of(each["pack"], each["other"])
        tell(each, "both", both)
        tell(each, "share", both, size_of(each["pack"]))
    for each in out["stages"]:
        tell(each, "total", total_of(each["name"]))
        tell(each, "rest", rest_of(each["name"]))
    return out


def shared_diff(diff: BuildDiff, hidden: frozenset[Cell], *, matrix: bool) -> dict[str, Any]:
    """A comparison as JSON has it, nothing (null) in the place of what is hidden."""
    out = diff.to_dict(matrix=matrix)
    if not hidden:
        return out
    tell = partial(_tell, hidden=hidden)
    for pack in out["packs"]:
        old, new = size_of(pack["old"], "old"), size_of(pack["new"], "new")
        kept = moved_of(pack["old"], pack["new"])
        tell(pack, "old_size", old)
        tell(pack, "new_size", new)
        tell(pack, "kept", kept)
        tell(pack, "added", part_of(pack["new"], "added"))
        tell(pack, "removed", part_of(pack["old"], "removed"))
        tell(pack, "change", old, new)
        tell(pack, "jaccard", old, new, kept)
    for side in ("old", "new"):
        for each in out[f"only_{side}"]:
            tell(each, "size", size_of(each["name"], side))
    for row in out.get("matrix", ()):
        tell(row, "size", size_of(row["pack"], "old"))
        for new in row["into"]:
            tell(row["into"], new, moved_of(row["pack"], new))
        tell(row, "out", moved_of(row["pack"], NOBODY))
    return out


def shared_count(count: int, least: int) -> int | None:
    """A count that stands alone, nothing where it can't be shared."""
    return None if 0 < count < least else count


def shared_sentence(text: str, least: int) -> str:
    """A sentence of what was found, its counts and shares left out where any may be hidden."""
    return _FIGURE.sub("…", text) if least > 1 else text


def shared_warnings(warnings: Iterable[str], least: int) -> list[str]:
    """Such sentences, each once."""
    return list(dict.fromkeys(shared_sentence(each, least) for each in warnings))


_FIGURE = re.compile(r"(?<![\w@/`.:-])[+-]?\d[\d,]*(?:\.\d+)?%?(?![\w@/`:-])")


def _tell(values: dict[str, Any], name: str, *cells: Cell, hidden: frozenset[Cell]) -> None:
    if hidden & set(cells):
        values[name] = None
