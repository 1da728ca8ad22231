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
from dataclasses import asdict, dataclass
from math import erfc, exp, sqrt
from typing import Any

from audience.insight.cells import Cell, Table, hidden_cells

RATE = 0.05
FEW = 5
"""Where a table of two by two has fewer expected users in a cell, a test says little."""

_NORMAL = 1.959963984540054


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

    def to_dict(self) -> dict[str, Any]:
        """As JSON has it."""
        return asdict(self)


def profile_of(
    pack: str, baseline: str, sizes: tuple[int, int, int, int], counts: Sequence[Counts]
) -> Profile:
    """A profile of counts; ``sizes`` are of the pack, the baseline, its rest, and their common."""
    size, whole, rest, _ = sizes
    tests = [_test(each.pack, size, each.rest, rest) for each in counts]
    accepted = _accepted([p for _, p in tests])
    lines: list[tuple[float, int, Line]] = []
    for each, (z, p), told in zip(counts, tests, accepted, strict=True):
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
            _is_few(each.pack + each.rest, size, rest),
        )
        lines.append((-abs(z), len(lines), line))
    return Profile(pack, baseline, size, whole, tuple(line for *_, line in sorted(lines)))


def _test(one: int, of_one: int, other: int, of_other: int) -> tuple[float, float | None]:
    """Z and p of two proportions; (0, None) where nothing varies."""
    if not of_one or not of_other:
        return 0.0, None
    pooled = (one + other) / (of_one + of_other)
    variance = pooled * (1 - pooled) * (1 / of_one + 1 / of_other)
    if variance <= 0:
        return 0.0, None
    z = (one / of_one - other / of_other) / sqrt(variance)
    return z, erfc(abs(z) / sqrt(2))


def _interval(
    each: Counts, sizes: tuple[int, int, int, int]
) -> tuple[float, float] | tuple[None, None]:
    size, whole, rest, both = sizes
    if both == size:
        bounds = _ratio(each.pack, size, each.rest, rest, 0.0)
        inside = both / whole if whole else 0.0
        return (_index(bounds[0], inside), _index(bounds[1], inside)) if bounds else (None, None)
    common = (each.baseline - each.rest) / both if both else 0.0
    covariance = both * common * (1 - common) / (size * whole) if size and whole else 0.0
    bounds = _ratio(each.pack, size, each.baseline, whole, covariance)
    return (100 * bounds[0], 100 * bounds[1]) if bounds else (None, None)


def _ratio(
    one: int, of_one: int, other: int, of_other: int, covariance: float
) -> tuple[float, float] | None:
    """The bounds of the ratio of two shares; None where one of them is nothing."""
    if not one or not other or not of_one or not of_other:
        return None
    share, base = one / of_one, other / of_other
    variance = 1 / one - 1 / of_one + 1 / other - 1 / of_other - 2 * covariance / (share * base)
    error = _NORMAL * sqrt(max(0.0, variance))
    ratio = share / base
    return ratio * exp(-error), ratio * exp(error)


def _index(ratio: float, inside: float) -> float:
    return 100 * ratio / (inside * ratio + 1 - inside)


def _accepted(chances: Sequence[float | None]) -> list[bool]:
    """Which differences are told apart from chance, by Benjamini and Hochberg's procedure."""
    known = sorted((p, at) for at, p in enumerate(chances) if p is not None)
    last = max(
        (rank for rank, (p, _) in enumerate(known, 1) if p <= RATE * rank / len(known)), default=0
    )
    chosen = {at for _, at in known[:last]}
    return [at in chosen for at in range(len(chances))]


def _is_few(with_it: int, size: int, rest: int) -> bool:
    whole = size + rest
    if not whole:
        return True
    share = with_it / whole
    return min(size, rest) * min(share, 1 - share) < FEW


def hidden_in_profile(found: Profile, least: int) -> frozenset[Cell]:
    """The counts that can't be shared: cells are (line, side), and the two sizes."""
    if least < 2:
        return frozenset()
    table = Table({"size": found.size, "baseline": found.baseline_size})
    by_tag: dict[str, list[int]] = {}
    for number, line in enumerate(found.lines):
        table.counts |= {(number, "users"): line.users, (number, "baseline"): line.baseline_users}
        # Who of the baseline has it and is not in the pack.
        table.groups.append((((number, "baseline"),), ((number, "users"),)))
        by_tag.setdefault(line.tag, []).append(number)
    for numbers in by_tag.values():
        for side, whole in (("users", "size"), ("baseline", "baseline")):
            cells = tuple((number, side) for number in numbers)
            if table.size((whole,), cells) == 0:
                table.sums.append(((whole,), cells))
    return hidden_cells(table, least)


def shared_profile(found: Profile, hidden: frozenset[Cell]) -> dict[str, Any]:
    """A profile as JSON has it, nothing (null) in the place of what is hidden."""
    out = found.to_dict()
    if not hidden:
        return out
    out["size"] = None if "size" in hidden else out["size"]
    out["baseline_size"] = None if "baseline" in hidden else out["baseline_size"]
    for number, line in enumerate(out["lines"]):
        mine, base = (number, "users") in hidden, (number, "baseline") in hidden
        for name in ("users", "share"):
            line[name] = None if mine else line[name]
        for name in ("baseline_users", "baseline_share"):
            line[name] = None if base else line[name]
        for name in ("tgi", "low", "high", "p"):
            line[name] = None if mine or base else line[name]
    return out
