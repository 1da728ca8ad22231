"""What a rule file expects of its packs: where it does not hold, nothing of that file is published.

Ages are 1, 2, … up to the number of users, so `age: ..N` has exactly N users.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

import audience
from audience.commands.exits import ExitCode
from audience.errors import ExpectationError
from support import MakeProject, Run

USERS = pl.DataFrame({"user_id": range(1, 101), "age": range(1, 101)})
RULE = """\
campaign: c
phase: p
as_of: {as_of}
packs:
  top:
    label: 高端
    where: {{age: ..{count}}}
    expect: {{{expect}}}
  other: {{where: {{age: 50..}}}}
"""


def rule(count: int, expect: str, as_of: str = "2024-03-02") -> str:
    return RULE.format(count=count, expect=expect, as_of=as_of)


def tree(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file of what is published, with when it was written."""
    return {
        str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name not in {".lock", ".log.lock", ".log.last", "log.jsonl"}
    }


def links(folder: Path) -> dict[Path, Path]:
    return {path: path.readlink() for path in folder.rglob("*") if path.is_symlink()}


@pytest.fixture
def project(make_project: MakeProject) -> Path:
    return make_project(USERS)


def write(folder: Path, text: str, name: str = "a.yaml") -> None:
    (folder / "rules" / name).write_text(text)


def build_sizes(run: Run, folder: Path, old: int, new: int, expect: str) -> int:
    """Publish a build of the old size a day before; how building the new one ends."""
    write(folder, rule(old, "size: 0..", "2024-03-01"))
    assert run("build-pack", "-q", at=folder).code == 0
    write(folder, rule(new, expect))
    return run("build-pack", at=folder).code


# size


@pytest.mark.parametrize(
    ("size", "holds"),
    [
        ("10", True),
        ("10..10", True),
        ("10..", True),
        ("..10", True),
        ("9..11", True),
        ("0..1万", True),
        ("11..", False),
        ("..9", False),
        ("0", False),
        ("1K+", False),
    ],
)
def test_a_size_has_both_ends_in(run: Run, project: Path, size: str, holds: bool) -> None:
    write(project, rule(10, f"size: {size}"))
    done = run("build-pack", at=project)
    assert done.code == (ExitCode.OK if holds else ExitCode.EXPECTATION)
    assert (project / "packs/c/p/latest/top.parquet").exists() is holds


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_a_broken_size_is_told_with_pack_number_bound_and_place(
    run: Run, project: Path, engine: str
) -> None:
    write(project, rule(10, "size: 11..20"))
    done = run("build-pack", "--engine", engine, at=project)
    assert done.code == ExitCode.EXPECTATION
    (line,) = (line for line in done.err.splitlines() if line.startswith("error: "))
    assert "c/p" in line
    assert "`top`" in line
    assert "has 10 users, expected 11..20" in line
    assert "rules/a.yaml:8:13" in line
    assert "published" not in done.err


def test_a_broken_file_publishes_none_of_its_packs(run: Run, project: Path) -> None:
    write(project, rule(10, "size: 11.."))
    run("build-pack", at=project)
    assert not list(project.rglob("packs/**/*.parquet"))
    assert "nothing is published yet" in run("list-packs", at=project).err


def test_every_broken_pack_of_every_file_is_told(run: Run, project: Path) -> None:
    text = rule(10, "size: 11..") + "  third: {where: {age: ..3}, expect: {size: ..2}}\n"
    write(project, text)
    write(project, rule(7, "size: 8..").replace("phase: p", "phase: q"), "b.yaml")
    err = run("build-pack", at=project).err
    assert err.count("error: ") == 3
    assert "c/p: pack `top` has 10 users" in err
    assert "c/p: pack `third` has 3 users, expected ..2" in err
    assert "c/q: pack `top` has 7 users" in err


