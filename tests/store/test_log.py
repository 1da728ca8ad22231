"""The log of runs: what it says, and that an edit shows."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

import audience
from audience.store.log import LAST, NAME, append, read_log
from support import MakeProject, Run

RULE = """\
campaign: c
phase: p
as_of: 2024-03-01
packs:
  老客: {where: {age: 40..}}
"""
USERS = [{"user_id": 1234567, "age": 20}, {"user_id": 7654321, "age": 45}]


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    return make_project(USERS, {"a.yaml": RULE})


def lines(folder: Path) -> list[str]:
    return (folder / "packs" / NAME).read_text(encoding="utf-8").splitlines()


def test_a_run_says_what_it_made_of_what(folder: Path, run: Run) -> None:
    assert run("build-pack", "rules/a.yaml", at=folder).code == 0
    assert run("build-pack", at=folder).code == 0
    first, second = audience.read_log(audience.load(folder)).runs
    manifest = audience.show(audience.load(folder), "c/p")[0].manifest
    assert first["command"] == "build-pack"
    assert first["exit"] == 0
    assert first["rules"] == ["rules/a.yaml"]
    assert first["builds"] == [
        {
            "build": "c/p@2024-03-01",
            "base": 2,
            "packs": {"老客": 1},
            "manifest": manifest.sha256,
            "unchanged": False,
        }
    ]
    assert second["builds"][0]["unchanged"]
    (inputs,) = first["inputs"]
    assert (inputs["table"], inputs["files"]) == ("users", 1)
    assert inputs["bytes"] == (folder / "users.parquet").stat().st_size
    assert first["seconds"] > 0
    shown = run("log", at=folder)
    assert (shown.code, shown.err) == (0, "")
    assert "c/p@2024-03-01" in shown.out
    assert "unchanged" in shown.out
    assert json.loads(run("log", "-n", "1", "-f", "json", at=folder).out)["runs"] == [second]


def test_every_end_is_told(folder: Path, run: Run) -> None:
    run("build-pack", at=folder)
    (folder / "rules/a.yaml").write_text(RULE.replace("age", "agee"))
    assert run("build-pack", at=folder).code == 3
    expected = "{where: {age: 40..}, expect: {size: 5..}}"
    (folder / "rules/a.yaml").write_text(RULE.replace("{where: {age: 40..}}", expected))
    assert run("build-pack", at=folder).code == 8
    (folder / "users.parquet").unlink()
    assert run("build-pack", at=folder).code == 4
    runs = audience.read_log(audience.load(folder)).runs
    assert [each["exit"] for each in runs] == [0, 3, 8, 4]
    assert "unknown tag" in runs[1]["message"]
    assert runs[2]["builds"][0]["broken"]
    assert "manifest" not in runs[2]["builds"][0]
    assert "users.parquet" in runs[3]["message"]


def test_what_publishes_nothing_is_not_told(folder: Path, run: Run) -> None:
    run("size", at=folder)
    run("build-pack", "--dry-run", at=folder)
    run("check", at=folder)
    assert not (folder / "packs").exists()
    shown = run("log", at=folder)
    assert (shown.code, shown.out) == (0, "")
    assert "no run is in the log yet" in shown.err


def test_no_id_is_in_it(folder: Path, run: Run, make_project: MakeProject) -> None:
    run("build-pack", at=folder)
    import polars as pl

    pl.DataFrame([*USERS, USERS[0]]).write_parquet(folder / "users.parquet")
    done = run("build-pack", at=folder)
    assert done.code == 4
    text = "".join(lines(folder)) + done.err
    assert "1…7" in text
    assert "1234567" not in text
    assert "7654321" not in text


def test_for_the_owner_alone(folder: Path, run: Run) -> None:
    before = os.umask(0)
    try:
        run("build-pack", at=folder)
    finally:
        os.umask(before)
    assert stat.S_IMODE((folder / "packs" / NAME).stat().st_mode) == 0o600


EDITS = {
    "a number is changed": lambda text: text.replace('"base": 2', '"base": 3', 1),
    "a line is taken out": lambda text: "".join(
        text.splitlines(True)[:1] + text.splitlines(True)[2:]
    ),
    "the first line is taken out": lambda text: "".join(text.splitlines(True)[1:]),
    "two lines change places": lambda text: "".join(
        [text.splitlines(True)[n] for n in (0, 2, 1, 3)]
    ),
    "a line is doubled": lambda text: text + text.splitlines(True)[0],
    "a line is no JSON": lambda text: text.replace('"time"', '"time', 1),
    "a blank is put in": lambda text: text.replace('", "', '",  "', 1),
    "a key stands twice": lambda text: text.replace('"exit": 0', '"exit": 7, "exit": 0', 1),
    "a line is made up": lambda text: text + '{"command": "build-pack", "exit": 0}\n',
}


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_shows(folder: Path, run: Run, name: str) -> None:
    for _ in range(4):
        run("build-pack", at=folder)
    path = folder / "packs" / NAME
    edited = EDITS[name](path.read_text())
    assert edited != path.read_text()
    path.write_text(edited)
    done = run("log", at=folder)
    assert done.code == 5
    assert f"{NAME}:" in done.err
    # The next run goes on, and the edit still shows.
    assert run("build-pack", at=folder).code == 0
    assert run("log", at=folder).code == 5


def test_half_a_line_of_a_run_that_was_killed_is_taken_away(tmp_path: Path) -> None:
    append(tmp_path, {"n": 1})
    noted = (tmp_path / LAST).read_bytes()
    append(tmp_path, {"n": 2})
    path = tmp_path / NAME
    whole = path.read_bytes()
    for length in range(len(whole) // 2 + 1, len(whole)):
        path.write_bytes(whole[:length])
        (tmp_path / LAST).write_bytes(noted)
        assert read_log(tmp_path).faults == ()
        append(tmp_path, {"n": 3})
        found = read_log(tmp_path)
        assert ([each["n"] for each in found.runs], found.faults) == ([1, 3], ())


def test_a_run_that_was_killed_before_its_line_was_noted(tmp_path: Path) -> None:
    append(tmp_path, {"n": 1})
    noted = (tmp_path / LAST).read_bytes()
    append(tmp_path, {"n": 2})
    (tmp_path / LAST).write_bytes(noted)
    assert read_log(tmp_path).faults == ()
    append(tmp_path, {"n": 3})
    found = read_log(tmp_path)
    assert ([each["n"] for each in found.runs], found.faults) == ([1, 2, 3], ())


CUTS = {
    "the last line": lambda data: data[: data[:-1].rfind(b"\n") + 1],
    "half of the last line": lambda data: data[:-40],
    "all lines": lambda data: data[:0],
    "the file": None,
}


@pytest.mark.parametrize("name", CUTS)
def test_what_is_cut_off_shows_for_good(tmp_path: Path, name: str) -> None:
    for n in range(4):
        append(tmp_path, {"n": n})
    path = tmp_path / NAME
    if cut := CUTS[name]:
        path.write_bytes(cut(path.read_bytes()))
    else:
        path.unlink()
    assert read_log(tmp_path).faults
    append(tmp_path, {"n": 4})
    append(tmp_path, {"n": 5})
    assert read_log(tmp_path).faults


def test_a_link_in_its_place_is_not_followed(folder: Path, run: Run, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine\n")
    (folder / "packs").mkdir()
    (folder / "packs" / NAME).symlink_to(outside)
    assert run("build-pack", at=folder).code == 5
    assert outside.read_text() == "mine\n"


def test_many_write_at_once_and_none_is_lost(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nfrom audience.store.log import append\n"
        "for n in range(20): append(Path(sys.argv[1]), {'n': n, 'by': sys.argv[2]})"
    )
    writers = [
        subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(n)]) for n in range(4)
    ]
    assert [each.wait() for each in writers] == [0] * 4
    found = read_log(tmp_path)
    assert found.faults == ()
    for writer in range(4):
        assert [each["n"] for each in found.runs if each["by"] == str(writer)] == list(range(20))


def test_a_run_that_cannot_be_logged_fails_though_its_packs_are_there(
    folder: Path, run: Run
) -> None:
    (folder / "packs" / NAME).mkdir(parents=True)
    done = run("build-pack", at=folder)
    assert done.code == 5
    assert "the run is not in the log" in done.err
    assert (folder / "packs/c/p/latest/老客.parquet").is_file()


def test_what_leaves_the_program_is_told(folder: Path, run: Run) -> None:
    run("build-pack", at=folder)
    assert run("export-pack", "c/p/老客", "out.csv", at=folder).code == 0
    assert run("diff-packs", "c/p", "c/p", "--write", "diff", at=folder).code == 0
    _, exported, written = audience.read_log(audience.load(folder)).runs
    assert exported["from"] == ["c/p@2024-03-01/老客"]
    assert (exported["file"], exported["ids"], exported["left_out"]) == ("out.csv", 1, 0)
    assert (written["file"], written["files"]) == ("diff", 3)
    shown = run("log", at=folder).out
    assert "written to out.csv" in shown
    assert "written to diff" in shown


def test_who_may_only_read_is_warned_that_it_is_not_told(folder: Path, run: Run) -> None:
    run("build-pack", at=folder)
    (folder / "packs" / NAME).unlink()
    (folder / "packs" / NAME).mkdir()
    done = run("export-pack", "c/p/老客", "out.csv", at=folder)
    assert (done.code, "warning: the run is not in the log" in done.err) == (0, True)
    assert (folder / "out.csv").is_file()
