"""Two builds evaluated across: the old rules on the old and on the new data, with each edit made.

All is asked in one run. Where the old data or rules can't be had any more, what is left is asked,
and what can't be told is noted.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from audience.analysis import sentences
from audience.analysis.ask import Answers, Conditions, ask
from audience.analysis.leaves import Leaf, leaves_of
from audience.analysis.recorded import recorded_rules
from audience.analysis.transitions import values_of
from audience.bits import Flags
from audience.errors import DataError, NotPublishedError, RuleError, StoreError, UsageError
from audience.insight.diff import BuildDiff, PackDiff
from audience.membership import Among
from audience.plan.build import Lowering, Request
from audience.plan.nodes import Arena
from audience.records import changed_inputs
from audience.rules.edits import Edit, Edits, edits_between
from audience.rules.language import Language
from audience.rules.scalars import Duration, Range
from audience.rules.tree import All, Condition, Did, MeasureTest, RuleFile, Side
from audience.rules.words import SPEECHES
from audience.store.manifest import ListInput, Manifest
from audience.workspace import Workspace

Places = npt.NDArray[np.int64]
_REFUSED = (DataError, NotPublishedError, RuleError, StoreError)


@dataclass(frozen=True)
class Step:
    """What leads from one state of a pack to the next: kind and detail as a cause has them."""

    kind: str
    detail: str
    at: str = ""
    leaf: Leaf | None = None


@dataclass(frozen=True)
class Seen:
    """What was asked at one day, of those users who are in question."""

    answers: Answers
    among: Among = field(repr=False)

    @property
    def there(self) -> Flags:
        """Who is in that day's user table."""
        return self.among.there

    def flags(self, name: str) -> Flags:
        """For whom a condition holds."""
        return self.among.flags(name)


