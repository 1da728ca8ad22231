"""Single settings of the project file: each from its node, or a problem."""

from __future__ import annotations

from collections.abc import Mapping as MappingOf
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from audience.errors import Location
from audience.kinds import DECLARED
from audience.objects import AnyPath, ObjectPath, path_of
from audience.private import GROUP, OWNER, Access
from audience.rules.language import LANGUAGES
from audience.rules.reader import Problems
from audience.rules.scalars import (
    Duration,
    Misfit,
    Range,
    read_date_range,
    read_duration,
)
from audience.rules.scalars import (
    read_size as parse_size,
)
from audience.rules.source import Node, Scalar

DEFAULT_CACHE = 4 * 10**9
MIN_CELL = 10
CHECKSUMS = ("auto", "require", "off")
_ACCESS = {"owner": OWNER, "group": GROUP}
_MOST_DIGITS = 6

Fields = MappingOf[str, tuple[Scalar, Node]]


def read_size(node: Node, problems: Problems) -> int:
    """How many bytes are kept from run to run. Raises RuleError."""
    scalar = problems.scalar(node, "`cache`")
    try:
        size = DEFAULT_CACHE if scalar is None else parse_size(scalar.text)
    except Misfit as misfit:
        assert scalar is not None
        problems.misfit(scalar.at, misfit)
        size = DEFAULT_CACHE
    problems.raise_errors()
    return size


def read_type(node: Node, problems: Problems) -> str:
    """What a dictionary says a column holds; '' with a problem."""
    scalar = problems.scalar(node, "`type`")
    if scalar is None or scalar.text in DECLARED:
        return scalar.text if scalar else ""
    expected = "one of " + ", ".join(DECLARED)
    problems.error(
        scalar.at, f"`{scalar.text}` is no type", expected, meant=(scalar.text, DECLARED)
    )
    return ""


def read_access(node: Node, problems: Problems) -> Access:
    """Who may read what is written. Raises RuleError."""
    scalar = problems.scalar(node, "`access`")
    if scalar is not None and scalar.text not in _ACCESS:
        problems.error(
            scalar.at,
            f"`{scalar.text}` is no access",
            "`owner` or `group`",
            meant=(scalar.text, _ACCESS),
        )
    problems.raise_errors()
    assert scalar is not None
    return _ACCESS[scalar.text]


def read_packs(text: str, fields: Fields, root: Path, problems: Problems) -> AnyPath:
    """Where packs are published; the folder where there is a problem."""
    try:
        found = path_of(text, root)
    except ValueError:
        at = fields["packs"][1].at
        problems.error(at, f"`{text}` is no place for packs", "a folder or s3://bucket/…")
        return root
    if isinstance(found, ObjectPath) and "access" in fields:
        message = "`access` is of files; who may read packs in an object store is said there"
        problems.error(fields["access"][0].at, message, "no `access`")
    return found


def check_local(name: str, text: str, at: Location, problems: Problems) -> None:
    """What must be a folder on this machine."""
    if "://" in text:
        problems.error(at, f"`{name}`: `{text}` is not on this machine", "a folder")


def read_lang(node: Node, problems: Problems) -> str:
    """The language of reports. Raises RuleError."""
    scalar = problems.scalar(node, "`lang`")
    if scalar is not None and scalar.text not in LANGUAGES:
        problems.error(
            scalar.at,
            f"`{scalar.text}` is no language of reports",
            "`en` or `zh`",
            meant=(scalar.text, LANGUAGES),
        )
    problems.raise_errors()
    assert scalar is not None
    return scalar.text


def read_min_cell(node: Node, problems: Problems) -> int:
    """The least count that is told in what is shared. Raises RuleError."""
    scalar = problems.scalar(node, "`min_cell`")
    text = "" if scalar is None or scalar.quoted else scalar.text
    whole = text.isascii() and text.isdigit() and len(text) <= _MOST_DIGITS
    if scalar is not None and not whole:
        problems.error(scalar.at, f"`{scalar.text}` is no least count", "a whole number such as 10")
    problems.raise_errors()
    return int(text)


def check_zone(name: str, at: Location, problems: Problems) -> None:
    """A time zone must be one that is known."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        problems.error(
            at,
            f"unknown time zone `{name}`",
            "a name such as Asia/Shanghai",
            meant=(name, available_timezones()),
        )


def read_age(fields: Fields, problems: Problems) -> Duration | None:
    """How old something may be; None where nothing is said, or after a problem."""
    if "max_age" not in fields:
        return None
    scalar = problems.scalar(fields["max_age"][1], "`max_age`")
    if scalar is None:
        return None
    try:
        return read_duration(scalar.text)
    except Misfit as misfit:
        problems.misfit(scalar.at, misfit)
        return None


def read_checksums(fields: Fields, problems: Problems) -> str:
    """Whether a table's pages are held against their checksums: one of :data:`CHECKSUMS`."""
    if "checksums" not in fields:
        return CHECKSUMS[0]
    scalar = problems.scalar(fields["checksums"][1], "`checksums`")
    if scalar is not None and scalar.text not in CHECKSUMS:
        words = " or ".join(f"`{each}`" for each in CHECKSUMS)
        meant = (scalar.text, CHECKSUMS)
        problems.error(scalar.at, f"`{scalar.text}` is no choice", words, meant=meant)
    return CHECKSUMS[0] if scalar is None else scalar.text


def read_gaps(fields: Fields, problems: Problems) -> tuple[Range[date], ...]:
    """The days that rightly have no partition."""
    if "known_gaps" not in fields:
        return ()
    key, node = fields["known_gaps"]
    if "day" not in fields:
        problems.error(key.at, "`known_gaps` without `day`", "the partition column of days")
    out = []
    for item in problems.items(node, "`known_gaps`") or ():
        scalar = problems.scalar(item, "a gap")
        if scalar is not None:
            try:
                out.append(read_date_range(scalar.text))
            except Misfit as misfit:
                problems.misfit(scalar.at, misfit)
    return tuple(out)
