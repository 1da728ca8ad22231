"""Rule files and project files that are broken at random: told as problems, or still right.

``AUDIENCE_MUTATIONS`` sets how many mutations are tried in all (600 without it),
``AUDIENCE_MUTATIONS_SEED`` other ones than the usual.
"""

from __future__ import annotations

import os
import random
import re
import shutil
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path

import pytest

from audience.errors import AudienceError, Problem, RuleError
from audience.plan.build import Request, build_plan
from audience.report.problems import problem_dict, render_problems
from audience.rules.lint import doubts
from audience.rules.reader import Problems
from audience.workspace import Workspace, load_project, open_workspace, read_rules

ROOT = Path(__file__).parent.parent.parent
SHIPPED = sorted(
    path for path in (ROOT / "rules").rglob("*.yaml") if not path.name.endswith(".cases.yaml")
)
PROJECT = ROOT / "audience.yaml"
COUNT = int(os.environ.get("AUDIENCE_MUTATIONS", "600"))
SEED = os.environ.get("AUDIENCE_MUTATIONS_SEED", "1")
BATCHES = 10

TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
PIECES: tuple[str, ...] = (
    *"\0\a\t\n\r\x1b\x7f\x85\xa0\u200b\u200f\u2028\u2029\u202e\ufeff\ufffd\ufffe\U0001f600\U000e0001",
    *"{}[]:,-?#&*!|>'\"%@`~.+/\\=<^$ 0",
    *("男", "万", "é", "e\u0301", "ß", "İ", "ǆ", "١", "二", "𠮷"),
    *("..", "...", "---", "--- ", "- ", ": ", " #", "\r\n", "<<: ", "*a", "&a ", "!!int ", "!x "),
    *(
        "not: ",
        "all: [",
        "any: ",
        "did: {",
        "where: ",
        "at_least: 2\n",
        "of: []",
        "minus: ",
        "tags:",
    ),
    *(
        "null",
        "true",
        "yes",
        "unknown",
        "known",
        "base",
        "30d",
        "1e99",
        "9" * 40,
        "5K+",
        "2023-02-30",
    ),
    *("a/b/c", "../x", "x: y: z", "{" * 70, "[" * 70, "(" * 30, " " * 200, "a" * 2_000),
)

Mutation = Callable[[random.Random, str], str]


def _delete(rng: random.Random, text: str) -> str:
    start = rng.randrange(len(text))
    return text[:start] + text[start + rng.choice((1, 1, 1, 2, 5, 40)) :]


def _insert(rng: random.Random, text: str) -> str:
    start = rng.randrange(len(text) + 1)
    return text[:start] + rng.choice(PIECES) + text[start:]


def _insert_any(rng: random.Random, text: str) -> str:
    start = rng.randrange(len(text) + 1)
    code = rng.choice((rng.randrange(0x80), rng.randrange(0x3000), rng.randrange(0x110000)))
    return text[:start] + chr(code) + text[start:]


def _replace(rng: random.Random, text: str) -> str:
    start = rng.randrange(len(text))
    return text[:start] + rng.choice(PIECES) + text[start + 1 :]


def _swap(rng: random.Random, text: str) -> str:
    start = rng.randrange(len(text) - 1)
    return text[:start] + text[start + 1] + text[start] + text[start + 2 :]


def _repeat(rng: random.Random, text: str) -> str:
    start = rng.randrange(len(text))
    end = start + rng.choice((1, 2, 10, 100))
    return text[:end] + text[start:end] * rng.choice((1, 1, 2, 30)) + text[end:]


def _cut(rng: random.Random, text: str) -> str:
    return text[: rng.randrange(len(text))]


def _change_tokens(rng: random.Random, text: str) -> str:
    tokens = TOKEN.findall(text)
    one, two = rng.randrange(len(tokens)), rng.randrange(len(tokens))
    match rng.randrange(5):
        case 0:
            del tokens[one]
        case 1:
            tokens.insert(two, tokens[one])
        case 2:
            tokens[one], tokens[two] = tokens[two], tokens[one]
        case 3:
            tokens[one] = tokens[two]
        case _:
            tokens[one] = rng.choice(PIECES)
    return "".join(tokens)


def _change_lines(rng: random.Random, text: str) -> str:
    lines = text.split("\n")
    one, two = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(7):
        case 0:
            del lines[one]
        case 1:
            lines.insert(two, lines[one])
        case 2:
            lines[one], lines[two] = lines[two], lines[one]
        case 3:
            lines[one] = " " * rng.randrange(1, 5) + lines[one]
        case 4:
            lines[one] = lines[one].removeprefix(" " * rng.randrange(1, 5))
        case 5:
            lines[one] = lines[one].replace(" ", "\t", rng.randrange(1, 4))
        case _:
            lines[one] = rng.choice(PIECES)
    return rng.choice(("\n",) * 8 + ("\r\n", "\r")).join(lines)


