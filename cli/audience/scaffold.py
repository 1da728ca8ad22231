"""New projects: over tables of one's own, described as they are, or over small made-up ones."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from importlib import resources
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from audience.engine.columns import scan
from audience.engine.tables import TableData, open_table
from audience.errors import DataError, UsageError
from audience.insight.tags import TagReport, report_tag
from audience.kinds import DAYS, NUMBERS, Kind
from audience.rules.grammar import CONDITION, name_fault
from audience.rules.project import FILE_NAME, TableSpec

SCHEMAS = ".audience"
_ZONE = "Asia/Shanghai"
_MOST_VALUES = 50
_KEY_NAMES = re.compile(
    r"(user|uid|member|customer|cust|household|pin|openid|buyer)", re.IGNORECASE
)
_ACTION_NAMES = ("action", "event", "event_type", "event_name", "behavior", "behaviour", "type")
_WORDS_OF_YAML = {"null", "true", "false", "yes", "no", "on", "off", "y", "n"}
_GITIGNORE = f"# what audience makes: packs are personal data\npacks/\n{SCHEMAS}/\n"
_EDITOR = f"# yaml-language-server: $schema={{up}}{SCHEMAS}/{{kind}}.schema.json\n"


@dataclass(frozen=True)
class _Found:
    """A table given with ``--from`` and the parts its columns play."""

    data: TableData
    name: str
    path: str
    key: str
    time: str = ""
    day: str = ""
    action: str = ""
    snapshot: str = ""


def make_project(folder: Path, tables: Sequence[Path], key: str | None) -> tuple[Path, ...]:
    """Write a project's files; which. Raises UsageError where one of them is there already."""
    files = _from_tables(folder, tables, key) if tables else _sample()
    taken = [folder / name for name in files if (folder / name).exists() and name != ".gitignore"]
    if taken:
        raise UsageError(f"already there: {', '.join(map(str, taken))}; nothing was written")
    out = []
    for name, content in files.items():
        path = folder / name
        if path.exists():
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        except OSError as error:
            raise UsageError(f"cannot write {path}: {error.strerror or error}") from None
        out.append(path)
    return tuple(out)


def _sample() -> dict[str, bytes]:
    root = resources.files("audience") / "templates" / "sample"
    names = (
        "audience.yaml",
        "rules/first-campaign.yaml",
        "data/users.parquet",
        "data/events.parquet",
    )
    return {".gitignore": _GITIGNORE.encode()} | {
        name: root.joinpath(*name.split("/")).read_bytes() for name in names
    }


def _from_tables(folder: Path, tables: Sequence[Path], key: str | None) -> dict[str, bytes]:
    found = [_open(folder, path) for path in tables]
    users = next((each for table in found if (each := _as_users(table, key))), None)
    if users is None:
        users = next((each for table in found if (each := _as_snapshots(table, key))), None)
    if users is None:
        wanted = (
            f"`{key}`" if key else "a column of whole numbers or texts that names each user once"
        )
        raise UsageError(f"no user table among {', '.join(map(str, tables))}: it needs {wanted}")
    rest = [table for table in found if table.spec.path != users.path]
    events = [_as_events(table, users, number) for number, table in enumerate(rest)]
    reports = [
        _report(users.data, name)
        for name, tag in users.data.tags.items()
        if name != users.key
        and name not in users.data.partitions
        and tag.type.kind is not Kind.OTHER
    ]
    return {
        FILE_NAME: "".join(_project_lines(folder, users, events, reports)).encode(),
        "rules/first-campaign.yaml": "".join(_rule_lines(users, events, reports)).encode(),
        ".gitignore": _GITIGNORE.encode(),
    }


def _open(folder: Path, path: Path) -> TableData:
    try:
        spec = TableSpec(path.stem, str(path.resolve()), allow_empty=True)
        return open_table(spec, folder.resolve(), _ZONE)
    except DataError as error:
        raise UsageError(f"--from {path}: {error}") from None


def _place(folder: Path, path: Path) -> str:
    """A path as the project file has it: relative where that stays short."""
    full, home = path.resolve(), folder.resolve()
    if full.is_relative_to(home.parent):
        return os.path.relpath(full, home) + ("/" if full.is_dir() else "")
    return str(full)


