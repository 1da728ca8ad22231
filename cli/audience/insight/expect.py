"""What a rule file expects of its packs, held against what came out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from fractions import Fraction

from audience.insight.summary import Summary
from audience.rules.language import Language, Pair
from audience.rules.scalars import Range
from audience.rules.tree import Expect, RuleFile

_PACK: Pair = ("{file}: pack `{pack}` {told} ({at})", "{file}：人群包 `{pack}` {told}（{at}）")
_SIZE: Pair = ("has {size:,} users, expected {bounds}", "有 {size:,} 人，预期 {bounds}")
_AFTER_NONE: Pair = (
    "has {size:,} users after none in {build}, expected a change of {bounds}",
    "有 {size:,} 人，而 {build} 中为 0 人，预期变化 {bounds}",
)
_CHANGE: Pair = (
    "went from {old:,} users in {build} to {size:,} ({change:+.1%}), expected {bounds}",
    "从 {build} 的 {old:,} 人变为 {size:,} 人（{change:+.1%}），预期变化 {bounds}",
)
_REST: Pair = (
    "{file}: stages `{stages}` leave {rest:,} of {base:,} users of the base in none of them, "
    "expected nobody, or a last stage `otherwise` ({at})",
    "{file}：阶段 `{stages}` 未覆盖基础人群 {base:,} 人中的 {rest:,} 人，"
    "预期全部覆盖，或以 `otherwise` 作为最后一个阶段（{at}）",
)


def broken_expectations(
    file: RuleFile,
    summary: Summary,
    guards: Mapping[str, int],
    before: Mapping[str, tuple[str, int]],
    language: Language = Language.ENGLISH,
) -> Iterator[str]:
    """A sentence for each pack whose size, or change of size, is out of bounds, and each rest.

    ``guards`` has the sizes of packs that are not built and must be right all the same,
    ``before`` by pack the last build that it is compared with and its size then; a pack that
    was never published has no change. The sentences are in a language.
    """
    sizes = {pack.name: pack.size for pack in summary.packs} | dict(guards)
    for pack in file.packs:
        if pack.expect is not None and pack.name in sizes:
            last = before.get(pack.name)
            for told in _broken(pack.expect, sizes[pack.name], last, language):
                names = {"file": summary.name, "pack": pack.name}
                yield language.say(_PACK, **names, told=told, at=pack.expect.at)
    places = {stages.name: stages.at for stages in file.stages}
    for stages in summary.stages:
        if stages.rest:
            yield language.say(
                _REST,
                file=summary.name,
                stages=stages.name,
                rest=stages.rest,
                base=summary.base,
                at=places[stages.name],
            )


def _broken(
    expect: Expect, size: int, last: tuple[str, int] | None, language: Language
) -> Iterator[str]:
    if expect.size is not None and not _inside(Fraction(size), expect.size):
        yield language.say(_SIZE, size=size, bounds=expect.size)
    if expect.change is None or last is None:
        return
    build, old = last
    low, high = expect.change.low, expect.change.high
    bounds = f"{_percent(low)}..{_percent(high)}"
    if old == 0:
        if size and high is not None:
            yield language.say(_AFTER_NONE, size=size, build=build, bounds=bounds)
        return
    change = Fraction(size, old) - 1
    if not _inside(change, expect.change):
        counts = {"old": old, "size": size, "change": float(change)}
        yield language.say(_CHANGE, **counts, build=build, bounds=bounds)


def _inside(value: Fraction, bounds: Range[int] | Range[Decimal]) -> bool:
    low, high = bounds.low, bounds.high
    return (low is None or value >= Fraction(low)) and (high is None or value <= Fraction(high))


def _percent(bound: Decimal | None) -> str:
    return "" if bound is None else f"{float(bound) * 100:+g}%"