def test_the_other_files_of_the_run_are_published(run: Run, project: Path) -> None:
    """Those before and those behind the broken one."""
    for name, phase, size in (("a", "1", "5.."), ("b", "2", "5..6"), ("c", "3", "5..")):
        write(
            project,
            rule(10, f"size: {size}").replace("phase: p", f"phase: '{phase}'"),
            name + ".yaml",
        )
    done = run("build-pack", at=project)
    assert done.code == ExitCode.EXPECTATION
    assert "published c/1@2024-03-02: 2 packs" in done.err
    assert "published c/3@2024-03-02: 2 packs" in done.err
    assert "published c/2" not in done.err
    assert not list((project / "packs/c").glob("2/**/*.parquet"))
    assert "c/2" not in run("list-packs", at=project).out


def test_what_was_published_before_stays_byte_for_byte(run: Run, project: Path) -> None:
    for day in ("2024-03-01", "2024-03-02"):
        write(project, rule(10, "size: 10", day))
        assert run("build-pack", "-q", at=project).code == 0
    before, linked = tree(project / "packs"), links(project / "packs")
    write(project, rule(11, "size: 10"))
    assert run("build-pack", "-q", at=project).code == ExitCode.EXPECTATION
    write(project, rule(11, "size: 10", "2024-03-03"))
    assert run("build-pack", "-q", at=project).code == ExitCode.EXPECTATION
    assert (tree(project / "packs"), links(project / "packs")) == (before, linked)


@pytest.mark.parametrize("words", [("size",), ("build-pack", "--dry-run"), ("size", "-q")])
def test_a_dry_run_tells_it_too(run: Run, project: Path, words: tuple[str, ...]) -> None:
    write(project, rule(10, "size: 11.."))
    done = run(*words, at=project)
    assert done.code == ExitCode.EXPECTATION
    assert "has 10 users, expected 11.." in done.err
    assert "c/p" in done.out, "the numbers are what shows what is wrong"
    assert not (project / "packs").exists()


def test_quiet_still_tells_what_is_broken(run: Run, project: Path) -> None:
    write(project, rule(10, "size: 11.."))
    done = run("build-pack", "-q", at=project)
    assert done.out == ""
    assert "expected 11.." in done.err


def test_json_says_what_is_broken_in_which_build(run: Run, project: Path) -> None:
    write(project, rule(10, "size: 11.."))
    write(project, rule(10, "size: 10").replace("phase: p", "phase: q"), "b.yaml")
    done = run("build-pack", "-f", "json", at=project)
    assert done.code == ExitCode.EXPECTATION
    broken, good = json.loads(done.out)["builds"]
    assert (broken["phase"], broken["folder"], broken["unchanged"]) == ("p", None, None)
    (told,) = broken["broken"]
    assert "`top` has 10 users, expected 11.." in told
    assert broken["packs"][0]["size"] == 10
    assert good["broken"] == []
    assert Path(good["folder"]).is_dir()


def test_the_python_interface_raises_with_all_results(project: Path) -> None:
    write(project, rule(10, "size: 11.."))
    write(project, rule(10, "size: 10").replace("phase: p", "phase: q"), "b.yaml")
    with pytest.raises(ExpectationError, match="`top` has 10 users") as caught:
        audience.build(audience.load(project))
    broken, good = caught.value.results
    assert broken.published is None
    assert len(broken.broken) == 1
    assert good.published is not None
    assert broken.ids("top").to_pylist() == list(range(1, 11))


def test_only_the_packs_that_are_built_are_held_against_it(run: Run, project: Path) -> None:
    write(project, rule(10, "size: 11.."))
    assert run("build-pack", "--pack", "other", at=project).code == 0
    assert run("size", "--pack", "top", at=project).code == ExitCode.EXPECTATION


def test_the_size_is_that_of_the_pack_with_its_limit(run: Run, project: Path) -> None:
    text = rule(50, "size: 20").replace("expect:", "limit: {keep: 20}\n    expect:")
    write(project, text)
    assert run("size", at=project).code == 0
    split = "split: {a: 50%, b: 50%}\n    expect:"
    write(project, text.replace("expect:", split))
    assert run("size", at=project).code == 0, "of the pack itself, not of its sides"


# change

