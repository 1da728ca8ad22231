"""Packs in an object store, through the whole program: as in a folder, command by command."""

from __future__ import annotations

import json
import shutil
import sys
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pyarrow.parquet as pq
import pytest

import audience
from audience.errors import NotPublishedError, RuleError, UsageError
from audience.objects import ObjectPath
from audience.store.manifest import digest_of
from engine.stores import Answer, Store
from support import MakeProject, Run

ROOT = Path(__file__).parents[2]
RULE = """\
campaign: c
phase: p
packs:
  old: {label: 老, where: {age: 40..}}
  young: {where: {age: ..45}}
"""
TAKES = """\
campaign: c
phase: q
packs:
  again: {where: {published: c/p/old}}
"""
USERS = [91001001, 91001002, 91001003, 91001004, 91001005]
DAYS = [date(2024, 3, day) for day in range(1, 5)]


@pytest.fixture
def folder(make_project: MakeProject, store: Store) -> Path:
    users = {"user_id": USERS, "age": [20, 42, 50, None, 44]}
    folder = make_project(pl.DataFrame(users), {"a.yaml": RULE})
    text = (folder / "audience.yaml").read_text()
    (folder / "audience.yaml").write_text(f"packs: {store.url}/packs/\n{text}min_cell: 0\n")
    return folder


def keys(store: Store) -> list[str]:
    return [each.key for each in ObjectPath(store.bucket).walk()]


def everything(store: Store) -> bytes:
    """All bytes of a bucket, packs as the ids that are in them."""
    out = []
    for path in ObjectPath(store.bucket).walk():
        out.append(path.read_bytes())
        if path.suffix == ".parquet":
            out.append(str(pq.read_table(path.open()).to_pydict()).encode())
    return b"\n".join(out)


