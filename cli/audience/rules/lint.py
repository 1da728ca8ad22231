"""What is allowed and often not meant: told as warnings."""

from __future__ import annotations

from audience.errors import Location
from audience.kinds import Kind, Tag
from audience.rules.reader import Problems
from audience.rules.tree import (
    All,
    AtLeast,
    Condition,
    Did,
    Either,
    Kept,
    Named,
    Not,
    Rows,
    RuleFile,
    Side,
    Stage,
    Test,
)


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
        self.knows: dict[int, frozenset[str]] = {}

    def walk(self, condition: Condition, negation: Location | None, known: frozenset[str]) -> None:
        """``negation`` is the place of the `not` in force, ``known`` the tags asked to be known."""
        if (id(condition), negation, known) in self.seen:
            return
        self.seen.add((id(condition), negation, known))
        match condition:
            case Test():
                self._check(condition, negation, known)
            case All(parts):
                asked = self._known(condition) if negation is None else frozenset()
                for part in parts:
                    self.walk(part, negation, known | asked)
            case Either(parts) | AtLeast(_, parts):
                for part in parts:
                    self.walk(part, negation, known)
            case Not(part, at):
                self.walk(part, at if negation is None else None, known)
            case Named(_, part):
                # What is known here is not carried along: a name is linted once for each sign.
                self.walk(part, negation, frozenset())
            case Kept(part) | Side(part):
                self.walk(part, negation, frozenset())
            case Stage(own) if own is not None:
                # That nobody is in an earlier stage is what stages are, and no negation to miss.
                self.walk(own, negation, frozenset())
            case Did():
                self._walk_rows(condition.rows)

    def _walk_rows(self, rows: Rows) -> None:
        # Their own tests: a negation around the behaviour is not one around its columns.
        if rows.where is not None:
            self.walk(rows.where, None, frozenset())
        if rows.then is not None:
            self._walk_rows(rows.then.rows)

    def _known(self, condition: Condition) -> frozenset[str]:
        """The tags that can't be missing where a condition holds."""
        if id(condition) not in self.knows:
            self.knows[id(condition)] = self._find_known(condition)
        return self.knows[id(condition)]

    def _find_known(self, condition: Condition) -> frozenset[str]:
        match condition:
            case Test(tag, predicate, argument):
                missing = predicate.over_missing or (
                    predicate.asks_missing and argument == "unknown"
                )
                return frozenset() if missing else frozenset({tag.name})
            case All(parts):
                return frozenset().union(*map(self._known, parts))
            case Either(parts):
                return frozenset.intersection(*map(self._known, parts))
            case Named(_, part):
                return self._known(part)
            case _:
                return frozenset()

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
            f"{how} over `{tag.name}` also selects where it is missing ({_rows(tag)}); "
            f"`{tag.name}: known` beside it leaves them out",
        )


def _rows(tag: Tag) -> str:
    count = f"{tag.missing:,} row" + ("" if tag.missing == 1 else "s")
    # Statistics count nulls; a number may be NaN too, which is as missing.
    return f"at least {count}" if tag.type.kind is Kind.NUMBER else count
