"""Tag predicates: what stands behind a tag's name → tests of that tag."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from audience.errors import Location, listed
from audience.kinds import DAYS, NUMBERS, Choice, Kind, Tag, Value
from audience.operators import PREDICATES, Predicate, Takes
from audience.operators.pattern import PatternError, portable
from audience.rules.reader import Problems
from audience.rules.scalars import (
    Misfit,
    Range,
    fit_bound,
    is_range,
    read_date,
    read_date_range,
    read_duration,
    read_duration_range,
    read_number,
    read_number_range,
    read_value,
)
from audience.rules.source import Mapping, Node, Scalar, Sequence
from audience.rules.tree import Argument, Test

_STATES = ("known", "unknown")


def read_tests(tag: Tag, node: Node, problems: Problems) -> tuple[Test, ...] | None:
    """The tests an entry ``tag: node`` stands for, all of which must hold; None after a problem."""
    if tag.type.kind is Kind.OTHER:
        message = f"`{tag.name}` is {tag.type}: rules cannot test it"
        problems.error(node.at, message, "a column of numbers, texts, dates, bools or lists")
        return None
    try:
        if isinstance(node, Mapping):
            return _read_operators(tag, node, problems)
        if isinstance(node, Sequence):
            name = "has_any" if tag.type.kind is Kind.LIST else "in"
            values = _read_values(tag, node, problems, bare=True)
            return (_test(tag, name, values, node.at),)
        return _read_scalar(tag, node)
    except Misfit as misfit:
        problems.misfit(node.at, misfit)
    except _Reported:
        pass
    return None


class _Reported(Exception):
    """A problem that has been noted already, with a place closer than the caller's."""


def _read_scalar(tag: Tag, node: Scalar) -> tuple[Test, ...]:
    kind = tag.type.kind
    if node.text in _STATES and not node.quoted:
        return (_test(tag, "is", node.text, node.at),)
    if kind is Kind.LIST:
        return (_test(tag, "has_any", (read_choice(tag, node),), node.at),)
    if not node.quoted and not _is_choice(tag, node.text):
        if kind in NUMBERS and (is_range(node.text) or node.text.endswith("+")):
            return _bounds(tag, _fit_range(tag, read_number_range(node.text)), node.at)
        if kind in DAYS and is_range(node.text):
            return _bounds(tag, read_date_range(node.text), node.at)
    if kind is Kind.BOOL and is_range(node.text):
        raise Misfit(f"a range does not fit {tag.type}", "true or false")
    return (_test(tag, "eq", read_choice(tag, node), node.at),)


def _read_operators(tag: Tag, node: Mapping, problems: Problems) -> tuple[Test, ...] | None:
    fitting = {name: p for name, p in PREDICATES.items() if tag.type.kind in p.kinds}
    if not node.entries:
        raise Misfit(f"no test of `{tag.name}`", "one of " + ", ".join(fitting))
    tests: list[Test] = []
    failed = False
    for key, value in node.entries:
        if key.text not in PREDICATES:
            problems.error(
                key.at,
                f"unknown operator `{key.text}`",
                "one of " + ", ".join(fitting),
                meant=(key.text, fitting),
            )
            failed = True
            continue
        if key.text not in fitting:
            problems.error(
                key.at,
                f"`{key.text}` does not stand on a {tag.type} column (`{tag.name}`)",
                "one of " + ", ".join(fitting),
            )
            failed = True
            continue
        try:
            argument = _read_argument(tag, fitting[key.text], value, problems)
        except Misfit as misfit:
            problems.misfit(value.at, misfit)
            failed = True
        except _Reported:
            failed = True
        else:
            tests.append(Test(tag, fitting[key.text], argument, key.at))
    return None if failed else tuple(tests)


def _read_argument(tag: Tag, predicate: Predicate, node: Node, problems: Problems) -> Argument:
    if isinstance(node, Scalar) and node.is_null:
        raise Misfit("a value is missing here", str(predicate.takes.value))
    match predicate.takes:
        case Takes.VALUES:
            return _read_values(tag, node, problems)
        case Takes.ITEMS:
            if isinstance(node, Scalar):
                return (read_choice(tag, node),)
            return _read_values(tag, node, problems)
    if not isinstance(node, Scalar):
        raise Misfit(f"`{predicate.name}` takes one value", str(predicate.takes.value))
    match predicate.takes:
        case Takes.VALUE:
            return read_choice(tag, node)
        case Takes.CEILING | Takes.FLOOR:
            return _read_bound(tag, node, up=predicate.takes is Takes.CEILING)
        case Takes.TEXT:
            if not node.text:
                raise Misfit("an empty text is in every text", "a text")
            return node.text
        case Takes.PATTERN:
            try:
                return portable(node.text)
            except PatternError as error:
                raise Misfit(f"not a usable pattern: {error}", "a regular expression") from None
        case Takes.WITHIN:
            duration = read_duration(node.text)
            if duration.count == 0:
                raise Misfit(f"`{node.text}` holds no day", "at least 1d, the day of as_of")
            return duration
        case Takes.AGO:
            return read_duration_range(node.text)
        case _:
            if node.text not in _STATES:
                message = f"`{node.text}` is no state of a value"
                raise Misfit(message, "known or unknown", meant=(node.text, _STATES))
            return node.text


