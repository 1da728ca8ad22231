"""Packs as they were published, named in rules: which build it is, and what is refused."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

from audience.commands.exits import ExitCode
from support import MakeProject, Ran, Run

ENGINES = ["polars", "duckdb"]
NUMBERS = pl.DataFrame({"user_id": [5, 1, 1001, 12, -3], "age": [20, 30, 40, 50, None]})
TEXTS = pl.DataFrame({"user_id": ["007", "7", "a,b", "用户1", " x "], "age": [1, 2, 3, 4, 5]})
HEAD = "campaign: c\nphase: p\nas_of: 2024-03-01\n"
OLD = "campaign: c\nphase: old\nas_of: {day}\n"


@pytest.fixture
def numbers(make_project: MakeProject) -> Path:
    return make_project(NUMBERS)


@pytest.fixture
def texts(make_project: MakeProject) -> Path:
    return make_project(TEXTS)


def write(folder: Path, where: str, head: str = HEAD, name: str = "a.yaml") -> None:
    (folder / "rules" / name).write_text(f"{head}packs:\n  x:\n    where: {where}\n")


def publish(folder: Path, run: Run, where: str, day: str, head: str = OLD) -> None:
    """Publish a pack `x` of a phase of its own."""
    write(folder, where, head.format(day=day), "old.yaml")
    done = run("build-pack", "-q", "rules/old.yaml", at=folder)
    assert done.code == 0, done.err


def published(folder: Path, run: Run, name: str, *words: str) -> Ran:
    write(folder, f"{{published: {name}}}")
    return run("build-pack", "rules/a.yaml", *words, at=folder)


def pack(folder: Path, day: str = "latest") -> list[Any]:
    return pq.read_table(folder / "packs/c/p" / day / "x.parquet")["user_id"].to_pylist()


@pytest.mark.parametrize("engine", ENGINES)
def test_a_published_pack_is_what_it_was_by_day_or_the_newest_up_to_as_of(
    run: Run, numbers: Path, engine: str
) -> None:
    publish(numbers, run, "{age: ..20}", "2024-02-01")
    publish(numbers, run, "{age: ..30}", "2024-02-28")
    publish(numbers, run, "{age: ..50}", "2024-03-02")
    for name, wanted in (
        ("c/old/x@2024-02-01", [5]),
        ("c/old/x@2024-02-28", [1, 5]),
        ("c/old/x", [1, 5]),
    ):
        assert published(numbers, run, name, "--engine", engine).code == 0
        assert pack(numbers) == wanted, name
    published(numbers, run, "c/old/x", "--as-of", "2024-02-28", "--engine", engine)
    assert pack(numbers, "2024-02-28") == [1, 5], "one of the same day is not after it"
    published(numbers, run, "c/old/x", "--as-of", "2024-02-27", "--engine", engine)
    assert pack(numbers, "2024-02-27") == [5]


def test_text_keys_as_they_were_published(run: Run, texts: Path) -> None:
    publish(texts, run, "{age: ..3}", "2024-02-01")
    assert published(texts, run, "c/old/x").code == 0
    assert pack(texts) == ["007", "7", "a,b"]


def test_what_the_same_run_publishes_does_not_count(run: Run, numbers: Path) -> None:
    publish(numbers, run, "{age: ..20}", "2024-02-01")
    write(numbers, "{age: ..50}", OLD.format(day="2024-03-01"), "0.yaml")
    (numbers / "rules/old.yaml").unlink()
    write(numbers, "{published: c/old/x}")
    assert run("build-pack", at=numbers).code == 0
    assert pack(numbers) == [5]
    assert run("build-pack", at=numbers).code == 0
    assert pack(numbers) == [1, 5, 12, 1001], "it is published before the second run"


def test_a_pack_of_its_own_phase_is_one_from_before(run: Run, numbers: Path) -> None:
    write(numbers, "{age: ..20}", HEAD.replace("03-01", "02-29"))
    assert run("build-pack", "-q", at=numbers).code == 0
    write(numbers, "{any: [{published: c/p/x}, {ids: [12]}]}")
    assert "published c/p@2024-03-01" in run("build-pack", at=numbers).err
    assert pack(numbers) == [5, 12]
    assert "unchanged c/p@2024-03-01" in run("build-pack", at=numbers).err
    done = run("build-pack", "--as-of", "2024-02-29", at=numbers)
    assert done.code == ExitCode.NOT_PUBLISHED, "there is none before the first"


def test_stages_and_sides_can_be_named(run: Run, numbers: Path) -> None:
    head = OLD.format(day="2024-02-01") + "stages:\n  s:\n"
    head += "    young: {where: {age: ..30}, split: {a: 50%, b: 50%}}\n    rest: otherwise\n"
    where = "{age: known}\n    split: {a: 50%, b: 50%}"
    write(numbers, where, head, "old.yaml")
    assert run("build-pack", "-q", "rules/old.yaml", at=numbers).code == 0
    assert published(numbers, run, "c/old/s.young").code == 0
    assert pack(numbers) == [1, 5]
    for name, wanted in (("x", [1, 5, 12, 1001]), ("s.young", [1, 5])):
        both = []
        for side in "ab":
            done = published(numbers, run, f"c/old/{name}.{side}")
            assert done.code == 0, done.err
            both += pack(numbers)
        assert sorted(both) == wanted, name


MISSING = {
    "c/old/y": "no pack `y` in c/old@2024-02-28; there is x",
    "c/odl/x": "nothing is published of `c/odl`; there is c/old; did you mean c/old?",
    "d/old/x": "nothing is published of `d/old`; there is c/old",
    "c/old/x@2024-02-02": "is not published; there is 2024-02-28, 2024-03-02",
    "c/p/x": "nothing is published of `c/p`",
}


@pytest.mark.parametrize("name", MISSING)
def test_a_pack_that_was_never_published_is_told_with_what_there_is(
    run: Run, numbers: Path, name: str
) -> None:
    for day in ("2024-02-28", "2024-03-02"):
        publish(numbers, run, "{age: ..20}", day)
    done = published(numbers, run, name)
    assert done.code == ExitCode.NOT_PUBLISHED
    assert "error: rules/a.yaml:6:24: " in done.err
    assert MISSING[name] in done.err
    assert not (numbers / "packs/c/p/latest").exists()


def test_only_later_builds_are_none(run: Run, numbers: Path) -> None:
    publish(numbers, run, "{age: ..20}", "2024-03-02")
    done = published(numbers, run, "c/old/x")
    assert done.code == ExitCode.NOT_PUBLISHED
    assert "is not published up to 2024-03-01; there is 2024-03-02" in done.err


@pytest.mark.not_on_spark("a pack is a folder there: see test_spark_publish")
def test_a_damaged_file_is_refused(run: Run, numbers: Path) -> None:
    publish(numbers, run, "{age: ..20}", "2024-02-28")
    path = numbers / "packs/c/old/latest/x.parquet"
    good = path.read_bytes()
    for place in (8, len(good) // 2, len(good) - 9):
        damaged = bytearray(good)
        damaged[place] ^= 1
        path.write_bytes(damaged)
        done = published(numbers, run, "c/old/x")
        assert done.code == ExitCode.STORE
        assert "rules/a.yaml:6:24: " in done.err
        assert "SHA-256 differs" in done.err
    path.unlink()
    assert published(numbers, run, "c/old/x").code == ExitCode.STORE
    assert not (numbers / "packs/c/p/latest").exists()


@pytest.mark.parametrize("engine", ENGINES)
def test_users_who_have_gone_are_left_out_and_told(run: Run, numbers: Path, engine: str) -> None:
    publish(numbers, run, "{age: ..50}", "2024-02-28")
    NUMBERS.filter(pl.col("user_id") != 12).write_parquet(numbers / "users.parquet")
    done = published(numbers, run, "c/old/x", "--engine", engine)
    assert "warning: rules/a.yaml:6:24: published `c/old/x`: 1 id not in the user table" in done.err
    assert pack(numbers) == [1, 5, 1001]


def test_a_pack_of_keys_of_another_type_is_refused(run: Run, numbers: Path) -> None:
    publish(numbers, run, "{age: ..50}", "2024-02-28")
    TEXTS.write_parquet(numbers / "users.parquet")
    done = published(numbers, run, "c/old/x")
    assert done.code == ExitCode.DATA
    assert "rules/a.yaml:6:24: `c/old@2024-02-28/x` holds int64" in done.err


@pytest.mark.not_on_spark("a pack is a folder there: see test_spark_publish")
def test_the_manifest_names_the_pack_with_its_day_and_sha256(run: Run, numbers: Path) -> None:
    publish(numbers, run, "{age: ..30}", "2024-02-28")
    published(numbers, run, "c/old/x")
    manifest = json.loads((numbers / "packs/c/p/latest/manifest.json").read_text())
    digest = hashlib.sha256((numbers / "packs/c/old/latest/x.parquet").read_bytes()).hexdigest()
    wanted = {"kind": "published", "name": "c/old@2024-02-28/x", "size": 2, "sha256": digest}
    assert manifest["lists"] == [wanted]


def test_nobody_as_long_as_it_is_not_published(run: Run, numbers: Path) -> None:
    """New this time: less those of the pack's own last build, also at the first."""
    last = "{published: {pack: c/p/x, allow_missing: true}}"
    write(numbers, f"{{age: known, minus: {last}}}")
    assert run("build-pack", "--as-of", "2024-02-01", at=numbers).code == 0
    first = run("show-pack", "c/p@2024-02-01/x", at=numbers).out
    assert run("build-pack", "--as-of", "2024-02-02", at=numbers).code == 0
    second = run("show-pack", "c/p@2024-02-02/x", at=numbers).out
    assert "0 users" not in first
    assert "0 users, 0.0%" in second
    write(numbers, f"{{age: known, minus: {last.replace('true', 'false')}}}")
    assert run("build-pack", "--as-of", "2024-01-01", at=numbers).code == 7
