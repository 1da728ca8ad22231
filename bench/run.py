"""Time the program against SQL written by hand: whole processes, in turns, ratios of each pair.

The work is the shipped campaign, 34 packs of four phases, over tables of any size. The rival is
DuckDB over the same files, one query a pack (`tests/oracle/shipped`), ids sorted and written as
Parquet. Sizes are compared and must be equal before anything is timed.

    python bench/run.py --users 200000 --pairs 5
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WORK = ROOT / "bench" / "work"
CAMPAIGN = "mi13-2023"
SQL = ROOT / "tests" / "oracle" / "shipped" / CAMPAIGN
_HEAD = re.compile(r"^-- (?:pack: (\S+)|(base))\b.*$", re.MULTILINE)


@dataclass(frozen=True)
class Run:
    """One process: seconds of wall time and of processor time, peak memory in MB."""

    wall: float
    cpu: float
    memory: float


def make_tables(users: int) -> Path:
    """A project over tables of that many users, made once."""
    folder = WORK / f"users-{users}"
    if not (folder / "audience.yaml").exists():
        shutil.rmtree(folder, ignore_errors=True)
        # One plain user table, which all phases and the rival read.
        words = ["--users", str(users), "--snapshots", "", "--out", str(folder / "fixtures")]
        subprocess.run([sys.executable, ROOT / "fixtures/make.py", *words], check=True)
        shutil.copytree(ROOT / "rules" / CAMPAIGN, folder / "rules" / CAMPAIGN)
        project = (ROOT / "audience.yaml").read_text(encoding="utf-8")
        plain = project.replace("    snapshot: dt\n", "")
        (folder / "audience.yaml").write_text(plain, encoding="utf-8")
    return folder


def rival(folder: Path) -> None:
    """The campaign as SQL, pack by pack: prints the sizes as JSON."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("SET TimeZone = 'Asia/Shanghai'")
    connection.execute(f"CREATE VIEW users AS FROM '{folder}/fixtures/users/*.parquet'")
    connection.execute(
        "CREATE VIEW events AS SELECT * EXCLUDE dt, CAST(ts AS DATE) AS day FROM "
        f"read_parquet('{folder}/fixtures/events/*/*.parquet', hive_partitioning = true)"
    )
    out = folder / "rival"
    out.mkdir(exist_ok=True)
    sizes: dict[str, int] = {}
    for path in sorted(SQL.glob("*.sql")):
        text = path.read_text()
        heads = list(_HEAD.finditer(text))
        ends = [head.start() for head in heads[1:]] + [len(text)]
        for head, end in zip(heads, ends, strict=True):
            if head[1]:
                query = text[head.end() : end].strip().rstrip(";")
                target = out / f"{path.stem}.{head[1]}.parquet"
                connection.execute(f"COPY (SELECT * FROM ({query}) ORDER BY 1) TO '{target}'")
                count = connection.execute(f"SELECT count(*) FROM '{target}'").fetchone()
                sizes[f"{path.stem}/{head[1]}"] = count[0] if count else 0
    print(json.dumps(sizes))


def timed(words: Sequence[str], folder: Path) -> Run:
    """Run a process to its end; its output is thrown away."""
    started = time.perf_counter()
    process = subprocess.Popen(words, cwd=folder, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{words} ended with {process.returncode}")
    return Run(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)


def compare_sizes(ours: Sequence[str], theirs: Sequence[str], folder: Path) -> int:
    """Both sides' packs must be of the same sizes; how many packs there are."""
    shown = subprocess.run([*ours, "-f", "json"], cwd=folder, capture_output=True, check=True)
    builds = json.loads(shown.stdout)["builds"]
    found = {f"{b['phase']}/{p['name']}": p["size"] for b in builds for p in b["packs"]}
    wanted = json.loads(subprocess.run(theirs, capture_output=True, check=True).stdout)
    if found != wanted:
        raise SystemExit(f"the sizes differ: {set(found.items()) ^ set(wanted.items())}")
    return len(found)


def main() -> None:
    """Run the benchmark and add its result to bench/RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--rival", type=Path, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.rival:
        rival(chosen.rival)
        return
    folder = make_tables(chosen.users)
    ours = [sys.executable, "-m", "audience", "build-pack"]
    theirs = [sys.executable, str(Path(__file__).resolve()), "--rival", str(folder)]
    packs = compare_sizes(ours, theirs, folder)
    pairs = []
    for number in range(chosen.pairs):
        shutil.rmtree(folder / "packs", ignore_errors=True)
        pairs.append((timed([*ours, "--quiet"], folder), timed(theirs, folder)))
        print(f"pair {number + 1}: {pairs[-1][0].wall:.2f} s, {pairs[-1][1].wall:.2f} s")
    write_result(chosen.users, packs, pairs)


def write_result(users: int, packs: int, pairs: Sequence[tuple[Run, Run]]) -> None:
    """Append the medians, with the machine and the day, to the results."""
    names = ("wall", "cpu", "memory")
    ratios = {n: [getattr(a, n) / getattr(b, n) for a, b in pairs] for n in names}
    ours = {n: statistics.median(getattr(a, n) for a, _ in pairs) for n in names}
    lines = [
        f"\n## {datetime.now(UTC):%Y-%m-%d}, {users:,} users, {packs} packs",
        "",
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, "
        f"polars {version('polars')}, duckdb {version('duckdb')}, {len(pairs)} pairs. "
        "Rival: DuckDB, pack by pack. Medians; a ratio below 1 is in our favour.",
        "",
        "| | audience | ratio to the rival | lowest | highest |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    units = {"wall": "s", "cpu": "s", "memory": "MB"}
    for name in names:
        low, middle, high = min(ratios[name]), statistics.median(ratios[name]), max(ratios[name])
        unit = units[name]
        lines.append(
            f"| {name} | {ours[name]:.1f} {unit} | {middle:.2f} | {low:.2f} | {high:.2f} |"
        )
    results = ROOT / "bench" / "RESULTS.md"
    text = results.read_text() if results.exists() else "# Results\n"
    results.write_text(text + "\n".join(lines) + "\n")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
