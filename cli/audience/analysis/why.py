"""Why a user is in a pack of the rules or not, told from the plan that a build carries out."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import closing
from datetime import date
from itertools import chain
from typing import TYPE_CHECKING

from audience.analysis.single import single
from audience.cache import Cache
from audience.cautions import of_history
from audience.engine.choice import open_engine
from audience.engine.person import Person, measure_person, read_person
from audience.engine.run import Means
from audience.engine.steps import Steps
from audience.engine.tables import TableData, open_snapshot
from audience.errors import UsageError, masked
from audience.evaluation import prepare
from audience.given import day_or_none
from audience.insight.gaps import gap_of_limit
from audience.insight.needs import needs_of
from audience.insight.reasons import ALL, SUPPRESSED, Beside, Reason, reason_of
from audience.insight.why import Why
from audience.kinds import Kind
from audience.lists import Lists, read_lists
from audience.plan.build import Request
from audience.plan.nodes import Fold, Published
from audience.plan.parts import Parts, plan_before, plan_parts
from audience.report.words import counted
from audience.rules.project import Project
from audience.rules.tree import All, Condition, Did, Named, Pack, Stage
from audience.rules.tree import Published as PublishedPack
from audience.rules.walk import below
from audience.workspace import Workspace

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

EVENTS = 5
_WHOLE = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_LARGEST = 2**63 - 1


def why(
    project: Project,
    pack: str,
    user: int | str,
    *,
    as_of: date | str | None = None,
    variables: Mapping[str, str] | None = None,
    engine: str | None = None,
    spark: SparkSession | None = None,
    cache: bool = True,
    events: int = EVENTS,
) -> Why:
    """Why a user is in a pack of the rules or not: what held, what was found, what is missing.

    ``events`` is how many of the newest events that counted are told for each behaviour. Where the
    rule has a limit the whole table is evaluated, with ``cache`` as a build does it; else only the
    user's own rows. Nothing is published. Raises RuleError, DataError, NotPublishedError, and
    UsageError where there is no such pack, or no such user in the table on that day.
    """
    if events < 0:
        raise UsageError(f"{events} events: expected a number from 0")
    project = project.on(engine, spark)
    workspace, requests = prepare(project, (), day_or_none(as_of), [pack], variables or {})
    request, own = single(requests, pack)
    asked = _Asked(workspace, request, own, _key_of(workspace, user))
    kept = Cache(project.cache if cache else None, project.cache_size, project.access)
    with closing(kept), closing(open_engine(project)) as running:
        return asked.answer(Means(running, kept, Steps()), events)


def _key_of(workspace: Workspace, user: int | str) -> int | str:
    """A user's id as the keys are. Raises UsageError."""
    users = workspace.catalog.users
    if users.tags[users.key].type.kind is not Kind.INTEGER:
        return str(user)
    text = str(user).strip()
    if isinstance(user, bool) or not _WHOLE.fullmatch(text) or abs(int(text)) > _LARGEST:
        raise UsageError(f"`{masked(user)}` is nobody's id: `{users.key}` is a whole number")
    return int(text)


class _Asked:
    """A pack of a file and a user."""

    def __init__(self, workspace: Workspace, request: Request, pack: Pack, user: int | str) -> None:
        self.workspace = workspace
        self.request = request
        self.pack = pack
        self.user = user
        file = request.file
        self.whole: Condition = pack.where
        if file.base is not None:
            self.whole = All((Named("base", file.base, None, file.base.at), pack.where), pack.at)
        self.conditions = list(below(self.whole))
        self.parts = plan_parts(
            file,
            request.as_of,
            self.conditions,
            workspace.catalog,
            suppress=bool(workspace.project.suppress),
        )

    def answer(self, means: Means, events: int) -> Why:
        """The answer. Raises DataError, NotPublishedError, UsageError."""
        parts, request = self.parts, self.request
        users, lists = self._users(), read_lists(self.workspace, parts.plan)
        tables = self.workspace.tables
        person = read_person(parts.plan, tables, users, means, lists.ids, self.user, events)
        if person is None:
            of = "" if users.snapshot is None else f", as it was on {users.snapshot}"
            raise UsageError(f"no user {masked(self.user)} in table `{users.name}`{of}")
        notes = dict((*self._builds(lists), *self._before(person, means)))
        tree, complete = reason_of(self.whole, parts, person, Beside(notes, self._stages()))
        suppressed = parts.suppressed in person.held
        if parts.suppressed is not None:
            allowed = Reason(SUPPRESSED, not suppressed, "on no suppress list")
            tree = Reason(ALL, tree.held and not suppressed, "all of", parts=(allowed, tree))
        return Why(
            f"{request.file.name}/{self.pack.name}",
            self.pack.label,
            self.user,
            request.as_of,
            users.snapshot,
            suppressed,
            tree,
            needs_of(tree),
            complete,
            tuple(of_history(request.file.name, chain.from_iterable(parts.plan.inputs), tables)),
        )

    def _users(self) -> TableData:
        """The user table as it was on the day."""
        newest = self.workspace.tables[self.workspace.project.users.name]
        if self.request.snapshot is None:
            return newest
        return open_snapshot(newest, self.request.snapshot, self.parts.plan.users.columns)

    def _stages(self) -> Mapping[int, str]:
        """By the own conditions of the file's stages, what the stages are called."""
        return {
            id(pack.where.own): f"{pack.name} ({pack.label})" if pack.label else pack.name
            for pack in self.request.file.packs
            if isinstance(pack.where, Stage)
        }

    def _builds(self, lists: Lists) -> Iterator[tuple[int, str]]:
        """Of published packs, which build was read."""
        for condition in self.conditions:
            node = self.parts.plan.nodes[self.parts.nodes[id(condition)]]
            if isinstance(node, Published) and isinstance(condition, PublishedPack):
                read = [each.name for each in lists.inputs[node]]
                yield id(condition), f"read {read[0]}" if read else "nothing is published"

    def _before(self, person: Person, means: Means) -> Iterator[tuple[int, str]]:
        """Of behaviour with too little in its window, the last that was before it."""
        short = [
            each
            for each in self.conditions
            if isinstance(each, Did)
            and self.parts.nodes[id(each)] not in person.held
            and _is_short(each, self.parts, person)
        ]
        before = plan_before(self.request.file, self.request.as_of, short, self.workspace.catalog)
        found = measure_person(before.plan, self.workspace.tables, means.engine, self.user)
        for each in short:
            for number in before.folds.get(id(each), ()):
                fold = before.plan.nodes[number]
                day = found[number].get(fold.limits[0]) if isinstance(fold, Fold) else None
                if isinstance(fold, Fold) and day is not None:
                    days = counted((fold.rows.days[1] - day).days + 1, "day")
                    yield id(each), f"last on {day}, {days} before the window"
                else:
                    yield id(each), "none before the window"


def _is_short(did: Did, parts: Parts, person: Person) -> bool:
    """Whether there is too little in the window: of what is too much no more is asked."""
    for number in parts.folds[id(did)]:
        fold = parts.plan.nodes[number]
        if not isinstance(fold, Fold) or all(each.measure.of_days for each in fold.limits):
            continue
        for limit in fold.limits:
            value = person.measures[number].get(limit, limit.measure.of_nothing)
            gap = gap_of_limit(limit, value)
            if value is None or (gap is not None and not gap.beyond):
                return True
    return False
