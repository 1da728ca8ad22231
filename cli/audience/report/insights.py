"""Insights as grids, without the counts that must be hidden."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audience.insight.cells import Cell
from audience.insight.flow import NOWHERE, Flow, size_of_stage
from audience.insight.overlap import Overlaps
from audience.insight.profile import Profile
from audience.insight.sharing import BASE, OUTSIDE, both_of, region_of, size_of
from audience.insight.waterfall import SIZE, Waterfall
from audience.report.counts import Teller
from audience.report.grid import Column, Grid
from audience.report.words import bar, bar_around, number, percent, shade, signed, whole_percent

_HOW = {
    "equal": "the same users",
    "within": "all of it is in the other",
    "nearly": "more than 95% of both are in both",
}
_WIDTH = 24
_SIDE = 10
"""Columns of a bar on each side of TGI 100."""
_FURTHEST = 400.0
"""The TGI at which bars end, and its opposite, 25."""
_NEAREST = 125.0
"""Where bars end at least, else a TGI of 101 would look like much."""
_FEWEST, _MOST = 3, 12
"""Packs of a heat map: two are a pair, and more have no room."""


def overlap_grids(found: Overlaps, top: int, hidden: frozenset[Cell] = frozenset()) -> list[Grid]:
    """Pairs by how much alike they are, exclusive regions by size, and packs that say little."""
    tell = Teller(hidden)
    grids = [_pairs_grid(found, top, tell), _regions_grid(found, top, tell)]
    if _FEWEST <= len(found.packs) <= _MOST:
        grids.insert(1, _heat_grid(found, tell))
    if found.redundant:
        columns = (Column("pack"), Column("other"), Column("why"))
        rows = tuple((each.pack, each.other, _HOW[each.how]) for each in found.redundant)
        grids.append(Grid("packs that another one makes needless", columns, rows))
    return grids


def waterfall_grids(found: Waterfall, hidden: frozenset[Cell] = frozenset()) -> list[Grid]:
    """What each condition costs, and how large the pack would be at nearby bounds."""
    tell = Teller(hidden)
    label = f"  {found.label}" if found.label else ""
    title = f"{found.pack}{label}  as of {found.as_of}  {tell.count(SIZE, found.size)} of the base "
    title += f"of {tell.count(BASE, found.base)} users"
    doubtful = any(step.only_missing for step in found.steps)
    columns = [Column("condition"), *(Column(name, True) for name in ("alone", "left", "without"))]
    columns += [Column("only by a missing value", True)] if doubtful else []
    rows, around = [], []
    for place, step in enumerate(found.steps):
        texts = [
            "" if count is None else tell.count((place, what), count)
            for what, count in (
                ("alone", step.alone),
                ("after", step.after),
                ("without", step.without),
                *((("only_missing", step.only_missing),) if doubtful else ()),
            )
        ]
        rows.append(("  " * step.depth + step.asked, *texts))
        for each in step.nearby:
            cell = (place, each.change)
            difference = tell.of(signed(each.difference), cell, SIZE)
            around.append((step.asked, each.change, tell.count(cell, each.size), difference))
    grids = [Grid(title, tuple(columns), tuple(rows))]
    if around:
        heads = (Column("condition"), Column("at"), Column("size", True), Column("change", True))
        grids.append(Grid(f"{found.pack} at nearby bounds", heads, tuple(_named_once(around))))
    return grids


def flow_grid(title: str, found: Flow, hidden: frozenset[Cell] = frozenset()) -> Grid:
    """A row for each stage of the first day, a column for each of the other."""
    tell = Teller(hidden)
    names = [*found.after, NOWHERE]
    columns = [Column(f"{found.start} ↓  {found.end} →"), Column("size", True)]
    columns += [Column(name or "(left)", True) for name in names]
    rows = []
    for stage, row in found.moved.items():
        size = tell.count(size_of_stage("before", stage), found.before[stage]) if stage else ""
        cells = [tell.count((stage, name), row[name]) if stage or name else "" for name in names]
        rows.append((stage or "(entered)", size, *cells))
    sizes = [
        tell.count(size_of_stage("after", name), found.after[name]) if name else ""
        for name in names
    ]
    rows.append(("size", "", *sizes))
    return Grid(title, tuple(columns), tuple(rows))


def profile_grid(found: Profile, top: int, hidden: frozenset[Cell] = frozenset()) -> Grid:
    """Values by how much they set the pack apart."""
    tell = Teller(hidden)
    names = ("tag", "value", "users", "share", "in baseline", "TGI", "95%", "")
    columns = [Column(name, name not in {"tag", "value", "95%", ""}) for name in names]
    columns.insert(-1, Column("100".rjust(_SIDE + 2), spare=True))
    furthest = _furthest(found, top, tell)
    rows = []
    for place, line in enumerate(found.lines[:top]):
        mine, base = (place, "users"), (place, "baseline")
        every = (mine, base, "size", "baseline")
        low = "" if line.low is None or line.high is None else f"{line.low:.0f} to {line.high:.0f}"
        mark = "few" if line.few else "" if line.significant else "by chance?"
        drawn = ""
        if line.tgi is not None and tell.hidden.isdisjoint(every):
            drawn = bar_around(line.tgi, furthest, _SIDE)
        rows.append(
            (
                f"{line.label} ({line.tag})" if line.label else line.tag,
                line.value,
                tell.count(mine, line.users),
                tell.of(percent(line.share), mine, "size"),
                tell.of(percent(line.baseline_share), base, "baseline"),
                tell.of("–" if line.tgi is None else f"{line.tgi:.0f}", *every),
                tell.of(low, *every),
                drawn,
                mark,
            )
        )
    size = tell.count("size", found.size)
    title = f"{found.pack}: {size} users against {found.baseline} of "
    title += tell.count("baseline", found.baseline_size)
    return Grid(_titled(title, len(rows), len(found.lines)), tuple(columns), tuple(rows))


def _furthest(found: Profile, top: int, tell: Teller) -> float:
    """How far a bar goes: to the TGI that is furthest from 100 of those that are told."""
    told = [
        line.tgi if line.tgi > 100 else 10_000 / line.tgi
        for place, line in enumerate(found.lines[:top])
        if line.tgi
        and tell.hidden.isdisjoint({(place, "users"), (place, "baseline"), "size", "baseline"})
    ]
    return min(_FURTHEST, max([*told, _NEAREST]))


def _named_once(rows: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """Rows whose first cell is empty where it is that of the row above."""
    before = ""
    for first, *others in rows:
        yield ("" if first == before else first, *others)
        before = first


def _pairs_grid(found: Overlaps, top: int, tell: Teller) -> Grid:
    names = ("pack", "other", "both", "of pack", "of other", "Jaccard", "lift")
    columns = tuple(Column(name, name not in {"pack", "other"}) for name in names)
    pairs = sorted(found.pairs, key=lambda pair: -(pair.jaccard or 0))
    rows = []
    for pair in pairs[:top]:
        one, other = size_of(pair.one), size_of(pair.other)
        both = both_of(pair.one, pair.other)
        jaccard = "–" if pair.jaccard is None else f"{pair.jaccard:.3f}"
        lift = "–" if pair.lift is None else f"{pair.lift:.2f}"
        rows.append(
            (
                pair.one,
                pair.other,
                tell.count(both, pair.both),
                tell.of(percent(pair.of_one), both, one),
                tell.of(percent(pair.of_other), both, other),
                tell.of(jaccard, both, one, other),
                tell.of(lift, both, one, other, BASE),
            )
        )
    return Grid(_titled("pairs, most alike first", len(rows), len(pairs)), columns, tuple(rows))


def _heat_grid(found: Overlaps, tell: Teller) -> Grid:
    """Of each pack the share that is in each other one, in shades."""
    shares = {}
    for pair in found.pairs:
        both = both_of(pair.one, pair.other)
        shares[pair.one, pair.other] = tell.of(_shaded(pair.of_one), both, size_of(pair.one))
        shares[pair.other, pair.one] = tell.of(_shaded(pair.of_other), both, size_of(pair.other))
    names = [pack.name for pack in found.packs]
    columns = [Column("#", True), Column("pack")]
    columns += [Column(str(place), True) for place in range(1, len(names) + 1)]
    rows = tuple(
        (str(place), one, *(shares.get((one, other), "·") for other in names))
        for place, one in enumerate(names, 1)
    )
    title = (
        "share of the row's pack in the column's: ░ below 25%, ▒ below 50%, ▓ below 75%, █ from 75%"
    )
    return Grid(title, tuple(columns), rows, spare=True)


def _shaded(share: float | None) -> str:
    if share is None:
        return "–"
    percent = f"{whole_percent(share)}%"
    return f"{shade(share)}{percent:>4}"


def _regions_grid(found: Overlaps, top: int, tell: Teller) -> Grid:
    regions = [
        (" & ".join(each.packs), region_of(each.packs), each.users) for each in found.regions
    ]
    shown = regions[:top]
    told = [users for _, cell, users in shown if cell not in tell.hidden]
    largest = max(told, default=0)
    if found.outside is not None:
        shown.append(("(in none)", OUTSIDE, found.outside))
    base = found.base
    rows = tuple(
        (
            name,
            tell.count(cell, users),
            tell.of(percent(users / base if base else None), cell, BASE),
            # Most of a base is in no pack: its bar would leave no room for the others'.
            "" if cell == OUTSIDE else tell.of(bar(users, largest, _WIDTH), cell),
        )
        for name, cell, users in shown
    )
    columns = (Column("in exactly"), Column("users", True), Column("of base", True), Column(""))
    title = "regions: users who are in these packs and in no other, largest first"
    return Grid(_titled(title, min(top, len(regions)), len(regions)), columns, rows)


def _titled(title: str, shown: int, there: int) -> str:
    return title if shown == there else f"{title}; {number(shown)} of {number(there)}"
