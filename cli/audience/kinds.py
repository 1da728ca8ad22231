"""The types a column may have, as rules see them, and the dictionary over a table's columns.

A rule knows eight kinds of value. What a Parquet file stores (four widths of integer, decimals,
dictionary-coded text, …) is mapped to them where a table is read, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum


class Kind(StrEnum):
    """What a column's values are; the value is how messages call it."""

    BOOL = "true or false"
    INTEGER = "whole number"
    NUMBER = "number"
    TEXT = "text"
    DATE = "date"
    TIMESTAMP = "timestamp"
    LIST = "list"
    OTHER = "unsupported"


NUMBERS = frozenset({Kind.INTEGER, Kind.NUMBER})
DAYS = frozenset({Kind.DATE, Kind.TIMESTAMP})
ORDERED = NUMBERS | DAYS
# What a dictionary may say of a column: widths and fractions are the table's own affair.
DECLARED = {
    "number": NUMBERS,
    "text": frozenset({Kind.TEXT}),
    "bool": frozenset({Kind.BOOL}),
    "date": DAYS,
    "list": frozenset({Kind.LIST}),
}
SCALARS = ORDERED | {Kind.BOOL, Kind.TEXT}

Value = bool | int | float | str | date
"""A rule's value, read as the type of the column it is compared with."""


@dataclass(frozen=True)
class Type:
    """A column's type: its kind, for a list the kind of its elements.

    ``single`` marks 32-bit floats: values compared with them are rounded to 32 bits first, so
    that 19.99 finds 19.99.
    """

    kind: Kind
    item: Type | None = None
    single: bool = False
    stored: str = field(default="", compare=False)

    def __str__(self) -> str:
        if self.kind is Kind.LIST and self.item is not None:
            return f"list of {self.item}"
        if self.kind is Kind.OTHER:
            return f"{self.stored} (unsupported)"
        return str(self.kind.value)


@dataclass(frozen=True)
class Choice:
    """One value a dictionary allows: the value as it is stored, and its label if it has one."""

    value: Value
    label: str = ""


@dataclass(frozen=True)
class Tag:
    """A column that rules may name, with its type, its label and the values it may take.

    ``choices`` is None where any value of the type goes. ``missing`` is how many rows have no
    value, as far as the files' statistics tell (None: they don't). ``declared``: the dictionary
    says of what type it is.
    """

    name: str
    type: Type
    label: str = ""
    choices: tuple[Choice, ...] | None = None
    missing: int | None = field(default=None, compare=False)
    declared: bool = field(default=False, compare=False)
    bins: tuple[Value, ...] = field(default=(), compare=False)
    """Where profiles part its values: ascending edges, each in the bin above it."""


@dataclass(frozen=True)
class Table:
    """A table as rules see it: its columns, and the ones with a part to play."""

    name: str
    key: str
    tags: Mapping[str, Tag] = field(compare=False)
    time: str = ""
    action: str = ""
    actions: tuple[Choice, ...] | None = None

    @property
    def is_users(self) -> bool:
        """The user table is the one without a time."""
        return not self.time

    def find(self, name: str) -> Tag | None:
        """The tag of that column name or label."""
        if name in self.tags:
            return self.tags[name]
        return next((tag for tag in self.tags.values() if tag.label == name), None)

    @property
    def names(self) -> tuple[str, ...]:
        """Every name and label by which a tag can be reached."""
        labels = [tag.label for tag in self.tags.values() if tag.label]
        return (*self.tags, *labels)


@dataclass(frozen=True)
class Catalog:
    """All that rules may name: the user table and the event tables by name."""

    users: Table
    events: Mapping[str, Table]
