"""Packs of the rules by name: with a phase, a campaign, neither; and what was probably meant."""

from __future__ import annotations

from pathlib import Path

import pytest

import audience
from audience.errors import UsageError
from support import MakeProject

USERS = [{"user_id": n, "age": n} for n in range(20)]
RULES = """\
campaign: {campaign}
phase: {phase}
as_of: 2024-01-01
packs:
  old: {{label: 老客人群, where: {{age: 10..}}}}
  {own}: {{label: {label}, where: {{age: ..5}}}}
stages:
  life:
    new: {{label: N 新到, where: {{age: ..3}}}}
    rest: otherwise
"""
FILES = {
    "a.yaml": ("c", "p", "young", "类目新客"),
    "b.yaml": ("c", "q", "other", "竞品会员"),
    "d.yaml": ("d", "p", "young", "类目新客"),
}


@pytest.fixture
def folder(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> Path:
    made = make_project(
        USERS,
        {
            name: RULES.format(campaign=campaign, phase=phase, own=own, label=label)
            for name, (campaign, phase, own, label) in FILES.items()
        },
    )
    monkeypatch.chdir(made)
    return made


@pytest.mark.parametrize(
    ("name", "packs"),
    [
        ("old", ["c/p/old", "c/q/old", "d/p/old"]),
        ("p/old", ["c/p/old", "d/p/old"]),
        ("q/old", ["c/q/old"]),
        ("d/p/old", ["d/p/old"]),
        ("q/life", ["c/q/life.new", "c/q/life.rest"]),
        ("q/life.new", ["c/q/life.new"]),
    ],
)
def test_a_name_stands_for_all_that_it_fits(folder: Path, name: str, packs: list[str]) -> None:
    project = audience.load(folder)
    built = audience.build(project, packs=[name], dry_run=True)
    told = [
        f"{one.summary.campaign}/{one.summary.phase}/{pack}" for one in built for pack in one.packs
    ]
    assert told == packs
    assert [each.pack for each in audience.waterfall(project, packs=[name])] == packs


def test_one_pack_by_its_phase(folder: Path) -> None:
    project = audience.load(folder)
    assert audience.why(project, "q/old", 12).pack == "c/q/old"
    with pytest.raises(UsageError, match="`p/old` is not one pack: c/p/old, d/p/old"):
        audience.why(project, "p/old", 12)


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("yuong", "no pack `yuong`; did you mean young?"),
        ("q/odl", "no pack `q/odl`; did you mean q/old?"),
        ("类目新客", "no pack `类目新客`; did you mean young (类目新客)?"),
        ("类目老客", "no pack `类目老客`; did you mean young (类目新客)?"),
        ("c/q/竞品会员", "no pack `c/q/竞品会员`; did you mean c/q/other (竞品会员)?"),
        ("N新到", "no pack `N新到`; did you mean life.new (N 新到)?"),
        ("p/other", "no pack `p/other`"),
        ("x/other", "no pack `x/other`; did you mean c/q/other?"),
        ("a/b/c/other", "no pack `a/b/c/other`; did you mean c/q/other?"),
        (
            "c/q",
            "`c/q` is a phase, not a pack; its file is rules/b.yaml, "
            "its packs are life.new, life.rest, old, other",
        ),
    ],
)
def test_what_was_meant(folder: Path, name: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        audience.waterfall(audience.load(folder), packs=[name])
    assert str(caught.value) == told
