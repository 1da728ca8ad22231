"""Build the thirty packs cold in a control group with a limit of memory (Linux, as root).

    python bench/limited.py --size M --limit 2000000000

The group counts what the processes hold and what the system keeps of the files they read.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import data
from harness import timed
from rows import Ground, put_back

_ROOT = Path("/sys/fs/cgroup")
_ENTER = (
    "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid())); "
    "os.execvp(sys.argv[2], sys.argv[2:])"
)


@dataclass(frozen=True)
class Group:
    """The files of a control group: of the second version, or of the first."""

    folder: Path
    limit: str
    most: str

    @classmethod
    def make(cls, limit: int) -> Group:
        """A group with a limit, in bytes."""
        if (_ROOT / "cgroup.controllers").exists():
            group = cls(_ROOT / "audience-bench", "memory.max", "memory.peak")
        else:
            group = cls(
                _ROOT / "memory" / "audience-bench",
                "memory.limit_in_bytes",
                "memory.max_usage_in_bytes",
            )
        group.folder.mkdir(exist_ok=True)
        (group.folder / group.limit).write_text(str(limit))
        return group


def main() -> None:
    """Build, and tell what it took."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--size", choices=list(data.USERS), default="M")
    parser.add_argument("--keys", choices=["int", "text"], default="int")
    parser.add_argument("--limit", type=int, default=2_000_000_000)
    chosen = parser.parse_args()
    ground = Ground(chosen.size, chosen.keys)
    data.make(chosen.size, chosen.keys)
    put_back(ground)
    ground.cold()
    group = Group.make(chosen.limit)
    try:
        enter = [sys.executable, "-c", _ENTER, group.folder / "cgroup.procs"]
        words = [*enter, *ground.ours("build-pack", "thirty")]
        run = timed(words, ground.folder, ground.out / "limited" / "audience.json")
        most = int((group.folder / group.most).read_text())
    finally:
        group.folder.rmdir()
    print(
        f"{chosen.size}, {chosen.keys} keys, at most {chosen.limit / 1e6:,.0f} MB: built in "
        f"{run.wall:.1f} s, {run.memory:,.0f} MB held at most by the process, "
        f"{most / 1e6:,.0f} MB by the group with the files' pages"
    )


if __name__ == "__main__":
    main()
