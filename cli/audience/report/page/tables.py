"""The tables behind a report's charts, as grids, without what must be hidden."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from audience.insight.causes import Explained
from audience.insight.flow import NOWHERE, size_of_stage
from audience.insight.overlap import Overlaps, Pair
from audience.insight.profile import Profile
from audience.insight.report import Headlines, Part, StageFlow
from audience.insight.sharing import BASE, OUTSIDE, both_of, region_of, size_of
from audience.insight.waterfall import SIZE, Waterfall
from audience.report.grid import Column, Grid
from audience.report.language import Words
from audience.report.pictures import change_of, regions_of, share_of
from audience.report.portraits import (
    entered,
    gone,
    hides_line,
    index_text,
    kind_of,
    stage_called,
)
from audience.report.telling import Telling, called, pack_name
from audience.report.words import number, signed

MOST_ROWS = 40
"""Of long tables so many rows are on the page."""

MOST_PAIRS = 60

Rows = Sequence[tuple[str, ...]]


def grid_of(
    words: Words, title: str, texts: Sequence[str], numbers: Sequence[str], rows: Rows
) -> Grid:
    """A grid of columns of texts, then of numbers, by their words' keys."""
    columns = [Column(_capital(words(key))) for key in texts]
    columns += [Column(_capital(words(key)), right=True) for key in numbers]
    return Grid(title, tuple(columns), tuple(rows))


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def sizes_grid(part: Part[Headlines], words: Words) -> Grid:
    """Packs, sizes, shares, and the sizes in the last build, where any has one."""
    tell = Telling(words, part.hidden)
    compared = part.found.compared
    rows = []
    for pack in part.found.packs:
        size = size_of(pack.pack)
        before, since = "–", "–"
        if pack.before is not None:
            before = tell.count(size_of(pack.pack, "old"), pack.before)
            since = pack.before_as_of.isoformat() if pack.before_as_of else "–"
        rows.append(
            (
                pack.pack,
                pack.label,
                tell.count(size, pack.size),
                share_of(pack, tell),
                *((before, since, change_of(pack, tell)) if compared else ()),
            )
        )
    numbers = ("size", "share", *(("before", "as_of", "change") if compared else ()))
    return grid_of(words, words("sizes"), ("pack", "label"), numbers, rows)


def waterfall_grids(part: Part[Waterfall], words: Words) -> list[Grid]:
    """Conditions with all their counts, and sizes at nearby bounds."""
    tell = Telling(words, part.hidden)
    found = part.found
    doubtful = any(step.only_missing for step in found.steps)
    rows, around = [], []
    for at, step in enumerate(found.steps):
        counts: list[tuple[str, int | None]] = [
            ("alone", step.alone),
            ("after", step.after),
            ("without", step.without),
        ]
        if doubtful:
            counts.append(("only_missing", step.only_missing))
        texts = ["" if n is None else tell.count((at, what), n) for what, n in counts]
        rows.append(("\u2003" * step.depth + step.asked, *texts))
        for each in step.nearby:
            cell = (at, each.change)
            difference = tell.of(signed(each.difference), cell, SIZE)
            around.append((step.asked, each.change, tell.count(cell, each.size), difference))
    numbers = ["alone", "left_over", "without", *(["only_missing"] if doubtful else [])]
    grids = [grid_of(words, words("condition"), ("condition",), numbers, rows)]
    if around:
        heads = ("condition", "at_bound")
        grids.append(grid_of(words, words("nearby"), heads, ("size", "change"), around))
    return grids


def pairs_grid(part: Part[Overlaps], words: Words) -> Grid:
    """Pairs of packs, most alike first."""
    tell = Telling(words, part.hidden)
    rows = []
    pairs = pairs_of(part.found, tell)
    for pair in pairs[:MOST_PAIRS]:
        one, other = size_of(pair.one), size_of(pair.other)
        both = both_of(pair.one, pair.other)
        jaccard = "–" if pair.jaccard is None else f"{pair.jaccard:.3f}"
        lift = "–" if pair.lift is None else f"{pair.lift:.2f}"
        rows.append(
            (
                pack_name(pair.one),
                pack_name(pair.other),
                tell.count(both, pair.both),
                tell.of(words.percent(pair.of_one), both, one),
                tell.of(words.percent(pair.of_other), both, other),
                tell.of(jaccard, both, one, other),
                tell.of(lift, both, one, other, BASE),
            )
        )
    numbers = ("both", "of_pack", "of_other", "jaccard", "lift")
    title = titled(words, words("overlaps"), len(rows), len(pairs))
    return grid_of(words, title, ("pack", "other"), numbers, rows)


def pairs_of(found: Overlaps, tell: Telling) -> list[Pair]:
    """Pairs as they are shown: what is hidden last, as its place would bound its count."""

    def order(pair: Pair) -> tuple[bool, float]:
        cells = (both_of(pair.one, pair.other), size_of(pair.one), size_of(pair.other))
        hidden = tell.hides(*cells)
        return hidden, 0 if hidden else -(pair.jaccard or 0)

    return sorted(found.pairs, key=order)


