"""What Spark reads otherwise than other engines, written as Spark reads it."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime
from typing import Any

from py4j.protocol import register_input_converter

from audience.plan.nodes import Node, Plan, Test

_PIECE = re.compile(r"\\[pP]\{Han\}|\\.|.", re.DOTALL)
_OTHERS = {"$": r"\z", r"\v": r"\x0B"}
"""An end that may have a newline behind it, and a class of signs."""

_FLAGS = "(?du)"
"""Only a newline ends a line, and case is that of all letters, not of ASCII alone."""


def for_spark(plan: Plan) -> Plan:
    """A plan whose patterns mean to Java what they mean to others."""
    return replace(plan, nodes=tuple(map(_node, plan.nodes)))


def _node(node: Node) -> Node:
    if isinstance(node, Test) and node.operator == "matches":
        return replace(node, argument=for_java(str(node.argument)))
    return node


def for_java(pattern: str) -> str:
    """A portable pattern as Java reads it: the end of a text is its end, Han is a script."""
    out = []
    in_class = False
    for piece in _PIECE.findall(pattern):
        if piece[1:] in {"p{Han}", "P{Han}"}:
            out.append(piece.replace("{Han}", "{IsHan}"))
            continue
        in_class = piece == "[" or (in_class and piece != "]")
        out.append(_OTHERS.get(piece, piece) if piece != "$" or not in_class else piece)
    return _FLAGS + "".join(out)


class _Days:
    """Days on their way to Java: those of years before 1000 too, which lost their zeros."""

    def can_convert(self, value: object) -> bool:
        return isinstance(value, date) and not isinstance(value, datetime)

    def convert(self, value: date, client: Any) -> Any:
        from py4j.java_gateway import JavaClass

        return JavaClass("java.sql.Date", client).valueOf(value.isoformat())


register_input_converter(_Days(), prepend=True)
