"""Rule files and the names in them: one file's names, and those of the files it refers to.

A name's condition is read when something first asks for it and kept, so that every mention is
the same object and a cycle shows itself as a name asked for while it is being read.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from audience.errors import Location, Problem, Source, listed, nearest
from audience.kinds import Catalog
from audience.rules.conditions import ConditionReader
from audience.rules.grammar import PACK, RULE_FILE, SLUG_WORDS, is_slug, name_fault
from audience.rules.reader import Problems
from audience.rules.scalars import Misfit, read_date
from audience.rules.source import Mapping, Node, Scalar, parse
from audience.rules.tree import Condition, Named, Pack, RuleFile

_BASE = "base"
Step = tuple["FileReader", str]


class Library:
    """The rule files of a project, by ``campaign/phase``."""

    def __init__(self, catalog: Catalog, problems: Problems) -> None:
        self.catalog = catalog
        self.problems = problems
        self.files: dict[str, FileReader] = {}
        self.path: list[Step] = []
        self.unreadable = False

    def read(self, sources: Iterable[Source], others: Iterable[Source] = ()) -> list[RuleFile]:
        """The rule files of ``sources``; ``others`` are files that may be referred to.

        All problems of ``sources`` are collected; a file that had any is left out of the result.
        Problems in ``others`` count where something refers to them.
        """
        readers = [self._open(source, self.problems) for source in sources]
        for source in others:
            self._open(source, Problems())
        return [file for reader in readers if reader and (file := reader.read()) is not None]

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


class FileReader:
    """One rule file while it is being read: also what resolves the names in its conditions."""

    def __init__(self, source: Source, node: Mapping, library: Library) -> None:
        self.source = source
        self.node = node
        self.library = library
        self.problems = library.problems
        self.used: dict[str, FileReader] = {}
        self._conditions: dict[str, Condition | None] = {}
        self._heights: dict[str, int] = {}
        self._nodes = dict(self._named_nodes())

    @property
    def name(self) -> str:
        """``campaign/phase``, as far as the file says so; empty where it does not."""
        parts = [self.node.get("campaign"), self.node.get("phase")]
        texts = [part.text for part in parts if isinstance(part, Scalar)]
        return "/".join(texts) if len(texts) == 2 else ""

    def read(self) -> RuleFile | None:
        """The whole file; None after a problem."""
        before = self.problems.count
        fields = self.problems.fields(self.node, RULE_FILE, "a rule file")
        if fields is None:
            return None
        for slug in ("campaign", "phase"):
            if slug in fields:
                self._check_slug(slug, fields[slug][1])
        label = self._read_label(fields.get("label"))
        as_of = self._read_as_of(fields["as_of"][1]) if "as_of" in fields else None
        self._check_names()
        base = self.condition(_BASE) if _BASE in fields else None
        definitions = {key.text: self.condition(key.text) for key, _ in self._entries("define")}
        packs = [self._read_pack(key, node) for key, node in self._entries("packs")]
        if "packs" in fields and isinstance(fields["packs"][1], Mapping) and not packs:
            self.problems.error(fields["packs"][1].at, "`packs` is empty", "at least one pack")
        if self.problems.count > before:
            return None
        campaign, _, phase = self.name.partition("/")
        return RuleFile(
            campaign,
            phase,
            label,
            as_of,
            base,
            tuple(pack for pack in packs if pack is not None),
            {name: part for name, part in definitions.items() if part is not None},
            tuple(reader.source for reader in self._closure()),
        )

    def condition(self, name: str, depth: int = 0) -> Condition | None:
        """The condition a name of this file stands for; None after a problem, noted once."""
        if name not in self._conditions:
            catalog = self.library.catalog
            reader = ConditionReader(catalog.users, catalog, self.problems, self, depth)
            self.library.path.append((self, name))
            self._conditions[name] = reader.read(self._nodes[name])
            self._heights[name] = reader.deepest - depth
            self.library.path.pop()
        return self._conditions[name]

    def resolve(self, name: Scalar, depth: int) -> tuple[Named, int] | None:
        """See :meth:`Names.resolve`: a name in a condition of this file."""
        *place, own = name.text.split("/")
        if len(place) > 2:
            self.problems.error(
                name.at, f"`{name.text}` is no name", "name, phase/name or campaign/phase/name"
            )
            return None
        file = self if not place else self._other(name, place)
        if file is None:
            return None
        if own in file._broken:
            return None  # a pack whose `where` is wrong, which is told where it stands
        if own not in file._nodes or own == _BASE:
            names = [known for known in file._nodes if known != _BASE]
            where = "" if file is self else f" in {file.source.path}"
            self.problems.error(
                name.at,
                f"no pack or definition `{own}`{where}",
                "one of " + listed(names),
                meant=(own, names),
            )
            return None
        if (file, own) in self.library.path:
            self._note_cycle(name, (file, own))
            return None
        foreign = file is not self
        if foreign:
            self.used[file.name] = file
        condition = file.condition(own, depth)
        base = None
        if foreign and _BASE in file._nodes:
            if (file, _BASE) in self.library.path:
                self._note_cycle(name, (file, _BASE))
                return None
            base = file.condition(_BASE, depth)
            if base is None:
                return None
        if condition is None:
            return None
        height = max(file._heights[own], file._heights[_BASE] if base is not None else 0)
        return Named(name.text, condition, base, name.at), height

    def _other(self, name: Scalar, place: list[str]) -> FileReader | None:
        own_campaign = self.name.partition("/")[0]
        wanted = "/".join(place if len(place) == 2 else [own_campaign, *place])
        file = self.library.files.get(wanted)
        if file is None and self.library.unreadable:
            return None  # it may be one of the files that could not be read, which is told
        if file is None:
            known = sorted(self.library.files)
            # A phase of another campaign, named without it, is the likelier slip.
            phases = {each.partition("/")[2]: each for each in known}
            close = phases.get(nearest(place[-1], phases), "") or nearest(wanted, known)
            self.problems.found.append(
                Problem(
                    f"no rule file of campaign and phase `{wanted}`",
                    name.at,
                    "one of " + listed(known),
                    f"{close}/{name.text.rpartition('/')[2]}" if close else "",
                )
            )
        return file

    def _note_cycle(self, name: Scalar, again: Step) -> None:
        path = self.library.path
        steps = [*path[path.index(again) :], again]
        shown = [step if file is self else f"{file.name}/{step}" for file, step in steps]
        self.problems.error(
            name.at, "names run in a circle: " + " → ".join(shown), "a name that does not lead back"
        )

    def _closure(self) -> list[FileReader]:
        out: list[FileReader] = [self]
        for reader in out:
            out += [other for other in reader.used.values() if other not in out]
        return [self, *sorted(out[1:], key=lambda reader: reader.name)]

    def _named_nodes(self) -> Iterable[tuple[str, Node]]:
        base = self.node.get("base")
        if base is not None:
            yield _BASE, base
        for key, node in self._entries("define"):
            yield key.text, node
        for key, node in self._entries("packs"):
            where = node.get("where") if isinstance(node, Mapping) else None
            if where is not None:
                yield key.text, where

    @property
    def _broken(self) -> set[str]:
        """The packs that have a name and no condition."""
        return {key.text for key, _ in self._entries("packs")} - set(self._nodes)

    def _entries(self, section: str) -> tuple[tuple[Scalar, Node], ...]:
        node = self.node.get(section)
        return node.entries if isinstance(node, Mapping) else ()

    def _check_names(self) -> None:
        taken: dict[str, Scalar] = {}
        for section in ("define", "packs"):
            node = self.node.get(section)
            if node is not None and not isinstance(node, Mapping):
                self.problems.mapping(node, f"`{section}`")
            for key, _ in self._entries(section):
                fault = "`base` names the base" if key.text == _BASE else name_fault(key.text)
                if fault:
                    expected = "letters, digits, '_' and '-', at most 60"
                    self.problems.error(key.at, f"unsafe name `{key.text}`: {fault}", expected)
                # Compared without case: on some disks two such packs would be one file.
                folded = key.text.casefold()
                if folded in taken:
                    line = taken[folded].at.line
                    message = f"the name `{key.text}` is taken (line {line})"
                    self.problems.error(key.at, message, "each name once, whatever its case")
                taken.setdefault(folded, key)

    def _check_slug(self, what: str, node: Node) -> None:
        scalar = self.problems.scalar(node, f"`{what}`")
        if scalar is not None and not is_slug(scalar.text):
            self.problems.error(scalar.at, f"unsafe {what} `{scalar.text}`", SLUG_WORDS)

    def _read_label(self, field: tuple[Scalar, Node] | None) -> str:
        if field is None:
            return ""
        scalar = self.problems.scalar(field[1], "`label`")
        return scalar.text if scalar else ""

    def _read_as_of(self, node: Node) -> date | None:
        scalar = self.problems.scalar(node, "`as_of`")
        if scalar is None:
            return None
        try:
            return read_date(scalar.text)
        except Misfit as misfit:
            self.problems.misfit(scalar.at, misfit)
            return None

    def _read_pack(self, key: Scalar, node: Node) -> Pack | None:
        fields = self.problems.fields(node, PACK, f"pack `{key.text}`")
        if fields is None or "where" not in fields:
            return None
        label = self._read_label(fields.get("label"))
        where = self.condition(key.text)
        return None if where is None else Pack(key.text, label, where, key.at)
