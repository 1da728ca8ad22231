"""The least that anybody has to do: decode the columns and days that are needed, write the ids.

Nothing is evaluated. The sizes of the packs are told by the harness, FOLDER/sizes.json.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import polars as pl
from common import Job, job, tell
from exprs import CONDITION_EXPR, TAG_EXPR

# Columns of the events, by how many days back they are needed.
EVENT_COLUMNS = {
    "behaviour": [
        (60, ["user_id", "action", "category", "brand", "amount"]),
        (90, ["user_id", "action", "brand", "amount"]),
        (120, ["user_id", "action"]),
    ],
    "one-behaviour": [(14, ["user_id", "action", "category"])],
}


def decode(paths: Iterable[Path | str], columns: list[str]) -> None:
    """Every value of the columns, made and thrown away.

    Tried: read_parquet file by file (half as much time again), pyarrow's reader (twice; the same
    where texts stay as dictionaries).
    """
    scan = pl.scan_parquet([str(p) for p in paths], hive_partitioning=False, glob=False)
    batches = scan.select(columns).collect_batches(maintain_order=False, engine="streaming")
    for _ in batches:
        pass


def main() -> None:
    """Decode and write."""
    work: Job = job()
    tags: set[str] = set()
    if work.workload == "hundred":
        tags.update(*(expr.meta.root_names() for expr in CONDITION_EXPR.values()))
    else:
        tags.update(*(TAG_EXPR[n].meta.root_names() for n in work.packs if n in TAG_EXPR))
    users = sorted(Path(work.folder, "users").glob("*.parquet"))
    decode(users, ["user_id", *sorted(tags)])
    kind = "behaviour" if work.workload == "thirty" else work.workload
    done = 0
    for back, columns in EVENT_COLUMNS.get(kind, []):
        decode(work.days(back)[: back - done], columns)
        done = back
    sizes = json.loads((work.folder / "sizes.json").read_text())[work.workload]
    largest = pl.scan_parquet(work.users).select("user_id").head(max(sizes.values())).collect()
    for name, size in sizes.items():
        largest.head(size).write_parquet(work.out / f"{name}.parquet", compression="zstd")
    tell(sizes, {})


if __name__ == "__main__":
    main()
