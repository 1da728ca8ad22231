"""Why a pack's users are others than before: for each who came or went, one cause.

From the old pack to the new one leads a way of many states: the old rule as it was, then with one
of its leaves after the other as it is now (first the days that came in, then those that fell out),
then with one edit after the other, up to the new rule. Whoever came or went changes sides an odd
number of times on it; the last of these is the cause. So the causes add up to the change. What the
data would have done anyway is none of the edits'.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audience.analysis import sentences
from audience.analysis.crossing import Crossing, Step
from audience.analysis.transitions import transitions
from audience.analysis.way import Walk
from audience.bits import Flags
from audience.errors import UsageError
from audience.insight.causes import Cause, Explained, Reasons, Transition
from audience.insight.diff import BuildDiff, PackDiff
from audience.lists import suppressed_ids
from audience.objects import AnyPath
from audience.rules.language import Language
from audience.rules.project import Project
from audience.rules.tree import Test
from audience.rules.words import SPEECHES
from audience.store.manifest import FILE_NAME, Manifest, read_manifest
from audience.workspace import Workspace, opened

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


def reasons(
    project: Project,
    found: BuildDiff,
    *,
    engine: str | None = None,
    spark: SparkSession | None = None,
    cache: bool = True,
    lang: str = Language.ENGLISH,
) -> Reasons:
    """Why each pack of a comparison has other users: causes that add up to the change.

    Both sides must be published builds, or packs of them. The rules come from their manifests, and
    are evaluated with the tables as they lie here: where these are not those of the build any more,
    ``untold`` says so. Details are in ``lang``, `en` or `zh`. Raises UsageError, DataError,
    StoreError, RuleError.
    """
    language = Language.of(lang)
    old, new = (_manifest(each) for each in found.origins)
    return explain(
        opened(project.on(engine, spark)), found, (old, new), cache=cache, language=language
    )


def explain(
    workspace: Workspace,
    found: BuildDiff,
    builds: tuple[Manifest, Manifest],
    *,
    cache: bool = True,
    language: Language = Language.ENGLISH,
) -> Reasons:
    """The same of two builds by their manifests, whether published or not."""
    if not found.packs:
        return Reasons(found.old, found.new, (), (language.say(sentences.NO_PACK),))
    crossing = Crossing(workspace, found, builds, cache=cache, language=language)
    explained = tuple(_Explainer(crossing, pack).explained() for pack in found.packs)
    return Reasons(found.old, found.new, explained, tuple(crossing.untold))


def _manifest(origin: AnyPath | None) -> Manifest:
    """The manifest of a build's folder, or of that of a pack's file."""
    folder = origin.parent if origin is not None and origin.is_file() else origin
    if folder is None or not (folder / FILE_NAME).is_file():
        raise UsageError(f"{origin} lies alone: why a pack changed is told of published builds")
    return read_manifest(folder)


class _Explainer:
    """The causes of one pack's change."""

    def __init__(self, crossing: Crossing, pack: PackDiff) -> None:
        self.crossing = crossing
        self.say = crossing.language.say
        self.speech = SPEECHES[crossing.language]
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
        grouped: dict[tuple[str, str, str], tuple[Step, Flags]] = {}
        for step, mask in self._steps():
            name = (step.kind, step.detail, step.at)
            before = grouped.get(name)
            grouped[name] = (step, mask if before is None else before[1] | mask)
        for step, mask in grouped.values():
            yield from self._cause(step, mask)

    def _steps(self) -> Iterator[tuple[Step, Flags]]:
        """Everybody with one step that is the cause."""
        left = np.ones(self.count, dtype=np.bool_)
        for step, mask in self._plain_causes():
            yield step, mask & left
            left &= ~mask
        free = self.was & self._listed & left
        yield from self._on_the_way(self.crossing, left & ~free)
        if free.any():
            # Of who is suppressed, and would have gone anyway, what would have been the cause.
            yield from self._on_the_way(self.crossing.unsuppressed, free)

    def _on_the_way(self, crossing: Crossing, whom: Flags) -> Iterator[tuple[Step, Flags]]:
        way = Walk(crossing, self.pack, self.was, self.at).way()
        last = way.last()
        for number, step in enumerate(way.steps):
            yield from self._told_apart(step, whom & (last == number))

    def _cause(self, step: Step, mask: Flags) -> Iterator[Cause]:
        if not mask.any():
            return
        shown: tuple[Transition, ...] = ()
        if step.kind == "tag" and isinstance(step.leaf, Test):
            old, new = self._values(step.leaf, mask)
            shown = transitions(step.leaf, old, new, self.speech)
        removed = int((mask & self.was).sum())
        yield Cause(step.kind, step.detail, step.at, int(mask.sum()) - removed, removed, shown)

    def _plain_causes(self) -> Iterator[tuple[Step, Flags]]:
        """What needs no rule: who is not in the user table any more, is new there, opted out."""
        crossing = self.crossing
        here = crossing.table.there[self.at]
        yield Step("left", self.say(sentences.GONE_FROM_TABLE)), self.was & ~here
        before = crossing.before
        if before is not None and crossing.is_old_table_here:
            step = Step("entered", self.say(sentences.NEW_IN_TABLE))
            yield step, ~self.was & ~before.there[self.at]
        yield Step("suppressed", self.say(sentences.OPTED_OUT)), self.was & self._kept_out()

    @cached_property
    def _listed(self) -> Flags:
        """Who is on a suppress list."""
        project = self.crossing.workspace.project
        listed = suppressed_ids(project, whole=pa.types.is_integer(self.ids.type))
        if listed is None:
            return np.zeros(self.count, dtype=np.bool_)
        return np.asarray(pc.is_in(self.ids, value_set=listed.cast(self.ids.type)))

    def _kept_out(self) -> Flags:
        """Who is suppressed, and would else be in the new pack."""
        if not (self._listed & self.was).any():
            return self._listed
        free = self.crossing.unsuppressed.later
        name = f"rule {self.pack.new}"
        if free is None or name not in free.answers.nodes:
            return self._listed
        return self._listed & free.flags(name)[self.at]

    def _told_apart(self, step: Step, mask: Flags) -> Iterator[tuple[Step, Flags]]:
        """A test of days ago changes with the value, or because the day is another."""
        test = step.leaf
        if isinstance(test, Test) and mask.any():
            old, new = self._values(test, mask)
            changed = mask.copy()
            changed[mask] = [one != other for one, other in zip(old, new, strict=True)]
            yield step, changed
            text = self.say(sentences.OTHER_DAY, words=self.speech.words(test))
            yield Step("window", text, step.at), mask & ~changed
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
