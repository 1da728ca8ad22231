"""Whole processes, timed in turns: what each of them took, and what they answered."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

OURS = "audience"
_NO_BYTECODE = "PYTHONDONTWRITEBYTECODE"


@dataclass(frozen=True)
class Run:
    """One process: seconds of wall and of processor time, peak memory in MB, what it printed."""

    wall: float
    cpu: float
    memory: float
    printed: Path


def nothing() -> None:
    """No preparation."""


@dataclass(frozen=True)
class Contestant:
    """A process that is timed, and what is made ready before it, untimed."""

    name: str
    words: Sequence[str | Path]
    before: Callable[[], None] = nothing
    # Where its packs are afterwards, for the comparison of ids; None if there are none to compare.
    packs: Path | None = None
    # What it prints, as {"sizes": …, "overlaps": …}; None if it has no answer to compare.
    answer: Callable[[Path], Any] | None = None
    # Whether it runs in every round, and not only in the first one, which is for the answers.
    timed: bool = True


@dataclass(frozen=True)
class Comparison:
    """What is set in relation: ours to a rival, to the best of several, or to a sum of some."""

    metric: str
    to: Sequence[str]
    how: str = "best"  # or "sum"
    target: str = "–"
    ours: str = OURS

    @property
    def title(self) -> str:
        """The words for the table."""
        joined = " + ".join(self.to) if self.how == "sum" or len(self.to) == 1 else "the best"
        return f"{self.metric} to {joined}"


@dataclass
class Row:
    """One line of the benchmark: contestants that run in turns, and what is compared."""

    key: str
    title: str
    contestants: list[Contestant]
    comparisons: list[Comparison]
    after: Callable[[], None] = nothing
    runs: dict[str, list[Run]] = field(default_factory=dict)
    # Figures that are no times: bytes by contestant.
    bytes: dict[str, int] = field(default_factory=dict)


def timed(words: Sequence[str | Path], folder: Path, printed: Path) -> Run:
    """Run a process to its end; what it prints is kept in a file."""
    printed.parent.mkdir(parents=True, exist_ok=True)
    errors = printed.with_suffix(".err")
    with printed.open("wb") as out, errors.open("wb") as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            [str(word) for word in words], cwd=folder, env=_environment(), stdout=out, stderr=err
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        told = errors.read_text(encoding="utf-8", errors="replace")[-2000:]
        line = " ".join(str(word) for word in words)
        raise SystemExit(f"{line}\nended with {process.returncode}:\n{told}")
    # Linux tells the peak in KiB.
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, printed)


def _environment() -> dict[str, str]:
    """Ours, but that Python keeps what it compiles, as it does of what is installed."""
    return {name: value for name, value in os.environ.items() if name != _NO_BYTECODE}


def our_answer(printed: Path) -> Any:
    """Sizes and overlaps of the build that the program printed as JSON."""
    (build,) = json.loads(printed.read_text(encoding="utf-8"))["builds"]
    names = [pack["name"] for pack in build["packs"]]
    place = {name: number for number, name in enumerate(names)}
    return {
        "sizes": {pack["name"]: pack["size"] for pack in build["packs"]},
        "overlaps": {
            f"{pair['pack']}|{pair['other']}": pair["both"]
            for pair in build["overlaps"]
            if place[pair["pack"]] < place[pair["other"]]
        },
    }


def their_answer(printed: Path) -> Any:
    """Sizes and overlaps as the rivals print them."""
    return json.loads(printed.read_text(encoding="utf-8"))


def their_sizes(printed: Path) -> Any:
    """Sizes alone, of a process that computes no overlaps."""
    return {"sizes": their_answer(printed)["sizes"]}


def ids_of(folder: Path) -> dict[str, tuple[int, int, int]]:
    """For each pack how many ids there are, and two sums over their hashes: in any order."""
    found = {}
    for path in sorted(folder.glob("*.parquet")):
        ids = pl.read_parquet(path, hive_partitioning=False).to_series()
        # Wrapping sums of 64-bit hashes; ids that differ agree in both by a chance of 2**-128.
        sums = (int(ids.hash(seed).to_numpy().sum(dtype="uint64")) for seed in (1, 2))
        found[path.stem] = (ids.len(), *sums)
    return found  # type: ignore[return-value]


def play(row: Row, folder: Path, out: Path, pairs: int) -> None:
    """One untimed round, whose answers and ids must agree, then the timed ones, in turns."""
    ids: dict[str, Any] = {}
    try:
        for number in range(pairs + 1):
            answers: dict[str, Any] = {}
            walls = []
            for one in row.contestants:
                if number and not one.timed:
                    continue
                one.before()
                # Whoever brings its packs to the disk must not wait for what others left in memory.
                os.sync()
                run = timed(one.words, folder, out / row.key / f"{one.name}.json")
                walls.append(f"{one.name} {run.wall:.2f}")
                if one.answer:
                    answers[one.name] = one.answer(run.printed)
                if number:
                    row.runs.setdefault(one.name, []).append(run)
                elif one.packs:
                    ids[one.name] = ids_of(one.packs)
                    files = one.packs.glob("*.parquet")
                    row.bytes[one.name] = sum(path.stat().st_size for path in files)
            _agree(row.key, answers)
            _agree(f"{row.key}, ids", ids)
            print(f"{row.key} {number or 'warm'}: {', '.join(walls)}", file=sys.stderr)
    finally:
        row.after()


def _agree(what: str, answers: dict[str, Any]) -> None:
    """Every answer is as the first one, as far as it goes."""
    names = list(answers)
    for name in names[1:]:
        first, other = answers[names[0]], answers[name]
        for key in first.keys() & other.keys():
            if first[key] != other[key]:
                raise SystemExit(f"{what}: {name} and {names[0]} differ in {key}")
        if what.endswith("ids") and first.keys() != other.keys():
            raise SystemExit(f"{what}: {name} and {names[0]} have other packs")
