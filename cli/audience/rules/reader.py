"""Reading located nodes: what is allowed where, with every problem collected."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field

from audience.errors import Location, Problem, RuleError, Severity, listed, nearest
from audience.rules.grammar import Key, place_of
from audience.rules.scalars import Misfit
from audience.rules.source import Mapping, Node, Scalar, Sequence

_MOST_SUGGESTIONS = 50


@dataclass
class Problems:
    """The problems of one run, as they are found."""

    found: list[Problem] = field(default_factory=list)
    muted: set[tuple[str, int, int]] = field(default_factory=set)

    def error(
        self,
        at: Location,
        message: str,
        expected: str = "",
        *,
        meant: tuple[str, Iterable[str]] | None = None,
    ) -> None:
        """Note an error; ``meant`` is a name and the names it may have been meant for."""
        if self._is_muted(at):
            return
        # Past that many, what is meant is another file; and looking costs.
        close = nearest(*meant) if meant and len(self.found) < _MOST_SUGGESTIONS else ""
        self.found.append(Problem(message, at, expected, close))

    def warn(self, at: Location, message: str) -> None:
        """Note a warning."""
        self.found.append(Problem(message, at, severity=Severity.WARNING))

    def misfit(self, at: Location, misfit: Misfit) -> None:
        """Note a value that does not fit."""
        if not self._is_muted(at):
            self.found.append(Problem(misfit.message, at, misfit.expected, misfit.nearest))

    def mute(self, at: Location) -> None:
        """Say no more of a place: what was told of it makes the rest meaningless."""
        self.muted.add((at.source.path, at.line, at.column))

    def _is_muted(self, at: Location) -> bool:
        return bool(self.muted) and (at.source.path, at.line, at.column) in self.muted

    def extend(self, problems: Iterable[Problem]) -> None:
        """Take over problems found elsewhere."""
        self.found.extend(problems)

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What stops the run, each once, by place."""
        return self._told(Severity.ERROR)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is only told, each once, by place."""
        return self._told(Severity.WARNING)

    def _told(self, severity: Severity) -> tuple[Problem, ...]:
        chosen = dict.fromkeys(each for each in self.found if each.severity is severity)
        return tuple(sorted(chosen, key=lambda problem: problem.order))

    @property
    def count(self) -> int:
        """How many errors were noted: cheap, to see whether a step noted any."""
        return sum(each.severity is Severity.ERROR for each in self.found)

    def raise_errors(self) -> None:
        """Raise RuleError if there was any error."""
        if self.errors:
            raise RuleError(self.found)

    def mapping(self, node: Node, what: str) -> Mapping | None:
        """The node as a mapping, or None with a problem."""
        if isinstance(node, Mapping):
            return node
        self.error(node.at, f"{what} must be a mapping", "entries such as `name: value`")
        return None

    def scalar(self, node: Node, what: str) -> Scalar | None:
        """The node as a scalar that is not empty, or None with a problem."""
        if isinstance(node, Scalar) and not node.is_null:
            return node
        self.error(node.at, f"{what} must be a single value", "a text or a number")
        return None

    def items(self, node: Node, what: str) -> tuple[Node, ...] | None:
        """The items of a list that is not empty, or None with a problem."""
        if not isinstance(node, Sequence):
            self.error(node.at, f"{what} must be a list", "a list such as [a, b]")
            return None
        if not node.items:
            self.error(node.at, f"{what}: the list is empty", "at least one entry")
            return None
        return node.items

    def fields(
        self, node: Node, keys: MappingOf[str, Key], what: str
    ) -> dict[str, tuple[Scalar, Node]] | None:
        """A mapping of known keys: each with its key's and its value's node.

        None where the node is no mapping. Unknown and missing keys are problems.
        """
        mapping = self.mapping(node, what)
        if mapping is None:
            return None
        out: dict[str, tuple[Scalar, Node]] = {}
        for key, value in mapping.entries:
            if key.text in keys:
                out[key.text] = (key, value)
            else:
                self.unknown_key(key, keys, what)
        for name, rule in keys.items():
            if rule.required and name not in out:
                self.error(mapping.at, f"{what} has no `{name}`", f"`{name}: …`: {rule.doc}")
        return out

    def unknown_key(self, key: Scalar, keys: Collection[str], what: str) -> None:
        """Note a key that is not known; of one that belongs elsewhere, where that is."""
        self.error(
            key.at,
            f"unknown key `{key.text}` in {what}",
            "one of " + listed(keys) + place_of(key.text),
            meant=(key.text, keys),
        )
