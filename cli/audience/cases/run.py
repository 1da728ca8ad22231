"""Cases run: each pack's members in small tables, held against what the case says."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pyarrow as pa

from audience.cases.reader import Case, CaseFile, Expected, UserKey
from audience.cases.tables import apart, can_be_apart, write_tables
from audience.engine.base import Engine
from audience.engine.choice import open_engine, runner_of
from audience.engine.person import read_person
from audience.engine.run import Means, Outcome, node_name
from audience.engine.tables import TableData
from audience.errors import Location
from audience.insight.reasons import reason_of
from audience.insight.why import WhyLine, lines_of
from audience.kinds import Kind
from audience.plan.build import Request, build_plan
from audience.plan.nodes import Ids, Kept, Listed, Plan, Published, Share, Test
from audience.plan.parts import plan_parts
from audience.rules.reference import Reference
from audience.rules.tree import All, Named, RuleFile
from audience.rules.walk import below
from audience.workspace import Workspace, shown


@dataclass(frozen=True)
class Failure:
    """A user who is in a pack and must not be, or the other way round, and why."""

    case: str
    pack: str
    user: UserKey
    must_be_in: bool
    at: Location
    why: tuple[WhyLine, ...]


@dataclass(frozen=True)
class CasesReport:
    """What came of a case file: how many cases and users it has, the failures, packs in no case."""

    path: str
    rules: str
    cases: int
    checks: int
    failures: tuple[Failure, ...]
    untested: tuple[str, ...]


@dataclass(frozen=True)
class Prepared:
    """Cases that can be run together: of one day, over one reading of the rule file."""

    file: RuleFile
    as_of: date
    cases: tuple[Case, ...]


def run_cases(
    workspace: Workspace, case_file: CaseFile, prepared: Sequence[Prepared]
) -> CasesReport:
    """Run the cases of a file."""
    failures: list[Failure] = []
    named: set[str] = set()
    for each in prepared:
        named |= {expected.pack for case in each.cases for expected in case.expected}
        for cases in _batches(workspace, each):
            running = open_engine(workspace.project)
            try:
                failures += _Run(workspace, each.file, each.as_of, cases, running).failures()
            finally:
                running.close()
    packs = {pack.name for each in prepared for pack in each.file.packs}
    expected = [each for case in case_file.cases for each in case.expected]
    return CasesReport(
        case_file.source.path,
        shown(case_file.rules),
        len(case_file.cases),
        sum(len(each.inside) + len(each.outside) for each in expected),
        tuple(sorted(failures, key=lambda failure: (failure.at.line, failure.at.column))),
        tuple(sorted(packs - named)),
    )


def _batches(workspace: Workspace, prepared: Prepared) -> Iterable[tuple[Case, ...]]:
    """All cases together where nothing in the rules looks at keys or at other users."""
    plan = build_plan([Request(prepared.file, prepared.as_of)], workspace.catalog)
    key = workspace.catalog.users.key
    alone = not all(map(can_be_apart, prepared.cases)) or any(
        isinstance(node, Ids | Published | Kept | Share)
        or (isinstance(node, Test) and node.column == key)
        for node in plan.nodes
    )
    return [(case,) for case in prepared.cases] if alone else [prepared.cases]


def spellings(reference: Reference) -> tuple[str, ...]:
    """How a case may call a published pack: as the rule does, or without the day."""
    bare = f"{reference.campaign}/{reference.phase}/{reference.pack}"
    return (f"{bare}@{reference.as_of}", str(reference), bare)


class _Run:
    """Cases over one set of tables."""

    def __init__(
        self,
        workspace: Workspace,
        file: RuleFile,
        as_of: date,
        cases: Sequence[Case],
        engine: Engine,
    ) -> None:
        self.workspace = workspace
        self.file = file
        self.as_of = as_of
        self.cases = cases
        self.engine = engine
        users = workspace.catalog.users
        self.users = users.name
        self.whole = users.tags[users.key].type.kind is Kind.INTEGER

    def failures(self) -> Iterator[Failure]:
        with tempfile.TemporaryDirectory(prefix="audience-cases-") as folder:
            zone = self.workspace.project.time_zone
            tables = write_tables(self.cases, self.workspace.tables, Path(folder), zone)
            plan = build_plan([Request(self.file, self.as_of)], self.workspace.catalog)
            outcome = self._run(plan, tables)
            members = {
                pack.name: set(self._ids(outcome, pack.node)) for pack in plan.files[0].packs
            }
            for number, case in enumerate(self.cases):
                for expected in case.expected:
                    yield from self._compare(number, case, expected, members[expected.pack], tables)

    def _compare(
        self,
        number: int,
        case: Case,
        expected: Expected,
        members: set[UserKey],
        tables: Mapping[str, TableData],
    ) -> Iterator[Failure]:
        for user in (*expected.inside, *expected.outside):
            key = apart(user, number) if number else user
            wanted = user in expected.inside
            if (key in members) is not wanted:
                lines = self._why(expected.pack, key, tables)
                at = expected.places[user]
                yield Failure(case.name, expected.pack, user, wanted, at, lines)

    def _why(
        self,
        pack: str,
        key: UserKey,
        tables: Mapping[str, TableData],
    ) -> tuple[WhyLine, ...]:
        where = next(each.where for each in self.file.packs if each.name == pack)
        whole = where
        if self.file.base is not None:
            base = Named("base", self.file.base, None, self.file.base.at)
            whole = All((base, where), where.at)
        planned = plan_parts(self.file, self.as_of, list(below(whole)), self.workspace.catalog)
        lists = self._lists(planned.plan)
        means = Means.plain(self.engine)
        person = read_person(planned.plan, tables, tables[self.users], means, lists, key)
        assert person is not None  # who is in a case's packs is in its tables
        return lines_of(reason_of(whole, planned, person)[0])

    def _run(self, plan: Plan, tables: Mapping[str, TableData]) -> Outcome:
        users: dict[date | None, TableData] = {None: tables[self.users]}
        return runner_of(self.engine)(
            plan, tables, users, Means.plain(self.engine), self._lists(plan)
        )

    def _lists(self, plan: Plan) -> dict[Listed, pa.Array]:
        return {node: self._list(node) for node in plan.nodes if isinstance(node, Ids | Published)}

    def _list(self, node: Listed) -> pa.Array:
        kind = pa.int64() if self.whole else pa.large_string()
        ids: Sequence[UserKey] = ()
        (case,) = self.cases
        match node:
            case Ids(None, path):
                ids = case.lists.get(path, ())
            case Ids(values):
                ids = values or ()
            case Published(reference):
                names = (name for name in spellings(reference) if name in case.lists)
                ids = next((case.lists[name] for name in names), ())
        return pa.array(list(dict.fromkeys(ids)), kind)

    def _ids(self, outcome: Outcome, node: int) -> list[UserKey]:
        ids: list[UserKey] = outcome.memberships[None].ids(node_name(node)).to_pylist()
        return ids
