"""Verifying: whatever is done to what is published, it is found and the file is named."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import audience
from audience.errors import NotPublishedError, StoreError, UsageError
from audience.store.manifest import digest_of, to_json
from support import MakeProject, Run

RULE = """\
campaign: c
phase: p
as_of: 2024-03-01
packs:
  老客: {label: 老, where: {age: 40..}}
  young: {where: {age: ..30}}
"""
USERS = pl.DataFrame({"user_id": range(200), "age": [n % 60 for n in range(200)]})


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    folder = make_project(USERS, {"a.yaml": RULE, "b.yaml": RULE.replace("phase: p", "phase: q")})
    audience.build(audience.load(folder))
    return folder


def faults(folder: Path, *names: str) -> list[str]:
    """What is wrong, of builds named or of all."""
    found = audience.verify(audience.load(folder), names)
    return [fault for each in found for fault in each.faults]


def phase(folder: Path, name: str = "p") -> Path:
    return folder / "packs/c" / name / "2024-03-01"


def test_what_was_published_is_whole(folder: Path) -> None:
    found = audience.verify(audience.load(folder))
    assert [(each.build, each.packs, each.faults) for each in found] == [
        ("c/p@2024-03-01", 2, ()),
        ("c/q@2024-03-01", 2, ()),
    ]
    old = sum(n % 60 >= 40 for n in range(200))
    young = sum(n % 60 <= 30 for n in range(200))
    assert found[0].users == old + young
    assert faults(folder, "c/p", "c/q@2024-03-01/young") == []


def test_a_build_by_its_folder_needs_no_project(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(phase(folder), tmp_path / "copy")
    assert [each.faults for each in audience.verify(None, [str(tmp_path / "copy")])] == [()]
    (tmp_path / "copy/young.parquet").unlink()
    (each,) = audience.verify(None, [str(tmp_path / "copy")])
    assert each.faults == (f"{tmp_path / 'copy/young.parquet'} is missing",)
    with pytest.raises(UsageError, match="without a project"):
        audience.verify(None, ["c/p"])
    with pytest.raises(UsageError, match="without a project"):
        audience.verify(None)


def swap_packs(build: Path) -> str:
    one, other = build / "老客.parquet", build / "young.parquet"
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    return "young.parquet"


def take_of_another_build(build: Path) -> str:
    shutil.copy(build.parent.parent / "q/2024-03-01/manifest.json", build / "manifest.json")
    return "manifest.json"


def remove_a_pack(build: Path) -> str:
    (build / "young.parquet").unlink()
    return "young.parquet"


def remove_the_summary(build: Path) -> str:
    (build / "summary.json").unlink()
    return "summary.json"


def remove_the_manifest(build: Path) -> str:
    (build / "manifest.json").unlink()
    return "manifest.json"


def edit_the_summary(build: Path) -> str:
    path = build / "summary.json"
    path.write_text(path.read_text().replace("200", "201"))
    return "summary.json"


def add_a_file(build: Path) -> str:
    (build / "more.parquet").write_bytes(b"")
    return "more.parquet"


def change_the_layout(build: Path) -> str:
    path = build / "young.parquet"
    pl.read_parquet(path).write_parquet(path)
    return "young.parquet"


def lead_the_link_away(build: Path) -> str:
    build.unlink()
    build.symlink_to("../q/2024-03-01")
    return "manifest.json"


def lead_the_link_nowhere(build: Path) -> str:
    build.unlink()
    build.symlink_to("nowhere")
    return "2024-03-01"


DAMAGES: list[Callable[[Path], str]] = [
    swap_packs,
    take_of_another_build,
    remove_a_pack,
    remove_the_summary,
    remove_the_manifest,
    edit_the_summary,
    add_a_file,
    change_the_layout,
    lead_the_link_away,
    lead_the_link_nowhere,
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damage_is_found_and_named(folder: Path, damage: Callable[[Path], str]) -> None:
    name = damage(phase(folder))
    assert any(name in fault for fault in faults(folder))


FIELDS = ["campaign", "phase", "label", "program", "key", "base_size", "partial", "suppressed"]


@pytest.mark.parametrize("name", FIELDS)
def test_an_edited_manifest_is_refused(folder: Path, name: str) -> None:
    path = phase(folder) / "manifest.json"
    data = json.loads(path.read_text())
    data[name] = "x" if isinstance(data[name], str) else data[name] + 1
    path.write_text(to_json(data))
    assert "its SHA-256 differs" in faults(folder)[0]
    with pytest.raises(StoreError, match=r"manifest\.json is not as it was published"):
        audience.show(audience.load(folder), "c/p")


def test_a_manifest_that_contradicts_its_files_is_refused(folder: Path) -> None:
    """As of somebody who knows how to make the digest anew."""
    path = phase(folder) / "manifest.json"
    data = json.loads(path.read_text())
    for name, value in (("size", 7), ("ids", "xxh64sum:0000000000000000")):
        edited = json.loads(json.dumps(data))
        edited["packs"][1][name] = value
        del edited["sha256"]
        digest = digest_of(to_json(edited).encode())
        rest = {key: value for key, value in edited.items() if key != "format"}
        path.write_text(to_json({"format": edited["format"], "sha256": digest, **rest}))
        (found,) = faults(folder)
        assert "young.parquet" in found
        assert "the manifest says" in found


def flips(path: Path, count: int) -> list[bytes]:
    """Copies of a file with one bit of it turned."""
    draw = random.Random(f"{path.name} {count}")
    whole = path.read_bytes()
    out = []
    for _ in range(count):
        place, bit = draw.randrange(len(whole)), draw.randrange(8)
        out.append(whole[:place] + bytes([whole[place] ^ 1 << bit]) + whole[place + 1 :])
    return out


def cuts(path: Path, count: int) -> list[bytes]:
    """Copies of a file without its end."""
    draw = random.Random(f"{path.name} {count}")
    whole = path.read_bytes()
    return [whole[: draw.randrange(len(whole))] for _ in range(count)]


@pytest.mark.parametrize("name", ["老客.parquet", "manifest.json", "summary.json"])
@pytest.mark.parametrize(("spoil", "count"), [(flips, 100), (cuts, 20)])
def test_no_turned_bit_and_no_lost_end_is_overlooked(
    folder: Path, name: str, spoil: Callable[[Path, int], list[bytes]], count: int
) -> None:
    project = audience.load(folder)
    path = phase(folder) / name
    whole = path.read_bytes()
    for damaged in spoil(path, count):
        path.write_bytes(damaged)
        found = faults(folder, "c/p")
        assert found
        assert name in found[0]
        if name != "summary.json":
            for use in (lambda: audience.diff(project, "c/p", "c/q"), lambda: pick(project)):
                with pytest.raises(StoreError, match=name):
                    use()
    path.write_bytes(whole)
    assert faults(folder) == []


def pick(project: Any) -> None:
    audience.members(project, "c/p/老客")


def test_a_pack_by_its_path_is_held_against_the_manifest_beside_it(
    folder: Path, tmp_path: Path
) -> None:
    path = phase(folder) / "young.parquet"
    shutil.copy(path, tmp_path / "young.parquet")
    pl.read_parquet(path).head(3).write_parquet(path)
    other = str(phase(folder, "q") / "young.parquet")
    with pytest.raises(StoreError, match=r"young\.parquet is not the file that was published"):
        audience.diff(None, str(path), other)
    assert audience.diff(None, str(tmp_path / "young.parquet"), other).packs[0].added == 0


def test_the_command_names_every_file_and_ends_with_5(folder: Path, run: Run) -> None:
    done = run("verify", at=folder)
    assert (done.code, done.err) == (0, "")
    assert done.out.count("yes") == 2
    assert run("verify", "--quiet", at=folder).out == ""
    swap_packs(phase(folder))
    done = run("verify", at=folder)
    assert done.code == 5
    assert done.err.count("its SHA-256 differs") == 2
    assert run("verify", "c/q", at=folder).code == 0
    told = json.loads(run("verify", "-f", "json", at=folder).out)
    assert [len(each["faults"]) for each in told["builds"]] == [2, 0]
    assert run("verify", "c/r", at=folder).code == 7


def test_one_damaged_build_does_not_hide_the_others(folder: Path, run: Run) -> None:
    (phase(folder) / "manifest.json").write_text("{")
    done = run("list-packs", at=folder)
    assert done.code == 5
    assert "c/q@2024-03-01" in done.out
    assert "c/p" not in done.out
    assert "manifest.json is damaged" in done.err
    told = json.loads(run("list-packs", "-f", "json", at=folder).out)
    assert [each["build"] for each in told["builds"]] == ["c/q@2024-03-01"]
    assert len(told["damaged"]) == 1


def test_names_that_are_not_there(folder: Path) -> None:
    with pytest.raises(NotPublishedError):
        faults(folder, "c/x")
    assert "has no pack `x`" in faults(folder, "c/p/x")[0]


@pytest.mark.parametrize("form", [1, 3])
def test_a_manifest_of_another_format_is_refused(folder: Path, run: Run, form: int) -> None:
    """Who takes its hash away must not pass for a program that wrote none."""
    path = phase(folder) / "manifest.json"
    data = json.loads(path.read_text())
    for name in ("sha256", "summary", "forgotten"):
        del data[name]
    path.write_text(to_json({**data, "format": form}))
    assert f"has format {form}, this program reads 2; build it once more" in faults(folder)[0]
    for words in (("export-pack", "c/p/young", "out.csv"), ("diff-packs", "c/p", "c/q")):
        assert run(*words, at=folder).code == 5
    assert not (folder / "out.csv").exists()


def copy_outside(folder: Path) -> None:
    link = phase(folder)
    shutil.copytree(link.resolve(), folder / "outside")
    link.unlink()
    link.symlink_to("../../../outside")


def another_day(folder: Path) -> None:
    build = phase(folder).resolve()
    (folder / "packs/c/p/2024-03-02").symlink_to(f".builds/{build.name}")


def link_to_the_same(folder: Path) -> None:
    file = phase(folder) / "young.parquet"
    shutil.move(file, folder / "young.parquet")
    file.symlink_to(folder / "young.parquet")


def pipe(folder: Path) -> None:
    (phase(folder) / "young.parquet").unlink()
    os.mkfifo(phase(folder) / "young.parquet")


MOVES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a link that leads elsewhere": (copy_outside, "is not below"),
    "a day that is another one's": (another_day, "is of c/p@2024-03-01, not of c/p@2024-03-02"),
    "a pack that is a link": (link_to_the_same, "is a symbolic link"),
    "a pack that is a pipe": (pipe, "is no file"),
}


@pytest.mark.parametrize("name", MOVES)
def test_what_does_not_lie_where_it_was_published(folder: Path, run: Run, name: str) -> None:
    move, told = MOVES[name]
    move(folder)
    done = run("verify", at=folder)
    assert done.code == 5
    assert told in done.err
    if name != "a pack that is a link":
        assert run("export-pack", "c/p/young", "out.csv", at=folder).code == 5
        assert run("diff-packs", "c/p", "c/q", at=folder).code == 5


@pytest.mark.parametrize("goal", ["2024-02-01", "/tmp", "../q/2024-03-01", ""])
def test_latest_leads_to_a_build_of_the_phase(folder: Path, goal: str) -> None:
    latest = folder / "packs/c/p/latest"
    latest.unlink()
    if goal:
        latest.symlink_to(goal)
    else:
        latest.mkdir()
    assert f"latest leads to no build of this phase: {goal or 'no link'}" in faults(folder)[0]


def test_what_nobody_published_lies_beside(folder: Path) -> None:
    (folder / "packs/c/p/notes.txt").write_text("x")
    assert "notes.txt was not published" in faults(folder)[0]


def test_a_file_that_the_manifest_beside_it_does_not_have(folder: Path, run: Run) -> None:
    evil = phase(folder) / "evil.parquet"
    shutil.copy(phase(folder) / "young.parquet", evil)
    done = run("diff-packs", str(evil), str(phase(folder) / "young.parquet"), at=folder)
    assert done.code == 5
    assert "the manifest beside it has no such pack" in done.err
