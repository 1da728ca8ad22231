"""What the project file says of engines: which one evaluates the rules, and what Spark runs on."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field

from audience.rules.grammar import SPARK
from audience.rules.reader import Problems
from audience.rules.source import Node

ENGINES = ("polars", "duckdb", "spark")

FIXED = {
    "spark.sql.ansi.enabled": "false",
    "spark.sql.caseSensitive": "true",
    "spark.sql.decimalOperations.allowPrecisionLoss": "true",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    "spark.sql.files.ignoreCorruptFiles": "false",
    "spark.sql.files.ignoreMissingFiles": "false",
    "spark.sql.parquet.inferTimestampNTZ.enabled": "true",
    "spark.sql.parquet.int96TimestampConversion": "false",
    "spark.sql.parquet.mergeSchema": "false",
    "spark.sql.legacy.parquet.nanosAsLong": "true",
    "spark.sql.parquet.datetimeRebaseModeInRead": "CORRECTED",
    "spark.sql.parquet.int96RebaseModeInRead": "CORRECTED",
    "spark.sql.timestampType": "TIMESTAMP_LTZ",
}
"""Settings of Spark that decide about answers: they are the program's, whatever a session had."""

_ZONE = "spark.sql.session.timeZone"
_HOST = r"(\[[\da-fA-F:]+\]|[^\s/:,\[\]]+):\d+"
_MASTER = re.compile(rf"local(-cluster)?(\[[\d*, ]+\])?|yarn|spark://{_HOST}(,{_HOST})*|k8s://\S+")
_MEMORY = re.compile(r"spark\..*\.memory(Overhead)?")
_AMOUNT = re.compile(r"\d+([kmgtp]b?|b)?", re.IGNORECASE)


@dataclass(frozen=True)
class SparkSpec:
    """Where Spark runs, and Spark's own settings by their names."""

    master: str = "local[*]"
    config: MappingOf[str, str] = field(default_factory=dict)

    @property
    def is_local(self) -> bool:
        """Whether the driver is all there is."""
        return self.master.startswith("local")


def read_engine(node: Node, problems: Problems) -> str:
    """The engine that rules are evaluated by."""
    scalar = problems.scalar(node, "`engine`")
    if scalar is not None and scalar.text not in ENGINES:
        message = f"there is no engine `{scalar.text}`"
        words = " or ".join(f"`{each}`" for each in ENGINES)
        problems.error(scalar.at, message, words, meant=(scalar.text, ENGINES))
    return ENGINES[0] if scalar is None else scalar.text


def read_spark(node: Node, problems: Problems) -> SparkSpec:
    """What Spark is started with."""
    fields = problems.fields(node, SPARK, "`spark`") or {}
    master = SparkSpec.master
    if "master" in fields:
        scalar = problems.scalar(fields["master"][1], "`master`")
        master = scalar.text if scalar else master
        if scalar and not _MASTER.fullmatch(master):
            expected = "local[*], local[4], spark://host:7077, yarn or k8s://…"
            problems.error(scalar.at, f"`{master}` is no master of Spark", expected)
    config = _read_config(fields["config"][1], problems) if "config" in fields else {}
    return SparkSpec(master, config)


def _read_config(node: Node, problems: Problems) -> dict[str, str]:
    mapping = problems.mapping(node, "`config`")
    out = {}
    for key, value in mapping.entries if mapping else ():
        scalar = problems.scalar(value, f"`{key.text}`")
        if not key.text.startswith("spark."):
            expected = "a name such as spark.executor.memory"
            problems.error(key.at, f"`{key.text}` is no setting of Spark", expected)
        elif key.text in FIXED or key.text == _ZONE:
            whose = "`time_zone` of the project" if key.text == _ZONE else "what rules mean"
            message = f"`{key.text}` follows from {whose} and can't be set"
            problems.error(key.at, message, "another setting")
        elif key.text == "spark.master":
            problems.error(key.at, "`spark.master` has a key of its own", "`master:` beside it")
        elif scalar and _MEMORY.fullmatch(key.text) and not _AMOUNT.fullmatch(scalar.text):
            problems.error(scalar.at, f"`{scalar.text}` is no amount of memory", "4g or 512m")
        elif scalar is not None:
            out[key.text] = scalar.text
    return out
