"""YAML text → nodes that know their place.

PyYAML's parser yields the events; the tree is composed here because the rule language wants more
than a loader gives: a place for every scalar, whether it was quoted, YAML 1.2 scalars (``no`` is
a text), duplicate keys refused, and bounds on size, depth and the growth of aliases. No Python
object is ever made from a tag.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from audience.errors import Location, Problem, RuleError, Source, masked

MAX_BYTES = 1_000_000
MAX_DEPTH = 60
MAX_NODES = 100_000
MAX_UNFOLDED = 10_000_000

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TEXT = "tag:yaml.org,2002:str"
_CORE_TAGS = {None, "!", _TEXT}
_PLAIN = {None, ""}
_STARTS = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_ENDS = (yaml.MappingEndEvent, yaml.SequenceEndEvent)
_IDS = "ids"
_FULL_WIDTH = "，：｛｝［］"
_QUOTES = 'quotes around "${…}" inside {…} and […], where YAML ends a text at the first }'


@dataclass(frozen=True, slots=True)
class Scalar:
    """A text as it was written; ``quoted`` tells ``"5"`` from ``5``."""

    text: str
    quoted: bool
    at: Location = field(compare=False)

    @property
    def is_null(self) -> bool:
        """Whether it is YAML's null: nothing, `~` or `null`, without quotes."""
        return not self.quoted and self.text in {"", "~", "null"}


