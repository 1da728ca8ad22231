"""Where builds are, and how people name them.

```
packs/CAMPAIGN/PHASE/2023-04-30 → .builds/2023-04-30.3f9c…  the link that publishing changes
packs/CAMPAIGN/PHASE/latest     → 2023-04-30
packs/CAMPAIGN/PHASE/.builds/2023-04-30.3f9c…/PACK.parquet, manifest.json, summary.json
```
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from audience.errors import NotPublishedError, nearest
from audience.rules.grammar import is_slug
from audience.rules.reference import Reference

BUILDS = ".builds"
LATEST = "latest"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


def phase_folder(root: Path, campaign: str, phase: str) -> Path:
    """The folder of a phase's builds."""
    return root / campaign / phase


def phases(root: Path) -> list[tuple[str, str]]:
    """Every campaign and phase of which something is published, sorted."""
    return [
        (campaign, phase) for campaign, phase in places(root) if days_of(root / campaign / phase)
    ]


def places(root: Path) -> list[tuple[str, str]]:
    """Every campaign and phase that has an entry called like a day, sorted."""
    if not root.is_dir():
        return []
    return sorted(
        (campaign.name, phase.name)
        for campaign in root.iterdir()
        if is_slug(campaign.name) and campaign.is_dir()
        for phase in campaign.iterdir()
        if is_slug(phase.name) and named_days(phase)
    )


def begun(root: Path) -> list[Path]:
    """Every phase's folder that something was ever written for, published or not, sorted."""
    return sorted(path.parent for path in root.glob(f"*/*/{BUILDS}") if path.is_dir())


def days_of(folder: Path) -> list[date]:
    """The days that a phase's folder has builds of, oldest first."""
    # Something else may be called like a day; a link may lead nowhere.
    return [day for day in named_days(folder) if (folder / str(day)).is_dir()]


def named_days(folder: Path) -> list[date]:
    """The days that a phase's folder has entries of, whatever they are, oldest first."""
    if not folder.is_dir():
        return []
    names = [entry.name for entry in folder.iterdir() if _DAY.fullmatch(entry.name)]
    return sorted(day for name in names if (day := _day(name)) is not None)


def _day(name: str) -> date | None:
    try:
        return date.fromisoformat(name)
    except ValueError:
        return None


def find_build(root: Path, reference: Reference) -> Path:
    """The folder of the build a reference names, the newest where it names no day.

    Raises NotPublishedError.

    The link is followed once, here: what is then read from the folder is of one build, whatever
    is published meanwhile.
    """
    folder = phase_folder(root, reference.campaign, reference.phase)
    days = days_of(folder)
    if not days:
        known = [f"{campaign}/{phase}" for campaign, phase in phases(root)]
        wanted = f"{reference.campaign}/{reference.phase}"
        close = nearest(wanted, known)
        hint = f"; did you mean {close}?" if close else ""
        there = ", ".join(known) or "nothing"
        raise NotPublishedError(f"nothing is published of `{wanted}`; there is {there}{hint}")
    if reference.as_of is not None and reference.as_of not in days:
        there = ", ".join(str(day) for day in days)
        raise NotPublishedError(f"`{reference}` is not published; there is {there}")
    day = reference.as_of or days[-1]
    return (folder / str(day)).resolve()
