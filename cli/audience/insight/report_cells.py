"""A report without the counts that are too small to be shared: all its parts are read together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from audience.insight.causes import Reasons, cause_of, shift_of, table_of_reasons
from audience.insight.cells import Cell, Table, hidden_cells
from audience.insight.convert import Conversion
from audience.insight.convert_cells import CONVERTED, USERS, table_of_conversion
from audience.insight.flow import size_of_stage, table_of_flow
from audience.insight.overlap import Overlaps
from audience.insight.profile import Profile, table_of_profile
from audience.insight.report import Headlines, Part, Report, StageFlow
from audience.insight.report_relations import ALL, OLD, SIZES, Of, Relations
from audience.insight.sharing import (
    BASE,
    SUPPRESSED,
    shared_sentence,
    size_of,
    table_of_overlaps,
)
from audience.insight.waterfall import SIZE, Waterfall, table_of_waterfall

Found = TypeVar("Found")
Name = tuple[Any, ...]
Meanings = dict[Cell, Cell]


def with_hidden(report: Report, least: int) -> Report:
    """The report in which no part tells a count from 1 to below ``least``, nor all of them do.

    Who has the whole report reads its parts together: what is hidden in one and stands in another
    is not hidden. So a count that is of the same people in several parts is one count, and how
    packs add up, their values and those of them who did something do. Counts of different parts
    that are as many, and are not small, are taken to be of the same people too.
    """
    if least < 2:
        return report
    tables = dict(_tables(report))
    merged = _Merged(least)
    for name, (table, meanings) in tables.items():
        merged.add(name, table, meanings)
    Relations(report, merged.table).add()
    hidden = merged.hidden()

    def part(of: Part[Found], *name: Any) -> Part[Found]:
        own = frozenset(cell for cell in tables[name][0].counts if (name, cell) in hidden)
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
        warnings=tuple(shared_sentence(each, least) for each in report.warnings),
    )


@dataclass
class _Merged:
    """One table of all parts, in which a cell is what it means, or of its part alone."""

    least: int
    table: Table = field(default_factory=Table)
    cells: dict[tuple[Name, Cell], Cell] = field(default_factory=dict)

    def add(self, name: Name, table: Table, meanings: Mapping[Cell, Cell]) -> None:
        own: dict[Cell, Cell] = {}
        counts = self.table.counts
        for cell, count in table.counts.items():
            meant = meanings.get(cell, (name, cell))
            # Tables that changed since a build may give what is called alike another count.
            own[cell] = meant if counts.get(meant, count) == count else (name, cell)
            counts[own[cell]] = count
            self.cells[name, cell] = own[cell]
        self.table.sums += [(_named(own, more), _named(own, less)) for more, less in table.sums]
        self.table.groups += [(_named(own, more), _named(own, less)) for more, less in table.groups]

    def hidden(self) -> frozenset[tuple[Name, Cell]]:
        """The cells that can't be shared, by the names of their parts."""
        alike = self._alike()
        table, out = self.table, Table()
        for cell, count in table.counts.items():
            out.counts[alike.get(cell, cell)] = count
        for pairs, into in ((table.sums, out.sums), (table.groups, out.groups)):
            for more, less in pairs:
                one, other = _renamed(alike, more), _renamed(alike, less)
                if one != other:
                    into.append((one, other))
        for row in table.equations:
            renamed: dict[Cell, Any] = {}
            for cell, times in row.items():
                if table.counts[cell]:
                    known = alike.get(cell, cell)
                    renamed[known] = renamed.get(known, 0) + times
            out.equations.append({cell: times for cell, times in renamed.items() if times})
        out.sums, out.groups = list(dict.fromkeys(out.sums)), list(dict.fromkeys(out.groups))
        out.untold = {alike.get(cell, cell) for cell in table.untold} - {
            alike.get(cell, cell) for cell in self.cells.values()
        }
        hidden = hidden_cells(out, self.least)
        return frozenset(at for at, cell in self.cells.items() if alike.get(cell, cell) in hidden)

    def _alike(self) -> dict[Cell, Cell]:
        """Cells of two parts or more with the same count, that may be of the same people.

        Small counts are left out: so few numbers are often the same by chance, and none is shown.
        """
        parts: dict[int, set[Name]] = {}
        for (name, _), cell in self.cells.items():
            count = self.table.counts[cell]
            if count >= self.least:
                parts.setdefault(count, set()).add(name)
        return {
            cell: ("as many", count)
            for cell in self.cells.values()
            if len(parts.get(count := self.table.counts[cell], ())) > 1
        }


