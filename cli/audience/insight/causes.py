"""Why the users of a pack are others than before: each of them with one cause."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from audience.insight.cells import Cell, Cells, Table


@dataclass(frozen=True)
class Transition:
    """So many users whose value became another one."""

    old: str
    new: str
    users: int


@dataclass(frozen=True)
class Cause:
    """One cause, and how many users it added and removed.

    ``kind`` is `rule` (it was edited), `tag` (a value changed), `window` (days slid), `list` (a
    list or a published pack is another), `limit` (it cut elsewhere), `suppressed`, `entered` and
    `left` (the user table), or `unknown`. ``detail`` is the condition in words, ``at`` its place.
    """

    kind: str
    detail: str
    at: str
    added: int
    removed: int
    transitions: tuple[Transition, ...] = ()


@dataclass(frozen=True)
class Explained:
    """A pack of two builds; its causes, largest first, add up to who was added and removed."""

    pack: str
    label: str
    old_size: int
    new_size: int
    kept: int
    added: int
    removed: int
    causes: tuple[Cause, ...]


@dataclass(frozen=True)
class Reasons:
    """Why packs changed between two builds; ``untold`` is what can't be told, and why."""

    old: str
    new: str
    packs: tuple[Explained, ...]
    untold: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def cause_of(pack: str, number: int, part: str) -> Cell:
    """How many a cause, by its number, `added` or `removed`."""
    return (pack, number, part)


def shift_of(pack: str, number: int, transition: int) -> Cell:
    """How many went from one value to another, of a cause."""
    return (pack, number, transition)


def tell_causes(table: Table, explained: Explained, added: Cell, removed: Cell) -> None:
    """Add a pack's causes to the counts of a comparison, and how they add up to its change."""
    parts: dict[str, Cells] = {
        part: tuple(cause_of(explained.pack, number, part) for number in _numbers(explained))
        for part in ("added", "removed")
    }
    for number, cause in enumerate(explained.causes):
        both = tuple(cells[number] for cells in parts.values())
        table.counts |= dict(zip(both, (cause.added, cause.removed), strict=True))
        if cause.transitions:
            shifts = tuple(
                shift_of(explained.pack, number, place) for place in range(len(cause.transitions))
            )
            counts = (each.users for each in cause.transitions)
            table.counts |= dict(zip(shifts, counts, strict=True))
            table.sums.append((both, shifts))
    table.sums.append(((added,), parts["added"]))
    table.sums.append(((removed,), parts["removed"]))


def table_of_reasons(found: Reasons) -> Table:
    """All counts of the packs and their causes: cells are (pack, what), and as of causes."""
    table = Table()
    for each in found.packs:
        name = each.pack
        counts = {
            "old_size": each.old_size,
            "new_size": each.new_size,
            "kept": each.kept,
            "added": each.added,
            "removed": each.removed,
        }
        table.counts |= {(name, what): count for what, count in counts.items()}
        for size, change in (("old_size", "removed"), ("new_size", "added")):
            table.sums.append((((name, size),), ((name, "kept"), (name, change))))
        tell_causes(table, each, (name, "added"), (name, "removed"))
    return table


def _numbers(explained: Explained) -> range:
    return range(len(explained.causes))


def shared_reasons(reasons: Reasons, hidden: frozenset[Cell]) -> dict[str, Any]:
    """Causes as JSON has them, nothing (null) in the place of what is hidden."""
    packs = []
    for explained in reasons.packs:
        causes = []
        for number, cause in enumerate(explained.causes):
            out = asdict(cause)
            for part in ("added", "removed"):
                out[part] = None if cause_of(explained.pack, number, part) in hidden else out[part]
            for place, each in enumerate(out["transitions"]):
                if shift_of(explained.pack, number, place) in hidden:
                    each["users"] = None
            causes.append(out)
        packs.append({"pack": explained.pack, "label": explained.label, "causes": causes})
    return {"packs": packs, "untold": list(reasons.untold)}
