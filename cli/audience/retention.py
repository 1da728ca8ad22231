"""Pruning: old builds removed, but never one that is still needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import date, timedelta

from audience.errors import NotPublishedError, UsageError
from audience.rules import tree
from audience.rules.project import Project
from audience.rules.reader import Problems
from audience.rules.reference import Reference
from audience.rules.scalars import Duration
from audience.rules.walk import conditions_of
from audience.store.read import newest_with
from audience.store.shelves import Writer, shelves
from audience.workspace import opened, read_rules, today


@dataclass(frozen=True)
class Old:
    """A build that is old enough to go; ``needed_by`` says which rule file names it, '' for none.

    What is needed stays.
    """

    build: Reference
    needed_by: str


def prune(
    project: Project,
    names: Sequence[str] = (),
    *,
    keep: int | None = None,
    older_than: Duration | None = None,
    dry_run: bool = False,
) -> tuple[Old, ...]:
    """Remove the builds of each phase beyond the newest ``keep`` and older than so long.

    Where both are given, a build must be beyond both. ``names`` are campaigns or
    ``campaign/phase``, default all. The newest build of a phase always stays, and so does one that
    a rule file of the project names by `published:`. Returns what was old enough, by phase and
    day. Raises RuleError where a rule file can't be read, as then nobody knows what is needed;
    BusyError, NotPublishedError, StoreError, UsageError.
    """
    if keep is None and older_than is None:
        raise UsageError("how many? --keep says how many builds of a phase stay, --older-than ages")
    chosen = list(_phases(project, names))
    there = shelves(project.packs)
    with ExitStack() as locks:
        writers: dict[str, Writer] = {}
        if not dry_run:
            for campaign in sorted({campaign for campaign, _ in chosen}):
                writers[campaign] = locks.enter_context(there.writing(campaign, project.access))
        needed = _needed(project)
        found = []
        for campaign, phase in chosen:
            for day in _old_days(project, campaign, phase, keep, older_than):
                build = Reference(campaign, phase, day, "")
                found.append(Old(build, needed.get(build, "")))
        for campaign, writer in writers.items():
            gone = [each.build for each in found if not each.needed_by]
            writer.remove([build for build in gone if build.campaign == campaign])
    return tuple(found)


def _phases(project: Project, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    there = shelves(project.packs).phases()
    for name in names:
        if not any(name in (campaign, f"{campaign}/{phase}") for campaign, phase in there):
            known = ", ".join(f"{campaign}/{phase}" for campaign, phase in there) or "nothing"
            raise NotPublishedError(f"nothing is published of `{name}`; there is {known}")
    for campaign, phase in there:
        if not names or campaign in names or f"{campaign}/{phase}" in names:
            yield campaign, phase


def _old_days(
    project: Project, campaign: str, phase: str, keep: int | None, older_than: Duration | None
) -> list[date]:
    days = shelves(project.packs).days(campaign, phase)
    old = list(days[: -max(keep or 1, 1)])
    if older_than is not None:
        oldest = older_than.before(today(project))
        old = [day for day in old if day < oldest]
    return old


def _needed(project: Project) -> Mapping[Reference, str]:
    """The builds that rule files read, at their own day or today, and which file it is."""
    workspace, problems = opened(project), Problems()
    files = read_rules(workspace, (), problems)
    problems.raise_errors()
    out: dict[Reference, str] = {}
    for file in files:
        for condition in conditions_of(file):
            if not isinstance(condition, tree.Published):
                continue
            wanted = condition.reference
            day = file.as_of or today(project)
            if (wanted.campaign, wanted.phase) == (file.campaign, file.phase):
                day -= timedelta(days=1)  # a build never reads itself
            try:
                dated = newest_with(project.packs, wanted, day)
            except NotPublishedError:
                continue
            build = Reference(dated.campaign, dated.phase, dated.as_of, "")
            out.setdefault(build, f"{condition.at}")
    return out
