"""Make the benchmark's tables once: bench/work/SIZE-KEYS/ with users/, events/ and tomorrow/.

    python bench/data.py --size S|M|L --keys int|text

The same arguments give the same rows. A folder that is ready is left alone, but for the rules,
which are copied from bench/workload/ each time.
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

import people
import visits

BENCH = Path(__file__).resolve().parent
WORK = BENCH / "work"
WORKLOAD = BENCH / "workload"
SEED = 20230630
CHUNK = 1_000_000
ROW_GROUP = 262_144
USERS = {"S": 1_000_000, "M": 10_000_000, "L": 50_000_000}
EVENTS = {"S": 10_000_000, "M": 100_000_000, "L": 500_000_000}


def folder_of(size: str, keys: str) -> Path:
    """Where the tables of that size are."""
    return WORK / f"{size}-{keys}"


def make(size: str, keys: str, jobs: int = 2) -> Path:
    """The folder with the tables, made where it is not ready."""
    folder = folder_of(size, keys)
    ready = folder / ".ready"
    if not ready.exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _keys_file(folder, USERS[size])
        chunks = range(USERS[size] // CHUNK)
        # The day after the last is as large as the others and kept aside.
        days = range(visits.DAYS + 1)
        # Threads of the parent would be lost in a fork, so workers start anew.
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(jobs, mp_context=context) as pool:
            work: list[tuple[Callable[..., None], range]] = [(_users, chunks), (_events, days)]
            for task, numbers in work:
                for done in [pool.submit(task, folder, size, keys, n) for n in numbers]:
                    done.result()
        (folder / "keys.npy").unlink()
    copy_rules(folder)
    ready.touch()
    return folder


def copy_rules(folder: Path) -> None:
    """The project file and the rules, as they are now; what did not change is not touched."""
    rules = folder / "rules"
    rules.mkdir(exist_ok=True)
    wanted = {rules / path.name: path for path in WORKLOAD.glob("*.yaml")}
    wanted[folder / "audience.yaml"] = wanted.pop(rules / "audience.yaml")
    for target, path in wanted.items():
        if not target.exists() or target.read_bytes() != path.read_bytes():
            shutil.copy(path, target)
    for path in rules.iterdir():
        if path not in wanted:
            path.unlink()


def _keys_file(folder: Path, count: int) -> None:
    """Distinct keys with gaps of 8 on average, in no order; workers map the file."""
    rng = np.random.default_rng([SEED, 1])
    keys = np.cumsum(rng.integers(2, 15, count), dtype=np.int64) + 1_000_000_000
    rng.shuffle(keys)
    np.save(folder / "keys.npy", keys)


def _users(folder: Path, _: str, keys: str, number: int) -> None:
    chunk = np.load(folder / "keys.npy", mmap_mode="r")[number * CHUNK : (number + 1) * CHUNK]
    table = people.users(np.array(chunk), (SEED, 3, number), keys == "text")
    _write(table, folder / "users" / f"part-{number:04d}.parquet")


def _events(folder: Path, size: str, keys: str, number: int) -> None:
    rows = EVENTS[size] // visits.DAYS
    everybody = np.load(folder / "keys.npy", mmap_mode="r")
    table = visits.events(everybody, number, rows, SEED, keys == "text")
    parent = "events" if number < visits.DAYS else "tomorrow"
    _write(table, folder / parent / f"dt={visits.day(number)}" / "part-0.parquet")


def _write(table: Any, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path, row_group_size=ROW_GROUP, compression="zstd")


def main() -> None:
    """Make the tables of one size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", choices=list(USERS), default="S")
    parser.add_argument("--keys", choices=["int", "text"], default="int")
    parser.add_argument("--jobs", type=int, default=2)
    chosen = parser.parse_args()
    print(make(chosen.size, chosen.keys, chosen.jobs))


if __name__ == "__main__":
    main()