def test_the_shipped_campaign_is_the_same_in_both(store: Store, tmp_path: Path, run: Run) -> None:
    opened, lines = [], []
    for name, packs in (("here", "packs/"), ("there", f"{store.url}/dmp/packs")):
        folder = tmp_path / name
        shutil.copytree(ROOT / "rules/mi13-2023", folder / "rules/mi13-2023")
        text = (ROOT / "audience.yaml").read_text().replace("fixtures/", f"{ROOT}/fixtures/")
        (folder / "audience.yaml").write_text(text.replace("packs: packs/", f"packs: {packs}"))
        done = run("build-pack", "-f", "json", at=folder)
        assert (done.code, done.err.count("published mi13-2023/")) == (0, 4)
        opened.append(audience.load(folder))
        lines.append(json.loads(done.out)["builds"])
    here, there = opened
    manifests = [audience.list_builds(each).builds for each in opened]
    assert len(manifests[0]) == 4
    for mine, other in zip(*manifests, strict=True):
        assert (other.name, other.packs, other.summary) == (mine.name, mine.packs, mine.summary)
        build = audience.show(there, other.name)[0]
        assert str(build.folder).startswith(
            f"{store.url}/dmp/packs/mi13-2023/{other.phase}/.builds"
        )
        for entry in mine.packs:
            name = f"{mine.name}/{entry.name}"
            assert digest_of((build.folder / entry.file).read_bytes()) == entry.sha256
            assert audience.members(there, name).equals(audience.members(here, name))
    assert [each.faults for each in audience.verify(there)] == [()] * 4
    changes = [audience.diff(each, manifests[0][0].name, manifests[0][2].name) for each in opened]
    assert changes[0].to_dict(matrix=True) == changes[1].to_dict(matrix=True)
    assert [{**each, "folder": ""} for each in lines[0]] == [
        {**each, "folder": ""} for each in lines[1]
    ]
    for each in opened:
        audience.export(each, "mi13-2023/3-convert/undecided", each.root / "out.csv")
    assert (there.root / "out.csv").read_bytes() == (here.root / "out.csv").read_bytes()
    assert "unchanged mi13-2023/3-convert" in run("build-pack", at=there.root).err
    assert not (there.root / "packs").exists()
    done = run("report", "mi13-2023/3-convert", "-o", "page.html", at=there.root)
    assert (done.code, (there.root / "page.html").is_file()) == (0, True), done.err


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_every_command_over_what_is_published(
    folder: Path, store: Store, run: Run, engine: str
) -> None:
    for day in DAYS[:2]:
        assert run("build-pack", "--as-of", day, "--engine", engine, at=folder).code == 0
    (folder / "rules/b.yaml").write_text(TAKES)
    users = {"user_id": USERS, "age": [60, 42, 50, None, 30]}
    pl.DataFrame(users).write_parquet(folder / "users.parquet")
    done = run("build-pack", "--as-of", DAYS[2], "--engine", engine, at=folder)
    assert (done.code, "c/q takes c/p@2024-03-02/old: 3 users" in done.err) == (0, True)
    done = run("list-packs", "-f", "json", at=folder)
    assert [each["build"] for each in json.loads(done.out)["builds"]] == [
        *(f"c/p@{day}" for day in DAYS[:3]),
        "c/q@2024-03-03",
    ]
    told = json.loads(run("show-pack", "c/p/old", "-f", "json", at=folder).out)
    assert told["folder"].startswith(f"{store.url}/packs/c/p/.builds/2024-03-03.00000001-")
    assert told["members"] == [91001001, 91001002, 91001003]
    assert f"{told['folder']}/old.parquet" in "".join(
        run("show-pack", "c/p/old", at=folder).out.split()
    )
    for words in (["verify"], ["verify", "c/p@2024-03-01"], ["verify", told["folder"]]):
        assert run(*words, at=folder).code == 0
    assert run("export-pack", "c/p@2024-03-01/old", "out.csv", at=folder).code == 0
    assert (folder / "out.csv").read_text().split() == [
        "user_id",
        *map(str, USERS[1:3]),
        "91001005",
    ]
    words = ("diff-packs", "c/p@2024-03-02", "c/p@2024-03-03", "-f", "json")
    changes = json.loads(run(*words, "--why", "--write", "moved", at=folder).out)
    old = next(each for each in changes["packs"] if each["new"] == "old")
    assert (old["added"], old["removed"]) == (1, 1)
    assert changes["why"]
    assert pl.read_parquet(folder / "moved/old/added.parquet")["user_id"].to_list() == [91001001]
    by_path = run(
        "diff-packs", f"{told['folder']}/old.parquet", "c/q/again", "-f", "json", at=folder
    )
    assert (by_path.code, json.loads(by_path.out)["packs"][0]["added"]) == (0, 1)
    assert run("overlap", "c/p", at=folder).code == 0
    assert run("profile", "c/p/old", at=folder).code == 0
    done = run("report", "c/p@2024-03-03", "-o", "page.html", at=folder)
    assert (done.code, (folder / "page.html").exists()) == (0, True), done.err
    runs = audience.read_log(audience.load(folder)).runs
    assert [each["command"] for each in runs][:3] == ["build-pack"] * 3
    assert run("log", at=folder).code == 0
    (folder / "rules/b.yaml").write_text(TAKES.replace("c/p/old", "c/p/old@2024-03-01"))
    done = run("prune", "--keep", "1", at=folder)
    assert (done.code, done.out.split()) == (0, ["c/p@2024-03-02"])
    assert "kept c/p@2024-03-01: rules/b.yaml" in done.err
    assert run("verify", at=folder).code == 0
    assert not (folder / "packs").exists()


