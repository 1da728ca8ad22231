"""A nightly build as cron and systemd want it told."""

from __future__ import annotations

import hashlib
import os
import pwd
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from zoneinfo import ZoneInfo

from audience.errors import UsageError


@dataclass(frozen=True)
class Schedule:
    """When and how a project's packs are built, as texts to be put in place by their owner."""

    cron: str
    service: str
    timer: str


def read_time(text: str) -> time:
    """A time of day such as 03:00. Raises UsageError."""
    try:
        found = datetime.strptime(text, "%H:%M").time()
    except ValueError:
        raise UsageError(f"--at `{text}`: expected a time of day such as 03:00") from None
    return found


def unit_name(root: Path, rules: Sequence[Path] = ()) -> str:
    """What systemd's files of a project are called, or of one rule file: ``audience-shop-nightly``.

    Where that cannot tell all there is (Chinese names, several rule files), a short hash does.
    """
    names = [root.name, *(each.stem for each in rules[:1])]
    said = "-".join(_UNSAFE.sub("-", name).strip("-") for name in names).strip("-")[:_LONGEST]
    words = ["audience", *([said] if said else [])]
    if not said or said != "-".join(names) or len(rules) > 1:
        paths = "\0".join(str(each.absolute()) for each in (root, *rules))
        words.append(hashlib.sha256(os.fsencode(paths)).hexdigest()[:8])
    return "-".join(words)


_UNSAFE = re.compile(r"[^A-Za-z0-9_]+")
_LONGEST = 100


def make_schedule(
    program: Sequence[str],
    words: Sequence[str],
    root: Path,
    at: time,
    zone: str,
    now: datetime,
) -> Schedule:
    """A daily run of a command in a folder, at a time of day in a zone.

    ``now`` is of the machine's own zone, by which cron goes. Raises UsageError.
    """
    for word in (str(root), *program, *words):
        if "\n" in word or "\r" in word:
            raise UsageError(f"{word!r} has a line break, for which cron and systemd have no place")
    day = now.astimezone(ZoneInfo(zone)).date()
    local = datetime.combine(day, at, ZoneInfo(zone)).astimezone(now.tzinfo)
    command = [*program, *words]
    return Schedule(
        _cron(command, root, at, zone, local),
        _service(command, root),
        _timer(at, zone, words),
    )


def _cron(command: Sequence[str], root: Path, at: time, zone: str, local: datetime) -> str:
    line = f"cd {shlex.quote(str(root))} && {shlex.join(command)}"
    # In a crontab a bare % ends the command.
    line = line.replace("%", "\\%")
    note = ""
    if (local.hour, local.minute) != (at.hour, at.minute):
        note = (
            f"# {at:%H:%M} in {zone} is {local:%H:%M} on this machine today; where one of both\n"
            "# has summer time and the other has not, that changes: systemd's timer knows zones.\n"
        )
    return (
        "# Put this into `crontab -e`. cron mails what a run prints: with --quiet that is nothing\n"
        f"# unless it fails.\n{note}"
        f"{local.minute} {local.hour} * * * {line}\n"
    )


def _service(command: Sequence[str], root: Path) -> str:
    return (
        "[Unit]\n"
        f"Description=audience packs of {_escaped(str(root))}\n"
        "\n"
        "[Service]\n"
        "Type=oneshot\n"
        "# A unit below ~/.config must not have this line; without it one in /etc runs as root.\n"
        f"User={_user()}\n"
        f"WorkingDirectory={_escaped(str(root))}\n"
        f"ExecStart={' '.join(map(_quoted, command))}\n"
        "UMask=0077\n"
    )


def _user() -> str:
    """Whose program this is, by the machine and not by the environment."""
    try:
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:  # a container may know nobody
        return str(os.geteuid())


def _timer(at: time, zone: str, words: Sequence[str]) -> str:
    return (
        "[Unit]\n"
        f"Description=daily {_escaped(' '.join(['audience', *words[:1]]))}\n"
        "\n"
        "[Timer]\n"
        f"OnCalendar=*-*-* {at:%H:%M}:00 {zone}\n"
        "Persistent=true\n"
        "\n"
        "[Install]\n"
        "WantedBy=timers.target\n"
    )


def _escaped(text: str) -> str:
    """A text in which systemd replaces nothing."""
    return text.replace("\\", "\\\\").replace("%", "%%")


def _quoted(word: str) -> str:
    escaped = _escaped(word).replace('"', '\\"').replace("$", "$$")
    return f'"{escaped}"' if any(char in " \t;'\"" for char in word) else escaped
