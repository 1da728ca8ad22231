"""What broke chains, stages and partial builds once."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

import audience
from support import MakeProject, Run

ENGINES = ["polars", "duckdb"]
HEAD = "campaign: c\nphase: p\nas_of: 2023-06-30\n"


def events(*rows: tuple[int, str, str]) -> pl.DataFrame:
    columns = {
        "user_id": [user for user, _, _ in rows],
        "action": [action for _, action, _ in rows],
        "ts": [datetime.fromisoformat(f"2023-{day}") for _, _, day in rows],
    }
    return pl.DataFrame(columns)


FOLLOWED = events(
    *((1, "a", "03-01"), (1, "b", "03-02"), (1, "a", "06-20"), (1, "b", "06-21")),
    *((2, "a", "06-20"), (2, "b", "06-21")),
    *((3, "a", "03-01"), (3, "b", "03-02"), (3, "a", "06-01"), (3, "b", "06-02")),
)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_window_bounds_neither_first_nor_what_follows_it(
    make_project: MakeProject, engine: str
) -> None:
    then = "then: {event: b, after: ..7d}"
    rules = f"""{HEAD}packs:
  windowed: {{where: {{did: {{event: a, within: 30d, first: {{within: 30d}}, {then}}}}}}}
  ever: {{where: {{did: {{event: a, first: {{within: 30d}}, {then}}}}}}}
  lapsed:
    where: {{did: {{event: a, between: ..2023-03-15, last: {{between: ..2023-03-15}}, {then}}}}}
"""
    folder = make_project({"user_id": [1, 2, 3]}, {"a.yaml": rules}, FOLLOWED)
    result = audience.build(audience.load(folder), dry_run=True, engine=engine)[0]
    assert result.ids("windowed").to_pylist() == result.ids("ever").to_pylist() == [2]
    assert result.ids("lapsed").to_pylist() == []


@pytest.mark.parametrize("engine", [*ENGINES, pytest.param("spark", marks=pytest.mark.soak)])
def test_long_chains_take_no_time_to_speak_of(make_project: MakeProject, engine: str) -> None:
    most = 12 if engine == "spark" else 30
    start = datetime(2023, 6, 1)
    rows = pl.DataFrame(
        {
            "user_id": [1] * most,
            "action": ["a"] * most,
            "ts": [start + timedelta(hours=hour) for hour in range(most)],
        }
    )
    chains = []
    for count in (most - 1, most):
        where = "{did: {" + "then: {" * count + "}" * count + "}}"
        chains.append(f"  n{count}: {{where: {where}}}\n")
    rules = HEAD + "packs:\n" + "".join(chains)
    folder = make_project({"user_id": [1, 2]}, {"a.yaml": rules}, rows)
    result = audience.build(audience.load(folder), dry_run=True, engine=engine)[0]
    assert result.ids(f"n{most - 1}").to_pylist() == [1]
    assert result.ids(f"n{most}").to_pylist() == []


def test_many_stages(make_project: MakeProject) -> None:
    stages = "".join(f"    s{n}: {{user_id: {n}..}}\n" for n in reversed(range(200)))
    rules = f"{HEAD}stages:\n  all:\n{stages}    rest: otherwise\n"
    folder = make_project({"user_id": range(-5, 250)}, {"a.yaml": rules})
    result = audience.build(audience.load(folder), dry_run=True)[0]
    sizes = {pack.name: pack.size for pack in result.summary.packs}
    assert sizes["all.s199"] == 51
    assert sizes["all.s7"] == 1
    assert sizes["all.rest"] == 5


@pytest.mark.parametrize(
    ("rules", "pack"),
    [
        (
            "packs: {x: {where: {user_id: 1..}, split: {a: 50%, b: 50%}, expect: {size: 9..}}}",
            "x.a",
        ),
        ("stages: {s: {a: {user_id: 1}, b: {user_id: 2}}}", "s.a"),
    ],
)
def test_a_part_is_not_published_where_the_whole_would_not_be(
    make_project: MakeProject, run: Run, rules: str, pack: str
) -> None:
    folder = make_project({"user_id": [1, 2, 3]}, {"a.yaml": f"{HEAD}{rules}\n"})
    assert run("build-pack", at=folder).code == 8
    assert run("build-pack", "--pack", pack, at=folder).code == 8
    assert not (folder / "packs/c/p/latest").exists()


def test_the_own_phase_is_that_of_the_build(make_project: MakeProject, run: Run) -> None:
    """Also where another file's definition says `published`: a second run gives the same."""
    called = "{published: {pack: c/p2/x, allow_missing: true}}"
    files = {
        "a.yaml": f"{HEAD}define: {{called: {called}}}\npacks: {{y: {{where: {{user_id: 1}}}}}}\n",
        "b.yaml": f"{HEAD.replace('phase: p', 'phase: p2')}"
        "packs: {x: {where: {user_id: 1.., minus: p/called}}}\n",
    }
    folder = make_project({"user_id": [1, 2, 3]}, files)
    for _ in range(3):
        done = run("build-pack", "rules/b.yaml", "--format", "json", at=folder)
        assert json.loads(done.out)["builds"][0]["packs"][0]["size"] == 3
    text = files["b.yaml"].replace("p/called", "{published: c/p2/x@2023-06-30}")
    (folder / "rules/b.yaml").write_text(text)
    done = run("build-pack", "rules/b.yaml", at=folder)
    assert done.code == 4
    assert "is later than this build reads" in done.err


