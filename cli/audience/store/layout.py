"""Where builds are in folders.

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
from typing import TypeVar

from audience.objects import ObjectPath
from audience.rules.grammar import is_slug

BUILDS = ".builds"
LATEST = "latest"
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
Root = TypeVar("Root", Path, ObjectPath)


def phase_folder(root: Root, campaign: str, phase: str) -> Root:
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
    return sorted(day for entry in folder.iterdir() if (day := day_named(entry.name)) is not None)


def day_named(name: str) -> date | None:
    """The day that a name is; None of other names."""
    try:
        return date.fromisoformat(name) if _DAY.fullmatch(name) else None
    except ValueError:
        return None
