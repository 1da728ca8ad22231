"""A plan on Spark: users tested, behaviour folded and joined to them, membership packed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial, reduce
from typing import TYPE_CHECKING

import pyarrow as pa
from pyspark.sql import functions as F

from audience.engine.answers import Answer
from audience.engine.base import OWN
from audience.engine.behaviour import StrayEvents
from audience.engine.columns import scan
from audience.engine.diagnosis import named_files
from audience.engine.novel import MOST, Novel, tests_used
from audience.engine.run import Means, Outcome, Strangers, missing_name, node_name
from audience.engine.spark.algebra import Algebra, Keep
from audience.engine.spark.behaviour import ROWS, Asked, Folded, fold_events
from audience.engine.spark.dialect import for_spark
from audience.engine.spark.engine import KEY, SparkEngine
from audience.engine.spark.limits import Limits, unsigned
from audience.engine.spark.members import Spread
from audience.engine.spark.words import Words
from audience.engine.strategy import asked_of
from audience.engine.tables import TableData
from audience.errors import DataError, masked
from audience.membership import Members
from audience.plan.build import reachable
from audience.plan.nodes import Fold, Listed, Plan, Share, Test
from audience.rules.beside import SHARES

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_EXAMPLES = 3
_LARGEST = 2**63 - 1


def run_spread(
    plan: Plan,
    tables: Mapping[str, TableData],
    users: Mapping[date | None, TableData],
    means: Means,
    lists: Mapping[Listed, pa.Array],
    dictionary: Mapping[str, Test] | None = None,
) -> Outcome:
    """Evaluate a plan where the rows are; see :func:`audience.engine.run.run_plan`."""
    engine = means.engine
    assert isinstance(engine, SparkEngine)
    plan = for_spark(plan)
    tables = {name: checked_there(table) for name, table in tables.items()}
    users = {day: checked_there(table) for day, table in users.items()}
    everything = [*users.values(), *(tables[read.table] for read in plan.events)]

    def check() -> None:
        for table in everything:
            table.check_unchanged(table.files)

    with named_files(everything, engine), engine.refusals():
        for table in everything:
            _check_keys(engine, table)
        with means.steps.step("evaluate", plan.users.table) as step:
            folded = fold_events(plan, tables, engine, means.steps)
            folded = [replace(each, frame=engine.hold(each.frame)) for each in folded]
            asked = [each.look() for each in folded]
            spread: dict[date | None, Spread] = {}
            strangers: list[Strangers] = []
            novel: list[Novel] = []
            keys: list[DataFrame] = []
            for day, table in users.items():
                known = tests_used(dictionary or {}, plan, day)
                people = People(plan, table, day, engine, known)
                keys.append(people.keys())
                spread[day] = people.spread(folded, lists, check)
                people.check(spread[day])
                strangers += people.strangers(spread[day], lists)
                novel += people.novel(spread[day])
                step.rows += table.rows
            stray = tuple(map(partial(_strays, keys, list(spread.values())), folded, asked))
        check()
    memberships: dict[date | None, Members] = dict(spread)
    return Outcome(memberships, stray, tuple(strangers), tuple(novel))


def checked_there(table: TableData) -> TableData:
    """Pages are held against their checksums by whoever reads them, unless each must have one."""
    if table.spec.checksums == "require":
        return table
    return replace(table, spec=replace(table.spec, checksums="off"))


def _list_name(number: int) -> str:
    return f"{OWN}list_{number}"


def _unknown_name(column: str) -> str:
    return f"{OWN}unknown_{column}"


def _novel_name(tag: str) -> str:
    return f"novel {tag}"


class People:
    """The users of one snapshot."""

    def __init__(
        self,
        plan: Plan,
        table: TableData,
        day: date | None,
        engine: SparkEngine,
        dictionary: Mapping[str, Test],
    ) -> None:
        self.plan = plan
        self.table = table
        self.day = day
        self.engine = engine
        self.dictionary = dictionary
        self.roots = plan.roots(day)
        self.asked = asked_of(plan, day, dictionary.values())
        self.tests = {test: f"{OWN}test_{n}" for n, test in enumerate(self.asked.tests)}
        unknown = dict.fromkeys(_unknown_name(test.column) for test in self.tests)
        self.told = Words(f"{OWN}told_", [*self.tests.values(), *unknown])
        """Of a user each test, and for each column whether its value is missing."""
        self.nodes = reachable(plan.nodes, self.roots)

    def keys(self) -> DataFrame:
        """All keys."""
        key = self.table.spec.key
        frame: DataFrame = scan(self.engine, self.table, self.table.files, [key]).to_native()
        return frame.select(F.col(key).alias(KEY))

    def spread(
        self,
        folded: Sequence[Folded],
        lists: Mapping[Listed, pa.Array],
        check: Callable[[], None],
    ) -> Spread:
        """Who is in what: each root, who of them only for a missing value, lists, new values."""
        frame, names, rows = self.told_of(folded, lists, Limits(self.engine).keep)
        return Spread(self.engine, frame, names, rows, check)

    def told_of(
        self, folded: Sequence[Folded], lists: Mapping[Listed, pa.Array], keep: Keep
    ) -> tuple[DataFrame, list[str], dict[str, str]]:
        """The same as a frame of keys, booleans and counts, and the names of these.

        Counts are of a user's rows of an event table, by the table's name.
        """
        frame = self._frame()
        leaves = self._leaves()
        rows: dict[str, str] = {}
        for number, each in enumerate(folded):
            mine = {n: column for n, column in each.columns.items() if n in self.nodes}
            if mine:
                words = Words(f"{OWN}folds_{number}_", list(mine.values()))
                flags = words.pack({column: F.col(column) for column in mine.values()})
                rows[each.table] = f"{OWN}rows_{number}"
                count = F.col(ROWS).alias(rows[each.table])
                own = each.frame.to_native().select(F.col(each.key).alias(KEY), count, *flags)
                frame = frame.join(own, KEY, "left")
                leaves |= {n: self._folded(n, words.bit(name)) for n, name in mine.items()}
        for number in self.nodes:
            node = self.plan.nodes[number]
            if isinstance(node, Listed):
                listed = self.engine.make(pa.table({KEY: lists[node]}))
                name = _list_name(number)
                frame = frame.join(listed.withColumn(name, F.lit(True)), KEY, "left")
                leaves[number] = Answer.certain(F.col(name).isNotNull())
        algebra = Algebra(self.plan.nodes, self.roots, leaves)
        frame, answers = algebra.add_to(frame, keep)
        columns = dict(self._columns(answers, leaves))
        named = (column.alias(name) for name, column in columns.items())
        return frame.select(KEY, *rows.values(), *named), list(columns), rows

    def _columns(
        self, answers: Mapping[int, Answer[Column]], leaves: Mapping[int, Answer[Column]]
    ) -> Iterator[tuple[str, Column]]:
        for number, answer in answers.items():
            yield node_name(number), answer.closed
            assert answer.sure is not None
            if answer.sure is not answer.closed:
                yield missing_name(number), answer.closed & ~answer.sure
        for number in self.nodes:
            if isinstance(self.plan.nodes[number], Listed):
                yield _list_name(number), leaves[number].closed
        for tag, test in self.dictionary.items():
            known = self.told.bit(self.tests[test]) | self.told.bit(_unknown_name(tag))
            yield _novel_name(tag), ~known

    def _frame(self) -> DataFrame:
        """A row a user: tests, which values are missing, and what limits order by."""
        spec = self.table.spec
        columns = list(dict.fromkeys([spec.key, *self.asked.columns]))
        frame = scan(self.engine, self.table, self.table.files, columns)
        named = {name: test for test, name in self.tests.items()}
        tested = self.engine.tested(frame, named, self.plan.types[spec.name])
        unknown = {_unknown_name(test.column): test.column for test in self.tests}
        native: DataFrame = tested.to_native()
        flags = {name: F.col(name) for name in named}
        flags |= {name: F.col(column).isNull() for name, column in unknown.items()}
        return native.select(
            F.col(spec.key).alias(KEY),
            *self.told.pack(flags),
            *(F.col(name).alias(f"{OWN}by_{name}") for name in self.asked.ordering),
        )

    def _leaves(self) -> dict[int, Answer[Column]]:
        """The nodes that rows of users tell alone."""
        out = {}
        for number in self.nodes:
            match self.plan.nodes[number]:
                case Test() as test:
                    held = self.told.bit(self.tests[test])
                    possible = held | self.told.bit(_unknown_name(test.column))
                    known = test.predicate.asks_missing
                    out[number] = Answer(held, held, held if known else possible)
                case Share(salt, low, high):
                    found = unsigned(F.xxhash64(F.lit(salt), F.col(KEY)))
                    first, last = (-(-side * 2**64 // SHARES) - 2**63 for side in (low, high))
                    out[number] = Answer.certain((found >= first) & (found <= last - 1))
        return out

    def _folded(self, number: int, held: Column) -> Answer[Column]:
        fold = self.plan.nodes[number]
        assert isinstance(fold, Fold)
        return Answer.certain(F.coalesce(held, F.lit(fold.absent)))

    def check(self, spread: Spread) -> None:
        """Each key must be there once. Raises DataError."""
        if spread.found.all_once:
            return
        # How often is asked of the table: where keys are repeated, limits join more of them.
        key = self.table.spec.key
        what = f"`{key}` of table `{self.table.name}`"
        found = self.keys().groupBy(KEY).count()
        again = F.sum(F.when(F.col(KEY).isNotNull(), F.col("count") - 1))
        missing = F.sum(F.when(F.col(KEY).isNull(), F.col("count")))
        (row,) = found.agg(again, missing).collect()
        if row[1]:
            raise DataError(f"{what} is missing in {row[1]:,} of {self.table.rows:,} rows")
        if row[0]:
            several = found.where(F.col("count") > 1).orderBy(KEY).limit(_EXAMPLES).collect()
            shown = ", ".join(masked(each[0]) for each in several)
            raise DataError(
                f"{what} is not unique: {row[0]:,} of {self.table.rows:,} rows "
                f"repeat a key, for example {shown}"
            )

    def strangers(self, spread: Spread, lists: Mapping[Listed, pa.Array]) -> Iterator[Strangers]:
        """The ids on lists that are of nobody."""
        for number in self.nodes:
            node = self.plan.nodes[number]
            if isinstance(node, Listed):
                count = len(lists[node]) - spread.size(_list_name(number))
                if count:
                    yield Strangers(node, count, self.day)

    def novel(self, spread: Spread) -> Iterator[Novel]:
        """What is in no dictionary."""
        for tag, test in self.dictionary.items():
            rows = spread.size(_novel_name(tag))
            if not rows:
                continue
            frame = scan(self.engine, self.table, self.table.files, [tag])
            tested = self.engine.tested(frame, {OWN + "in": test}, self.plan.types[self.table.name])
            column = F.col(tag)
            native = tested.to_native().where(~F.col(OWN + "in") & column.isNotNull())
            counted = native.groupBy(tag).count()
            top = counted.orderBy(F.col("count").desc(), column.cast("string"))
            values = tuple((row[0], int(row[1])) for row in top.limit(MOST).collect())
            yield Novel(tag, rows, counted.count(), values, self.day)


def _check_keys(engine: SparkEngine, table: TableData) -> None:
    """Keys have a sign: larger ones would become those below zero. Raises DataError."""
    key = table.spec.key
    large = [file for file in table.files if pa.types.is_uint64(file.schema.field(key).type)]
    if large:
        found: DataFrame = engine.read(large, [key]).to_native()
        ((most,),) = found.agg(F.max(key)).collect()
        if most is not None and most > _LARGEST:
            raise DataError(
                f"table `{table.name}`: `{key}` has {most}; keys go up to {_LARGEST}, "
                "what 64 bits with a sign hold"
            )


def _strays(
    keys: Iterable[DataFrame], spread: Sequence[Spread], folded: Folded, asked: Asked
) -> StrayEvents:
    """The rows of an event table that are nobody's."""
    if len(spread) == 1 and folded.table in spread[0].found.rows:
        unknown = asked.keyed - spread[0].found.rows[folded.table]
        return StrayEvents(folded.table, asked.keyless, unknown, folded.timeless)
    frame = folded.frame.to_native()
    everybody = reduce(lambda one, other: one.unionByName(other), keys)
    known = frame.where(F.col(folded.key).isNotNull()).select(F.col(folded.key).alias(KEY), ROWS)
    stray = known.join(everybody, KEY, "left_anti").agg(F.sum(ROWS))
    ((rows,),) = stray.collect()
    return StrayEvents(folded.table, asked.keyless, int(rows or 0), folded.timeless)
