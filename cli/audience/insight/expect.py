"""What a rule file expects of its packs, held against what came out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction

from audience.insight.summary import Summary
from audience.rules.scalars import Range
from audience.rules.tree import Expect, RuleFile


def broken_expectations(
    file: RuleFile,
    summary: Summary,
    guards: Mapping[str, int],
    before: Mapping[str, tuple[str, int]],
) -> Iterator[str]:
    """A sentence for each pack whose size, or change of size, is out of bounds, and each rest.

    ``guards`` has the sizes of packs that are not built and must be right all the same,
    ``before`` by pack the last build that it is compared with and its size then; a pack that
    was never published has no change.
    """
    sizes = {pack.name: pack.size for pack in summary.packs} | dict(guards)
    for pack in file.packs:
        if pack.expect is not None and pack.name in sizes:
            name = f"{summary.name}: pack `{pack.name}`"
            last = before.get(pack.name)
            for told in _broken(pack.expect, sizes[pack.name], last):
                yield f"{name} {told} ({pack.expect.at})"
    places = {stages.name: stages.at for stages in file.stages}
    for stages in summary.stages:
        if stages.rest:
            share = f"{stages.rest:,} of {summary.base:,}"
            yield (
                f"{summary.name}: stages `{stages.name}` leave {share} users of the base in none "
                f"of them, expected nobody, or a last stage `otherwise` ({places[stages.name]})"
            )


def _broken(expect: Expect, size: int, last: tuple[str, int] | None) -> Iterator[str]:
    if expect.size is not None and not _inside(Fraction(size), expect.size):
        yield f"has {size:,} users, expected {expect.size}"
    if expect.change is None or last is None:
        return
    build, old = last
    low, high = expect.change.low, expect.change.high
    bounds = f"{_percent(low)}..{_percent(high)}"
    if old == 0:
        if size and high is not None:
            yield f"has {size:,} users after none in {build}, expected a change of {bounds}"
        return
    change = Fraction(size, old) - 1
    if not _inside(change, expect.change):
        told = f"{float(change):+.1%}"
        yield f"went from {old:,} users in {build} to {size:,} ({told}), expected {bounds}"


def _inside(value: Fraction, bounds: Range[int] | Range[Decimal]) -> bool:
    low, high = bounds.low, bounds.high
    return (low is None or value >= Fraction(low)) and (high is None or value <= Fraction(high))


def _percent(bound: Decimal | None) -> str:
    return "" if bound is None else f"{float(bound) * 100:+g}%"