def _named(names: Mapping[Cell, Cell], cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    return tuple(names[cell] for cell in cells)


def _renamed(names: Mapping[Cell, Cell], cells: tuple[Cell, ...]) -> tuple[Cell, ...]:
    return tuple(names.get(cell, cell) for cell in cells)


def _tables(report: Report) -> Iterator[tuple[Name, tuple[Table, Meanings]]]:
    """Each part's table, and what those of its cells mean that others may have as well."""
    found = report.headlines.found
    yield ("headlines",), (_table_of_headlines(found), _of_headlines(found))
    for n, each in enumerate(report.waterfalls):
        yield ("waterfall", n), (table_of_waterfall(each.found), _of_waterfall(each.found))
    if report.overlaps:
        both = report.overlaps.found
        yield ("overlaps",), (table_of_overlaps(both), _of_overlaps(both))
    for n, profile in enumerate(report.profiles):
        yield ("profile", n), (table_of_profile(profile.found), _of_profile(profile.found))
    for n, one in enumerate(report.conversions):
        yield ("conversion", n), (table_of_conversion(one.found), _of_conversion(one.found))
    for n, flow in enumerate(report.flows):
        yield ("flow", n), (table_of_flow(flow.flow.found), _of_flow(flow))
    if report.reasons:
        why = report.reasons.found
        yield ("reasons",), (table_of_reasons(why), _of_reasons(why))


def _table_of_headlines(found: Headlines) -> Table:
    table = Table({BASE: found.base, SUPPRESSED: found.suppressed})
    for pack in found.packs:
        table.counts[size_of(pack.pack)] = pack.size
        table.groups.append(((BASE,), (size_of(pack.pack),)))
        if pack.before is not None:
            table.counts[size_of(pack.pack, "old")] = pack.before
    return table


def _of_headlines(found: Headlines) -> Meanings:
    out: Meanings = {BASE: Of(SIZES, ALL)}
    for pack in found.packs:
        out[size_of(pack.pack)] = Of(SIZES, pack.pack)
        out[size_of(pack.pack, "old")] = Of(OLD, pack.pack)
    return out


def _of_waterfall(found: Waterfall) -> Meanings:
    pack = _plain(found.pack)
    out: Meanings = {BASE: Of(SIZES, ALL), SIZE: Of(SIZES, pack)}
    before: tuple[str, ...] = ()
    for number, step in enumerate(found.steps):
        # Of the same words and counts, conditions of two packs are one condition.
        counted = (step.asked, step.alone, step.only_missing)
        out[number, "alone"] = ("alone", *counted)
        out[number, "only_missing"] = ("only missing", *counted)
        out[number, "without"] = Of(("without", number, step.asked), pack)
        if step.after is not None:
            before = (*before, step.asked)
            out[number, "after"] = ("after", before, step.after)
    return out


def _of_overlaps(found: Overlaps) -> Meanings:
    sizes: Meanings = {size_of(each.name): Of(SIZES, each.name) for each in found.packs}
    return {BASE: Of(SIZES, ALL), **sizes}


def _of_profile(found: Profile) -> Meanings:
    pack = _plain(found.pack)
    against = ALL if found.baseline == "base" else _plain(found.baseline)
    out: Meanings = {"size": Of(SIZES, pack), "baseline": Of(SIZES, against)}
    for number, line in enumerate(found.lines):
        family = (*SIZES, line.tag, line.value)
        out[number, "users"] = Of(family, pack)
        out[number, "baseline"] = Of(family, against)
    return out


def _of_conversion(found: Conversion) -> Meanings:
    pack, did = _plain(found.source), ("did", found.target, found.period)
    # Users of a period need not be those of the day.
    users = SIZES if found.first is None else ("users of", found.period)
    out: Meanings = {USERS: Of(users, pack), CONVERTED: Of(did, pack)}
    for number, line in enumerate(found.lines):
        out[number, USERS] = Of((*users, line.tag, line.value), pack)
        out[number, CONVERTED] = Of((*did, line.tag, line.value), pack)
    return out


def _of_flow(flow: StageFlow) -> Meanings:
    found = flow.flow.found
    out: Meanings = {}
    for name in found.before:
        pack = f"{flow.stages}.{name}"
        out[size_of_stage("before", name)] = Of(OLD, pack)
        out[name, name] = Of(("kept",), pack)
    return out | {
        size_of_stage("after", name): Of(SIZES, f"{flow.stages}.{name}") for name in found.after
    }


def _of_reasons(found: Reasons) -> Meanings:
    out: Meanings = {}
    for each in found.packs:
        pack = _plain(each.pack)
        out[each.pack, "old_size"], out[each.pack, "new_size"] = Of(OLD, pack), Of(SIZES, pack)
        for what in ("kept", "added", "removed"):
            out[each.pack, what] = Of((what,), pack)
        for number, cause in enumerate(each.causes):
            why = (cause.kind, cause.detail, cause.at)
            for part in ("added", "removed"):
                out[cause_of(each.pack, number, part)] = Of((part, *why), pack)
            for place, shift in enumerate(cause.transitions):
                at = shift_of(each.pack, number, place)
                out[at] = Of(("moved", *why, shift.old, shift.new), pack)
    return out


def _plain(pack: str) -> str:
    """A pack's name without its campaign and phase."""
    return pack.rpartition("/")[2]
