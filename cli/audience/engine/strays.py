"""Rows of events that rules asked for and that count for nobody."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

RowNumbers = npt.NDArray[np.int64]


@dataclass
class Strays:
    """By file, the numbers of rows without a key, and of rows whose key is nobody's."""

    orphans: dict[str, list[RowNumbers]] = field(default_factory=dict)
    unknown: dict[str, list[RowNumbers]] = field(default_factory=dict)

    def add(self, file: str, orphans: RowNumbers, unknown: RowNumbers) -> None:
        """Note rows of a file."""
        if len(orphans):
            self.orphans.setdefault(file, []).append(orphans)
        if len(unknown):
            self.unknown.setdefault(file, []).append(unknown)

    def to_table(self) -> pa.Table:
        """As a table, to be kept."""
        rows = [
            (kind, file, np.unique(np.concatenate(numbers)))
            for kind, found in (("orphans", self.orphans), ("unknown", self.unknown))
            for file, numbers in sorted(found.items())
        ]
        return pa.table(
            {
                "kind": pa.array([kind for kind, _, _ in rows], pa.string()),
                "file": pa.array([file for _, file, _ in rows], pa.string()),
                "numbers": pa.array([numbers for _, _, numbers in rows], pa.list_(pa.int64())),
            }
        )

    @classmethod
    def from_table(cls, table: pa.Table) -> Strays:
        """From a table that was kept."""
        out = cls()
        for row in range(table.num_rows):
            numbers = np.asarray(table["numbers"][row].values)
            found = out.orphans if table["kind"][row].as_py() == "orphans" else out.unknown
            found[table["file"][row].as_py()] = [numbers]
        return out


def count_strays(several: Iterable[Strays]) -> tuple[int, int]:
    """How many rows are without a key, how many have one of nobody; each row once."""
    whole = Strays()
    for strays in several:
        for mine, found in (
            (whole.orphans, strays.orphans),
            (whole.unknown, strays.unknown),
        ):
            for file, numbers in found.items():
                mine.setdefault(file, []).extend(numbers)
    return _distinct(whole.orphans), _distinct(whole.unknown)


def _distinct(rows: Mapping[str, Sequence[RowNumbers]]) -> int:
    return sum(len(np.unique(np.concatenate(found))) for found in rows.values())
