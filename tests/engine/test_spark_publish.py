"""Packs that Spark's workers publish: parts that follow each other, the same ids, one commit."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import audience
from audience.engine.spark import parts
from audience.errors import DataError, StoreError, UnreadableError
from audience.store.manifest import Manifest, digest_of
from engine.ways import project, put

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

USERS = 2_000
RULE = """\
campaign: c
phase: p
as_of: 2024-03-01
packs:
  全部: {label: 所有人, where: {id: known}}
  half: {where: {v: ..24}}
  few: {where: {v: 7}}
  nobody: {where: {v: 999}}
  kept: {where: {v: known}, limit: {keep: 300, by: v, order: asc}, split: {a: 60%, b: 40%}}
"""

KEYS: dict[str, Callable[[], Any]] = {
    "whole": lambda: [n * 37 % 100_003 - 50_000 for n in range(USERS)],
    "narrow": lambda: pa.array([n * 7 % 30_011 for n in range(USERS)], pa.int32()),
    "short": lambda: pa.array([n * 7 % 32_003 for n in range(USERS)], pa.int16()),
    "unsigned": lambda: pa.array([n * 37 % 100_003 for n in range(USERS)], pa.uint32()),
    "text": lambda: [f"用户{n * 37 % 100_003}" if n % 3 else f"u-{n}" for n in range(USERS)],
}


@pytest.fixture(autouse=True)
def small_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "IDS", 256)


@pytest.fixture(scope="module")
def once(tmp_path_factory: pytest.TempPathFactory, spark: SparkSession) -> Path:
    """A project whose packs were published in parts."""
    folder = tmp_path_factory.mktemp("once")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "IDS", 256)
        audience.build(users(folder, KEYS["whole"]()), engine="spark")
    return folder


@pytest.fixture
def parted(once: Path, tmp_path: Path) -> Any:
    """Such a project of one's own."""
    folder = shutil.copytree(once, tmp_path / "parted", symlinks=True)
    return audience.load(folder)


