"""Lists of ids in files: CSV, text, Parquet → distinct ids of the user table's kind of key."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pc_csv
import pyarrow.parquet as pq

from audience.errors import DataError, listed, masked, nearest

_BOM = b"\xef\xbb\xbf"
_WHOLE = r"^\s*-?[0-9]{1,19}\s*$"
_PLUS = r"^\s*\+[0-9]+\s*$"
_LARGEST = 2**63 - 1
_TOO_LARGE = "cannot be read as a key, a whole number of 64 bits"
_NUMBER = re.compile(r"\s*[+-]?\d[\d.,]*\s*", re.ASCII)
_LONG_NUMBER = re.compile(r"\d{4}|@", re.ASCII)


@dataclass(frozen=True)
class IdList:
    """Distinct ids, 64-bit integers or texts, and the SHA-256 of the file they are from."""

    ids: pa.Array
    sha256: str


def read_list(path: Path, column: str, *, whole: bool) -> IdList:
    """The ids in a file. ``whole`` where keys are whole numbers, else they are texts.

    An id twice is one. Raises DataError, without the file's name: the caller knows which list
    it is.
    """
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise DataError("there is no such file") from None
    except OSError as error:
        raise DataError(f"cannot be read: {error.strerror or error}") from None
    read = _READERS[f".{path.name.lower().rpartition('.')[2]}"]
    try:
        values = read(data, column, whole)
        if whole and path.suffix.lower() == ".csv" and not column:
            _check_header(data)
        ids = _as_integers(values, path) if whole else _as_texts(values)
    except _UNREADABLE as error:
        raise DataError(f"cannot be read: {_reason(error, path)}") from None
    return IdList(ids.unique(), hashlib.sha256(data).hexdigest())


def check_list(path: Path, column: str) -> None:
    """Whether a list's file has the column, without reading the ids. Raises DataError."""
    try:
        if path.suffix.lower() == ".parquet":
            _choose(pq.read_schema(path).names, column, whole=None)
        elif path.suffix.lower() == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                _choose(next(csv.reader(file), []), column, whole=None)
    except _UNREADABLE as error:
        raise DataError(f"cannot be read: {_reason(error, path)}") from None


_UNREADABLE = (OSError, pa.ArrowException, ValueError, csv.Error)


def _reason(error: Exception, path: Path) -> str:
    """Why a file can't be read, never in a library's words: they may quote what is in it."""
    if isinstance(error, UnicodeDecodeError):
        return "it is not UTF-8 text"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    if path.suffix.lower() == ".parquet":
        return "it is no Parquet file, or a damaged one"
    return "it is no table with the columns that its first line names"


def _read_csv(data: bytes, column: str, whole: bool) -> pa.Array:
    data = data.removeprefix(_BOM)
    text = data.decode()
    if not text.strip():
        raise DataError("the file is empty: a CSV file begins with its columns' names")
    if text.count('"') % 2:
        # What follows would be one long value: ids would be lost without a word.
        raise DataError("cannot be read: a quote that begins a value never ends")
    if '"' in text:
        # The reader below takes what stands behind a closing quote: two stray quotes would
        # swallow the rows between them.
        _check_quotes(text)
    names = next(csv.reader(io.StringIO(text, newline="")))
    chosen = _choose(names, column, whole)
    options = pc_csv.ConvertOptions(
        include_columns=[chosen], column_types={chosen: pa.string()}, strings_can_be_null=False
    )
    lines = pc_csv.ParseOptions(newlines_in_values=True)
    try:
        table = pc_csv.read_csv(pa.BufferReader(data), convert_options=options, parse_options=lines)
    except pa.ArrowException:
        _check_lengths(text, len(names))
        raise
    return _whole(table.column(0))


def _check_quotes(text: str) -> None:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for _ in rows:
            pass
    except csv.Error:
        reason = "a quote inside a value, or a value that is too long"
        raise DataError(f"cannot be read: line {rows.line_num:,}: {reason}") from None


def _check_lengths(text: str, wanted: int) -> None:
    """Tell a row that has more or fewer values than there are columns, by its line."""
    rows = csv.reader(io.StringIO(text, newline=""))
    for row in rows:
        if row and len(row) != wanted:
            given, named = _counted(len(row), "value"), _counted(wanted, "column")
            where = f"line {rows.line_num:,} has {given}"
            raise DataError(f"cannot be read: {where}, its first line names {named}")


