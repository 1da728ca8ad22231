"""Lists of users in rules: ids in a file or written out, and packs as they were published."""

from __future__ import annotations

import re
from dataclasses import replace

from audience.errors import Problem, UsageError, masked
from audience.kinds import Kind, Table, Tag
from audience.operators import PREDICATES
from audience.rules.grammar import IDS, PUBLISHED, name_fault
from audience.rules.reader import Problems
from audience.rules.reference import parse_reference
from audience.rules.scalars import MAX_INTEGER
from audience.rules.source import Mapping, Node, Scalar, Sequence, hide
from audience.rules.tree import Ids, Published, Test
from audience.rules.values import read_tests

SUFFIXES = (".csv", ".txt", ".parquet")
_QUOTED = re.compile("`([^`]*)`")
_WHOLE = re.compile(r"-?\d{1,19}", re.ASCII)
_FORMS = "a list such as [1001, 1002], or `{path: lists/vip.csv, column: …}`"
_EXAMPLE = "campaign/phase/pack, or campaign/phase/pack@2023-02-28"


def read_ids(key: Scalar, node: Node, users: Table, problems: Problems) -> Ids | None:
    """The list behind `ids`; None after a problem."""
    if isinstance(node, Sequence):
        return _read_written(key, node, users, problems)
    if not isinstance(node, Mapping):
        problems.error(node.at, "`ids` names no list", _FORMS)
        return None
    if node.entries and not any(name.text in IDS for name, _ in node.entries):
        hide(node)
        problems.error(node.at, "`ids` names no list", _FORMS)
        return None
    before = problems.count
    fields = problems.fields(node, IDS, "`ids`") or {}
    texts: dict[str, str] = {
        name: scalar.text
        for name in ("path", "column")
        if name in fields and (scalar := problems.scalar(fields[name][1], f"`{name}`"))
    }
    allow_empty = (
        read_flag(fields["allow_empty"][1], problems) if "allow_empty" in fields else False
    )
    if "path" in texts:
        check_list_path(fields["path"][1], texts, problems)
    if problems.count > before:
        return None
    return Ids(None, texts["path"], texts.get("column", ""), allow_empty, fields["path"][1].at)


def check_list_path(node: Node, texts: dict[str, str], problems: Problems) -> None:
    """A list's file is local and told by its suffix; a text file has no columns."""
    path = texts["path"].lower()
    if not all(char.isprintable() for char in path):
        problems.error(node.at, "the path has characters that do not print", "a path")
    elif "://" in path:
        problems.error(node.at, f"`{texts['path']}` is not on this machine", "a local path")
    elif not any(path.endswith(each) and path.rpartition("/")[2] != each for each in SUFFIXES):
        problems.error(
            node.at,
            f"`{texts['path']}`: a list is told by its suffix",
            ", ".join(SUFFIXES[:-1]) + f" or {SUFFIXES[-1]}",
        )
    elif path.endswith(".txt") and "column" in texts:
        problems.error(node.at, "a text file has no columns", "a path alone: one id a line")


def read_flag(node: Node, problems: Problems) -> bool:
    """`true` or `false`."""
    scalar = problems.scalar(node, "this")
    if scalar is not None and (scalar.quoted or scalar.text not in {"true", "false"}):
        problems.error(scalar.at, f"`{scalar.text}` is neither true nor false", "true or false")
    return scalar is not None and scalar.text == "true"


def _read_written(key: Scalar, node: Sequence, users: Table, problems: Problems) -> Ids | None:
    tag = users.tags.get(users.key)
    whole = tag is not None and tag.type.kind is Kind.INTEGER
    before = problems.count
    out: list[int | str] = []
    for item in problems.items(node, "`ids`") or ():
        scalar = problems.scalar(item, "an id")
        if scalar is None:
            continue
        shown = masked(scalar.text)
        at = replace(scalar.at, note="") if scalar.at.note else scalar.at
        if not whole:
            out.append(scalar.text)
        elif scalar.quoted:
            message = f'`"{shown}"` is text, the key is a whole number'
            problems.error(at, message, "an id without quotes")
        elif not _WHOLE.fullmatch(scalar.text) or abs(int(scalar.text)) > MAX_INTEGER:
            problems.error(at, f"`{shown}` is no id", "a whole number such as 1001")
        else:
            out.append(int(scalar.text))
    if problems.count > before:
        return None
    # What the order is can never matter.
    return Ids(tuple(sorted(set(out), key=repr)), "", "", False, key.at)


def read_key_tests(tag: Tag, node: Node, problems: Problems) -> tuple[Test, ...] | None:
    """Tests of the key: what stands there are ids, which no message shows."""
    hide(node)
    own = Problems(muted=problems.muted)
    tests = read_tests(tag, node, own)
    for problem in own.all:
        problems.add(_without_ids(problem, tag))
    return tests


def _without_ids(problem: Problem, tag: Tag) -> Problem:
    names = {tag.name, tag.label, *PREDICATES}

    def mask(match: re.Match[str]) -> str:
        return match[0] if match[1] in names else f"`{masked(match[1])}`"

    expected = problem.expected
    if any(char.isdecimal() for char in expected):
        expected = f"a {tag.type}, as the key is"
    return replace(
        problem,
        message=_QUOTED.sub(mask, problem.message),
        at=problem.at and replace(problem.at, note=""),
        expected=expected,
        nearest=problem.nearest if problem.nearest in names else "",
    )


def read_published(key: Scalar, node: Node, problems: Problems) -> Published | None:
    """The pack behind `published`; None after a problem."""
    allow_missing = False
    if isinstance(node, Mapping):
        fields = problems.fields(node, PUBLISHED, "`published`")
        if fields is None or "pack" not in fields:
            return None
        node = fields["pack"][1]
        if "allow_missing" in fields:
            allow_missing = read_flag(fields["allow_missing"][1], problems)
    scalar = problems.scalar(node, f"`{key.text}`")
    if scalar is None:
        return None
    try:
        reference = parse_reference(scalar.text)
    except UsageError as error:
        problems.error(scalar.at, str(error).partition(";")[0], _EXAMPLE)
        return None
    faults = [name_fault(part) for part in reference.pack.split(".")]
    if any(faults) or len(faults) > 3:
        problems.error(scalar.at, f"`{scalar.text}` names no pack", _EXAMPLE)
        return None
    return Published(reference, allow_missing, scalar.at)
