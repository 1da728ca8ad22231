"""Rule files and project files that are wrong: every problem, at its place, and nothing else.

The cases are data, in ``tests/cases/errors``; the project they stand in is made here. A case has
the text of a rule file (``rule``), of several (``files``) or of audience.yaml (``project``),
and lists every problem of the run in the order of their places.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from typer.testing import CliRunner, Result

import audience
from audience.commands.app import app
from audience.errors import AudienceError, DataError, Location, Problem, RuleError, Source
from audience.report.problems import render_problem, render_problems
from audience.report.words import visible

CASES = Path(__file__).parent.parent / "cases" / "errors"

PROJECT = """\
time_zone: Asia/Shanghai
tables:
  users: {path: users.parquet, key: user_id}
  events:
    path: events.parquet
    key: user_id
    time: ts
    action: action
    actions: {浏览: browse, 加购: cart, 购买: buy}
    columns:
      brand: {label: 商品品牌, values: {小米: Xiaomi, 华为: Huawei, 苹果: Apple}}
      price: {label: 商品价格}
      sku: {label: 商品编号}
tags:
  age: {label: 年龄}
  city_tier:
    label: 城市线级
    values: {一线: "1", 新一线: new1, 二线: "2", 三线: "3"}
  plus: {label: PLUS会员}
  registered: {label: 注册日期}
  interests: {label: 兴趣偏好, values: {游戏: gaming, 摄影: photography, 旅行: travel}}
  score: {label: 活跃分}
"""
GOOD = "campaign: c\nphase: p\npacks:\n  x: {where: {plus: true}}\n"
HEAD = "campaign: c\nphase: p\nas_of: 2023-04-30\n"
RULES_EXIT = 3
SECONDS = 5


@dataclass(frozen=True)
class Expected:
    """A problem a case asks for; ``message`` and ``expected`` are parts of the texts."""

    file: str
    line: int
    column: int
    message: str
    nearest: str
    expected: str


@dataclass(frozen=True)
class Case:
    """One case: texts of files by their path in the project, and the problems they have."""

    theme: str
    name: str
    files: Mapping[str, bytes]
    problems: tuple[Expected, ...]


def _read_case(theme: str, entry: dict[str, Any]) -> Case:
    unknown = set(entry) - {"name", "rule", "files", "project", "encoding", "problems"}
    assert not unknown, f"{entry['name']}: {unknown}"
    texts: dict[str, str] = {}
    main = "rules/rule.yaml"
    if "project" in entry:
        texts["audience.yaml"] = entry["project"]
        main = main if "rule" in entry else "audience.yaml"
    for path, text in entry.get("files", {}).items():
        texts[f"rules/{path}"] = text
    if "files" not in entry:
        texts["rules/rule.yaml"] = entry.get("rule", GOOD)
    encoding = entry.get("encoding", "utf-8")
    problems = []
    for problem in entry["problems"]:
        line, column = problem["at"]
        file = f"rules/{problem['file']}" if "file" in problem else main
        problems.append(
            Expected(
                file,
                line,
                column,
                problem["message"],
                problem.get("nearest", ""),
                problem.get("expected", ""),
            )
        )
    assert problems, f"{entry['name']}: no problem is no case"
    files = {
        path: text.encode(encoding if path == main else "utf-8") for path, text in texts.items()
    }
    return Case(theme, entry["name"], files, tuple(problems))


def load_cases() -> list[Case]:
    out = []
    for path in sorted(CASES.glob("*.yaml")):
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
        out += [_read_case(path.stem, entry) for entry in entries]
    return out


ALL = load_cases()


def write_tables(folder: Path) -> None:
    """Two users and two events: types are all that matters here."""
    day, time = dt.date(2023, 4, 1), dt.datetime(2023, 4, 1, 12)
    pl.DataFrame(
        {
            "user_id": [1, 2],
            "age": [20, None],
            "city_tier": ["1", "new1"],
            "plus": [True, None],
            "registered": [day, day],
            "last_seen": [time, time],
            "interests": [["gaming"], []],
            "score": [0.5, 1.0],
            "nick": ["a", "b"],
            "blob": [b"a", b"b"],
        }
    ).write_parquet(folder / "users.parquet")
    pl.DataFrame(
        {
            "user_id": [1, 2],
            "ts": [time, time],
            "action": ["buy", "browse"],
            "brand": ["Xiaomi", "Apple"],
            "price": [1.0, 2.0],
            "sku": [1, 2],
        }
    ).write_parquet(folder / "events.parquet")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A good project without a rule file; the working directory stays elsewhere."""
    root = tmp_path / "project"
    (root / "rules").mkdir(parents=True)
    write_tables(root)
    (root / "audience.yaml").write_text(PROJECT, encoding="utf-8")
    return root


