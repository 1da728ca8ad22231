"""What is allowed and often not meant: told as warnings."""

from __future__ import annotations

from typing import TypeGuard

from audience.errors import Location
from audience.rules.reader import Problems
from audience.rules.tree import All, AtLeast, Condition, Did, Either, Named, Not, RuleFile, Test


def missing_warnings(file: RuleFile, problems: Problems) -> None:
    """Warn where a negation stands over a tag with missing values: it selects those users too."""
    linter = _Linter(problems)
    for root in (file.base, *file.definitions.values(), *(pack.where for pack in file.packs)):
        if root is not None:
            linter.walk(root, None, frozenset())


class _Linter:
    def __init__(self, problems: Problems) -> None:
        self.problems = problems
        self.seen: set[tuple[int, Location | None, frozenset[str]]] = set()

    def walk(self, condition: Condition, negation: Location | None, known: frozenset[str]) -> None:
        """``negation`` is the place of the `not` in force, ``known`` the tags asked to be known."""
        if (id(condition), negation, known) in self.seen:
            return
        self.seen.add((id(condition), negation, known))
        match condition:
            case Test():
                self._check(condition, negation, known)
            case All(parts):
                asked = {part.tag.name for part in parts if _asks_known(part)}
                for part in parts:
                    self.walk(part, negation, known | asked if negation is None else known)
            case Either(parts) | AtLeast(_, parts):
                for part in parts:
                    self.walk(part, negation, known)
            case Not(part, at):
                self.walk(part, at if negation is None else None, known)
            case Named(_, part):
                self.walk(part, negation, known)
            case Did() if condition.where is not None:
                # Its own rows: a negation around the behaviour is not one around its columns.
                self.walk(condition.where, None, frozenset())

    def _check(self, test: Test, negation: Location | None, known: frozenset[str]) -> None:
        tag = test.tag
        selects_missing = test.predicate.over_missing == (negation is None)
        if not tag.missing or not selects_missing or test.predicate.name == "is":
            return
        if tag.name in known:
            return
        how = f"`{test.predicate.name}`" if negation is None else "a negation"
        self.problems.warn(
            negation or test.at,
            f"{how} over `{tag.name}` also selects where it is missing ({tag.missing:,} rows); "
            f"`{tag.name}: known` beside it leaves them out",
        )


def _asks_known(condition: Condition) -> TypeGuard[Test]:
    return (
        isinstance(condition, Test)
        and condition.predicate.name == "is"
        and condition.argument == "known"
    )
