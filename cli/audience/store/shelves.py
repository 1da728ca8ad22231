"""What the store asks of the place where builds are, be it a folder or an object store."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import Any, ClassVar, Protocol

from audience.objects import AnyPath, ObjectPath
from audience.private import OWNER, Access
from audience.rules.reference import Reference
from audience.store.buckets import ObjectShelves
from audience.store.chain import Log
from audience.store.folders import FolderShelves
from audience.store.manifest import Manifest
from audience.store.packs import PackData, Published, Write


class Writer(Protocol):
    """What changes the builds of a campaign."""

    def publish(
        self,
        manifest: Manifest,
        packs: Sequence[PackData],
        summary: str,
        write: Write | None = None,
    ) -> Published:
        """Publish a build, in one step. ``manifest`` has no packs yet: they are being written.

        Raises StoreError, and then what was published before is as it was; BusyError where another
        process was faster.
        """
        ...

    def remove(self, builds: Sequence[Reference]) -> None:
        """Remove builds, none of them the newest of its phase, each in one step.

        Raises StoreError.
        """
        ...

    def clear(self, phase: str) -> None:
        """Remove all builds of a phase that are not published: replaced ones, and drafts.

        Raises BusyError, StoreError.
        """
        ...


class Shelves(Protocol):
    """Where builds are. All that is asked raises StoreError where a store does not answer.

    A build's folder has the same files everywhere, and they are read in the same way.
    """

    takes_parts: ClassVar[bool]
    """Whether the workers of an engine can write packs there themselves."""

    def phases(self) -> Sequence[tuple[str, str]]:
        """Every campaign and phase of which something is published, sorted."""
        ...

    def begun(self) -> Sequence[tuple[str, str]]:
        """Every campaign and phase that something was ever written for, sorted."""
        ...

    def days(self, campaign: str, phase: str) -> Sequence[date]:
        """The days that a phase has builds of, oldest first."""
        ...

    def find(self, campaign: str, phase: str, day: date | None) -> tuple[date, AnyPath] | None:
        """A build's day and folder, by default the newest; None where it is not published.

        What is then read from the folder is of one build, whatever is published meanwhile.
        """
        ...

    def entries(self) -> Iterator[tuple[str, str, Sequence[date]]]:
        """Each campaign and phase with the days that something is called like, whole or not."""
        ...

    def entry_fault(self, campaign: str, phase: str, day: date) -> str:
        """Why what is called like a day leads to no build; '' where it leads to one."""
        ...

    def faults_around(self, campaign: str, phase: str, days: Sequence[date]) -> Iterator[str]:
        """What is wrong in a phase beside the builds of these days."""
        ...

    def writing(self, campaign: str, access: Access = OWNER) -> AbstractContextManager[Writer]:
        """A campaign, to be written to from now on.

        Raises BusyError where another process is writing to it, and that can be known at once.
        """
        ...

    def append(self, run: Mapping[str, Any], access: Access = OWNER) -> None:
        """Add a run to the log, for good when this returns."""
        ...

    def read_log(self) -> Log:
        """All runs, each held against its hash and the one before it."""
        ...


def shelves(root: AnyPath) -> Shelves:
    """The builds below a folder, or below a name in an object store."""
    return ObjectShelves(root) if isinstance(root, ObjectPath) else FolderShelves(root)