def _read(table: TableData, column: str) -> pa.ChunkedArray:
    """A column as rules will see it: NaN missing, timestamps as days of the zone."""
    from audience.engine.polars import PolarsEngine

    engine = PolarsEngine(_ZONE)
    try:
        rows = scan(engine, table, table.files, [column])
        return engine.fetch(rows.select(column))[column]
    finally:
        engine.close()


def _report(table: TableData, column: str) -> TagReport:
    return report_tag(table.tags[column], _read(table, column), _MOST_VALUES + 1)


def _as_users(table: TableData, key: str | None) -> _Found | None:
    candidates = [
        name
        for name, tag in table.tags.items()
        if tag.type.kind in {Kind.INTEGER, Kind.TEXT} and name not in table.partitions
    ]
    if key is not None:
        candidates = [name for name in candidates if name == key]
    candidates.sort(key=lambda name: (not _KEY_NAMES.search(name), not name.lower().endswith("id")))
    for name in candidates:
        column = _read(table, name)
        if (
            len(column)
            and not column.null_count
            and pc.count_distinct(column).as_py() == len(column)
        ):
            return _Found(table, "users", table.spec.path, name)
    return None


def _as_snapshots(table: TableData, key: str | None) -> _Found | None:
    """A user table with a partition for each day: a key is unique in the newest of them."""
    for name in _day_partitions(table):
        newest = open_table(replace(table.spec, snapshot=name), Path(), _ZONE)
        users = _as_users(newest, key)
        if users is not None and (key or _KEY_NAMES.search(users.key)):
            return replace(users, snapshot=name)
    return None


def _day_partitions(table: TableData) -> list[str]:
    """The hive partitions whose values are all days."""
    return sorted(
        name
        for name in {key for file in table.files for key in file.keys}
        if all(_is_day(file.keys.get(name, "")) for file in table.files)
    )


def _as_events(table: TableData, users: _Found, number: int) -> _Found:
    tags = table.tags
    kinds = {name: tag.type.kind for name, tag in tags.items()}
    times = [name for name, kind in kinds.items() if kind in DAYS]
    times.sort(key=lambda name: kinds[name] is not Kind.TIMESTAMP)
    if users.key not in tags or not times:
        lack = f"no `{users.key}`" if users.key not in tags else "no timestamp and no date"
        raise UsageError(f"--from {table.spec.path}: not an event table of these users: {lack}")
    days = _day_partitions(table)
    actions = [name for name in _ACTION_NAMES if kinds.get(name) is Kind.TEXT]
    return _Found(
        table,
        "events" if number == 0 else f"events_{number + 1}",
        table.spec.path,
        users.key,
        times[0],
        min(days, default=""),
        actions[0] if actions else "",
    )


def _is_day(text: str) -> bool:
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _project_lines(
    folder: Path, users: _Found, events: Sequence[_Found], reports: Sequence[TagReport]
) -> Iterator[str]:
    yield _EDITOR.format(up="", kind="project")
    yield f"\ntime_zone: {_ZONE}          # the day of every window and date\n"
    yield "packs: packs/\nrules: rules/\n\ntables:\n"
    for table in (users, *events):
        yield f"  {table.name}:\n"
        yield f"    path: {_text(_place(folder, Path(table.path)))}\n"
        for role in ("key", "snapshot", "time", "day", "action"):
            if value := getattr(table, role):
                yield f"    {role}: {_text(value)}\n"
        if table.action:
            counts = _report(table.data, table.action)
            if 0 < counts.distinct <= _MOST_VALUES:
                words = [_text(str(each.value)) for each in counts.values]
                yield f"    actions: [{', '.join(words)}]\n"
        if table is not users:
            yield from _column_lines(table)
    yield "\n# Give a tag a `label:` and rules may call it by that; give values labels by writing\n"
    yield "# `values: {label: stored, …}`. A value that is not listed is an error in a rule.\n"
    yield "tags:\n"
    for report in reports:
        yield from _tag_lines(report)