def write_case(case: Case, root: Path) -> None:
    for path, data in case.files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(data)


def check(root: Path) -> tuple[Problem, ...]:
    """What the project's author is told, whether it was raised or returned."""
    try:
        return audience.check(audience.load(root)).problems
    except RuleError as error:
        return error.problems


@contextmanager
def time_limit(seconds: float) -> Iterator[None]:
    """Fail, rather than wait for ever."""

    def stop(_signal: int, _frame: object) -> None:
        # No Exception: what the program catches must not catch it.
        pytest.fail(f"more than {seconds} seconds")

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _place(problem: Problem, root: Path) -> tuple[str, int, int]:
    assert problem.at is not None, problem.message
    path = Path(problem.at.source.path).resolve().relative_to(root.resolve())
    return (path.as_posix(), problem.at.line, problem.at.column)


# --- the cases


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.theme}: {case.name}")
def test_every_problem_is_told_at_its_place(folder: Path, case: Case) -> None:
    write_case(case, folder)
    found = sorted(check(folder), key=lambda problem: problem.order)
    places = [(*_place(problem, folder), problem.message) for problem in found]
    wanted = [(each.file, each.line, each.column, each.message) for each in case.problems]
    assert [place[:3] for place in places] == [place[:3] for place in wanted], places
    for problem, expected in zip(found, case.problems, strict=True):
        assert expected.message in problem.message
        assert expected.expected in problem.expected
        assert problem.nearest == expected.nearest, problem.message


def test_there_are_cases_of_everything() -> None:
    assert len(ALL) >= 70
    assert len({(case.theme, case.name) for case in ALL}) == len(ALL)
    for case in ALL:
        places = [(each.file, each.line, each.column) for each in case.problems]
        assert places == sorted(places), case.name


@pytest.mark.parametrize("case", ALL, ids=lambda case: f"{case.theme}: {case.name}")
def test_every_problem_quotes_its_line_with_a_caret_below_its_place(
    folder: Path, case: Case
) -> None:
    write_case(case, folder)
    for problem in check(folder):
        at = problem.at
        assert at is not None
        assert str(at) == f"{at.source.path}:{at.line}:{at.column}"
        text = render_problem(problem)
        message = visible(problem.message)
        assert text.startswith(f"{at}: error: {message}")
        assert not problem.expected or f"\n  expected {visible(problem.expected)}" in text
        assert not problem.nearest or f"\n  did you mean `{problem.nearest}`?" in text
        assert text.replace("\n", "").isprintable()
        if at.quoted:
            lines = text.removeprefix(f"{at}: error: {message}\n").split("\n")
            _check_caret(at, lines[0], lines[1])


def _check_caret(at: Location, shown: str, carets: str) -> None:
    gutter = f"  {at.line} | "
    assert shown.startswith(gutter)
    assert carets.strip(" |") == "^" * carets.count("^") != ""
    width = carets.index("^") - len(gutter)
    line = shown.removeprefix(gutter)
    place = 0
    while _width(line[:place]) < width:
        place += 1
    wanted = visible(at.quoted.replace("\t", " ")[at.column - 1 :])
    assert _width(line[:place]) == width
    assert wanted.startswith(line[place : place + 3])


def _width(text: str) -> int:
    """Columns of a terminal, by Unicode's own table."""
    return sum(
        0
        if unicodedata.category(char) in {"Mn", "Me", "Cf", "Cc"}
        else 1 + (unicodedata.east_asian_width(char) in "WF")
        for char in text
    )


def test_every_problem_says_what_was_expected(folder: Path) -> None:
    silent = set()
    for case in ALL:
        for path in folder.rglob("*.yaml"):
            path.unlink()
        (folder / "audience.yaml").write_text(PROJECT, encoding="utf-8")
        write_case(case, folder)
        with suppress(DataError):
            silent |= {
                problem.message
                for problem in check(folder)
                if not problem.expected and not problem.message.startswith("not valid YAML")
            }
    assert not silent


