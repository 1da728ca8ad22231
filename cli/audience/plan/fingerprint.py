"""Parts of a plan by what they are, not by their number: the same in every run and every plan."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace

from audience.plan.build import reachable
from audience.plan.nodes import Fold, Node, Rows, Test, parts_of


def fingerprint_test(test: Test) -> str:
    """Of a test of a column."""
    return _digest("test", test.column, test.operator, test.exact)


def fingerprint_rows(nodes: Sequence[Node], rows: Rows) -> str:
    """Of a condition over event rows, and of what must follow them."""
    where = "" if rows.where is None else _fingerprint(nodes, rows.where)
    then = ""
    if rows.then is not None:
        after = fingerprint_rows(nodes, rows.then.rows)
        then = _digest(after, rows.then.same, rows.then.low, rows.then.high, rows.then.hours)
    return _digest("rows", repr(replace(rows, where=None, then=None)), where, then)


def fingerprint_fold(nodes: Sequence[Node], fold: Fold) -> str:
    """Of a behaviour, its window and limits included."""
    return _digest("fold", fingerprint_rows(nodes, fold.rows), fold.each, fold.limits)


def _fingerprint(nodes: Sequence[Node], root: int) -> str:
    """Of a node over event rows. Parts are digested once each: their tree may be exponential."""
    done: dict[int, str] = {}
    for number in reachable(nodes, [root]):
        node = nodes[number]
        if isinstance(node, Test):
            done[number] = fingerprint_test(node)
            continue
        parts = tuple(done[part] for part in parts_of(node))
        done[number] = _digest(type(node).__name__, *_own(node), *parts)
    return done[root]


def _own(node: Node) -> tuple[object, ...]:
    """What a node is beside its parts."""
    return tuple(
        value
        for name, value in vars(node).items()
        if name not in {"part", "parts", "less", "exact"}
    )


def _digest(*parts: object) -> str:
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]
