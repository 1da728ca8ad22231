"""One user: of their row and their events alone what of a plan holds of them, and what was found.

Where the rules look at other users, at a limit, the whole table is evaluated, as a build does it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from audience.bits import Bits, has_row, pack, unpack
from audience.engine.algebra import Algebra, Given, in_order_of
from audience.engine.base import OWN, Engine
from audience.engine.choice import runner_of
from audience.engine.columns import scan
from audience.engine.diagnosis import named_files
from audience.engine.relations import Relations
from audience.engine.run import Means, node_name, run_plan
from audience.engine.strategy import Asked, asked_of
from audience.engine.tables import TableData
from audience.engine.times import check_days
from audience.engine.users import Users
from audience.errors import DataError, UsageError, masked
from audience.hashing import hashes, salted
from audience.keyring import Keyring
from audience.membership import Membership
from audience.plan.nodes import Fold, Kept, Limit, Listed, Plan, Share, Test


@dataclass(frozen=True)
class Rank:
    """A place in the order of a limit, from 1, and how many there are in it."""

    place: int
    of: int


@dataclass(frozen=True)
class Person:
    """What a plan finds of one user.

    ``held`` are the root nodes that hold of them. ``row`` has the columns that the plan reads of
    the user table, as rules see them. ``measures`` has for each fold those of their events, none
    where none counted, ``events`` the newest that counted, newest first. ``ranks`` has their place
    at each limit whose part holds of them, ``shares`` where their hash stands between 0 and 1.
    """

    user: int | str
    held: frozenset[int]
    row: Mapping[str, Any] = field(repr=False)
    measures: Mapping[int, Mapping[Limit | str, Any]] = field(repr=False)
    events: Mapping[int, tuple[Mapping[str, Any], ...]] = field(repr=False)
    ranks: Mapping[int, Rank]
    shares: Mapping[int, float]


def read_person(
    plan: Plan,
    tables: Mapping[str, TableData],
    users: TableData,
    means: Means,
    lists: Mapping[Listed, pa.Array],
    user: int | str,
    events: int = 0,
) -> Person | None:
    """What a plan of one snapshot finds of a user; None where the user table has no such key.

    ``users`` is the table that is read, ``events`` how many of the newest that counted are wanted
    for each fold. Raises DataError.
    """
    engine = means.engine
    everything = [users, *(tables[read.table] for read in plan.events)]
    with named_files(everything, engine), engine.refusals():
        found = _read_row(plan, users, engine, user)
        if found is None:
            return None
        row, tests = found
        folds = {n: node for n, node in enumerate(plan.nodes) if isinstance(node, Fold)}
        for read in plan.events:
            check_days(tables[read.table], (rows.days for rows in read.rows))
        own = Relations(plan, tables, engine, tuple(folds.values()), user)
        if any(isinstance(node, Kept) for node in plan.nodes):
            held, ranks = _among_all(plan, tables, users, means, lists, user)
        else:
            ring = _ring_of(user, engine)
            passed = {fold: own.passing(fold, ring) for fold in folds.values()}
            held, ranks = _alone(plan, tests, passed, ring, lists), {}
        shares = {
            n: float(hashes(_array(user), salted(node.salt))[0]) / 2**64
            for n, node in enumerate(plan.nodes)
            if isinstance(node, Share)
        }
        return Person(
            user,
            held,
            row,
            {number: own.measure(fold) for number, fold in folds.items()},
            {number: own.newest(fold, events) for number, fold in folds.items()},
            ranks,
            shares,
        )


def measure_person(
    plan: Plan, tables: Mapping[str, TableData], engine: Engine, user: int | str
) -> dict[int, dict[Limit | str, Any]]:
    """For each fold of a plan the measures of one user's events, on the days that there are."""
    with engine.refusals():
        folds = {n: node for n, node in enumerate(plan.nodes) if isinstance(node, Fold)}
        own = Relations(plan, tables, engine, tuple(folds.values()), user)
        return {number: own.measure(fold) for number, fold in folds.items()}


def _array(user: int | str) -> pa.Array:
    return pa.array([user], pa.int64() if isinstance(user, int) else pa.large_string())


def _ring_of(user: int | str, engine: Engine) -> Keyring:
    return Keyring(_array(user), engine.sorting)


def _read_row(
    plan: Plan, users: TableData, engine: Engine, user: int | str
) -> tuple[dict[str, Any], dict[Test, bool | None]] | None:
    """A user's row, and whether each test holds of it: None where its value is missing."""
    named = {f"{OWN}test_{n}": test for n, test in enumerate(asked_of(plan, None).tests)}
    columns = plan.users.columns
    key = users.spec.key
    frame = scan(engine, users, users.files, columns).filter(nw.col(key) == user)
    tested = engine.tested(frame, named, plan.types[users.name])
    rows = engine.fetch(tested.select(*columns, *named)).to_pylist()
    users.check_unchanged(users.files)
    if len(rows) > 1:
        what = f"`{key}` of table `{users.name}`"
        raise DataError(f"{what} is not unique: {len(rows):,} rows have {masked(user)}")
    if not rows:
        return None
    (row,) = rows
    held: dict[Test, bool | None] = {test: row[name] for name, test in named.items()}
    for test in held:
        if row[test.column] is None and not test.predicate.asks_missing:
            held[test] = None
    return {name: row[name] for name in columns}, held


def _alone(
    plan: Plan,
    tests: Mapping[Test, bool | None],
    passed: Mapping[Fold, Bits],
    ring: Keyring,
    lists: Mapping[Listed, pa.Array],
) -> frozenset[int]:
    """The roots that hold, by the algebra of all users over one."""
    given = Given(
        {test: _bit(bool(value)) for test, value in tests.items()},
        {test: _bit(True) for test, value in tests.items() if value is None},
        passed,
        {},
        lists,
    )
    answers = Algebra(plan.nodes, 1, lambda: ring, given).answers(plan.roots(None))
    return frozenset(n for n, answer in answers.items() if has_row(answer.closed, 0))


def _bit(value: bool) -> Bits:
    return pack(np.array([value]))


def _among_all(
    plan: Plan,
    tables: Mapping[str, TableData],
    users: TableData,
    means: Means,
    lists: Mapping[Listed, pa.Array],
    user: int | str,
) -> tuple[frozenset[int], dict[int, Rank]]:
    """The roots that hold, and the places at limits, by a run over everybody."""
    if runner_of(means.engine) is not run_plan:
        raise UsageError(
            f"why a user is within a limit or not is nothing that the {means.engine.name} engine "
            "tells yet: places are counted where the rows are; --engine polars tells it"
        )
    members = run_plan(plan, tables, {None: users}, means, lists).memberships[None]
    assert isinstance(members, Membership)
    row = pc.index(members.keys, pa.scalar(user, members.keys.type)).as_py()
    held = {n for n in plan.roots(None) if has_row(members.bits[node_name(n)], row)}
    table = Users(means.engine, users, plan.types[users.name], means.cache)
    table.read(Asked((), asked_of(plan, None).ordering))
    ranks = {}
    for number in plan.roots(None):
        limit = plan.nodes[number]
        if isinstance(limit, Kept) and limit.part in held:
            rows = np.flatnonzero(unpack(members.bits[node_name(limit.part)], members.count))
            by = None if limit.by is None else table.columns[limit.by]
            order = in_order_of(limit, rows, table.ring, hashes(table.ring.keys), by)
            ranks[number] = Rank(int(np.flatnonzero(order == row)[0]) + 1, len(rows))
    return frozenset(held), ranks
