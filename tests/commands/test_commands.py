"""Each command as it is typed: what is on stdout, what on stderr, and the exit code."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq
import pytest
from rich.cells import cell_len

import audience
from audience.commands.app import app
from audience.commands.exits import ExitCode
from support import MakeProject, Run

PROGRAM = str(Path(sys.executable).with_name("audience"))
FIRST = """\
campaign: c
phase: 1-first
label: 一阶段
as_of: 2024-03-01
base: {age: 18..}
packs:
  老客: {label: 老客人群, where: {age: 40..}}
  young: {label: young ones, where: {age: ..30}}
  not_plus: {where: {not: {plus: true}}}
"""
SECOND = FIRST.replace("1-first", "2-second").replace("40..", "45..").replace("not_plus", "rest")
USERS = pl.DataFrame(
    {
        "user_id": [1, 2, 3, 4, 5, 6],
        "age": [20, 45, 40, 10, 30, None],
        "plus": [True, False, None, True, None, False],
        "city": ["北京", "上海", "北京", None, "成都", "北京"],
    }
)
EVENTS = [
    {"user_id": 1, "ts": date(2024, 2, 20), "action": "buy"},
    {"user_id": None, "ts": date(2024, 2, 20), "action": "buy"},
    {"user_id": 77, "ts": date(2024, 2, 21), "action": "buy"},
    {"user_id": 77, "ts": date(2024, 2, 21), "action": "browse"},
]


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    return make_project(USERS, {"1.yaml": FIRST, "2.yaml": SECOND})


def test_help_and_version(run: Run) -> None:
    shown = run("--help")
    assert shown.code == 0
    for command in app.registered_commands:
        assert command.name in shown.out
        assert run(command.name, "--help").code == 0
    assert "campaign/phase[@as_of][/pack]" in run("show-pack", "--help").out
    version = run("--version")
    assert version.out.startswith("audience 0.")


def completion(*words: str, **asked: str) -> str:
    """What is told to a shell, or by it; of the program as it is installed, which has a name."""
    done = subprocess.run(
        words or [PROGRAM], env={**os.environ, **asked}, capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell(name: str) -> None:
    """Whatever shell asks for it: it may be written for another one."""
    script = completion(_AUDIENCE_COMPLETE=f"source_{name}")
    assert f"_AUDIENCE_COMPLETE=complete_{name}" in script


def test_the_script_of_the_shell_that_asks() -> None:
    script = completion("bash", "-c", f"{shlex.quote(PROGRAM)} --show-completion; exit $?")
    assert "_AUDIENCE_COMPLETE=complete_bash" in script


def test_words_are_completed() -> None:
    asked = {"COMP_WORDS": "audience bu", "COMP_CWORD": "1"}
    assert completion(_AUDIENCE_COMPLETE="complete_bash", **asked).split() == ["build-pack"]


def test_build_publishes_and_tells(run: Run, folder: Path) -> None:
    done = run("build-pack", at=folder)
    assert done.code == ExitCode.OK
    lines = done.out.splitlines()
    assert lines[0] == "c/1-first  一阶段  as of 2024-03-01  base 4 of 6 users"
    assert "published c/1-first@2024-03-01: 3 packs" in done.err
    assert "warning: rules/1.yaml:9:22: a negation over `plus`" in done.err
    assert (folder / "packs/c/2-second/latest/rest.parquet").exists()
    again = run("build-pack", at=folder)
    assert "unchanged c/1-first@2024-03-01: 3 packs" in again.err


def test_tables_are_aligned_by_terminal_columns(run: Run, folder: Path) -> None:
    lines = run("size", "rules/1.yaml", at=folder).out.splitlines()
    table = lines[1:6]
    assert {cell_len(line.rstrip()) for line in table if "%" in line} == {
        cell_len(next(line for line in table if "%" in line).rstrip())
    }
    assert "only by a missing value" in table[0]
    row = next(line for line in table if "not_plus" in line)
    assert row.split()[-1] == "2"


def test_wide_tables_are_not_cut_in_a_pipe(run: Run, make_project: MakeProject) -> None:
    names = "".join(f"  {'长' * 50}{n}: {{where: {{age: {n}..}}}}\n" for n in range(12))
    folder = make_project(USERS, {"a.yaml": f"campaign: c\nphase: p\npacks:\n{names}"})
    out = run("size", at=folder).out
    for number in range(12):
        assert out.count(f"{'长' * 50}{number} ") >= 2
    assert "…" not in out


def test_text_is_never_markup(run: Run, make_project: MakeProject) -> None:
    rule = (
        "campaign: c\nphase: p\npacks: {a: {label: '[red]5K+[/red] :smile:', where: {age: 1..}}}\n"
    )
    folder = make_project(USERS, {"a.yaml": rule})
    assert "[red]5K+[/red] :smile:" in run("size", at=folder).out


def test_size_publishes_nothing(run: Run, folder: Path) -> None:
    size = run("size", at=folder)
    dry = run("build-pack", "--dry-run", at=folder)
    assert size.out == dry.out
    assert not (folder / "packs").exists()


def test_quiet_says_nothing(run: Run, folder: Path) -> None:
    done = run("build-pack", "--quiet", at=folder)
    assert (done.code, done.out, done.err) == (0, "", "")
    assert run("check", "-q", at=folder).err == ""
    assert run("size", "-q", at=folder).out != ""


def test_json_is_data(run: Run, folder: Path) -> None:
    built = json.loads(run("build-pack", "-f", "json", at=folder).out)["builds"]
    assert [each["phase"] for each in built] == ["1-first", "2-second"]
    assert built[0]["packs"][0] == {
        "name": "老客",
        "label": "老客人群",
        "size": 2,
        "share": 0.5,
        "only_missing": 0,
    }
    assert built[0]["unchanged"] is False
    assert Path(built[0]["folder"]).is_dir()
    assert any("negation" in text for text in built[0]["warnings"])


def test_markdown(run: Run, folder: Path) -> None:
    words = ("size", "--format", "markdown", "--min-cell", "0", "rules/1.yaml")
    text = run(*words, at=folder).out
    assert "| 1 | 老客 | 老客人群 | 2 | 50.0% | 0 |" in text
    assert "| ---: |" in text


def test_only_some_packs(run: Run, folder: Path) -> None:
    out = json.loads(run("size", "--pack", "c/1-first/young", "-f", "json", at=folder).out)
    assert [[pack["name"] for pack in each["packs"]] for each in out["builds"]] == [["young"]]
    wrong = run("size", "--pack", "yuong", at=folder)
    assert wrong.code == ExitCode.USAGE
    assert "did you mean young?" in wrong.err


@pytest.mark.parametrize(("word", "back"), [("today", 0), ("yesterday", 1), ("2024-02-29", None)])
def test_as_of(run: Run, folder: Path, word: str, back: int | None) -> None:
    built = json.loads(run("size", "--as-of", word, "-f", "json", at=folder).out)["builds"]
    project = audience.load(folder)
    today = audience.api.today(project)
    wanted = word if back is None else str(today - timedelta(days=back))
    assert {each["as_of"] for each in built} == {wanted}


def test_as_of_in_the_future(run: Run, folder: Path) -> None:
    done = run("size", "--as-of", "9999-01-01", at=folder)
    assert done.code == ExitCode.USAGE
    assert "lies in the future" in done.err


@pytest.mark.parametrize("word", ["2024-02-30", "20240229", "tomorrow", "2024-W01-1"])
def test_as_of_that_is_no_day(run: Run, folder: Path, word: str) -> None:
    done = run("size", "--as-of", word, at=folder)
    assert done.code == ExitCode.USAGE
    assert "expected a date" in done.err


def test_events_that_count_for_nobody_are_told(run: Run, make_project: MakeProject) -> None:
    rule = "campaign: c\nphase: p\nas_of: 2024-03-01\npacks: {b: {where: {did: {event: buy}}}}\n"
    folder = make_project(USERS, {"a.yaml": rule}, events=EVENTS)
    done = run("size", at=folder)
    assert "table `events`: 1 event without a user" in done.err
    assert "table `events`: 1 event of users who are not in the user table" in done.err
    empty = run("size", "--as-of", "2024-01-01", at=folder)
    assert "pack `b` is empty" in empty.err


def test_check_tells_all_problems_of_all_files(run: Run, folder: Path) -> None:
    (folder / "rules/1.yaml").write_text(FIRST.replace("age: 40..", "agee: 40.."))
    (folder / "rules/2.yaml").write_text(SECOND.replace("plus: true", "plus: yes"))
    done = run("check", at=folder)
    assert done.code == ExitCode.RULES
    assert done.out == ""
    assert "rules/1.yaml:7:29: error: unknown tag or keyword `agee`" in done.err
    assert "did you mean `age`?" in done.err
    assert "rules/2.yaml:9:30: error: `yes` does not fit true or false" in done.err
    assert done.err.endswith("2 errors\n")
    data = json.loads(run("check", "-f", "json", at=folder).out)
    errors = [each for each in data["problems"] if each["severity"] == "error"]
    assert [(each["line"], each["column"]) for each in errors] == [(7, 29), (9, 30)]
    build = run("build-pack", at=folder)
    assert build.code == ExitCode.RULES
    assert not list(folder.glob("packs/*/"))


def test_check_names_only_what_was_asked_for(run: Run, folder: Path) -> None:
    (folder / "rules/2.yaml").write_text("not: [a rule file")
    assert run("check", "rules/1.yaml", at=folder).code == 0
    assert run("check", at=folder).code == ExitCode.RULES


def test_list_and_show(run: Run, folder: Path) -> None:
    nothing = run("list-packs", at=folder)
    assert nothing.out == ""
    assert "nothing is published yet" in nothing.err
    run("build-pack", "-q", at=folder)
    assert "c/1-first@2024-03-01" in run("list-packs", at=folder).out
    listed = json.loads(run("list-packs", "-f", "json", at=folder).out)["builds"]
    assert [each["build"] for each in listed] == ["c/1-first@2024-03-01", "c/2-second@2024-03-01"]
    shown = run("show-pack", "c/1-first/老客", at=folder)
    assert "2 users, 50.0% of the base" in shown.out
    data = json.loads(run("show-pack", "c/1-first@2024-03-01/老客", "-f", "json", at=folder).out)
    assert data["members"] == [2, 3]
    assert data["pack"]["size"] == 2
    assert "sha256" in run("show-pack", "c/1-first", at=folder).out


@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("c/1-frist", ExitCode.NOT_PUBLISHED, "did you mean c/1-first?"),
        ("c/1-first@2024-03-02", ExitCode.NOT_PUBLISHED, "there is 2024-03-01"),
        ("c/1-first/yuong", ExitCode.NOT_PUBLISHED, "did you mean young?"),
        ("c", ExitCode.USAGE, "names no build"),
        ("c/../etc", ExitCode.USAGE, "names no build"),
        ("c/1-first@yesterday", ExitCode.USAGE, "is no date"),
    ],
)
def test_names_that_are_not_there(
    run: Run, folder: Path, name: str, code: ExitCode, text: str
) -> None:
    run("build-pack", "-q", at=folder)
    done = run("show-pack", name, at=folder)
    assert done.code == code
    assert text in done.err


def test_diff(run: Run, folder: Path, tmp_path: Path) -> None:
    run("build-pack", "-q", at=folder)
    text = run("diff-packs", "c/1-first", "c/2-second", "--matrix", at=folder).out
    assert "packs on one side only" in text
    assert "(in no old pack)" in text
    data = json.loads(
        run(
            "diff-packs", "c/1-first", "c/2-second", "--matrix", "-f", "json",
            "--write", str(tmp_path / "out"), at=folder,
        ).out
    )  # fmt: skip
    old = data["packs"][0]
    assert (old["name"], old["kept"], old["added"], old["removed"]) == ("老客", 1, 0, 1)
    assert old["jaccard"] == 0.5
    assert [each["name"] for each in data["only_old"]] == ["not_plus"]
    assert data["matrix"][0]["into"] == {"老客": 1, "young": 0, "rest": 2}
    written = pq.read_table(tmp_path / "out/老客/removed.parquet")
    assert written.to_pydict() == {"user_id": [3]}


def test_diff_by_path_needs_no_project(run: Run, folder: Path, tmp_path: Path) -> None:
    run("build-pack", "-q", at=folder)
    one = folder / "packs/c/1-first/latest/老客.parquet"
    other = folder / "packs/c/1-first/latest/young.parquet"
    done = run("diff-packs", str(one), str(other), at=tmp_path)
    assert "老客 → young" in done.out
    builds = run(
        "diff-packs", str(one.parent), str(folder / "packs/c/2-second/latest"), at=tmp_path
    )
    assert "c/1-first@2024-03-01 → c/2-second@2024-03-01" in builds.out
    mixed = run("diff-packs", str(one), str(other.parent), at=tmp_path)
    assert mixed.code == ExitCode.USAGE


def test_two_days_of_one_phase(run: Run, folder: Path) -> None:
    run("build-pack", "-q", "rules/1.yaml", at=folder)
    run("build-pack", "-q", "rules/1.yaml", "--as-of", "2024-04-01", at=folder)
    done = run("diff-packs", "c/1-first@2024-03-01/老客", "c/1-first/老客", at=folder)
    assert "c/1-first@2024-03-01/老客 → c/1-first@2024-04-01/老客" in done.out


def test_tags(run: Run, folder: Path, tmp_path: Path) -> None:
    made = tmp_path / "with_events"
    made.mkdir()
    USERS.write_parquet(made / "users.parquet")
    pl.DataFrame(EVENTS).write_parquet(made / "events.parquet")
    text = (folder / "audience.yaml").read_text()
    events = "  events: {path: events.parquet, key: user_id, time: ts, action: action}\n"
    (made / "audience.yaml").write_text(text + events)
    text = run("tags", at=folder).out
    assert "北京: 3" in text
    assert "min 10" in text
    data = json.loads(run("tags", "plus", "-f", "json", at=folder).out)["tags"]
    assert data[0]["missing"] == pytest.approx(2 / 6)
    assert {(each["value"], each["count"]) for each in data[0]["values"]} == {(True, 2), (False, 2)}
    events = run("tags", "--table", "events", "action", at=made)
    assert "columns of 4 events" in events.out
    assert "buy: 3, browse: 1" in events.out
    assert "it is a column of `events`, which --table names" in run("tags", "action", at=made).err
    assert run("tags", "--table", "evnets", at=made).code == ExitCode.USAGE
    wrong = run("tags", "plsu", at=folder)
    assert wrong.code == ExitCode.USAGE
    assert "did you mean plus?" in wrong.err


def test_explain(run: Run, folder: Path) -> None:
    text = run("explain", "rules/1.yaml", at=folder).out
    assert "read users: age, plus, user_id; 1 of 1 files" in text
    assert "pack 老客  (老客人群)" in text


BAD_DATA = {
    "missing keys": (
        USERS.with_columns(user_id=pl.lit(None, pl.Int64)),
        "is missing in 6 of 6 rows",
    ),
    "duplicate keys": (
        pl.concat([USERS, USERS.head(2)]),
        "2 of 8 rows repeat a key, for example …, …",
    ),
    "renamed key": (USERS.rename({"user_id": "uid"}), "has no column `user_id`"),
    "float key": (USERS.cast({"user_id": pl.Float64}), "`user_id` is number, as `key` it can't be"),
}


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
@pytest.mark.parametrize("name", BAD_DATA)
def test_bad_tables_are_refused(run: Run, folder: Path, name: str, engine: str) -> None:
    table, text = BAD_DATA[name]
    table.write_parquet(folder / "users.parquet")
    done = run("build-pack", "--engine", engine, at=folder)
    assert done.code in (ExitCode.DATA, ExitCode.RULES)
    assert text in done.err
    assert not list(folder.rglob("packs/**/*.parquet"))


def test_a_table_that_cannot_be_read(run: Run, folder: Path) -> None:
    path = folder / "users.parquet"
    path.write_bytes(path.read_bytes()[:-9])
    done = run("check", at=folder)
    assert done.code == ExitCode.DATA
    assert "users.parquet" in done.err
    path.unlink()
    assert run("check", at=folder).code == ExitCode.DATA


def test_no_project(run: Run, tmp_path: Path) -> None:
    done = run("check", at=tmp_path)
    assert done.code == ExitCode.USAGE
    assert "audience init" in done.err
    assert run("check", "--project", str(tmp_path / "x"), at=tmp_path).code == ExitCode.USAGE


def test_a_file_that_is_not_there(run: Run, folder: Path) -> None:
    done = run("build-pack", "rules/9.yaml", at=folder)
    assert done.code == ExitCode.USAGE
    assert "there is no rule file rules/9.yaml" in done.err


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("rules/deep/plan.yml", "rules/deep/plan.yaml"),
        ("rules/deep/paln.yaml", "rules/deep/plan.yaml"),
        ("plan.yml", "rules/plan.yaml"),
        ("rules/shallow/plna.yaml", "rules/plan.yaml"),
    ],
)
def test_a_file_that_is_meant(run: Run, folder: Path, path: str, meant: str) -> None:
    (folder / "rules/deep").mkdir()
    for there in ("rules/deep/plan.yaml", "rules/plan.yaml"):
        (folder / there).write_text("campaign: {")
    for command in ("waterfall", "report", "size"):
        done = run(command, path, at=folder)
        assert done.code == ExitCode.USAGE
        assert f"there is no rule file {path}; did you mean {meant}?" in done.err


def test_an_engine_that_is_not_there(run: Run, folder: Path) -> None:
    done = run("size", "--engine", "spork", at=folder)
    assert done.code == ExitCode.USAGE
    assert "polars, duckdb" in done.err


def test_a_fault_of_the_program_is_told_in_words(
    run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("oh")

    monkeypatch.setattr("audience.api.build", broken)
    done = run("build-pack", at=folder)
    assert done.code == ExitCode.INTERNAL
    assert "internal error: RuntimeError: oh" in done.err
    assert "Traceback" not in done.err


def test_it_runs_without_environment_and_terminal(shell: Run, folder: Path) -> None:
    done = shell("build-pack", at=folder, env={})
    assert done.code == 0
    assert "老客" in done.out
    again = shell("build-pack", "--quiet", at=folder, env={"LANG": "C", "LC_ALL": "C"})
    assert (again.code, again.out, again.err) == (0, "", "")


def test_a_reader_that_goes_away_is_no_error(folder: Path) -> None:
    run = f"{sys.executable} -m audience schema | head -c 20"
    done = subprocess.run(run, shell=True, cwd=folder, capture_output=True, text=True, check=False)
    assert done.stderr == ""


@pytest.mark.parametrize("words", [["size", "-q"], ["--version"], ["--help"], ["schema"]])
def test_output_that_cannot_be_written(folder: Path, words: list[str]) -> None:
    words = [sys.executable, "-m", "audience", *words]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            words, cwd=folder, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == ExitCode.STORE
    assert "Traceback" not in done.stderr
