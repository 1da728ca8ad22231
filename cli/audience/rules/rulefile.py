"""One rule file while it is being read: also what resolves the names in its conditions.

A name's condition is read when something first asks for it and kept, so that every mention is
the same object and a cycle shows itself as a name asked for while it is being read.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Mapping as MappingOf
from datetime import date
from functools import cached_property

from audience.errors import Problem, Source, listed
from audience.kinds import Catalog, Table
from audience.rules.conditions import ConditionReader
from audience.rules.grammar import OTHERWISE, RULE_FILE, slug_fault
from audience.rules.outputs import BASE, Output, Outputs
from audience.rules.reader import Problems
from audience.rules.scalars import Misfit, read_date
from audience.rules.source import Mapping, Node, Scalar
from audience.rules.tree import (
    All,
    Condition,
    Kept,
    Named,
    Pack,
    RuleFile,
    Side,
    Stage,
    StageSet,
)
from audience.rules.variables import Variables

Step = tuple["FileReader", str]


class Shelf:
    """What the files that are read together share: each other, and what was found so far."""

    def __init__(
        self, catalog: Catalog, problems: Problems, variables: MappingOf[str, str] | None = None
    ) -> None:
        self.catalog = catalog
        self.problems = problems
        self.variables = variables or {}
        self.files: dict[str, FileReader] = {}
        self.path: list[Step] = []
        """The names that are being read, each for the one before it."""
        self.unreadable = False

    @cached_property
    def known(self) -> list[str]:
        """The names of all files; asked for when every file is here."""
        return sorted(self.files)

    @cached_property
    def phases(self) -> dict[str, str]:
        """The same by phase."""
        return {each.partition("/")[2]: each for each in self.known}


class FileReader:
    """Reads one file among others."""

    def __init__(self, source: Source, document: Mapping, library: Shelf) -> None:
        self.source = source
        self.library = library
        self.problems = library.problems
        self.used: dict[str, FileReader] = {}
        self.early = Problems()
        """What is wrong with the variables; told where the file is wanted or referred to."""
        self.variables = Variables(document, library.variables, self.early)
        self.node = self.variables.fill(document)
        self.outputs = Outputs(self.node, self.name, library.catalog.users, library.problems)
        self._conditions: dict[str, Condition | None] = {}
        self._heights: dict[str, int] = {}

    @property
    def name(self) -> str:
        """``campaign/phase``, as far as the file says so; empty where it does not."""
        parts = [self.node.get("campaign"), self.node.get("phase")]
        texts = [part.text for part in parts if isinstance(part, Scalar)]
        return "/".join(texts) if len(texts) == 2 else ""

    def read(self) -> RuleFile | None:
        """The whole file; None after a problem."""
        before = self.problems.count
        self._tell_early()
        fields = self.problems.fields(self.node, RULE_FILE, "a rule file")
        if fields is None:
            return None
        for slug in {"campaign", "phase"} & fields.keys():
            self._check_slug(slug, fields[slug][1])
        label = self.outputs.read_label(fields.get("label"))
        as_of = self._read_as_of(fields["as_of"][1]) if "as_of" in fields else None
        self.outputs.check_names()
        self._check_any_pack(fields)
        if self.outputs.has_too_many_stages():
            return None
        base = self.condition(BASE) if BASE in fields else None
        definitions = {name: self.condition(name) for name in self.outputs.definitions}
        self._check_rows()
        packs = [
            pack for output in self.outputs.all.values() if (pack := self._read_output(output))
        ]
        stages = [self._read_stage_set(name) for name in self.outputs.stage_sets]
        if self.problems.count > before:
            return None
        campaign, _, phase = self.name.partition("/")
        closure = self.closure
        return RuleFile(
            campaign,
            phase,
            label,
            as_of,
            base,
            tuple(packs),
            {name: part for name, part in definitions.items() if part is not None},
            tuple(stages),
            tuple(reader.source for reader in closure),
            {reader.source.path: reader.variables.values for reader in closure},
        )

    def condition(self, name: str, depth: int = 0) -> Condition | None:
        """The condition a name of this file stands for; None after a problem, noted once."""
        if name not in self._conditions:
            self.library.path.append((self, name))
            output = self.outputs.all.get(name)
            if output is None or (output.where is not None and not output.is_composed):
                # Not in a method of its own: it would be a frame more a level.
                node = self.outputs.definitions[name] if output is None else output.where
                reader = self._reader(depth)
                self._conditions[name] = reader.read(node) if node is not None else None
                self._heights[name] = reader.deepest - depth
            elif output.side:
                self._conditions[name] = self._build_side(output, depth)
            elif output.stage_set:
                self._conditions[name] = self._build_stage(output, depth)
            else:
                self._conditions[name] = self._build_kept(output, depth)
            self.library.path.pop()
        return self._conditions[name]

    def _reader(self, depth: int) -> ConditionReader:
        catalog = self.library.catalog
        return ConditionReader(catalog.users, catalog, self.problems, self, depth)

    def _build_kept(self, output: Output, depth: int) -> Condition | None:
        """A pack with a limit: the first so many of those in the base.

        Who is outside the base takes nobody's place.
        """
        if output.where is None:
            return None
        reader = self._reader(depth + 2)
        parts = [reader.read(output.where)]
        limit = self.outputs.limit(output.name)
        self._heights[output.name] = reader.deepest - depth
        if self.outputs.base is not None:
            parts.insert(0, self.condition(BASE, depth + 2))
            height = self._heights.get(BASE, 0) + 2
            self._heights[output.name] = max(self._heights[output.name], height)
        found = tuple(part for part in parts if part is not None)
        if len(found) < len(parts) or limit is None:
            return None
        return Kept(All(found, output.at), limit.keep, limit.by, limit.descending, output.at)

    def _build_side(self, output: Output, depth: int) -> Condition | None:
        part = self.condition(output.owner, depth + 1)
        split = self.outputs.split(output.owner)
        if part is None or split is None:
            return None
        self._heights[output.name] = self._heights[output.owner] + 1
        low, high = split.stretches[output.side]
        salt = split.seed if split.seed is not None else f"{self.campaign}/{output.owner}"
        return Side(part, salt, low, high, output.at)

    def _build_stage(self, output: Output, depth: int) -> Condition | None:
        """The users of the base for whom the stage's condition holds and none before it."""
        if self.outputs.has_too_many_stages():
            return None
        stages = self.outputs.stage_sets[output.stage_set]
        place = stages.index(output.name)
        earlier = [self._own(name, depth + 3) for name in stages[:place]]
        own = None if output.is_rest else self._own(output.name, depth + 3)
        if None in earlier or (own is None and not output.is_rest):
            return None
        heights = [self._heights[_own_name(name)] for name in stages[: place + (own is not None)]]
        self._heights[output.name] = max(heights, default=0) + 3
        before = tuple(part for part in earlier if part is not None)
        return Stage(own, before, output.at)

    def _own(self, name: str, depth: int) -> Condition | None:
        """What a stage's own condition says, whoever was in an earlier stage."""
        key = _own_name(name)
        if key not in self._conditions:
            self.library.path.append((self, name))
            node = self.outputs.all[name].where
            reader = self._reader(depth)
            self._conditions[key] = None if node is None else reader.read(node)
            self._heights[key] = reader.deepest - depth
            self.library.path.pop()
        return self._conditions[key]

    def _place(self, name: Scalar, *, rows: bool = False) -> tuple[FileReader, str] | None:
        """The file that a name is of, and the name without its place; None after a problem.

        ``rows`` where it is to be the name of a condition over event rows.
        """
        *place, own = name.text.split("/")
        if len(place) > 2:
            self.problems.error(
                name.at, f"`{name.text}` is no name", "name, phase/name or campaign/phase/name"
            )
            return None
        file = self if not place else self._other(name, place)
        return None if file is None else (file, own)

    def resolve_rows(self, name: Scalar, table: Table, depth: int) -> tuple[Named, int] | None:
        """See :meth:`Names.resolve_rows`: a name in the `where` of behaviour."""
        found = self._place(name, rows=True)
        if found is None:
            return None
        file, own = found
        if own not in file.outputs.rows:
            names = list(file.outputs.rows)
            message = f"`{name.text}` names no condition over event rows"
            if own in file.outputs.names or not names:
                message = f"`{name.text}`: a name selects users, not events"
            expected = "a mapping of columns"
            if names:
                expected += ", or a name of `rows:`: " + listed(names)
            self.problems.error(name.at, message, expected, meant=(own, names))
            return None
        step = (file, f"rows {own}")
        if step in self.library.path:
            self._note_cycle(name, step)
            return None
        if file is not self:
            self.used[file.name] = file
            file._tell_early()
        condition = file._row_condition(own, table, depth)
        if condition is None:
            return None
        height = file._heights[_row_name(own, table)]
        return Named(name.text, condition, None, name.at), height

    def _row_condition(self, own: str, table: Table, depth: int) -> Condition | None:
        """What a name of `rows` stands for over an event table; None after a problem."""
        key = _row_name(own, table)
        if key not in self._conditions:
            self.library.path.append((self, f"rows {own}"))
            reader = ConditionReader(table, self.library.catalog, self.problems, self, depth)
            self._conditions[key] = reader.read(self.outputs.rows[own])
            self._heights[key] = reader.deepest - depth
            self.library.path.pop()
        return self._conditions[key]

    def resolve(self, name: Scalar, depth: int) -> tuple[Named, int] | None:
        """See :meth:`Names.resolve`: a name in a condition of this file."""
        found = self._place(name)
        if found is None:
            return None
        file, own = found
        if own not in file.outputs.names:
            self._note_unknown(name, own, file)
            return None
        if own in file.outputs.all and file.outputs.all[own].is_broken:
            return None  # a pack whose `where` is wrong, which is told where it stands
        if (file, own) in self.library.path:
            self._note_cycle(name, (file, own))
            return None
        foreign = file is not self
        if foreign:
            self.used[file.name] = file
            file._tell_early()
        condition = file.condition(own, depth)
        base = None
        if foreign and file.outputs.base is not None:
            if (file, BASE) in self.library.path:
                self._note_cycle(name, (file, BASE))
                return None
            base = file.condition(BASE, depth)
            if base is None:
                return None
        if condition is None:
            return None
        height = max(file._heights[own], file._heights[BASE] if base is not None else 0)
        return Named(name.text, condition, base, name.at), height

    @property
    def campaign(self) -> str:
        """The campaign's slug."""
        return self.name.partition("/")[0]

    def _tell_early(self) -> None:
        self.problems.extend(self.early.all)
        self.early = Problems()
        for at in self.variables.broken:
            self.problems.mute(at)

    def _note_unknown(self, name: Scalar, own: str, file: FileReader) -> None:
        names = file.outputs.names
        where = "" if file is self else f" in {file.source.path}"
        what = "pack, stage or definition" if file.outputs.stage_sets else "pack or definition"
        told = f"no {what} `{own}`{where}"
        if own in file.outputs.stage_sets:
            told += ": it is a set of stages, each with a name of its own"
        slip = file.outputs.stage_sets and own != OTHERWISE
        likely = (*names, OTHERWISE) if slip else names
        self.problems.error(name.at, told, "one of " + listed(names), meant=(own, likely))

    def _other(self, name: Scalar, place: list[str]) -> FileReader | None:
        wanted = "/".join(place if len(place) == 2 else [self.campaign, *place])
        file = self.library.files.get(wanted)
        if file is None and self.library.unreadable:
            return None  # it may be one of the files that could not be read, which is told
        if file is None:
            # A phase of another campaign, named without it, is the likelier slip.
            known, phases = self.library.known, self.library.phases
            suggest = self.problems.suggest
            close = phases.get(suggest((place[-1], phases)), "") or suggest((wanted, known))
            told = f"no rule file of campaign and phase `{wanted}`"
            close = f"{close}/{name.text.rpartition('/')[2]}" if close else ""
            self.problems.add(Problem(told, name.at, "one of " + listed(known), close))
        return file

    def _note_cycle(self, name: Scalar, again: Step) -> None:
        path = self.library.path
        steps = [*path[path.index(again) :], again]
        shown = [step if file is self else f"{file.name}/{step}" for file, step in steps]
        self.problems.error(
            name.at, "names run in a circle: " + " → ".join(shown), "a name that does not lead back"
        )

    @property
    def closure(self) -> list[FileReader]:
        """This file, then those it refers to, by any number of steps."""
        out: list[FileReader] = [self]
        for reader in out:
            out += [other for other in reader.used.values() if other not in out]
        return [self, *sorted(out[1:], key=lambda reader: reader.name)]

    def _check_any_pack(self, fields: Iterable[str]) -> None:
        given = {"packs", "stages"} & set(fields)
        doc = RULE_FILE["packs"].doc
        if not given:
            self.problems.error(self.node.at, "a rule file has no `packs`", f"`packs: …`: {doc}")
        for section in sorted(given):
            node = self.node.get(section)
            if isinstance(node, Mapping) and not node.entries and not node.broken:
                self.problems.error(
                    node.at, f"`{section}` is empty", f"at least one {section[:-1]}"
                )

    def _check_rows(self) -> None:
        """A condition over rows is read where it is used; of one event table, here too."""
        tables = list(self.library.catalog.events.values())
        for name in self.outputs.rows if len(tables) == 1 else ():
            self._row_condition(name, tables[0], 0)

    def _check_slug(self, what: str, node: Node) -> None:
        scalar = self.problems.scalar(node, f"`{what}`")
        if scalar is not None and (fault := slug_fault(what, scalar.text)):
            self.problems.error(scalar.at, *fault)

    def _read_as_of(self, node: Node) -> date | None:
        scalar = self.problems.scalar(node, "`as_of`")
        if scalar is None:
            return None
        try:
            return read_date(scalar.text)
        except Misfit as misfit:
            self.problems.misfit(scalar.at, misfit)
            return None

    def _read_output(self, output: Output) -> Pack | None:
        expect = self.outputs.expect(output.name)
        where = None if output.is_broken else self.condition(output.name)
        if where is None:
            return None
        return Pack(output.name, self.outputs.label(output.name), where, output.at, expect)

    def _read_stage_set(self, name: str) -> StageSet:
        outputs = [self.outputs.all[each] for each in self.outputs.stage_sets[name]]
        at = outputs[0].at if outputs else self.node.at
        rest = None
        if not any(output.is_rest for output in outputs):
            parts = tuple(part for each in outputs if (part := self._own(each.name, 3)))
            rest = Stage(None, parts, at)
        return StageSet(name, tuple(each.name for each in outputs), rest, at)


def _own_name(stage: str) -> str:
    """What a stage's own condition is kept under: no name can have a slash."""
    return f"own/{stage}"


def _row_name(name: str, table: Table) -> str:
    """What a condition over an event table's rows is kept under."""
    return f"rows/{table.name}/{name}"
