"""The plan as text: for people, and for the tests, which keep it as snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from audience.plan.build import reachable
from audience.plan.nodes import (
    And,
    AtLeast,
    Const,
    Days,
    Fold,
    Limit,
    Node,
    Not,
    Or,
    Plan,
    Read,
    Test,
    parts_of,
)

_SIGNS = {
    "eq": "=",
    "ne": "!=",
    "gt": ">",
    "gte": ">=",
    "lt": "<",
    "lte": "<=",
    "in": "in",
    "not_in": "not in",
}


def explain_plan(plan: Plan, files: Mapping[str, tuple[int, int]] | None = None) -> str:
    """The whole plan.

    ``files`` says of each table how many of its files are read, and of how many.
    """
    return "\n".join(_Explainer(plan, files or {}).lines()) + "\n"


class _Explainer:
    def __init__(self, plan: Plan, files: Mapping[str, tuple[int, int]]) -> None:
        self.plan = plan
        self.nodes = plan.nodes
        self.files = files
        roots = [root for file in plan.files for root in file.roots]
        self.used = reachable(plan.nodes, roots)
        self.uses = self._count_uses(roots)
        self.names = dict(self._name_nodes())

    def lines(self) -> Iterator[str]:
        """Reads, shared parts, packs."""
        for read in self.plan.events:
            yield from self._read(read)
            for number in read.folds:
                fold = self.nodes[number]
                assert isinstance(fold, Fold)
                yield f"  {self.names[number]}  {self._fold(fold)}  [used {self.uses[number]}×]"
        yield from self._read(self.plan.users)
        shared = [n for n in self.used if n in self.names and not isinstance(self.nodes[n], Fold)]
        if shared:
            yield "shared"
        for number in shared:
            text = self._node(number, top=True)
            yield f"  {self.names[number]}  {text}  [used {self.uses[number]}×]"
        for file in self.plan.files:
            label = f"  {file.label}" if file.label else ""
            yield f"file {file.name}{label}, as of {file.as_of}"
            yield f"  base = {self._node(file.base)}"
            for pack in file.packs:
                label = f"  ({pack.label})" if pack.label else ""
                yield f"  pack {pack.name}{label}"
                yield f"    = {self._node(pack.node)}"

    def _read(self, read: Read) -> Iterator[str]:
        columns = sorted({*read.columns, read.time} - {""})
        text = f"read {read.table}: {', '.join(columns)}"
        if read.days is not None:
            text += f"; days {_days(read.days)}"
        if read.table in self.files:
            some, whole = self.files[read.table]
            text += f"; {some} of {whole} files"
        yield text

    def _count_uses(self, roots: Sequence[int]) -> dict[int, int]:
        uses = dict.fromkeys(self.used, 0)
        for number in roots:
            uses[number] += 1
        for number in self.used:
            for part in parts_of(self.nodes[number]):
                uses[part] += 1
        return uses

    def _name_nodes(self) -> Iterator[tuple[int, str]]:
        folds = parts = 0
        for number in self.used:
            if isinstance(self.nodes[number], Fold):
                folds += 1
                yield number, f"b{folds}"
            elif self.uses[number] > 1 and parts_of(self.nodes[number]):
                parts += 1
                yield number, f"s{parts}"

    def _node(self, number: int, *, top: bool = False) -> str:
        if number in self.names and not top:
            return self.names[number]
        return self._text(self.nodes[number])

    def _text(self, node: Node) -> str:
        match node:
            case Test():
                return _test(node)
            case Const(value):
                return "everybody" if value else "nobody"
            case Not(part):
                return f"not {self._inner(part)}"
            case And(parts):
                return " and ".join(self._inner(part) for part in parts)
            case Or(parts):
                return " or ".join(self._inner(part) for part in parts)
            case AtLeast(count, parts):
                return f"at least {count} of [{', '.join(self._node(part) for part in parts)}]"
            case Fold():
                return self._fold(node)

    def _inner(self, number: int) -> str:
        text = self._node(number)
        compound = isinstance(self.nodes[number], And | Or) and number not in self.names
        return f"({text})" if compound else text

    def _fold(self, fold: Fold) -> str:
        events = "any event" if fold.actions is None else " | ".join(fold.actions)
        if fold.where is not None:
            events += f" where {self._text(self.nodes[fold.where])}"
        limits = " and ".join(_limit(limit) for limit in fold.limits)
        return f"{events}; {_days(fold.days)}; {limits}"


def _test(test: Test) -> str:
    argument = test.argument
    if test.operator in {"within", "ago"}:
        assert isinstance(argument, tuple)
        return f"{test.column} in {_days((argument[0], argument[1]))}"  # type: ignore[arg-type]
    if isinstance(argument, tuple):
        shown = "[" + ", ".join(_value(value) for value in argument) + "]"
    else:
        shown = str(argument) if test.operator == "is" else _value(argument)
    return f"{test.column} {_SIGNS.get(test.operator, test.operator)} {shown}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else str(value)


def _days(days: Days) -> str:
    first: date | None = days[0]
    return f"{first or ''}..{days[1]}"


def _limit(limit: Limit) -> str:
    name = limit.name + (f"({limit.column})" if limit.column else "")
    low = (
        ""
        if limit.low is None
        else f"{limit.low:f}"
        if not isinstance(limit.low, int)
        else limit.low
    )
    high = (
        ""
        if limit.high is None
        else f"{limit.high:f}"
        if not isinstance(limit.high, int)
        else limit.high
    )
    return f"{name} {low}..{high}" if low != high else f"{name} {low}"
