"""`audience test`: the cases beside rule files, what it finds wrong, and what it says of it."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from support import MakeProject, Run

USERS = pl.DataFrame(
    {
        "user_id": [1],
        "age": [30],
        "plus": [True],
        "score": [0.5],
        "city": ["1"],
        "since": [None],
        "seen": [None],
        "tastes": [["a"]],
    },
    schema_overrides={
        "since": pl.Date,
        "seen": pl.Datetime("us", "UTC"),
        "city": pl.Categorical,
        "age": pl.Int8,
    },
)
EVENTS = pl.DataFrame(
    {"user_id": [1], "ts": [None], "action": ["buy"], "amount": [1.0]},
    schema_overrides={"ts": pl.Datetime("ms"), "amount": pl.Decimal(10, 2)},
)
DICTIONARY = """\
tags:
  city: {label: 城市, values: {一线: "1", 二线: "2"}}
"""
RULES = """\
campaign: c
phase: p
as_of: 2024-03-01
vars: {floor: 18}
base: {age: "${floor}.."}
packs:
  buyers: {where: {did: {event: buy, within: 30d, sum: {amount: 10..}}}}
  rich: {where: {plus: true, not: {城市: 二线}}}
"""


@pytest.fixture
def project(make_project: MakeProject) -> Path:
    return make_project(USERS, {"a.yaml": RULES}, EVENTS, DICTIONARY)


def write(project: Path, text: str) -> Path:
    path = project / "rules/a.cases.yaml"
    path.write_text(text)
    return path


HOLDS = """\
cases:
  - name: thirty days' money
    users: [{user_id: 1, age: 30}, {user_id: 2, age: 30}, {user_id: 3, age: 30},
            {user_id: 4, age: 17}]
    events:
      - {user_id: 1, ts: 2024-02-01 00:00, action: buy, amount: 9.99}
      - {user_id: 1, ts: 2024-03-01 23:59:59, action: buy, amount: 0.01}
      - {user_id: 2, ts: 2024-01-31 23:59:59, action: buy, amount: 10}
      - {user_id: 4, ts: 2024-03-01, action: buy, amount: 10}
    packs: {buyers: {in: [1], out: [2, 3, 4]}}
  - name: cities, unknown too
    users:
      - {user_id: 1, age: 18, plus: true, 城市: 一线}
      - {user_id: 2, age: 18, plus: true, city: "2"}
      - {user_id: 3, age: 18, plus: true}
      - {user_id: 4, age: 18}
      - {user_id: 5, plus: true}
    packs: {rich: {in: [1, 3], out: [2, 4, 5]}}
"""


def test_cases_that_hold(project: Path, run: Run) -> None:
    write(project, HOLDS)
    done = run("test", at=project)
    assert done.code == 0, done.out + done.err
    assert done.out == ""
    assert "rules/a.cases.yaml: 2 cases, 9 checks" in done.err


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_a_failure_shows_what_held_and_what_was_found(project: Path, run: Run, engine: str) -> None:
    write(
        project,
        HOLDS.replace("amount: 0.01}", "amount: 0}").replace(
            "in: [1, 3], out: [2, 4, 5]", "in: [1, 2], out: [3]"
        ),
    )
    done = run("test", "--engine", engine, at=project)
    assert done.code == 9
    assert done.out == """\
rules/a.cases.yaml:10:27: thirty days' money: user 1 must be in and is out: pack `buyers`
  ✗ all of
    ✓ base
      ✓ age >= 18   is 30
    ✗ did buy, within 30d: sum(amount) 10..   sum(amount) is 9.99

rules/a.cases.yaml:18:28: cities, unknown too: user 2 must be in and is out: pack `rich`
  ✗ all of
    ✓ base
      ✓ age >= 18   is 18
    ✗ all of
      ✓ plus = true   is true
      ✗ not
        ✓ 城市 (city) = 2   is 2

rules/a.cases.yaml:18:38: cities, unknown too: user 3 must be out and is in: pack `rich`
  ✓ all of
    ✓ base
      ✓ age >= 18   is 18
    ✓ all of
      ✓ plus = true   is true
      ✓ not
        ✗ 城市 (city) = 2   missing

