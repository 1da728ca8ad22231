"""The way from an old pack to a new one: state by state, and what leads from each to the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from audience.analysis import sentences
from audience.analysis.crossing import Crossing, Places, Seen, Step
from audience.analysis.leaves import Leaf, combine, leaves_of
from audience.bits import Flags
from audience.insight.diff import PackDiff
from audience.rules.edits import Edit
from audience.rules.language import Pair
from audience.rules.tree import Condition, Did, Kept, Test
from audience.rules.words import SPEECHES


@dataclass
class Way:
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


@dataclass(frozen=True)
class Walk:
    """Some users of a pack's change: whether each was in the old one, and where it stands."""

    crossing: Crossing
    pack: PackDiff
    was: Flags
    at: Places

    def way(self) -> Way:
        """From the old pack to the new one."""
        crossing, pack = self.crossing, self.pack
        way = Way([self.was])
        old = crossing.rule(crossing.old_file, pack.old)
        if old is not None and crossing.before is not None:
            way.go(self._of(crossing.before, f"rule {pack.old}"), crossing.step_before)
            if crossing.now is not None:
                self._follow_leaves(way, old, crossing.before, crossing.now)
        if old is not None and crossing.now is not None:
            step = Step("unknown", self.say(sentences.DATA_SINCE, build=crossing.old_build.name))
            way.go(self._of(crossing.now, f"rule {pack.old}"), step)
        if crossing.later is not None:
            if crossing.now is not None:
                for edit, name in crossing.edits_of(pack):
                    way.go(self._of(crossing.later, name), self._edited(edit), rest=False)
            if crossing.rule(crossing.new_file, pack.new) is not None:
                known = crossing.now is not None
                step = Step("list", self.say(sentences.OWN_PUBLISHED))
                step = step if known else Step("unknown", self.say(sentences.RULE_OR_DATA))
                way.go(self._of(crossing.later, f"rule {pack.new}"), step)
        way.go(~self.was, crossing.step_after)
        return way

    def _of(self, seen: Seen, name: str) -> Flags:
        return seen.flags(name)[self.at]

    def _follow_leaves(self, way: Way, rule: Condition, before: Seen, now: Seen) -> None:
        """One leaf after the other from what it was to what it is."""
        leaves = {self.crossing.name_of(leaf): leaf for leaf in leaves_of(rule)}
        values, news = (self._values_at(leaves, seen) for seen in (before, now))
        for name, leaf in leaves.items():
            ways = [(news[name], self._moved(leaf, sentences.OLDER))]
            half = f"half of {name}"
            if half in now.answers.nodes:
                ways.insert(0, (self._of(now, half), self._moved(leaf, sentences.NEWER)))
            elif isinstance(leaf, Did):
                ways = [(news[name], self._moved(leaf, self._how(leaf)))]
            for flags, step in ways:
                if (flags != values[name]).any():
                    values[name] = flags
                    way.go(self._combined(rule, values), step, rest=False)

    def _how(self, did: Did) -> Pair:
        """What another day does to a behaviour whose days begin where they began."""
        if any(each.measure.of_days for each in did.measures):
            return sentences.OTHER_DAY
        later = self.crossing.new_build.as_of > self.crossing.old_build.as_of
        return sentences.NEWER if later else sentences.OTHER_DAYS

    @property
    def say(self) -> Callable[..., str]:
        """Says a sentence in the language of the causes."""
        return self.crossing.language.say

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
        return combine(condition, lambda leaf: values[self.crossing.name_of(leaf)], len(self.at))

    def _moved(self, leaf: Leaf, how: Pair) -> Step:
        """A leaf that became another; of behaviour ``how`` says by what."""
        at, words = str(leaf.at), SPEECHES[self.crossing.language].step(leaf)
        match leaf:
            case Test():
                return Step("tag", words, at, leaf)
            case Did():
                return Step("window", self.say(how, words=words), at, leaf)
            case Kept():
                return Step("limit", words, at, leaf)
            case _:
                return Step("list", words, at, leaf)

    def _edited(self, edit: Edit) -> Step:
        speech = SPEECHES[self.crossing.language]
        old, new = ("" if side is None else speech.edited(side) for side in (edit.old, edit.new))
        sides = [each for each in (edit.new, edit.old) if each is not None]
        how = sentences.EDIT
        if edit.old is None or edit.new is None:
            how = sentences.EDIT_NEW if edit.old is None else sentences.EDIT_GONE
        return Step("rule", self.say(how, old=old, new=new), str(sides[0].at))