EDGES = [
    # of 10 users before: 7 to 13 are within 30 %
    ("..30%", 7, 13),
    ("-30%..30%", 7, 13),
    ("..0%", 10, 10),
    ("..29.99%", 8, 12),
    ("-10%..50%", 9, 15),
    ("-20%..", 8, 100),
    ("10%..20%", 11, 12),
    ("-50%..-10%", 5, 9),
    ("..100%", 0, 20),
    ("0%..", 10, 100),
]


@pytest.mark.parametrize(("change", "least", "most"), EDGES)
def test_a_change_has_both_ends_in_exactly(
    run: Run, project: Path, change: str, least: int, most: int
) -> None:
    write(project, rule(10, "size: 0..", "2024-03-01"))
    assert run("build-pack", "-q", at=project).code == 0
    for count in {0, least - 1, least, least + 1, most - 1, most, most + 1, 100} - {-1, 101}:
        write(project, rule(count, f"change: {change}"))
        holds = least <= count <= most
        code = run("size", "-q", at=project).code
        assert code == (ExitCode.OK if holds else ExitCode.EXPECTATION), count


def test_a_broken_change_is_told_with_both_sizes_the_build_and_the_bounds(
    run: Run, project: Path
) -> None:
    assert build_sizes(run, project, 10, 14, "change: ..30%") == ExitCode.EXPECTATION
    err = run("build-pack", at=project).err
    assert "pack `top` went from 10 users in c/p@2024-03-01 to 14 (+40.0%)" in err
    assert "expected -30%..+30%" in err
    assert "rules/a.yaml:8:13" in err
    write(project, rule(2, "change: -20%.."))
    assert "to 2 (-80.0%), expected -20%.." in run("build-pack", at=project).err


def test_both_size_and_change_must_hold(run: Run, project: Path) -> None:
    assert build_sizes(run, project, 10, 30, "size: ..20, change: ..30%") == ExitCode.EXPECTATION
    assert run("size", at=project).err.count("pack `top`") == 2
    write(project, rule(15, "size: ..20, change: ..30%"))
    assert run("size", at=project).err.count("error: ") == 1


def test_the_first_build_changes_nothing(run: Run, project: Path) -> None:
    write(project, rule(10, "change: ..0%"))
    assert run("build-pack", at=project).code == 0


def test_a_pack_that_is_new_in_its_phase_changes_nothing(run: Run, project: Path) -> None:
    write(project, rule(10, "size: 0..", "2024-03-01").replace("top:", "old:"))
    run("build-pack", "-q", at=project)
    write(project, rule(50, "change: ..1%"))
    assert run("build-pack", at=project).code == 0


@pytest.mark.parametrize("change", ["..30%", "-100%..900%", "..0%"])
def test_after_nobody_any_growth_is_too_much(run: Run, project: Path, change: str) -> None:
    code = build_sizes(run, project, 0, 1, f"change: {change}")
    assert code == ExitCode.EXPECTATION
    assert "after none in c/p@2024-03-01" in run("size", at=project).err
    write(project, rule(0, f"change: {change}"))
    assert run("size", at=project).code == 0


def test_the_change_is_against_the_newest_build_up_to_as_of(run: Run, project: Path) -> None:
    for day, count in (("2024-03-01", 10), ("2024-03-05", 20), ("2024-03-09", 40)):
        write(project, rule(count, "size: 0..", day))
        assert run("build-pack", "-q", at=project).code == 0
    for day, fits in (("2024-03-04", 10), ("2024-03-08", 20), ("2024-03-10", 40)):
        for count in (10, 20, 40):
            write(project, rule(count, "change: ..10%", day))
            assert run("size", "-q", at=project).code == (0 if count == fits else 8), day
    write(project, rule(99, "change: ..10%", "2024-02-28"))
    assert run("size", "-q", at=project).code == 0, "before the first build"


def test_a_second_run_of_a_day_is_held_against_the_first(run: Run, project: Path) -> None:
    write(project, rule(10, "change: ..10%"))
    assert run("build-pack", "-q", at=project).code == 0
    assert run("build-pack", "-q", at=project).code == 0
    write(project, rule(20, "change: ..10%"))
    assert run("build-pack", "-q", at=project).code == ExitCode.EXPECTATION


