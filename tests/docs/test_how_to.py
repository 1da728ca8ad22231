"""What the how-to shows runs: its questions with their commands, and its Python."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import audience
from support import Run

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to.md").read_text(encoding="utf-8")
# Placeholders are for the reader to fill in.
QUESTIONS = [
    line
    for line in re.findall(r"^\| .*\? \| `audience (.*)` \|$", PAGE, re.MULTILINE)
    if "…" not in line and "OLD" not in line
]
PYTHON = [
    text
    for text in re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    if "spark." not in text
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The shipped project, with two phases published."""
    made = tmp_path_factory.mktemp("how-to")
    for name in ("fixtures", "rules"):
        (made / name).symlink_to(ROOT / name)
    shutil.copy(ROOT / "audience.yaml", made)
    project = audience.load(made)
    for phase in ("1-seize-rivals", "2-expand-category", "3-convert", "4-optimise"):
        audience.build(project, made / f"rules/mi13-2023/{phase}.yaml", as_of="2023-06-18")
    return made


def test_there_are_questions() -> None:
    assert len(QUESTIONS) == 6
    assert PYTHON


@pytest.mark.parametrize("line", QUESTIONS)
def test_a_question(folder: Path, run: Run, line: str) -> None:
    done = run(*line.split(), at=folder)
    assert done.code == 0, done.err
    assert done.out or line.startswith("report")


@pytest.mark.parametrize("text", PYTHON)
def test_python(folder: Path, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.chdir(folder)
    exec(compile(text, "how-to", "exec"), {})
