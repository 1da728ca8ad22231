"""What is bounded: how many problems are told, how long they are, how many stages and sides."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest

import audience
from audience.commands.exits import ExitCode
from audience.errors import RuleError, count_of, nearest
from audience.report.problems import render_problems
from audience.rules.grammar import OWN_NAMES, is_slug
from audience.rules.reader import MOST_TOLD
from audience.store.log import NAME
from support import MakeProject, Run

HEAD = "campaign: c\nphase: p\nas_of: 2024-03-01\n"
USERS = [{"user_id": 1, "age": 20, "gender": "m"}]
DICTIONARY = "tags: {gender: {values: [m, f]}}\n"


def write(folder: Path, text: str) -> None:
    (folder / "rules/a.yaml").write_text(text)


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    return make_project(USERS, extra=DICTIONARY)


def values(count: int) -> str:
    listed = "".join(f"        - v{n}\n" for n in range(count))
    return f"{HEAD}packs:\n  x:\n    where:\n      gender:\n{listed}"


def test_problems_past_the_most_are_counted(run: Run, folder: Path) -> None:
    write(folder, values(700))
    done = run("check", at=folder)
    assert done.code == ExitCode.RULES
    told = done.err.split("\n\n")
    assert told[MOST_TOLD - 1].startswith("rules/a.yaml:507:11: error: `v499` is no value")
    # One line, with the place of the first of them.
    assert told[MOST_TOLD] == "rules/a.yaml:508:11: error: … and 200 more errors"
    assert done.err.count(": error: ") == MOST_TOLD + 1


def test_one_more_than_the_most(run: Run, folder: Path) -> None:
    write(folder, values(MOST_TOLD))
    assert "more error" not in run("check", at=folder).err
    write(folder, values(MOST_TOLD + 1))
    assert "… and 1 more error\n" in run("check", at=folder).err


def test_json_has_the_same(run: Run, folder: Path) -> None:
    write(folder, values(700))
    done = run("check", "--format", "json", at=folder)
    assert done.code == ExitCode.RULES
    problems = json.loads(done.out)["problems"]
    assert len(problems) == MOST_TOLD + 1
    assert problems[-1]["message"] == "… and 200 more errors"
    assert (problems[-1]["line"], problems[-1]["severity"]) == (508, "error")


def test_the_count_stays_true(folder: Path) -> None:
    write(folder, values(700))
    project = audience.load(folder)
    assert count_of(audience.check(project).problems) == 700
    with pytest.raises(RuleError) as caught:
        audience.build(project, dry_run=True)
    assert count_of(caught.value.problems) == 700


def test_the_same_problem_counts_once_past_the_most_too(folder: Path) -> None:
    listed = ", ".join(f"v{n}" for n in range(700))
    packs = f"packs:\n  x: {{where: &a {{gender: [{listed}]}}}}\n  y: {{where: *a}}\n"
    write(folder, HEAD + packs)
    assert count_of(audience.check(audience.load(folder)).problems) == 700


def test_problems_of_the_yaml_itself(folder: Path) -> None:
    write(folder, "a: 1\n" * 2_000)
    problems = audience.check(audience.load(folder)).problems
    assert len(problems) == MOST_TOLD + 1
    assert count_of(problems) == 2_003  # all but one are duplicates; four keys are missing


def test_warnings_past_the_most_are_counted(folder: Path) -> None:
    unused = ", ".join(f"v{n}: 1" for n in range(700))
    write(folder, f"{HEAD}vars: {{{unused}}}\npacks: {{x: {{where: {{age: 1}}}}}}\n")
    report = audience.check(audience.load(folder))
    assert not report.problems
    assert len(report.warnings) == MOST_TOLD + 1
    assert report.warnings[-1].message == "… and 200 more warnings"


def test_a_long_message_is_cut(folder: Path) -> None:
    write(folder, f"{HEAD}packs:\n  x: {{where: {'t' * 50_000}}}\n")
    (problem,) = audience.check(audience.load(folder)).problems
    assert problem.message.startswith("no pack or definition `tttt")
    assert len(render_problems([problem])) < 3_000


def test_the_likeliest_of_many_names_that_are_alike_is_found() -> None:
    names = [f"name_{n}" for n in range(3_000)]
    assert nearest("nome_1234", names) == "name_1234"
    assert nearest("x" * 101, ["x" * 101]) == ""


def test_the_collector_is_left_as_it_was(folder: Path) -> None:
    write(folder, values(1))
    assert gc.isenabled()
    audience.check(audience.load(folder))
    assert gc.isenabled()
    gc.disable()
    try:
        audience.check(audience.load(folder))
        assert not gc.isenabled()
    finally:
        gc.enable()


# Stages and sides


def stages(count: int, name: str = "s") -> str:
    lines = "".join(f"    x{n}: {{age: {n}}}\n" for n in range(count - 1))
    return f"  {name}:\n{lines}    rest: otherwise\n"


def test_five_hundred_stages(run: Run, folder: Path) -> None:
    write(folder, f"{HEAD}stages:\n{stages(500)}")
    assert run("check", at=folder).code == 0
    write(folder, f"{HEAD}stages:\n{stages(501)}")
    done = run("check", at=folder)
    assert done.code == ExitCode.RULES
    assert done.err.startswith("rules/a.yaml:506:5: error: more than 500 stages in one file\n")


def test_stages_of_several_sets_count_together(run: Run, folder: Path) -> None:
    write(folder, f"{HEAD}stages:\n{stages(300, 'one')}{stages(201, 'two')}")
    assert "rules/a.yaml:506:5: error: more than 500 stages" not in run("check", at=folder).err
    assert "rules/a.yaml:507:5: error: more than 500 stages" in run("check", at=folder).err


def test_a_stage_of_a_file_with_too_many_is_refused_where_it_is_named(
    run: Run, folder: Path
) -> None:
    write(folder, f"{HEAD}stages:\n{stages(501)}")
    other = HEAD.replace("phase: p", "phase: q")
    (folder / "rules/b.yaml").write_text(f"{other}packs: {{x: {{where: p/s.x1}}}}\n")
    done = run("check", "rules/b.yaml", at=folder)
    assert done.code == ExitCode.RULES
    assert "rules/a.yaml:506:5: error: more than 500 stages" in done.err


def test_a_hundred_sides(run: Run, folder: Path) -> None:
    sides = ", ".join(f"s{n}: 1%" for n in range(100))
    write(folder, f"{HEAD}packs:\n  x: {{where: {{age: 1}}, split: {{{sides}}}}}\n")
    assert run("check", at=folder).code == 0
    write(folder, f"{HEAD}packs:\n  x: {{where: {{age: 1}}, split: {{\n{sides},\n  t: 1%}}}}\n")
    done = run("check", at=folder)
    assert done.code == ExitCode.RULES
    assert done.err.startswith("rules/a.yaml:7:3: error: more than 100 sides in a split\n")


# Names beside the campaigns


def test_a_campaign_is_not_called_like_a_file_beside_it(run: Run, folder: Path) -> None:
    write(
        folder, HEAD.replace("campaign: c", "campaign: log.jsonl") + "packs: {x: {where: {age: 1}}}"
    )
    done = run("check", at=folder)
    assert done.code == ExitCode.RULES
    assert done.err.startswith("rules/a.yaml:1:11: error: `log.jsonl` is a file that the program")
    write(folder, HEAD.replace("phase: p", "phase: log.jsonl") + "packs: {x: {where: {age: 1}}}")
    assert run("build-pack", at=folder).code == 0


def test_every_file_beside_the_campaigns_is_known(run: Run, folder: Path) -> None:
    write(folder, HEAD + "packs: {x: {where: {age: 1}}}")
    assert run("build-pack", at=folder).code == 0
    beside = {path.name for path in (folder / "packs").iterdir() if path.is_file()}
    assert {name for name in beside if is_slug(name)} == {NAME} == set(OWN_NAMES)
