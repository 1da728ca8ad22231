"""Parameters of a rule file: `vars`, `${name}` and `--var`.

What is refused, with its place, is in ``tests/cases/errors/variables.yaml``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import polars as pl
import pytest
import yaml

import audience
from audience import api
from audience.commands.exits import ExitCode
from audience.errors import RuleError, UsageError
from support import MakeProject, Ran, Run

USERS = pl.DataFrame(
    {
        "user_id": range(1, 11),
        "age": [*range(10, 100, 10), None],
        "plus": [True, False] * 5,
        "nick": ["a", "1", "01", "unknown", "${a}", "x${a}", "[1, 2]", "30", None, "a=b"],
        "tier": ["1", "2", "new1", "new2", "x", "y", "z", "1", "2", "3"],
    }
)
EVENTS = [
    {"user_id": user, "ts": f"2024-02-{day:02}", "action": "buy"}
    for user, day in ((1, 29), (2, 20), (3, 1))
]
COMMANDS = ["check", "size", "build-pack", "explain"]


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    events = pl.DataFrame(EVENTS).with_columns(pl.col("ts").str.to_date())
    return make_project(USERS, {}, events)


def write(
    folder: Path, variables: str, where: str, more: str = "", name: str = "a.yaml", phase: str = "p"
) -> Path:
    """Write a rule file with such variables and a pack `x`."""
    path = folder / "rules" / name
    head = f"campaign: c\nphase: {phase}\nas_of: 2024-03-01\n"
    line = f"vars: {{{variables}}}\n" if variables else ""
    path.write_text(f"{head}{line}packs:\n  x:\n    where: {where}\n{more}")
    return path


def members(folder: Path, path: Path, engine: str = "polars", **variables: str) -> list[Any]:
    project = audience.load(folder)
    results = audience.build(project, [path], variables=variables, dry_run=True, engine=engine)
    return results[0].ids("x").to_pylist()


# Where a variable may stand, and how it is read

PLACES = {
    "the whole of a scalar": ("n: 30", '{age: "${n}"}', [3]),
    "a part of one": ("n: 80", '{age: "${n}.."}', [8, 9]),
    "both sides of a range": ("low: 20, high: 30", '{age: "${low}..${high}"}', [2, 3]),
    "beside a unit": ("n: 8", '{age: "0.00${n}万.."}', [8, 9]),
    "without quotes": ("n: 80", "\n      age: ${n}..", [8, 9]),
    "in single quotes": ("n: 80", "{age: '${n}..'}", [8, 9]),
    "a bool": ("flag: true", '{plus: "${flag}"}', [1, 3, 5, 7, 9]),
    "one item of a list": ("n: new2", '{tier: [new1, "${n}"]}', [3, 4]),
    "all items of a list": ("a: new1, b: new2", '{tier: ["${a}", "${b}"]}', [3, 4]),
    "an operator's argument": ("n: 80", '{age: {gt: "${n}"}}', [9]),
    "a list of an operator": ("n: 10", '{age: {in: ["${n}", 20]}}', [1, 2]),
    "a part of a text": ("n: new", '{tier: "${n}1"}', [3]),
    "a pattern": ("n: new", '{tier: {matches: "^${n}[0-9]$"}}', [3, 4]),
    "a count": ("n: 2", '{at_least: "${n}", of: [{plus: true}, {age: ..20}]}', [1]),
    "a window": ("n: 30d", '{did: {event: buy, within: "${n}"}}', [1, 2, 3]),
    "a part of a window": ("n: 11", '{did: {event: buy, within: "${n}d"}}', [1, 2]),
    "an action": ("what: buy", '{did: {event: ["${what}"], within: 2d}}', [1]),
    "an id": ("n: 7", '{ids: ["${n}", 3]}', [3, 7]),
    "a negation": ("n: 20", '{not: {age: "${n}.."}}', [1, 10]),
    "several times": ("n: 3", '{age: "${n}0", user_id: "${n}"}', [3]),
    "a name of another script": ("下限: 80", '{age: "${下限}.."}', [8, 9]),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_variable_may_stand_as(folder: Path, name: str) -> None:
    variables, where, wanted = PLACES[name]
    assert members(folder, write(folder, variables, where)) == wanted


READINGS = {
    "a text on a text column": ('v: "1"', '{nick: "${v}"}', [2]),
    "a number on a text column is that text": ("v: 01", '{nick: "${v}"}', [3]),
    "a state": ("v: unknown", '{nick: "${v}"}', [9]),
    "a text that is called like a state": ('v: "unknown"', '{nick: "${v}"}', [4]),
    "quotes of a part do not count": ('v: "known"', '{nick: "un${v}"}', [9]),
    "quotes of a part do not count on a number": ('v: "80"', '{age: "${v}.."}', [8, 9]),
    "no list is made": ('v: "[1, 2]"', '{nick: "${v}"}', [7]),
    "no second reading": ("v: '${a}', a: 1", '{nick: "${v}"}', [5]),
    "an escape": ("a: 1", '{nick: "$${a}"}', [5]),
    "an escape in single quotes": ("a: 1", "{nick: '$${a}'}", [5]),
    "an escape without quotes": ("a: 1", "\n      nick: $${a}", [5]),
    "an escape within a text": ("a: 1", '{nick: "x$${a}"}', [6]),
    "a dollar alone": ("a: 1", '{nick: {not_in: [$, "$a", "a$", "{a}"], is: known}, age: 10}', [1]),
}


@pytest.mark.parametrize("name", READINGS)
def test_a_value_is_read_as(folder: Path, name: str) -> None:
    variables, where, wanted = READINGS[name]
    assert members(folder, write(folder, variables, where)) == wanted


def test_values_stand_beside_where_too(folder: Path) -> None:
    more = '    label: "高端 ${n}"\n    limit: {keep: "${n}", by: "${by}", order: "${order}"}\n'
    more += '    split: {a: "${share}%", b: 50%, seed: "${n}"}\n    expect: {size: "${n}..${n}"}\n'
    path = write(folder, "n: 2, by: age, order: asc, share: 50", "{age: known}", more)
    result = audience.build(audience.load(folder), [path], dry_run=True)[0]
    assert result.ids("x").to_pylist() == [1, 2]
    assert result.summary.packs[0].label == "高端 2"


def test_values_stand_in_base_definitions_and_stages(folder: Path) -> None:
    more = 'base: {age: "${n}.."}\ndefine:\n  d: {age: "..${m}"}\n'
    more += 'stages:\n  s: {low: {age: "..${m}"}, rest: otherwise}\n'
    path = write(
        folder, "n: 70, m: 80, name: d, stage: low", '{all: ["${name}", "s.${stage}"]}', more
    )
    result = audience.build(audience.load(folder), [path], dry_run=True)[0]
    found = {pack.name: result.ids(pack.name).to_pylist() for pack in result.summary.packs}
    assert found == {"s.low": [7, 8], "s.rest": [9], "x": [7, 8]}


def test_lists_and_published_packs_by_variable(run: Run, folder: Path) -> None:
    (folder / "vip-1.csv").write_text("id\n3\n")
    path = write(
        folder,
        "n: 1, day: 2024-02-01, p: x",
        '{ids: {path: "vip-${n}.csv"}}',
        name="old.yaml",
        phase="old",
    )
    path.write_text(
        path.read_text().replace("as_of: 2024-03-01", 'as_of: "${day}"').replace(", p: x", "")
    )
    assert run("build-pack", "-q", at=folder).code == 0
    path = write(folder, "day: 2024-02-01, p: old", '{published: "c/${p}/x@${day}"}')
    assert members(folder, path) == [3]


def test_campaign_phase_and_as_of_by_variable(run: Run, folder: Path) -> None:
    path = write(folder, "season: mi13, n: 2, day: 2024-02-20", "{did: {within: 1d}}")
    text = path.read_text().replace("campaign: c", 'campaign: "${season}-2024"')
    text = text.replace("phase: p", "phase: ${n}-expand").replace("2024-03-01", '"${day}"')
    path.write_text(text)
    done = run("build-pack", "--var", "n=3", at=folder)
    assert done.code == 0, done.err
    assert "published mi13-2024/3-expand@2024-02-20" in done.err
    (built,) = json.loads(run("size", "--var", "day=2024-02-29", "-f", "json", at=folder).out)[
        "builds"
    ]
    assert (built["as_of"], built["phase"]) == ("2024-02-29", "2-expand")
    assert built["packs"][0]["size"] == 1
    (built,) = json.loads(run("size", "--as-of", "2024-02-01", "-f", "json", at=folder).out)[
        "builds"
    ]
    assert built["as_of"] == "2024-02-01", "--as-of wins"


# --var


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_a_value_from_the_command_line_wins(run: Run, folder: Path, engine: str) -> None:
    write(folder, "n: 80", '{age: "${n}.."}')
    sizes = {}
    for given in ((), ("--var", "n=60"), ("--var", "n=0.005万")):
        for command in ("size", "build-pack"):
            done = run(command, *given, "-f", "json", "--engine", engine, at=folder)
            sizes[given, command] = json.loads(done.out)["builds"][0]["packs"][0]["size"]
    assert list(sizes.values()) == [2, 2, 4, 4, 5, 5]


def test_check_and_explain_take_it_too(run: Run, folder: Path) -> None:
    write(folder, "n: 80", '{age: "${n}.."}')
    assert run("check", "--var", "n=60", at=folder).code == 0
    done = run("check", "--var", "n=old", at=folder)
    assert done.code == ExitCode.RULES
    assert "rules/a.yaml:7:18: error: `old` is not a number" in done.err
    assert "80" in run("explain", at=folder).out
    text = run("explain", "--var", "n=61", at=folder).out
    assert "61" in text
    assert "80" not in text


def test_a_good_value_repairs_a_bad_one(run: Run, folder: Path) -> None:
    write(folder, "n: old", '{age: "${n}.."}')
    assert run("check", at=folder).code == ExitCode.RULES
    assert run("check", "--var", "n=60", at=folder).code == 0


def test_it_is_read_without_quotes_and_may_hold_signs(folder: Path) -> None:
    path = write(folder, 'v: "x"', '{nick: "${v}"}')
    assert members(folder, path, v="unknown") == [9], "though the file's own value is a text"
    assert members(folder, path, v="a=b") == [10]
    assert members(folder, path, v="01") == [3]
    assert members(folder, path, v="${a}") == [5], "what it holds is not read again"


def test_the_first_sign_divides_name_and_value(run: Run, folder: Path) -> None:
    write(folder, "v: x", '{nick: "${v}"}')
    done = run("size", "--var", "v=a=b", "-f", "json", at=folder)
    assert json.loads(done.out)["builds"][0]["packs"][0]["size"] == 1


BAD = {
    "unknown, with what is near": (["flor=1"], "variable `flor`", "did you mean floor?"),
    "unknown, like nothing": (["zzz=1"], "variable `zzz`", "there is floor, n"),
    "one of several": (["n=1", "flor=2"], "variable `flor`", "did you mean floor?"),
    "twice": (["n=1", "n=1"], "`n` is given twice", ""),
    "no sign": (["n"], "expected name=value", "`n`"),
    "no name": (["=5"], "expected name=value", "`=5`"),
    "empty": ([""], "expected name=value", ""),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("name", BAD)
def test_variables_that_are_a_wrong_command_line(
    run: Run, folder: Path, name: str, command: str
) -> None:
    given, *told = BAD[name]
    write(folder, "n: 1, floor: 2", '{age: "${n}..${floor}0"}')
    done = run(command, *(word for text in given for word in ("--var", text)), at=folder)
    assert done.code == ExitCode.USAGE
    assert done.out == ""
    for part in told:
        assert part in done.err
    assert not list(folder.glob("packs/*/"))


def test_a_variable_of_one_file_is_enough(run: Run, folder: Path) -> None:
    write(folder, "n: 1", '{age: "${n}.."}')
    write(folder, "", "{age: 80..}", name="b.yaml", phase="q")
    done = run("size", "--var", "n=90", "-f", "json", at=folder)
    assert [each["packs"][0]["size"] for each in json.loads(done.out)["builds"]] == [1, 2]
    alone = run("size", "rules/b.yaml", "--var", "n=90", at=folder)
    assert alone.code == ExitCode.USAGE, "it would be without effect"


def test_the_python_interface(folder: Path) -> None:
    path = write(folder, "n: 80", '{age: "${n}.."}')
    project = audience.load(folder)
    assert members(folder, path, n="90") == [9]
    assert "90" in audience.explain(project, variables={"n": "90"})
    assert audience.check(project, variables={"n": "old"}).problems
    with pytest.raises(UsageError, match="no rule file has a variable `m`"):
        audience.build(project, variables={"m": "1"})
    with pytest.raises(RuleError, match="`old` is not a number"):
        audience.build(project, variables={"n": "old"})


# What is told


def told(run: Run, folder: Path, *words: str) -> Ran:
    done = run("check", *words, at=folder)
    assert done.code == ExitCode.RULES
    return done


def test_an_error_tells_the_value_and_where_it_comes_from(run: Run, folder: Path) -> None:
    write(folder, "n: cheap, m: 9", '{age: "${n}..${m}"}')
    done = told(run, folder)
    assert "rules/a.yaml:7:18: error: `cheap` is not a number" in done.err
    assert 'where: {age: "${n}..${m}"}' in done.err
    assert "`${n}` is `cheap` (line 4)" in done.err
    done = told(run, folder, "--var", "n=dear")
    assert "`${n}` is `dear` (from --var)" in done.err
    assert "`${m}` is `9` (line 4)" in done.err
    built = run("build-pack", at=folder)
    assert built.code == ExitCode.RULES
    assert "`${n}` is `cheap` (line 4)" in built.err


def test_data_tells_the_value_and_where_it_comes_from_too(run: Run, folder: Path) -> None:
    write(folder, "n: cheap", '{age: "${n}.."}')
    (problem,) = json.loads(told(run, folder, "-f", "json").out)["problems"]
    assert (problem["line"], problem["column"]) == (7, 18)
    assert any("`${n}` is `cheap` (line 4)" in str(part) for part in problem.values())


def test_a_variable_that_is_not_used_is_a_warning(run: Run, folder: Path) -> None:
    write(folder, "n: 80, spare: 1, escaped: 2", '{age: "${n}..", nick: {ne: "$${escaped}"}}')
    done = run("check", at=folder)
    assert done.code == 0
    assert "rules/a.yaml:4:15: warning: the variable `spare` is not used" in done.err
    assert "rules/a.yaml:4:25: warning: the variable `escaped` is not used" in done.err
    assert "the variable `n`" not in done.err
    assert run("check", "--var", "spare=2", at=folder).err.count("`spare` is not used") == 1
    assert run("build-pack", at=folder).code == 0


def test_the_manifest_has_the_values_of_every_file(run: Run, folder: Path) -> None:
    write(folder, "n: 80", '{all: [q/x, {age: "..${n}"}]}')
    write(folder, 'n: 20, word: "1"', '{age: "${n}..", tier: "${word}"}', name="b.yaml", phase="q")

    def rules() -> list[tuple[str, dict[str, str]]]:
        manifest = json.loads((folder / "packs/c/p/latest/manifest.json").read_text())
        return [(each["path"], each["variables"]) for each in manifest["rules"]]

    assert "published c/p" in run("build-pack", "rules/a.yaml", at=folder).err
    assert rules() == [("rules/a.yaml", {"n": "80"}), ("rules/b.yaml", {"n": "20", "word": "1"})]
    assert "unchanged c/p" in run("build-pack", "rules/a.yaml", at=folder).err
    done = run("build-pack", "rules/a.yaml", "--var", "n=70", at=folder)
    assert "published c/p" in done.err
    assert rules() == [("rules/a.yaml", {"n": "70"}), ("rules/b.yaml", {"n": "70", "word": "1"})]


ANYWHERE = """\
campaign: "${c}"
phase: p-${n}
label: "${c}"
as_of: "${day}"
vars: {c: x, n: 1}
base: {age: "${n}..", plus: "${flag}"}
define: {d: {tier: ["${n}", new1]}}
stages:
  s: {low: {age: "..${n}"}, rest: otherwise}
