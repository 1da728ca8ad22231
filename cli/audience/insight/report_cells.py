"""A report without the counts that are too small to be shared: all its parts are read together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from typing import Any, TypeVar

from audience.insight.causes import table_of_reasons
from audience.insight.cells import Cell, Table, hidden_cells
from audience.insight.convert_cells import table_of_conversion
from audience.insight.flow import table_of_flow
from audience.insight.profile import table_of_profile
from audience.insight.report import Headlines, Part, Report
from audience.insight.sharing import BASE, SUPPRESSED, size_of, table_of_overlaps
from audience.insight.waterfall import table_of_waterfall

Found = TypeVar("Found")


def with_hidden(report: Report, least: int) -> Report:
    """The report in which no part tells a count from 1 to below ``least``, nor all of them do.

    Who has the whole report reads its parts together: what is hidden in one and stands in another
    is not hidden. So counts of different parts that are as many are taken to be of the same people.
    """
    if least < 2:
        return report
    tables = dict(_tables(report))
    hidden = hidden_cells(_merged(tables), least)

    def part(of: Part[Found], *name: Any) -> Part[Found]:
        own = frozenset(cell for cell in tables[name].counts if (name, cell) in hidden)
        return replace(of, hidden=own)

    return replace(
        report,
        headlines=part(report.headlines, "headlines"),
        waterfalls=tuple(part(each, "waterfall", n) for n, each in enumerate(report.waterfalls)),
        overlaps=part(report.overlaps, "overlaps") if report.overlaps else None,
        profiles=tuple(part(each, "profile", n) for n, each in enumerate(report.profiles)),
        conversions=tuple(part(each, "conversion", n) for n, each in enumerate(report.conversions)),
        flows=tuple(
            replace(each, flow=part(each.flow, "flow", n)) for n, each in enumerate(report.flows)
        ),
        reasons=part(report.reasons, "reasons") if report.reasons else None,
    )


def _tables(report: Report) -> Iterator[tuple[tuple[Any, ...], Table]]:
    yield ("headlines",), _table_of_headlines(report.headlines.found)
    for number, waterfall in enumerate(report.waterfalls):
        yield ("waterfall", number), table_of_waterfall(waterfall.found)
    if report.overlaps:
        yield ("overlaps",), table_of_overlaps(report.overlaps.found)
    for number, profile in enumerate(report.profiles):
        yield ("profile", number), table_of_profile(profile.found)
    for number, conversion in enumerate(report.conversions):
        yield ("conversion", number), table_of_conversion(conversion.found)
    for number, each in enumerate(report.flows):
        yield ("flow", number), table_of_flow(each.flow.found)
    if report.reasons:
        yield ("reasons",), table_of_reasons(report.reasons.found)


def _table_of_headlines(found: Headlines) -> Table:
    table = Table({BASE: found.base, SUPPRESSED: found.suppressed})
    for pack in found.packs:
        table.counts[size_of(pack.pack)] = pack.size
        table.groups.append(((BASE,), (size_of(pack.pack),)))
        if pack.before is not None:
            table.counts[size_of(pack.pack, "old")] = pack.before
    return table


def _merged(tables: dict[tuple[Any, ...], Table]) -> Table:
    """One table of all, in which a cell is of its part; equal counts of two parts are equal."""
    out = Table()
    alike: dict[int, dict[tuple[Any, ...], Cell]] = {}
    for name, table in tables.items():
        own = {cell: (name, cell) for cell in table.counts}
        out.counts |= {own[cell]: count for cell, count in table.counts.items()}
        for pairs, into in ((table.sums, out.sums), (table.groups, out.groups)):
            into += [(tuple(map(own.get, more)), tuple(map(own.get, less))) for more, less in pairs]
        for cell, count in table.counts.items():
            alike.setdefault(count, {}).setdefault(name, own[cell])
    for count, cells in alike.items():
        if count:
            out.sums += [((one,), (other,)) for one, other in pairwise(cells.values())]
    return out
