"""What the benchmark found: Markdown, JSON and pictures."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import data
from harness import Comparison, Row

BENCH = Path(__file__).resolve().parent
RESULTS = BENCH / "RESULTS.md"
PACKAGES = ["audience", "polars", "duckdb", "chdb-core", "pyarrow"]
UNITS = {"wall": "s", "cpu": "s", "memory": "MB", "bytes": "MB"}


def values(row: Row, name: str, metric: str) -> list[float]:
    """What a contestant took, run by run."""
    if metric == "bytes":
        return [row.bytes[name] / 1e6]
    return [getattr(run, metric) for run in row.runs[name]]


def against(row: Row, comparison: Comparison) -> list[str]:
    """The contestants that ours is set against: the best by its median, or all that are added."""
    if comparison.how == "sum":
        return list(comparison.to)
    best = min(comparison.to, key=lambda n: statistics.median(values(row, n, comparison.metric)))
    return [best]


def ratios(row: Row, comparison: Comparison) -> list[float]:
    """Ours to theirs, pair by pair."""
    ours = values(row, comparison.ours, comparison.metric)
    theirs = [values(row, name, comparison.metric) for name in against(row, comparison)]
    return [mine / sum(other) for mine, other in zip(ours, zip(*theirs, strict=True), strict=True)]


def lines_of(row: Row) -> list[str]:
    """The lines of a row's comparisons: ours, the others, the ratio."""
    lines = []
    for comparison in row.comparisons:
        metric, unit = comparison.metric, UNITS[comparison.metric]
        medians = {
            name: statistics.median(values(row, name, metric))
            for name in (row.bytes if metric == "bytes" else row.runs)
        }
        mine = medians.pop(comparison.ours)
        others = ", ".join(f"{name} {figure(value)}" for name, value in medians.items())
        title = comparison.title
        if comparison.how == "best" and len(comparison.to) > 1:
            title += f", {against(row, comparison)[0]}"
        found = ratios(row, comparison)
        middle, low, high = statistics.median(found), min(found), max(found)
        lines.append(
            f"| {row.title} | {title} | {figure(mine)} {unit} | {others} "
            f"| **{middle:.2f}** | {low:.2f} | {high:.2f} | {comparison.target} |"
        )
    return lines


def figure(value: float) -> str:
    """A number with as many places as it is worth."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"


def machine() -> str:
    """The machine in a few words."""
    model = platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        named = [ln for ln in info.read_text().splitlines() if ln.startswith("model name")]
        model = named[0].split(":", 1)[1].strip() if named else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({model}), {memory:.0f} GiB"


def versions() -> dict[str, str]:
    """The versions that matter."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


@dataclass
class Found:
    """All rows of one run."""

    size: str
    keys: str
    pairs: int
    rows: Sequence[Row]

    def markdown(self) -> str:
        """The section for the results."""
        told = ", ".join(f"{name} {number}" for name, number in versions().items())
        lines = [
            f"## {datetime.now(UTC):%Y-%m-%d}, size {self.size}, {self.keys} keys",
            "",
            f"{data.USERS[self.size]:,} users, {data.EVENTS[self.size]:,} events in 120 days; "
            f"{machine()}; {told}; {self.pairs} pairs, medians. "
            "A ratio below 1 is in our favour; the lowest and the highest of the pairs beside it.",
            "",
            "| work | compared | ours | others | ratio | lowest | highest | target |",
            "| --- | --- | ---: | --- | ---: | ---: | ---: | ---: |",
        ]
        return "\n".join([*lines, *(line for row in self.rows for line in lines_of(row)), ""])

    def as_json(self) -> dict[str, Any]:
        """Every run of every contestant, and the ratios."""
        rows = {
            row.key: {
                "title": row.title,
                "runs": {
                    name: [{m: getattr(run, m) for m in ("wall", "cpu", "memory")} for run in runs]
                    for name, runs in row.runs.items()
                },
                "bytes": row.bytes,
                "comparisons": [
                    {
                        "title": comparison.title,
                        "metric": comparison.metric,
                        "ours": comparison.ours,
                        "to": against(row, comparison),
                        "ratios": ratios(row, comparison),
                        "median": statistics.median(ratios(row, comparison)),
                        "target": comparison.target,
                    }
                    for comparison in row.comparisons
                ],
            }
            for row in self.rows
        }
        return {
            "size": self.size,
            "keys": self.keys,
            "pairs": self.pairs,
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "machine": machine(),
            "versions": versions(),
            "rows": rows,
        }

    def write(self) -> None:
        """Put the section on top of the older ones; write the JSON and the pictures."""
        text = RESULTS.read_text(encoding="utf-8") if RESULTS.exists() else "# Results\n"
        head, _, older = text.partition("\n## ")
        older = f"\n## {older}" if older else ""
        RESULTS.write_text(f"{head.rstrip()}\n\n{self.markdown()}{older}", encoding="utf-8")
        name = self.size if self.keys == "int" else f"{self.size}-{self.keys}"
        found = self.as_json()
        path = data.WORK / f"results-{name}.json"
        path.write_text(json.dumps(found, indent=1), encoding="utf-8")
        try:
            import plots
        except ImportError:
            return
        plots.draw(found, BENCH / "plots", name)
