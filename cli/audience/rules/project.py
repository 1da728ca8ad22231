"""``audience.yaml`` → the project: where things are, and what its author says of the tables.

Types are not known here: they come from the tables' own schema, and
:mod:`audience.rules.catalog` joins the two.
"""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path
from typing import Any

from audience.errors import Location, Source, UsageError
from audience.objects import AnyPath
from audience.private import OWNER, Access
from audience.rules.engines import ENGINES, SparkSpec, read_engine, read_spark
from audience.rules.grammar import CONDITION, PROJECT, SUPPRESS, TABLE, TAG
from audience.rules.language import LANGUAGES
from audience.rules.lists import check_list_path, read_flag
from audience.rules.reader import Problems
from audience.rules.scalars import Duration, Range
from audience.rules.settings import (
    CHECKSUMS,
    DEFAULT_CACHE,
    MIN_CELL,
    check_local,
    check_zone,
    read_access,
    read_age,
    read_checksums,
    read_gaps,
    read_lang,
    read_min_cell,
    read_packs,
    read_size,
    read_type,
)
from audience.rules.source import Mapping, Node, Scalar, Sequence, parse, read_source

FILE_NAME = "audience.yaml"
CACHE = ".audience/cache"
_LONGEST_PART = 255


@dataclass(frozen=True)
class ValueSpec:
    """A value a dictionary names: the node of the stored value, its label or ''."""

    stored: Scalar
    label: str


@dataclass(frozen=True)
class TagSpec:
    """What the project file says of one column."""

    name: str
    label: str
    values: tuple[ValueSpec, ...] | None
    type: str
    at: Location = field(compare=False)
    label_at: Location = field(compare=False)
    type_at: Location = field(compare=False)
    bins: tuple[Scalar, ...] = ()


@dataclass(frozen=True)
class TableSpec:
    """What the project file says of one table. ``places`` are those of its keys' values."""

    name: str
    path: str
    key: str = ""
    time: str = ""
    day: str = ""
    action: str = ""
    actions: tuple[ValueSpec, ...] | None = None
    columns: tuple[TagSpec, ...] = ()
    gaps: tuple[Range[date], ...] = ()
    snapshot: str = ""
    max_age: Duration | None = None
    allow_empty: bool = False
    checksums: str = CHECKSUMS[0]
    table: str = ""
    """The name by which a catalog knows it, where it has no path."""

    places: MappingOf[str, Location] = field(default_factory=dict, compare=False)

    @property
    def place(self) -> str:
        """Its path, or its name in a catalog."""
        return self.path or self.table


@dataclass(frozen=True)
class SuppressSpec:
    """A list of users who are never in a pack. ``max_age`` bounds how long ago it was written."""

    path: str
    column: str
    max_age: Duration | None
    allow_empty: bool
    at: Location = field(compare=False)


@dataclass(frozen=True)
class Project:
    """A project file. Paths are absolute; ``root`` is the folder that they are relative to.

    Packs may be in an object store.
    """

    source: Source
    root: Path
    time_zone: str
    packs: AnyPath
    rules: Path
    users: TableSpec
    events: MappingOf[str, TableSpec]
    suppress: tuple[SuppressSpec, ...] = ()
    cache_size: int = DEFAULT_CACHE
    """How many bytes are kept from one run to the next."""

    access: Access = OWNER
    """Who may read what is written."""

    min_cell: int = MIN_CELL
    """Counts below it are hidden in what is made to be shared."""

    lang: str = LANGUAGES[0]
    """The language of reports."""

    engine: str = ENGINES[0]
    """What evaluates rules: one of :data:`ENGINES`."""

    spark: SparkSpec = field(default_factory=SparkSpec)
    session: Any = field(default=None, repr=False, compare=False)
    """The session of Spark to run in, where one was handed over."""

    @property
    def cache(self) -> Path:
        """The folder of what is kept: it may be deleted at any time."""
        return self.root / CACHE

    def on(self, engine: str | None, session: Any = None) -> Project:
        """The project on the engine asked for, on a session handed over, or else on its own.

        Raises UsageError.
        """
        if engine is not None and engine not in ENGINES:
            raise UsageError(f"no engine `{engine}`; there is {', '.join(ENGINES)}")
        if session is not None and engine not in {None, "spark"}:
            raise UsageError(f"a session of Spark is nothing for engine `{engine}`")
        chosen = "spark" if session is not None else engine or self.engine
        return replace(self, engine=chosen, session=session or self.session)


def find_project(start: Path) -> Path | None:
    """The nearest ``audience.yaml`` in ``start`` or a folder above it."""
    for folder in (start, *start.parents):
        if (folder / FILE_NAME).is_file():
            return folder / FILE_NAME
    return None