MUTATIONS: tuple[Mutation, ...] = (
    _delete,
    _insert,
    _insert_any,
    _replace,
    _swap,
    _repeat,
    _cut,
    _change_tokens,
    _change_tokens,
    _change_tokens,
    _change_lines,
    _change_lines,
)


def mutate(rng: random.Random, text: str) -> bytes:
    """One to four mutations of a text; now and then of its bytes as well."""
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        text = rng.choice(MUTATIONS)(rng, text) or "\n"
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    if rng.random() < 0.1:
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def fault_of(problems: Iterable[Problem], mutated: Path, data: bytes) -> str:
    """What is wrong with how problems are told; empty where each has a place inside its file."""
    told = tuple(problems)
    for problem in told:
        at = problem.at
        if at is None or not problem.message or problem_dict(problem)["line"] != at.line:
            return f"no place or no words: {problem}"
        same = Path(at.source.path).resolve() == mutated.resolve()
        text = data.decode("utf-8-sig", "replace") if same else at.source.text
        lines = re.split("\r\n|\r|\n", text)
        inside = 1 <= at.line <= len(lines) and 1 <= at.column <= len(lines[at.line - 1]) + 1
        if not inside or at.length < 1:
            return f"a place outside the file of {len(lines)} lines: {problem}"
    return "" if render_problems(told) or not told else "problems rendered as nothing"


def _rng(what: str, batch: int) -> random.Random:
    return random.Random(f"{SEED} {what} {batch}")


@pytest.fixture(scope="module")
def workspace() -> Workspace:
    problems = Problems()
    opened = open_workspace(load_project(ROOT), problems)
    assert not problems.found
    return opened


def check_rules(workspace: Workspace, path: Path, data: bytes) -> str:
    problems = Problems()
    try:
        files = read_rules(workspace, [path], problems)
        for file in files:
            doubts(file, problems)
        if not problems.errors:
            # What check lets through, the planner takes.
            requests = [Request(file, file.as_of or date(2023, 6, 18)) for file in files]
            build_plan(requests, workspace.catalog)
    except RuleError as error:
        problems.extend(error.problems)
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return fault_of(problems.found, path, data)


def check_project(path: Path, data: bytes) -> str:
    problems = Problems()
    try:
        open_workspace(load_project(path), problems)
    except RuleError as error:
        problems.extend(error.problems)
    except AudienceError as error:
        # A path or a partition that is not there is a fault of the data.
        return "" if str(error) else "an error without words"
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return fault_of(problems.found, path, data)


def _report(faults: list[tuple[str, bytes]]) -> None:
    shown = "\n\n".join(f"{fault}\n{data!r}" for fault, data in faults[:5])
    assert not faults, f"{len(faults)} mutations were told wrongly\n{shown}"


@pytest.mark.parametrize("batch", range(BATCHES))
def test_mutated_rule_files(workspace: Workspace, tmp_path: Path, batch: int) -> None:
    rng = _rng("rules", batch)
    path = tmp_path / "mutated.yaml"
    faults = []
    for _ in range(COUNT * 3 // 4 // BATCHES):
        data = mutate(rng, rng.choice(SHIPPED).read_text(encoding="utf-8"))
        path.write_bytes(data)
        if fault := check_rules(workspace, path, data):
            faults.append((fault, data))
    _report(faults)


@pytest.fixture
def small_project(tmp_path: Path) -> Path:
    """The shipped project with two of its files: to open it anew for each mutation is quick."""
    for name in ("users/dt=2023-06-30/part-0.parquet", "events/dt=2023-06-18/part-0.parquet"):
        (tmp_path / "fixtures" / name).parent.mkdir(parents=True)
        shutil.copyfile(ROOT / "fixtures" / name, tmp_path / "fixtures" / name)
    return tmp_path


@pytest.mark.parametrize("batch", range(BATCHES))
def test_mutated_project_files(small_project: Path, batch: int) -> None:
    rng = _rng("project", batch)
    path = small_project / "audience.yaml"
    text = PROJECT.read_text(encoding="utf-8")
    faults = []
    for _ in range(COUNT // 4 // BATCHES):
        data = mutate(rng, text)
        path.write_bytes(data)
        if fault := check_project(path, data):
            faults.append((fault, data))
    _report(faults)