"""  # fmt: skip
    assert "3 of 7 checks failed" in done.err


def test_json_has_the_same(project: Path, run: Run) -> None:
    write(project, HOLDS.replace("out: [2, 3, 4]", "out: [1]").replace("in: [1], ", ""))
    done = run("test", "--format", "json", at=project)
    assert done.code == 9
    (file,) = json.loads(done.out)["files"]
    (failure,) = file["failures"]
    assert failure["pack"] == "buyers"
    assert failure["user"] == 1
    assert failure["must_be_in"] is False
    assert failure["line"] == 10
    assert failure["why"][-1]["found"] == "sum(amount) is 10"
    assert file["untested"] == []


def test_packs_that_no_case_mentions_are_told(project: Path, run: Run) -> None:
    write(project, HOLDS[: HOLDS.index("  - name: cities")])
    assert "no case has rich" in run("test", at=project).err


def test_days_and_variables_of_the_file_of_a_case_and_of_the_command_line(
    project: Path, run: Run
) -> None:
    text = """\
as_of: 2024-03-05
vars: {floor: 40}
cases:
  - name: the file's
    users: [{user_id: 1, age: 39, plus: true}, {user_id: 2, age: 40, plus: true}]
    packs: {rich: {in: [2], out: [1]}}
  - name: its own
    as_of: 2024-04-01
    vars: {floor: 39}
    users: [{user_id: 1, age: 39, plus: true}, {user_id: 2, age: 38, plus: true}]
    events: [{user_id: 1, ts: 2024-04-01, action: buy, amount: 10}]
    packs: {rich: {in: [1], out: [2]}, buyers: {in: [1]}}
"""
    write(project, text)
    assert run("test", at=project).code == 0
    assert run("test", "--var", "floor=41", at=project).code == 9
    assert run("test", "--var", "flor=41", at=project).code == 2


def test_cases_apart_where_rules_look_at_keys_or_at_others(project: Path, run: Run) -> None:
    (project / "rules/a.yaml").write_text("""\
campaign: c
phase: p
as_of: 2024-03-01
packs:
  first: {where: {age: known}, limit: {keep: 1, by: age}}
  vip: {where: {any: [{ids: [1]}, {ids: {path: vip.txt}}, {published: x/y/z}, {user_id: 7}]}}
""")
    text = """\
cases:
  - name: one
    users: [{user_id: 1, age: 1}, {user_id: 2, age: 2}, {user_id: 3, age: 0}]
    packs: {first: {in: [2], out: [1, 3]}, vip: {in: [1, 3], out: [2]}}
    lists: {vip.txt: [3]}
  - name: other
    users: [{user_id: 1}, {user_id: 2, age: 1}, {user_id: 3}, {user_id: 7}]
    packs: {first: {in: [2], out: [1]}, vip: {in: [1, 2, 7], out: [3]}}
    published: {x/y/z: [2]}