class Crossing:
    """The packs of a comparison, evaluated across."""

    def __init__(
        self,
        workspace: Workspace,
        found: BuildDiff,
        builds: tuple[Manifest, Manifest],
        *,
        cache: bool,
        language: Language,
    ) -> None:
        self.workspace = workspace
        self.language = language
        self.found = found
        self.untold: list[str] = []
        self._cache = cache
        self.old_build, self.new_build = builds
        self.old_file, self.new_file = map(self._file, (self.old_build, self.new_build))
        self._lost = {
            each.name: self._compare_inputs(each) for each in (self.old_build, self.new_build)
        }
        parts = [found.ids(pack) for pack in found.packs]
        every = [each[name] for each in parts for name in ("added", "removed")]
        self._users = pa.concat_arrays(every).unique()
        key = workspace.tables[workspace.project.users.name].key_type
        if pa.types.is_integer(key) != pa.types.is_integer(self._users.type):
            raise UsageError(f"the keys of these builds are {self._users.type}, and now {key}")
        self._columns: dict[tuple[date | None, str], pa.Array] = {}
        self._names: dict[int, str] = {}
        self._kept: list[Condition] = []
        days = (self.old_build.as_of, self.new_build.as_of)
        self._lowerings = [Lowering(Arena(), day, self.old_build.campaign) for day in days]
        found_now, self.now, self.before = self._ask()
        """The old rules on the new data, and on the old: None where that can't be had."""
        self.later = found_now
        """The new rules on the new data, and what leads there by edits; None where they fail."""
        self.table = found_now or self._seen(*self._answers([(self._request_new(), {})]))
        """Who is in the user table of the new day."""

    def _file(self, build: Manifest) -> RuleFile | None:
        try:
            recorded = recorded_rules(self.workspace, build, self.language)
        except RuleError as error:
            first = error.problems[0].message if error.problems else "it is empty"
            say = self.language.say
            self.untold.append(say(sentences.RULES_UNREADABLE, build=build.name, problem=first))
            return None
        self.untold += recorded.doubts
        return recorded.file

    def _compare_inputs(self, build: Manifest) -> frozenset[str]:
        """The tables whose files are not as the build read them."""
        changed = changed_inputs(self.workspace.project, build)
        if changed:
            text = self.language.say(
                sentences.FILES_CHANGED,
                n=f"{len(changed):,}",
                all=f"{len(build.inputs):,}",
                build=build.name,
                example=changed[0].path,
            )
            self.untold.append(text)
        return frozenset(each.table for each in changed)

    @property
    def is_old_table_here(self) -> bool:
        """Whether there is a user table of the old day: its snapshot, or the file as it was."""
        snapshot = self.old_build.snapshot_day
        if snapshot is not None:
            return self._snapshot(self.old_build) == snapshot
        return self.workspace.project.users.name not in self._lost[self.old_build.name]

    @cached_property
    def unsuppressed(self) -> Crossing:
        """The same as if nobody were on a suppress list."""
        project = replace(self.workspace.project, suppress=())
        workspace = replace(self.workspace, project=project)
        return Crossing(
            workspace,
            self.found,
            (self.old_build, self.new_build),
            cache=self._cache,
            language=self.language,
        )

    @cached_property
    def step_before(self) -> Step:
        """From the old pack as it was to what its rule gives with what is there of its data."""
        say = self.language.say
        lists = self._changed_lists(self.before, self.old_build)
        if lists and not self._lost[self.old_build.name]:
            kinds = {each.kind for each in lists}
            if kinds == {"suppress"}:
                return Step("suppressed", say(sentences.OPTED_IN))
            return Step("list", say(sentences.LIST_OF_THEN, names=self._names_of(lists)))
        return Step("unknown", say(sentences.TABLES_OTHERS, build=self.old_build.name))

    @cached_property
    def step_after(self) -> Step:
        """From what the new rule gives with the data that is there to the new pack as it is."""
        build = self.new_build.name
        lists = self._changed_lists(self.later, self.new_build)
        if lists and not self._lost[build]:
            names = self._names_of(lists)
            return Step("list", self.language.say(sentences.LIST_SINCE, names=names, build=build))
        return Step("unknown", self.language.say(sentences.TABLES_OTHERS, build=build))

    def _names_of(self, lists: set[ListInput]) -> str:
        return SPEECHES[self.language].pause.join(sorted({each.name for each in lists}))

    def _changed_lists(self, seen: Seen | None, build: Manifest) -> set[ListInput]:
        """The lists of a build whose ids are others now."""
        here = {(each.kind, each.name): each.sha256 for each in seen.answers.lists} if seen else {}
        return {
            each
            for each in build.lists
            if here.get((each.kind, each.name), each.sha256) != each.sha256
        }

    def places(self, ids: pa.Array) -> Places:
        """Where some of the users in question stand among all of them."""
        return np.asarray(pc.index_in(ids, value_set=self._users)).astype(np.int64)

    def column(self, seen: Seen, tag: str) -> pa.Array:
        """A tag's values of all users in question, at one day."""
        users = seen.answers.users
        name = (users.snapshot, tag)
        if name not in self._columns:
            values = values_of(self.workspace, users, tag, self._users)
            self._columns[name] = values
        return self._columns[name]

    # What is asked.

    def rule(self, file: RuleFile | None, name: str) -> Condition | None:
        """A pack's whole rule in a file, its base included."""
        pack = next((each for each in file.packs if each.name == name), None) if file else None
        if file is None or pack is None:
            return None
        return pack.where if file.base is None else All((file.base, pack.where), pack.at)

    def name_of(self, leaf: Leaf) -> str:
        """What a leaf of the old rules is called: the same for leaves that ask the same."""
        known = self._names.get(id(leaf))
        if known is None:
            asked = _asked(leaf)
            # Conditions are known by identity, which is theirs while they are there.
            self._kept.extend((leaf, asked))
            known = "leaf " + " ".join(str(each.condition(asked)) for each in self._lowerings)
            self._names[id(leaf)] = known
        return known

    def edits_of(self, pack: PackDiff) -> Iterator[tuple[Edit, str]]:
        """The edits of a pack's rule, and by what name to ask for the rule once each is made."""
        for number, edit in enumerate(self._edits[pack.name].edits):
            yield edit, f"edit {number} of {pack.name}"

    @cached_property
    def _edits(self) -> dict[str, Edits]:
        lower = Lowering(Arena(), self.new_build.as_of, self.new_build.campaign)

        def same(one: Condition, other: Condition) -> bool:
            self._kept.extend((one, other))
            return lower.condition(one) == lower.condition(other)

        out = {}
        for pack in self.found.packs:
            old, new = self.rule(self.old_file, pack.old), self.rule(self.new_file, pack.new)
            if old is None or new is None:
                out[pack.name] = Edits((), ())
            else:
                out[pack.name] = edits_between(old, new, same)
        return out

    def _ask(self) -> tuple[Seen | None, Seen | None, Seen | None]:
        """As much as can be had: of new rules, of old rules on new data, and on old data."""
        asked = [(self._request_new(), self._new_questions())]
        if self.old_file is not None:
            olds = self._old_questions(self.old_file)
            for build in (self.new_build, self.old_build):
                day, snapshot = build.as_of, self._snapshot(build)
                asked.append((_request(self.old_file, day, snapshot), olds))
        while asked:
            try:
                found: list[Seen | None] = [self._seen(each) for each in self._answers(asked)]
            except _REFUSED as error:
                problem = " ".join(str(error).split())
                self.untold.append(self.language.say(sentences.NOT_EVALUATED, problem=problem))
                asked.pop()
            else:
                new, now, before = (*found, None, None)[:3]
                return new, now, before
        return None, None, None

    def _request_new(self) -> Request:
        build = self.new_build
        return _request(self.new_file or _bare(build), build.as_of, self._snapshot(build))

    def _old_questions(self, file: RuleFile) -> dict[str, Condition]:
        out: dict[str, Condition] = {}
        for pack in self.found.packs:
            rule = self.rule(file, pack.old)
            if rule is not None:
                out[f"rule {pack.old}"] = rule
                for leaf in leaves_of(rule):
                    name = self.name_of(leaf)
                    out[name] = _asked(leaf)
                    between = self._between(leaf)
                    if between is not None:
                        out[f"half of {name}"] = between
        return out

    def _new_questions(self) -> dict[str, Condition]:
        out: dict[str, Condition] = {}
        for pack in self.found.packs:
            rule = self.rule(self.new_file, pack.new)
            if rule is not None:
                out[f"rule {pack.new}"] = rule
                states = self._edits[pack.name].states
                out |= {f"edit {n} of {pack.name}": state for n, state in enumerate(states)}
        return out

    def _between(self, leaf: Leaf) -> Did | None:
        """A behaviour when the new days have come in, and the old ones have not fallen out."""
        if not isinstance(leaf, Did) or self.new_build.as_of <= self.old_build.as_of:
            return None
        rows = leaf.rows
        window = self._widened(rows.window) if isinstance(rows.window, Duration) else rows.window
        measures = tuple(map(self._wider, leaf.measures))
        if window == rows.window and measures == leaf.measures:
            return None
        return replace(leaf, rows=replace(rows, window=window), measures=measures)

    def _wider(self, test: MeasureTest) -> MeasureTest:
        if isinstance(test.range, Duration):
            return replace(test, range=self._widened(test.range))
        return test

    def _widened(self, window: Duration) -> Range[date]:
        days = [
            Lowering(Arena(), build.as_of, "").days(window)
            for build in (self.old_build, self.new_build)
        ]
        return Range(days[0][0], days[1][1])

    def _snapshot(self, build: Manifest) -> date | None:
        """The snapshot of a build, or the nearest there is."""
        users = self.workspace.tables[self.workspace.project.users.name]
        if not users.snapshots:
            return None
        own = build.snapshot_day
        if own in users.snapshots:
            return own
        self._note(self.language.say(sentences.SNAPSHOT_GONE, build=build.name))
        earlier = [day for day in users.snapshots if day <= build.as_of]
        return max(earlier, default=min(users.snapshots))

    def _note(self, text: str) -> None:
        if text not in self.untold:
            self.untold.append(text)

    def _answers(self, asked: Sequence[tuple[Request, Conditions]]) -> tuple[Answers, ...]:
        return ask(self.workspace, asked, cache=self._cache)

    def _seen(self, answers: Answers) -> Seen:
        return Seen(answers, answers.among(self._users))


def _request(file: RuleFile, day: date, snapshot: date | None) -> Request:
    """A request whose conditions have the base among them."""
    return Request(replace(file, base=None), day, None, snapshot)


def _bare(build: Manifest) -> RuleFile:
    return RuleFile(build.campaign, build.phase, build.label, build.as_of, None, (), {})


def _asked(leaf: Leaf) -> Condition:
    """Of whom a leaf holds; of a split whoever its side would take."""
    return replace(leaf, part=All((), leaf.at)) if isinstance(leaf, Side) else leaf
