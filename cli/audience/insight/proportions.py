"""Shares of users, as intervals and tests see them.

All intervals are of 95 %. Many tests together hold the false discovery rate at 5 % (Benjamini,
Hochberg: J. R. Statist. Soc. B 57, 1995).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import erfc, exp, sqrt

RATE = 0.05
FEW = 5
"""Where a table of two by two has fewer expected users in a cell, a test says little."""

_NORMAL = 1.959963984540054


def interval_of(part: int, whole: int) -> tuple[float, float] | tuple[None, None]:
    """The bounds of a share, 0 to 1 (Wilson: JASA 22, 1927); none where the whole is nobody."""
    if not whole:
        return None, None
    share, weight = part / whole, _NORMAL**2 / whole
    middle = (share + weight / 2) / (1 + weight)
    error = sqrt(share * (1 - share) * weight + weight**2 / 4) / (1 + weight)
    # Of nobody and of everybody one bound is the share itself, whatever is rounded.
    low = 0.0 if part == 0 else max(0.0, middle - error)
    return low, 1.0 if part == whole else min(1.0, middle + error)


def difference(one: int, of_one: int, other: int, of_other: int) -> tuple[float, float | None]:
    """Z and the chance p of two shares, by a z-test with a pooled variance, two-sided.

    (0, None) where nothing varies.
    """
    if not of_one or not of_other:
        return 0.0, None
    pooled = (one + other) / (of_one + of_other)
    variance = pooled * (1 - pooled) * (1 / of_one + 1 / of_other)
    if variance <= 0:
        return 0.0, None
    z = (one / of_one - other / of_other) / sqrt(variance)
    return z, erfc(abs(z) / sqrt(2))


def ratio_interval(
    one: int, of_one: int, other: int, of_other: int, covariance: float = 0.0
) -> tuple[float, float] | None:
    """The bounds of the ratio of two shares; None where one of them is nothing.

    It is symmetric in its logarithm (Katz et al.: Biometrics 34, 1978). ``covariance`` is that of
    the two shares.
    """
    if not one or not other or not of_one or not of_other:
        return None
    share, base = one / of_one, other / of_other
    variance = 1 / one - 1 / of_one + 1 / other - 1 / of_other - 2 * covariance / (share * base)
    error = _NORMAL * sqrt(max(0.0, variance))
    ratio = share / base
    return ratio * exp(-error), ratio * exp(error)


def accepted(chances: Sequence[float | None]) -> list[bool]:
    """Which differences are told apart from chance, by Benjamini and Hochberg's procedure."""
    known = sorted((p, at) for at, p in enumerate(chances) if p is not None)
    last = max(
        (rank for rank, (p, _) in enumerate(known, 1) if p <= RATE * rank / len(known)), default=0
    )
    chosen = {at for _, at in known[:last]}
    return [at in chosen for at in range(len(chances))]


def is_few(with_it: int, size: int, rest: int) -> bool:
    """Whether a test of two groups, of whom so many have something, says little."""
    whole = size + rest
    if not whole:
        return True
    share = with_it / whole
    return min(size, rest) * min(share, 1 - share) < FEW
