"""What Spark reads otherwise than other engines, written as Spark reads it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime
from typing import Any

from py4j.protocol import register_input_converter

from audience.errors import UsageError
from audience.operators.java import for_java
from audience.operators.pattern import PatternError
from audience.plan.nodes import Node, Plan, Test

_FIRST = date(1970, 1, 1)


def for_spark(plan: Plan) -> Plan:
    """A plan whose patterns mean to Java what they mean to others. Raises UsageError."""
    return replace(plan, nodes=tuple(map(_node, plan.nodes)))


def _node(node: Node) -> Node:
    if not isinstance(node, Test) or node.operator != "matches":
        return node
    try:
        return replace(node, argument=for_java(str(node.argument)))
    except PatternError as error:
        raise UsageError(
            f"the spark engine can't take the pattern `{node.argument}`: {error}; "
            "--engine polars can"
        ) from None


class _Days:
    """Days on their way to Java: as numbers, which know of no zone and no other calendar."""

    def can_convert(self, value: object) -> bool:
        return isinstance(value, date) and not isinstance(value, datetime)

    def convert(self, value: date, client: Any) -> Any:
        from py4j.java_gateway import JavaClass

        return JavaClass("java.time.LocalDate", client).ofEpochDay((value - _FIRST).days)


register_input_converter(_Days(), prepend=True)