def read_project(path: Path, shown: str) -> Project:
    """Read the project file. Raises RuleError with all its problems."""
    return parse_project(read_source(path, shown), path.resolve().parent)


def parse_project(source: Source, root: Path) -> Project:
    """A project from its file's text, in a folder. Raises RuleError with all its problems."""
    problems = Problems()
    document, found = parse(source)
    problems.extend(found)
    if document is None and found:
        problems.raise_errors()
    node = document or Mapping((), Location(source, 1, 1))
    fields = problems.fields(node, PROJECT, "the project file")
    if fields is None:
        problems.raise_errors()
        raise AssertionError  # unreachable: no fields is a problem
    texts = {
        name: _text(fields, name, problems) or default
        for name, default in (
            ("time_zone", "Asia/Shanghai"),
            ("packs", "packs"),
            ("rules", "rules"),
        )
    }
    if "time_zone" in fields:
        check_zone(texts["time_zone"], fields["time_zone"][1].at, problems)
    if "rules" in fields:
        check_local("rules", texts["rules"], fields["rules"][1].at, problems)
    packs = read_packs(texts["packs"], fields, root, problems)
    tables = _read_tables(fields["tables"][1], problems) if "tables" in fields else []
    tags = _read_dictionary(fields["tags"][1], problems) if "tags" in fields else ()
    suppress = _read_suppress(fields["suppress"][1], problems) if "suppress" in fields else ()
    engine = read_engine(fields["engine"][1], problems) if "engine" in fields else ENGINES[0]
    spark = read_spark(fields["spark"][1], problems) if "spark" in fields else SparkSpec()
    users = [table for table in tables if not table.time]
    if "tables" in fields and len(users) != 1:
        names = ", ".join(table.name for table in users) or "none"
        problems.error(
            fields["tables"][0].at, f"user tables (a `key`, no `time`): {names}", "exactly one"
        )
    problems.raise_errors()
    people = users[0]
    if people.columns and tags:
        message = "the user table's dictionary is `tags:`"
        problems.error(people.places["columns"], message, "one dictionary")
        problems.raise_errors()
    return Project(
        source,
        root,
        texts["time_zone"],
        packs,
        root / texts["rules"],
        TableSpec(**{**vars(people), "columns": people.columns or tags}),
        {table.name: table for table in tables if table.time},
        suppress,
        read_size(fields["cache"][1], problems) if "cache" in fields else DEFAULT_CACHE,
        read_access(fields["access"][1], problems) if "access" in fields else OWNER,
        read_min_cell(fields["min_cell"][1], problems) if "min_cell" in fields else MIN_CELL,
        read_lang(fields["lang"][1], problems) if "lang" in fields else LANGUAGES[0],
        engine,
        spark,
    )


def _text(fields: MappingOf[str, tuple[Scalar, Node]], name: str, problems: Problems) -> str:
    if name not in fields:
        return ""
    scalar = problems.scalar(fields[name][1], f"`{name}`")
    if scalar is None:
        return ""
    if not scalar.text.strip() or not all(char.isprintable() for char in scalar.text):
        problems.error(
            scalar.at, f"`{name}` is empty or has characters that do not print", "a text"
        )
        return ""
    if any(len(part.encode()) > _LONGEST_PART for part in scalar.text.split("/")):
        problems.error(scalar.at, f"`{name}` is too long", f"at most {_LONGEST_PART} bytes a name")
        return ""
    return scalar.text


def _read_tables(node: Node, problems: Problems) -> list[TableSpec]:
    mapping = problems.mapping(node, "`tables`")
    tables = []
    for key, value in mapping.entries if mapping else ():
        _check_place(key, value, problems)
        fields = problems.fields(value, TABLE, f"table `{key.text}`")
        if fields is None:
            continue
        text = {
            name: _text(fields, name, problems)
            for name, key in TABLE.items()
            if key.shape == "text"
        }
        _check_companions(fields, problems)
        if "actions" in fields and "action" not in fields:
            problems.error(fields["actions"][0].at, "`actions` without `action`", "`action:` too")
        actions = _read_values(fields["actions"][1], problems) if "actions" in fields else None
        columns = _read_dictionary(fields["columns"][1], problems) if "columns" in fields else ()
        tables.append(
            TableSpec(
                key.text,
                text["path"],
                text["key"],
                text["time"],
                text["day"],
                text["action"],
                actions,
                columns,
                read_gaps(fields, problems),
                text["snapshot"],
                read_age(fields, problems),
                "allow_empty" in fields and read_flag(fields["allow_empty"][1], problems),
                read_checksums(fields, problems),
                text["table"],
                {name: value.at for name, (_, value) in fields.items()} | {"": key.at},
            )
        )
    return tables


