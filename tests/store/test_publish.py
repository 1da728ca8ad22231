"""Publishing: what is written, that it is one step, that it is the same bytes again."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from filelock import FileLock

import audience
from audience import private
from audience.api import BuildResult
from audience.errors import BusyError, StoreError, UsageError
from audience.store import publish as publishing
from audience.store.checksum import checksum
from support import MakeProject

RULE = """\
campaign: c
phase: p
label: 试
as_of: 2024-03-01
base: {age: 18..}
packs:
  老客: {label: 老, where: {age: 40..}}
  young: {where: {age: ..30}}
"""
USERS = pl.DataFrame({"user_id": [5, 3, 9, 1, 7], "age": [20, 45, 50, 10, 30]})


def build(folder: Path, **options: Any) -> tuple[BuildResult, ...]:
    return audience.build(audience.load(folder), **options)


def tree(folder: Path) -> dict[str, bytes]:
    """Every file of a build by name."""
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_the_layout_is_what_is_promised(make_project: MakeProject) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    build(folder)
    phase = folder / "packs/c/p"
    assert (phase / "latest").readlink() == Path("2024-03-01")
    names = {"老客.parquet", "young.parquet", "manifest.json", "summary.json"}
    assert {path.name for path in (phase / "2024-03-01").iterdir()} == names
    table = pq.read_table(phase / "latest" / "老客.parquet")
    assert table.column_names == ["user_id"]
    assert table.schema.field(0).type == pa.int64()
    assert table["user_id"].to_pylist() == [3, 9]
    assert pl.read_parquet(phase / "latest" / "young.parquet")["user_id"].to_list() == [5, 7]


@pytest.mark.parametrize(
    ("kind", "ids"),
    [
        (pa.int32(), [3, -1, 2]),
        (pa.int16(), [3, 1, 2]),
        (pa.string(), ["b", "a", "用户"]),
        (pa.large_string(), ["z", "Z", ""]),
    ],
)
def test_the_key_keeps_its_type_and_ascends(
    make_project: MakeProject, kind: pa.DataType, ids: list[Any]
) -> None:
    folder = make_project(USERS)
    pq.write_table(
        pa.table({"user_id": pa.array(ids, kind), "age": [20, 30, 40]}), folder / "users.parquet"
    )
    (folder / "rules/a.yaml").write_text(
        "campaign: c\nphase: p\nas_of: 2024-03-01\npacks: {all: {where: {age: known}}}\n"
    )
    build(folder)
    table = pq.read_table(folder / "packs/c/p/latest/all.parquet")
    assert table.schema.field("user_id").type == kind
    assert table["user_id"].to_pylist() == sorted(ids, key=_bytes)


def _bytes(value: Any) -> Any:
    return value.encode() if isinstance(value, str) else value


def test_the_manifest_says_what_was_built_from_what(make_project: MakeProject) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    build(folder)
    phase = folder / "packs/c/p/2024-03-01"
    manifest = json.loads((phase / "manifest.json").read_text())
    assert manifest["format"] == 2
    assert manifest["as_of"] == "2024-03-01"
    assert manifest["base_size"] == 4
    assert manifest["key"] == "user_id"
    assert manifest["program"].startswith("audience ")
    rule = manifest["rules"][0]
    assert rule["path"] == "rules/a.yaml"
    assert rule["text"] == RULE
    assert rule["sha256"] == hashlib.sha256(RULE.encode()).hexdigest()
    users = folder / "users.parquet"
    assert manifest["inputs"] == [
        {
            "table": "users",
            "path": "users.parquet",
            "size": users.stat().st_size,
            "modified": manifest["inputs"][0]["modified"],
        }
    ]
    nanoseconds = manifest["inputs"][0]["modified"].rpartition(".")[2].rstrip("Z")
    assert int(nanoseconds) == users.stat().st_mtime_ns % 10**9
    old, young = manifest["packs"]
    assert (old["name"], old["label"], old["size"]) == ("老客", "老", 2)
    assert old["sha256"] == hashlib.sha256((phase / old["file"]).read_bytes()).hexdigest()
    assert old["ids"] == checksum(pa.array([3, 9]))
    assert young["ids"] == checksum(pa.array([7, 5]))
    summary = json.loads((phase / "summary.json").read_text())
    assert summary["packs"][0]["share"] == 0.5
    assert summary["overlaps"][0] == {"pack": "老客", "other": "young", "both": 0, "share": 0.0}


def test_only_the_owner_can_read(make_project: MakeProject) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    before = os.umask(0)
    try:
        build(folder)
    finally:
        os.umask(before)
    for path in (folder / "packs").rglob("*"):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode == (0o700 if path.is_dir() else 0o600), path


def test_a_second_run_changes_nothing_and_says_so(make_project: MakeProject) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    first = build(folder)[0].published
    before = (first.folder / "manifest.json").stat()
    second = build(folder)[0].published
    after = (second.folder / "manifest.json").stat()
    assert not first.unchanged
    assert second.unchanged
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_row_order_row_groups_and_engine_do_not_reach_the_bytes(
    make_project: MakeProject, engine: str
) -> None:
    count = 5_000
    users = pl.DataFrame({"user_id": range(count), "age": [n % 60 for n in range(count)]})
    folder = make_project(users, {"a.yaml": RULE})
    build(folder)
    first = tree(folder / "packs/c/p/2024-03-01")
    shuffled = users.sample(fraction=1, shuffle=True, seed=3)
    shuffled.write_parquet(folder / "users.parquet", row_group_size=97)
    build(folder, engine=engine)
    second = tree(folder / "packs/c/p/2024-03-01")
    packs = [name for name in first if name.endswith(".parquet")]
    assert packs
    assert {name: first[name] for name in packs} == {name: second[name] for name in packs}
    summaries = [name for name in first if name.endswith("summary.json")]
    assert all(first[name] == second[name] for name in summaries)


def test_latest_is_the_newest_day_whatever_was_built_last(make_project: MakeProject) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    for day in (date(2024, 3, 1), date(2024, 5, 1), date(2024, 4, 1)):
        build(folder, as_of=day)
    assert (folder / "packs/c/p/latest").readlink() == Path("2024-05-01")
    assert len(list((folder / "packs/c/p/.builds").iterdir())) == 3


def test_a_new_build_of_a_day_takes_the_place_of_the_old(make_project: MakeProject) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    old = build(folder)[0].published.folder
    before = tree(old)
    (folder / "rules/a.yaml").write_text(RULE.replace("40..", "46.."))
    new = build(folder)[0].published.folder
    assert new != old
    # Who is reading it can go on until the next build.
    assert tree(old) == before
    build(folder)
    assert not old.exists()
    assert pq.read_table(folder / "packs/c/p/latest/老客.parquet")["user_id"].to_pylist() == [9]


STEPS = [
    (publishing, "_write_pack"),
    (private, "write"),
    (private, "flush_folder"),
    (publishing, "_point"),
    (publishing, "sweep"),
]


@pytest.mark.parametrize("failure", [KeyboardInterrupt, OSError(errno.ENOSPC, "No space left")])
@pytest.mark.parametrize("nth", [1, 2, 3])
@pytest.mark.parametrize(("module", "step"), STEPS)
def test_a_failure_at_any_step_leaves_a_whole_build(
    make_project: MakeProject,
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    step: str,
    nth: int,
    failure: Any,
) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    build(folder)
    old = tree(folder / "packs/c/p/2024-03-01")
    (folder / "rules/a.yaml").write_text(RULE.replace("40..", "46.."))
    real, calls = getattr(module, step), []

    def failing(*arguments: Any, **options: Any) -> Any:
        calls.append(1)
        if len(calls) == nth:
            raise failure
        return real(*arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(module, step, failing)
        failed = True
        try:
            build(folder)
            failed = False
        except (KeyboardInterrupt, StoreError):
            pass
    found = tree(folder / "packs/c/p/2024-03-01")
    build(folder)
    new = tree(folder / "packs/c/p/2024-03-01")
    assert new != old
    assert found in ((old, new) if failed else (new,))
    build(folder)
    builds = folder / "packs/c/p/.builds"
    assert [path.name for path in builds.iterdir()] == [
        (folder / "packs/c/p/2024-03-01").resolve().name
    ]


def test_a_damaged_file_of_an_equal_build_is_written_anew(make_project: MakeProject) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    first = tree(build(folder)[0].published.folder)
    pack = folder / "packs/c/p/latest/young.parquet"
    pack.write_bytes(pack.read_bytes()[:-1])
    published = build(folder)[0].published
    assert not published.unchanged
    assert tree(published.folder) == first


def test_a_campaign_has_one_writer(make_project: MakeProject) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    (folder / "packs/c").mkdir(parents=True)
    with (
        FileLock(folder / "packs/c/.lock"),
        pytest.raises(BusyError, match="`c` is being published"),
    ):
        build(folder)
    assert not list((folder / "packs").rglob("*.parquet"))
    build(folder)


def test_some_packs_may_not_displace_others(make_project: MakeProject) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    part = build(folder, packs=["young"])[0].published.manifest
    assert part.partial
    assert [entry.name for entry in part.packs] == ["young"]
    whole = build(folder)[0].published.manifest
    assert not whole.partial
    with pytest.raises(UsageError, match="老客"):
        build(folder, packs=["young"])
    assert len(build(folder, packs=["young"], dry_run=True)[0].summary.packs) == 1


def test_a_dry_run_writes_nothing(make_project: MakeProject) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    build(folder, dry_run=True)
    assert not (folder / "packs").exists()


def test_something_in_the_way_is_not_removed(make_project: MakeProject) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    (folder / "packs/c/p/2024-03-01").mkdir(parents=True)
    with pytest.raises(StoreError, match="in the way"):
        build(folder)
    assert (folder / "packs/c/p/2024-03-01").is_dir()


def test_what_is_in_the_way_is_found_before_anything_is_published(
    make_project: MakeProject,
) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    build(folder)
    phase = folder / "packs/c/p"
    (phase / "latest").unlink()
    (phase / "latest").mkdir()
    with pytest.raises(StoreError, match="in the way"):
        build(folder, as_of=date(2024, 5, 1))
    assert not (phase / "2024-05-01").exists()


def test_junk_called_like_a_day_is_no_build(make_project: MakeProject) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    phase = folder / "packs/c/p"
    phase.mkdir(parents=True)
    (phase / "2025-01-01").write_text("junk")
    (phase / "2025-01-02").symlink_to("nowhere")
    build(folder)
    assert (phase / "latest").readlink() == Path("2024-03-01")
    found = audience.list_builds(audience.load(folder))
    assert [each.name for each in found.builds] == ["c/p@2024-03-01"]
    assert not found.damaged


def test_a_failure_says_what_was_published_before_it(make_project: MakeProject) -> None:
    second = RULE.replace("phase: p", "phase: q")
    folder = make_project(USERS, {"a.yaml": RULE, "b.yaml": second})
    (folder / "packs/c").mkdir(parents=True)
    (folder / "packs/c/q").write_text("a file")
    with pytest.raises(StoreError, match="published before it: c/p"):
        build(folder)
