"""Runs as lines of JSON, chained by hashes, so that an edit shows.

A line names the SHA-256 of the line before it and its own, and what is noted beside the lines that
of the last one, so that lines that were cut off are missed too. Who rewrites the lines and the note
leaves a chain that is whole: keep the last hash elsewhere where that matters.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audience.store.manifest import digest_of

NAME = "log.jsonl"


@dataclass(frozen=True)
class Log:
    """The runs, oldest first, and what is wrong with the file."""

    runs: tuple[Mapping[str, Any], ...]
    faults: tuple[str, ...]


@dataclass
class Chain:
    """Lines while they are held against their hashes, one after the other."""

    runs: list[Mapping[str, Any]] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    before: str = ""
    """The hash of the last line; '' where there is none that could be read."""

    def add(self, place: str, line: bytes) -> None:
        """The next line, without its end."""
        try:
            run = json.loads(line)
            own = run.pop("sha256")
            previous = run["previous"]
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self.lose(f"{place}: the line is damaged")
            return
        if _digest(run) != own or _dump({**run, "sha256": own}).encode() != line:
            self.faults.append(f"{place}: the line is not as it was written")
        elif previous != self.before and not (not self.before and self.faults):
            self.faults.append(f"{place}: the line before it is missing or another")
        self.before = own
        self.runs.append(run)

    def lose(self, fault: str) -> None:
        """A line that can't be read."""
        self.faults.append(fault)
        self.before = ""


def line_of(run: Mapping[str, Any], previous: str) -> tuple[bytes, str]:
    """A run as a line behind the one with that hash, and its own hash."""
    chained = {**run, "previous": previous}
    own = _digest(chained)
    return (_dump({**chained, "sha256": own}) + "\n").encode(), own


def previous_of(noted: str | None, last: bytes) -> str:
    """The hash that the next line names: that of the last one, or of one that should be there."""
    try:
        run = json.loads(last) if last else {"sha256": "", "previous": ""}
        own, before = str(run["sha256"]), str(run["previous"])
    except (ValueError, KeyError, TypeError):
        return noted or "damaged"
    # A run may have been killed between its line and the note of it.
    return own if noted in {None, own, before} else str(noted)


def _digest(run: Mapping[str, Any]) -> str:
    return digest_of(_dump(run).encode())


def _dump(run: Mapping[str, Any]) -> str:
    return json.dumps(run, ensure_ascii=False, separators=(", ", ": "))
