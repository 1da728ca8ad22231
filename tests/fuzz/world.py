"""Tables and rule files as plain data: what the evaluator judges and the program is given."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

Row = Mapping[str, Any]
Condition = Any


@dataclass(frozen=True)
class Table:
    """A table: its columns by kind, and its rows.

    The kinds: bool, int, float, float32, text, date, timestamp, and `list of` one of them.
    """

    name: str
    columns: Mapping[str, str]
    rows: Sequence[Row]
    key: str = "user_id"
    time: str = ""
    action: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    """Second names of columns."""
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Second names of a column's values."""

    def column(self, name: str) -> str:
        return self.labels.get(name, name)


@dataclass(frozen=True)
class RuleFile:
    """A rule file: conditions by name."""

    packs: Mapping[str, Condition] = field(default_factory=dict)
    define: Mapping[str, Condition] = field(default_factory=dict)
    stages: Mapping[str, Mapping[str, Condition]] = field(default_factory=dict)
    base: Condition = None


@dataclass(frozen=True)
class World:
    """All that an answer depends on. Rule files are named `campaign/phase`."""

    users: Table
    events: Mapping[str, Table]
    as_of: date
    time_zone: str
    files: Mapping[str, RuleFile]
    lists: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    """The ids in list files, by path."""

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Hypothesis would print all of it; the test notes what there is to read."""
        printer.text("…")
