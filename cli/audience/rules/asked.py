"""What callers ask for in the rule language: a pack by its name, a condition, a stretch of days.

It belongs to no rule file. A name in it is that of a pack, definition, stage or side in any file:
``name`` where one file has it, ``phase/name`` or ``campaign/phase/name``. As in rule files, a name
is drawn from the base of its own file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from audience.errors import ConditionError, Location, Source, UsageError, listed, nearest
from audience.rules.conditions import ConditionReader
from audience.rules.grammar import name_fault
from audience.rules.naming import is_in
from audience.rules.reader import Problems
from audience.rules.rulefile import FileReader, Shelf
from audience.rules.scalars import Misfit, read_date_range
from audience.rules.source import Mapping as MappingNode
from audience.rules.source import Scalar, parse
from audience.rules.tree import Condition, RuleFile

_NOWHERE = Location(Source("", ""), 1, 1)
_NO_NAME = set("{}[]:\"'\n")
"""What stands before a ``=`` that is part of a condition."""
_LONGEST = 60
_DAYS = re.compile(r"\d{4}-\d{2}-\d{2}(\.\.\d{4}-\d{2}-\d{2})?", re.ASCII)
_PERIOD = "[NAME=]FROM..TO, such as promo=2023-05-23..2023-06-18"


@dataclass(frozen=True)
class Asked:
    """A condition that a caller gave, what it is called, and a pack's label ('' of others).

    ``text`` is how it was given, without its name; '' of one that has ids.
    """

    name: str
    label: str
    condition: Condition
    text: str = ""


@dataclass(frozen=True)
class Days:
    """A stretch of days with a name, both ends in."""

    name: str
    first: date
    last: date


class Asker(FileReader):
    """Reads what callers give; every problem is noted, at its place in the text.

    ``unread`` are the problems of rule files that could not be read, told where a name is missing.
    """

    def __init__(self, shelf: Shelf, unread: Problems) -> None:
        super().__init__(_NOWHERE.source, MappingNode((), _NOWHERE), shelf)
        self.unread = unread
        self.given: set[str] = set()

    def read_all(self, option: str, texts: Sequence[str]) -> list[Asked]:
        """The conditions given for an option, as ``[NAME=]PACK`` or ``[NAME=]CONDITION``.

        Those of the result are the ones that are right.
        """
        found: dict[str, Asked] = {}
        for source in self._sources(option, texts):
            asked = self._read_one(source)
            if asked is not None:
                self._check_new(asked.name, found, source)
                found[asked.name] = asked
        return list(found.values())

    def read_days(self, option: str, texts: Sequence[str]) -> list[Days]:
        """Stretches of days, as ``[NAME=]FROM..TO``; a nameless one is called as it is written."""
        found: dict[str, Days] = {}
        for source in self._sources(option, texts):
            name, start = self._name(source)
            text = source.text[start:]
            at = _at(source, start)
            try:
                days = read_date_range(text.strip())
            except Misfit as misfit:
                # What has the form of days has another fault, of which the misfit tells more.
                expected = misfit.expected if _DAYS.fullmatch(text.strip()) else _PERIOD
                self.problems.error(at, misfit.message, expected)
                continue
            if days.low is None or days.high is None:
                message = f"`{text}` is open on one side"
                self.problems.error(at, message, "both days, as 2023-05-23..2023-06-18")
                continue
            self._check_new(name or text, found, source)
            found[name or text] = Days(name or text, days.low, days.high)
        return list(found.values())

    def finish(self, known: Iterable[str] = ()) -> None:
        """Raise what was noted: ConditionError where all of it is in what the caller gave.

        Raises RuleError where some is in rule files, UsageError where a variable was given that
        none of the files has that are named, and that is not ``known`` elsewhere.
        """
        if self.problems.count:
            places = {each.at.source.path for each in self.problems.errors if each.at}
            if places <= self.given:
                raise ConditionError(self.problems.all)
            self.problems.raise_errors()
        declared = {name for reader in self.closure for name in reader.variables.declared}
        declared |= set(known)
        for name in self.library.variables:
            if name not in declared:
                close = nearest(name, declared)
                raise UsageError(
                    f"no rule file that is named has a variable `{name}`"
                    + (f"; did you mean {close}?" if close else "")
                )

    @property
    def as_of(self) -> date | None:
        """The day of the first file named that has one."""
        for reader in self.used.values():
            node = reader.node.get("as_of")
            day = None if node is None else reader._read_as_of(node)
            if day is not None:
                return day
        return None

    def file(self) -> RuleFile:
        """A rule file without a base, for conditions to be evaluated in.

        Where all names are of one file it is called as that is: what a file says of its own last
        build is to mean the same.
        """
        names = list(self.used)
        campaign, _, phase = (names[0] if len(names) == 1 else "").partition("/")
        return RuleFile(campaign, phase, "", None, None, (), {})

    def _sources(self, option: str, texts: Sequence[str]) -> list[Source]:
        """Each text as a source, called by its option and, of several, by its number."""
        several = len(texts) > 1
        sources = [
            Source(f"{option}#{number}" if several else option, text)
            for number, text in enumerate(texts, 1)
        ]
        self.given |= {source.path for source in sources}
        return sources

    def _read_one(self, source: Source) -> Asked | None:
        name, start = self._name(source)
        node, found = parse(source, start)
        self.problems.extend(found)
        if node is None:
            if not found:
                self.problems.error(_at(source, start), "nothing is given", "a pack or a condition")
            return None
        if "${" in source.text:
            at = source.at(source.text.index("${"))
            self.problems.error(at, "variables stand in rule files alone", "the value itself")
            return None
        catalog = self.library.catalog
        condition = ConditionReader(catalog.users, catalog, self.problems, self).read(node)
        if condition is None:
            return None
        label = ""
        if isinstance(node, Scalar):
            place = self._place(node)
            label = place[0].outputs.label(place[1]) if place and _is_output(*place) else ""
            name = name or node.text
        text = _given(source, start)
        return Asked(name or _shown(text) or source.path, label, condition, text)

    def _name(self, source: Source) -> tuple[str, int]:
        """What stands before ``=``, and where the rest begins."""
        name, sign, _ = source.text.partition("=")
        if not sign or _NO_NAME & set(name):
            return "", 0
        fault = name_fault(name)
        if fault:
            at = Location(source, 1, 1, max(1, len(name)))
            self.problems.error(at, f"unsafe name `{name}`: {fault}", "NAME=, then what it is")
        return name, len(name) + 1

    def _check_new(self, name: str, found: Mapping[str, object], source: Source) -> None:
        if name in found:
            self.problems.error(
                Location(source, 1, 1, max(1, len(name))),
                f"`{name}` is given twice",
                "each once, or NAME= before it",
            )

    def _place(self, name: Scalar, *, rows: bool = False) -> tuple[FileReader, str] | None:
        """The file that a name is of: the one that has it, whatever it leaves out."""
        *place, own = name.text.split("/")
        files = self.library.files
        chosen = [each for each in files.values() if is_in(each.name, place)]
        if len(place) > 1 and len(chosen) == 1:
            return chosen[0], own
        if len(place) > 1 or (place and not chosen):
            self._note_no_file(name, place)
            return None
        having = _having(chosen, own, rows=rows)
        if len(having) == 1:
            return having[0], own
        if having:
            expected = "one of " + listed(sorted(f"{file.name}/{own}" for file in having))
            self.problems.error(name.at, f"`{name.text}` is in several files", expected)
            return None
        self._tell_unread()
        known = [
            each for file in chosen for each in (file.outputs.rows if rows else file.outputs.names)
        ]
        what = "condition over event rows" if rows else "pack, stage or definition"
        message = f"no {what} `{own}` in " + (f"phase `{place[0]}`" if place else "any rule file")
        expected = "one of " + listed(list(dict.fromkeys(known)))
        self.problems.error(name.at, message, expected, meant=(own, known))
        return None

    def _note_no_file(self, name: Scalar, place: list[str]) -> None:
        self._tell_unread()
        if len(place) != 1:
            super()._place(name)
            return
        phases = self.library.phases
        told = f"no rule file of phase `{place[0]}`"
        self.problems.error(name.at, told, "one of " + listed(phases), meant=(place[0], phases))

    def _tell_unread(self) -> None:
        """A name that is missing may be in a file that could not be read."""
        self.problems.extend(self.unread.errors)


def _having(files: Sequence[FileReader], own: str, *, rows: bool) -> list[FileReader]:
    """The files that have a name; where any writes it out, only these."""
    if rows:
        return [file for file in files if own in file.outputs.rows]
    written = [file for file in files if _is_output(file, own)]
    return written or [file for file in files if own in file.outputs.names]


def _is_output(file: FileReader, own: str) -> bool:
    return own in file.outputs.all


def _at(source: Source, start: int) -> Location:
    return Location(source, 1, start + 1, max(1, len(source.text) - start))


def _given(source: Source, start: int) -> str:
    """A condition as it was written, unless it has ids."""
    return "" if source.private else " ".join(source.text[start:].split())


def _shown(text: str) -> str:
    """A condition as a name."""
    return text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
