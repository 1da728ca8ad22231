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
_WHOLE = r"^\s*[+-]?[0-9]{1,19}\s*$"


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
        values = read(data, column)
        if whole and path.suffix.lower() == ".csv" and not column:
            _check_header(data)
        ids = _as_integers(values, path) if whole else _as_texts(values)
    except (pa.ArrowException, UnicodeDecodeError, ValueError, csv.Error) as error:
        reason = "it is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else str(error)
        raise DataError(f"cannot be read: {' '.join(reason.split())[:200]}") from None
    return IdList(ids.unique(), hashlib.sha256(data).hexdigest())


def check_list(path: Path, column: str) -> None:
    """Whether a list's file has the column, without reading the ids. Raises DataError."""
    try:
        if path.suffix.lower() == ".parquet":
            _choose(pq.read_schema(path).names, column)
        elif path.suffix.lower() == ".csv":
            with path.open(encoding="utf-8-sig", newline="") as file:
                _choose(next(csv.reader(file), []), column)
    except (OSError, pa.ArrowException, ValueError, csv.Error) as error:
        raise DataError(f"cannot be read: {' '.join(str(error).split())[:200]}") from None


def _read_csv(data: bytes, column: str) -> pa.Array:
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
        for _ in csv.reader(io.StringIO(text, newline=""), strict=True):
            pass
    names = next(csv.reader(io.StringIO(text, newline="")))
    chosen = _choose(names, column)
    options = pc_csv.ConvertOptions(
        include_columns=[chosen], column_types={chosen: pa.string()}, strings_can_be_null=False
    )
    lines = pc_csv.ParseOptions(newlines_in_values=True)
    table = pc_csv.read_csv(pa.BufferReader(data), convert_options=options, parse_options=lines)
    return _whole(table.column(0))


def _check_header(data: bytes) -> None:
    """A first id taken for a column's name would be lost."""
    first = data.removeprefix(_BOM).decode().splitlines()[0].strip().strip('"')
    if re.fullmatch(r"[+-]?\d+", first, re.ASCII):
        raise DataError(f"its first line is `{masked(first)}`, where the column's name should be")


def _read_text(data: bytes, _column: str) -> pa.Array:
    lines = re.split("\r\n|\r|\n", data.removeprefix(_BOM).decode())
    return pa.array([line for line in lines if line.strip()], pa.string())


def _read_parquet(data: bytes, column: str) -> pa.Array:
    with pq.ParquetFile(pa.BufferReader(data)) as file:
        chosen = _choose(file.schema_arrow.names, column)
        return _whole(file.read(columns=[chosen]).column(0))


_READERS: dict[str, Callable[[bytes, str], pa.Array]] = {
    ".csv": _read_csv,
    ".txt": _read_text,
    ".parquet": _read_parquet,
}


def _choose(names: list[str], column: str) -> str:
    if not column and len(names) == 1:
        return names[0]
    if not column:
        raise DataError(f"which column? `column:` is missing; there is {listed(names)}")
    if names.count(column) != 1:
        close = nearest(column, names)
        hint = f"; did you mean {close}?" if close else ""
        what = "two columns" if column in names else "no column"
        raise DataError(f"it has {what} `{column}`; there is {listed(names)}{hint}")
    return column


def _as_integers(values: pa.Array, path: Path) -> pa.Array:
    _check_known(values)
    if pa.types.is_integer(values.type):
        return values.cast(pa.int64())
    if path.suffix.lower() == ".parquet":
        raise DataError(f"its ids are {values.type}, the key is a whole number")
    wrong = pc.invert(pc.match_substring_regex(values, _WHOLE))
    if pc.any(wrong).as_py():
        row = pc.index(wrong, True).as_py()
        shown = masked(values[row].as_py())
        raise DataError(f"row {row + 1}: `{shown}` is no whole number, as keys are")
    return pc.utf8_trim_whitespace(values).cast(pa.int64())


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
        rows = "1 row" if values.null_count == 1 else f"{values.null_count:,} rows"
        raise DataError(f"{rows} without an id; the first is row {row + 1}")


def _is_text(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _whole(column: pa.ChunkedArray) -> pa.Array:
    whole = column.combine_chunks()
    whole = whole.combine_chunks() if isinstance(whole, pa.ChunkedArray) else whole
    return whole.dictionary_decode() if pa.types.is_dictionary(whole.type) else whole