packs:
  x:
    label: "${c}"
    where:
      all: ["${name}", {age: {gt: "${n}"}}]
      at_least: "${n}"
      of: [d]
      ids: ["${n}", 3]
      published: "c/p/${name}"
      did: {in: "${t}", event: "${a}", within: "${w}", times: "${n}..", days: "${n}"}
    limit: {keep: "${n}", by: "${by}", order: "${order}"}
    split: {a: "${share}%", b: "${share}"}
    expect: {size: "${n}..", change: "..${n}%"}
"""


def test_the_schema_for_editors_lets_variables_stand(folder: Path) -> None:
    schema = api.schema("rules", audience.load(folder))
    faults = jsonschema.Draft7Validator(schema).iter_errors(yaml.safe_load(ANYWHERE))
    assert [(list(each.absolute_path), each.message) for each in faults] == []


# Other files


def test_a_named_file_has_its_own_variables(folder: Path) -> None:
    path = write(folder, "n: 30", '{all: [q/x, {age: "${n}.."}]}')
    other = write(folder, "n: 50", '{age: "..${n}"}', name="b.yaml", phase="q")
    assert members(folder, path) == [3, 4, 5]
    assert members(folder, other) == [1, 2, 3, 4, 5]
    assert members(folder, path, n="40") == [4], "a value that is given is that of all files"
    other.write_text(other.read_text().replace("n: 50", "m: 50"))
    with pytest.raises(RuleError, match="unknown variable `n`"):
        members(folder, path)


def test_a_variable_of_a_named_file_can_be_given(folder: Path) -> None:
    """It has one of the files that the build is made from."""
    path = write(folder, "", "{all: [q/x, {plus: true}]}")
    write(folder, "most: 50", '{age: "..${most}"}', name="b.yaml", phase="q")
    assert members(folder, path) == [1, 3, 5]
    assert members(folder, path, most="30") == [1, 3]
