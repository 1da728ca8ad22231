"""What keeps the program quick to start and its modules small enough to read."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
HEAVY = ("polars", "pyarrow", "duckdb", "narwhals", "numpy", "yaml")
MAX_LINES = 420

TELL = f"; import sys; sys.stderr.write(' '.join(n for n in {HEAVY} if n in sys.modules))"
HELP = """\
import sys
from audience.commands.app import app
sys.argv = ["audience", *{words}]
try:
    app()
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


@pytest.mark.parametrize(("words", "code"), [(["--version"], 0), (["--nothing"], 2)])
def test_the_program_ends_with_its_code_and_all_it_said(words: list[str], code: int) -> None:
    """It ends the process itself, without waiting for Python to tidy up."""
    done = run(
        f"import sys; sys.argv = ['audience', *{words}]; import audience.__main__ as m\nm.main()"
    )
    assert done.returncode == code
    assert ("audience " in done.stdout) if not code else ("--nothing" in done.stderr)


def test_the_program_looks_for_no_pandas(tmp_path: Path) -> None:
    """An array would load it wherever it is installed."""
    (tmp_path / "pandas.py").write_text("raise SystemExit('pandas was loaded')")
    code = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from audience.commands.app import main\n"
        f"sys.argv = ['audience', 'size', '-q', '-p', {str(ROOT)!r}]\nmain()"
    )
    done = run(code)
    assert (done.returncode, done.stderr) == (0, "")


def test_what_would_be_heavy_is_noticed() -> None:
    assert run(f"import yaml{TELL}").stderr == "yaml"


@pytest.mark.parametrize(
    "path",
    sorted((ROOT / "cli").rglob("*.py")),
    ids=lambda path: str(path.relative_to(ROOT / "cli")),
)
def test_a_module_fits_in_a_head(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_LINES


def locked(name: str) -> dict[str, set[str]]:
    """The pinned requirements of a lock file, each with its hashes."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    lines = [line.split() for line in text.splitlines() if "==" in line and line[0] != " "]
    return {words[0]: {each for each in words if each.startswith("--hash=")} for words in lines}


def test_what_runs_is_locked_as_what_was_tested() -> None:
    tested, runs = locked("requirements.lock"), locked("requirements-run.lock")
    assert len(runs) > 15
    for name, hashes in runs.items():
        assert hashes
        assert tested[name] == hashes
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    names = {name.partition("==")[0] for name in runs}
    assert {re.split("[><=]", each)[0] for each in declared} <= names


def test_no_lock_names_a_host() -> None:
    for path in ROOT.glob("requirements*.lock"):
        assert "://" not in path.read_text()