def _check_header(data: bytes) -> None:
    """A first id taken for a column's name would be lost."""
    first = data.removeprefix(_BOM).decode().splitlines()[0].strip().strip('"')
    if re.fullmatch(r"[+-]?\d+", first, re.ASCII):
        raise DataError(f"its first line is `{masked(first)}`, where the column's name should be")


def _read_text(data: bytes, _column: str, _whole: bool) -> pa.Array:
    lines = re.split("\r\n|\r|\n", data.removeprefix(_BOM).decode())
    return pa.array([line for line in lines if line.strip()], pa.string())


def _read_parquet(data: bytes, column: str, whole: bool) -> pa.Array:
    with pq.ParquetFile(pa.BufferReader(data)) as file:
        chosen = _choose(file.schema_arrow.names, column, whole)
        return _whole(file.read(columns=[chosen]).column(0))


_READERS: dict[str, Callable[[bytes, str, bool], pa.Array]] = {
    ".csv": _read_csv,
    ".txt": _read_text,
    ".parquet": _read_parquet,
}
LIST_SUFFIXES = tuple(_READERS)


def _choose(names: list[str], column: str, whole: bool | None) -> str:
    """The column of the ids. ``whole`` is whether keys are whole numbers; None: nobody knows."""
    if not column and len(names) == 1:
        return names[0]
    if not column:
        raise DataError(f"which column? `column:` is missing; {_told(names, whole)}")
    if names.count(column) != 1:
        close = nearest(column, filter(_is_word, names))
        hint = f"; did you mean {close}?" if close else ""
        what = "two columns" if column in names else "no column"
        raise DataError(f"it has {what} `{column}`; {_told(names, whole)}{hint}")
    return column


def _told(names: list[str], whole: bool | None) -> str:
    """The columns' names, unless they may be ids: a first line that is a row and no head."""
    values = any(_NUMBER.fullmatch(name) or _LONG_NUMBER.search(name) for name in names)
    if whole and not values:
        return f"there is {listed(names)}"
    must = "it looks like a row, and " if values else ""
    count = _counted(len(names), "column")
    return f"there is {count}, not shown: {must}the first line must name the columns"


def _is_word(name: str) -> bool:
    """Whether a name can't be an id, which has digits."""
    return not any(char.isdecimal() for char in name)


def _as_integers(values: pa.Array, path: Path) -> pa.Array:
    _check_known(values)
    if pa.types.is_uint64(values.type):
        _refuse_first(values, pc.greater(values, pa.scalar(_LARGEST, pa.uint64())), _TOO_LARGE)
    if pa.types.is_integer(values.type):
        return values.cast(pa.int64())
    if path.suffix.lower() == ".parquet":
        raise DataError(f"its ids are {values.type}, the key is a whole number")
    _refuse_first(values, pc.match_substring_regex(values, _PLUS), "has a plus sign, no key has")
    wrong = pc.invert(pc.match_substring_regex(values, _WHOLE))
    _refuse_first(values, wrong, "is no whole number, as keys are")
    trimmed = pc.utf8_trim_whitespace(values)
    try:
        return trimmed.cast(pa.int64())
    except pa.ArrowInvalid:
        large = [not -_LARGEST - 1 <= int(text) <= _LARGEST for text in trimmed.to_pylist()]
        _refuse_first(values, pa.array(large), _TOO_LARGE)
        raise


def _refuse_first(values: pa.Array, wrong: pa.Array, reason: str) -> None:
    """Raise DataError with the row of the first value that is wrong, the value masked."""
    row = pc.index(wrong, True).as_py()
    if row >= 0:
        raise DataError(f"row {row + 1:,}: `{masked(values[row].as_py())}` {reason}")


def _as_texts(values: pa.Array) -> pa.Array:
    _check_known(values)
    if not _is_text(values.type):
        raise DataError(f"its ids are {values.type}, the key is text")
    texts = values.cast(pa.large_string())
    _check_known(pc.if_else(pc.equal(texts, ""), pa.scalar(None, texts.type), texts))
    return texts


def _check_known(values: pa.Array) -> None:
    if values.null_count:
        row = pc.index(pc.is_null(values), True).as_py()
        rows = _counted(values.null_count, "row")
        raise DataError(f"{rows} without an id; the first is row {row + 1}")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    whole = whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole
    return whole.dictionary_decode() if pa.types.is_dictionary(whole.type) else whole


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
