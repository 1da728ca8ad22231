"""Builds in an object store: what is published of each day is what its last commit names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

from audience.errors import StoreError
from audience.objects import REQUESTS, ObjectPath
from audience.private import OWNER, Access
from audience.rules.grammar import OWN_NAMES, is_slug
from audience.store import journal
from audience.store.chain import Log
from audience.store.commits import NOTHING, Commit, asking, commits_of, strays
from audience.store.layout import BUILDS, phase_folder
from audience.store.uploads import ObjectWriter, published_days
from audience.threads import in_threads

_TRIES = 5


@dataclass(frozen=True)
class ObjectShelves:
    """Builds below a name in an object store; see :class:`audience.store.shelves.Shelves`."""

    root: ObjectPath
    takes_parts: ClassVar[bool] = False

    def phases(self) -> Sequence[tuple[str, str]]:
        """Every campaign and phase of which something is published, sorted."""
        return [(campaign, phase) for campaign, phase, days in self.entries() if days]

    def begun(self) -> Sequence[tuple[str, str]]:
        """Every campaign and phase that something was ever written for, sorted."""
        with asking("read", self.root):
            campaigns = [name for name in _names(self.root) if name not in OWN_NAMES]
            found = in_threads(lambda each: _names(self.root / each), campaigns, REQUESTS)
        together = zip(campaigns, found, strict=True)
        return [(campaign, phase) for campaign, phases in together for phase in phases]

    def days(self, campaign: str, phase: str) -> Sequence[date]:
        """The days that a phase has builds of, oldest first."""
        return published_days(self._commits(campaign, phase))

    def find(self, campaign: str, phase: str, day: date | None) -> tuple[date, ObjectPath] | None:
        """A build's day and folder: the one that the last commit names, which is read once."""
        folder = phase_folder(self.root, campaign, phase)
        for _ in range(_TRIES):
            commits = self._commits(campaign, phase, day)
            days = published_days(commits)
            if not days:
                return None
            try:
                with asking("read", folder):
                    name = _read(commits[days[-1]][-1])
            except _Gone:
                continue
            return days[-1], folder / BUILDS / name
        raise StoreError(f"cannot read {folder}: it is never twice the same")

    def entries(self) -> Iterator[tuple[str, str, Sequence[date]]]:
        """Each campaign and phase with the days that there is a commit of."""
        places = self.begun()
        found = in_threads(lambda place: self.days(*place), places, REQUESTS)
        for (campaign, phase), days in zip(places, found, strict=True):
            if days:
                yield campaign, phase, days

    def entry_fault(self, campaign: str, phase: str, day: date) -> str:
        """Why a day's last commit leads to no build; '' where it leads to one, or there is none."""
        folder = phase_folder(self.root, campaign, phase)
        last = self._commits(campaign, phase, day).get(day, ())[-1:]
        for commit in last:
            try:
                with asking("read", folder):
                    name = _read(commit)
                    leads = name == NOTHING or (folder / BUILDS / name).is_dir()
            except _Gone:
                return ""
            except StoreError as error:
                return str(error)
            if not leads:
                return f"{commit.path} leads to {BUILDS}/{name}: nothing"
        return ""

    def faults_around(self, campaign: str, phase: str, days: Sequence[date]) -> Iterator[str]:
        """The objects of a phase that are neither a commit nor part of a build."""
        folder = phase_folder(self.root, campaign, phase)
        with asking("read", folder):
            found = list(strays(folder))
        for path in found:
            yield f"{path} was not published"

    @contextmanager
    def writing(self, campaign: str, access: Access = OWNER) -> Iterator[ObjectWriter]:
        """A campaign as it is now. Nothing is locked: who is overtaken is refused at the end."""
        with asking("read", self.root / campaign):
            phases = _names(self.root / campaign)
            found = in_threads(lambda each: self._commits(campaign, each), phases, REQUESTS)
        together = zip(phases, found, strict=True)
        yield ObjectWriter(
            self.root,
            campaign,
            {
                (phase, day): own[-1].number
                for phase, commits in together
                for day, own in commits.items()
            },
        )

    def append(self, run: Mapping[str, Any], access: Access = OWNER) -> None:
        """Add a run to the log."""
        journal.append(self.root, run)

    def read_log(self) -> Log:
        """All runs, each held against its hash and the one before it."""
        return journal.read_log(self.root)

    def _commits(
        self, campaign: str, phase: str, day: date | None = None
    ) -> Mapping[date, Sequence[Commit]]:
        folder = phase_folder(self.root, campaign, phase)
        with asking("read", folder):
            return commits_of(folder, day)


class _Gone(Exception):
    """A commit was removed between the look and the read."""


def _read(commit: Commit) -> str:
    try:
        return commit.read()
    except FileNotFoundError:
        raise _Gone from None


def _names(folder: ObjectPath) -> list[str]:
    """What campaigns or phases may be called that have something below. Raises OSError."""
    return [each.name for each in folder.iterdir() if each.seen is None and is_slug(each.name)]
