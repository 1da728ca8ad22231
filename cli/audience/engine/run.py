"""A plan on an engine: users tested, behaviour folded, membership out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial

import pyarrow as pa

from audience.bits import Bits
from audience.cache import Cache
from audience.engine.algebra import Algebra, Given
from audience.engine.base import Engine
from audience.engine.behaviour import Behaviour, StrayEvents
from audience.engine.codes import Codebook
from audience.engine.diagnosis import named_files
from audience.engine.novel import Novel, find_novel, tests_used
from audience.engine.steps import Steps
from audience.engine.strategy import asked_of
from audience.engine.tables import TableData
from audience.engine.users import Users
from audience.keyring import Keyring
from audience.membership import Members, Membership
from audience.plan.nodes import Listed, Plan, Test


@dataclass(frozen=True)
class Strangers:
    """Ids on a list that are of nobody in the user table."""

    listed: Listed
    count: int
    snapshot: date | None


@dataclass(frozen=True)
class Outcome:
    """What a run found.

    ``memberships`` has by snapshot who is in each root node of its files, named by
    :func:`node_name`, and where a node can select users only because a value is missing, who of
    them, named by :func:`missing_name`.
    """

    memberships: Mapping[date | None, Members]
    stray: tuple[StrayEvents, ...]
    strangers: tuple[Strangers, ...]
    novel: tuple[Novel, ...]


@dataclass(frozen=True)
class Means:
    """What a run is done with: an engine, what earlier runs have kept, and who watches.

    Without ``tally`` nothing is counted row by row: the plain way, for comparison.
    """

    engine: Engine
    cache: Cache
    steps: Steps
    tally: bool = True
    codes: Codebook | None = None
    """Columns of user tables that were read before."""

    @classmethod
    def plain(cls, engine: Engine) -> Means:
        """An engine alone."""
        return cls(engine, Cache(None, 0), Steps())


def node_name(node: int) -> str:
    """The name of a node's bitmap."""
    return f"n{node}"


def missing_name(node: int) -> str:
    """The name of the bitmap of those in a node only because a value is missing."""
    return f"m{node}"


def run_plan(
    plan: Plan,
    tables: Mapping[str, TableData],
    users: Mapping[date | None, TableData],
    means: Means,
    lists: Mapping[Listed, pa.Array],
    dictionary: Mapping[str, Test] | None = None,
) -> Outcome:
    """Evaluate a plan.

    ``users`` is the user table as it was on each day that the plan reads it of, newest last.
    ``lists`` has the ids of each of its lists: distinct, of the keys' type. ``dictionary`` has
    for tags that the plan reads the test that their dictionary has a value.

    Raises DataError where a table can't be read or its keys are not what they must be.
    """
    everything = [*users.values(), *(tables[read.table] for read in plan.events)]
    # Some engines bind what is asked of them at once.
    with named_files(everything, means.engine), means.engine.refusals():
        known = dictionary or {}
        found = {day: _read_users(plan, table, day, means, known) for day, table in users.items()}
        behaviour = Behaviour(
            plan, tables, found, means.engine, means.cache, means.steps, tally=means.tally
        )
        folds, stray = behaviour.compute()
        memberships: dict[date | None, Members] = {}
        strangers: list[Strangers] = []
        for day, each in found.items():
            with means.steps.step("combine", each.table.name, told=False) as step:
                given = Given(each.tests, each.missing, folds[day], each.columns, lists)
                algebra = Algebra(plan.nodes, each.count, partial(_ring, each), given)
                memberships[day] = _members(algebra, plan.roots(day), each)
                step.rows = each.count
            unknown = algebra.strangers.items()
            strangers += [Strangers(listed, count, day) for listed, count in unknown if count]
        novel = [
            value
            for day, each in found.items()
            for value in find_novel(each, tests_used(known, plan, day), means.engine, day)
        ]
        return Outcome(memberships, stray, tuple(strangers), tuple(novel))


def _read_users(
    plan: Plan,
    table: TableData,
    day: date | None,
    means: Means,
    dictionary: Mapping[str, Test],
) -> Users:
    users = Users(means.engine, table, plan.types[table.name], means.cache, means.codes)
    with means.steps.step("read", table.name) as step:
        before = means.cache.read_bytes
        users.read(asked_of(plan, day, tests_used(dictionary, plan, day).values()))
        step.rows, step.bytes = users.count, users.bytes
        step.kept = means.cache.read_bytes - before
    return users


def _ring(users: Users) -> Keyring:
    return users.ring


def _members(algebra: Algebra, roots: tuple[int, ...], users: Users) -> Membership:
    found: dict[str, Bits] = {}
    for number, answer in algebra.answers(roots).items():
        found[node_name(number)] = answer.closed
        assert answer.sure is not None
        if answer.sure is answer.closed:
            continue
        only = answer.closed & ~answer.sure
        if only.any():
            found[missing_name(number)] = only
    return Membership(users.count, found, partial(_ring, users))
