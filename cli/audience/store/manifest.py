"""The manifest: what a published build is, in words that a later version can still read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from audience.errors import StoreError

FORMAT = 1
FILE_NAME = "manifest.json"
SUMMARY_NAME = "summary.json"


@dataclass(frozen=True)
class InputFile:
    """A file that was read.

    ``path`` is relative to the project where it lies below it; ``modified`` is UTC.
    """

    table: str
    path: str
    size: int
    modified: str


@dataclass(frozen=True)
class ListInput:
    """A list that was read: ``kind`` is `ids`, `published` or `suppress`.

    ``name`` is a file's path, or the build and pack; ``size`` counts distinct ids.
    """

    kind: str
    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class Window:
    """The days of an event table that were read; ``first`` '' is from the first there is."""

    table: str
    first: str
    last: str


@dataclass(frozen=True)
class RuleText:
    """A rule file's text, the SHA-256 of its bytes as UTF-8, and the values of its variables."""

    path: str
    sha256: str
    text: str
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PackEntry:
    """A pack: its file's SHA-256, and the checksum of its ids that no layout changes."""

    name: str
    label: str
    size: int
    file: str
    sha256: str
    ids: str


@dataclass(frozen=True)
class Manifest:
    """A build of one rule file.

    ``rules`` are its own text and then those it names; ``partial`` where only some packs were
    asked for.
    """

    campaign: str
    phase: str
    label: str
    as_of: date
    program: str
    project: RuleText
    rules: tuple[RuleText, ...]
    inputs: tuple[InputFile, ...]
    key: str
    base_size: int
    partial: bool
    packs: tuple[PackEntry, ...]
    snapshot: str = ""
    """The day of the user table's snapshot; '' where it has none."""

    windows: tuple[Window, ...] = ()
    lists: tuple[ListInput, ...] = ()
    suppressed: int = 0
    """How many of the base are left out because they are on a suppress list."""

    @property
    def name(self) -> str:
        """``campaign/phase@as_of``."""
        return f"{self.campaign}/{self.phase}@{self.as_of}"

    def pack(self, name: str) -> PackEntry | None:
        """The entry of a pack."""
        return next((entry for entry in self.packs if entry.name == name), None)

    def to_json(self) -> str:
        """The file's text: the same for the same build, to the byte."""
        return to_json({"format": FORMAT, **asdict(self), "as_of": self.as_of.isoformat()})


def to_json(value: Mapping[str, Any]) -> str:
    """JSON as this program writes it: Chinese as it is, two spaces, a newline at the end."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a build's folder.

    Raises StoreError where it is none; OSError where there is none.
    """
    path = folder / FILE_NAME
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        if data["format"] != FORMAT:
            raise StoreError(f"{path} has format {data['format']}, this program reads {FORMAT}")
        del data["format"]
        return Manifest(
            **{
                **data,
                "as_of": date.fromisoformat(data["as_of"]),
                "project": RuleText(**data["project"]),
                "rules": tuple(RuleText(**each) for each in data["rules"]),
                "inputs": tuple(InputFile(**each) for each in data["inputs"]),
                "packs": tuple(PackEntry(**each) for each in data["packs"]),
                "windows": tuple(Window(**each) for each in data.get("windows", ())),
                "lists": tuple(ListInput(**each) for each in data.get("lists", ())),
            }
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"{path} is damaged: {error}") from None