"""
    write(project, text)
    done = run("test", at=project)
    assert done.code == 0, done.out


def test_keys_that_are_texts(make_project: MakeProject, run: Run) -> None:
    users = pl.DataFrame({"user_id": ["a"], "age": [1]})
    rules = "campaign: c\nphase: p\nas_of: 2024-03-01\npacks: {adults: {where: {age: 18..}}}\n"
    folder = make_project(users, {"a.yaml": rules})
    cases = [
        f"  - name: case {n}\n    users: [{{user_id: '01', age: {n}}}, {{user_id: 小明}}]\n"
        f"    packs: {{adults: {{{'in' if n > 17 else 'out'}: ['01'], out: [小明]}}}}\n"
        for n in (18, 17)
    ]
    text = "cases:\n" + "".join(cases).replace("out: ['01'], out: [小明]", "out: ['01', 小明]")
    (folder / "rules/a.cases.yaml").write_text(text)
    done = run("test", at=folder)
    assert done.code == 0, done.out + done.err


CASE = "cases:\n  - name: n\n    users: [{user_id: 1, age: 20}]\n    packs: {rich: {out: [1]}}\n"


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("age: 20", "agee: 20", "table `users` has no column `agee`"),
        ("age: 20", "age: x", "`x` is not a number"),
        ("age: 20", "age: 1.5", "is not a whole number"),
        ("age: 20", "age: [1]", "a cell holds a single value"),
        ("age: 20", "plus: yes", "`yes` is neither true nor false"),
        ("age: 20", "since: 2024-02-30", "there is no day"),
        ("age: 20", "seen: noon", "`noon` is no time"),
        ("age: 20", "tastes: a", "`tastes` is a list"),
        ("age: 20", "city: '1', 城市: '1'", "`city` stands twice"),
        ("user_id: 1, ", "", "a user without `user_id`"),
        ("out: [1]", "out: [2]", "no user 2 in the case"),
        ("out: [1]", "out: [x]", "`x` is no key"),
        ("out: [1]", "out: [1], in: [1]", "user 1 is `in` and `out`"),
        ("{user_id: 1, age: 20}", "{user_id: 1}, {user_id: 1}", "user 1 has 2 rows"),
        ("{rich: {out: [1]}}", "{}", "`packs` is empty"),
        ("{out: [1]}", "{not: [1]}", "unknown key `not`"),
        ("name: n\n", "nam: n\n", "unknown key `nam`"),
        ("cases:\n", "case:\n", "unknown key `case`"),
        ("    packs", "    events: {visits: []}\n    packs", "no event table `visits`"),
        ("    packs", "    events: [{user: 1}]\n    packs", "has no column `user`"),
        ("age: 20", "city: '9'", "`9` is no value of the dictionary"),
        ("age: 20", "age: '20'", "is text, the column is a whole number"),
        ("user_id: 1, ", "user_id: '1', ", "is text, the column is a whole number"),
        ("out: [1]", "out: ['1']", "`1` is no key"),
        ("    packs", "    events: [{user_id: 1}]\n    packs", "an event without `ts`"),
        ("    packs", "    events: [{ts: 2024-01-01}]\n    packs", "an event without `user_id`"),
        (
            "    packs",
            "    events: [{user_id: 2, ts: 2024-01-01}]\n    packs",
            "an event of `events` is of user 2, who is not in the case",
        ),
        ("    packs", "    lists: {vip.txt: [1]}\n    packs", "no rule reads the list `vip.txt`"),
        ("    packs", "    as_of: soon\n    packs", "`soon` is not a date"),
    ],
)
def test_slips_in_case_files_are_problems_with_a_place(
    project: Path, run: Run, old: str, new: str, told: str
) -> None:
    assert old in CASE
    write(project, CASE.replace(old, new, 1))
    done = run("test", at=project)
    assert done.code == 3
    assert "rules/a.cases.yaml:" in done.err
    assert told in done.err


def test_a_value_that_the_column_cannot_hold(project: Path, run: Run) -> None:
    write(project, CASE.replace("age: 20", "age: 300"))  # of 8 bits
    done = run("test", at=project)
    assert done.code == 4
    assert "a case's rows of `users`" in done.err


def test_a_pack_that_is_not_there(project: Path, run: Run) -> None:
    write(project, CASE.replace("rich", "rihc"))
    done = run("test", at=project)
    assert done.code == 3
    assert "rules/a.cases.yaml:4:13: error: no pack `rihc` in c/p" in done.err
    assert "did you mean `rich`?" in done.err


def test_no_case_file(project: Path, run: Run) -> None:
    done = run("test", at=project)
    assert done.code == 2
    assert "no case file in rules" in done.err
    assert run("test", "rules/a.yaml", at=project).code == 2


def test_no_day(project: Path, run: Run) -> None:
    (project / "rules/a.yaml").write_text(RULES.replace("as_of: 2024-03-01\n", ""))
    write(project, CASE)
    done = run("test", at=project)
    assert done.code == 3
    assert "the case has no day" in done.err


def test_files_and_folders_are_chosen(project: Path, run: Run) -> None:
    write(project, CASE)
    for words in (["rules"], ["rules/a.yaml"], ["rules/a.cases.yaml"], []):
        assert run("test", *words, at=project).code == 0


def test_a_broken_rule_file_is_told(project: Path, run: Run) -> None:
    write(project, CASE)
    (project / "rules/a.yaml").write_text(RULES.replace("plus: true", "pluss: true"))
    done = run("test", at=project)
    assert done.code == 3
    assert "rules/a.yaml:8:18" in done.err


def test_what_is_tested_is_not_the_state_of_the_project(project: Path, run: Run) -> None:
    """Snapshots, missing days and suppress lists are the nightly run's, not the rule's."""
    text = (project / "audience.yaml").read_text()
    (project / "audience.yaml").write_text(text + "suppress: [{path: lists/gone.csv}]\n")
    write(project, HOLDS)
    assert run("test", at=project).code == 0


def test_a_chain_tells_how_many_there_were_before_it(project: Path, run: Run) -> None:
    where = "{did: {event: buy, times: 2.., then: {event: ask, after: ..1d}}}"
    rules = f"campaign: c\nphase: p\nas_of: 2024-03-01\npacks: {{x: {{where: {where}}}}}\n"
    (project / "rules/a.yaml").write_text(rules)
    write(
        project,
        """\
cases:
  - name: one is followed in time
    users: [{user_id: 1}]
    events:
      - {user_id: 1, ts: 2024-02-01, action: buy}
      - {user_id: 1, ts: 2024-02-02, action: buy}
      - {user_id: 1, ts: 2024-02-03, action: ask}
    packs: {x: {in: [1]}}
""",
    )
    done = run("test", at=project)
    assert done.code == 9
    assert "times is 1 (2 before `then`)" in done.out
