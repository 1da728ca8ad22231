"""Builds in folders: a link for each day, and a lock for each campaign."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, ClassVar

from audience.private import OWNER, Access
from audience.rules.reference import Reference
from audience.store import layout, log
from audience.store.chain import Log
from audience.store.layout import BUILDS, LATEST, days_of, named_days, phase_folder
from audience.store.manifest import Manifest
from audience.store.packs import PackData, Published, Write
from audience.store.publish import campaign_lock, publish, remove, sweep


@dataclass(frozen=True)
class FolderShelves:
    """Builds below a folder; see :class:`audience.store.shelves.Shelves`."""

    root: Path
    takes_parts: ClassVar[bool] = True

    def phases(self) -> Sequence[tuple[str, str]]:
        """Every campaign and phase of which something is published, sorted."""
        return layout.phases(self.root)

    def begun(self) -> Sequence[tuple[str, str]]:
        """Every campaign and phase that something was ever written for, sorted."""
        return [(folder.parent.name, folder.name) for folder in layout.begun(self.root)]

    def days(self, campaign: str, phase: str) -> Sequence[date]:
        """The days that a phase has builds of, oldest first."""
        return days_of(phase_folder(self.root, campaign, phase))

    def find(self, campaign: str, phase: str, day: date | None) -> tuple[date, Path] | None:
        """A build's day and folder. The link is followed once, here."""
        days = self.days(campaign, phase)
        chosen = day or (days[-1] if days else None)
        if chosen is None or chosen not in days:
            return None
        return chosen, (phase_folder(self.root, campaign, phase) / str(chosen)).resolve()

    def entries(self) -> Iterator[tuple[str, str, Sequence[date]]]:
        """Each campaign and phase with the days that a link or a folder is called like."""
        for campaign, phase in layout.places(self.root):
            folder = phase_folder(self.root, campaign, phase)
            # A file that is called like a day is nobody's build.
            yield campaign, phase, [day for day in named_days(folder) if _is_entry(folder, day)]

    def entry_fault(self, campaign: str, phase: str, day: date) -> str:
        """Why a day's link leads to no build; '' where it leads to one."""
        link = phase_folder(self.root, campaign, phase) / str(day)
        dangling = link.is_symlink() and not link.is_dir()
        return f"{link} leads to {link.readlink()}: nothing" if dangling else ""

    def faults_around(self, campaign: str, phase: str, days: Sequence[date]) -> Iterator[str]:
        """What is wrong in a phase's folder beside its builds."""
        folder = phase_folder(self.root, campaign, phase)
        latest = folder / LATEST
        # A run that was killed may have left it behind the newest build, or not made it yet.
        if os.path.lexists(latest):
            goal = str(latest.readlink()) if latest.is_symlink() else "no link"
            if goal not in map(str, days):
                yield f"{latest} leads to no build of this phase: {goal}"
        known = {LATEST, BUILDS, *map(str, days)}
        for path in sorted(folder.iterdir()):
            if path.name not in known:
                yield f"{path} was not published"

    @contextmanager
    def writing(self, campaign: str, access: Access = OWNER) -> Iterator[FolderWriter]:
        """A campaign that is locked. Raises BusyError at once where another process holds it."""
        with campaign_lock(self.root, campaign, access):
            yield FolderWriter(self.root, campaign, access)

    def append(self, run: Mapping[str, Any], access: Access = OWNER) -> None:
        """Add a run to the log, on the disk when this returns."""
        log.append(self.root, run, access)

    def read_log(self) -> Log:
        """All runs, each line held against its hash and the one before it."""
        return log.read_log(self.root)


@dataclass(frozen=True)
class FolderWriter:
    """A campaign's folder that is locked; see :class:`audience.store.shelves.Writer`."""

    root: Path
    campaign: str
    access: Access

    def publish(
        self,
        manifest: Manifest,
        packs: Sequence[PackData],
        summary: str,
        write: Write | None = None,
    ) -> Published:
        """Publish a build: see :func:`audience.store.publish.publish`."""
        return publish(self.root, manifest, packs, summary, self.access, write)

    def remove(self, builds: Sequence[Reference]) -> None:
        """Remove builds: see :func:`audience.store.publish.remove`."""
        remove(self.root, builds)

    def clear(self, phase: str) -> None:
        """Remove builds that no link points at."""
        sweep(phase_folder(self.root, self.campaign, phase))


def _is_entry(folder: Path, day: date) -> bool:
    path = folder / str(day)
    return path.is_symlink() or path.is_dir()
