"""The Python interface, as a notebook would use it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest

import audience
from audience import api
from audience.errors import AudienceError, RuleError, UsageError
from support import MakeProject

USERS = pl.DataFrame({"user_id": [1, 2, 3], "age": [20, 30, 40]})
RULE = "campaign: c\nphase: p\npacks: {old: {label: 老, where: {age: 30..}}}\n"


@pytest.mark.not_on_spark("its steps are others")
def test_load_check_build_diff(make_project: MakeProject, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_project(USERS, {"a.yaml": RULE})
    monkeypatch.chdir(folder / "rules")
    project = audience.load()
    assert project.root == folder
    report = audience.check(project)
    assert (len(report.files), report.problems, report.warnings) == (1, (), ())
    steps: list[tuple[str, str, int | None]] = []
    result = audience.build(
        project,
        as_of=date(2024, 1, 1),
        on_step=lambda what, table, step: steps.append((what, table, step.rows if step else None)),
    )[0]
    assert steps == [("read", "users", None), ("read", "users", 3)]
    assert result.ids("old").to_pylist() == [2, 3]
    assert result.summary.packs[0].label == "老"
    (folder / "rules/a.yaml").write_text(RULE.replace("30..", "40.."))
    audience.build(project, as_of=date(2024, 2, 1))
    found = audience.diff(project, "c/p@2024-01-01", "c/p")
    assert (found.packs[0].kept, found.packs[0].removed) == (1, 1)
    assert [each.name for each in audience.list_builds(project).builds] == [
        "c/p@2024-01-01",
        "c/p@2024-02-01",
    ]
    build, pack = audience.show(project, "c/p/old")
    assert (pack, build.ids("old").to_pylist()) == ("old", [3])
    assert audience.tags(project, ["age"])[0].quantiles[0] == 20
    assert "pack old" in audience.explain(project)


def test_errors_are_one_family(make_project: MakeProject) -> None:
    folder = make_project(USERS, {"a.yaml": RULE.replace("age", "agee")})
    project = audience.load(folder)
    with pytest.raises(RuleError) as caught:
        audience.build(project)
    assert "a.yaml:3:33: unknown tag or keyword `agee`" in str(caught.value)
    assert "did you mean age?" in str(caught.value)
    assert isinstance(caught.value, AudienceError)


def test_packs_that_are_not_there(make_project: MakeProject) -> None:
    project = audience.load(make_project(USERS, {"a.yaml": RULE}))
    with pytest.raises(UsageError, match="no pack `odl`; did you mean old"):
        audience.build(project, packs=["odl"])
    with pytest.raises(UsageError, match="no pack `x`; there is old"):
        audience.build(project, dry_run=True)[0].ids("x")


def test_what_is_not_there() -> None:
    with pytest.raises(AttributeError, match="nonsense"):
        audience.nonsense  # noqa: B018


def test_rules_by_path_or_folder(make_project: MakeProject, tmp_path: Path) -> None:
    folder = make_project(
        USERS, {"a.yaml": RULE, "deep/b.yml": RULE.replace("phase: p", "phase: q")}
    )
    project = audience.load(folder / "audience.yaml")
    assert len(audience.check(project, [folder / "rules"]).files) == 2
    assert len(audience.check(project, [folder / "rules/deep/b.yml"]).files) == 1
    twice = [folder / "rules/a.yaml", folder / "rules/../rules/a.yaml"]
    assert len(audience.check(project, twice).files) == 1
    (tmp_path / "none").mkdir()
    with pytest.raises(UsageError, match="no rule file"):
        audience.check(project, [tmp_path / "none"])


def test_one_name_is_not_its_letters(make_project: MakeProject) -> None:
    """Wherever several names can be given, one can be given as a text."""
    users = [{"user_id": n, "age": n} for n in range(100)]
    project = audience.load(make_project(users, {"a.yaml": RULE}))
    rules, day = str(project.root / "rules/a.yaml"), "2024-01-01"
    (built,) = audience.build(project, rules, as_of=day, packs="old")
    assert list(built.packs) == ["old"]
    assert "old" in audience.explain(project, rules, as_of=day, packs="old")
    assert [each.pack for each in audience.waterfall(project, packs="old")] == ["c/p/old"]
    assert {line.tag for line in audience.profile(project, "old", tags="age").lines} == {"age"}
    assert [each.name for each in audience.tags(project, "age")] == ["age"]
    assert audience.report_on(project, rules, as_of=day, packs="old", tags="age").profiles
    with pytest.raises(UsageError, match="one pack overlaps with nothing"):
        audience.overlap(project, "c/p/old")
    assert len(audience.verify(project, "c/p")) == 1
    assert audience.prune(project, "c/p", keep=1) == ()
    assert "someone build-pack" in api.schedule(project, rules, program="someone").cron
    assert audience.forget(project, "97").asked == 1
    assert audience.forget(project, 98).asked == 1