def _read_bound(tag: Tag, node: Scalar, *, up: bool) -> Value:
    if tag.type.kind in DAYS:
        return read_date(node.text)
    if node.quoted:
        raise Misfit(
            f'`"{node.text}"` is text, the column is a {tag.type}', "a number, without quotes"
        )
    if node.text.endswith("+"):
        raise Misfit(f"`{node.text}` is a range, not a bound", f"{node.text[:-1]}, without the +")
    return fit_bound(read_number(node.text), tag.type, up=up)


def _read_values(
    tag: Tag, node: Node, problems: Problems, *, bare: bool = False
) -> tuple[Value, ...]:
    items = problems.items(node, f"the values of `{tag.name}`")
    if items is None:
        raise _Reported
    values: list[Value] = []
    failed = False
    for item in items:
        try:
            if not isinstance(item, Scalar):
                raise Misfit("a list of values holds single values", "a value of the column")
            if bare and item.text in _STATES and not item.quoted:
                raise Misfit(
                    f"`{item.text}` in a list could be a text or a state of the value",
                    f"`in: […]` for a text, `any: [{{{tag.name}: {item.text}}}, …]` for a state",
                )
            values.append(read_choice(tag, item))
        except Misfit as misfit:
            problems.misfit(item.at, misfit)
            failed = True
    if failed:
        raise _Reported
    # In the order of the text, each once: what the order is can never matter.
    return tuple(dict.fromkeys(values))


def read_choice(tag: Tag, node: Scalar) -> Value:
    """A value of the tag, by label or as stored; of a list, of its elements."""
    element = tag if tag.type.item is None else replace(tag, type=tag.type.item)
    if element.choices is None:
        return read_value(node, element.type)
    known = _index(element.choices)
    if node.text in known.labels:
        return known.labels[node.text]
    try:
        value = read_value(node, element.type)
    except Misfit:
        value = None
    if value is None or value not in known.values:
        message = f"`{node.text}` is no value of `{tag.name}`"
        raise Misfit(message, known.shown, meant=(node.text, known.words))
    return value


def _is_choice(tag: Tag, text: str) -> bool:
    return tag.choices is not None and text in _index(tag.choices).words


class _Index:
    """The values of a dictionary's entry, by what rules may call them."""

    def __init__(self, choices: tuple[Choice, ...]) -> None:
        self.choices = choices
        self.labels: dict[str, Value] = {}
        for choice in choices:
            if choice.label:
                self.labels.setdefault(choice.label, choice.value)
        self.values = {choice.value for choice in choices}
        self.words = dict.fromkeys(_words(choices))
        self.shown = "one of " + listed(list(map(_shown, choices)))


_INDEXES: dict[int, _Index] = {}
_MOST_INDEXES = 1_000


def _index(choices: tuple[Choice, ...]) -> _Index:
    """Made once for each entry: a rule may ask for as many values as the dictionary has."""
    found = _INDEXES.get(id(choices))
    if found is None or found.choices is not choices:
        if len(_INDEXES) >= _MOST_INDEXES:
            _INDEXES.clear()
        found = _INDEXES[id(choices)] = _Index(choices)
    return found


def _shown(choice: Choice) -> str:
    """A value as messages list it: ``一线 (1)``."""
    value = _spelled(choice.value)
    return f"{choice.label} ({value})" if choice.label else value


def _spelled(value: Value) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _words(choices: Iterable[Choice]) -> Iterable[str]:
    for choice in choices:
        if choice.label:
            yield choice.label
        yield _spelled(choice.value)


def _fit_range(tag: Tag, numbers: Range[Decimal]) -> Range[int | float]:
    low = None if numbers.low is None else fit_bound(numbers.low, tag.type, up=True)
    high = None if numbers.high is None else fit_bound(numbers.high, tag.type, up=False)
    return Range(low, high)


def _bounds(tag: Tag, limits: Range[Any], at: Location) -> tuple[Test, ...]:
    tests = []
    if limits.low is not None:
        tests.append(_test(tag, "gte", limits.low, at))
    if limits.high is not None:
        tests.append(_test(tag, "lte", limits.high, at))
    return tuple(tests)


def _test(tag: Tag, name: str, argument: Argument, at: Location) -> Test:
    return Test(tag, PREDICATES[name], argument, at)
