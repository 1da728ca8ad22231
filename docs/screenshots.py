"""Draw the pictures of the documentation: `python docs/screenshots.py [--out DIR] [NAME…]`.

The shipped campaigns are built in a folder of their own, reports are written as the page that shows
a picture says, and headless Chromium draws one section of each. Nothing is asked of a network.
Letters look as the machine's fonts do, so pictures are drawn anew where a report's look changes.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs/images"
WIDE = 960
"""Pixels of the page; a picture has an eighth more, for sharper letters."""
SCALE = 1.125

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)

BUILDS = (
    ("rules/mi13-2023/3-convert.yaml", "--as-of", "2023-06-04"),
    ("rules/dream-3c/1-mind.yaml", "--as-of", "2023-05-22"),
)
"""What is published before: what a report tells changes of."""

CONVERT = ("rules/mi13-2023/3-convert.yaml", "--min-cell", "0")
MIND = ("rules/dream-3c/1-mind.yaml", "--as-of", "2023-06-18", "--since", "2023-05-22")
GOAL = "did: {event: buy, where: {category: phone, brand: [Xiaomi, Redmi]}, within: 30d}"
LIGHT = ("--lang", "en", "--theme", "light")
DARK = ("--lang", "zh", "--theme", "dark")
REPORTS: Mapping[str, Sequence[str]] = {
    "convert-en": (*CONVERT, *LIGHT, "--goal", f"bought_xiaomi={{{GOAL}}}"),
    "convert-zh": (*CONVERT, *DARK, "--goal", f"买小米手机={{{GOAL}}}"),
    "mind-en": (*MIND, *LIGHT, "--min-cell", "0"),
    "mind-zh": (*MIND, *DARK, "--min-cell", "0"),
}


@dataclass(frozen=True)
class Shot:
    """A part of a report: elements by CSS selectors, but those that `without` names."""

    report: str
    shows: tuple[str, ...]
    without: tuple[str, ...] = ()


def articles(section: str, *numbers: int) -> tuple[str, ...]:
    """Parts of a section by number, from 1."""
    return tuple(f"#{section} > article:nth-of-type({number})" for number in numbers)


NOTES = (".note", "details", "h3 small")
CONVERSION = ("#conversions > :not(article)", *articles("conversions", 1, 8))
SHOTS: Mapping[str, Shot] = {
    "conversion-en": Shot("convert-en", CONVERSION, NOTES),
    "conversion-zh": Shot("convert-zh", CONVERSION, NOTES),
    "flow-en": Shot("mind-en", ("#flows > *",), NOTES),
    "flow-zh": Shot("mind-zh", ("#flows > *",), NOTES),
    "sizes-en": Shot("convert-en", ("header > *", "#sizes > *"), NOTES),
    "overlap-en": Shot("convert-en", ("#overlaps > h2", *articles("overlaps", 1, 2)), NOTES),
    "profile-en": Shot(
        "convert-en", ("#profiles > :not(article)", *articles("profiles", 7)), NOTES
    ),
    "causes-en": Shot("convert-en", ("#reasons > :not(article)", *articles("reasons", 1)), NOTES),
}


LEAVE = """
const shown = new Set(document.querySelectorAll('%s'));
for (const part of document.querySelectorAll('header, section')) {
  for (const child of [...part.children]) if (!shown.has(child)) child.remove();
  if (!part.children.length) part.remove();
}
for (const other of document.querySelectorAll('nav, footer, %s')) other.remove();
document.title = document.querySelector('.page').offsetHeight;
"""
STYLE = """
.page { padding: 24px 32px 12px }
section { border: 0; padding: 0 }
header + main section, article { margin-top: 20px }
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=IMAGES)
    parser.add_argument("names", nargs="*", help=f"of {', '.join(SHOTS)}; default: all")
    given = parser.parse_args()
    chromium = shutil.which("chromium") or shutil.which("chromium-browser")
    if chromium is None:
        raise SystemExit("needs chromium")
    given.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        project = make_project(Path(folder))
        shots = {name: SHOTS[name] for name in given.names or SHOTS}
        for report in sorted({shot.report for shot in shots.values()}):
            run(project, "report", *REPORTS[report], "--out", f"{report}.html")
        for name, shot in shots.items():
            path = given.out.resolve() / f"{name}.png"
            draw(chromium, project, shot, path)
            print(f"{path.name}: {path.stat().st_size:,} bytes")


def make_project(folder: Path) -> Path:
    """The shipped project with builds of its own, over the shipped tables."""
    (folder / "fixtures").symlink_to(ROOT / "fixtures")
    shutil.copy(ROOT / "audience.yaml", folder)
    shutil.copytree(ROOT / "rules", folder / "rules")
    for build in BUILDS:
        run(folder, "build-pack", *build, "--quiet")
    return folder


def run(project: Path, *words: str) -> None:
    """The program, as its user has it."""
    subprocess.run([sys.executable, "-m", "audience", *words], cwd=project, check=True)  # noqa: S603


def draw(chromium: str, project: Path, shot: Shot, path: Path) -> None:
    """One part of a page: measured first, as a picture is as high as its window."""
    page = project / "part.html"
    text = (project / f"{shot.report}.html").read_text("utf-8")
    # The page allows no script; the one that leaves things out is ours.
    text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    script = LEAVE % (", ".join(shot.shows), ", ".join(shot.without))
    text = text.replace("</head>", f"<style>{STYLE}</style></head>")
    page.write_text(text.replace("</body>", f"<script>{script}</script></body>"), "utf-8")
    base = [chromium, *FLAGS, f"--user-data-dir={project / 'chromium'}"]
    tree = told([*base, f"--window-size={WIDE},400", "--dump-dom", page.as_uri()])
    found = re.search(r"<title>(\d+)</title>", tree)
    assert found, "the page was not laid out"
    size = f"--window-size={WIDE},{found[1]}"
    scale = f"--force-device-scale-factor={SCALE}"
    told([*base, scale, size, f"--screenshot={path}", page.as_uri()])


def told(words: list[str]) -> str:
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)  # noqa: S603
    return done.stdout


if __name__ == "__main__":
    main()