def test_the_change_is_against_the_newest_build_of_this_pack(run: Run, project: Path) -> None:
    """A build of only some packs, in between, does not lift the expectation of the others."""
    write(project, rule(10, "size: 0..", "2024-03-01"))
    assert run("build-pack", "-q", at=project).code == 0
    write(project, rule(10, "size: 0..", "2024-03-02"))
    assert run("build-pack", "-q", "--pack", "other", at=project).code == 0
    write(project, rule(50, "change: ..10%", "2024-03-03"))
    done = run("size", at=project)
    assert done.code == ExitCode.EXPECTATION
    assert "went from 10 users in c/p@2024-03-01 to 50" in done.err


def test_a_broken_change_keeps_the_old_build_for_the_next_comparison(
    run: Run, project: Path
) -> None:
    """A build that was refused is no build: its numbers do not become the new normal."""
    assert build_sizes(run, project, 10, 50, "change: ..30%") == ExitCode.EXPECTATION
    write(project, rule(52, "change: ..30%", "2024-03-03"))
    assert run("build-pack", "-q", at=project).code == ExitCode.EXPECTATION


# Stages

STAGES = """\
campaign: c
phase: p
as_of: {as_of}
base: {{age: ..50}}
stages:
  life:
    young: {{age: ..{young}}}
    old: {{label: 老, where: {{age: 41..}}{expect}}}
packs:
  all_of_them: {{where: {{age: known}}}}
"""


def stages(young: int, as_of: str = "2024-03-01", expect: str = "") -> str:
    expect = f", expect: {{{expect}}}" if expect else ""
    return STAGES.format(young=young, as_of=as_of, expect=expect)


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_stages_that_leave_users_out_break_the_file(run: Run, project: Path, engine: str) -> None:
    write(project, stages(33))
    done = run("build-pack", "--engine", engine, at=project)
    assert done.code == ExitCode.EXPECTATION
    assert "c/p: stages `life`" in done.err
    assert "7 of 50" in done.err
    assert "rules/a.yaml:" in done.err
    assert "otherwise" in done.err
    assert not list(project.rglob("packs/**/*.parquet"))


def test_stages_that_cover_the_base_without_otherwise_are_published(
    run: Run, project: Path
) -> None:
    write(project, stages(40))
    assert run("build-pack", at=project).code == 0
    assert (project / "packs/c/p/latest/life.young.parquet").exists()


def test_stages_that_no_longer_cover_the_base_leave_the_last_build(run: Run, project: Path) -> None:
    write(project, stages(40))
    assert run("build-pack", "-q", at=project).code == 0
    before = tree(project / "packs")
    write(project, stages(39, "2024-03-02"))
    done = run("build-pack", "-f", "json", at=project)
    assert done.code == ExitCode.EXPECTATION
    (built,) = json.loads(done.out)["builds"]
    assert "1 of 50" in built["broken"][0]
    assert (built["stages"][0]["total"], built["stages"][0]["rest"]) == (49, 1)
    assert tree(project / "packs") == before


def test_one_stage_alone_can_be_built(run: Run, project: Path) -> None:
    write(project, stages(40))
    done = run("size", "--pack", "life.young", "-f", "json", at=project)
    assert done.code == 0
    (built,) = json.loads(done.out)["builds"]
    assert [(pack["name"], pack["size"]) for pack in built["packs"]] == [("life.young", 40)]


def test_a_stage_has_expectations_like_a_pack(run: Run, project: Path) -> None:
    write(project, stages(40, expect="size: 11.."))
    done = run("build-pack", at=project)
    assert done.code == ExitCode.EXPECTATION
    assert "pack `life.old` has 10 users, expected 11.." in done.err
    write(project, stages(45, expect="size: 5"))
    assert run("build-pack", at=project).code == 0, "of those that no stage before it took"


def test_the_old_stage_is_what_a_stage_changed_from(run: Run, project: Path) -> None:
    write(project, stages(40))
    assert run("build-pack", "-q", at=project).code == 0
    write(project, stages(44, "2024-03-02", "change: ..30%"))
    done = run("size", at=project)
    assert "`life.old` went from 10 users in c/p@2024-03-01 to 6 (-40.0%)" in done.err
