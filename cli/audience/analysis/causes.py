"""Why a pack's users are others than before: for each who came or went, one cause.

From the old pack to the new one leads a way of many states: the old rule as it was, then with one
of its leaves after the other as it is now (first the days that came in, then those that fell out),
then with one edit after the other, up to the new rule. Whoever came or went changes sides an odd
number of times on it; the last of these is the cause. So the causes add up to the change. What the
data would have done anyway is none of the edits'.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from audience.analysis.crossing import Crossing, Seen, Step
from audience.analysis.leaves import Leaf, combine, leaves_of
from audience.analysis.transitions import transitions
from audience.bits import Flags
from audience.errors import UsageError
from audience.insight.causes import Cause, Explained, Reasons, Transition
from audience.insight.diff import BuildDiff, PackDiff
from audience.lists import suppressed_ids
from audience.rules.edits import Edit
from audience.rules.project import Project
from audience.rules.reader import Problems
from audience.rules.tree import Condition, Did, Kept, Not, Side, Test
from audience.rules.words import words
from audience.store.manifest import FILE_NAME, Manifest, read_manifest
from audience.workspace import Workspace, open_workspace


@dataclass
class _Way:
    """The states of some users, in or out, and what leads from each to the next.

    It has legs: what the data did, what the edits did. Who is as before at the end of a leg was not
    moved by it, whatever happened on the way.
    """

    states: list[Flags]
    steps: list[Step] = field(default_factory=list)
    legs: list[int] = field(default_factory=lambda: [0])

    def go(self, state: Flags, step: Step, *, rest: bool = True) -> None:
        """Go on to another state; a leg ends where the way comes to rest."""
        self.states.append(state)
        self.steps.append(step)
        if rest:
            self.legs.append(len(self.steps))

    def last(self) -> npt.NDArray[np.int64]:
        """For each user the last step, on the last leg that moved it, by which it changed sides."""
        every = np.array(self.states)
        changes = every[1:] != every[:-1]
        out = np.full(every.shape[1], -1)
        for start, end in pairwise(self.legs):
            moved = every[start] != every[end]
            step = end - 1 - np.argmax(changes[start:end][::-1], axis=0)
            out = np.where(moved, step, out)
        return out


def reasons(
    project: Project, found: BuildDiff, *, engine: str = "polars", cache: bool = True
) -> Reasons:
    """Why each pack of a comparison has other users: causes that add up to the change.

    Both sides must be published builds, or packs of them. The rules come from their manifests, and
    are evaluated with the tables as they lie here: where these are not those of the build any more,
    ``untold`` says so. Raises UsageError, DataError, StoreError, RuleError.
    """
    old, new = (_manifest(each) for each in found.origins)
    problems = Problems()
    workspace = open_workspace(project, problems)
    problems.raise_errors()
    return explain(workspace, found, (old, new), engine=engine, cache=cache)


def explain(
    workspace: Workspace,
    found: BuildDiff,
    builds: tuple[Manifest, Manifest],
    *,
    engine: str = "polars",
    cache: bool = True,
) -> Reasons:
    """The same of two builds by their manifests, whether published or not."""
    if not found.packs:
        text = "no pack is on both sides; name one of each: campaign/phase/pack"
        return Reasons(found.old, found.new, (), (text,))
    crossing = Crossing(workspace, found, builds, engine, cache=cache)
    explained = tuple(_Explainer(crossing, pack).explained() for pack in found.packs)
    return Reasons(found.old, found.new, explained, tuple(crossing.untold))


def _manifest(origin: Path | None) -> Manifest:
    """The manifest of a build's folder, or of that of a pack's file."""
    folder = origin.parent if origin is not None and origin.is_file() else origin
    if folder is None or not (folder / FILE_NAME).is_file():
        raise UsageError(f"{origin} lies alone: why a pack changed is told of published builds")
    return read_manifest(folder)


class _Explainer:
    """The causes of one pack's change."""

    def __init__(self, crossing: Crossing, pack: PackDiff) -> None:
        self.crossing = crossing
        self.pack = pack
        parts = crossing.found.ids(pack)
        added, removed = parts["added"], parts["removed"]
        self.ids = pa.concat_arrays([added, removed])
        self.was = np.repeat([False, True], [len(added), len(removed)])
        self.count = len(self.ids)
        self.at = crossing.places(self.ids)

    def explained(self) -> Explained:
        causes = sorted(
            self._causes() if self.count else (),
            key=lambda cause: (-cause.added - cause.removed, cause.kind, cause.detail, cause.at),
        )
        pack = self.pack
        return Explained(
            pack.name,
            pack.label,
            pack.old_size,
            pack.new_size,
            pack.kept,
            pack.added,
            pack.removed,
            tuple(causes),
        )

    def _causes(self) -> Iterator[Cause]:
        left = np.ones(self.count, dtype=np.bool_)
        for step, mask in self._plain_causes():
            mask &= left
            left &= ~mask
            yield from self._cause(step, mask)
        way = self._way()
        last = way.last()
        grouped: dict[tuple[str, str, str], tuple[Step, Flags]] = {}
        for number, step in enumerate(way.steps):
            for each, mask in self._told_apart(step, left & (last == number)):
                name = (each.kind, each.detail, each.at)
                before = grouped.get(name)
                grouped[name] = (each, mask if before is None else before[1] | mask)
        for step, mask in grouped.values():
            yield from self._cause(step, mask)

    def _cause(self, step: Step, mask: Flags) -> Iterator[Cause]:
        if not mask.any():
            return
        shown: tuple[Transition, ...] = ()
        if step.kind == "tag" and isinstance(step.leaf, Test):
            old, new = self._values(step.leaf, mask)
            shown = transitions(step.leaf, old, new)
        removed = int((mask & self.was).sum())
        yield Cause(step.kind, step.detail, step.at, int(mask.sum()) - removed, removed, shown)

    def _plain_causes(self) -> Iterator[tuple[Step, Flags]]:
        """What needs no rule: who is not in the user table any more, is new there, opted out."""
        crossing = self.crossing
        here = crossing.table.there[self.at]
        yield Step("left", "not in the user table any more"), self.was & ~here
        before = crossing.before
        if before is not None and crossing.is_old_table_here:
            yield Step("entered", "new in the user table"), ~self.was & ~before.there[self.at]
        yield Step("suppressed", "on a suppress list"), self.was & self._suppressed()

    def _suppressed(self) -> Flags:
        project = self.crossing.workspace.project
        listed = suppressed_ids(project, whole=pa.types.is_integer(self.ids.type))
        if listed is None:
            return np.zeros(self.count, dtype=np.bool_)
        found = pc.is_in(self.ids, value_set=listed.cast(self.ids.type))
        return np.asarray(found)

    def _way(self) -> _Way:
        """From the old pack to the new one."""
        crossing, pack = self.crossing, self.pack
        way = _Way([self.was])
        old = crossing.rule(crossing.old_file, pack.old)
        if old is not None and crossing.before is not None:
            way.go(self._of(crossing.before, f"rule {pack.old}"), crossing.step_before)
            if crossing.now is not None:
                self._follow_leaves(way, old, crossing.before, crossing.now)
        if old is not None and crossing.now is not None:
            step = Step("unknown", f"tags or behaviour since {crossing.old_build.name}")
            way.go(self._of(crossing.now, f"rule {pack.old}"), step)
        if crossing.later is not None:
            if crossing.now is not None:
                for edit, name in crossing.edits_of(pack):
                    way.go(self._of(crossing.later, name), _edited(edit), rest=False)
            if crossing.rule(crossing.new_file, pack.new) is not None:
                known = crossing.now is not None
                step = Step("list", "published packs of the phase itself")
                step = step if known else Step("unknown", "the rule or the data")
                way.go(self._of(crossing.later, f"rule {pack.new}"), step)
        way.go(~self.was, crossing.step_after)
        return way

    def _of(self, seen: Seen, name: str) -> Flags:
        return seen.flags(name)[self.at]

    def _follow_leaves(self, way: _Way, rule: Condition, before: Seen, now: Seen) -> None:
        """One leaf after the other from what it was to what it is."""
        leaves = {self.crossing.name_of(leaf): leaf for leaf in leaves_of(rule)}
        values, news = (self._values_at(leaves, seen) for seen in (before, now))
        for name, leaf in leaves.items():
            ways = [(news[name], _moved(leaf, "older events fell out"))]
            half = f"half of {name}"
            if half in now.answers.nodes:
                ways.insert(0, (self._of(now, half), _moved(leaf, "newer events came in")))
            elif isinstance(leaf, Did):
                later = self.crossing.new_build.as_of > self.crossing.old_build.as_of
                how = "newer events came in" if later else "events of other days"
                ways = [(news[name], _moved(leaf, how))]
            for flags, step in ways:
                if (flags != values[name]).any():
                    values[name] = flags
                    way.go(self._combined(rule, values), step, rest=False)

    def _values_at(self, leaves: Mapping[str, Leaf], seen: Seen) -> dict[str, Flags]:
        """What holds of each leaf; of a limit, that it cuts nobody off."""
        out: dict[str, Flags] = {}
        for name, leaf in leaves.items():
            flags = self._of(seen, name)
            if isinstance(leaf, Kept):
                flags = flags | ~self._combined(leaf.part, out)
            out[name] = flags
        return out

    def _combined(self, condition: Condition, values: Mapping[str, Flags]) -> Flags:
        return combine(condition, lambda leaf: values[self.crossing.name_of(leaf)], self.count)

    def _told_apart(self, step: Step, mask: Flags) -> Iterator[tuple[Step, Flags]]:
        """A test of days ago changes with the value, or because the day is another."""
        test = step.leaf
        if isinstance(test, Test) and mask.any():
            old, new = self._values(test, mask)
            changed = mask.copy()
            changed[mask] = [one != other for one, other in zip(old, new, strict=True)]
            yield step, changed
            yield Step("window", f"{words(test)}: the day is another", step.at), mask & ~changed
        else:
            yield step, mask

    def _values(self, test: Test, mask: Flags) -> tuple[list[Any], list[Any]]:
        crossing = self.crossing
        assert crossing.before is not None
        assert crossing.now is not None
        rows = pa.array(self.at[mask])
        old, new = (
            crossing.column(seen, test.tag.name).take(rows).to_pylist()
            for seen in (crossing.before, crossing.now)
        )
        return old, new


def _moved(leaf: Leaf, how: str) -> Step:
    at = str(leaf.at)
    match leaf:
        case Test():
            return Step("tag", words(leaf), at, leaf)
        case Did():
            return Step("window", f"{words(leaf)}: {how}", at, leaf)
        case Kept():
            return Step("limit", words(leaf).removesuffix(" of"), at, leaf)
        case _:
            return Step("list", words(leaf), at, leaf)


def _edited(edit: Edit) -> Step:
    sides = [each for each in (edit.new, edit.old) if each is not None]
    at = str(sides[0].at)
    if edit.old is None:
        return Step("rule", f"new: {_asked(sides[0])}", at)
    if edit.new is None:
        return Step("rule", f"gone: {_asked(sides[0])}", at)
    return Step("rule", f"{_asked(edit.old)} → {_asked(edit.new)}", at)


def _asked(condition: Condition) -> str:
    match condition:
        case Side():
            return "the split's side"
        case Kept():
            return words(condition).removesuffix(" of")
        case Not(part):
            return f"not {words(part)}"
        case _:
            return words(condition)
