"""The documentation, run: every YAML block, every refusal it quotes, every link, every command."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

import audience
import audience.api
from audience.cases.run import CasesReport
from audience.commands.app import app
from audience.errors import RuleError
from audience.report.cases import render_failure
from audience.report.problems import render_problems
from support import Run

ROOT = Path(__file__).parents[2]
PAGES = [
    "README.md",
    "README.zh.md",
    *sorted(f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")),
    "docs/examples/retail/README.md",
]
_BLOCK = re.compile(r"^```([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)]+)\)")
_PLACE = re.compile(r"^\S+:\d+:\d+: ")
_QUOTE = re.compile(r"^\s+\d* \| ")
_HEAD = "campaign: docs-condition\nphase: x\npacks:\n  p:\n"


@dataclass(frozen=True)
class Block:
    """A fenced block: its page and number, its mark, its text and that of the block behind it."""

    page: str
    number: int
    mark: str
    text: str
    following: str

    def __str__(self) -> str:
        return f"{self.page}-{self.number}"


def read_blocks(page: str) -> list[Block]:
    found = _BLOCK.findall((ROOT / page).read_text())
    texts = [text for _, text in found] + [""]
    return [Block(page, n, mark, text, texts[n + 1]) for n, (mark, text) in enumerate(found)]


BLOCKS = [block for page in PAGES for block in read_blocks(page)]


def marked(mark: str) -> Any:
    return pytest.mark.parametrize("block", [b for b in BLOCKS if b.mark == mark], ids=str)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped project, to which blocks can be added."""
    made = tmp_path_factory.mktemp("docs")
    (made / "fixtures").symlink_to(ROOT / "fixtures")
    shutil.copy(ROOT / "audience.yaml", made)
    shutil.copytree(ROOT / "rules", made / "rules")
    for block in BLOCKS:
        if block.mark == "yaml rule":
            (made / "rules" / _name(block)).write_text(block.text)
        kind, _, path = block.mark.partition(" ")
        if kind == "csv":
            (made / path).parent.mkdir(exist_ok=True)
            (made / path).write_text(block.text)
    return made


def _name(block: Block) -> str:
    return str(block).replace("/", "_") + ".yaml"


def check(folder: Path, name: str) -> tuple[Any, ...]:
    try:
        return audience.check(audience.load(folder), [folder / "rules" / name]).problems
    except RuleError as error:
        return error.problems


def check_text(folder: Path, text: str) -> tuple[Any, ...]:
    path = folder / "rules" / "other.yaml"
    path.write_text(text)
    try:
        return check(folder, path.name)
    finally:
        path.unlink()


def check_pack(folder: Path, text: str) -> tuple[Any, ...]:
    return check_text(folder, _HEAD + textwrap.indent(text, "    "))


def check_condition(folder: Path, block: Block) -> tuple[Any, ...]:
    return check_pack(folder, "where:\n" + textwrap.indent(block.text, "  "))


def told(problems: tuple[Any, ...]) -> str:
    """The first problem as a page quotes it: without its place and the quoted line."""
    lines = render_problems(problems).split("\n\n")[0].split("\n")
    return "\n".join(_PLACE.sub("", line) for line in lines if not _QUOTE.match(line)) + "\n"


def run_cases(folder: Path, block: Block) -> CasesReport:
    """A case file, beside the rule file that is before it on its page."""
    before = [b for b in BLOCKS if b.page == block.page and b.number < block.number]
    rules = _name([b for b in before if b.mark == "yaml rule"][-1])
    path = folder / "rules" / rules.replace(".yaml", ".cases.yaml")
    path.write_text(block.text)
    try:
        return audience.check_cases(audience.load(folder), folder / "rules" / rules)[0]
    finally:
        path.unlink()


@marked("yaml rule")
def test_rule_files_are_taken(folder: Path, block: Block) -> None:
    assert check(folder, _name(block)) == ()


@marked("yaml condition")
def test_conditions_are_taken(folder: Path, block: Block) -> None:
    assert check_condition(folder, block) == ()


@marked("yaml pack")
def test_packs_are_taken(folder: Path, block: Block) -> None:
    assert check_pack(folder, block.text) == ()


@marked("yaml project")
def test_project_files_are_taken(folder: Path, block: Block) -> None:
    path = folder / "other.yaml"
    path.write_text(block.text)
    assert audience.api.schema("rules", audience.load(path))  # opens every table it names


@marked("yaml cases")
def test_cases_hold(folder: Path, block: Block) -> None:
    report = run_cases(folder, block)
    assert report.checks
    assert report.failures == ()


@marked("yaml failing")
def test_failing_cases_read_as_they_are_quoted(folder: Path, block: Block) -> None:
    failures = [
        render_failure(each.case, each.pack, each.user, each.must_be_in, each.at, each.why)
        for each in run_cases(folder, block).failures
    ]
    assert "\n\n".join(_PLACE.sub("", each) for each in failures) + "\n" == block.following


@marked("yaml error")
def test_refusals_read_as_they_are_quoted(folder: Path, block: Block) -> None:
    problems = check_condition(folder, block)
    assert problems
    assert told(problems) == block.following


@marked("yaml pack error")
def test_refusals_of_packs_read_as_they_are_quoted(folder: Path, block: Block) -> None:
    problems = check_pack(folder, block.text)
    assert problems
    assert told(problems) == block.following


@marked("yaml rule error")
def test_refusals_of_files_read_as_they_are_quoted(folder: Path, block: Block) -> None:
    problems = check_text(folder, block.text)
    assert problems
    assert told(problems) == block.following


def test_every_yaml_block_is_marked() -> None:
    marks = {block.mark for block in BLOCKS if block.mark.startswith("yaml")}
    known = {"rule", "condition", "pack", "project", "cases", "failing", "fragment"}
    known |= {"error", "pack error", "rule error"}
    assert {mark.partition(" ")[2] for mark in marks} <= known


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    for link in _LINK.findall((ROOT / page).read_text()):
        if not link.startswith("http"):
            place = link.partition("#")[0]
            assert not place or ((ROOT / page).parent / place).exists(), link


def test_generated_tables_are_fresh() -> None:
    done = subprocess.run([sys.executable, ROOT / "docs/generate.py", "--check"], check=False)
    assert done.returncode == 0


def test_every_command_and_option_is_documented(run: Run) -> None:
    page = (ROOT / "docs/commands.md").read_text()
    for command in app.registered_commands:
        name = command.name or ""
        assert f"\n## audience {name}\n" in page, name
        section = page.partition(f"\n## audience {name}\n")[2].partition("\n## ")[0]
        shown = run(name, "--help").out
        for option in set(re.findall(r"--[a-z][a-z-]+", shown)) - {"--help"}:
            common = page.partition("\n## audience ")[0]
            assert option in section + common, f"{name} {option}"


def test_the_twin_has_the_same_parts() -> None:
    parts = [
        [
            line.partition(" ")[0]
            for line in (ROOT / page).read_text().splitlines()
            if line[:1] == "#"
        ]
        for page in ("README.md", "README.zh.md")
    ]
    assert len(parts[0]) == len(parts[1])


def test_no_registry_host_stands_in_any_file() -> None:
    names = "|".join(["pypi" + r"\.org", "python" + r"hosted\.org", "npm" + r"js\.(org|com)"])
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name in listed.stdout.split("\n"):
        path = ROOT / name
        if path.is_file() and path.suffix in {"", ".md", ".py", ".toml", ".yaml", ".lock", ".sql"}:
            assert not re.search(names, path.read_text(errors="replace")), name