# --- how a problem looks


def problem_of(folder: Path, rule: str) -> str:
    (folder / "rules/rule.yaml").write_bytes(rule.encode())
    (problem,) = check(folder)
    return render_problem(problem)


def test_a_problem_behind_chinese_text(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    rule = "campaign: c\nphase: p\npacks:\n  小镇青年: {where: {城市等级: 一线}}\n"
    assert problem_of(folder, rule) == (
        "rules/rule.yaml:4:18: error: unknown tag or keyword `城市等级`\n"
        "  4 |   小镇青年: {where: {城市等级: 一线}}\n"
        "    |                      ^^^^^^^^\n"
        "  expected a tag of the dictionary (`audience tags` lists them) or a keyword\n"
        "  did you mean `城市线级`?"
    )


def test_a_problem_behind_tabs(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    rule = "campaign: c\nphase:\tp\nas_of:\t\tsoon # 明天\npacks:\n  x: {where: {plus: true}}\n"
    assert problem_of(folder, rule) == (
        "rules/rule.yaml:3:9: error: `soon` is not a date\n"
        "  3 | as_of:  soon # 明天\n"
        "    |         ^^^^\n"
        "  expected a date such as 2023-02-01"
    )


def test_a_problem_behind_marks_and_wide_signs(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    rule = "campaign: c\nphase: p\npacks:\n  x: {label: cafe\u0301 😀ｂ, where: {age: 二十}}\n"
    assert problem_of(folder, rule) == (
        "rules/rule.yaml:4:37: error: `二十` is not a number\n"
        "  4 |   x: {label: cafe\u0301 😀ｂ, where: {age: 二十}}\n"
        f"    | {' ' * 37}^^^^\n"
        "  expected a number such as 5000, 1.5万 or 5K, or a range such as 5000.. or 18..30"
    )


def test_a_problem_on_line_ten(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    text = problem_of(folder, "\n" * 6 + GOOD.replace("plus: true", "plus: yes"))
    assert text == (
        "rules/rule.yaml:10:21: error: `yes` does not fit true or false\n"
        "  10 |   x: {where: {plus: yes}}\n"
        "     |                     ^^^\n"
        "  expected true or false, without quotes"
    )


def test_a_problem_far_along_a_line_shows_its_surroundings(folder: Path) -> None:
    years = ", ".join(f"{{年龄: {year}}}" for year in range(18, 90))
    text = problem_of(folder, HEAD + f"packs:\n  x: {{where: {{any: [{years}, {{aeg: 1}}]}}}}\n")
    head, line, carets, *_ = text.split("\n")
    assert ":5:742: " in head
    assert _width(line) <= 2 * 160 + 8
    assert _width(line[: line.index("aeg")]) == carets.index("^")
    assert carets.count("^") == 3


def test_a_place_past_the_end_quotes_nothing() -> None:
    at = Location(Source("rule.yaml", "campaign: c\n"), 2, 1)
    assert render_problem(Problem("wrong", at)) == "rule.yaml:2:1: error: wrong"
    assert render_problem(Problem("wrong")) == "error: wrong"


@pytest.mark.parametrize(
    "rule",
    [
        "campaign: c\nphase: p\nlabel: \x1b[2J\n",
        "campaign: c\nphase: p\nlabel: a\0b\n",
        "campaign: c\nphase: p\nlabel: a\u202eb\n",
        'campaign: "\\e[2J"\nphase: p\npacks: {x: {where: {plus: true}}}\n',
        'campaign: "a\\nb"\nphase: p\npacks: {x: {where: {plus: true}}}\n',
        'campaign: c\nphase: p\npacks: {"a\\u202Eb": {where: {plus: true}}}\n',
        'campaign: c\nphase: p\npacks: {"a\\u200Bb": {where: {plus: true}}}\n',
        'campaign: c\nphase: p\npacks: {x: {where: {"\\e[2J": 1}}}\n',
    ],
)
def test_no_hidden_character_reaches_the_terminal(folder: Path, rule: str) -> None:
    (folder / "rules/rule.yaml").write_bytes(rule.encode())
    text = render_problems(check(folder))
    assert not {char for char in text if char != "\n" and unicodedata.category(char) in "CcCf"}
    assert all(line.startswith(("  ", str(folder))) for line in text.split("\n") if line), (
        "a message is one line"
    )


def test_problems_come_in_the_order_of_their_places_and_once(folder: Path) -> None:
    (folder / "rules/b.yaml").write_text(
        "campaign: c\nphase: b\npacks:\n"
        "  x: {where: &who {agee: 1}}\n  y: {where: *who}\nbogus: 1\n"
    )
    (folder / "rules/a.yaml").write_text(
        "campaign: c\nphase: a\npacks:\n  x: {where: b/x}\nbogus: 1\n"
    )
    found = check(folder)
    assert [_place(problem, folder) for problem in found] == [
        ("rules/a.yaml", 5, 1),
        ("rules/b.yaml", 4, 20),
        ("rules/b.yaml", 6, 1),
    ]


# --- the program


FIRSTS = list({case.theme: case for case in reversed(ALL)}.values())
TOLD = [*FIRSTS, *(case for case in ALL if "many problems" in case.name or "several" in case.name)]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(each) for each in arguments])


@pytest.mark.parametrize("case", TOLD, ids=lambda case: f"{case.theme}: {case.name}")
def test_check_tells_problems_on_stderr(
    folder: Path, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    monkeypatch.chdir(folder)
    write_case(case, folder)
    result = run("check")
    assert result.exit_code == RULES_EXIT
    assert result.stdout == ""
    heads = [line for line in result.stderr.split("\n") if ": error: " in line]
    assert len(heads) == len(case.problems)
    for head, expected in zip(heads, case.problems, strict=True):
        place = f"{expected.file}:{expected.line}:{expected.column}: error: "
        assert head.startswith(place)
        assert expected.message in head
    count = len(case.problems)
    assert result.stderr.endswith(f"\n\n{count} error{'s' if count > 1 else ''}\n")


@pytest.mark.parametrize("case", TOLD, ids=lambda case: f"{case.theme}: {case.name}")
def test_check_gives_the_same_problems_as_data(
    folder: Path, monkeypatch: pytest.MonkeyPatch, case: Case
) -> None:
    monkeypatch.chdir(folder)
    write_case(case, folder)
    result = run("check", "--format", "json")
    assert result.exit_code == RULES_EXIT
    assert result.stderr == ""
    found = json.loads(result.stdout)["problems"]
    assert {each["severity"] for each in found} == {"error"}
    assert [(each["file"], each["line"], each["column"]) for each in found] == [
        (each.file, each.line, each.column) for each in case.problems
    ]
    for each, expected in zip(found, case.problems, strict=True):
        assert expected.message in each["message"]
        assert each["nearest"] == (expected.nearest or None)
        assert expected.expected in (each["expected"] or "")
        assert each["expected"] != ""


@pytest.mark.parametrize("command", ["build-pack", "size", "explain"])
def test_nothing_is_built_from_a_wrong_file(folder: Path, command: str) -> None:
    (folder / "rules/good.yaml").write_text(GOOD)
    (folder / "rules/wrong.yaml").write_text(GOOD.replace("phase: p", "phase: q\nbogus: 1"))
    result = run(command, "--project", folder)
    assert result.exit_code == RULES_EXIT
    assert result.stdout == ""
    assert f"{folder}/rules/wrong.yaml:3:1: error: unknown key `bogus`" in result.stderr
    assert not list(folder.glob("packs/*/"))


def test_the_program_itself(folder: Path) -> None:
    """As it is started from a shell, where neither colours nor an encoding can be counted on."""
    (folder / "rules/rule.yaml").write_text(GOOD.replace("plus: true", "城市等级: 一线"))
    environment = {**os.environ, "LC_ALL": "C", "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "audience", "check"],
        cwd=folder,
        env=environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == RULES_EXIT
    assert done.stdout == ""
    assert done.stderr == (
        "rules/rule.yaml:4:15: error: unknown tag or keyword `城市等级`\n"
        "  4 |   x: {where: {城市等级: 一线}}\n"
        "    |               ^^^^^^^^\n"
        "  expected a tag of the dictionary (`audience tags` lists them) or a keyword\n"
        "  did you mean `城市线级`?\n"
        "\n"
        "1 error\n"
    )


def test_only_the_files_asked_for_are_checked(folder: Path) -> None:
    (folder / "rules/good.yaml").write_text(GOOD)
    (folder / "rules/wrong.yaml").write_text("bogus: [")
    assert run("check", folder / "rules/good.yaml", "--project", folder).exit_code == 0
    assert run("check", folder / "rules/wrong.yaml", "--project", folder).exit_code == RULES_EXIT
    assert run("check", "--project", folder).exit_code == RULES_EXIT


# --- texts made to break a reader


def _bomb(levels: int, width: int) -> str:
    lines = ['a0: &a0 ["x"]\n']
    for level in range(1, levels):
        lines.append(f"a{level}: &a{level} [{', '.join([f'*a{level - 1}'] * width)}]\n")
    return "".join(lines)


HOSTILE: dict[str, str] = {
    "flow lists 10,000 deep": HEAD + "packs: " + "[" * 10_000 + "]" * 10_000,
    "flow mappings 10,000 deep": HEAD + "packs: " + "{a: " * 10_000 + "}" * 10_000,
    "conditions 10,000 deep": GOOD.replace("plus: true", "not: {" * 10_000 + "}" * 10_000),
    "block lists 10,000 deep": HEAD + "packs:\n" + "- " * 10_000 + "a\n",
    "block keys 10,000 deep": HEAD + "packs:\n" + "? " * 10_000 + "a\n",
    "block mappings 1,000 deep": "".join(" " * n + "a:\n" for n in range(1_000)),
    "flow lists that never end": "[" * 900_000,
    "flow mappings that never end": "{" * 900_000,
    "keys that never end": "a: [" * 200_000,
    "nothing but question marks": "?" * 900_000,
    "nothing but anchors": "&a " * 300_000,
    "nothing but tags": "! " * 400_000,
    "nothing but quotes": "'" * 900_001,
    "nothing but tabs": "\t" * 900_000,
    "nothing but line breaks": "\n" * 900_000,
    "nothing but documents": "---\n" * 200_000,
    "nothing but directives": "%TAG ! a\n" * 90_000,
    "one word": "a" * 900_000,
    "one key": "a" * 900_000 + ": 1\n",
    "one unclosed text": HEAD + 'label: "' + "京" * 300_000,
    "one unknown tag": GOOD.replace("plus", '"' + "京享值" * 100_000 + '"'),
    "one long name": GOOD.replace("  x:", "  ? " + "京享值" * 100_000 + "\n  :"),
    "a file of 10 MB": HEAD + "# " + "a" * 10_000_000,
    "a file of 10 MB in lines": "a: 1\n" * 2_000_000,
    "the same key 100,000 times": "a: 1\n" * 100_000,
    "100,000 values": HEAD + "packs: [" + "a, " * 100_000 + "]\n",
    "an alias bomb of lists": _bomb(20, 10) + "packs: *a19\n",
    "an alias bomb of conditions": HEAD
    + "base: &b {plus: true}\ndefine:\n  d0: &d0 {any: [*b, *b]}\n"
    + "".join(f"  d{n}: &d{n} {{any: [*d{n - 1}, *d{n - 1}]}}\n" for n in range(1, 50))
    + "packs: {x: {where: *d49}}\n",
    "a broad alias bomb": HEAD
    + f"label: &l [{', '.join('a' * 300)}]\npacks: [{', '.join(['*l'] * 30_000)}]\n",
    "aliases 5,000 deep": HEAD
    + "define:\n  d0: &d0 {plus: true}\n"
    + "".join(f"  d{n}: &d{n} {{not: *d{n - 1}}}\n" for n in range(1, 5_000))
    + "packs: {x: {where: *d4999}}\n",
    "aliases 400 deep": HEAD
    + "define:\n  d0: &d0 {plus: true}\n"
    + "".join(f"  d{n}: &d{n} {{not: *d{n - 1}}}\n" for n in range(1, 400))
    + "packs: {x: {where: *d399}}\n",
    "20,000 unknown keys": "".join(f"key_{n}: 1\n" for n in range(20_000)),
    "20,000 unknown tags": HEAD
    + f"packs:\n  x: {{where: {{{', '.join(f'tag_{n}: 1' for n in range(20_000))}}}}}\n",
    "1,000 names that are not there among 1,000 that are": HEAD
    + "define:\n"
    + "".join(f"  name_{n}: nome_{n}\n" for n in range(1_000))
    + "packs: {x: {where: {plus: true}}}\n",
    "10,000 packs without a condition": HEAD
    + "packs:\n"
    + "".join(f"  x{n}:\n" for n in range(10_000)),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_rule_files_are_refused_at_once(folder: Path, name: str) -> None:
    text = HOSTILE[name]
    (folder / "rules/rule.yaml").write_text(text, encoding="utf-8")
    with time_limit(SECONDS):
        found = check(folder)
    assert found
    _check_places(found, text)
    with time_limit(SECONDS):
        assert len(render_problems(found)) < 100_000_000


@pytest.mark.parametrize("name", [name for name in HOSTILE if "10,000" in name or "bomb" in name])
def test_hostile_project_files_are_refused_at_once(folder: Path, name: str) -> None:
    text = HOSTILE[name]
    (folder / "rules/rule.yaml").write_text(GOOD)
    (folder / "audience.yaml").write_text(text, encoding="utf-8")
    with time_limit(SECONDS):
        found = check(folder)
    assert found
    _check_places(found, text)


def _check_places(found: tuple[Problem, ...], text: str) -> None:
    lines = text.split("\n")
    for problem in found:
        assert problem.at is not None
        assert 1 <= problem.at.line <= len(lines)
        assert 1 <= problem.at.column <= len(lines[problem.at.line - 1]) + 1


def test_values_are_counted_once_each(folder: Path) -> None:
    """The limit is on what the file holds, however deep it stands."""
    numbers = ", ".join(str(number) for number in range(60_000))
    (folder / "rules/rule.yaml").write_text(f"{HEAD}packs:\n  x: {{where: {{age: [{numbers}]}}}}\n")
    assert check(folder) == ()


def build_or_problems(root: Path) -> tuple[Problem, ...]:
    """Check, then build without publishing where check found nothing."""
    with time_limit(SECONDS):
        found = check(root)
        if not found:
            audience.build(audience.load(root), dry_run=True)
    return found


LINKS = {
    "a name": "{name}",
    "all": "{{all: [{name}]}}",
    "not": "{{not: {name}}}",
    "not twice": "{{not: {{not: {name}}}}}",
    "any, twice": "{{any: [{name}, {{all: [{name}, {{age: {number}}}]}}]}}",
    "minus": "{{plus: true, minus: {name}}}",
    "at_least": "{{at_least: 1, of: [{name}, {{age: {number}}}]}}",
}


@pytest.mark.parametrize("count", [60, 500, 2_000])
@pytest.mark.parametrize("order", ["first", "last"])
@pytest.mark.parametrize("link", LINKS)
def test_long_chains_of_names(folder: Path, link: str, order: str, count: int) -> None:
    lines = [
        f"  a{number}: {LINKS[link].format(name=f'a{number + 1}', number=number)}\n"
        for number in range(1, count)
    ]
    lines.append(f"  a{count}: {{plus: true}}\n")
    if order == "last":
        lines.reverse()
    text = HEAD + "define:\n" + "".join(lines) + "packs:\n  x: {where: a1}\n"
    (folder / "rules/rule.yaml").write_text(text)
    found = build_or_problems(folder)
    clean = ("conditions nested more than", "more than 100,000 values")
    assert all(problem.message.startswith(clean) for problem in found)


@pytest.mark.parametrize("count", [60, 150])
def test_long_chains_of_files(folder: Path, count: int) -> None:
    for number in range(count):
        where = f"p{number + 1}/x" if number + 1 < count else "{plus: true}"
        text = (
            f"campaign: c\nphase: p{number}\nbase: {{age: 18..}}\npacks:\n  x: {{where: {where}}}\n"
        )
        (folder / f"rules/{count - number:03}.yaml").write_text(text)
    found = build_or_problems(folder)
    assert all("nested more than" in problem.message for problem in found)


@pytest.mark.parametrize(
    "step",
    [
        "{{any: [{last}, {{all: [{last}, {{age: {number}}}]}}]}}",
        "{{all: [{last}, {{age: ..{number}}}], not: {{any: [{last}, {{age: {number}}}]}}}}",
        "{{at_least: 2, of: [{last}, {{not: {last}}}, {{age: {number}}}, {last}]}}",
        "{{not: {{all: [{last}, {{not: {last}}}]}}}}",
        "{{did: {{where: {{sku: {number}}}}}, any: [{last}, {{not: {last}}}]}}",
    ],
)
def test_definitions_that_double_forty_times(folder: Path, step: str) -> None:
    text = HEAD + "define:\n  d0: {plus: true}\n"
    for number in range(1, 41):
        text += f"  d{number}: {step.format(last=f'd{number - 1}', number=number)}\n"
    (folder / "rules/rule.yaml").write_text(text + "packs:\n  x: {where: d40}\n")
    assert build_or_problems(folder) == ()


def test_definitions_that_double_under_tags_that_are_known(folder: Path) -> None:
    tags = [f"t{number}" for number in range(30)]
    columns = {"user_id": [1, 2], **{tag: [True, None] for tag in tags}}
    pl.DataFrame(columns).write_parquet(folder / "users.parquet")
    (folder / "audience.yaml").write_text("tables:\n  users: {path: users.parquet, key: user_id}\n")
    text = HEAD + "define:\n  d0: {not: {t0: true}}\n"
    for number in range(1, 30):
        last = f"d{number - 1}"
        text += f"  d{number}: {{any: [{{t{number}: known, all: [{last}]}}, {last}]}}\n"
    (folder / "rules/rule.yaml").write_text(text + "packs:\n  x: {where: d29}\n")
    assert build_or_problems(folder) == ()


DIGITS = "9" * 5_000


@pytest.mark.parametrize(
    "where",
    [
        f"at_least: {DIGITS}, of: [{{plus: true}}]",
        f"age: {DIGITS}..",
        f"score: {DIGITS}",
        f"age: 0.{DIGITS}",
        f"registered: {{within: {DIGITS}d}}",
        f"did: {{times: {DIGITS}..}}",
        f"did: {{sum: {{price: ..{DIGITS}}}}}",
        f"did: {{mean: {{price: 0.{DIGITS}..}}}}",
        "at_least: 1e99, of: [{plus: true}]",
        "age: ..-1e99",
        "score: 1e99M+",
        "did: {times: 1e20..}",
        "did: {days: 1e90..}",
        "did: {distinct: {sku: 1e90..}}",
        "did: {sum: {price: 1e90..}}",
        "did: {mean: {price: 1e90..}}",
        "did: {max: {sku: ..1e90}}",
        "did: {min: {price: -1e90..1e-90}}",
        "did: {within: 99999y}",
        "registered: {ago: 99999y..}",
        "last_seen: 0001-01-01..9999-12-31",
        f'nick: "{"京" * 100_000}"',
        f"nick: {{matches: '{'(' * 400 + 'a' + ')' * 400}'}}",
        f"nick: {{matches: '{'(a|b)*' * 160}'}}",
        "nick: {matches: '[a-z]{1000}{1000}'}",
        "nick: {matches: '(a{1000}){1000}'}",
    ],
    ids=lambda where: where[:40],
)
def test_values_out_of_all_measure(folder: Path, where: str) -> None:
    """Refused by check, or taken and built: no value is found out by an engine."""
    (folder / "rules/rule.yaml").write_text(
        HEAD + f"packs:\n  x:\n    where: {{{where}}}\n", encoding="utf-8"
    )
    for problem in build_or_problems(folder):
        assert problem.at is not None
        assert problem.at.line == 6
        assert len(problem.message) < 20_000


@pytest.mark.parametrize(
    "line",
    [
        'path: "**.parquet"',
        'path: "a/**b/*.parquet"',
        "path: " + "a" * 300,
        'path: "a\\0b"',
        'path: "[.parquet"',
        "path: " + "../" * 500 + "nowhere/*.parquet",
        "path: ~/users.parquet",
        'rules: "a\\0b"',
        "rules: " + "a" * 300,
        "rules: users.parquet",
        "rules: nowhere/",
        'packs: "a\\0b"',
        "packs: " + "a" * 300,
    ],
    ids=lambda line: line[:30],
)
def test_paths_that_lead_nowhere(folder: Path, line: str) -> None:
    """Told in words, with whatever error the path deserves."""
    (folder / "rules/rule.yaml").write_text(GOOD)
    table = line if line.startswith("path") else "path: users.parquet"
    head = "" if line.startswith("path") else line + "\n"
    (folder / "audience.yaml").write_text(
        f"{head}tables:\n  users:\n    {table}\n    key: user_id\n"
    )
    with pytest.raises(AudienceError, match=r"\w"):
        audience.build(audience.load(folder))
