"""What is allowed and often not meant: told as warnings."""

from __future__ import annotations

from audience.errors import Location
from audience.kinds import Kind, Tag
from audience.rules.language import Language, Pair
from audience.rules.reader import Problems
from audience.rules.scalars import Misfit, is_range, read_number_range
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

_NO_RANGE: Pair = (
    "`{tag}` is text: `{text}` is that very text there, and no range of numbers; "
    "`type: text` in the dictionary says that it is meant",
    "“{label}”是文本列，`{text}` 是文本本身，不是数值范围；若确实如此，请在字典中写明 `type: text`",
)
_MISSING_TOO: Pair = (
    "{how} over `{tag}` also selects where it is missing ({rows}); "
    "`{tag}: known` beside it leaves them out",
    "{how} 条件也会选中“{label}”缺失的情况（{rows}）；加上 `{tag}: known` 可将其去掉",
)
_NEGATION: Pair = ("a negation", "“排除”")
_ROW: Pair = ("row", "行")
_AT_LEAST: Pair = ("at least {rows}", "至少 {rows}")


def doubts(file: RuleFile, problems: Problems, language: Language = Language.ENGLISH) -> None:
    """Warn of what may not be meant, in a language.

    A negation over a tag with missing values selects those users too. On a text column, ``5K+`` and
    ``18..30`` are those very texts: a column that held numbers yesterday would select nobody.
    """
    linter = _Linter(problems, language)
    for root in (file.base, *file.definitions.values(), *(pack.where for pack in file.packs)):
        if root is not None:
            linter.walk(root, None, frozenset())


class _Linter:
    def __init__(self, problems: Problems, language: Language) -> None:
        self.problems = problems
        self.language = language
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
        tag, say = test.tag, self.language.say
        label = tag.label or tag.name
        if tag.type.kind is Kind.TEXT and tag.choices is None and not tag.declared:
            for text in filter(_is_bound, _texts(test)):
                self.problems.warn(test.at, say(_NO_RANGE, tag=tag.name, label=label, text=text))
        selects_missing = test.predicate.over_missing == (negation is None)
        if not tag.missing or not selects_missing or test.predicate.name == "is":
            return
        if tag.name in known:
            return
        how = f"`{test.predicate.name}`" if negation is None else say(_NEGATION)
        rows = self._rows(tag)
        text = say(_MISSING_TOO, how=how, tag=tag.name, label=label, rows=rows)
        self.problems.warn(negation or test.at, text)

    def _rows(self, tag: Tag) -> str:
        count = self.language.counted(tag.missing or 0, _ROW)
        # Statistics count nulls; a number may be NaN too, which is as missing.
        return self.language.say(_AT_LEAST, rows=count) if tag.type.kind is Kind.NUMBER else count


def _texts(test: Test) -> tuple[str, ...]:
    """The texts a test asks for."""
    if test.predicate.name not in {"eq", "ne", "in", "not_in"}:
        return ()
    asked = test.argument if isinstance(test.argument, tuple) else (test.argument,)
    return tuple(text for text in asked if isinstance(text, str))


def _is_bound(text: str) -> bool:
    """Whether on a column of numbers a text would be a range."""
    if not is_range(text) and not text.endswith("+"):
        return False
    try:
        read_number_range(text)
    except Misfit:
        return False
    return True
