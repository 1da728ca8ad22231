"""Publishing into an object store: a whole build becomes visible by one object, or not at all.

A build's files are uploaded to a folder of their own that nobody looks into. Then the day's next
commit is made, which names the folder; the number was free when the writer began, so that whoever
was overtaken is refused. Nothing that is there is ever changed, and nothing is locked.
"""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date

from audience.errors import BusyError, StoreError
from audience.objects import ObjectPath, delete_all
from audience.rules.reference import Reference
from audience.store.commits import (
    NOTHING,
    Commit,
    asking,
    builds_of,
    commit_path,
    commits_of,
    last_named,
    meant_for,
    new_name,
    put_once,
)
from audience.store.layout import BUILDS, phase_folder
from audience.store.manifest import FILE_NAME, SUMMARY_NAME, Manifest, PackEntry, digest_of
from audience.store.packs import PackData, Published, Write, write_ids_to
from audience.threads import in_threads

_UNDER_WAY = 24 * 3600 * 10**9
"""A draft that nothing was added to for so many nanoseconds is nobody's any more."""


@dataclass(frozen=True)
class ObjectWriter:
    """A campaign as it was when the writer began; see :class:`audience.store.shelves.Writer`.

    ``seen`` has the number of the last commit of each phase and day.
    """

    root: ObjectPath
    campaign: str
    seen: dict[tuple[str, date], int]

    def publish(
        self,
        manifest: Manifest,
        packs: Sequence[PackData],
        summary: str,
        write: Write | None = None,
    ) -> Published:
        """Publish a build; what it replaces stays until the next commit of its day.

        ``write`` is for folders. Raises BusyError where the day was published since the writer
        began, StoreError; what was published is as it was then.
        """
        phase = phase_folder(self.root, manifest.campaign, manifest.phase)
        day = manifest.as_of
        last = self.seen.get((manifest.phase, day), 0)
        draft = phase / BUILDS / new_name(day, last + 1)
        with asking("publish to", phase):
            try:
                whole, files = _upload(draft, manifest, packs, summary)
                published = _published(phase, manifest, last)
                unchanged = published is not None and _holds(published, files)
            except BaseException:
                with suppress(OSError):
                    delete_all(draft.walk())
                raise
            if published is not None and unchanged:
                _sweep(phase, day, draft)
                delete_all(draft.walk())
                return Published(published, whole, unchanged=True)
            try:
                self._take_number(phase, day, draft.name)
            except BusyError:
                # After any other fault the draft may be what is published.
                delete_all(draft.walk())
                raise
            # It is published: what can't be cleared away now is cleared away another time.
            with suppress(OSError):
                _sweep(phase, day, draft)
        return Published(draft, whole, unchanged=False)

    def remove(self, builds: Sequence[Reference]) -> None:
        """Remove builds, none of them the newest of its phase.

        Raises BusyError where one was published since the writer began, StoreError.
        """
        for build in builds:
            phase, day = phase_folder(self.root, build.campaign, build.phase), build.as_of
            assert day is not None
            with asking(f"remove {build} from", phase):
                commits = commits_of(phase)
                if [day] == published_days(commits)[-1:]:
                    raise StoreError(f"{build} is the newest build of its phase")
                # That is how it is removed: who is publishing this day is refused from now on.
                self._take_number(phase, day, NOTHING)
                delete_all([commit.path for commit in commits.get(day, ())])
                for name, objects in builds_of(phase).items():
                    if _is_decided(name, {day: self.seen[build.phase, day]}):
                        delete_all(objects)

    def clear(self, phase: str) -> None:
        """Remove all builds of a phase that are not published, whoever may be uploading them.

        Raises BusyError where one was published since the writer began, StoreError.
        """
        folder = phase_folder(self.root, self.campaign, phase)
        with asking("clear", folder):
            commits = commits_of(folder)
            for day, own in commits.items():
                if own[-1].number != self.seen.get((phase, day)):
                    raise _overtaken(f"{self.campaign}/{phase}@{day}")
            builds, kept = builds_of(folder), set()
            last = {day: own[-1].number for day, own in commits.items()}
            for day in sorted({day for day, _ in map(meant_for, builds) if day}):
                name = commits[day][-1].read() if day in commits else NOTHING
                if not all(_is_decided(each, last) for each in builds if meant_for(each)[0] == day):
                    # Whoever is uploading is refused.
                    self._take_number(folder, day, name)
                kept.add(name)
            for name, objects in builds.items():
                if name not in kept:
                    delete_all(objects)

    def _take_number(self, phase: ObjectPath, day: date, name: str) -> None:
        """Make a day's next commit. Raises BusyError where another process did, OSError."""
        number = self.seen.get((phase.name, day), 0) + 1
        if not put_once(commit_path(phase, day, number), f"{name}\n".encode()):
            raise _overtaken(f"{self.campaign}/{phase.name}@{day}")
        self.seen[phase.name, day] = number


