"""Packs written by the workers: files of ids that follow each other, all packs in one job.

Which ids are in which file follows from the ids alone, so that the same pack is the same files,
to the byte, however its rows were spread.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from pyspark.sql import functions as F

from audience.engine.base import OWN
from audience.engine.spark.engine import KEY, to_arrow, to_read
from audience.membership import Written, WrittenFile, combined

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame, SparkSession

IDS = 1 << 22
"""About so many ids are in one file: some megabytes."""

_SAMPLES = 64
"""So many ids of a file, about, decide where the next one begins."""

_PACK = OWN + "pack"
_FILE = OWN + "file"
_ROW = OWN + "row"
_NARROW = {pa.int8(): "tinyint", pa.int16(): "smallint", pa.int32(): "int"}
_OPTIONS = {
    "compression": "zstd",
    "parquet.writer.version": "v2",  # ascending ids differ by little
    "parquet.enable.dictionary": "false",
}


def write_parts(
    session: SparkSession,
    frame: DataFrame,
    members: Mapping[str, Column],
    sizes: Mapping[str, int],
    folder: Path,
    key: str,
    kind: pa.DataType,
) -> Mapping[str, Written]:
    """Write the keys of those of whom each column holds, ascending, into new files below a folder.

    ``sizes`` says how many they are. The column is called ``key`` and is of the ``kind`` of the
    table's, where Spark has it.
    """
    there = {name: size for name, size in sizes.items() if size}
    places = {name: folder / f"{_PACK}={number}" for number, name in enumerate(sizes)}
    named = F.col(KEY).cast(_stored(kind)).alias(key)
    if there:
        cuts = _cuts(frame, members, there)
        first, rows = 0, []
        for number, name in enumerate(sizes):
            if name in there:
                file = F.lit(first) + _part_of(F.col(KEY), cuts[name])
                row = F.struct(F.lit(number).alias(_PACK), file.cast("int").alias(_FILE))
                rows.append(F.when(members[name], row))
                first += len(cuts[name]) + 1
        each = frame.select(named, F.explode(F.array_compact(F.array(*rows))).alias(_ROW))
        flat = each.select(key, f"{_ROW}.{_PACK}", f"{_ROW}.{_FILE}").repartitionById(first, _FILE)
        # A file has ids of one pack alone; that they lie together is what writing asks for.
        ready = flat.drop(_FILE).sortWithinPartitions(_PACK, key)
        ready.write.partitionBy(_PACK).options(**_OPTIONS).parquet(f"file://{folder}")
    for name, place in places.items():
        if name not in there:
            nobody = frame.where(F.lit(False)).select(named)
            nobody.write.options(**_OPTIONS).parquet(f"file://{place}")
    digests = _digests(session, folder)
    sums = _sums(frame, members)
    return {
        name: Written(_files(place, digests), sizes[name], sums[name])
        for name, place in places.items()
    }


def _stored(kind: pa.DataType) -> str:
    """Spark's name of a key's type; it has no whole numbers without a sign."""
    if not pa.types.is_integer(kind):
        return "string"
    return _NARROW.get(kind, "bigint")


def _cuts(
    frame: DataFrame, members: Mapping[str, Column], sizes: Mapping[str, int]
) -> Mapping[str, Sequence[Any]]:
    """For each pack the ids that its second file and those behind it begin with."""
    large = {name: size for name, size in sizes.items() if size > IDS}
    if not large:
        return dict.fromkeys(sizes, ())
    flags = [members[name].alias(f"m{number}") for number, name in enumerate(large)]
    some = F.pmod(F.xxhash64(KEY), F.lit(max(1, IDS // _SAMPLES))) == 0
    inside = reduce(lambda one, other: one | other, (members[name] for name in large))
    sample = to_arrow(frame.where(some & inside).select(KEY, *flags)).sort_by(KEY)
    keys = combined(sample[KEY])
    out: dict[str, Sequence[Any]] = dict.fromkeys(sizes, ())
    for number, (name, size) in enumerate(large.items()):
        own = pc.filter(keys, combined(sample[f"m{number}"]))
        files = min(-(-size // IDS), len(own))
        places = [len(own) * file // files for file in range(1, files)]
        out[name] = own.take(places).to_pylist() if places else ()
    return out


def _part_of(key: Column, cuts: Sequence[Any]) -> Column:
    """How many of some ascending ids are not above a key, found by halves."""

    def between(low: int, high: int) -> Column:
        if low == high:
            return F.lit(low)
        middle = (low + high) // 2
        return F.when(key < F.lit(cuts[middle]), between(low, middle)).otherwise(
            between(middle + 1, high)
        )

    return between(0, len(cuts))


def _sums(frame: DataFrame, members: Mapping[str, Column]) -> Mapping[str, int]:
    """For each pack the sum of its ids' hashes: sums of whole numbers wrap."""
    key = F.xxhash64(KEY)
    sums = [F.sum(F.when(flag, key)).alias(f"s{n}") for n, flag in enumerate(members.values())]
    (row,) = frame.agg(*sums).collect()
    return {name: int(each or 0) % 2**64 for name, each in zip(members, row, strict=True)}


def _digests(session: SparkSession, folder: Path) -> Mapping[str, str]:
    """By a file's place below the folder, the SHA-256 of its bytes, read where the workers are."""
    files = session.read.format("binaryFile").option("pathGlobFilter", "*.parquet")
    found = files.load(f"{to_read(folder)}/*").select("path", F.sha2("content", 256)).collect()
    return {"/".join(path.split("/")[-2:]): digest for path, digest in found}


def _files(folder: Path, digests: Mapping[str, str]) -> tuple[WrittenFile, ...]:
    """The files of one pack: their names begin with the number of their part."""
    names = sorted(path.name for path in folder.iterdir() if path.suffix == ".parquet")
    return tuple(WrittenFile(folder / name, digests[f"{folder.name}/{name}"]) for name in names)
