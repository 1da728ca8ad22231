"""Profiles: who the users of a pack are, against those of a baseline, value by value.

TGI (target group index) = share in the pack ÷ share in the baseline × 100. Whether a difference is
more than chance is tested between the pack and the rest of the baseline, those of it who are not in
the pack: two proportions with a pooled variance (z-test), two-sided, and of many such tests the
false discovery rate is held at 5 % (Benjamini, Hochberg: J. R. Statist. Soc. B 57, 1995).

The 95 % interval is that of the ratio of two shares, symmetric in its logarithm (Katz et al.:
Biometrics 34, 1978). Where the pack is a part of the baseline, it is that of the share in the pack
to the share in the rest, carried over to the TGI: where a part f of the baseline is in the pack and
that ratio is r, the TGI is 100 r ÷ (f r + 1 - f). Else it is that of the share in the pack to the
share in the baseline, less twice the covariance that they have by the users in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from audience.insight.cells import Cell, Table, hidden_cells
from audience.insight.proportions import accepted, difference, is_few, ratio_interval


@dataclass(frozen=True)
class Counts:
    """Users with a value: in the pack, in the baseline, and in the rest of the baseline."""

    tag: str
    label: str
    value: str
    pack: int
    baseline: int
    rest: int


@dataclass(frozen=True)
class Line:
    """One value: users and their share (0 to 1) in the pack and in the baseline, and the TGI.

    ``low`` and ``high`` bound it with 95 % confidence, ``p`` is the chance of such a difference
    where there is none; None where it can't be computed. ``significant`` after correction for all
    lines, ``few`` where the counts are too small to tell.
    """

    tag: str
    label: str
    value: str
    users: int
    share: float | None
    baseline_users: int
    baseline_share: float | None
    tgi: float | None
    low: float | None
    high: float | None
    p: float | None
    significant: bool
    few: bool


@dataclass(frozen=True)
class Profile:
    """A pack of so many users against a baseline; the lines that set it apart most are first."""

    pack: str
    baseline: str
    size: int
    baseline_size: int
    lines: tuple[Line, ...]
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """What there is to be said of the data that was read."""

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        out = asdict(self)
        del out["warnings"]
        return out


def profile_of(
    pack: str, baseline: str, sizes: tuple[int, int, int, int], counts: Sequence[Counts]
) -> Profile:
    """A profile of counts; ``sizes`` are of the pack, the baseline, its rest, and their common."""
    size, whole, rest, _ = sizes
    tests = [difference(each.pack, size, each.rest, rest) for each in counts]
    trusted = accepted([p for _, p in tests])
    lines: list[tuple[float, int, Line]] = []
    for each, (z, p), told in zip(counts, tests, trusted, strict=True):
        share = each.pack / size if size else None
        base = each.baseline / whole if whole else None
        low, high = _interval(each, sizes)
        line = Line(
            each.tag,
            each.label,
            each.value,
            each.pack,
            share,
            each.baseline,
            base,
            share / base * 100 if share is not None and base else None,
            low,
            high,
            p,
            told,
            is_few(each.pack + each.rest, size, rest),
        )
        lines.append((-abs(z), len(lines), line))
    return Profile(pack, baseline, size, whole, tuple(line for *_, line in sorted(lines)))


def _interval(
    each: Counts, sizes: tuple[int, int, int, int]
) -> tuple[float, float] | tuple[None, None]:
    size, whole, rest, both = sizes
    if both == size:
        bounds = ratio_interval(each.pack, size, each.rest, rest)
        inside = both / whole if whole else 0.0
        return (_index(bounds[0], inside), _index(bounds[1], inside)) if bounds else (None, None)
    common = (each.baseline - each.rest) / both if both else 0.0
    covariance = both * common * (1 - common) / (size * whole) if size and whole else 0.0
    bounds = ratio_interval(each.pack, size, each.baseline, whole, covariance)
    return (100 * bounds[0], 100 * bounds[1]) if bounds else (None, None)


def _index(ratio: float, inside: float) -> float:
    return 100 * ratio / (inside * ratio + 1 - inside)


def hidden_in_profile(found: Profile, least: int) -> frozenset[Cell]:
    """The counts that can't be shared: cells are (line, side), and the two sizes."""
    return hidden_cells(table_of_profile(found), least) if least > 1 else frozenset()


def table_of_profile(found: Profile) -> Table:
    """Its counts, and how those of a tag add up."""
    table = Table({"size": found.size, "baseline": found.baseline_size})
    table.groups.append((("baseline",), ("size",)))
    by_tag: dict[str, list[int]] = {}
    for number, line in enumerate(found.lines):
        table.counts |= {(number, "users"): line.users, (number, "baseline"): line.baseline_users}
        # Who of the baseline has it and is not in the pack.
        table.groups.append((((number, "baseline"),), ((number, "users"),)))
        # And those who have it not.
        table.groups.append((("size",), ((number, "users"),)))
        table.groups.append((("baseline",), ((number, "baseline"),)))
        by_tag.setdefault(line.tag, []).append(number)
    for numbers in by_tag.values():
        for side, whole in (("users", "size"), ("baseline", "baseline")):
            cells = tuple((number, side) for number in numbers)
            if table.size((whole,), cells) == 0:
                table.sums.append(((whole,), cells))
    return table


def shared_profile(found: Profile, hidden: frozenset[Cell]) -> dict[str, Any]:
    """A profile as JSON has it, nothing (null) in the place of what is hidden."""
    out = found.to_dict()
    if not hidden:
        return out
    out["size"] = None if "size" in hidden else out["size"]
    out["baseline_size"] = None if "baseline" in hidden else out["baseline_size"]
    for number, line in enumerate(out["lines"]):
        mine, base = (number, "users"), (number, "baseline")
        for names, cells in (
            (("users",), {mine}),
            (("share",), {mine, "size"}),
            (("baseline_users",), {base}),
            (("baseline_share",), {base, "baseline"}),
            # From these and two counts the others could be worked out.
            (("tgi", "low", "high", "p"), {mine, base, "size", "baseline"}),
        ):
            if hidden & cells:
                line.update(dict.fromkeys(names))
    return out
