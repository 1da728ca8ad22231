"""What is kept from run to run is never seen: whatever happened, a build is as a first one.

``LAW_EXAMPLES`` sets how many histories are tried, each of some ten steps and a build after each.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import audience
from audience.errors import AudienceError
from laws.edited import PACKS, Edited
from laws.test_laws import EXAMPLES

STEPS = (
    *("edit", "edit", "edit", "add day", "rewrite day", "swap keys", "swap keys", "late file"),
    *("delete day", "users", "add snapshot", "reorder users", "visits", "list", "damage", "damage"),
    *("forget", "nothing"),
)
histories = st.lists(
    st.tuples(
        st.sampled_from(STEPS),
        st.sampled_from(["polars", "polars", "duckdb"]),
        st.lists(st.sampled_from(PACKS), max_size=2, unique=True),
    ),
    min_size=6,
    max_size=12,
)

Found = list[dict[str, Any]] | str


def build(
    folder: Path, engine: str, packs: list[str], *, cache: bool = True, plain: bool = False
) -> Found:
    """All that a build of every file gives: published bytes, or of some packs the ids."""
    try:
        results = audience.build(
            audience.load(folder),
            engine=engine,
            packs=packs,
            dry_run=bool(packs),
            cache=cache,
            plain=plain,
        )
    except AudienceError as error:
        return str(error).replace(str(folder), "")
    out = []
    for result in results:
        told: dict[str, Any] = {
            "warnings": [each.replace(str(folder), "") for each in result.warnings],
            "summary": json.dumps(result.summary.to_dict(), ensure_ascii=False),
            "ids": {name: result.ids(name).to_pylist() for name in result.packs},
        }
        if result.published:
            place = result.published.folder
            files = sorted(path for path in place.rglob("*") if path.is_file())
            told["files"] = {str(file.relative_to(place)): file.read_bytes() for file in files}
        out.append(told)
    return out


def cold(folder: Path, engine: str, packs: list[str], *, plain: bool) -> Found:
    """The same of a copy, without anything that was kept or published."""
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name).resolve() / "copy"
        shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".audience", "packs"))
        return build(copy, engine, packs, cache=False, plain=plain)


@pytest.mark.parametrize("text_keys", [False, True], ids=["numbers", "texts"])
@pytest.mark.parametrize("snapshots", [False, True], ids=["one table", "snapshots"])
def test_a_build_is_as_one_without_a_cache(text_keys: bool, snapshots: bool) -> None:
    @settings(
        max_examples=max(EXAMPLES // 8, 1),
        derandomize=True,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    @given(history=histories, seed=st.integers(0, 2**32))
    def holds(history: list[tuple[str, str, list[str]]], seed: int) -> None:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name).resolve() / "project"
            project = Edited(folder, seed, text_keys=text_keys, snapshots=snapshots)
            assert build(folder, "polars", []) == cold(folder, "polars", [], plain=False)
            for number, (step, engine, packs) in enumerate(history):
                project.steps[step]()
                found = build(folder, engine, packs)
                assert not isinstance(found, str), found
                assert found == cold(folder, engine, packs, plain=number % 2 == 0), step

    holds()


def test_the_second_build_reads_no_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That the law is about something: what was kept is used, and after an edit most of it is."""
    project = Edited(tmp_path / "project", 1, text_keys=False, snapshots=True)
    rules = project.folder / "rules/a.yaml"
    opened = audience.load(project.folder)
    first = audience.build(opened, rules, dry_run=True)
    read: list[str] = []

    def reads(*_: Any) -> Iterator[Any]:
        read.append("a table")
        return iter(())

    monkeypatch.setattr("audience.engine.slices.Reader.read", reads)
    monkeypatch.setattr("audience.engine.users.Users._read", reads)
    again = audience.build(opened, rules, dry_run=True)
    assert read == []
    assert [each.summary for each in first] == [each.summary for each in again]
    project.chosen["times"] = "2.."
    project.chosen["window"] = "within: 2d"
    project.write_texts()
    audience.build(audience.load(project.folder), rules, dry_run=True)
    assert read == []
