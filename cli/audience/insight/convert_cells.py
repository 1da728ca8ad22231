"""Conversions without the counts that are too small to be shared."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from audience.insight.cells import Cell, Cells, Table, hidden_cells
from audience.insight.convert import Conversion, Conversions, Period

USERS, CONVERTED = "users", "converted"
SWING, TARGET, NO_SOURCE = "swing", "target", "no source"
MARKET, REACHED = "market", "reached"


def part_of(period: int, place: int, side: str) -> Cell:
    """The cell of one of several conditions: its users, or those of them who did B."""
    return (period, "part", place, side)


def source_of(period: int, place: int) -> Cell:
    """The cell of B's users in a source."""
    return (period, "source", place)


def on_day(period: int, place: int, side: str) -> Cell:
    """The cell of a day's users, or of its market."""
    return (period, "day", place, side)


def table_of_conversion(found: Conversion) -> Table:
    """The counts of one period, and how they hang together.

    Cells are ``users`` and ``converted``, and both of a line, (place, ``users``).
    """
    table = Table()
    _add_conversion(table, found, ())
    return table


def hidden_in_convert(found: Conversions, least: int) -> frozenset[Cell]:
    """The counts that can't be shared.

    Cells are (period, what), those of lines (period, place, side). Others are called by
    :func:`part_of`, :func:`source_of` and :func:`on_day`.
    """
    if least < 2:
        return frozenset()
    table = Table()
    for number, period in enumerate(found.periods):
        _add_period(table, period, number)
    return hidden_cells(table, least)


def _add_conversion(table: Table, found: Conversion, of: Cells) -> None:
    """The counts of users with a value and without it, who did B and who did not."""
    users, converted = _cell(of, USERS), _cell(of, CONVERTED)
    table.counts |= {users: found.rate.of, converted: found.rate.users}
    table.groups.append(((users,), (converted,)))
    by_tag: dict[str, list[int]] = {}
    for place, line in enumerate(found.lines):
        mine, did = _cell(of, place, USERS), _cell(of, place, CONVERTED)
        table.counts |= {mine: line.rate.of, did: line.rate.users}
        _add_pairs(table, (users, converted), (mine, did))
        by_tag.setdefault(line.tag, []).append(place)
    for places in by_tag.values():
        for side, whole in ((USERS, users), (CONVERTED, converted)):
            cells = tuple(_cell(of, place, side) for place in places)
            if table.size((whole,), cells) == 0:
                table.sums.append(((whole,), cells))


def _add_pairs(table: Table, whole: tuple[Cell, Cell], part: tuple[Cell, Cell]) -> None:
    """Users and those of them who did B, of some people and of a part of them.

    The differences are people too: those who did not, and those of the whole who are not in the
    part, each of them and those who did B or did not.
    """
    (users, converted), (mine, did) = whole, part
    table.groups += [
        ((mine,), (did,)),
        ((users,), (mine,)),
        ((converted,), (did,)),
        ((users, did), (converted, mine)),
    ]


def _add_period(table: Table, period: Period, number: int) -> None:
    users, converted = (number, USERS), (number, CONVERTED)
    table.counts[users] = period.users
    if period.conversion:
        _add_conversion(table, period.conversion, (number,))
    for place, part in enumerate(period.parts):
        mine, did = part_of(number, place, USERS), part_of(number, place, CONVERTED)
        table.counts[mine] = part.users
        if part.rate is None:
            table.groups.append(((mine,), (users,)))
        else:
            table.counts[did] = part.rate.users
            _add_pairs(table, (mine, did), (users, converted))
            table.groups.append(((mine,), (did,)))
    if period.swing is not None:
        table.counts[number, SWING] = period.swing
        table.sums.append(((users,), (converted, (number, SWING))))
    _add_sources(table, period, number)
    _add_market(table, period, number)


def _add_sources(table: Table, period: Period, number: int) -> None:
    if period.target_users is None:
        return
    target, none = (number, TARGET), (number, NO_SOURCE)
    table.counts[target] = period.target_users
    table.groups.append(((target,), ((number, CONVERTED),)))
    cells: list[Cell] = [source_of(number, place) for place in range(len(period.sources))]
    table.counts |= {cell: each.users for cell, each in zip(cells, period.sources, strict=True)}
    if period.no_source is not None:
        table.counts[none] = period.no_source
        cells.append(none)
        # Nobody is counted twice exactly where all of them come to the whole.
        if table.size((target,), cells) == 0:
            table.sums.append(((target,), tuple(cells)))
    table.groups += [((target,), (cell,)) for cell in cells]


def _add_market(table: Table, period: Period, number: int) -> None:
    if period.penetration is not None:
        market, reached = (number, MARKET), (number, REACHED)
        table.counts |= {market: period.penetration.of, reached: period.penetration.users}
        table.groups += [((market,), (reached,)), (((number, USERS),), (reached,))]
    for place, day in enumerate(period.days):
        mine, others = on_day(number, place, USERS), on_day(number, place, MARKET)
        table.counts |= {mine: day.users, others: day.market}
        # As a rule, whoever is of A on a day is of its market.
        table.groups.append(((others,), (mine,)))


def _cell(of: Cells, *parts: Cell) -> Cell:
    """A cell's name; one of a single conversion is plain where it has one part."""
    whole = (*of, *parts)
    return whole if len(whole) > 1 else whole[0]


def shared_convert(found: Conversions, hidden: frozenset[Cell]) -> dict[str, Any]:
    """Conversions as JSON has them, nothing (null) in the place of what is hidden."""
    out = found.to_dict()
    if hidden:
        for number, period in enumerate(out["periods"]):
            for values, names, cells in _told(period, number):
                if hidden.intersection(cells):
                    values.update(dict.fromkeys(names))
    return out


_Place = tuple[dict[str, Any], tuple[str, ...], tuple[Cell, ...]]
_SHARE = ("rate", "low", "high")


def _told(period: dict[str, Any], number: int) -> Iterator[_Place]:
    """What is told of a period: where, under which names, and from which cells."""
    users, converted = (number, USERS), (number, CONVERTED)
    yield period, ("users",), (users,)
    yield period, ("swing",), ((number, SWING),)
    yield period, ("target_users",), ((number, TARGET),)
    yield period, ("no_source",), ((number, NO_SOURCE),)
    if period["conversion"]:
        yield from _rate(period["conversion"]["rate"], converted, users)
        for place, line in enumerate(period["conversion"]["lines"]):
            pair = (number, place, CONVERTED), (number, place, USERS)
            yield from _rate(line["rate"], *pair)
            yield line, ("tgi", "low", "high", "p"), (*pair, users, converted)
    for place, part in enumerate(period["parts"]):
        mine, did = part_of(number, place, USERS), part_of(number, place, CONVERTED)
        yield part, ("users",), (mine,)
        if part["rate"]:
            yield from _rate(part["rate"], did, mine)
    for place, source in enumerate(period["sources"]):
        cell = source_of(number, place)
        yield source, ("users",), (cell,)
        yield source, ("share",), (cell, (number, TARGET))
    if period["penetration"]:
        yield from _rate(period["penetration"], (number, REACHED), (number, MARKET))
    for place, day in enumerate(period["days"]):
        mine, others = on_day(number, place, USERS), on_day(number, place, MARKET)
        yield day, ("users",), (mine,)
        yield day, ("market",), (others,)
        yield day, ("share",), (mine, others)


def _rate(rate: dict[str, Any], users: Cell, of: Cell) -> Iterator[_Place]:
    yield rate, ("users",), (users,)
    yield rate, ("of",), (of,)
    yield rate, _SHARE, (users, of)
