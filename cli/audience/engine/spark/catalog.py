"""Tables by the name that Spark's catalog knows them by, as the Parquet files that they are."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

from pyspark.errors import PySparkException

from audience.engine.spark.session import open_session, reason_of
from audience.errors import DataError
from audience.rules.project import Project, TableSpec

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pyspark.sql import SparkSession

_PLACE = re.compile(r"(?:file:(?://)?)?(/.*)", re.DOTALL)
_TABLES = {"MANAGED", "EXTERNAL"}


def locate(project: Project, spec: TableSpec) -> tuple[Sequence[Path], Path]:
    """The files of a table, sorted, and the folder that its partitions lie in.

    Of a partitioned table these are the files of partitions that the catalog knows. Raises
    DataError.
    """
    session = open_session(project.spark, project.time_zone, project.session)
    what = f"table `{spec.name}`: `{spec.table}`"
    try:
        session.catalog.refreshTable(spec.table)
        told = _describe(session, spec.table)
        files = session.table(spec.table).inputFiles()
    except PySparkException as error:
        raise DataError(f"{what}: {reason_of(error)}") from None
    if told.get("Type") not in _TABLES:
        raise DataError(f"{what} is a view; expected a table of Parquet files")
    provider, serde = told.get("Provider", "").lower(), told.get("Serde Library", "").lower()
    if provider != "parquet" and not (provider == "hive" and "parquet" in serde):
        raise DataError(f"{what} is a table of {provider}, expected Parquet files")
    folder = _local(what, told["Location"])
    # A folder is told as it is called, files as addresses.
    paths = sorted(Path(unquote(str(_local(what, file)))) for file in files)
    for path in paths:
        if not path.is_relative_to(folder):
            raise DataError(f"{what}: {path} is of a partition that is not below {folder}")
    if not paths:
        raise DataError(f"{what} has no file")
    return paths, folder


def _describe(session: SparkSession, table: str) -> Mapping[str, str]:
    """What the catalog says of a table as a whole."""
    rows = session.sql(f"DESCRIBE TABLE EXTENDED {table}").collect()
    names = [row[0] for row in rows]
    start = next((n for n, name in enumerate(names) if name.startswith("# Detailed")), len(names))
    return {row[0]: row[1] for row in rows[start:]}


def _local(what: str, place: str) -> Path:
    """A file or folder that this machine and the workers see at the same path."""
    found = _PLACE.fullmatch(place)
    if found is None:
        raise DataError(f"{what} lies at {place}; expected files that this machine sees too")
    return Path(found[1])
