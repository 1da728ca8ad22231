"""Conditions: a YAML node → a tree that selects users (or, behind ``did: where:``, event rows)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from collections.abc import Mapping as MappingOf
from typing import Protocol

from audience.errors import Location, listed
from audience.kinds import Catalog, Table
from audience.rules.behaviour import read_behaviour
from audience.rules.grammar import CONDITION, place_of
from audience.rules.lists import read_ids, read_key_tests, read_published
from audience.rules.reader import Problems
from audience.rules.source import Mapping, Node, Scalar, Sequence
from audience.rules.tree import All, AtLeast, Condition, Either, Named, Not
from audience.rules.values import read_tests

MAX_DEPTH = 170
"""Every walk over a tree takes at most four Python frames a level, of the thousand there are."""
_USERS_ONLY = ("did", "did_not", "ids", "published")


class Names(Protocol):
    """What turns a name in a condition into the condition it stands for."""

    def resolve(self, name: Scalar, depth: int) -> tuple[Named, int] | None:
        """The named condition, asked for ``depth`` conditions down, and how deep it is itself.

        None after a problem.
        """
        ...

    def resolve_rows(self, name: Scalar, table: Table, depth: int) -> tuple[Named, int] | None:
        """The same of a named condition over the rows of an event table."""
        ...


class ConditionReader:
    """Reads the conditions over one table: the user table, or an event table's rows."""

    def __init__(
        self,
        table: Table,
        catalog: Catalog,
        problems: Problems,
        names: Names,
        depth: int = 0,
    ) -> None:
        self.table = table
        self.catalog = catalog
        self.problems = problems
        self.names = names
        self.depth = depth
        self.deepest = depth
        self._keywords: MappingOf[str, Callable[[Scalar, Node], Condition | None]] = {
            "all": self._read_all,
            "intersect": self._read_all,
            "any": self._read_any,
            "union": self._read_any,
            "not": self._read_not,
            "minus": self._read_minus,
            "at_least": self._read_all,
            "of": self._read_all,
            "tags": self._read_tags,
            "did": self._read_did,
            "did_not": self._read_did_not,
            "ids": self._read_ids,
            "published": self._read_published,
        }

    def read(self, node: Node) -> Condition | None:
        """The condition a node stands for; None after a problem."""
        if self._is_too_deep(node, 1):
            return None
        self.depth += 1
        try:
            if isinstance(node, Scalar):
                return self._read_name(node)
            if isinstance(node, Sequence):
                self.problems.error(
                    node.at, "a list is no condition", "`all: […]`, `any: […]` or a mapping"
                )
                return None
            return self._read_mapping(node)
        finally:
            self.depth -= 1

    def _read_name(self, node: Scalar) -> Condition | None:
        if node.is_null or not node.text:
            self.problems.error(node.at, "a condition is missing here", "a mapping or a name")
            return None
        if self.table.is_users:
            found = self.names.resolve(node, self.depth)
        else:
            found = self.names.resolve_rows(node, self.table, self.depth)
        if found is None or self._is_too_deep(node, found[1]):
            return None
        return found[0]

    def _is_too_deep(self, node: Node, more: int) -> bool:
        """Whether what is to come nests too deep: the tree is walked by functions that nest too."""
        self.deepest = max(self.deepest, self.depth + more)
        if self.depth + more <= MAX_DEPTH:
            return False
        self.problems.error(
            node.at,
            f"conditions nested more than {MAX_DEPTH} deep, names included",
            "a flatter rule",
        )
        return True

    def _read_mapping(self, node: Mapping) -> Condition | None:
        if not node.entries:
            if node.broken:
                return None
            self.problems.error(node.at, "an empty mapping is no condition", "at least one entry")
            return None
        keys = {key.text: (key, value) for key, value in node.entries}
        self._check_companions(keys)
        seen: dict[str, Scalar] = {}
        parts: list[Condition | None] = []
        for key, value in node.entries:
            read = self._keywords.get(key.text)
            if read is None:
                self._check_once(key, seen)
                parts.extend(self._read_tag(key, value))
            elif key.text in _USERS_ONLY and not self.table.is_users:
                self.problems.error(
                    key.at, f"`{key.text}` selects users, not events", "columns of the table"
                )
                parts.append(None)
            elif key.text == "at_least":
                parts.append(self._read_at_least(value, keys.get("of", (key, None))[1]))
            elif key.text != "of":
                parts.append(read(key, value))
            elif "at_least" not in keys:
                parts.append(read(key, value))  # an error already; what is inside may be one too
        return self._all(parts, node.at)

    def _check_companions(self, keys: MappingOf[str, tuple[Scalar, Node]]) -> None:
        if "of" in keys and "at_least" not in keys:
            self.problems.error(
                keys["of"][0].at, "`of` without `at_least`", "`at_least: 2` beside it"
            )
        if "at_least" in keys and "of" not in keys:
            self.problems.error(
                keys["at_least"][0].at, "`at_least` without `of`", "`of: [c, …]` beside it"
            )
        if "minus" in keys and len(keys) == 1:
            self.problems.error(
                keys["minus"][0].at,
                "`minus` alone takes away from nothing",
                "other entries beside it, or `not:` for everybody but these",
            )

    def _check_once(self, key: Scalar, seen: dict[str, Scalar]) -> None:
        """A tag under its name and under its label is as much a duplicate as any other key."""
        tag = self.table.find(key.text)
        if tag is not None and tag.name in seen:
            first = seen[tag.name]
            self.problems.error(
                key.at,
                f"`{key.text}` is `{first.text}`, which stands on line {first.at.line} already",
                "each tag once; several tests of it as `{gte: …, lt: …}` or in `all:`",
            )
        elif tag is not None:
            seen[tag.name] = key

    def _read_tag(
        self, key: Scalar, value: Node, keywords: Collection[str] = CONDITION
    ) -> list[Condition | None]:
        tag = self.table.find(key.text)
        if tag is None:
            if self.table.is_users:
                what = "tag or keyword"
                expected = "a tag of the dictionary (`audience tags` lists them) or a keyword"
                others = [each.name for each in self.catalog.events.values() if each.find(key.text)]
                if others:
                    expected = f"a tag; the columns of `{others[0]}` stand in `did: {{where: …}}`"
            else:
                what = f"column of `{self.table.name}`"
                expected = "one of " + listed(self.table.tags)
            self.problems.error(
                key.at,
                f"unknown {what} `{key.text}`",
                expected + place_of(key.text),
                meant=(key.text, (*self.table.names, *keywords)),
            )
            return [None]
        read = read_key_tests if tag.name == self.table.key else read_tests
        tests = read(tag, value, self.problems)
        return [None] if tests is None else list(tests)

    def _read_tags(self, _key: Scalar, node: Node) -> Condition | None:
        mapping = self.problems.mapping(node, "`tags`")
        if mapping is None:
            return None
        seen: dict[str, Scalar] = {}
        parts: list[Condition | None] = []
        for key, value in mapping.entries:
            self._check_once(key, seen)
            parts += self._read_tag(key, value, ())
        if not parts:
            self.problems.error(node.at, "`tags` is empty", "at least one tag")
            return None
        return self._all(parts, node.at)

    def _read_list(self, key: Scalar, node: Node) -> tuple[Condition, ...] | None:
        items = self.problems.items(node, f"`{key.text}`")
        if items is None:
            return None
        found = []
        for item in items:  # no comprehension: it would be a frame more a level
            part = self.read(item)
            if part is not None:
                found.append(part)
        return tuple(found) if len(found) == len(items) else None

    def _read_all(self, key: Scalar, node: Node) -> Condition | None:
        parts = self._read_list(key, node)
        return None if parts is None else All(parts, key.at)

    def _read_any(self, key: Scalar, node: Node) -> Condition | None:
        parts = self._read_list(key, node)
        return None if parts is None else Either(parts, key.at)

    def _read_not(self, key: Scalar, node: Node) -> Condition | None:
        part = self.read(node)
        return None if part is None else Not(part, key.at)

    def _read_minus(self, key: Scalar, node: Node) -> Condition | None:
        if isinstance(node, Sequence):
            parts = self._read_list(key, node)
            return None if parts is None else Not(Either(parts, key.at), key.at)
        return self._read_not(key, node)

    def _read_at_least(self, node: Node, of: Node | None) -> Condition | None:
        if of is None:
            return None
        parts = self._read_list(Scalar("of", False, of.at), of)
        scalar = self.problems.scalar(node, "`at_least`")
        if scalar is None:
            return None
        if not scalar.text.isdecimal() or not scalar.text.isascii() or len(scalar.text) > 9:
            self.problems.error(scalar.at, f"`{scalar.text}` is no count", "a number such as 2")
            return None
        count, number = int(scalar.text), len(of.items) if isinstance(of, Sequence) else 0
        if parts is not None and not 1 <= count <= number:
            self.problems.error(
                scalar.at, f"at least {count} of {number} conditions", f"1 to {number}"
            )
            return None
        return None if parts is None else AtLeast(count, parts, node.at)

    def _read_did(self, key: Scalar, node: Node) -> Condition | None:
        parts = self._read_behaviours(key, node)
        if parts is None:
            return None
        return parts[0] if len(parts) == 1 else All(parts, key.at)

    def _read_did_not(self, key: Scalar, node: Node) -> Condition | None:
        parts = self._read_behaviours(key, node)
        if parts is None:
            return None
        return Not(parts[0] if len(parts) == 1 else Either(parts, key.at), key.at)

    def _read_behaviours(self, key: Scalar, node: Node) -> tuple[Condition, ...] | None:
        """One behaviour or a list of them: all were done, or none was."""

        def read_rows(table: Table, where: Node) -> Condition | None:
            rows = ConditionReader(table, self.catalog, self.problems, self.names, self.depth)
            found = rows.read(where)
            self.deepest = max(self.deepest, rows.deepest)
            return found

        items: tuple[Node, ...] | None = (node,)
        if isinstance(node, Sequence):
            items = self.problems.items(node, f"`{key.text}`")
        read = [
            read_behaviour(key, item, self.catalog, self.problems, read_rows)
            for item in items or ()
        ]
        found = tuple(part for part in read if part is not None)
        return found if found and len(found) == len(read) else None

    def _read_ids(self, key: Scalar, node: Node) -> Condition | None:
        return read_ids(key, node, self.table, self.problems)

    def _read_published(self, key: Scalar, node: Node) -> Condition | None:
        return read_published(key, node, self.problems)

    def _all(self, parts: list[Condition | None], at: Location) -> Condition | None:
        found = tuple(part for part in parts if part is not None)
        if len(found) < len(parts) or not found:
            return None
        return found[0] if len(found) == 1 else All(found, at)
