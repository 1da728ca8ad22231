"""The rule files of a project, by campaign and phase."""

from __future__ import annotations

import gc
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from audience.errors import Location, Source, UsageError, listed, nearest
from audience.rules.asked import Asker
from audience.rules.reader import Problems
from audience.rules.rulefile import FileReader, Shelf
from audience.rules.source import Mapping, Scalar, parse
from audience.rules.tree import RuleFile


class Library(Shelf):
    """The rule files of a project, by ``campaign/phase``."""

    def read(self, sources: Iterable[Source], others: Iterable[Source] = ()) -> list[RuleFile]:
        """The rule files of ``sources``; ``others`` are files that may be referred to.

        All problems of ``sources`` are collected; a file that had any is left out of the result.
        Problems in ``others`` count where something refers to them. Raises UsageError where a
        variable is given that none of ``sources`` has.
        """
        with _without_collector():
            readers = [self._open(source, self.problems) for source in sources]
            for source in others:
                self._open(source, Problems())
            files = [file for reader in readers if reader and (file := reader.read()) is not None]
        closure = [each for reader in readers if reader for each in reader.closure]
        known = {name for reader in closure for name in reader.variables.declared}
        for name in self.variables:
            # Of a file that could not be read, nobody knows what it has.
            if name not in known and len(files) == len(readers):
                raise UsageError(_no_variable(name, known))
        return files

    def asker(self, sources: Iterable[Source], unread: Problems) -> Asker:
        """What reads conditions that callers give, which may name what is in ``sources``.

        Problems in these count where something refers to them. ``unread`` gets those of files
        that nothing can be made of.
        """
        for source in sources:
            self._open(source, unread)
        return Asker(self, unread)

    def _open(self, source: Source, problems: Problems) -> FileReader | None:
        node, found = parse(source)
        problems.extend(found)
        if not isinstance(node, Mapping):
            if not found:
                empty = node is None or (isinstance(node, Scalar) and not node.text)
                at = Location(source, 1, 1) if node is None or empty else node.at
                message = "no rule file: it must be a mapping"
                problems.error(at, message, "`campaign:`, `phase:`, `packs:`")
            self.unreadable = self.unreadable or problems is self.problems
            return None
        reader = FileReader(source, node, self)
        name = reader.name
        if name and name in self.files:
            first = self.files[name].source.path
            if first != source.path:
                phase = node.get("phase") or node
                message = f"`{name}` is the campaign and phase of {first} too"
                problems.error(phase.at, message, "another campaign or phase")
        elif name:
            self.files[name] = reader
        return reader


@contextmanager
def _without_collector() -> Iterator[None]:
    """Of a large file, looking for cycles in a growing tree that has none is half the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def _no_variable(name: str, known: set[str]) -> str:
    text = f"no rule file has a variable `{name}`"
    if not known:
        return text
    close = nearest(name, known)
    return f"{text}; there is {listed(sorted(known))}" + (
        f"; did you mean {close}?" if close else ""
    )
