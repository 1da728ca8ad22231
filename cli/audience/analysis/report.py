"""Reports: all that is asked about one phase's packs at one day, counted together in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from audience.analysis import sentences
from audience.analysis.ask import Answers, Conditions, answers_of, asking
from audience.analysis.causes import explain
from audience.analysis.counted import (
    Span,
    Told,
    asked_values,
    conversion_among,
    profile_among,
    told_values,
)
from audience.analysis.goal import told_goal
from audience.analysis.provenance import Ids, provenance_of, with_reads
from audience.analysis.subject import Subject, subject_of
from audience.analysis.values import values_of
from audience.analysis.waterfall import Steps
from audience.builder import BuildResult, manifest_of, result_of
from audience.engine.codes import Codebook
from audience.errors import DataError, UsageError
from audience.evaluation import Evaluation, at_day, evaluate
from audience.given import day_or_none
from audience.insight.causes import Reasons
from audience.insight.convert import Conversion
from audience.insight.diff import compare
from audience.insight.flow import flow_between
from audience.insight.overlap import Overlaps, overlaps
from audience.insight.profile import Profile
from audience.insight.report import (
    Headline,
    Headlines,
    Part,
    Report,
    StageFlow,
)
from audience.plan.build import Request
from audience.private import SHARED
from audience.rules.asked import Asked
from audience.rules.language import Language
from audience.rules.project import Project
from audience.rules.reader import Problems
from audience.rules.reference import Reference
from audience.rules.tree import All, Condition, Pack, StageSet
from audience.store.export import write_file
from audience.store.manifest import Manifest
from audience.store.read import Build, open_build
from audience.store.shelves import shelves
from audience.threads import in_threads
from audience.workspace import below, open_asker

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

_BASE = "base"
_TOP = 40
"""How many values of a profile or a conversion are told; the others are the rest of their tag."""


def report_on(
    project: Project,
    subject: str | Path,
    *,
    as_of: date | str | None = None,
    packs: Sequence[str] = (),
    variables: Mapping[str, str] | None = None,
    tags: Sequence[str] = (),
    goal: str | None = None,
    since: date | str | None = None,
    engine: str | None = None,
    spark: SparkSession | None = None,
    cache: bool = True,
    lang: str | None = None,
) -> Report:
    """All about the packs of a rule file, or of a published build, as one value.

    A build is evaluated anew, by the rules in its manifest. ``tags`` limits the profiles; of each
    pack it is told who did ``goal``, a pack or a condition. ``since`` is an earlier day, by
    default that of the last build before: with it sizes, stages and causes are compared. What it
    says of conditions, values and causes is in ``lang``, `en` or `zh`, by default the project's.
    Nothing is published. Raises RuleError, ConditionError, DataError, NotPublishedError,
    StoreError, UsageError.
    """
    language = Language.of(lang or project.lang)
    opened = subject_of(
        project.on(engine, spark), subject, day_or_none(as_of), packs, variables or {}, language
    )
    return _Writer(
        opened, tags, goal, day_or_none(since, "since"), variables or {}, cache, language
    ).report()


@dataclass
class _Writer:
    """What is asked for one report, and what is made of the answers."""

    subject: Subject
    tags: Sequence[str]
    goal_text: str | None
    since: date | None
    variables: Mapping[str, str]
    cache: bool
    language: Language
    doubts: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.workspace = self.subject.workspace
        self.project = self.workspace.project
        self.request = self.subject.request
        self.file = self.request.file
        self.doubts += self.subject.doubts
        # A file that is given is called by the working directory, a build's by the project.
        given = self.file.sources if self.subject.build is None else ()
        paths = {each.path: below(Path(each.path), self.project.root) for each in given}
        users = self.workspace.catalog.users
        self.ids = Ids.of(self.file, users.tags[users.key], paths)
        wanted = self.request.packs
        self.packs = [each for each in self.file.packs if wanted is None or each.name in wanted]
        self.before = self._build_before()
        self.codes, at = Codebook(), self.packs[0].at
        self.values = values_of(
            self.workspace,
            self.request.snapshot,
            self.tags,
            at,
            self.codes,
            cache=self.cache,
            language=self.language,
        )
        self.steps = [
            Steps.of(pack, self.file.base, self.language, bounds=False) for pack in self.packs
        ]
        self.goal = self._read_goal()

    def report(self) -> Report:
        """Everything, from one run; causes are found in a second one, by what it kept."""
        early = self._early()
        asked = [(self.request, self._conditions())]
        asked += [(early, self._staged())] if early is not None else []
        found = evaluate(
            self.workspace,
            [self.request, *(asking(*each) for each in asked)],
            use_cache=self.cache,
            codes=self.codes,
        )
        result = result_of(found, 0, self.language)
        answers = answers_of(found, 1, self.request)
        manifest = self.subject.build.manifest if self.subject.build else None
        if manifest is not None:
            self.doubts += _differences(manifest, result, self.language)
        manifest = manifest or manifest_of(found, 0, result)
        told = told_values(self.values, [answers])
        # Counting bits lets other threads run.
        profiles = in_threads(lambda pack: self._profile(pack, answers, told), self.packs)
        flows = self._flows(answers, answers_of(found, 2, early)) if early is not None else ()
        return Report(
            self.file.campaign,
            self.file.phase,
            self.file.label,
            self.request.as_of,
            Part(self._headlines(result)),
            provenance_of(
                self._with_goal(found, manifest, result), self.file, self.ids, self.project
            ),
            tuple(Part(self.ids.out_of_waterfall(each.counted(answers))) for each in self.steps),
            self._overlaps(answers),
            tuple(map(Part, profiles)),
            tuple(map(Part, self._conversions(answers, told))),
            tuple(flows),
            self._reasons(result, manifest),
            (*self.doubts, *result.warnings, *result.broken),
            told_goal(self.goal, self.language),
            self.language,
        )

    def _build_before(self) -> Build | None:
        """The last build of the phase before the day, or that of the day that was asked for."""
        root, file = self.project.packs, self.file
        days = shelves(root).days(file.campaign, file.phase)
        earlier = [day for day in days if day < self.request.as_of]
        if self.since is not None:
            if self.since >= self.request.as_of:
                text = f"since {self.since}: expected a day before {self.request.as_of}"
                raise UsageError(text)
            earlier = [day for day in earlier if day == self.since]
            if not earlier:
                phase = f"{file.campaign}/{file.phase}"
                text = self.language.say(sentences.NO_BUILD, phase=phase, day=self.since)
                self.doubts.append(text)
        if not earlier:
            return None
        return open_build(root, Reference(file.campaign, file.phase, earlier[-1], ""))

    def _read_goal(self) -> Asked | None:
        if self.goal_text is None:
            return None
        problems = Problems()
        asker = open_asker(self.workspace, problems, self.variables)
        (goal, *_) = (*asker.read_all("--goal", [self.goal_text]), None)
        asker.finish(self.variables)
        return goal

    # What is asked.

    def _conditions(self) -> Conditions:
        out: dict[str, Condition] = {}
        for each in self.steps:
            out |= each.conditions
        out |= asked_values(self.values)
        out |= self._staged()
        if self.goal is not None:
            for pack in self.packs:
                out[_reached(pack.name)] = All((pack.where, self.goal.condition), pack.at)
        return out

    def _staged(self) -> Conditions:
        """The stages of the file: whose packs are asked for."""
        names = {name for stages in self._sets() for name in stages.packs}
        return {_stage(each.name): each.where for each in self.file.packs if each.name in names}

    def _sets(self) -> Iterator[StageSet]:
        names = {pack.name for pack in self.packs}
        return (stages for stages in self.file.stages if names.issuperset(stages.packs))

    def _early(self) -> Request | None:
        """The request of the earlier day, where there are stages to be compared."""
        day = self.since or (self.before.manifest.as_of if self.before else None)
        if day is None or not any(self._sets()):
            return None
        try:
            return at_day(self.workspace, self.request, day)
        except DataError as error:
            self.doubts.append(self.language.say(sentences.NO_FLOW, day=day, problem=error))
            return None

    # What is made of the answers.

    def _with_goal(self, found: Evaluation, manifest: Manifest, result: BuildResult) -> Manifest:
        """A manifest with what only the goal reads."""
        if self.goal is None:
            return manifest
        own, read = (
            manifest_of(found, number, replace(result, lists=found.inputs(number)))
            for number in (0, 1)
        )
        return with_reads(manifest, own, read)

    def _headlines(self, result: BuildResult) -> Headlines:
        before = self.before.manifest if self.before else None
        heads = []
        for pack in result.summary.packs:
            entry = before.pack(pack.name) if before else None
            day = before.as_of if before and entry else None
            size = entry.size if entry else None
            heads.append(Headline(pack.name, pack.label, pack.size, pack.share, size, day))
        summary = result.summary
        return Headlines(summary.base, summary.suppressed, tuple(heads))

    def _overlaps(self, answers: Answers) -> Part[Overlaps] | None:
        """Upon each other; stages have nobody in common."""
        names = {pack.name for pack in self.packs}
        if len(names) < 2 or any(names <= set(stages.packs) for stages in self._sets()):
            return None
        upon = answers.upon([step.name() for step in self.steps])
        labels = [(pack.name, pack.label) for pack in self.packs]
        return Part(overlaps(upon, labels, answers.base))

    def _profile(self, pack: Pack, answers: Answers, told: Told) -> Profile:
        found = profile_among(pack.name, _BASE, answers, told, pack.name)
        return replace(found, lines=found.lines[:_TOP])

    def _conversions(self, answers: Answers, told: Told) -> Iterator[Conversion]:
        if self.goal is None:
            return
        span = Span("", None, self.request.as_of)
        for pack in self.packs:
            names, both = (pack.name, self.goal.name), _reached(pack.name)
            found = conversion_among(names, span, answers, told, pack.name, both)
            yield replace(found, lines=found.lines[:_TOP])

    def _flows(self, answers: Answers, early: Answers) -> Iterator[StageFlow]:
        for stages in self._sets():
            old, new = (
                {
                    name.removeprefix(f"{stages.name}."): each.ids(_stage(name))
                    for name in stages.packs
                }
                for each in (early, answers)
            )
            days = early.request.as_of, answers.request.as_of
            yield StageFlow(stages.name, Part(flow_between(days[0], old, days[1], new)))

    def _reasons(self, result: BuildResult, manifest: Manifest) -> Part[Reasons] | None:
        """Why the packs are not those of the build before."""
        if self.before is None:
            return None
        there = [pack for pack in result.packs if self.before.manifest.pack(pack)]
        old = {name: self.before.ids(name) for name in there}
        new = {name: result.ids(name) for name in there}
        if not there or {each.type for each in old.values()} != {
            each.type for each in new.values()
        }:
            return None
        found = compare(
            self.before.manifest.name,
            old,
            manifest.name,
            new,
            {pack.name: pack.label for pack in self.packs},
            pair=False,
            key=manifest.key,
        )
        builds = self.before.manifest, manifest
        why = explain(
            self.workspace,
            found,
            builds,
            cache=self.cache,
            language=self.language,
        )
        return Part(self.ids.out_of_reasons(why))


def _reached(pack: str) -> str:
    """What those of a pack who did the goal are asked by."""
    return f"·reached {pack}"


def _stage(name: str) -> str:
    return f"·stage {name}"


def _differences(manifest: Manifest, result: BuildResult, language: Language) -> Iterator[str]:
    """Where a build is not what its rules give today."""
    for pack in result.summary.packs:
        entry = manifest.pack(pack.name)
        if entry is not None and entry.size != pack.size:
            sizes = {"published": f"{entry.size:,}", "now": f"{pack.size:,}"}
            yield language.say(sentences.OTHER_SIZE, pack=pack.name, **sizes)


def write_report(path: Path, data: bytes) -> None:
    """Write a report's page or picture: whole, or not at all. Raises StoreError."""
    write_file(path, data, SHARED)