def users(folder: Path, keys: Any) -> Any:
    value = [None if n % 7 == 0 else n * n % 50 for n in range(USERS)]
    put(folder, "users/1.parquet", id=keys[: USERS // 2], v=pa.array(value[: USERS // 2]))
    put(folder, "users/2.parquet", id=keys[USERS // 2 :], v=pa.array(value[USERS // 2 :]))
    opened = project(folder, "", "  users: {path: users, key: id}\n")
    (folder / "rules/r.yaml").write_text(RULE)
    return opened


def published(opened: Any, engine: str) -> tuple[Path, Manifest]:
    (found,) = audience.build(opened, engine=engine, cache=False)
    assert found.published is not None
    return found.published.folder, found.published.manifest


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize(
    "kind",
    [
        each if each in {"whole", "text"} else pytest.param(each, marks=pytest.mark.soak)
        for each in KEYS
    ],
)
def test_the_same_packs_as_from_polars(kind: str, tmp_path: Path, spark: SparkSession) -> None:
    """Sizes, checksums of ids, and ids; ascending over the parts; nobody is a part without rows."""
    opened = users(tmp_path, KEYS[kind]())
    _, expected = published(opened, "polars")
    wanted = {
        pack.name: list(audience.members(opened, f"c/p/{pack.name}").to_pylist())
        for pack in expected.packs
    }
    folder, found = published(opened, "spark")
    assert [(each.name, each.label, each.size, each.ids) for each in found.packs] == [
        (each.name, each.label, each.size, each.ids) for each in expected.packs
    ]
    stored = pq.read_schema(folder / "全部.parquet/part-00000.parquet").field("id").type
    kept = {"whole": pa.int64(), "narrow": pa.int32(), "short": pa.int16()}
    assert stored == kept.get(kind, pa.int64() if kind == "unsigned" else pa.string())
    for pack in found.packs:
        read = [pq.read_table(folder / pack.file / part.file)["id"] for part in pack.parts]
        assert [len(each) for each in read] == [part.size for part in pack.parts]
        assert all(len(each) < 2 * parts.IDS for each in read)
        assert [one for each in read for one in each.to_pylist()] == wanted[pack.name]
        for part in pack.parts:
            path = folder / pack.file / part.file
            assert digest_of(path.read_bytes()) == part.sha256
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
        lines = "".join(f"{part.sha256}  {part.file}\n" for part in pack.parts)
        assert digest_of(lines.encode()) == pack.sha256
    sizes = {pack.name: len(pack.parts) for pack in found.packs}
    assert sizes["全部"] == 8
    assert sizes["nobody"] == sizes["few"] == 1
    assert [each.faults for each in audience.verify(opened)] == [()]
    listed = {path.name for path in folder.iterdir()}
    assert listed == {"manifest.json", "summary.json", *(pack.file for pack in found.packs)}
    assert pq.read_table(folder / "half.parquet")["id"].to_pylist() == wanted["half"]
    (counted,) = duckdb.sql(f"SELECT count(*) FROM '{folder}/half.parquet/*.parquet'").fetchall()
    assert counted == (len(wanted["half"]),)


@pytest.mark.soak
def test_the_same_bytes_again(tmp_path: Path, spark: SparkSession) -> None:
    """However the rows are spread, and in how many parts Spark works."""
    keys = KEYS["whole"]()
    folder, _ = published(users(tmp_path, keys), "spark")
    before = files(folder)
    opened = users(tmp_path, keys)
    at = spark.conf.get("spark.sql.shuffle.partitions")
    try:
        spark.conf.set("spark.sql.shuffle.partitions", "5")
        (found,) = audience.build(opened, spark=spark, cache=False)
    finally:
        spark.conf.set("spark.sql.shuffle.partitions", str(at))
    assert found.published is not None
    assert {
        name: data
        for name, data in files(found.published.folder).items()
        if name.endswith(".parquet")
    } == {name: data for name, data in before.items() if name.endswith(".parquet")}
    (again,) = audience.build(opened, engine="spark", cache=False)
    assert again.published is not None
    assert again.published.unchanged


def test_folders_with_signs_of_globs(tmp_path: Path, spark: SparkSession) -> None:
    folder = tmp_path / "数据 [1]{a,b}*?%3D\\x"
    folder.mkdir()
    opened = users(folder, KEYS["text"]())
    _, expected = published(opened, "polars")
    _, found = published(opened, "spark")
    assert [each.ids for each in found.packs] == [each.ids for each in expected.packs]
    assert [each.faults for each in audience.verify(opened)] == [()]


def test_builds_of_two_engines_differ_in_nobody(tmp_path: Path, spark: SparkSession) -> None:
    opened = users(tmp_path, KEYS["text"]())
    path = tmp_path / "rules/r.yaml"
    audience.build(opened, engine="spark")
    path.write_text(RULE.replace("2024-03-01", "2024-03-02"))
    audience.build(opened, engine="polars")
    for sides in (
        ("c/p@2024-03-01", "c/p@2024-03-02"),
        ("c/p@2024-03-02", "c/p@2024-03-01"),
        ("c/p@2024-03-01/half", str(tmp_path / "packs/c/p/2024-03-02/half.parquet")),
        (str(tmp_path / "packs/c/p/2024-03-01/half.parquet"), "c/p/half"),
    ):
        found = audience.diff(opened, *sides)
        assert all(
            pack.added == pack.removed == 0 and pack.kept == pack.new_size for pack in found.packs
        ), sides


def test_a_published_pack_is_a_list_of_later_rules(parted: Any) -> None:
    later = parted.root / "rules/later.yaml"
    later.write_text(
        "campaign: c\nphase: q\nas_of: 2024-03-02\npacks:\n"
        "  again: {where: {all: [{published: c/p/half}, {not: {published: c/p/few}}]}}\n"
    )
    found = [
        audience.build(parted, later, engine=engine, dry_run=True)[0]
        for engine in ("polars", "spark")
    ]
    assert found[0].summary == found[1].summary
    assert found[0].lists == found[1].lists
    assert found[0].ids("again").equals(found[1].ids("again"))


def test_people_are_forgotten_in_parts(parted: Any) -> None:
    gone = audience.members(parted, "c/p/half", 3).to_pylist()
    told = audience.forget(parted, gone)
    assert told.found == 3
    assert not set(gone) & set(audience.members(parted, "c/p/half").to_pylist())
    assert [each.faults for each in audience.verify(parted)] == [()]


def damage(folder: Path, how: str) -> str:
    """Damage a pack's parts; what is told of it."""
    pack = folder / "全部.parquet"
    first, second = (pack / f"part-0000{n}.parquet" for n in (0, 1))
    match how:
        case "gone":
            second.unlink()
            return f"{second} is missing"
        case "all gone":
            shutil.rmtree(pack)
            return f"{pack} is missing"
        case "other":
            shutil.copy(first, second)
            return f"{second} is not the file that was published: its SHA-256 differs"
        case "more":
            shutil.copy(first, pack / "part-00099.parquet")
            return f"{pack / 'part-00099.parquet'} was not published"
        case _:
            first.rename(folder.parent / "x.parquet")
            first.symlink_to(folder.parent / "x.parquet")
            return f"{first} is a symbolic link, not the file that was published"


@pytest.mark.parametrize("how", ["gone", "all gone", "other", "more", "link"])
def test_damaged_parts_are_found(how: str, parted: Any) -> None:
    expected = damage((parted.root / "packs/c/p/2024-03-01").resolve(), how)
    (found,) = audience.verify(parted)
    assert found.faults == (expected,)
    if how in {"gone", "all gone", "other"}:
        with pytest.raises(StoreError):
            audience.members(parted, "c/p/全部")


@pytest.mark.soak
def test_a_failure_leaves_what_was_published(
    tmp_path: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While workers write, when files are taken over, and where they are not what was counted."""
    opened = users(tmp_path, KEYS["whole"]())
    folder, _ = published(opened, "spark")
    before = files(folder)
    (tmp_path / "rules/r.yaml").write_text(RULE.replace("..24", "..30"))

    def fails(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    def failing_job(session: Any, *_: Any) -> Any:
        session.sql("SELECT raise_error('disk')").collect()

    def no_part(folder: Path, digests: Any) -> Any:
        return whole(folder, digests)[1:]

    whole = parts._files
    with monkeypatch.context() as patch:
        patch.setattr("audience.store.parts.private.flush", fails)
        with pytest.raises(StoreError, match="No space left"):
            audience.build(opened, engine="spark")
    with monkeypatch.context() as patch:
        patch.setattr(parts, "_digests", failing_job)
        with pytest.raises(UnreadableError):
            audience.build(opened, engine="spark")
    with monkeypatch.context() as patch:
        patch.setattr(parts, "_files", no_part)
        with pytest.raises(StoreError, match="were counted"):
            audience.build(opened, engine="spark")
    with monkeypatch.context() as patch:
        patch.setattr(parts, "_files", lambda *each: whole(*each)[::-1])
        with pytest.raises(StoreError, match="do not follow each other"):
            audience.build(opened, engine="spark")
    assert files((tmp_path / "packs/c/p/latest").resolve()) == before
    assert list(folder.parent.iterdir()) == [folder]


def test_nothing_is_gathered_here(
    tmp_path: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a build this process sees counts and a sample of ids, whatever the packs' sizes."""
    opened = users(tmp_path, KEYS["whole"]())
    seen = []

    def note(frame: Any) -> pa.Table:
        found = frame.toArrow()
        seen.append((found.num_rows, [name for name in found.column_names if "key" in name]))
        return found

    for place in ("members", "parts", "engine"):
        monkeypatch.setattr(f"audience.engine.spark.{place}.to_arrow", note)
    published(opened, "spark")
    assert all(rows < USERS // 2 for rows, keys in seen if keys), seen
    assert seen


@pytest.mark.parametrize("name", ["users/1.parquet", "users/2.parquet"])
def test_a_table_that_changes_is_not_published(
    name: str, tmp_path: Path, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = users(tmp_path, KEYS["whole"]())
    path = tmp_path / name

    def change(*each: Any) -> Any:
        path.touch()
        return fold(*each)

    from audience.engine.spark import run

    fold = run.fold_events
    monkeypatch.setattr(run, "fold_events", change)
    with pytest.raises(DataError, match="changed while it was read"):
        audience.build(opened, engine="spark")
    assert not (tmp_path / "packs/c/p/latest").exists()
