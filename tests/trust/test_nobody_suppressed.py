"""Whoever is on a suppress list is in no pack that is published or leaves the program.

Random projects: whole numbers and texts as keys, lists of all three kinds, several of them, which
grow between the build and the export.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

import audience
from audience import api

PACKS = {
    "all": "{age: 0..}",
    "some": "{age: 30..}",
    "others": "{not: {age: 30..}}",
    "named": "{ids: [IDS]}",
    "cut": "{age: 10..}, limit: {keep: 15, by: age, order: desc}",
    "split": "{age: 5..}, split: {a: 50%, b: 50%}",
}
DAYS = ("2024-03-01", "2024-03-02")


def write_list(path: Path, ids: list[Any], draw: random.Random) -> None:
    """A list as somebody might export it."""
    if path.suffix == ".parquet":
        pl.DataFrame({"user_id": ids}).write_parquet(path)
        return
    end = draw.choice(["\n", "\r\n"])
    lines = [str(each) for each in ids]
    if path.suffix == ".csv":
        lines = ["user_id,since", *(f"{each},2024-01-01" for each in lines)]
    mark = draw.choice(["", "\ufeff"])
    path.write_text(mark + end.join(lines) + draw.choice(["", end]), newline="")


def run_case(folder: Path, seed: int) -> None:
    draw = random.Random(seed)
    whole = draw.random() < 0.5
    count = draw.choice([1, 20, 60])
    people: list[Any] = draw.sample(range(10**6, 10**7), count)
    if not whole:
        people = [f"u{each}" for each in people]
    strangers: list[Any] = [10**8 + n if whole else f"x{n}" for n in range(5)]
    names = [
        f"list{n}{draw.choice(['.csv', '.txt', '.parquet'])}" for n in range(draw.choice([1, 2]))
    ]
    (folder / "rules").mkdir(parents=True)
    pl.DataFrame(
        {"user_id": people, "age": [draw.choice([None, *range(60)]) for _ in people]},
        schema_overrides={"age": pl.Int32},
    ).write_parquet(folder / "users.parquet")
    text = "tables:\n  users: {path: users.parquet, key: user_id}\nsuppress:\n"
    for name in names:
        column = "" if name.endswith(".txt") else ", column: user_id"
        text += f"  - {{path: {name}{column}}}\n"
    (folder / "audience.yaml").write_text(text)
    listed = draw.sample(people, draw.randrange(1, count + 1))
    ids = ", ".join(map(str, draw.sample(people, min(3, count))))
    packs = "".join(
        f"  {name}: {{where: {where.replace('IDS', ids)}}}\n" for name, where in PACKS.items()
    )
    (folder / "rules/a.yaml").write_text(f"campaign: c\nphase: p\npacks:\n{packs}")
    out: set[Any] = set()

    def opt_out(more: list[Any]) -> None:
        for each in more:
            out.add(each)
        parts = {name: [strangers[0]] for name in names}
        for each in out:
            parts[draw.choice(names)].append(each)
        for name, part in parts.items():
            write_list(folder / name, part + draw.sample(part, draw.choice([0, 1])), draw)

    half = listed[: len(listed) // 2]
    opt_out(half)
    project = audience.load(folder)
    engine = draw.choice(["polars", "duckdb"])
    days = DAYS if seed % 10 == 0 else DAYS[1:]
    for day in days:
        (result,) = audience.build(project, as_of=day, engine=engine)
        packs_of = {
            each.name: set(audience.members(project, f"c/p@{day}/{each.name}").to_pylist())
            for each in result.summary.packs
        }
        assert all(out.isdisjoint(each) for each in packs_of.values())
        assert packs_of["some"] | packs_of["others"] == set(people) - out
    opt_out(listed[len(half) :])
    project = audience.load(folder)
    for name, before in packs_of.items():
        suffix = draw.choice([".csv", ".txt", ".parquet"])
        path = folder / f"{name}{suffix}"
        audience.export(project, f"c/p/{name}", path)
        found = set(read(path, whole))
        assert found == before - out
        assert set(audience.members(project, f"c/p/{name}").to_pylist()) == before - out
    diff = audience.diff(project, f"c/p@{days[0]}", f"c/p@{days[-1]}")
    api.write_diff(project, diff, folder / "diff")
    for path in (folder / "diff").rglob("*.parquet"):
        assert out.isdisjoint(read(path, whole))


def read(path: Path, whole: bool) -> list[Any]:
    if path.suffix == ".parquet":
        return list(pq.read_table(path).column(0).to_pylist())
    lines = path.read_text(encoding="utf-8").split()
    lines = lines[1:] if path.suffix == ".csv" else lines
    return [int(each) if whole else each for each in lines]


SOAK = [pytest.param(range(n, n + 250), marks=pytest.mark.soak) for n in range(0, 1_000, 250)]


@pytest.mark.parametrize("seeds", [range(20), *SOAK])
def test_nobody_leaves(tmp_path: Path, seeds: range) -> None:
    for seed in seeds:
        run_case(tmp_path / str(seed), seed)
