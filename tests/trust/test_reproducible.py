"""The same rules, data and day give the same bytes, wherever and however they are built."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

RULE = """\
campaign: c
phase: p
label: 二阶段
as_of: 2024-03-01
packs:
  老客: {label: 老客人群, where: {age: 40.., city: [北京, 上海]}}
  looked:
    where: {did: {event: view, within: 30d, times: 2..}}
    limit: {keep: 150, by: age}
    split: {treatment: 70%, control: 30%}
  spent: {where: {did: {event: buy, within: 60d, sum: {amount: 100..}, distinct: {brand: 2..}}}}
  chain: {where: {did: {event: view, then: {event: buy, after: ..3d}}}}
stages:
  life:
    new: {where: {did: {event: view, within: 7d}}}
    lost: otherwise
"""
COUNT = 3_000


def tables() -> tuple[pl.DataFrame, pl.DataFrame]:
    draw = random.Random(7)
    users = pl.DataFrame(
        {
            "user_id": [1_000 + n * 3 for n in range(COUNT)],
            "age": [draw.choice([None, *range(15, 70)]) for _ in range(COUNT)],
            "city": [draw.choice(["北京", "上海", "成都", None]) for _ in range(COUNT)],
        }
    )
    start = datetime(2024, 1, 1)
    events = pl.DataFrame(
        {
            "user_id": [1_000 + draw.randrange(COUNT) * 3 for _ in range(40_000)],
            "ts": [start + timedelta(minutes=draw.randrange(60 * 24 * 60)) for _ in range(40_000)],
            "action": [draw.choice(["view", "view", "buy"]) for _ in range(40_000)],
            "amount": [round(draw.random() * 80, 2) for _ in range(40_000)],
            "brand": [draw.choice(["a", "b", "c", None]) for _ in range(40_000)],
        }
    )
    return users, events


def built(folder: Path, *words: str, **environment: str) -> dict[str, bytes]:
    """What a build publishes: every file by its name."""
    done = subprocess.run(
        [sys.executable, "-m", "audience", "build-pack", "--quiet", *words],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    build = folder / "packs/c/p/2024-03-01"
    return {path.name: path.read_bytes() for path in build.iterdir()}


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("first")
    (folder / "rules").mkdir()
    (folder / "rules/a.yaml").write_text(RULE)
    (folder / "audience.yaml").write_text(
        "tables:\n  users: {path: users.parquet, key: user_id}\n"
        "  events: {path: events.parquet, key: user_id, time: ts, action: action}\n"
    )
    users, events = tables()
    users.write_parquet(folder / "users.parquet")
    events.write_parquet(folder / "events.parquet")
    built(folder)
    return folder


ENVIRONMENTS = [
    {"POLARS_MAX_THREADS": threads, "TZ": zone, "LANG": language, "PYTHONHASHSEED": seed}
    for threads, zone, language, seed in (
        ("1", "UTC", "C", "0"),
        ("2", "Asia/Shanghai", "zh_CN.UTF-8", "1"),
        ("4", "America/New_York", "de_DE.UTF-8", "2"),
        ("4", "Pacific/Kiritimati", "", "random"),
    )
]


@pytest.mark.parametrize("cache", ["cold", "warm", "none"])
@pytest.mark.parametrize("environment", ENVIRONMENTS, ids=lambda each: each["TZ"])
def test_wherever_it_runs(
    first: Path, tmp_path: Path, environment: dict[str, str], cache: str
) -> None:
    right = {path.name: path.read_bytes() for path in (first / "packs/c/p/latest").iterdir()}
    # The same files, not copies: a copy is of another time.
    for name in ("users.parquet", "events.parquet", "audience.yaml"):
        os.link(first / name, tmp_path / name)
    shutil.copytree(first / "rules", tmp_path / "rules")
    if cache == "warm":
        shutil.copytree(first / ".audience", tmp_path / ".audience")
    words = ["--no-cache"] if cache == "none" else []
    assert built(tmp_path, *words, **environment) == right


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
@pytest.mark.parametrize("seed", range(4))
def test_rows_may_lie_in_any_order(first: Path, tmp_path: Path, seed: int, engine: str) -> None:
    """What names the input's files differs then: the ids and what is counted do not."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/a.yaml").write_text(RULE)
    shutil.copy(first / "audience.yaml", tmp_path)
    for name, frame in zip(("users", "events"), tables(), strict=True):
        shuffled = frame.sample(fraction=1, shuffle=True, seed=seed)
        size = random.Random(seed).choice([97, 1_000, 100_000])
        shuffled.write_parquet(tmp_path / f"{name}.parquet", row_group_size=size)
    found = built(tmp_path, "--engine", engine, POLARS_MAX_THREADS=str(2**seed))
    for path in (first / "packs/c/p/latest").iterdir():
        if path.name != "manifest.json":
            assert found[path.name] == path.read_bytes()
