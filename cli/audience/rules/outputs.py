"""What a rule file writes out, by name: packs, stages, sides of splits; and its definitions.

Known before any condition is read, so that conditions can name them in any order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

from audience.errors import Location
from audience.kinds import Table
from audience.rules.beside import Limit, Split, read_expect, read_limit, read_split
from audience.rules.grammar import OTHERWISE, PACK, SEED, STAGE, Key, name_fault
from audience.rules.reader import Problems
from audience.rules.source import Mapping, Node, Scalar
from audience.rules.tree import Expect

BASE = "base"
_LONGEST = 240
"""What file systems allow, less the suffix."""

MAX_STAGES = 500
"""Each stage holds all that stand before it: of many more, a file would never be done with."""

T = TypeVar("T")
Fields = MappingOf[str, tuple[Scalar, Node]]


@dataclass(frozen=True, slots=True)
class Output:
    """A pack, a stage (of ``stage_set``), or a ``side`` of the split of ``owner``.

    ``where`` is None of what has none: a side, an `otherwise`, or a pack that is wrong.
    """

    name: str
    at: Location
    fields: Fields
    where: Node | None
    stage_set: str = ""
    owner: str = ""
    side: str = ""
    is_rest: bool = False

    @property
    def is_composed(self) -> bool:
        """Whether more than its own condition tells who is in it."""
        return bool(self.side or self.stage_set or "limit" in self.fields)

    @property
    def is_broken(self) -> bool:
        """Whether it lacks the condition it should have."""
        return self.where is None and not self.side and not self.is_rest


class Outputs:
    """The names of one rule file. Problems of what stands beside `where` are noted once."""

    def __init__(self, node: Mapping, file: str, users: Table, problems: Problems) -> None:
        self.node = node
        self.file = file
        self.users = users
        self.problems = problems
        self.base = node.get(BASE)
        self.definitions = {key.text: value for key, value in self._entries("define")}
        self.rows = {key.text: value for key, value in self._entries("rows")}
        if self.base is not None:
            self.definitions = {BASE: self.base, **self.definitions}
        self.stage_sets: dict[str, list[str]] = {}
        self._crowd: Location | None = None
        self.all: dict[str, Output] = {}
        for output in (*self._stages(), *self._packs()):
            self.all[output.name] = output
            for side in self._sides(output):
                self.all.setdefault(side.name, side)
        self._limits: dict[str, Limit | None] = {}
        self._splits: dict[str, Split | None] = {}

    @cached_property
    def names(self) -> dict[str, None]:
        """Every name that a condition may mention, in order."""
        return dict.fromkeys(name for name in (*self.definitions, *self.all) if name != BASE)

    def has_too_many_stages(self) -> bool:
        """Whether the file has more stages than it may, which is noted."""
        if self._crowd is not None:
            message = f"more than {MAX_STAGES} stages in one file"
            self.problems.error(self._crowd, message, "fewer stages")
        return self._crowd is not None

    def limit(self, name: str) -> Limit | None:
        """A pack's limit; None where it has none, or after a problem."""
        return self._beside(name, "limit", self._limits, self._read_limit)

    def split(self, name: str) -> Split | None:
        """A pack's split; None where it has none, or after a problem."""
        return self._beside(name, "split", self._splits, self._read_split)

    def expect(self, name: str) -> Expect | None:
        """What is expected of a pack; also reads what else stands beside it."""
        self.limit(name)
        self.split(name)
        fields = self.all[name].fields
        return read_expect(fields["expect"][1], self.problems) if "expect" in fields else None

    def label(self, name: str) -> str:
        """A pack's label; of a side, that of the pack with the side's name."""
        output = self.all[name]
        if output.side:
            label = self.label(output.owner)
            return f"{label} · {output.side}" if label else ""
        return self.read_label(output.fields.get("label"))

    def read_label(self, field: tuple[Scalar, Node] | None) -> str:
        """A label; empty where there is none."""
        if field is None:
            return ""
        scalar = self.problems.scalar(field[1], "`label`")
        return scalar.text if scalar else ""

    def check_names(self) -> None:
        """Note names that are unsafe or taken, and sections of the wrong shape."""
        taken: dict[str, Scalar] = {}
        for section in ("define", "rows", "packs", "stages"):
            node = self.node.get(section)
            if node is not None and not isinstance(node, Mapping):
                self.problems.mapping(node, f"`{section}`")
            for key, _ in self._entries(section):
                self._check_name(key, taken)
        for output in self.all.values():
            if len(output.name.encode()) > _LONGEST:
                message = f"`{output.name}` is too long for the name of a file"
                self.problems.error(output.at, message, f"at most {_LONGEST} bytes")
        for key, node in self._entries("packs"):
            self.problems.fields(node, PACK, f"pack `{key.text}`")
        for name, node in self._entries("stages"):
            stages = self.problems.mapping(node, f"stages `{name.text}`")
            inside: dict[str, Scalar] = {}
            for key, _ in stages.entries if stages else ():
                self._check_name(key, inside)
            self._check_stages(name, stages)

    def _check_stages(self, name: Scalar, stages: Mapping | None) -> None:
        if stages is not None and not stages.entries and not stages.broken:
            self.problems.error(stages.at, f"stages `{name.text}` are empty", "at least one stage")
        for output in (self.all[each] for each in self.stage_sets.get(name.text, ())):
            if output.stage_set != name.text:
                continue  # a pack that has taken its name, which is told
            if output.is_rest and output.name != self.stage_sets[name.text][-1]:
                message = f"`{OTHERWISE}` leaves nobody to the stages behind it"
                self.problems.error(output.at, message, "the last stage")
            if output.fields:
                node = Mapping(tuple(output.fields.values()), output.at)
                self._check_keys(node, STAGE, f"stage `{output.name}`")

    def _check_keys(self, node: Mapping, keys: MappingOf[str, Key], what: str) -> None:
        for key, _ in node.entries:
            if key.text not in keys:
                self.problems.unknown_key(key, keys, what)

    def _check_name(self, key: Scalar, taken: dict[str, Scalar]) -> None:
        fault = "`base` names the base" if key.text == BASE else name_fault(key.text)
        if fault:
            expected = "letters, digits, '_' and '-', at most 60"
            self.problems.error(key.at, f"unsafe name `{key.text}`: {fault}", expected)
        # Compared without case: on some disks two such packs would be one file.
        folded = key.text.casefold()
        if folded in taken:
            line = taken[folded].at.line
            message = f"the name `{key.text}` is taken (line {line})"
            self.problems.error(key.at, message, "each name once, whatever its case")
        taken.setdefault(folded, key)

    def _packs(self) -> Iterator[Output]:
        for key, node in self._entries("packs"):
            fields = _by_key(node)
            where = fields["where"][1] if "where" in fields else None
            yield Output(key.text, key.at, fields, where)

    def _stages(self) -> Iterator[Output]:
        count = 0
        for key, node in self._entries("stages"):
            names = self.stage_sets[key.text] = []
            for stage, value in node.entries if isinstance(node, Mapping) else ():
                fields = _by_key(value)
                # A stage is a condition, or is written like a pack.
                if "where" not in fields:
                    fields = {}
                where: Node | None = fields["where"][1] if fields else value
                is_rest = isinstance(where, Scalar) and where.text == OTHERWISE and not where.quoted
                name = f"{key.text}.{stage.text}"
                names.append(name)
                count += 1
                if count == MAX_STAGES + 1:
                    self._crowd = stage.at
                yield Output(
                    name,
                    stage.at,
                    fields,
                    None if is_rest else where,
                    stage_set=key.text,
                    is_rest=is_rest,
                )

    def _sides(self, output: Output) -> Iterator[Output]:
        node = output.fields["split"][1] if "split" in output.fields else None
        for key, _ in node.entries if isinstance(node, Mapping) else ():
            if key.text != SEED:
                name = f"{output.name}.{key.text}"
                yield Output(name, key.at, {}, None, owner=output.name, side=key.text)

    def _read_limit(self, node: Node) -> Limit | None:
        return read_limit(node, self.users, self.problems)

    def _read_split(self, node: Node) -> Split | None:
        return read_split(node, self.problems)

    def _beside(
        self, name: str, key: str, known: dict[str, T | None], read: Callable[[Node], T | None]
    ) -> T | None:
        if name not in known:
            fields = self.all[name].fields
            known[name] = read(fields[key][1]) if key in fields else None
        return known[name]

    def _entries(self, section: str) -> tuple[tuple[Scalar, Node], ...]:
        node = self.node.get(section)
        return node.entries if isinstance(node, Mapping) else ()


def _by_key(node: Node) -> Fields:
    """A mapping's entries by key, whatever they are."""
    entries = node.entries if isinstance(node, Mapping) else ()
    return {key.text: (key, value) for key, value in entries}