def _column_lines(table: _Found) -> Iterator[str]:
    """An event table's texts with few values: a slip in a rule is then an error, not nobody."""
    taken = {table.key, table.time, table.action, *table.data.partitions}
    texts = [
        _report(table.data, name)
        for name, tag in table.data.tags.items()
        if tag.type.kind is Kind.TEXT and name not in taken
    ]
    few = [report for report in texts if 0 < report.distinct <= _MOST_VALUES]
    if few:
        yield "    columns:\n"
    for report in few:
        for line in "".join(_tag_lines(report)).splitlines(keepends=True):
            yield "    " + line


def _tag_lines(report: TagReport) -> Iterator[str]:
    missing = f", {report.missing:.1%} missing" if report.missing else ""
    words = [_text(str(each.value)) for each in report.values]
    if report.type not in {"text", "list of text"} or not 0 < report.distinct <= _MOST_VALUES:
        span = ""
        if report.quantiles:
            span = f", {report.quantiles[0]} to {report.quantiles[-1]}"
        elif report.distinct and report.values:
            span = f", {report.distinct:,} values"
        yield f"  {_text(report.name)}: {{}}  # {report.type}{span}{missing}\n"
        return
    yield f"  {_text(report.name)}:  # {report.type}{missing}\n    values: [{', '.join(words)}]\n"


def _rule_lines(
    users: _Found, events: Sequence[_Found], reports: Sequence[TagReport]
) -> Iterator[str]:
    yield _EDITOR.format(up="../", kind="rules")
    yield "#\n# A first campaign, made from what is in your tables: change it as you like.\n"
    yield "# `audience tags` lists the tags, `audience size` computes without publishing.\n\n"
    yield "campaign: first-campaign\nphase: 1-start\n"
    last = max((day for table in events if (day := _last_day(table))), default=None)
    if last:
        yield f"as_of: {last}   # the last day of the events; leave it out for today\n"
    yield "\n# base: {…}        # a condition: the universe every pack is drawn from\n\npacks:\n"
    everybody = ("everybody", "all users", f"{{{_text(users.key)}: known}}")
    packs = list(_first_packs(reports, events)) or [everybody]
    for name, comment, where in packs:
        yield f"  # {comment}\n  {name}:\n    where: {where}\n\n"
    if len(packs) > 1:
        names = ", ".join(name for name, _, _ in packs[:2])
        yield "  # Sets of users combine by name.\n  both:\n"
        yield f"    where: {{all: [{names}]}}\n"


def _first_packs(
    reports: Sequence[TagReport], events: Sequence[_Found]
) -> Iterator[tuple[str, str, str]]:
    """One pack of each kind of tag there is: name, comment, condition."""
    usable = [
        report
        for report in reports
        if report.name not in CONDITION and not name_fault(f"most_{report.name}")
    ]
    for report in usable:
        if report.type in {str(kind.value) for kind in NUMBERS} and report.distinct > 2:
            yield (
                f"high_{report.name}",
                f"the upper quarter of {report.name}",
                (f"{{{_text(report.name)}: {report.quantiles[3]}..}}"),
            )
            break
    for report in usable:
        if report.type == "text" and 1 < report.distinct <= _MOST_VALUES:
            value = _text(str(report.values[0].value))
            yield (
                f"most_{report.name}",
                f"the most frequent {report.name}",
                (f"{{{_text(report.name)}: [{value}]}}"),
            )
            break
    for report in usable:
        if report.type == str(Kind.BOOL.value):
            yield f"is_{report.name}", f"{report.name} is true", f"{{{_text(report.name)}: true}}"
            break
    if events:
        table = f"in: {events[0].name}, " if len(events) > 1 else ""
        yield "recently_active", "any event in the last 30 days", f"{{did: {{{table}within: 30d}}}}"


def _last_day(table: _Found) -> date | None:
    known = [file.day for file in table.data.files if file.day]
    if known:
        return max(known)
    newest = pc.max(_read(table.data, table.time)).as_py()
    return newest if isinstance(newest, date) else None


def _text(value: str) -> str:
    """A text as YAML has it: bare where every reader of YAML reads it as that text."""
    bare = re.fullmatch(r"[^\W\d][\w.+-]*|[1-9]\d*", value)
    if bare and value.casefold() not in _WORDS_OF_YAML:
        return value
    return json.dumps(value, ensure_ascii=False)
