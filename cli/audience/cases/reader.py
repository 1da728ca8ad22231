"""A ``*.cases.yaml`` file → cases, every value typed as the column it stands for."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from audience.cases.values import CaseValue, read_cell, read_key
from audience.errors import Location, RuleError, Source, listed
from audience.kinds import Catalog, Table
from audience.rules.grammar import Key
from audience.rules.reader import Problems
from audience.rules.scalars import Misfit, read_date
from audience.rules.source import Mapping, Node, Scalar, parse, read_source

SUFFIX = ".cases.yaml"

FILE = {
    "as_of": Key("The day of all cases; default: that of the rule file.", "date"),
    "vars": Key("Values of the rule file's variables.", "vars"),
    "cases": Key("The cases.", "cases", required=True),
}
CASE = {
    "name": Key("What the case is about.", "text", required=True),
    "as_of": Key("The day of this case.", "date"),
    "vars": Key("Values of the rule file's variables.", "vars"),
    "users": Key("Rows of the user table; columns that are not given are missing.", "rows"),
    "events": Key("Rows of the only event table, or rows by table.", "rows"),
    "lists": Key("By path, the ids on a list.", "lists"),
    "published": Key("By `campaign/phase/pack`, the ids of a published pack.", "lists"),
    "packs": Key("By pack, who is `in` and who is `out`.", "packs", required=True),
}
SIDES = {
    "in": Key("Users who must be in the pack.", "keys"),
    "out": Key("Users who must not.", "keys"),
}

Row = dict[str, CaseValue]
UserKey = int | str


@dataclass(frozen=True)
class Expected:
    """Who must be in a pack, and who must not; ``places`` are those of the keys."""

    pack: str
    inside: tuple[UserKey, ...]
    outside: tuple[UserKey, ...]
    places: MappingOf[UserKey, Location]
    at: Location


@dataclass(frozen=True)
class Case:
    """One case: rows by table, and what is expected of packs."""

    name: str
    at: Location
    as_of: date | None
    variables: MappingOf[str, str]
    rows: MappingOf[str, list[Row]]
    lists: MappingOf[str, tuple[UserKey, ...]]
    expected: tuple[Expected, ...]


@dataclass(frozen=True)
class CaseFile:
    """A case file and the rule file it is about."""

    source: Source
    rules: Path
    cases: tuple[Case, ...] = field(default=())


def read_case_file(
    path: Path, shown: str, rules: Path, catalog: Catalog, zone: str, problems: Problems
) -> CaseFile | None:
    """Read a case file; None after a problem."""
    try:
        source = read_source(path, shown)
    except RuleError as error:
        problems.extend(error.problems)
        return None
    before = problems.count
    document, found = parse(source)
    problems.extend(found)
    if document is None and found:
        return None
    node = document or Mapping((), Location(source, 1, 1))
    fields = problems.fields(node, FILE, "a case file")
    if fields is None:
        return None
    reader = _Reader(catalog, zone, problems)
    day = reader.day(fields)
    variables = reader.variables(fields)
    items = problems.items(fields["cases"][1], "`cases`") if "cases" in fields else None
    cases = [reader.read(item, day, variables) for item in items or ()]
    if problems.count > before:
        return None
    return CaseFile(source, rules, tuple(case for case in cases if case is not None))


class _Reader:
    def __init__(self, catalog: Catalog, zone: str, problems: Problems) -> None:
        self.catalog = catalog
        self.zone = zone
        self.problems = problems
        self.key = catalog.users.tags[catalog.users.key].type

    def read(self, node: Node, day: date | None, variables: MappingOf[str, str]) -> Case | None:
        fields = self.problems.fields(node, CASE, "a case")
        if fields is None:
            return None
        name = self.problems.scalar(fields["name"][1], "`name`") if "name" in fields else None
        lists = {**self._lists(fields, "lists"), **self._lists(fields, "published")}
        rows = {self.catalog.users.name: self._rows(fields.get("users"), self.catalog.users)}
        rows |= self._events(fields.get("events"))
        expected = self._packs(fields["packs"][1]) if "packs" in fields else ()
        self._check_users(rows[self.catalog.users.name], expected)
        self._check_events(name.at if name else node.at, rows)
        return Case(
            name.text if name else "",
            name.at if name else node.at,
            self.day(fields) or day,
            {**variables, **self.variables(fields)},
            rows,
            lists,
            expected,
        )

    def day(self, fields: MappingOf[str, tuple[Scalar, Node]]) -> date | None:
        if "as_of" not in fields:
            return None
        scalar = self.problems.scalar(fields["as_of"][1], "`as_of`")
        try:
            return None if scalar is None else read_date(scalar.text)
        except Misfit as misfit:
            self.problems.misfit(fields["as_of"][1].at, misfit)
            return None

    def variables(self, fields: MappingOf[str, tuple[Scalar, Node]]) -> dict[str, str]:
        mapping = self.problems.mapping(fields["vars"][1], "`vars`") if "vars" in fields else None
        pairs = [
            (key.text, self.problems.scalar(value, f"`{key.text}`"))
            for key, value in (mapping.entries if mapping else ())
        ]
        return {name: scalar.text for name, scalar in pairs if scalar is not None}

    def _events(self, given: tuple[Scalar, Node] | None) -> dict[str, list[Row]]:
        events = self.catalog.events
        out: dict[str, list[Row]] = {name: [] for name in events}
        if given is None:
            return out
        key, node = given
        if not isinstance(node, Mapping):
            if len(events) != 1:
                expected = f"rows by table: {listed(events)}"
                self.problems.error(key.at, "rows of which event table?", expected)
                return out
            name, table = next(iter(events.items()))
            return {name: self._rows(given, table)}
        for table_name, rows in node.entries:
            if table_name.text in events:
                pair = (table_name, rows)
                out[table_name.text] = self._rows(pair, events[table_name.text])
            else:
                self.problems.error(
                    table_name.at,
                    f"no event table `{table_name.text}`",
                    "one of " + listed(events),
                    meant=(table_name.text, events),
                )
        return out

    def _rows(self, given: tuple[Scalar, Node] | None, table: Table) -> list[Row]:
        if given is None:
            return []
        node = given[1]
        if not getattr(node, "items", True):
            return []  # an empty table is worth a case
        out = []
        for item in self.problems.items(node, f"`{given[0].text}`") or ():
            mapping = self.problems.mapping(item, "a row")
            if mapping is not None:
                out.append(self._row(mapping, table))
        return out

    def _row(self, mapping: Mapping, table: Table) -> Row:
        row: Row = {}
        for key, value in mapping.entries:
            tag = table.find(key.text)
            if tag is None:
                self.problems.error(
                    key.at,
                    f"table `{table.name}` has no column `{key.text}`",
                    "a column, by name or label",
                    meant=(key.text, table.names),
                )
                continue
            if tag.name in row:
                self.problems.error(key.at, f"`{tag.name}` stands twice", "each column once")
            try:
                choices = table.actions if tag.name == table.action else tag.choices
                row[tag.name] = read_cell(value, tag, choices, self.zone)
            except Misfit as misfit:
                self.problems.misfit(value.at, misfit)
        named = {tag.name for key, _ in mapping.entries if (tag := table.find(key.text))}
        if table.is_users and row.get(table.key) is None and table.key not in named:
            self.problems.error(mapping.at, f"a user without `{table.key}`", f"`{table.key}: …`")
        for name in (table.key, table.time) if table.time else ():
            if name not in named:
                expected = f"`{name}: …`, or `{name}: null` where it is meant to be missing"
                self.problems.error(mapping.at, f"an event without `{name}`", expected)
        return row

    def _lists(
        self, fields: MappingOf[str, tuple[Scalar, Node]], name: str
    ) -> dict[str, tuple[UserKey, ...]]:
        mapping = self.problems.mapping(fields[name][1], f"`{name}`") if name in fields else None
        return {
            key.text: tuple(self._keys(value))
            for key, value in (mapping.entries if mapping else ())
        }

    def _packs(self, node: Node) -> tuple[Expected, ...]:
        mapping = self.problems.mapping(node, "`packs`")
        out = []
        for key, value in mapping.entries if mapping else ():
            fields = self.problems.fields(value, SIDES, f"what pack `{key.text}` must be") or {}
            sides = {name: self._keys(fields[name][1]) for name in SIDES if name in fields}
            inside, outside = sides.get("in", {}), sides.get("out", {})
            for user in inside.keys() & outside.keys():
                self.problems.error(outside[user], f"user {user} is `in` and `out`", "one of both")
            out.append(
                Expected(key.text, tuple(inside), tuple(outside), {**inside, **outside}, key.at)
            )
        if mapping is not None and not out and not mapping.broken:
            self.problems.error(mapping.at, "`packs` is empty", "a pack with `in:` and `out:`")
        return tuple(out)

    def _keys(self, node: Node) -> dict[UserKey, Location]:
        if not getattr(node, "items", True):
            return {}
        out: dict[UserKey, Location] = {}
        for item in self.problems.items(node, "a list of users") or ():
            try:
                out[read_key(item, self.key)] = item.at
            except Misfit as misfit:
                self.problems.misfit(item.at, misfit)
        return out

    def _check_events(self, at: Location, rows: MappingOf[str, list[Row]]) -> None:
        """A slip in an event's key must not pass as a user who did nothing."""
        keys = {row.get(self.catalog.users.key) for row in rows[self.catalog.users.name]}
        for name, table in self.catalog.events.items():
            for row in rows[name]:
                user = row.get(table.key)
                if user is not None and user not in keys:
                    message = f"an event of `{name}` is of user {user}, who is not in the case"
                    self.problems.error(at, message, f"a row of `users` with {user}")

    def _check_users(self, users: list[Row], expected: tuple[Expected, ...]) -> None:
        """A slip in a key must not pass as a user who is out."""
        keys = [row.get(self.catalog.users.key) for row in users]
        for each in expected:
            for user, at in each.places.items():
                if user not in keys:
                    self.problems.error(
                        at, f"no user {user} in the case", "one of " + listed(map(str, keys))
                    )
                elif keys.count(user) > 1:
                    self.problems.error(
                        at, f"user {user} has {keys.count(user)} rows", "one row a user"
                    )
