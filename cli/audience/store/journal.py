"""The log of runs in an object store: an object for each line, which is made once.

```
packs/log.jsonl/00000001.json    packs/log.jsonl/00000002.json
packs/log.jsonl/last/00000002    the hash of that line: no line up to here may be missing
```

Of two runs that make the same line the store refuses the second, which makes the next one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from audience.errors import StoreError
from audience.objects import REQUESTS, ObjectPath, delete_all
from audience.store.chain import NAME, Chain, Log, line_of, previous_of
from audience.store.commits import asking, put_once
from audience.threads import in_threads

_LAST = "last"
_TRIES = 100
_LINE = re.compile(r"(\d{8})\.json", re.ASCII)
_NOTE = re.compile(r"\d{8}", re.ASCII)


@dataclass(frozen=True)
class _Listed:
    """The lines and the notes by number, and whatever else lies there."""

    lines: Mapping[int, ObjectPath]
    notes: Mapping[int, ObjectPath]
    strays: tuple[ObjectPath, ...]

    @property
    def last(self) -> int:
        """The number of the last line that is there, or should be; 0 for none."""
        return max((*self.lines, *self.notes), default=0)


def append(root: ObjectPath, run: Mapping[str, Any]) -> None:
    """Add a run. Raises StoreError."""
    folder = root / NAME
    with asking("write", folder):
        for _ in range(_TRIES):
            there = _list(folder)
            line, own = line_of(run, _previous(there))
            number = there.last + 1
            if put_once(_line_path(folder, number), line):
                put_once(folder / _LAST / f"{number:08}", own.encode())
                with suppress(OSError):  # those before it say less
                    delete_all(list(there.notes.values()))
                return
    raise StoreError(f"cannot write {folder}: other runs are faster each time")


def read_log(root: ObjectPath) -> Log:
    """All runs, each line held against its hash and the one before it. Raises StoreError."""
    folder = root / NAME
    chain = Chain()
    with asking("read", folder):
        there = _list(folder)
        numbers = range(1, there.last + 1)
        contents = in_threads(lambda each: _content(there.lines.get(each)), numbers, REQUESTS)
        hashes = {0: ""}
        for number, line in zip(numbers, contents, strict=True):
            path = _line_path(folder, number)
            if line is None:
                chain.lose(f"{path} is missing")
            elif not line.endswith(b"\n"):
                chain.lose(f"{path}: the line is damaged")
            else:
                chain.add(str(path), line[:-1])
            hashes[number] = chain.before
        noted = max(there.notes, default=0)
        # A run may have been killed between its line and the note of it.
        if noted in there.lines and _content(there.notes[noted]) not in {
            None,
            hashes[noted].encode(),
        }:
            chain.faults.append(f"{folder}: its last lines are missing or others")
    chain.faults += [f"{path} is no line of the log" for path in there.strays]
    return Log(tuple(chain.runs), tuple(chain.faults))


def _list(folder: ObjectPath) -> _Listed:
    lines, notes, strays = {}, {}, []
    for path in folder.walk():
        below = path.names[len(folder.names) :]
        if len(below) == 1 and (found := _LINE.fullmatch(below[0])):
            lines[int(found[1])] = path
        elif len(below) == 2 and below[0] == _LAST and _NOTE.fullmatch(below[1]):
            notes[int(below[1])] = path
        else:
            strays.append(path)
    return _Listed(lines, notes, tuple(strays))


def _previous(there: _Listed) -> str:
    """The hash that the next line names: that of the last one, or of one that should be there."""
    noted = _content(there.notes.get(there.last))
    line = _content(there.lines.get(there.last))
    told = None if noted is None else noted.decode(errors="replace")
    if line is None:
        return told or ""
    return previous_of(told, line)


def _line_path(folder: ObjectPath, number: int) -> ObjectPath:
    return folder / f"{number:08}.json"


def _content(path: ObjectPath | None) -> bytes | None:
    """None where there is no such object, or none by now."""
    try:
        return None if path is None else path.read_bytes()
    except FileNotFoundError:
        return None
