"""The plan as text: for people, and for the tests, which keep it as snapshots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import cast

from audience.plan.build import reachable
from audience.plan.nodes import (
    And,
    AtLeast,
    Const,
    Days,
    Fold,
    Ids,
    Kept,
    Left,
    Limit,
    Node,
    Not,
    Or,
    Plan,
    Published,
    Read,
    Rows,
    Share,
    Suppressed,
    Test,
    parts_of,
)
from audience.rules.beside import SHARES
from audience.rules.moments import WEEKDAYS

_WEEKDAYS = {number: name for name, number in WEEKDAYS.items() if name.isascii()}
_OTHER = {"eq": "ne", "in": "not_in"}
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
            snapshot = f", snapshot {file.snapshot}" if file.snapshot else ""
            yield f"file {file.name}{label}, as of {file.as_of}{snapshot}"
            yield f"  base = {self._node(file.base)}"
            for pack in file.packs:
                label = f"  ({pack.label})" if pack.label else ""
                yield f"  pack {pack.name}{label}"
                yield f"    = {self._node(pack.node)}"
            for stages in file.stages:
                if stages.rest is not None:
                    yield f"  stages {stages.name} must leave nobody"
                    yield f"    = {self._node(stages.rest)}"

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
                inner = self.nodes[part]
                if isinstance(inner, Test) and inner.operator in _OTHER and part not in self.names:
                    return _test(replace(inner, operator=_OTHER[inner.operator]))
                return f"not {self._inner(part)}"
            case And(parts):
                return " and ".join(self._inner(part) for part in parts)
            case Or(parts):
                return " or ".join(self._inner(part) for part in parts)
            case AtLeast(count, parts):
                return f"at least {count} of [{', '.join(self._node(part) for part in parts)}]"
            case Fold():
                return self._fold(node)
            case Kept(part, keep, by, descending):
                order = f" by {by} {'desc' if descending else 'asc'}" if by else ""
                return f"first {keep}{order} of {self._inner(part)}"
            case Left(part, less):
                return f"{self._inner(part)} less {self._inner(less)}"
            case Share(salt, low, high):
                return f'share {low}..{high} of {SHARES} by hash "{salt}"'
            case Ids(None, path, column):
                return f"ids in {path}" + (f" ({column})" if column else "")
            case Ids(values):
                return f"one of {len(values or ()):,} ids"
            case Published(reference, until):
                day = "" if reference.as_of else f" (newest up to {until})"
                return f"published {reference}{day}"
            case Suppressed():
                return "suppressed"

    def _inner(self, number: int) -> str:
        text = self._node(number)
        compound = isinstance(self.nodes[number], And | Or) and number not in self.names
        return f"({text})" if compound else text

    def _fold(self, fold: Fold) -> str:
        limits = " and ".join(_limit(limit) for limit in fold.limits)
        each = f"; each {fold.each}" if fold.each else ""
        return f"{self._rows(fold.rows)}{each}; {limits}"

    def _rows(self, rows: Rows) -> str:
        text = "any event" if rows.actions is None else " | ".join(rows.actions)
        if rows.where is not None:
            text += f" where {self._text(self.nodes[rows.where])}"
        if rows.hours is not None:
            text += f" at {rows.hours[0]}..{rows.hours[1]} o'clock"
        if rows.weekdays:
            text += " on " + ", ".join(_WEEKDAYS[day] for day in rows.weekdays)
        text += f"; {_days(rows.days)}"
        if rows.then is not None:
            then = rows.then
            unit = "h" if then.hours else "d"
            high = "" if then.high is None else f"{then.high}{unit}"
            same = [one if one == other else f"{one} = {other}" for one, other in then.same]
            text += f"; then {then.low}{unit}..{high} later"
            text += f", same {', '.join(same)}" if same else ""
            table = f"{then.rows.table}: " if then.rows.table != rows.table else ""
            text += f" ({table}{self._rows(then.rows)})"
        return text


def _test(test: Test) -> str:
    argument = test.argument
    if test.operator in {"within", "ago"}:
        return f"{test.column} in {_days(cast('Days', argument))}"
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
    low, high = _bound(limit.low), _bound(limit.high)
    return f"{name} {low}..{high}" if low != high else f"{name} {low}"


def _bound(bound: Decimal | int | date | None) -> str:
    if bound is None:
        return ""
    return f"{bound:f}" if isinstance(bound, Decimal) else str(bound)
