"""Values counted: of those for whom conditions hold, how many have which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from audience.analysis.ask import Answers, Conditions
from audience.analysis.values import Value
from audience.insight.convert import Conversion, Split, lines_of, rate_of
from audience.insight.profile import Counts, Profile, profile_of
from audience.rules.asked import Asked
from audience.rules.tree import Condition
from audience.rules.windows import in_days

Told = Sequence[tuple[str, Value]]
"""Values, each by the name that its condition is asked by."""


def asked_values(values: Sequence[Value]) -> Conditions:
    """The conditions of values, by names that no pack has."""
    return {_name(number): each.condition for number, each in enumerate(values)}


def told_values(values: Sequence[Value], answers: Sequence[Answers]) -> Told:
    """The values that are told: those that make a tag complete where somebody has them."""
    named = ((_name(number), each) for number, each in enumerate(values))
    return [
        (name, each)
        for name, each in named
        if not each.spare or any(found.size(name) for found in answers)
    ]


def _name(number: int) -> str:
    return f"·value {number}"


def profile_among(
    title: str,
    against: str,
    found: Answers,
    told: Told,
    pack: str,
    other: tuple[str, str] | None = None,
) -> Profile:
    """The profile of a condition against the base, or ``other``: another one, and both of them."""
    size, whole = found.size(pack), found.base
    baseline, both = other or ("", pack)
    if baseline:
        whole = found.size(baseline)
    counts = []
    for name, value in told:
        inside = found.both(pack, name)
        every = found.both(baseline, name) if baseline else found.size(name)
        common = found.both(both, name) if baseline else inside
        tag = value.tag
        counts.append(Counts(tag.name, tag.label, value.text, inside, every, every - common))
    common = found.size(both)
    return profile_of(title, against, (size, whole, whole - common, common), counts)


@dataclass(frozen=True)
class Span:
    """The days of a period; without periods only the last is known."""

    name: str
    first: date | None
    last: date

    def set(self, asked: Asked) -> Condition:
        """A condition whose behaviour is of these days where it names none."""
        if self.first is None:
            return asked.condition
        return in_days(asked.condition, self.first, self.last)

    def days(self) -> Iterator[Span]:
        """Each of the days."""
        first = self.first or self.last
        for number in range((self.last - first).days + 1):
            day = first + timedelta(days=number)
            yield Span("", day, day)


def conversion_among(
    names: tuple[str, str], span: Span, found: Answers, told: Told, users: str, both: str
) -> Conversion:
    """From one condition to another, which are called so.

    ``users`` are those of the first, ``both`` those of them of whom the other holds too.
    """
    whole, converted = found.size(users), found.size(both)
    splits = [
        Split(
            value.tag.name,
            value.tag.label,
            value.text,
            found.both(users, name),
            found.both(both, name),
        )
        for name, value in told
    ]
    rate = rate_of(converted, whole)
    lines = lines_of(splits, whole, converted)
    return Conversion(*names, span.name, span.first, span.last, rate, lines)
