"""Rule files evaluated: requests planned together, and one run that finds who is in what."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from audience.cache import Cache
from audience.engine.choice import open_engine, runner_of
from audience.engine.codes import Codebook
from audience.engine.novel import dictionary_tests
from audience.engine.run import Means, Outcome
from audience.engine.steps import Steps
from audience.engine.tables import TableData, choose_snapshot, open_snapshot
from audience.errors import UsageError
from audience.given import several
from audience.lists import Lists, read_lists
from audience.membership import Members
from audience.plan.build import Request, build_plan, reachable
from audience.plan.nodes import Listed, Plan
from audience.rules.naming import packs_named
from audience.rules.project import Project
from audience.rules.reader import Problems
from audience.rules.tree import RuleFile
from audience.store.manifest import ListInput
from audience.workspace import Workspace, opened, read_rules, today


@dataclass(frozen=True)
class Evaluation:
    """What one run found of its requests, all together."""

    workspace: Workspace
    requests: tuple[Request, ...]
    plan: Plan
    users: Mapping[date | None, TableData]
    lists: Lists = field(repr=False)
    outcome: Outcome = field(repr=False)

    def members(self, number: int) -> Members:
        """Who is in what, of one request: over the rows of the snapshot that it reads."""
        return self.outcome.memberships[self.plan.files[number].snapshot]

    def listed(self, number: int) -> list[Listed]:
        """The lists and published packs that a request names."""
        every = self.plan.nodes
        nodes = (every[node] for node in reachable(every, self.plan.files[number].roots))
        return [node for node in nodes if isinstance(node, Listed)]

    def inputs(self, number: int) -> tuple[ListInput, ...]:
        """What they were read from, each once."""
        read = self.lists.inputs
        return tuple(dict.fromkeys(each for node in self.listed(number) for each in read[node]))


def prepare(
    project: Project,
    rules: Sequence[str | Path],
    as_of: date | None,
    packs: str | Sequence[str],
    variables: Mapping[str, str],
) -> tuple[Workspace, list[Request]]:
    """The rule files to be built, each at its day, in an opened workspace.

    Raises RuleError with every problem, DataError, UsageError.
    """
    workspace, files = read_files(project, rules, variables)
    chosen = _choose(files, several(packs))
    now = today(project)
    days = {as_of} if as_of else {file.as_of for file in files if file.as_of}
    if days and max(days) > now:
        raise UsageError(f"as_of {max(days)} lies in the future; today is {now}")
    return workspace, [
        _request(workspace, file, as_of or file.as_of or now, chosen.get(file.name))
        for file in files
        if not packs or file.name in chosen
    ]


def read_files(
    project: Project, rules: Sequence[str | Path], variables: Mapping[str, str]
) -> tuple[Workspace, list[RuleFile]]:
    """The rule files asked for, by default all, in an opened workspace. Raises as `prepare`."""
    workspace, problems = opened(project), Problems()
    files = read_rules(workspace, rules, problems, variables)
    problems.raise_errors()
    return workspace, files


def _request(
    workspace: Workspace, file: RuleFile, day: date, packs: frozenset[str] | None
) -> Request:
    users = workspace.tables[workspace.project.users.name]
    return Request(file, day, packs, choose_snapshot(users, day))


def at_day(workspace: Workspace, request: Request, day: date) -> Request:
    """A request for another day, with the snapshot of that day. Raises DataError."""
    return _request(workspace, request.file, day, request.packs)


def plan_of(workspace: Workspace, requests: Sequence[Request]) -> Plan:
    """The plan of some requests."""
    suppress = bool(workspace.project.suppress)
    return build_plan(requests, workspace.catalog, suppress=suppress)


def users_of(workspace: Workspace, plan: Plan) -> Mapping[date | None, TableData]:
    """The user table as it was on each day that a plan reads it of."""
    newest = workspace.tables[plan.users.table]
    return {
        day: newest if day is None else open_snapshot(newest, day, plan.users.columns)
        for day in plan.snapshots
    }


def evaluate(
    workspace: Workspace,
    requests: Sequence[Request],
    *,
    steps: Steps | None = None,
    use_cache: bool = True,
    plain: bool = False,
    codes: Codebook | None = None,
) -> Evaluation:
    """Evaluate all requests in one run; ``codes`` are of columns that were read before.

    Raises DataError, NotPublishedError, StoreError.
    """
    project = workspace.project
    plan = plan_of(workspace, requests)
    users = users_of(workspace, plan)
    lists = read_lists(workspace, plan)
    cache = Cache(project.cache if use_cache else None, project.cache_size, project.access)
    running = open_engine(project)
    try:
        outcome = runner_of(running)(
            plan,
            workspace.tables,
            users,
            Means(running, cache, steps or Steps(None), tally=not plain, codes=codes),
            lists.ids,
            dictionary_tests(workspace.catalog.users, plan.users.columns),
        )
    finally:
        running.close()
        cache.close()
    return Evaluation(workspace, tuple(requests), plan, users, lists, outcome)


def _choose(files: Sequence[RuleFile], packs: Sequence[str]) -> dict[str, frozenset[str]]:
    """For each file that has any of the packs asked for, which."""
    out: dict[str, set[str]] = {}
    for wanted in packs:
        for file, pack in packs_named(files, wanted):
            out.setdefault(file.name, set()).add(pack.name)
    return {name: frozenset(chosen) for name, chosen in out.items()}
