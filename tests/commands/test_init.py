"""New projects: made up, or from tables of one's own."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

import audience
from audience.commands.exits import ExitCode
from support import Run

USERS = pl.DataFrame(
    {
        "会员号": [3, 1, 2, 4],
        "年龄段": ["18-24", "25-34", "25-34", None],
        "spend": [10.5, None, 99.0, 1e6],
        "vip": [True, False, None, True],
        "joined": [date(2023, 1, 1), date(2024, 1, 1), None, date(2022, 5, 5)],
        "likes": [["a", "b"], [], None, ["b"]],
        "code": ["01", "no", "true", "1"],
        "note": [f"text {n}" for n in range(4)],
        "not": [1, 2, 3, 4],
        "bad:name": ["x", "y", "#z", "- q"],
    }
)
EVENTS = pl.DataFrame(
    {
        "会员号": [1, 2, 2],
        "at": [datetime(2024, 1, 31, 17, tzinfo=UTC)] * 3,
        "event_type": ["看", "买", "买"],
        "shop": ["x", None, "y"],
    }
)


def test_a_new_project_works_at_once(run: Run, tmp_path: Path) -> None:
    made = run("init", "new", at=tmp_path)
    assert made.code == 0
    folder = tmp_path / "new"
    first = (folder / "audience.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=.audience/project.schema.json"
    rule = (folder / "rules/first-campaign.yaml").read_text()
    assert rule.startswith("# yaml-language-server: $schema=../.audience/rules.schema.json")
    assert "packs/" in (folder / ".gitignore").read_text()
    assert json.loads((folder / ".audience/rules.schema.json").read_text())["definitions"]
    assert run("check", at=folder).code == 0
    built = json.loads(run("build-pack", "-f", "json", at=folder).out)["builds"]
    assert all(pack["size"] > 0 for pack in built[0]["packs"])


def test_nothing_is_overwritten(run: Run, tmp_path: Path) -> None:
    (tmp_path / "audience.yaml").write_text("mine")
    done = run("init", at=tmp_path)
    assert done.code == ExitCode.USAGE
    assert "already there" in done.err
    assert [path.name for path in tmp_path.iterdir()] == ["audience.yaml"]


@pytest.fixture
def made(run: Run, tmp_path: Path) -> Path:
    USERS.write_parquet(tmp_path / "members.parquet")
    (tmp_path / "log" / "dt=2024-02-01").mkdir(parents=True)
    EVENTS.write_parquet(tmp_path / "log/dt=2024-02-01/a.parquet")
    done = run("init", "mine", "--from", "members.parquet", "--from", "log", at=tmp_path)
    assert done.code == 0, done.err
    return tmp_path / "mine"


def test_tables_are_described_as_they_are(run: Run, made: Path) -> None:
    project = yaml.safe_load((made / "audience.yaml").read_text())
    assert project["tables"] == {
        "users": {"path": "../members.parquet", "key": "会员号"},
        "events": {
            "path": "../log/",
            "key": "会员号",
            "time": "at",
            "day": "dt",
            "action": "event_type",
            "actions": ["买", "看"],
            "columns": {"shop": {"values": ["x", "y"]}},
        },
    }
    tags = project["tags"]
    assert list(tags) == USERS.columns[1:]
    assert tags["年龄段"] == {"values": ["25-34", "18-24"]}
    assert tags["likes"] == {"values": ["b", "a"]}
    assert sorted(map(str, tags["code"]["values"])) == ["01", "1", "no", "true"]
    assert tags["spend"] == {}


def test_it_checks_and_builds(run: Run, made: Path) -> None:
    checked = run("check", at=made)
    assert checked.code == 0, checked.err
    built = json.loads(run("build-pack", "-f", "json", at=made).out)["builds"][0]
    assert built["as_of"] == "2024-02-01"
    sizes = {pack["name"]: pack["size"] for pack in built["packs"]}
    assert sizes["recently_active"] == 2
    assert sizes["is_vip"] == 2
    project = audience.load(made)
    rule = made / "rules/second.yaml"
    rule.write_text(
        "campaign: c\nphase: p\npacks:\n"
        "  a: {where: {code: [01, no, true]}}\n"
        "  b: {where: {tags: {not: 2..}}}\n"
        "  c: {where: {'bad:name': '#z'}}\n"
    )
    result = audience.build(project, [rule], dry_run=True)[0]
    found: dict[str, Any] = {name: result.ids(name).to_pylist() for name in "abc"}
    assert found == {"a": [1, 2, 3], "b": [1, 2, 4], "c": [2]}


def test_the_key_may_be_named(run: Run, tmp_path: Path) -> None:
    USERS.write_parquet(tmp_path / "u.parquet")
    done = run("init", "--from", "u.parquet", "--key", "note", at=tmp_path)
    assert done.code == 0
    assert "key: note" in (tmp_path / "audience.yaml").read_text()


@pytest.mark.parametrize(
    ("table", "words", "text"),
    [
        (USERS.select("spend"), [], "it needs a column"),
        (USERS, ["--key", "年龄段"], "`年龄段`"),
        (USERS.head(0), [], "it needs a column"),
    ],
)
def test_tables_that_are_no_user_tables(
    run: Run, tmp_path: Path, table: pl.DataFrame, words: list[str], text: str
) -> None:
    table.write_parquet(tmp_path / "u.parquet")
    done = run("init", "new", "--from", "u.parquet", *words, at=tmp_path)
    assert done.code == ExitCode.USAGE
    assert text in done.err
    assert not (tmp_path / "new").exists()


def test_a_table_that_is_not_there(run: Run, tmp_path: Path) -> None:
    done = run("init", "--from", "no.parquet", at=tmp_path)
    assert done.code == ExitCode.USAGE
    assert "no.parquet" in done.err


def test_a_user_table_of_daily_snapshots(run: Run, tmp_path: Path) -> None:
    root = Path(__file__).parents[2]
    words = ["--from", str(root / "fixtures/users"), "--from", str(root / "fixtures/events")]
    done = run("init", str(tmp_path / "new"), *words)
    assert done.code == 0, done.err
    text = (tmp_path / "new/audience.yaml").read_text()
    assert "    key: user_id\n    snapshot: dt\n" in text
    assert "    time: ts\n    day: dt\n" in text
    assert run("size", at=tmp_path / "new").code == 0
