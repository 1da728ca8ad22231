"""The page in a real browser: what is drawn, what overlaps, what is asked of a network."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from reports import GOAL, made_up, several, shipped

from audience.insight.report import Report
from audience.report.language import Language, Words
from audience.report.page import render_page

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")

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
    "--enable-logging=stderr",
    # A browser has errands of its own, which no flag ends: they find no host.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
OWN = "not an origin"
# Measures what is laid out. The page itself allows no script, so its policy is taken off for that.
MEASURE = """
const told = {name: window.name, width: innerWidth, charts: []};
told.page = document.documentElement.scrollWidth;
told.paper = getComputedStyle(document.documentElement).backgroundColor;
for (const chart of document.querySelectorAll('svg.chart')) {
  const box = chart.getBoundingClientRect();
  if (!box.width) continue;
  const texts = [...chart.querySelectorAll('text')].map(text => {
    const range = document.createRange();
    range.selectNodeContents(text.firstChild);
    const at = range.getBoundingClientRect();
    return {at, says: text.firstChild.data, fill: getComputedStyle(text).fill};
  });
  const outside = texts.filter(({at}) => at.left < box.left - 1 || at.right > box.right + 1
    || at.top < box.top - 1 || at.bottom > box.bottom + 2).map(each => each.says);
  const over = [];
  texts.forEach((one, n) => texts.slice(n + 1).forEach(other => {
    const wide = Math.min(one.at.right, other.at.right) - Math.max(one.at.left, other.at.left);
    const high = Math.min(one.at.bottom, other.at.bottom) - Math.max(one.at.top, other.at.top);
    if (wide > 1 && high > 4) over.push(one.says + ' | ' + other.says);
  }));
  const wide = box.right > innerWidth;
  told.charts.push({wide, title: chart.querySelector('title').textContent, outside, over,
    marks: chart.querySelectorAll('rect, path, circle').length,
    inks: [...new Set(texts.map(each => each.fill))]});
}
parent.postMessage(told, '*');
"""
# A window has a least width, a frame has none; and many frames need one browser.
FRAMES = """<!doctype html><meta charset="utf-8"><body><script>
const found = {};
addEventListener('message', ({data}) => { found[data.name] = data; });
addEventListener('load', () => setTimeout(() => {
  const place = document.createElement('script');
  place.id = 'told';
  place.type = 'application/json';
  place.textContent = JSON.stringify(found).replaceAll('<', '\\u003c');
  document.body.append(place);
}, 500));
</script>"""
FRAME = '<iframe name="{}" src="{}" style="border:0;width:{}px;height:1200px"></iframe>'


def browse(page: Path, *flags: str) -> tuple[str, str]:
    """A page's tree once it is loaded, and what the browser logged."""
    assert CHROMIUM
    profile = page.parent / f"{page.stem}.profile"
    done = subprocess.run(
        [CHROMIUM, *FLAGS, *flags, f"--user-data-dir={profile}", "--dump-dom", page.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout, done.stderr


def asked_by_page(log: Path) -> set[str]:
    """What a page asked for, by the browser's log of requests: not the browser's own errands."""
    events = json.loads(log.read_text("utf-8"))["events"]
    told = [event.get("params", {}) for event in events]
    return {each["url"] for each in told if each.get("initiator", OWN) != OWN}


def measured(pages: dict[str, str], widths: list[int], folder: Path) -> dict[str, Any]:
    """What is laid out of pages in frames of some widths, by ``name width``."""
    frames = [FRAMES]
    for name, text in pages.items():
        page = folder / f"{name}.html"
        text = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
        page.write_text(text.replace("</body>", f"<script>{MEASURE}</script></body>"), "utf-8")
        frames += [FRAME.format(f"{name} {width}", page.as_uri(), width) for width in widths]
    (folder / "frames.html").write_text("".join(frames), "utf-8")
    tree, _ = browse(folder / "frames.html", "--virtual-time-budget=20000")
    found = re.search(r'<script id="told"[^>]*>(.*?)</script>', tree, re.DOTALL)
    assert found
    told: dict[str, Any] = json.loads(found[1])
    return told


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Report]:
    return {
        "shipped": shipped(tmp_path_factory.mktemp("packs"), 5),
        "hidden": made_up(5, 60),
        "many": made_up(30),
    }


PHONES = (390, 360, 320)
MATRICES = ("heat_chart", "upset_chart")
"""Of many packs they are wider than a phone, and scroll in a box of their own."""

PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(20, 24, 31)"}


@pytest.mark.parametrize(
    "name", ["shipped", "hidden", pytest.param("many", marks=pytest.mark.soak)]
)
def test_all_charts_are_drawn(reports: dict[str, Report], tmp_path: Path, name: str) -> None:
    report = reports[name]
    pages = {
        f"{language} {theme}": render_page(report, language, theme)
        for language in Language
        for theme in PAPER
    }
    found = measured(pages, [1280, *PHONES], tmp_path)
    assert report.reasons
    count = 1 + len(report.waterfalls) + 2 + len(report.profiles) + 1 + len(report.flows)
    count += len(report.reasons.found.packs)
    assert sorted(found) == sorted(f"{page} {width}" for page in pages for width in (1280, *PHONES))
    for called, told in found.items():
        _, theme, width = called.split()
        assert told["width"] == int(width)
        assert told["page"] <= int(width), called
        assert told["paper"] == PAPER[theme]
        assert len(told["charts"]) == count
        assert len({chart["title"] for chart in told["charts"]}) == count
        for chart in told["charts"]:
            assert chart["marks"]
            matrix = chart["title"] in {
                Words(Language.of(called.split()[0]))(each) for each in MATRICES
            }
            assert matrix or not chart["wide"], (called, chart["title"])
            assert (chart["outside"], chart["over"]) == ([], []), (called, chart["title"])
            assert "rgb(0, 0, 0)" not in chart["inks"]


def test_conversions_of_many_packs_are_drawn(tmp_path: Path) -> None:
    report = several(12, GOAL)
    pages = {
        f"{language} {theme}": render_page(report, language, theme)
        for language in Language
        for theme in PAPER
    }
    for called, told in measured(pages, [1280, *PHONES], tmp_path).items():
        assert told["page"] <= int(called.split()[-1]), called
        rates = [chart for chart in told["charts"] if "…" in chart["title"]]
        assert len(rates) == 1 + 12
        for chart in rates:
            assert (chart["outside"], chart["over"]) == ([], []), (called, chart["title"])
            assert not chart["wide"], (called, chart["title"])


def test_nothing_is_asked_of_a_network(reports: dict[str, Report], tmp_path: Path) -> None:
    page, log = tmp_path / "page.html", tmp_path / "net.json"
    page.write_text(render_page(reports["shipped"]), "utf-8")
    tree, logged = browse(page, f"--log-net-log={log}")
    assert tree.count("<svg") > 20
    assert "CONSOLE" not in logged
    assert asked_by_page(log) == set()


def test_a_broken_page_is_noticed(tmp_path: Path) -> None:
    """What the two tests above look for, where it is there."""
    page, log = tmp_path / "page.html", tmp_path / "net.json"
    text = render_page(made_up(2)).replace("<main", "<img src=http://127.0.0.1:9/x.png><main")
    page.write_text(text, "utf-8")
    _, logged = browse(page, f"--log-net-log={log}")
    assert "CONSOLE" in logged
    page.write_text(re.sub("<meta http-equiv[^>]*>", "", text), "utf-8")
    browse(page, f"--log-net-log={log}")
    assert asked_by_page(log) == {"http://127.0.0.1:9/x.png"}