def test_users_in_files_of_different_widths(make_project: MakeProject, run: Run) -> None:
    folder = make_project(
        {"user_id": [1]}, {"a.yaml": f"{HEAD}packs: {{x: {{where: {{user_id: 1..}}}}}}\n"}
    )
    (folder / "users.parquet").unlink()
    (folder / "users").mkdir()
    for name, kind, ids in (("0", pl.Int32, [1, 2]), ("1", pl.Int64, [5_000_000_000])):
        table = pl.DataFrame({"user_id": ids}, schema={"user_id": kind})
        table.write_parquet(folder / f"users/{name}.parquet")
    project = folder / "audience.yaml"
    project.write_text(project.read_text().replace("users.parquet", "users/"))
    result = audience.build(audience.load(folder), dry_run=True)[0]
    assert result.ids("x").to_pylist() == [1, 2, 5_000_000_000]


def suppressing(make_project: MakeProject, content: str, name: str = "out.csv") -> Path:
    rules = f"{HEAD}packs: {{x: {{where: {{user_id: 1..}}}}}}\n"
    extra = f"suppress: [{{path: {name}, column: user_id}}]\n"
    folder = make_project({"user_id": range(1, 6)}, {"a.yaml": rules}, extra=extra)
    (folder / name).write_text(content)
    return folder


def test_two_stray_quotes_swallow_no_rows(make_project: MakeProject, run: Run) -> None:
    folder = suppressing(make_project, 'user_id,name\n1,"foo\n2,bar\n3,"baz\n')
    done = run("build-pack", at=folder)
    assert done.code == 4
    assert "cannot be read" in done.err


def test_a_suppress_list_of_strangers_alone_is_told(make_project: MakeProject, run: Run) -> None:
    folder = suppressing(make_project, "user_id\n77\n78\n")
    done = run("build-pack", at=folder)
    assert "none of the 2 ids to be suppressed is in the user table" in done.err


def test_nobody_suppressed_leaves_by_a_comparison(make_project: MakeProject, run: Run) -> None:
    folder = suppressing(make_project, "user_id\n77\n")
    run("build-pack", "--as-of", "2023-06-01", at=folder)
    (folder / "out.csv").write_text("user_id\n3\n")
    run("build-pack", "--as-of", "2023-06-02", at=folder)
    days = ["c/p@2023-06-01/x", "c/p@2023-06-02/x"]
    assert run("diff-packs", *days, "--write", "moved", at=folder).code == 0
    gone = pl.read_parquet(folder / "moved/x/removed.parquet")["user_id"].to_list()
    kept = pl.read_parquet(folder / "moved/x/kept.parquet")["user_id"].to_list()
    assert (gone, kept) == ([], [1, 2, 4, 5])


@pytest.mark.parametrize("path", ["lists/.csv", '"lists/a\\0.csv"'])
def test_paths_that_are_none(make_project: MakeProject, run: Run, path: str) -> None:
    rules = f"{HEAD}packs: {{x: {{where: {{ids: {{path: {path}}}}}}}}}\n"
    folder = make_project({"user_id": [1]}, {"a.yaml": rules})
    (folder / "lists").mkdir()
    (folder / "lists/.csv").write_text("user_id\n1\n")
    for command in ("check", "build-pack"):
        assert run(command, at=folder).code == 3


def test_variables_that_grow_without_end(make_project: MakeProject, run: Run) -> None:
    bomb = "a" * 300_000
    mentions = "${x}" * 1000
    packs = "packs: {x: {where: {user_id: 1}}}"
    rules = f'{HEAD}vars: {{x: {bomb}}}\nlabel: "{mentions}"\n{packs}\n'
    folder = make_project({"user_id": [1]}, {"a.yaml": rules})
    done = run("check", at=folder)
    assert done.code == 3
    assert "the variables make more than 1,000,000 characters" in done.err
    assert len(done.err) < 5_000


def test_names_that_no_file_can_have(make_project: MakeProject, run: Run) -> None:
    name = "名" * 60
    rules = f"{HEAD}stages: {{{name}: {{{name}: {{user_id: 1}}, rest: otherwise}}}}\n"
    folder = make_project({"user_id": [1]}, {"a.yaml": rules})
    done = run("check", at=folder)
    assert done.code == 3
    assert "is too long for the name of a file" in done.err


def test_cases_with_large_keys_are_kept_apart(make_project: MakeProject, run: Run) -> None:
    rules = f"{HEAD}packs: {{x: {{where: {{did: {{event: a}}}}}}}}\n"
    folder = make_project({"user_id": [1]}, {"a.yaml": rules}, FOLLOWED)
    cases = f"""cases:
  - name: one
    users: [{{user_id: {1 + (1 << 40)}}}]
    events: [{{user_id: {1 + (1 << 40)}, ts: 2023-06-01, action: a}}]
    packs: {{x: {{in: [{1 + (1 << 40)}]}}}}
  - name: other
    users: [{{user_id: 1}}, {{user_id: {(1 << 63) - 1}}}]
    packs: {{x: {{out: [1, {(1 << 63) - 1}]}}}}
"""
    (folder / "rules/a.cases.yaml").write_text(cases)
    done = run("test", at=folder)
    assert done.code == 0, done.out + done.err