def regions_grid(part: Part[Overlaps], words: Words) -> Grid:
    """Who is in exactly which packs, and in none."""
    tell = Telling(words, part.hidden)
    found = part.found
    shown = [
        (" & ".join(map(pack_name, region.packs)), region_of(region.packs), region.users)
        for region in regions_of(found, tell)[:MOST_ROWS]
    ]
    there = len(found.regions)
    title = titled(words, words("exactly"), len(shown), there)
    if found.outside is not None:
        shown.append((words("outside"), OUTSIDE, found.outside))
    rows = [
        (
            name,
            tell.count(cell, users),
            tell.of(words.percent(users / found.base if found.base else None), cell, BASE),
        )
        for name, cell, users in shown
    ]
    return grid_of(words, title, ("exactly",), ("users", "share"), rows)


def redundant_grid(found: Overlaps, words: Words) -> Grid:
    """Packs that another one makes needless."""
    rows = [
        (pack_name(each.pack), pack_name(each.other), words(each.how)) for each in found.redundant
    ]
    return grid_of(words, words("redundant"), ("pack", "other", "why"), (), rows)


def profile_grid(part: Part[Profile], words: Words, label: str = "") -> Grid:
    """Values by how much they set a pack apart."""
    tell = Telling(words, part.hidden)
    found = part.found
    rows = []
    for at, line in enumerate(found.lines[:MOST_ROWS]):
        mine, base = (at, "users"), (at, "baseline")
        index = words("hidden") if hides_line(tell, at) else index_text(line)
        rows.append(
            (
                line.label or line.tag,
                line.value,
                tell.count(mine, line.users),
                tell.of(words.percent(line.share), mine, "size"),
                tell.count(base, line.baseline_users),
                tell.of(words.percent(line.baseline_share), base, "baseline"),
                index,
                remark_of(few=line.few, sure=line.significant, words=words),
            )
        )
    title = titled(words, called(found.pack, label), len(rows), len(found.lines))
    numbers = ("users", "share_in", "baseline_users", "baseline_share", "TGI", "remark")
    return grid_of(words, title, ("tag", "value"), numbers, rows)


def remark_of(*, few: bool, sure: bool, words: Words) -> str:
    """How far a line is to be trusted."""
    return words("few") if few else "" if sure else words("chance")


def flow_grid(each: StageFlow, words: Words, labels: Mapping[str, str] | None = None) -> Grid:
    """A row for each stage of the first day, by label and name; a column for each of the other."""
    tell = Telling(words, each.flow.hidden)
    found = each.flow.found
    targets = [*found.after, NOWHERE]
    head = words("from_to", start=found.start, end=found.end)
    columns = [Column(head), Column(words("size"), right=True)]
    columns += [Column(name or words("left"), right=True) for name in targets]
    rows = []
    for stage, row in found.moved.items():
        cells = [tell.count((stage, name), row[name]) if stage or name else "" for name in targets]
        size = tell.count(size_of_stage("before", stage), found.before[stage]) if stage else ""
        if not stage:
            size = words.count(entered(found, tell))
        label = stage_called(each, stage, labels)
        name = f"{label} ({stage})" if label != stage else stage
        rows.append((name or words("entered"), size, *cells))
    sizes = [tell.count(size_of_stage("after", name), found.after[name]) for name in found.after]
    rows.append((words("size"), "", *sizes, words.count(gone(found, tell))))
    title = words("flow_of", stages=each.stages, start=found.start, end=found.end)
    return Grid(title, tuple(columns), tuple(rows))


def causes_grids(found: Explained, tell: Telling) -> list[Grid]:
    """One pack's causes, and the values that changed."""
    words, pack = tell.words, found.pack
    rows, moved = [], []
    for at, cause in enumerate(found.causes):
        kind = kind_of(cause.kind, words)
        rows.append(
            (
                kind,
                cause.detail,
                cause.at,
                tell.count((pack, at, "added"), cause.added),
                tell.count((pack, at, "removed"), cause.removed),
            )
        )
        moved += [
            (cause.detail, f"{each.old} → {each.new}", tell.count((pack, at, place), each.users))
            for place, each in enumerate(cause.transitions)
        ]
    texts, numbers = ("kind", "cause", "where"), ("added", "removed")
    grids = [grid_of(words, words("cause"), texts, numbers, rows)]
    if moved:
        title = words("transitions")
        shown = moved[:MOST_ROWS]
        title = titled(words, title, len(shown), len(moved))
        grids.append(grid_of(words, title, ("cause", "value"), ("users",), shown))
    return grids


def inputs_grid(rows: Sequence[tuple[str, int, int, str]], words: Words) -> Grid:
    """Tables that were read."""
    texts = [(table, days, number(files), number(size)) for table, files, size, days in rows]
    return grid_of(words, words("inputs"), ("input_table", "days"), ("files", "bytes"), texts)


def titled(words: Words, title: str, shown: int, there: int) -> str:
    """A title that says where some rows alone are shown."""
    if shown == there:
        return title
    return f"{title} ({words('shown_of', n=number(shown), all=number(there))})"