@dataclass(frozen=True, slots=True)
class Sequence:
    """A list of nodes."""

    items: tuple[Node, ...]
    at: Location = field(compare=False)


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys, in the order they were written, and what stands behind them; no key stands twice."""

    entries: tuple[tuple[Scalar, Node], ...]
    at: Location = field(compare=False)
    broken: bool = field(default=False, compare=False)
    """Whether entries are left out because their keys are no texts, which has been told."""

    def get(self, name: str) -> Node | None:
        """What stands behind a key."""
        return next((node for key, node in self.entries if key.text == name), None)


Node = Scalar | Sequence | Mapping


def hide(node: Node) -> None:
    """Keep the lines of a node from being quoted: there are ids of users on them."""
    node.at.source.private.add(node.at.line)
    for part in node.items if isinstance(node, Sequence) else ():
        hide(part)
    for key, value in node.entries if isinstance(node, Mapping) else ():
        hide(key)
        hide(value)


def read_source(path: Path, shown: str) -> Source:
    """Read a file as UTF-8. ``shown`` is how messages name it. Raises RuleError."""
    empty = Source(shown, "")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RuleError(
            [Problem(f"cannot read the file: {reason}", Location(empty, 1, 1))]
        ) from None
    if len(data) > MAX_BYTES:
        raise RuleError(
            [Problem(f"the file is larger than {MAX_BYTES:,} bytes", Location(empty, 1, 1))]
        )
    try:
        return Source(shown, data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8", "replace")
        place = Source(shown, before).at(len(before))
        at = Location(empty, place.line, place.column)
        raise RuleError(
            [Problem("the file is not UTF-8 text", at, "a file saved as UTF-8")]
        ) from None


def parse(source: Source, start: int = 0) -> tuple[Node | None, list[Problem]]:
    """The one document of a text and every problem on the way; it begins at ``start``.

    The document is None where the text is empty, or so broken that nothing can be made of it.
    """
    composer = _Composer(source, start)
    return composer.compose(), composer.problems


@dataclass
class _Open:
    """A collection whose end has not come yet."""

    at: Location
    is_mapping: bool
    anchor: str | None
    items: list[Node] = field(default_factory=list)
    weight: int = 1
    size: int = 0


class _Composer:
    def __init__(self, source: Source, start: int = 0) -> None:
        self.source = source
        # What is before the document takes its place, so that places are those in the whole text.
        self.text = " " * start + source.text[start:]
        self.problems: list[Problem] = []
        self.anchors: dict[str, tuple[Node, int, int]] = {}
        self.total = 0
        self.unfolded = 0

    def compose(self) -> Node | None:
        try:
            return self._run(_events(self.text))
        except yaml.MarkedYAMLError as error:
            last = self._syntax(error)
        except yaml.reader.ReaderError as error:
            at = self.source.at(error.position)
            last = Problem(f"not valid YAML: {error.reason}", at, "plain text")
        except RuleError as error:
            (last,) = error.problems
        self._hide_unread(last.at)
        self.problems.append(last)
        return None

    def _hide_unread(self, at: Location | None) -> None:
        """Do not quote a line that may have ids: what is not read to its end tells no list."""
        if at is None:
            return
        before = "\n".join(self.source.lines[: at.line - 1])
        start = before.rfind(_IDS)
        if _IDS in at.quoted or (start >= 0 and "]" not in before[start:]):
            self.source.private.add(at.line)

    def _run(self, events: Iterator[Any]) -> Node | None:
        stack: list[_Open] = []
        root: Node | None = None
        documents = 0
        for event in events:
            node: Node
            if isinstance(event, yaml.ScalarEvent):
                self._check_tag(event)
                quoted = event.style not in _PLAIN or event.tag == _TEXT
                node = Scalar(event.value, quoted, self._at(event))
                if event.anchor:
                    self.anchors[event.anchor] = (node, 1, len(node.text))
                root = self._place(stack, node, 1, len(node.text), event) or root
            elif isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._stop(event, "a second document in one file", "one document a file")
            elif isinstance(event, _STARTS):
                self._check_tag(event)
                if len(stack) >= MAX_DEPTH:
                    self._stop(event, f"nested more than {MAX_DEPTH} levels deep", "a flatter rule")
                is_mapping = isinstance(event, yaml.MappingStartEvent)
                stack.append(_Open(self._at(event), is_mapping, event.anchor))
            elif isinstance(event, _ENDS):
                done = stack.pop()
                node = self._close(done, stack)
                if done.anchor:
                    self.anchors[done.anchor] = (node, done.weight, done.size)
                root = self._place(stack, node, done.weight, done.size, event, new=1) or root
            elif isinstance(event, yaml.AliasEvent):
                known = self.anchors.get(str(event.anchor))
                if known is None:
                    self._stop(event, f"no anchor &{event.anchor} before this alias", "an anchor")
                    continue
                self.unfolded += known[2]
                if self.unfolded > MAX_UNFOLDED:
                    message = f"more than {MAX_UNFOLDED:,} characters by aliases"
                    self._stop(event, message, "fewer aliases of long texts")
                root = self._place(stack, *known, event) or root
        return root

    def _place(
        self,
        stack: list[_Open],
        node: Node,
        weight: int,
        size: int,
        event: Any,
        new: int | None = None,
    ) -> Node | None:
        """Put a finished node where it belongs; returned if it is the root.

        ``weight`` is how many values it has, ``new`` how many of them were not counted yet,
        ``size`` how many characters.
        """
        self.total += weight if new is None else new
        if self.total > MAX_NODES:
            self._stop(event, f"more than {MAX_NODES:,} values, aliases included", "a smaller file")
        if not stack:
            return node
        stack[-1].items.append(node)
        stack[-1].weight += weight
        stack[-1].size += size
        return None

    def _close(self, done: _Open, stack: list[_Open]) -> Node:
        if not done.is_mapping:
            return Sequence(tuple(done.items), done.at)
        entries: list[tuple[Scalar, Node]] = []
        first: dict[str, Scalar] = {}
        repeated = 0
        for key, value in zip(done.items[::2], done.items[1::2], strict=True):
            if not isinstance(key, Scalar):
                self.problems.append(Problem("a key must be a plain text", key.at, "a name"))
            elif key.text in first:
                repeated += 1
                line = first[key.text].at.line
                name = masked(key.text) if _is_of_ids(stack) else key.text
                message = f"duplicate key `{name}` (first on line {line})"
                self.problems.append(Problem(message, key.at, "each key once"))
            else:
                first[key.text] = key
                entries.append((key, value))
            if isinstance(key, Scalar) and key.text == _IDS and not isinstance(value, Mapping):
                self.source.private.add(key.at.line)
                hide(value)
        broken = 2 * (len(entries) + repeated) < len(done.items)
        return Mapping(tuple(entries), done.at, broken)

    def _check_tag(self, event: Any) -> None:
        if event.tag not in _CORE_TAGS:
            self.problems.append(
                Problem(f"YAML tag `{event.tag}` is not allowed", self._at(event), "a plain value")
            )

    def _at(self, event: Any) -> Location:
        start, end = event.start_mark, event.end_mark
        length = end.column - start.column if end.line == start.line else 1
        return Location(self.source, start.line + 1, start.column + 1, max(1, length))

    def _stop(self, event: Any, message: str, expected: str) -> None:
        raise RuleError([Problem(message, self._at(event), expected)])

    def _syntax(self, error: yaml.MarkedYAMLError) -> Problem:
        words = [part for part in (error.context, error.problem) if part]
        message = "not valid YAML: " + ", ".join(words)
        mark = error.problem_mark
        if mark and self.source.text[mark.index : mark.index + 1] == "\t":
            message += " (a tab: YAML is indented with spaces)"
        # What is missing at the end of the text is better shown where it was opened.
        end = self.source.end
        for mark in (error.problem_mark, error.context_mark):
            if mark and (mark.line + 1, mark.column + 1) < (end.line, end.column):
                at = Location(self.source, mark.line + 1, mark.column + 1)
                return Problem(message, at, _hint(at.quoted))
        return Problem(message, end)


def _is_of_ids(stack: list[_Open]) -> bool:
    """Whether what is closed is the value of `ids`."""
    key = stack[-1].items[-1] if stack and len(stack[-1].items) % 2 else None
    return isinstance(key, Scalar) and key.text == _IDS


def _hint(line: str) -> str:
    """What a line that is no YAML probably lacks."""
    if any(sign in line for sign in _FULL_WIDTH):
        return "half-width signs: , : { } [ ] instead of " + " ".join(_FULL_WIDTH)
    return _QUOTES if "${" in line else ""


def _events(text: str) -> Iterator[Any]:
    bad = _CONTROL.search(text)
    if bad:
        # Found here rather than by the parser, whose place for it counts bytes.
        raise yaml.reader.ReaderError(
            "", bad.start(), ord(bad.group()), "utf-8", "control character"
        )
    return iter(yaml.parse(text, Loader=_Loader))


# What YAML 1.2 does not print, and marks that reorder text on the screen, so that a rule
# could read differently from what it does.
_CONTROL = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
