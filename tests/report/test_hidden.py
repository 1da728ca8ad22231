"""Hidden counts: the page and its charts are the same to the byte whatever they are."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from reports import made_up

from audience.insight.causes import Reasons
from audience.insight.cells import Cell
from audience.insight.convert import Conversion, Rate
from audience.insight.flow import Flow, size_of_stage
from audience.insight.overlap import Overlaps
from audience.insight.profile import Profile
from audience.insight.report import Headlines, Part, Report
from audience.insight.sharing import both_of, region_of, size_of
from audience.insight.waterfall import Waterfall
from audience.report.language import Language, Words
from audience.report.page import render_page


class Other:
    """Gives other counts, and other shares, in the place of hidden ones."""

    def __init__(self, seed: int, hidden: frozenset[Cell]) -> None:
        self.draw = np.random.default_rng(seed)
        self.hidden = hidden

    def count(self, value: Any, *cells: Cell) -> Any:
        told = value is None or self.hidden.isdisjoint(cells)
        return value if told else int(self.draw.integers(1, 50_000))

    def share(self, value: Any, *cells: Cell) -> Any:
        return value if self.hidden.isdisjoint(cells) else float(self.draw.random() * 900)


def other_headlines(found: Headlines, it: Other) -> Headlines:
    packs = []
    for pack in found.packs:
        size = size_of(pack.pack)
        packs.append(
            replace(
                pack,
                size=it.count(pack.size, size),
                share=it.share(pack.share, size, "base"),
                before=it.count(pack.before, size_of(pack.pack, "old")),
            )
        )
    return Headlines(
        it.count(found.base, "base"), it.count(found.suppressed, "suppressed"), tuple(packs)
    )


def other_waterfall(found: Waterfall, it: Other) -> Waterfall:
    steps = []
    for at, step in enumerate(found.steps):
        counts = {
            what: it.count(getattr(step, what), (at, what))
            for what in ("alone", "after", "without", "only_missing")
        }
        around = tuple(
            replace(
                each,
                size=it.count(each.size, (at, each.change)),
                difference=it.count(each.difference, (at, each.change), "size"),
            )
            for each in step.nearby
        )
        steps.append(replace(step, **counts, nearby=around))
    base, size = it.count(found.base, "base"), it.count(found.size, "size")
    return replace(found, base=base, size=size, steps=tuple(steps))


def other_overlaps(found: Overlaps, it: Other) -> Overlaps:
    pairs = []
    for pair in found.pairs:
        both, one, other = both_of(pair.one, pair.other), size_of(pair.one), size_of(pair.other)
        pairs.append(
            replace(
                pair,
                both=it.count(pair.both, both),
                of_one=it.share(pair.of_one, both, one),
                of_other=it.share(pair.of_other, both, other),
                jaccard=it.share(pair.jaccard, both, one, other),
                lift=it.share(pair.lift, both, one, other, "base"),
            )
        )
    regions = [
        replace(each, users=it.count(each.users, region_of(each.packs))) for each in found.regions
    ]
    hidden = [each for each in regions if region_of(each.packs) in it.hidden]
    shown = [each for each in regions if region_of(each.packs) not in it.hidden]
    # Overlaps have the largest first: hidden ones come to stand elsewhere.
    mixed = [*shown, *(hidden[at] for at in it.draw.permutation(len(hidden)))]
    return replace(
        found,
        packs=tuple(
            replace(pack, size=it.count(pack.size, size_of(pack.name))) for pack in found.packs
        ),
        pairs=tuple(pairs),
        regions=tuple(sorted(mixed, key=lambda each: -each.users)),
        outside=it.count(found.outside, "outside"),
    )


def other_profile(found: Profile, it: Other) -> Profile:
    lines = []
    for at, line in enumerate(found.lines):
        mine, base = (at, "users"), (at, "baseline")
        all_four = (mine, base, "size", "baseline")
        lines.append(
            replace(
                line,
                users=it.count(line.users, mine),
                share=it.share(line.share, mine, "size"),
                baseline_users=it.count(line.baseline_users, base),
                baseline_share=it.share(line.baseline_share, base, "baseline"),
                **{
                    name: it.share(getattr(line, name), *all_four)
                    for name in ("tgi", "low", "high", "p")
                },
            )
        )
    size, whole = it.count(found.size, "size"), it.count(found.baseline_size, "baseline")
    return replace(found, size=size, baseline_size=whole, lines=tuple(lines))


def other_rate(rate: Rate, it: Other, users: Cell, of: Cell) -> Rate:
    shares = [it.share(each, users, of) for each in (rate.rate, rate.low, rate.high)]
    return Rate(it.count(rate.users, users), it.count(rate.of, of), *shares)


def other_conversion(found: Conversion, it: Other) -> Conversion:
    lines = []
    for at, line in enumerate(found.lines):
        cells = ((at, "converted"), (at, "users"))
        index = {
            name: it.share(getattr(line, name), *cells, "converted", "users")
            for name in ("tgi", "low", "high", "p")
        }
        lines.append(replace(line, rate=other_rate(line.rate, it, *cells), **index))
    rate = other_rate(found.rate, it, "converted", "users")
    return replace(found, rate=rate, lines=tuple(lines))


def other_flow(found: Flow, it: Other) -> Flow:
    moved = {
        one: {two: it.count(n, (one, two)) for two, n in row.items()}
        for one, row in found.moved.items()
    }
    sides = [
        {name: it.count(n, size_of_stage(side, name)) for name, n in sizes.items()}
        for side, sizes in (("before", found.before), ("after", found.after))
    ]
    return replace(found, before=sides[0], after=sides[1], moved=moved)


def other_reasons(found: Reasons, it: Other) -> Reasons:
    packs = []
    for each in found.packs:
        causes = []
        for at, cause in enumerate(each.causes):
            changed = tuple(
                replace(move, users=it.count(move.users, (each.pack, at, place)))
                for place, move in enumerate(cause.transitions)
            )
            added = it.count(cause.added, (each.pack, at, "added"))
            removed = it.count(cause.removed, (each.pack, at, "removed"))
            causes.append(replace(cause, added=added, removed=removed, transitions=changed))
        counts = {
            name: it.count(getattr(each, name), (each.pack, name))
            for name in ("old_size", "new_size", "kept", "added", "removed")
        }
        packs.append(replace(each, **counts, causes=tuple(causes)))
    return replace(found, packs=tuple(packs))


OTHERS: dict[type, Any] = {
    Headlines: other_headlines,
    Waterfall: other_waterfall,
    Overlaps: other_overlaps,
    Profile: other_profile,
    Conversion: other_conversion,
    Flow: other_flow,
    Reasons: other_reasons,
}


def other_part(part: Part[Any], seed: int) -> Part[Any]:
    return replace(part, found=OTHERS[type(part.found)](part.found, Other(seed, part.hidden)))


def other_report(report: Report, seed: int) -> Report:
    assert report.overlaps
    assert report.reasons
    return replace(
        report,
        headlines=other_part(report.headlines, seed),
        waterfalls=tuple(other_part(part, seed) for part in report.waterfalls),
        overlaps=other_part(report.overlaps, seed),
        profiles=tuple(other_part(part, seed) for part in report.profiles),
        conversions=tuple(other_part(part, seed) for part in report.conversions),
        flows=tuple(replace(each, flow=other_part(each.flow, seed)) for each in report.flows),
        reasons=other_part(report.reasons, seed),
    )


def report_with_hidden(seed: int, least: int = 60) -> Report:
    """As commands hide it, and conversions and reasons with cells that are drawn."""
    draw = np.random.default_rng(seed)
    report = made_up(5, least, seed)
    assert report.reasons

    def some(cells: list[Cell]) -> frozenset[Cell]:
        return frozenset(cell for cell in cells if draw.random() < 0.3)

    turned: list[Cell] = [(at, what) for at in range(15) for what in ("converted", "users")]
    conversions = tuple(
        replace(part, hidden=some([*turned, "users"])) for part in report.conversions
    )
    reasons = report.reasons.found
    cells: list[Cell] = []
    for each in reasons.packs:
        cells += [(each.pack, name) for name in ("old_size", "new_size", "kept", "added")]
        for at, cause in enumerate(each.causes):
            cells += [(each.pack, at, "added")] if cause.added else []
            cells += [(each.pack, at, "removed")] if cause.removed else []
            cells += [(each.pack, at, place) for place in range(len(cause.transitions))]
    # Totals may be hidden where their parts are not.
    first = report.profiles[0]
    profiles = (replace(first, hidden=first.hidden | {"size"}), *report.profiles[1:])
    (flow,) = report.flows
    stage = list(flow.flow.found.before)[seed % 5]
    more: list[Cell] = [(stage, stage)]
    more += [size_of_stage(side, stage) for side in ("before", "after")]
    moves = replace(flow.flow, hidden=flow.flow.hidden | some(more) | {more[0]})
    headlines = replace(report.headlines, hidden=report.headlines.hidden | some(["base"]))
    return replace(
        report,
        headlines=headlines,
        profiles=profiles,
        conversions=conversions,
        flows=(replace(flow, flow=moves),),
        reasons=Part(reasons, some(cells)),
    )


@pytest.mark.parametrize("language", list(Language))
@pytest.mark.parametrize("seed", range(6))
def test_a_page_does_not_depend_on_what_is_hidden(seed: int, language: Language) -> None:
    report = report_with_hidden(seed)
    changed = other_report(report, seed)
    assert changed != report
    text = render_page(report, language)
    assert text == render_page(changed, language)
    assert text.count('class="hatch"') > 10
    assert Words(language)("small_cells") in text


def test_the_others_are_others() -> None:
    """Where nothing is hidden, nothing was changed; where it is told, a change is seen."""
    report = report_with_hidden(1)
    plain = made_up(5, 0, 1)
    assert other_report(plain, 1) == plain
    bare = replace(report, profiles=tuple(Part(part.found) for part in report.profiles))
    changed = replace(bare, profiles=other_report(report, 1).profiles)
    changed = replace(changed, profiles=tuple(Part(part.found) for part in changed.profiles))
    assert render_page(bare) != render_page(changed)


def test_a_small_count_is_nowhere() -> None:
    report = made_up(3)
    small = replace(report.headlines.found.packs[0], size=7919, share=0.6599, before=7907)
    packs = (small, *report.headlines.found.packs[1:])
    hidden = frozenset({size_of(small.pack), size_of(small.pack, "old")})
    part = Part(replace(report.headlines.found, packs=packs), hidden)
    bare = Report("c", "p", "", date(2023, 4, 30), part, report.provenance)
    for language in Language:
        text = render_page(bare, language)
        assert not re.search(r"7,?919|7,?907|66\.0%|0\.2%", text)
        assert Words(language)("hidden") in text
