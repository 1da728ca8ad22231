"""Sizes, waterfalls and overlaps as charts, without what must be hidden."""

from __future__ import annotations

from collections.abc import Iterator

from audience.insight.overlap import Overlaps, Region
from audience.insight.report import Headline, Headlines, Part
from audience.insight.sharing import BASE, both_of, region_of, size_of
from audience.insight.waterfall import SIZE, Waterfall
from audience.report.charts.bars import Bar, Bars, Drop, Drops
from audience.report.charts.heat import Heat, Share
from audience.report.charts.rows import Label
from audience.report.charts.upset import Combination, Upset
from audience.report.language import Words
from audience.report.telling import Telling, called, in_full
from audience.report.words import change, number

MOST_STEPS = 16
MOST_REGIONS = 24


def sizes_chart(part: Part[Headlines], words: Words) -> Bars:
    """How large each pack is, its share of the base, and its change."""
    tell = Telling(words, part.hidden)
    found = part.found
    shown = [pack for pack in found.packs if not tell.hides(size_of(pack.pack))]
    largest = max(shown, key=lambda pack: pack.size, default=None)
    told = words(
        "sizes_told",
        n=len(found.packs),
        base=tell.users(BASE, found.base),
        largest="–"
        if largest is None
        else f"{called(largest.pack, largest.label)}, {words.users(largest.size)}",
    )
    bars = tuple(
        Bar(
            Label(called(pack.pack, pack.label), in_full(pack.pack, pack.label)),
            tell.known(size_of(pack.pack), pack.size),
            tell.count(size_of(pack.pack), pack.size),
            (share_of(pack, tell), *((change_of(pack, tell),) if found.compared else ())),
        )
        for pack in found.packs
    )
    heads = (words("share"), *((words("change"),) if found.compared else ()))
    return Bars(words("sizes_chart"), told, bars, heads)


def share_of(pack: Headline, tell: Telling) -> str:
    """A pack's share of the base."""
    return tell.of(tell.words.percent(pack.share), size_of(pack.pack), BASE)


def change_of(pack: Headline, tell: Telling) -> str:
    """How a pack changed since the last build; ``new`` of one that was not there."""
    if pack.before is None:
        return tell.words("new")
    ratio = pack.size / pack.before - 1 if pack.before else None
    return tell.of(change(ratio), size_of(pack.pack), size_of(pack.pack, "old"))


def waterfall_chart(part: Part[Waterfall], words: Words) -> Drops:
    """From the base to a pack, condition by condition."""
    tell = Telling(words, part.hidden)
    found = part.found
    name = called(found.pack, found.label)
    base, size = tell.known(BASE, found.base), tell.known(SIZE, found.size)
    steps = [Drop(Label(words("base")), base, None, words.count(base))]
    steps += _drops(found, tell)
    steps.append(Drop(Label(name, in_full(found.pack, found.label)), size, None, words.count(size)))
    told = words(
        "waterfall_told", n=len(found.steps), base=words.users(base), size=words.users(size)
    )
    legend = (words("left_over"), words("lost"), words("alone"))
    return Drops(words("waterfall_chart", pack=name), told, base, tuple(steps), legend)


def _drops(found: Waterfall, tell: Telling) -> Iterator[Drop]:
    before = tell.known(BASE, found.base)
    for at, step in enumerate(found.steps[:MOST_STEPS]):
        label = Label(step.asked, f"{step.asked}\n{step.at}", step.depth)
        if step.after is None:
            alone = tell.known((at, "alone"), step.alone)
            yield Drop(label, alone, None, tell.words.count(alone), alone=True)
            continue
        left = tell.known((at, "after"), step.after)
        lost = ""
        if left is not None and before is not None:
            lost = f"{tell.words('lost')}: {number(before - left)}"
        yield Drop(label, left, before, tell.words.count(left), lost)
        before = left


def heat_chart(part: Part[Overlaps], words: Words) -> Heat:
    """Of each pack the share that is in each other one."""
    tell = Telling(words, part.hidden)
    found = part.found
    names = [called(pack.name, pack.label) for pack in found.packs]
    places = {pack.name: at for at, pack in enumerate(found.packs)}
    shares: dict[tuple[int, int], Share] = {}
    for pair in found.pairs:
        both = both_of(pair.one, pair.other)
        for one, other, share in (
            (pair.one, pair.other, pair.of_one),
            (pair.other, pair.one, pair.of_other),
        ):
            hidden = tell.hides(both, size_of(one))
            told = words(
                "heat_of",
                share=words("hidden") if hidden else words.percent(share),
                one=names[places[one]],
                other=names[places[other]],
                both=tell.users(both, pair.both),
            )
            told_share = Share(None if hidden else share, told, hidden)
            shares[places[one], places[other]] = told_share
    highest = max((each.share for each in shares.values() if each.share is not None), default=None)
    told = words("heat_told", n=len(names), highest=words.percent(highest))
    return Heat(words("heat_chart"), told, tuple(names), shares)


def upset_chart(part: Part[Overlaps], words: Words) -> Upset:
    """Who is in exactly which packs, the largest first; those in none are in the table alone."""
    tell = Telling(words, part.hidden)
    found = part.found
    places = {pack.name: at for at, pack in enumerate(found.packs)}
    names = [called(pack.name, pack.label) for pack in found.packs]
    combinations = []
    for region in regions_of(found, tell)[:MOST_REGIONS]:
        cell = region_of(region.packs)
        packs = " & ".join(names[places[name]] for name in region.packs)
        told = f"{packs}: {tell.users(cell, region.users)}"
        inside = frozenset(places[name] for name in region.packs)
        count = tell.count(cell, region.users)
        combinations.append(Combination(inside, tell.known(cell, region.users), count, told))
    largest = next((each.told for each in combinations if each.users is not None), "–")
    told = words("upset_told", n=len(combinations), largest=largest)
    return Upset(words("upset_chart"), told, tuple(names), tuple(combinations))


def regions_of(found: Overlaps, tell: Telling) -> list[Region]:
    """Regions as they are shown: what is hidden last, as its place would bound its count."""
    shown = [each for each in found.regions if not tell.hides(region_of(each.packs))]
    places = {pack.name: at for at, pack in enumerate(found.packs)}
    hidden = [each for each in found.regions if tell.hides(region_of(each.packs))]
    return shown + sorted(hidden, key=lambda each: [places[name] for name in each.packs])
