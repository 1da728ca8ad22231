"""Parameters of a rule file: ``${name}`` where a scalar stands, valued by `vars` or the caller."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, replace
from itertools import islice

from audience.errors import Location, listed
from audience.rules.grammar import name_fault
from audience.rules.reader import Problems
from audience.rules.source import MAX_BYTES, Mapping, Node, Scalar, Sequence

KEY = "vars"
_LONGEST = 60
_MOST_NOTES = 20
_MENTION = re.compile(r"\$(\$\{|\{([^}]*)\})")


@dataclass(frozen=True)
class Variable:
    """A variable's value, and where it comes from, for messages."""

    value: Scalar
    origin: str


class Variables:
    """The variables of one rule file, and which of them were used."""

    def __init__(
        self, document: Mapping, overrides: MappingOf[str, str], problems: Problems
    ) -> None:
        self.problems = problems
        self.broken: list[Location] = []
        """Where something that is no variable, or one without a value, is mentioned."""
        self.known = dict(self._read(document, overrides))
        self.used: set[str] = set()
        self.room = MAX_BYTES

    @property
    def values(self) -> dict[str, str]:
        """Each variable's value as a text."""
        return {name: variable.value.text for name, variable in self.known.items()}

    def fill(self, document: Mapping) -> Mapping:
        """The document with the values in place; keys, and `vars` itself, stay as they are."""
        filled = Mapping(
            tuple(
                (key, node if key.text == KEY else self._fill(node))
                for key, node in document.entries
            ),
            document.at,
            document.broken,
        )
        for key, _ in self._entries(document):
            if key.text in self.known and key.text not in self.used:
                self.problems.warn(key.at, f"the variable `{key.text}` is not used")
        return filled

    def _read(
        self, document: Mapping, overrides: MappingOf[str, str]
    ) -> list[tuple[str, Variable]]:
        node = document.get(KEY)
        if node is not None and not isinstance(node, Mapping):
            self.problems.mapping(node, f"`{KEY}`")
        out = []
        self.declared = {key.text for key, _ in self._entries(document)}
        for key, value in self._entries(document):
            if fault := name_fault(key.text):
                expected = "letters, digits, '_' and '-'"
                self.problems.error(key.at, f"unsafe name `{key.text}`: {fault}", expected)
            scalar = self.problems.scalar(value, f"the variable `{key.text}`")
            if key.text in overrides:
                given = Scalar(overrides[key.text], False, key.at)
                out.append((key.text, Variable(given, "from --var")))
            elif scalar is not None:
                out.append((key.text, Variable(scalar, f"line {key.at.line}")))
        return out

    @staticmethod
    def _entries(document: Mapping) -> tuple[tuple[Scalar, Node], ...]:
        node = document.get(KEY)
        return node.entries if isinstance(node, Mapping) else ()

    def _fill(self, node: Node) -> Node:
        if isinstance(node, Mapping):
            entries = tuple((key, self._fill(value)) for key, value in node.entries)
            return replace(node, entries=entries)
        if isinstance(node, Sequence):
            return replace(node, items=tuple(self._fill(item) for item in node.items))
        return self._fill_scalar(node) if "${" in node.text else node

    def _fill_scalar(self, node: Scalar) -> Scalar:
        """A scalar with the values in it, read as one without quotes, however it was written.

        Inside `{…}` it has to be quoted, as YAML ends a plain scalar at the first `}`. Only a
        value that was quoted itself stays a text.
        """
        notes: dict[str, str] = {}
        quoted = False

        def value(match: re.Match[str]) -> str:
            nonlocal quoted
            if match[1] == "${":
                return "${"
            name = match[2].strip()
            variable = self.known.get(name)
            if variable is None:
                self.broken.append(node.at)
            if variable is None and name not in self.declared:
                self.problems.error(
                    node.at,
                    f"unknown variable `{name}`",
                    f"one of `{KEY}`: " + listed(self.known)
                    if self.known
                    else f"`{KEY}:` in the file",
                    meant=(name, self.known),
                )
            if variable is None:
                return match[0]
            self.used.add(name)
            shown = variable.value.text[:_LONGEST]
            notes[name] = f"`${{{name}}}` is `{shown}` ({variable.origin})"
            quoted = quoted or (match[0] == node.text and variable.value.quoted)
            return variable.value.text

        if self.room < 0:
            return node
        text = _MENTION.sub(value, node.text)
        self.room -= len(text)
        if self.room < 0:
            message = f"the variables make more than {MAX_BYTES:,} characters of the file"
            self.problems.error(node.at, message, "shorter values, or fewer")
        if not notes:
            return replace(node, text=text)
        note = "; ".join(islice(notes.values(), _MOST_NOTES))
        return Scalar(text, quoted, replace(node.at, note=note))