def published_days(commits: Mapping[date, Sequence[Commit]]) -> list[date]:
    """The days that something is published of, oldest first."""
    return sorted(day for day, own in commits.items() if not own[-1].is_nothing)


def _overtaken(name: str) -> BusyError:
    return BusyError(f"{name} was published by another process meanwhile")


def _upload(
    draft: ObjectPath, manifest: Manifest, packs: Sequence[PackData], summary: str
) -> tuple[Manifest, Mapping[str, str]]:
    """Upload a build's files: its manifest, and the SHA-256 of each file. Raises OSError."""

    def put(name: str, data: bytes) -> str:
        # The folder is new, so nothing is written over; a request may be made twice.
        (draft / name).put(data, create=False)
        return digest_of(data)

    def enter(pack: PackData) -> PackEntry:
        ids, file = pack.read(), io.BytesIO()
        write_ids_to(file, ids, manifest.key)
        return pack.entry(ids, put(pack.file, file.getvalue()))

    # Two at a time: one is sent while the other is encoded.
    entries = in_threads(enter, packs)
    files = {entry.file: entry.sha256 for entry in entries}
    files[SUMMARY_NAME] = put(SUMMARY_NAME, summary.encode())
    whole = replace(manifest, packs=tuple(entries), summary=files[SUMMARY_NAME])
    files[FILE_NAME] = put(FILE_NAME, whole.to_json().encode())
    return whole, files


def _published(phase: ObjectPath, manifest: Manifest, number: int) -> ObjectPath | None:
    """The folder of the day's build; None where there is none.

    Raises BusyError where the last commit is another one by now, OSError.
    """
    commits = commits_of(phase, manifest.as_of).get(manifest.as_of, ())
    if (commits[-1].number if commits else 0) != number:
        raise _overtaken(manifest.name)
    names = last_named(commits[-1:], 1)
    return phase / BUILDS / names[0] if names else None


def _holds(folder: ObjectPath, files: Mapping[str, str]) -> bool:
    """Whether a folder has files of these names and SHA-256, and no others. Raises OSError."""
    found = {str(path.relative_to(folder)): path for path in folder.walk()}
    if found.keys() != files.keys():
        return False

    def same(name: str) -> bool:
        return digest_of(found[name].read_bytes()) == files[name]

    # Where the manifest is another, the packs need not be read.
    return same(FILE_NAME) and all(in_threads(same, files.keys() - {FILE_NAME}))


def _sweep(phase: ObjectPath, day: date, draft: ObjectPath) -> None:
    """Remove builds of a day that were replaced before the last one, and leftovers of any day.

    What may still be published stays while it may be under way, by the store's clock: that of the
    draft that was just uploaded. Raises OSError.
    """
    commits, builds = commits_of(phase), builds_of(phase)
    last = {each: own[-1].number for each, own in commits.items()}
    gone = {each for each, own in commits.items() if own[-1].is_nothing}
    kept = {draft.name, *last_named(commits.get(day, ()), 2)}
    oldest = _newest(builds.get(draft.name, ())) - _UNDER_WAY
    for name, objects in builds.items():
        if name in kept:
            continue
        if _is_decided(name, last):
            if meant_for(name)[0] in {day, *gone}:
                delete_all(objects)
        elif _newest(objects) < oldest:
            delete_all(objects)
    # That a day is gone is told for as long as somebody may be publishing it.
    for each in gone - {own_day for own_day, _ in map(meant_for, builds)}:
        if _newest([commit.path for commit in commits[each]]) < oldest:
            # The last one last: those before it lead nowhere.
            for commit in commits[each]:
                commit.path.delete()


def _is_decided(name: str, last: Mapping[date, int]) -> bool:
    """Whether the commit that a build's folder is meant for was made, be it of another build."""
    day, number = meant_for(name)
    return day is not None and number <= last.get(day, -1)


def _newest(objects: Sequence[ObjectPath]) -> int:
    return max((each.stat().modified_ns for each in objects), default=0)