def test_forgetting(folder: Path, store: Store, run: Run) -> None:
    (folder / "rules/a.yaml").write_text(RULE + "  by_id: {where: {ids: [91001003]}}\n")
    for day in DAYS:
        run("build-pack", "--as-of", day, at=folder)
    (folder / "rules/a.yaml").write_text(RULE)
    run("build-pack", "--as-of", DAYS[0], at=folder)  # another build, the one before is replaced
    for key in (f"2024-03-09.00000001-{'0' * 32}", f"2024-03-01.00000009-{'0' * 32}"):
        store.put(f"packs/c/p/.builds/{key}/old.txt", b"91001003")
    assert b"91001003" in everything(store)
    done = run("forget", "91001003", "99999999", at=folder)
    assert (done.code, "took 1 of 2 ids out of" in done.err) == (0, True), done.err
    assert b"91001003" not in everything(store)
    assert run("verify", at=folder).code == 0
    assert len({key.split("/")[4] for key in keys(store) if "/.builds/" in key}) == len(DAYS)
    for day in DAYS:
        assert audience.show(audience.load(folder), f"c/p@{day}")[0].manifest.forgotten == 1
    assert run("forget", "91001003", at=folder).err.startswith("took 0 of 1 id out of 0 packs")
    assert [each["exit"] for each in audience.read_log(audience.load(folder)).runs][-2:] == [0, 0]
    assert run("forget", "nobody", at=folder).code == 2


def test_forgetting_what_is_published_meanwhile(folder: Path, store: Store, run: Run) -> None:
    run("build-pack", "--as-of", DAYS[0], at=folder)
    build = audience.load(folder)

    def publish(asked: Answer) -> None:
        if asked.method == "GET" and "/.builds/" in asked.path:
            store.before = lambda _: None
            (folder / "rules/a.yaml").write_text(RULE.replace("..45", "..44"))
            audience.build(build, as_of=DAYS[0])

    store.before = publish
    done = run("forget", "91001003", at=folder)
    assert (done.code, "was published by another process meanwhile" in done.err) == (5, True)
    assert run("forget", "91001003", at=folder).code == 0
    assert b"91001003" not in everything(store)


def test_another_process_is_faster(folder: Path, store: Store, run: Run) -> None:
    run("build-pack", "--as-of", DAYS[0], at=folder)
    (folder / "rules/a.yaml").write_text(RULE.replace("..45", "..44"))
    other = audience.load(folder)

    def publish(asked: Answer) -> None:
        if asked.method == "PUT":
            store.before = lambda _: None
            audience.build(other, as_of=DAYS[0])

    store.before = publish
    (folder / "rules/a.yaml").write_text(RULE.replace("..45", "..43"))
    done = run("build-pack", "--as-of", DAYS[0], at=folder)
    store.before = lambda _: None
    assert (done.code, done.err.count("error:")) == (6, 1)
    assert "c/p@2024-03-01 was published by another process meanwhile" in done.err
    assert audience.read_log(other).runs[-1]["exit"] == 6
    assert run("verify", at=folder).code == 0
    builds = {key.split("/")[4] for key in keys(store) if "/.builds/" in key}
    assert len(builds) == 2


def test_some_packs_may_not_displace_others(folder: Path) -> None:
    project = audience.load(folder)
    audience.build(project, as_of=DAYS[0])
    with pytest.raises(UsageError, match="published with old too"):
        audience.build(project, as_of=DAYS[0], packs=["young"])


def test_names_that_are_not_there(folder: Path) -> None:
    project = audience.load(folder)
    with pytest.raises(NotPublishedError, match="nothing is published of `c/p`; there is nothing"):
        audience.show(project, "c/p")
    audience.build(project, as_of=DAYS[0])
    with pytest.raises(NotPublishedError, match="`c/p@2024-03-02` is not published; there is 2024"):
        audience.show(project, "c/p@2024-03-02")
    with pytest.raises(NotPublishedError, match="there is c/p; did you mean c/p"):
        audience.show(project, "c/pp")
    for text in (f"{ObjectPath(project.packs.bucket)}none.parquet", "s3://"):
        with pytest.raises(UsageError):
            audience.diff(project, text, "c/p")


