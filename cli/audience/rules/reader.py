"""Reading located nodes: what is allowed where, with every problem collected."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, replace

from audience.errors import Location, Problem, RuleError, Severity, Source, listed, nearest
from audience.rules.grammar import Key, place_of
from audience.rules.scalars import Misfit
from audience.rules.source import Mapping, Node, Scalar, Sequence

MOST_TOLD = 500
"""How many errors, and how many warnings, are told one by one; the others are counted."""
_MOST_SUGGESTIONS = 50
_MOST_COMPARED = 20_000
_LONGEST = 1_500
"""Longer messages are cut: what they quote may be as long as a file."""


@dataclass
class Problems:
    """The problems of one run, as they are found.

    Past :data:`MOST_TOLD` they are counted and no more kept, so that a file that is wrong a hundred
    thousand times costs no more than one that is right.
    """

    found: list[Problem] = field(default_factory=list)
    muted: set[tuple[str, int, int]] = field(default_factory=set)
    count: int = 0
    """How many errors were noted, the same one every time: to see whether a step noted any."""
    _known: set[int] = field(default_factory=set)
    _told: dict[Severity, int] = field(default_factory=dict)
    _untold: dict[Severity, tuple[int, Problem]] = field(default_factory=dict)
    _compared: int = 0

    def error(
        self,
        at: Location,
        message: str,
        expected: str = "",
        *,
        meant: tuple[str, Iterable[str]] | None = None,
    ) -> None:
        """Note an error; ``meant`` is a name and the names it may have been meant for."""
        if not self._is_muted(at):
            self.add(Problem(message, at, expected, self.suggest(meant)))

    def warn(self, at: Location, message: str) -> None:
        """Note a warning."""
        self.add(Problem(message, at, severity=Severity.WARNING))

    def misfit(self, at: Location, misfit: Misfit) -> None:
        """Note a value that does not fit."""
        if not self._is_muted(at):
            close = misfit.nearest or self.suggest(misfit.meant)
            self.add(Problem(misfit.message, at, misfit.expected, close))

    def suggest(self, meant: tuple[str, Iterable[str]] | None) -> str:
        """What a name was probably meant for; empty where nothing is close."""
        # Past that many, what is meant is another file; and looking costs.
        if meant is None or len(self.found) >= _MOST_SUGGESTIONS:
            return ""
        if self._compared >= _MOST_COMPARED:
            return ""
        name, names = meant[0], tuple(meant[1])
        self._compared += len(names)
        return nearest(name, names)

    def add(self, problem: Problem) -> None:
        """Note a problem: the same one once, and one that stands for others as so many."""
        if problem.severity is Severity.ERROR:
            self.count += problem.more or 1
        if problem.more:
            self._leave_untold(problem, problem.more)
            return
        at = problem.at
        place = at and (at.source.path, at.line, at.column, at.note)
        mark = hash((problem.severity, problem.message, problem.expected, place))
        if mark in self._known:
            return
        self._known.add(mark)
        told = self._told.get(problem.severity, 0)
        if told >= MOST_TOLD:
            self._leave_untold(problem, 1)
            return
        self._told[problem.severity] = told + 1
        self.found.append(_cut(problem))

    def _leave_untold(self, problem: Problem, count: int) -> None:
        before, first = self._untold.get(problem.severity, (0, problem))
        self._untold[problem.severity] = (before + count, first)

    def mute(self, at: Location) -> None:
        """Say no more of a place: what was told of it makes the rest meaningless."""
        self.muted.add((at.source.path, at.line, at.column))

    def _is_muted(self, at: Location) -> bool:
        return bool(self.muted) and (at.source.path, at.line, at.column) in self.muted

    def extend(self, problems: Iterable[Problem]) -> None:
        """Take over problems found elsewhere."""
        for problem in problems:
            self.add(problem)

    @property
    def all(self) -> tuple[Problem, ...]:
        """What is told one by one, and for each severity one that stands for the rest."""
        return (*self.found, *(_rest_of(*each) for each in self._untold.values()))

    @property
    def errors(self) -> tuple[Problem, ...]:
        """What stops the run, each once, by place."""
        return self._of(Severity.ERROR)

    @property
    def warnings(self) -> tuple[Problem, ...]:
        """What is only told, each once, by place."""
        return self._of(Severity.WARNING)

    def _of(self, severity: Severity) -> tuple[Problem, ...]:
        chosen = [each for each in self.all if each.severity is severity]
        return tuple(sorted(chosen, key=lambda problem: problem.order))

    def raise_errors(self) -> None:
        """Raise RuleError if there was any error."""
        if self.count:
            raise RuleError(self.all)

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


def _rest_of(count: int, first: Problem) -> Problem:
    """What stands for problems that are not told one by one: how many, and where the first is."""
    message = f"… and {count:,} more {first.severity}{'' if count == 1 else 's'}"
    at = first.at and Location(Source(first.at.source.path, ""), first.at.line, first.at.column)
    return Problem(message, at, severity=first.severity, more=count)


def _cut(problem: Problem) -> Problem:
    if max(len(problem.message), len(problem.expected)) <= _LONGEST:
        return problem
    message, expected = _short(problem.message), _short(problem.expected)
    return replace(problem, message=message, expected=expected)


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "…"