def _check_place(key: Scalar, node: Node, problems: Problems) -> None:
    """A table lies somewhere, or a catalog knows where."""
    if not isinstance(node, Mapping):
        return
    there = {each.text: each.at for each, _ in node.entries if each.text in {"path", "table"}}
    what = f"table `{key.text}`"
    if not there:
        problems.error(node.at, f"{what} has no `path`", f"`path: …`: {TABLE['path'].doc}")
    elif len(there) > 1:
        problems.error(there["table"], f"{what} has `path` and `table`", "one of them")


def _check_companions(fields: MappingOf[str, tuple[Scalar, Node]], problems: Problems) -> None:
    """Some keys are those of one kind of table, some make no sense without another."""
    events = "time" in fields
    for name in ("snapshot", "max_age") if events else ("day", "known_gaps", "action", "actions"):
        if name in fields:
            message = f"`{name}` on a table with{'' if events else 'out'} `time`"
            expected = "the user table" if events else "an event table"
            problems.error(fields[name][0].at, message, expected)
    if "max_age" in fields and "snapshot" not in fields and not events:
        message = "`max_age` without `snapshot`"
        problems.error(fields["max_age"][0].at, message, "the partition column of snapshots")


def _read_suppress(node: Node, problems: Problems) -> tuple[SuppressSpec, ...]:
    out = []
    for item in problems.items(node, "`suppress`") or ():
        fields = problems.fields(item, SUPPRESS, "a list of `suppress`")
        if fields is None:
            continue
        texts = {name: _text(fields, name, problems) for name in ("path", "column")}
        allow = "allow_empty" in fields and read_flag(fields["allow_empty"][1], problems)
        if texts["path"]:
            given = {name: text for name, text in texts.items() if text}
            check_list_path(fields["path"][1], given, problems)
        at = fields["path"][1].at if "path" in fields else item.at
        age = read_age(fields, problems)
        out.append(SuppressSpec(texts["path"], texts["column"], age, allow, at))
    return tuple(out)


def _read_dictionary(node: Node, problems: Problems) -> tuple[TagSpec, ...]:
    mapping = problems.mapping(node, "the dictionary")
    out: list[TagSpec] = []
    labels: dict[str, str] = {}
    names = [key.text for key, _ in mapping.entries] if mapping else []
    for key, value in mapping.entries if mapping else ():
        fields = problems.fields(value, TAG, f"tag `{key.text}`")
        if fields is None:
            continue
        label = _text(fields, "label", problems)
        if label in CONDITION:
            problems.error(fields["label"][1].at, f"`{label}` is a keyword", "another label")
        if label and (label in labels or (label in names and label != key.text)):
            other = labels.get(label, label)
            problems.error(
                fields["label"][1].at,
                f"the label `{label}` is that of `{other}` too"
                if label in labels
                else f"the label `{label}` is the name of another tag",
                "a label of its own",
            )
        labels.setdefault(label, key.text)
        values = _read_values(fields["values"][1], problems) if "values" in fields else None
        label_at = fields["label"][1].at if "label" in fields else key.at
        kind = read_type(fields["type"][1], problems) if "type" in fields else ""
        type_at = fields["type"][1].at if "type" in fields else key.at
        bins = _read_bins(fields["bins"][1], problems) if "bins" in fields else ()
        out.append(TagSpec(key.text, label, values, kind, key.at, label_at, type_at, bins))
    return tuple(out)


def _read_bins(node: Node, problems: Problems) -> tuple[Scalar, ...]:
    items = problems.items(node, "`bins`") or ()
    found = (problems.scalar(item, "an edge of `bins`") for item in items)
    return tuple(each for each in found if each is not None)


def _read_values(node: Node, problems: Problems) -> tuple[ValueSpec, ...] | None:
    pairs: list[tuple[str, Node]]
    if isinstance(node, Mapping):
        pairs = [(key.text, value) for key, value in node.entries]
    elif isinstance(node, Sequence):
        pairs = [("", item) for item in node.items]
    else:
        problems.error(node.at, "`values` must be a list or a mapping", "label: stored value")
        return None
    if not pairs:
        problems.error(node.at, "`values` is empty", "at least one value")
    out = []
    for label, value in pairs:
        scalar = problems.scalar(value, "a stored value")
        if scalar is not None:
            out.append(ValueSpec(scalar, label))
    return tuple(out)
