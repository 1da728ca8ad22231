"""The user table: its keys, and for each test of a column the users it holds of.

Answers are bitmaps over the table's rows as they lie on disk. They are kept from run to run: a
rule that was edited reads only the columns of the tests that are new.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property

import narwhals.stable.v2 as nw
import numpy as np
import pyarrow as pa

from audience.bits import Bits, from_arrow, nobody, to_arrow
from audience.cache import Cache
from audience.engine.base import OWN, ROW, Engine
from audience.engine.codes import Codebook
from audience.engine.columns import alike, in_order, scan
from audience.engine.strategy import Asked, column_passes, size_of
from audience.engine.tables import TableData
from audience.errors import DataError, masked
from audience.keyring import Keyring
from audience.kinds import Type
from audience.membership import combined
from audience.plan.fingerprint import fingerprint_test
from audience.plan.nodes import Test
from audience.threads import in_threads

_EXAMPLES = 3


class Users:
    """What the rows of a user table tell, as bitmaps in their order.

    ``missing`` has for a test the users whose value is missing, where there are any; ``columns``
    are those that limits order by.
    """

    def __init__(
        self,
        engine: Engine,
        table: TableData,
        types: Mapping[str, Type],
        cache: Cache,
        codes: Codebook | None = None,
    ) -> None:
        self.table = table
        self.tests: dict[Test, Bits] = {}
        self.missing: dict[Test, Bits] = {}
        self.columns: dict[str, pa.Array] = {}
        self.count = table.rows
        self.bytes = 0
        self._unknown: dict[str, Bits] = {}
        self._engine = engine
        self._types = types
        self._cache = cache
        self._codes = codes
        self._name = ("users", engine.version, engine.time_zone, table.stamp)

    def read(self, asked: Asked) -> None:
        """Answer what is asked, what is new of it by one pass over the table.

        Raises DataError where a key is missing or not unique.
        """
        checked = self._cache.get(*self._name, "keys") is not None
        new = tuple(test for test in asked.tests if not self._find(test))
        with ThreadPoolExecutor(1) as aside:
            # Keys are sorted while the other columns are decoded.
            checking = None if checked else aside.submit(self._check)
            if checking is not None and not self._engine.concurrent:
                checking.result()
            left = self._decode(new)
            if left or asked.ordering:
                self._read(Asked(left, asked.ordering))
            if checking is not None:
                checking.result()
                self._cache.put(pa.table({"rows": [self.count]}), *self._name, "keys")

    @cached_property
    def ring(self) -> Keyring:
        """The table's keys."""
        return Keyring(self._read_keys(), self._engine.sorting)

    def _find(self, test: Test) -> bool:
        """Whether a test's answer was kept."""
        entry = self._cache.get(*self._test_name(test))
        if entry is None or not self._find_unknown(test.column):
            return False
        self._note(test, _kept(entry))
        return True

    def _find_unknown(self, column: str) -> bool:
        """Whether it was kept where a column's value is missing."""
        if column not in self._unknown:
            entry = self._cache.get(*self._column_name(column))
            if entry is None:
                return False
            self._unknown[column] = _kept(entry)
        return True

    def _test_name(self, test: Test) -> tuple[object, ...]:
        return (*self._column_name(test.column), fingerprint_test(test))

    def _column_name(self, column: str) -> tuple[object, ...]:
        return (*self._name, column, repr(self._types[column]))

    def _decode(self, tests: Sequence[Test]) -> tuple[Test, ...]:
        """Answer tests of columns that were read as numbers; those that are left."""
        if self._codes is None:
            return tuple(tests)
        by_column: dict[str, list[Test]] = {}
        for test in tests:
            by_column.setdefault(test.column, []).append(test)

        def answer(column: str) -> tuple[Bits, Mapping[Test, Bits]] | None:
            codes = self._codes.take(self.table, column) if self._codes else None
            return None if codes is None else (codes.missing, codes.answers(by_column[column]))

        for column, found in zip(by_column, in_threads(answer, by_column), strict=True):
            if found is not None:
                missing, answers = found
                self._note_unknown(column, missing)
                for test, bits in answers.items():
                    self._note(test, bits)  # the column itself is kept, in less room
        return tuple(test for test in tests if test not in self.tests)

    def _read(self, asked: Asked) -> None:
        """Answer tests, and read columns, each of them once."""
        for columns in column_passes(asked.columns):
            tests = [test for test in asked.tests if test.column in columns]
            named = {f"{OWN}test_{number}": test for number, test in enumerate(tests)}
            by = {name: OWN + "by_" + name for name in asked.ordering if name in columns}
            unknown = {
                name: OWN + "unknown_" + name
                for name in dict.fromkeys(test.column for test in tests)
                if name not in self._unknown
            }
            out = [nw.col(name).alias(alias) for name, alias in by.items()]
            out += [nw.col(name).is_null().alias(alias) for name, alias in unknown.items()]
            fetched = self._fetch(columns, named, [*out, *map(nw.col, named)])
            self.columns |= {name: combined(fetched[alias]) for name, alias in by.items()}
            for name, alias in unknown.items():
                self._note_unknown(name, _bits(fetched[alias]))
            for name, test in named.items():
                bits = _bits(fetched[name])
                self._note(test, bits)
                self._keep(bits, self._test_name(test))

    def _note_unknown(self, column: str, missing: Bits) -> None:
        """Take and keep where a column's value is missing."""
        if column not in self._unknown:
            self._unknown[column] = missing if missing.any() else nobody(0)
            self._keep(self._unknown[column], self._column_name(column))

    def _note(self, test: Test, held: Bits) -> None:
        """Take a test's answer; it is not known of those whose value is missing."""
        self.tests[test] = held
        unknown = self._unknown[test.column]
        if len(unknown) and not test.predicate.asks_missing:
            self.missing[test] = unknown

    def _keep(self, bits: Bits, name: tuple[object, ...]) -> None:
        self._cache.put(pa.table({"bits": to_arrow(bits)}), *name)

    def _read_keys(self) -> pa.Array:
        key = self.table.spec.key
        column = self._fetch([key], {}, [nw.col(key)])[key]
        if column.null_count:
            raise DataError(
                f"{self._key_name} is missing in {column.null_count:,} of {len(column):,} rows"
            )
        return combined(column)

    def _fetch(
        self, columns: Sequence[str], tests: Mapping[str, Test], out: Sequence[nw.Expr]
    ) -> pa.Table:
        """Some columns and tests, in the order of the files: an engine need not keep it.

        Files that store a column differently are read in groups, one after the other.
        """
        self.bytes += size_of(self.table.files, columns)
        parts = []
        for files in alike(self.table, columns):
            frame = scan(self._engine, self.table, files, columns, numbered=True)
            tested = self._engine.tested(frame, tests, self._types)
            parts.append(in_order(self._engine.fetch(tested.select(ROW, *out))))
        self.table.check_unchanged(self.table.files)
        return pa.concat_tables(parts, promote_options="permissive")

    @property
    def _key_name(self) -> str:
        return f"`{self.table.spec.key}` of table `{self.table.name}`"

    def _check(self) -> None:
        """Each key must be there once. Raises DataError."""
        ring = self.ring
        if len(ring.repeated):
            shown = ", ".join(map(masked, ring.repeated.unique()[:_EXAMPLES].to_pylist()))
            raise DataError(
                f"{self._key_name} is not unique: {len(ring.repeated):,} of {len(ring):,} rows "
                f"repeat a key, for example {shown}"
            )


def _bits(column: pa.ChunkedArray) -> Bits:
    """A boolean column that misses nothing."""
    return from_arrow(combined(column))[0]


def _kept(entry: pa.Table) -> Bits:
    return np.frombuffer(entry["bits"][0].as_buffer(), dtype=np.uint8)
