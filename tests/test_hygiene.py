"""What keeps the program quick to start and its modules small enough to read."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("polars", "pyarrow", "duckdb", "narwhals", "numpy", "yaml")
MAX_LINES = 420

TELL = f"; import sys; sys.stderr.write(' '.join(n for n in {HEAVY} if n in sys.modules))"
HELP = """\
import sys
from audience.commands.app import main
sys.argv = ["audience", *{words}]
try:
    main()
except SystemExit as end:
    assert not end.code
"""


def run(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, encoding="utf-8", check=False
    )


@pytest.mark.parametrize("module", ["audience", "audience.commands.app", "audience.__main__"])
def test_an_import_loads_no_engine(module: str) -> None:
    done = run(f"import {module}{TELL}")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("words", [["--help"], ["--version"], ["build-pack", "--help"]])
def test_help_loads_no_engine(words: list[str]) -> None:
    done = run(HELP.format(words=words) + TELL.removeprefix("; "))
    assert (done.returncode, done.stderr) == (0, "")
    assert "audience" in done.stdout


def test_what_would_be_heavy_is_noticed() -> None:
    assert run(f"import yaml{TELL}").stderr == "yaml"


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "cli").rglob("*.py")),
    ids=lambda path: str(path.relative_to(ROOT / "cli")),
)
def test_a_module_fits_in_a_head(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES
