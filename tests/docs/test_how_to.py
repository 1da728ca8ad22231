"""What the how-to shows runs: its questions with their commands, and its Python."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import audience
from support import Run

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/how-to.md").read_text(encoding="utf-8")
# Placeholders are for the reader to fill in.
QUESTIONS = [
    line
    for line in re.findall(r"^\| .*\? \| `audience (.*)` \|$", PAGE, re.MULTILINE)
    if "…" not in line and "OLD" not in line
]
BLOCKS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ON_SPARK = [text for text in BLOCKS if "spark" in text]
PYTHON = [text for text in BLOCKS if text not in ON_SPARK]


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
    names: dict[str, Any] = {"audience": audience}
    exec(compile(text, "how-to", "exec"), names)


@pytest.mark.soak
@pytest.mark.parametrize("text", ON_SPARK)
def test_python_on_spark(
    folder: Path, monkeypatch: pytest.MonkeyPatch, spark: SparkSession, text: str
) -> None:
    monkeypatch.chdir(folder)
    names: dict[str, Any] = {"audience": audience, "spark": spark}
    text = text.replace('"packs/', f'"{folder}/packs/')  # Java does not change its folder
    exec(compile(text, "how-to", "exec"), names)
