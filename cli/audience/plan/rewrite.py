"""Rewrites: small pure functions that make a node simpler and never change who it selects.

A node is simplified when it enters the arena, its parts having been simplified before; so each
rewrite looks at one node and its parts, and needs no walk of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from audience.kinds import Value
from audience.plan.nodes import And, Arena, AtLeast, Const, Fold, Left, Node, Not, Or, Test, one_of

Rewrite = Callable[[Node, Arena], Node]

_COMPLEMENTS = {"ne": "eq", "not_in": "in"}


def as_complement(node: Node, arena: Arena) -> Node:
    """Other than A is not A: what holds of A is asked once, and missing values are not A."""
    if isinstance(node, Test) and node.operator in _COMPLEMENTS:
        positive = Test(node.column, _COMPLEMENTS[node.operator], node.argument, node.exact)
        return Not(arena.add(positive))
    return node


def fold_not(node: Node, arena: Arena) -> Node:
    """Not not A is A; not everybody is nobody."""
    if isinstance(node, Not):
        match arena.nodes[node.part]:
            case Not(inner):
                return arena.nodes[inner]
            case Const(value):
                return Const(not value)
    return node


def flatten(node: Node, arena: Arena) -> Node:
    """All of (all of A, B), C is all of A, B, C; the same of any."""
    if isinstance(node, And | Or):
        out: list[int] = []
        for part in node.parts:
            inner = arena.nodes[part]
            out.extend(inner.parts if type(inner) is type(node) else (part,))
        return type(node)(tuple(out))
    return node


def drop_constants(node: Node, arena: Arena) -> Node:
    """Everybody changes nothing among all and decides any; nobody the other way round."""
    if isinstance(node, And | Or):
        neutral = isinstance(node, And)
        kept: list[int] = []
        for part in node.parts:
            inner = arena.nodes[part]
            if not isinstance(inner, Const):
                kept.append(part)
            elif inner.value is not neutral:
                return inner
        return type(node)(tuple(kept)) if kept else Const(neutral)
    return node


def order_parts(node: Node, _arena: Arena) -> Node:
    """Each part once and in one order: how a rule lists them can't make two plans of it."""
    if isinstance(node, And | Or):
        return type(node)(tuple(sorted(set(node.parts))))
    if isinstance(node, AtLeast):
        return AtLeast(node.count, tuple(sorted(node.parts)))
    return node


def cancel_opposites(node: Node, arena: Arena) -> Node:
    """All of A and not A is nobody; any of them is everybody."""
    if isinstance(node, And | Or):
        negated = {inner.part for part in node.parts if isinstance(inner := arena.nodes[part], Not)}
        if negated & set(node.parts):
            return Const(isinstance(node, Or))
    return node


def merge_values(node: Node, arena: Arena) -> Node:
    """Any of A = 1, A = 2, A in [3, 4] is A in [1, 2, 3, 4]: one look-up, however long the list."""
    if not isinstance(node, Or):
        return node
    values: dict[str, list[Value]] = {}
    rest: list[int] = []
    for part in node.parts:
        inner = arena.nodes[part]
        if isinstance(inner, Test) and inner.operator in {"eq", "in"}:
            argument = inner.argument if isinstance(inner.argument, tuple) else (inner.argument,)
            values.setdefault(inner.column, []).extend(cast("tuple[Value, ...]", argument))
        else:
            rest.append(part)
    if len(node.parts) - len(rest) == len(values):
        return node
    merged = [arena.add(one_of(column, found)) for column, found in values.items()]
    return Or(tuple(sorted([*rest, *merged])))


def unwrap(node: Node, arena: Arena) -> Node:
    """All or any of one part is that part; at least 1 is any, at least n of n is all."""
    if isinstance(node, AtLeast):
        if node.count == 1:
            return Or(node.parts)
        if node.count == len(node.parts):
            return And(node.parts)
    if isinstance(node, And | Or) and len(node.parts) == 1:
        return arena.nodes[node.parts[0]]
    return node


def empty_window(node: Node, _arena: Arena) -> Node:
    """A window that ends before it begins has no events: the answer is that of no event."""
    if isinstance(node, Fold) and node.rows.is_nobody:
        return Const(node.absent)
    return node


def leave_nobody(node: Node, arena: Arena) -> Node:
    """Everybody less A is not A; A less nobody is A."""
    if isinstance(node, Left):
        if arena.nodes[node.part] == Const(True):
            return Not(node.less)
        match arena.nodes[node.less]:
            case Const(False):
                return arena.nodes[node.part]
            case Const(True):
                return Const(False)
    return node


REWRITES: tuple[Rewrite, ...] = (
    empty_window,
    leave_nobody,
    as_complement,
    fold_not,
    flatten,
    drop_constants,
    order_parts,
    cancel_opposites,
    merge_values,
    unwrap,
)


def simplify(node: Node, arena: Arena) -> int:
    """Enter a node into the arena in its simplest form; the form's number."""
    while True:
        simpler = node
        for rewrite in REWRITES:
            simpler = rewrite(simpler, arena)
        if simpler == node:
            return arena.add(node)
        node = simpler
