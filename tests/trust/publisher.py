"""A process that publishes, over and over, and may die at a call that was chosen.

    python publisher.py ROOT START TIMES [SYSCALL NTH FAULT]

Builds alternate between two contents of one day, beginning with START. SYSCALL is a function of
`os`, or `write` of a file that is being written; at its NTH call FAULT happens: `kill`, or the name
of an error. At the end it says how many calls there were.
"""

from __future__ import annotations

import errno
import os
import signal
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow as pa

from audience import private
from audience.errors import StoreError
from audience.store.manifest import Manifest, RuleText, to_json
from audience.store.publish import PackData, campaign_lock, publish

DAY = date(2024, 3, 1)
CONTENTS = ([1, 2, 3], list(range(0, 5_000, 3)))
CALLS = (
    "open",
    "mkdir",
    "rename",
    "replace",
    "symlink",
    "unlink",
    "rmdir",
    "fsync",
    "fchmod",
    "chmod",
    "write",
)


def publish_one(root: Path, number: int) -> None:
    """Publish one of the two contents."""
    ids = pa.array(CONTENTS[number % 2])
    text = RuleText("audience.yaml", "", "")
    manifest = Manifest(
        "c", "p", "", DAY, "test", text, (), (), "user_id", len(ids), partial=False, packs=()
    )
    packs = [PackData(name, "", lambda: ids) for name in ("one", "two")]
    with campaign_lock(root, "c"):
        publish(root, manifest, packs, to_json({"content": number % 2}))


def arm(name: str, nth: int, fault: str) -> list[str]:
    """Let a call go wrong; the calls there were."""
    calls: list[str] = []

    def strike() -> None:
        calls.append(name)
        if len(calls) == nth:
            if fault == "kill":
                os.kill(os.getpid(), signal.SIGKILL)
            code = getattr(errno, fault)
            raise OSError(code, os.strerror(code))

    if name == "write":
        real_create = private.create

        def create(path: Path, access: Any = private.OWNER) -> Any:
            return _Striking(real_create(path, access), strike)

        private.create = create
        return calls
    real = getattr(os, name)

    def call(*arguments: Any, **options: Any) -> Any:
        strike()
        return real(*arguments, **options)

    setattr(os, name, call)
    return calls


class _Striking:
    """A file whose writes may go wrong, half done."""

    def __init__(self, file: Any, strike: Any) -> None:
        self._file = file
        self._strike = strike

    def write(self, data: Any) -> int:
        half = bytes(data)[: len(data) // 2]
        self._file.write(half)
        self._file.flush()
        self._strike()
        return len(half) + int(self._file.write(bytes(data)[len(half) :]))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> _Striking:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def main() -> None:
    """Publish so many times; 5 where it failed as it should, in words."""
    root, start, times = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    calls: list[str] = []
    if len(sys.argv) > 4:
        calls = arm(sys.argv[4], int(sys.argv[5]), sys.argv[6])
    try:
        for number in range(start, start + times):
            publish_one(root, number)
        sys.stdout.write(f"{len(calls)}\n")
    except StoreError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(5)


if __name__ == "__main__":
    main()
