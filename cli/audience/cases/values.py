"""What a cell of a case's table says, as a value of its column."""

from __future__ import annotations

import re
from datetime import date, datetime, time
from decimal import Decimal
from zoneinfo import ZoneInfo

from audience.errors import listed, nearest
from audience.kinds import NUMBERS, Choice, Kind, Tag, Type
from audience.rules.scalars import Misfit, fit_number, read_date, read_number
from audience.rules.source import Node, Scalar, Sequence

Single = bool | int | float | Decimal | str | date | datetime | None
CaseValue = Single | list[Single]

_NOON = time(12)
_NAN = {".nan", ".NaN", ".NAN", "nan", "NaN"}
_INFINITE = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf"}
_WHOLE = re.compile(r"-?\d{1,19}", re.ASCII)
_EXAMPLE = "a time such as 2023-06-18 12:30, or a day, whose noon is meant"


def read_key(node: Node, kind: Type) -> int | str:
    """A user's key. Raises Misfit."""
    if not isinstance(node, Scalar) or node.is_null:
        raise Misfit("a key is missing here", "a user's key")
    if kind.kind is not Kind.INTEGER:
        return node.text
    if node.quoted or not _WHOLE.fullmatch(node.text):
        raise Misfit(f"`{node.text}` is no key", "a whole number, without quotes")
    return int(node.text)


def read_cell(node: Node, tag: Tag, choices: tuple[Choice, ...] | None, zone: str) -> CaseValue:
    """A cell; labels of the dictionary stand for stored values. Raises Misfit."""
    kind = tag.type
    if isinstance(node, Scalar) and node.is_null:
        return None
    if kind.kind is Kind.LIST and kind.item is not None:
        if not isinstance(node, Sequence):
            raise Misfit(f"`{tag.name}` is a list", "a list such as [a, b]")
        return [_single(item, kind.item, choices, zone) for item in node.items]
    return _single(node, kind, choices, zone)


def _single(node: Node, kind: Type, choices: tuple[Choice, ...] | None, zone: str) -> Single:
    if not isinstance(node, Scalar):
        raise Misfit("a cell holds a single value", "a value")
    if node.is_null:
        return None
    for choice in choices or ():
        if choice.label and choice.label == node.text:
            return choice.value
    value = _stored(node, kind, zone)
    if choices is not None and value not in [choice.value for choice in choices]:
        # A slip would be a user whom no rule finds: every `out` would hold.
        words = [each for choice in choices for each in (choice.label, str(choice.value)) if each]
        message = f"`{node.text}` is no value of the dictionary"
        raise Misfit(message, "one of " + listed(words), nearest(node.text, words))
    return value


def _stored(node: Scalar, kind: Type, zone: str) -> bool | int | float | Decimal | str | date:
    text = node.text
    if node.quoted and kind.kind in NUMBERS | {Kind.BOOL}:
        raise Misfit(f'`"{text}"` is text, the column is a {kind}', "a value without quotes")
    match kind.kind:
        case Kind.BOOL:
            if text not in {"true", "false"}:
                raise Misfit(f"`{text}` is neither true nor false", "true or false")
            return text == "true"
        case Kind.DATE:
            return read_date(text)
        case Kind.TIMESTAMP:
            return _moment(text, zone)
        case Kind.TEXT:
            return text
        case _ if kind.kind in NUMBERS:
            return _number(text, kind)
        case _:
            raise Misfit(f"a {kind} column has no place in a case", "a column that rules can test")


def _number(text: str, kind: Type) -> int | float | Decimal:
    if kind.kind is Kind.NUMBER:
        if text in _NAN:
            return float("nan")
        if text in _INFINITE:
            return float(_INFINITE[text])
    number = read_number(text)
    return number if "decimal" in kind.stored else fit_number(number, kind)


def _moment(text: str, zone: str) -> datetime:
    """A moment; without a zone it is local time, and a day alone is its noon."""
    try:
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
            found = datetime.combine(read_date(text), _NOON)
        else:
            found = datetime.fromisoformat(text)
    except ValueError:
        raise Misfit(f"`{text}` is no time", _EXAMPLE) from None
    return found if found.tzinfo else found.replace(tzinfo=ZoneInfo(zone))