def test_what_was_published_elsewhere_is_not_written(folder: Path, run: Run) -> None:
    project = audience.load(folder)
    audience.build(project, as_of=DAYS[0])
    folder_of = audience.show(project, "c/p")[0].folder
    text = (folder / "audience.yaml").read_text()
    (folder / "audience.yaml").write_text(text.replace("/packs/", "/others/"))
    done = run("diff-packs", str(folder_of), str(folder_of), "--write", "out", at=folder)
    assert (done.code, "was not published by this project" in done.err) == (2, True)
    (folder / "audience.yaml").write_text(text.partition("\n")[2])
    audience.build(audience.load(folder), as_of=DAYS[0])
    done = run("diff-packs", str(folder_of), "c/p", "--write", "out", at=folder)
    assert (done.code, "was not published by this project" in done.err) == (2, True)
    assert not (folder / "out").exists()


def test_spark_is_refused_before_anything_is_evaluated(
    folder: Path, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Evaluated(Exception):
        pass

    def evaluated(*_: Any, **__: Any) -> None:
        raise Evaluated

    monkeypatch.setattr("audience.builder.evaluate", evaluated)
    project = audience.load(folder)
    with pytest.raises(UsageError, match=r"^packs in an object store are published by the polars "):
        audience.build(project, engine="spark")
    assert store.answers == []
    with pytest.raises(Evaluated):
        audience.build(project, engine="spark", dry_run=True)
    assert store.answers == []


def test_a_dry_run_asks_the_store_for_nothing(folder: Path, store: Store, run: Run) -> None:
    assert run("build-pack", "--dry-run", at=folder).code == 0
    assert run("check", at=folder).code == 0
    assert store.answers == []


# What is refused

REFUSED = {
    "packs: gs://bucket/packs": ":1:8: `gs://bucket/packs` is no place for packs; expected a "
    "folder or s3://bucket/…",
    "packs: s3://": ":1:8: `s3://` is no place for packs; expected a folder or s3://bucket/…",
    "packs: s3://b/../c": ":1:8: `s3://b/../c` is no place for packs; expected a folder or "
    "s3://bucket/…",
    "rules: s3://bucket/rules": ":1:8: `rules`: `s3://bucket/rules` is not on this machine; "
    "expected a folder",
    "access: group\npacks: s3://b/p": ":1:1: `access` is of files; who may read packs in an "
    "object store is said there; expected no `access`",
}


@pytest.mark.parametrize("text", REFUSED)
def test_places_where_no_packs_can_be(make_project: MakeProject, text: str) -> None:
    table = "\ntables:\n  users: {path: users.parquet, key: user_id}\n"
    folder = make_project([{"user_id": 1}], project=text + table)
    with pytest.raises(RuleError) as told:
        audience.load(folder)
    assert str(told.value).endswith(REFUSED[text])


def test_without_the_library(folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    for words in (["list-packs"], ["build-pack"], ["verify"]):
        done = run(*words, at=folder)
        assert (done.code, done.err.count("s3 is not installed: pip install audience[s3]")) == (
            2,
            1 if words[0] != "build-pack" else 2,
        )
    assert run("build-pack", "--dry-run", at=folder).code == 0


@pytest.mark.parametrize("words", [["build-pack"], ["list-packs"], ["verify"], ["log"], ["prune"]])
def test_a_store_that_denies_ends_as_a_disk_that_fails(
    folder: Path, store: Store, run: Run, words: list[str]
) -> None:
    store.before = lambda _: "403 AccessDenied"
    more = ["--keep", "1"] if words == ["prune"] else []
    done = run(*words, *more, at=folder)
    assert done.code == 5
    errors = [line for line in done.err.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1
    assert "s3://" in errors[0]
    assert errors[0].endswith("the object store denies access (403 AccessDenied)")


def test_a_run_that_cannot_be_logged_fails_though_its_packs_are_there(
    folder: Path, store: Store, run: Run
) -> None:
    store.before = lambda asked: (
        "403 AccessDenied" if "log.jsonl" in asked.path + asked.query else None
    )
    done = run("build-pack", "--as-of", DAYS[0], at=folder)
    assert (done.code, "the run is not in the log: cannot write s3://" in done.err) == (5, True)
    store.before = lambda _: None
    assert run("verify", at=folder).code == 0
    assert run("list-packs", at=folder).out.count("c/p@") == 2
