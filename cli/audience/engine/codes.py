"""Columns as numbers: the few values that a column has, and which of them each row has.

Parquet stores most columns of texts so. Read so, they take a fraction of the time and the room,
their values are counted and tests of them answered without a look at any text.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from audience.bits import Bits, complement, pack, to_arrow
from audience.cache import Cache
from audience.counting import counted
from audience.engine.footers import open_parquet
from audience.engine.tables import TableData
from audience.errors import UnreadableError
from audience.kinds import Value
from audience.plan.nodes import Test

_MOST = 4096
"""A column of more values is left to an engine."""

_BLOCK = 1 << 17
"""So many lists at a time: what is made of them stays in a processor's cache; a multiple of 8."""

_COMBINED = {"has_any": np.bitwise_or, "has_all": np.bitwise_and}

_NONE = np.zeros(0, dtype=np.uint8)

Numbers = npt.NDArray[Any]
"""Whole numbers of the width that they need."""


@dataclass(frozen=True)
class Codes:
    """A column: for each row the number of its value, from 1; 0 where it is missing.

    Of lists they are the numbers of all elements, and ``lengths`` says how many of them each row
    has. ``missing`` are the rows without a value.
    """

    values: Mapping[Value, int]
    numbers: Numbers
    lengths: Numbers | None
    missing: Bits
    count: int

    def counts(self) -> list[tuple[Value, int]]:
        """By value, how many rows have it, or how often lists do."""
        found = counted(self.numbers, 0, len(self.values))
        return [(value, int(found[number])) for value, number in self.values.items()]

    def answers(self, tests: Sequence[Test]) -> dict[Test, Bits]:
        """The rows that tests hold of, of those tests that can be answered so."""
        out = {}
        listed = []
        for test in tests:
            match test.operator:
                case "is":
                    known = test.argument == "known"
                    out[test] = complement(self.missing, self.count) if known else self.missing
                case "eq":
                    out[test] = self._having([test.argument])
                case "in":
                    out[test] = self._having(_asked(test))
                case "has_any" | "has_all":
                    listed.append(test)
        return out | self._listing(listed) if listed else out

    def _having(self, wanted: Sequence[Any]) -> Bits:
        found = [self.values[value] for value in wanted if value in self.values]
        if len(found) == 1:
            return pack(self.numbers == found[0])
        held = np.zeros(len(self.values) + 1, dtype=np.bool_)
        held[found] = True
        return pack(held[self.numbers])

    def _listing(self, tests: Sequence[Test]) -> dict[Test, Bits]:
        """Of tests for elements, by one look at each list."""
        assert self.lengths is not None
        wanted = list(dict.fromkeys(one for test in tests for one in _asked(test)))
        # At the last place are the elements that nobody asks for.
        places = np.full(len(self.values) + 1, len(wanted), dtype=np.int64)
        for place, value in enumerate(wanted):
            if value in self.values:
                places[self.values[value]] = place
        bits = np.zeros((len(wanted), (self.count + 7) // 8), dtype=np.uint8)
        end = 0
        for start in range(0, self.count, _BLOCK):
            lengths = self.lengths[start : start + _BLOCK]
            begin, end = end, end + int(lengths.sum(dtype=np.int64))
            flags = np.zeros((len(wanted) + 1, len(lengths)), dtype=np.bool_)
            rows = np.repeat(np.arange(len(lengths)), lengths)
            flags[places[self.numbers[begin:end]], rows] = True
            packed = np.packbits(flags[:-1], axis=1, bitorder="little")
            bits[:, start // 8 : start // 8 + packed.shape[1]] = packed
        of = dict(zip(wanted, bits, strict=True))
        return {
            test: reduce(_COMBINED[test.operator], [of[one] for one in _asked(test)])
            for test in tests
        }


def _asked(test: Test) -> tuple[Any, ...]:
    assert isinstance(test.argument, tuple)
    return test.argument


class Codebook:
    """The columns of user tables that were read as numbers, to be used in one run."""

    def __init__(self) -> None:
        self._read: dict[tuple[str, str], Codes] = {}

    def read(self, table: TableData, column: str, cache: Cache) -> Codes | None:
        """Read a column, where it can be read so, or find it as it was kept.

        Raises DataError, UnreadableError.
        """
        name = ("codes", table.stamp, column, repr(table.tags[column].type))
        entry = cache.get(*name)
        codes = read_codes(table, column) if entry is None else _codes_of(entry)
        if codes is None:
            return None
        if entry is None:
            cache.put(_entry_of(codes), *name)
        self._read[table.stamp, column] = codes
        return codes

    def take(self, table: TableData, column: str) -> Codes | None:
        """A column that was read, to be forgotten here: nobody needs it a second time."""
        return self._read.pop((table.stamp, column), None)


def _entry_of(codes: Codes) -> pa.Table:
    arrays = {"numbers": codes.numbers, "missing": codes.missing}
    if codes.lengths is not None:
        arrays["lengths"] = codes.lengths
    notes = {name: array.dtype.str for name, array in arrays.items()}
    notes |= {"values": json.dumps(list(codes.values)), "count": str(codes.count)}
    columns = {name: to_arrow(array.view(np.uint8)) for name, array in arrays.items()}
    return pa.table(columns).replace_schema_metadata(notes)


def _codes_of(entry: pa.Table) -> Codes:
    notes = {name.decode(): text.decode() for name, text in entry.schema.metadata.items()}
    arrays = {
        name: np.frombuffer(entry[name][0].as_buffer(), dtype=np.dtype(notes[name]))
        for name in entry.column_names
    }
    values = {value: number for number, value in enumerate(json.loads(notes["values"]), 1)}
    count = int(notes["count"])
    return Codes(values, arrays["numbers"], arrays.get("lengths"), arrays["missing"], count)


def read_codes(table: TableData, column: str) -> Codes | None:
    """A column of texts, or of lists of texts or whole numbers; None of others.

    None also where it has more than :data:`_MOST` values. Raises DataError, UnreadableError.
    """
    if "." in column or column in table.partitions:  # in Parquet a point stands for nesting
        return None
    kinds = [file.schema.field(column).type for file in table.files]
    if not all(map(_is_coded, kinds)):
        return None
    table.check_pages(table.files, [column])
    reader = _Reader({}, [], [], [], is_list=_is_list(kinds[0]))
    try:
        for file in table.files:
            with open_parquet(file.path) as parquet:
                paths = [path for path in _paths(parquet) if path.split(".")[0] == column]
                metadata = parquet.metadata
            with open_parquet(file.path, metadata=metadata, read_dictionary=paths) as parquet:
                for group in range(parquet.num_row_groups):
                    # Threads are for several columns.
                    found = parquet.read_row_group(group, columns=[column], use_threads=False)
                    if not all(map(reader.take, found[column].chunks)):
                        return None
    except (pa.ArrowException, OSError, ValueError) as error:
        lines = str(error).strip().splitlines() or [type(error).__name__]
        raise UnreadableError(f"the tables could not be read: {lines[0][:300]}") from None
    table.check_unchanged(table.files)
    return reader.codes()


def _is_coded(kind: pa.DataType) -> bool:
    if _is_list(kind):
        return _is_text(kind.value_type) or pa.types.is_integer(kind.value_type)
    return _is_text(kind)


def _is_list(kind: pa.DataType) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind))


def _is_text(kind: pa.DataType) -> bool:
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _paths(parquet: pq.ParquetFile) -> Iterator[str]:
    schema = parquet.schema
    return (schema.column(number).path for number in range(len(schema)))


@dataclass(frozen=True)
class _Reader:
    """Puts a column together, part by part."""

    values: dict[Value, int]
    numbers: list[Numbers]
    lengths: list[Numbers]
    missing: list[npt.NDArray[np.bool_]]
    is_list: bool

    def take(self, part: pa.Array) -> bool:
        """Take the next part, unless there are too many values."""
        if self.is_list:
            self.missing.append(np.asarray(part.is_null()))
            lengths = np.asarray(pc.list_value_length(part).fill_null(0))
            self.lengths.append(lengths.astype(np.min_scalar_type(int(lengths.max(initial=0)))))
            part = pc.list_flatten(part)
        coded = part if pa.types.is_dictionary(part.type) else part.dictionary_encode()
        known = coded.dictionary.to_pylist()
        if len(known) > _MOST:
            return False
        new = [
            0 if value is None else self.values.setdefault(value, len(self.values) + 1)
            for value in known
        ]
        # Behind the dictionary stands what is in none.
        numbers = np.array([*new, 0], dtype=np.uint16)
        self.numbers.append(numbers.take(np.asarray(coded.indices.fill_null(len(known)))))
        return len(self.values) <= _MOST

    def codes(self) -> Codes:
        """The column as a whole."""
        width = np.min_scalar_type(len(self.values))
        numbers = np.concatenate([each.astype(width) for each in self.numbers] or [_NONE])
        if not self.is_list:
            return Codes(self.values, numbers, None, pack(numbers == 0), len(numbers))
        lengths = np.concatenate(self.lengths or [_NONE])
        missing = np.concatenate(self.missing or [_NONE.astype(np.bool_)])
        return Codes(self.values, numbers, lengths, pack(missing), len(lengths))
