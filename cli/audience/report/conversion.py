"""Conversions as grids, without the counts that must be hidden."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audience.insight.cells import Cell
from audience.insight.convert import (
    Contrast,
    ConversionLine,
    Conversions,
    Period,
    Rate,
    side_by_side,
)
from audience.insight.convert_cells import (
    CONVERTED,
    MARKET,
    NO_SOURCE,
    REACHED,
    SWING,
    TARGET,
    USERS,
    on_day,
    part_of,
    source_of,
)
from audience.report.counts import Teller
from audience.report.grid import Column, Grid
from audience.report.words import bar, number, percent

_WIDTH = 24
_DOUBTFUL = "~"


def conversion_grids(
    found: Conversions, top: int, hidden: frozenset[Cell] = frozenset()
) -> list[Grid]:
    """Rates, values that go with converting, sources, and shares of the market."""
    tell = Teller(hidden)
    grids = [_rates_grid(found, tell)] if found.target else []
    if len(found.conversions) == 1:
        grids.append(_lines_grid(found, top, tell))
    elif found.conversions:
        grids.append(_periods_grid(found, top, tell))
    for place, period in enumerate(found.periods):
        if period.sources:
            grids.append(_sources_grid(found, period, place, tell))
    if found.market:
        grids.append(_market_grid(found, tell))
    for place, period in enumerate(found.periods):
        if period.days:
            grids.append(_days_grid(found, period, place, tell))
    return grids


def _rates_grid(found: Conversions, tell: Teller) -> Grid:
    names = ("as of", "users of", "users", "converted", "rate", "95%")
    columns = [Column(name, name in {"users", "converted", "rate"}) for name in names]
    columns.append(Column("", spare=True))
    rates = [
        (rate, cells)
        for place, period in enumerate(found.periods)
        for _, rate, cells in _rates(found, period, place)
    ]
    # One rate alone is as long as any.
    drawn = iter(_bars(rates, tell, _WIDTH) if len(rates) > 1 else [""])
    rows: list[tuple[str, ...]] = []
    for place, period in enumerate(found.periods):
        for name, rate, cells in _rates(found, period, place):
            rows.append((_days(period), name, *_rate(rate, cells, tell), next(drawn)))
        if period.swing is not None:
            swing = tell.count((place, SWING), period.swing)
            rows.append((_days(period), "swing: all of them, not converted", swing, *[""] * 4))
    return Grid(f"{found.source} → {found.target}", tuple(columns), tuple(rows))


def _bars(rates: Sequence[tuple[Rate, tuple[Cell, Cell]]], tell: Teller, width: int) -> list[str]:
    """Rates as bars, of which the longest is the highest that may be told; none of others."""
    told = [tell.hidden.isdisjoint(cells) for _, cells in rates]
    shown = [
        (rate.rate or 0.0) if known else 0.0 for (rate, _), known in zip(rates, told, strict=True)
    ]
    return [bar(rate, max(shown), width) for rate in shown]


def _rates(
    found: Conversions, period: Period, place: int
) -> Iterator[tuple[str, Rate, tuple[Cell, Cell]]]:
    """The rates of a period: what each is of, and its cells."""
    for at, part in enumerate(period.parts):
        if part.rate is not None:
            cells = (part_of(place, at, CONVERTED), part_of(place, at, USERS))
            yield _named(part.name, part.label), part.rate, cells
    if period.conversion is not None:
        name = "all of them" if period.parts else found.source
        yield name, period.conversion.rate, ((place, CONVERTED), (place, USERS))


def _rate(rate: Rate, cells: tuple[Cell, Cell], tell: Teller) -> tuple[str, str, str, str]:
    """Of how many, how many, the rate and its interval."""
    mine, of = cells
    return (
        tell.count(of, rate.of),
        tell.count(mine, rate.users),
        tell.of(percent(rate.rate), mine, of),
        tell.of(_between(rate), mine, of),
    )


def _between(rate: Rate) -> str:
    return "" if rate.low is None else f"{percent(rate.low)} to {percent(rate.high)}"


def _lines_grid(found: Conversions, top: int, tell: Teller) -> Grid:
    """Values by how much they tell those who converted from the others."""
    ((place, period),) = [each for each in enumerate(found.periods) if each[1].conversion]
    assert period.conversion is not None
    lines = period.conversion.lines
    texts = {"tag", "value", "95%", "interval", "bar", ""}
    names = ("tag", "value", "users", "converted", "rate", "95%", "bar", "TGI", "interval", "")
    every_cell = [((place, at, CONVERTED), (place, at, USERS)) for at in range(len(lines))]
    pairs = [(line.rate, cells) for line, cells in zip(lines, every_cell, strict=True)][:top]
    rows = []
    for at, drawn in enumerate(_bars(pairs, tell, _WIDTH // 2)):
        line, cells = lines[at], every_cell[at]
        low = "" if line.low is None or line.high is None else f"{line.low:.0f} to {line.high:.0f}"
        every = (*cells, (place, CONVERTED), (place, USERS))
        mark = "few" if line.few else "" if line.significant else "by chance?"
        rows.append(
            (
                _tag(line.tag, line.label),
                line.value,
                *_rate(line.rate, cells, tell),
                drawn,
                tell.of(_tgi(line), *every),
                tell.of(low, *every),
                mark,
            )
        )
    titles = {"interval": "95%", "bar": ""}
    columns = tuple(
        Column(titles.get(name, name), name not in texts, spare=name == "bar") for name in names
    )
    title = _titled("values that go with converting", len(rows), len(lines))
    return Grid(title, columns, tuple(rows))


def _periods_grid(found: Conversions, top: int, tell: Teller) -> Grid:
    """A row for each value, those first that convert in some periods alone: rates and TGI."""
    places = [place for place, period in enumerate(found.periods) if period.conversion]
    contrasts = {(each.tag, each.label, each.value): each for each in found.contrasts}
    columns = [Column("tag"), Column("value")]
    for each in found.conversions:
        columns += [Column(f"{each.period}: rate", True), Column("TGI", True)]
    values = side_by_side(found.conversions)
    rows = []
    for key in sorted(values, key=lambda each: each not in contrasts)[:top]:
        row = [_tag(key[0], key[1]), key[2]]
        for place, (at, line) in zip(places, values[key], strict=True):
            cells = ((place, at, CONVERTED), (place, at, USERS))
            every = (*cells, (place, CONVERTED), (place, USERS))
            sign = _DOUBTFUL if line.few or not line.significant else ""
            row += [_rate(line.rate, cells, tell)[2], tell.of(f"{sign}{_tgi(line)}", *every)]
        rows.append((*row, _mark(contrasts.get(key))))
    title = f"values that go with converting ({_DOUBTFUL}: by chance, or few users)"
    title = _titled(title, len(rows), len(values))
    return Grid(title, (*columns, Column("")), tuple(rows))


def _mark(contrast: Contrast | None) -> str:
    return f"only in {', '.join(contrast.converts_in)}" if contrast else ""


def _sources_grid(found: Conversions, period: Period, place: int, tell: Teller) -> Grid:
    names = ("source", "users", "of all", "")
    columns = tuple(Column(name, name in {"users", "of all"}) for name in names)
    largest = period.sources[0].users
    target = (place, TARGET)
    rows = []
    for at, each in enumerate(period.sources):
        cell = source_of(place, at)
        rows.append(
            (
                _named(each.name, each.label),
                tell.count(cell, each.users),
                tell.of(percent(each.share), cell, target),
                tell.of(bar(each.users, largest, _WIDTH), cell, source_of(place, 0)),
            )
        )
    if period.no_source is not None and period.target_users is not None:
        cell = (place, NO_SOURCE)
        share = period.no_source / period.target_users if period.target_users else None
        none = tell.count(cell, period.no_source)
        rows.append(("(none of them)", none, tell.of(percent(share), cell, target), ""))
    whole = tell.count(target, period.target_users or 0)
    return Grid(
        f"{_titles(period)}sources of {whole} users of {found.target}", columns, tuple(rows)
    )


def _market_grid(found: Conversions, tell: Teller) -> Grid:
    columns = (
        Column("as of"),
        Column("market", True),
        Column("reached", True),
        Column("penetration", True),
        Column("95%"),
    )
    rows = []
    for place, period in enumerate(found.periods):
        if period.penetration is not None:
            cells = ((place, REACHED), (place, MARKET))
            rows.append((_days(period), *_rate(period.penetration, cells, tell)))
    return Grid(f"{found.source} in the market {found.market}", columns, tuple(rows))


def _days_grid(found: Conversions, period: Period, place: int, tell: Teller) -> Grid:
    columns = (
        Column("day"),
        Column("users", True),
        Column("market", True),
        Column("share", True),
        Column(""),
    )
    cells = [
        (on_day(place, at, USERS), on_day(place, at, MARKET)) for at in range(len(period.days))
    ]
    # A bar is as long as its share is of the largest that may be told.
    told = [
        each.share or 0.0
        for each, pair in zip(period.days, cells, strict=True)
        if not tell.hidden.intersection(pair)
    ]
    largest = max(told, default=0.0)
    rows = tuple(
        (
            each.day.isoformat(),
            tell.count(pair[0], each.users),
            tell.count(pair[1], each.market),
            tell.of(percent(each.share), *pair),
            tell.of(bar(each.share or 0.0, largest, _WIDTH), *pair),
        )
        for each, pair in zip(period.days, cells, strict=True)
    )
    title = f"{_titles(period)}share of the market {found.market} by days"
    return Grid(title, columns, rows)


def _named(name: str, label: str) -> str:
    return f"{name}  {label}" if label else name


def _tag(name: str, label: str) -> str:
    return f"{label} ({name})" if label else name


def _tgi(line: ConversionLine) -> str:
    return "–" if line.tgi is None else f"{line.tgi:.0f}"


def _days(period: Period) -> str:
    days = f"{period.first}..{period.as_of}" if period.first else f"{period.as_of}"
    return days if period.name in {"", days} else f"{period.name} {days}"


def _titles(period: Period) -> str:
    return f"{period.name}: " if period.name else ""


def _titled(title: str, shown: int, there: int) -> str:
    return title if shown == there else f"{title}; {number(shown)} of {number(there)}"
