"""The manifest: what a published build is, in words that a later version can still read."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

from audience.errors import StoreError
from audience.objects import AnyPath

FORMAT = 2
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
class PartEntry:
    """A file of a pack that is a folder of them: its name, how many ids, the SHA-256."""

    file: str
    size: int
    sha256: str


@dataclass(frozen=True)
class PackEntry:
    """A pack: its file's SHA-256, and the checksum of its ids that no layout changes.

    Where it was written in parts, ``file`` is a folder, and ``sha256`` that of their hashes; the
    ids of each part come after those of the part before.
    """

    name: str
    label: str
    size: int
    file: str
    sha256: str
    ids: str
    parts: tuple[PartEntry, ...] = ()

    @property
    def files(self) -> tuple[tuple[str, str], ...]:
        """Its files below the build's folder, each with its SHA-256."""
        if not self.parts:
            return ((self.file, self.sha256),)
        return tuple((f"{self.file}/{each.file}", each.sha256) for each in self.parts)

    def to_dict(self) -> dict[str, Any]:
        """What the manifest says of it: of parts only where there are any."""
        found = asdict(self)
        if not self.parts:
            del found["parts"]
        return found


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

    summary: str = ""
    """The SHA-256 of the summary."""

    forgotten: int = 0
    """How many people were taken out since; the rules' texts lack their ids, and `sha256` of a
    text stays what it was.
    """

    @property
    def name(self) -> str:
        """``campaign/phase@as_of``."""
        return f"{self.campaign}/{self.phase}@{self.as_of}"

    @property
    def snapshot_day(self) -> date | None:
        """The day of the snapshot; None where the user table has none."""
        return date.fromisoformat(self.snapshot) if self.snapshot else None

    def pack(self, name: str) -> PackEntry | None:
        """The entry of a pack."""
        return next((entry for entry in self.packs if entry.name == name), None)

    def to_json(self) -> str:
        """The file's text: the same for the same build, to the byte.

        ``sha256`` is of the text without it.
        """
        return to_json({"format": FORMAT, "sha256": self.sha256, **self._content})

    @cached_property
    def sha256(self) -> str:
        """What a manifest must say of itself."""
        return digest_of(to_json({"format": FORMAT, **self._content}).encode())

    @property
    def _content(self) -> dict[str, Any]:
        packs = [each.to_dict() for each in self.packs]
        return {**asdict(self), "as_of": self.as_of.isoformat(), "packs": packs}


def _pack_entry(data: Mapping[str, Any]) -> PackEntry:
    parts = tuple(PartEntry(**each) for each in data.get("parts", ()))
    return PackEntry(**{**data, "parts": parts})


def digest_of(data: bytes) -> str:
    """The SHA-256 of some bytes, in 64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def to_json(value: Mapping[str, Any]) -> str:
    """JSON as this program writes it: Chinese as it is, two spaces, a newline at the end."""
    return json.dumps(value, ensure_ascii=False, indent=2) + "\n"


def read_manifest(folder: AnyPath) -> Manifest:
    """The manifest of a build's folder.

    Raises StoreError where it is none, or not the one that was written; OSError where there is
    none.
    """
    path = folder / FILE_NAME
    try:
        text = path.read_bytes().decode()
        data = json.loads(text)
        form = data.pop("format")
        if form != FORMAT:
            raise StoreError(
                f"{path} has format {form}, this program reads {FORMAT}; build it once more"
            )
        data.pop("sha256", "")
        found = Manifest(
            **{
                **data,
                "as_of": date.fromisoformat(data["as_of"]),
                "project": RuleText(**data["project"]),
                "rules": tuple(RuleText(**each) for each in data["rules"]),
                "inputs": tuple(InputFile(**each) for each in data["inputs"]),
                "packs": tuple(map(_pack_entry, data["packs"])),
                "windows": tuple(Window(**each) for each in data.get("windows", ())),
                "lists": tuple(ListInput(**each) for each in data.get("lists", ())),
            }
        )
        whole = found.to_json() == text
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreError(f"{path} is damaged: {error}") from None
    if not whole:
        raise StoreError(f"{path} is not as it was published: its SHA-256 differs")
    return found
