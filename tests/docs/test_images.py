"""The pictures of the documentation: small, told in words, and those that the script draws."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
IMAGES = sorted((ROOT / "docs/images").iterdir())
PAGES = ("README.md", "README.zh.md", "docs/commands.md")
SHOWN = re.compile(r"!\[([^\]]*)\]\(([^)]+)\)")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")


def size_of(path: Path) -> tuple[int, int]:
    data = path.read_bytes()
    assert data.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", data[16:24])
    return width, height


def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("screenshots", ROOT / "docs/screenshots.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look for it
    spec.loader.exec_module(module)
    return module


SCRIPT = script()


@pytest.mark.parametrize("path", IMAGES, ids=lambda path: path.name)
def test_an_image_is_small(path: Path) -> None:
    width, height = size_of(path)
    assert 600 <= width <= 1280
    assert height >= 200
    assert path.stat().st_size < 200_000


def test_all_images_are_small() -> None:
    assert sum(path.stat().st_size for path in IMAGES) < 1_000_000


def test_images_are_those_of_the_script_and_are_shown() -> None:
    assert {path.stem for path in IMAGES} == set(SCRIPT.SHOTS)
    shown = {
        Path(link).name
        for page in PAGES
        for _, link in SHOWN.findall((ROOT / page).read_text("utf-8"))
    }
    assert shown == {path.name for path in IMAGES}


@pytest.mark.parametrize("page", PAGES)
def test_an_image_is_told_in_words(page: str) -> None:
    for told, link in SHOWN.findall((ROOT / page).read_text("utf-8")):
        assert len(told) > 15, link


@pytest.mark.parametrize(("page", "language"), [("README.md", "en"), ("README.zh.md", "zh")])
def test_a_page_shows_its_language_by_its_own_commands(page: str, language: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    names = [Path(link).stem for _, link in SHOWN.findall(text)]
    assert names == [f"conversion-{language}", f"flow-{language}"]
    blocks = re.findall(r"^```text\n(audience report .*?)^```$", text, re.MULTILINE | re.DOTALL)
    asked = [shlex.split(block.replace("\\\n", " "))[2:] for block in blocks]
    default = {"en": SCRIPT.LIGHT, "zh": ()}[language]
    assert [sorted([*words, *default]) for words in asked] == [
        sorted(SCRIPT.REPORTS[SCRIPT.SHOTS[name].report]) for name in names
    ]


@pytest.mark.soak
@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
def test_the_script_draws(tmp_path: Path) -> None:
    before = sorted(path.name for path in (ROOT / "packs").glob("*"))
    words = [sys.executable, ROOT / "docs/screenshots.py", "--out", tmp_path, "profile-en"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (made,) = tmp_path.iterdir()
    width, height = size_of(made)
    # Fonts differ from machine to machine, and little else does.
    there = size_of(ROOT / f"docs/images/{made.name}")
    assert width == there[0]
    assert abs(height - there[1]) < there[1] / 4
    assert made.stat().st_size > 20_000
    assert sorted(path.name for path in (ROOT / "packs").glob("*")) == before
