"""What of a summary or a comparison can be shared: which of its counts must be hidden.

Cells are named by what they count; the reports and the JSON ask by these names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import combinations
from typing import Any

from audience.insight.cells import Cell, Table, hidden_cells
from audience.insight.diff import BuildDiff
from audience.insight.summary import Summary

BASE: Cell = "base"
USERS: Cell = "users"
SUPPRESSED: Cell = "suppressed"


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
    """Those who were added to or removed from a pack, or are ``out`` of all packs."""
    return (part, pack)


def hidden_in_summary(summary: Summary, least: int) -> frozenset[Cell]:
    """The counts of a summary that can't be shared."""
    if least < 2:
        return frozenset()
    table = Table({BASE: summary.base, USERS: summary.users, SUPPRESSED: summary.suppressed})
    table.groups.append(((USERS,), (BASE,)))
    names = [pack.name for pack in summary.packs]
    for pack in summary.packs:
        table.counts[size_of(pack.name)] = pack.size
        table.counts[missing_of(pack.name)] = pack.only_missing
        table.groups.append(((BASE,), (size_of(pack.name),)))
        table.groups.append(((size_of(pack.name),), (missing_of(pack.name),)))
    for each in summary.overlaps:
        table.counts[both_of(each.pack, each.other)] = each.both
        table.groups.append(((size_of(each.pack),), (both_of(each.pack, each.other),)))
        if table.counts[size_of(each.other)] == summary.base:
            # Everybody is in the other.
            table.sums.append((size_of(each.pack), (both_of(each.pack, each.other),)))
    for one, other in combinations(names, 2):
        alone = (size_of(one), size_of(other))
        table.groups.append(((BASE, both_of(one, other)), alone))
    for stages in summary.stages:
        table.counts[total_of(stages.name)] = stages.total
        table.counts[rest_of(stages.name)] = stages.rest
        table.sums.append((total_of(stages.name), tuple(map(size_of, stages.packs))))
        rest = (rest_of(stages.name),) if stages.rest else ()
        table.sums.append((BASE, (total_of(stages.name), *rest)))
        if not stages.rest:
            _add_parts(table, names, "", stages.packs)
    for name, sides in _splits(summary):
        table.sums.append((size_of(name), tuple(map(size_of, sides))))
        # A side is a part: all of it is in both.
        table.sums += [(size_of(side), (both_of(name, side),)) for side in sides]
        _add_parts(table, names, name, sides)
    return hidden_cells(table, least)


def _splits(summary: Summary) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The packs that are split, and their sides, who add up to them."""
    sizes = {pack.name: pack.size for pack in summary.packs}
    for name, size in sizes.items():
        sides = tuple(each for each in sizes if each.rpartition(".")[0] == name)
        if sides and sum(sizes[side] for side in sides) == size:
            yield name, sides


def _add_parts(table: Table, names: Sequence[str], of: str, parts: tuple[str, ...]) -> None:
    """What a pack shares with the parts adds up to what it shares with the whole, a pack or all."""
    for name in names:
        if name != of and name not in parts:
            shared = both_of(name, of) if of else size_of(name)
            if shared in table.counts:
                table.sums.append((shared, tuple(both_of(name, part) for part in parts)))


def hidden_in_diff(diff: BuildDiff, least: int, *, matrix: bool) -> frozenset[Cell]:
    """The counts of a comparison that can't be shared."""
    if least < 2:
        return frozenset()
    table = Table()
    counts = table.counts
    for pack in diff.packs:
        old, new = size_of(pack.old, "old"), size_of(pack.new, "new")
        kept = moved_of(pack.old, pack.new)
        added, removed = part_of(pack.new, "added"), part_of(pack.old, "removed")
        counts |= {old: pack.old_size, new: pack.new_size, kept: pack.kept}
        counts |= {added: pack.added, removed: pack.removed}
        table.sums += [(old, (kept, removed)), (new, (kept, added))]
    counts |= {size_of(each.name, "old"): each.size for each in diff.only_old}
    counts |= {size_of(each.name, "new"): each.size for each in diff.only_new}
    if matrix:
        for row in diff.matrix:
            whole, out = size_of(row.pack, "old"), part_of(row.pack, "out")
            counts |= {whole: row.size, out: row.out}
            table.groups.append(((whole,), (out,)))
            for new, count in row.into.items():
                cell, size = moved_of(row.pack, new), size_of(new, "new")
                counts[cell] = count
                table.groups.append(((whole,), (cell,)))
                table.groups.append(((size,), (cell,)))
    return hidden_cells(table, least)


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
        tell(row, "out", part_of(row["pack"], "out"))
    return out


def _tell(values: dict[str, Any], name: str, *cells: Cell, hidden: frozenset[Cell]) -> None:
    if hidden & set(cells):
        values[name] = None
