"""What a build says of its inputs, and what the project file says of what is written."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import polars as pl
import pytest

from support import MakeProject, Run

RULE = """\
campaign: c
phase: p
as_of: 2024-03-01
packs:
  a: {where: {city: 北京, level: 1..}}
  b: {where: {age: 30..}}
"""
USERS = pl.DataFrame(
    {
        "user_id": range(12),
        "city": ["北京"] * 4 + ["成都"] * 3 + ["拉萨", "拉萨", "西安", None, "北京"],
        "level": [1] * 6 + [2] * 5 + [9],
        "age": [20, 30, 40] * 4,
        "os": ["ios"] * 11 + ["symbian"],
    }
)
DICTIONARY = """\
tags:
  city: {label: 城市, values: [北京, 成都]}
  level: {values: {low: 1, high: 2}}
  os: {values: [ios, android]}
"""


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
def test_values_that_a_dictionary_lacks_are_told_with_their_counts(
    make_project: MakeProject, run: Run, engine: str
) -> None:
    folder = make_project(USERS, {"a.yaml": RULE}, extra=DICTIONARY)
    for _ in range(2):  # cold, and with what was kept
        done = run("build-pack", "--engine", engine, at=folder)
        assert done.code == 0
        assert (
            "warning: tag `city` has values that its dictionary lacks: 拉萨 (2 rows), 西安 (1 row)"
            in done.err
        )
        assert "warning: tag `level` has values that its dictionary lacks: 9 (1 row)" in done.err
        # Nobody asks for it.
        assert "`os`" not in done.err
    pl.DataFrame(USERS).filter(pl.col("user_id") < 7).write_parquet(folder / "users.parquet")
    assert "dictionary" not in run("build-pack", "--engine", engine, at=folder).err


def test_only_the_file_that_reads_a_tag_tells_of_it(make_project: MakeProject, run: Run) -> None:
    other = RULE.replace("phase: p", "phase: q").replace("city: 北京, level: 1..", "age: 20..")
    folder = make_project(USERS, {"a.yaml": RULE, "b.yaml": other}, extra=DICTIONARY)
    told = json.loads(run("size", "-f", "json", at=folder).out)["builds"]
    assert [sum("dictionary" in each for each in build["warnings"]) for build in told] == [2, 0]


def test_many_new_values_are_counted_and_the_most_frequent_named(
    make_project: MakeProject, run: Run
) -> None:
    users = USERS.with_columns(city=pl.Series([f"c{n // 2}" for n in range(12)]))
    folder = make_project(users, {"a.yaml": RULE}, extra=DICTIONARY)
    told = run("size", at=folder).err
    assert "c0 (2 rows), c1 (2 rows), c2 (2 rows), c3 (2 rows), c4 (2 rows), … 6 in all" in told


RANGES = """\
campaign: c
phase: p
as_of: 2024-03-01
packs:
  a: {where: {level: 5K+}}
  b: {where: {level: {not_in: [1..2, low]}}}
  c: {where: {level: {starts_with: 5K+}}}
  d: {where: {level: A+}}
"""


@pytest.mark.parametrize(
    ("extra", "count"),
    [
        ("", 2),
        ("tags: {level: {type: text}}", 0),
        ("tags: {level: {values: [5K+, 1..2, low, A+]}}", 0),
    ],
)
def test_a_range_on_a_text_column_is_told(
    make_project: MakeProject, run: Run, extra: str, count: int
) -> None:
    users = USERS.with_columns(pl.lit("5K+").alias("level"))
    folder = make_project(users, {"a.yaml": RANGES}, extra=extra)
    for words in (("check",), ("build-pack",)):
        done = run(*words, at=folder)
        assert done.code == 0
        told = [line for line in done.err.splitlines() if "is that very text" in line]
        assert len(told) == count, done.err
        for line, text in zip(told, ("5K+", "1..2"), strict=False):
            assert f"`level` is text: `{text}` is that very text there" in line
    (found,) = json.loads(run("size", "-f", "json", "--quiet", at=folder).out)["builds"]
    assert [pack["size"] for pack in found["packs"]] == [12, 12, 12, 0]


@pytest.mark.parametrize(
    ("declared", "fits"),
    [("number", ["level"]), ("text", ["city"]), ("bool", []), ("date", []), ("list", [])],
)
def test_a_column_of_another_type_than_declared(
    make_project: MakeProject, run: Run, declared: str, fits: list[str]
) -> None:
    tags = "".join(f"  {name}: {{type: {declared}}}\n" for name in ("city", "level"))
    done = run("check", at=make_project(USERS, {"a.yaml": RULE}, extra=f"tags:\n{tags}"))
    refused = [name for name in ("city", "level") if f"`{name}` of table `users` is" in done.err]
    assert [name for name in ("city", "level") if name not in refused] == fits
    assert done.code == 3
    assert done.err.count(f"expected {declared}, as the dictionary says") == len(refused)


def test_a_type_that_there_is_not(make_project: MakeProject, run: Run) -> None:
    done = run("check", at=make_project(USERS, extra="tags: {level: {type: nubmer}}\n"))
    assert "audience.yaml:4:22: error: `nubmer` is no type" in done.err
    assert "did you mean `number`?" in done.err


PROJECT = """\
tables:
  users: {path: users.parquet, key: user_id USERS}
  events: {path: events.parquet, key: user_id, time: ts EVENTS}
"""
WATCHED = RULE.replace("{age: 30..}", "{did: {within: 7d}}")


@pytest.mark.parametrize("empty", ["users", "events"])
def test_an_empty_table_is_refused_unless_it_may_be(
    make_project: MakeProject, run: Run, empty: str
) -> None:
    events = pl.DataFrame({"user_id": [1], "ts": ["2024-02-28"]}).with_columns(
        pl.col("ts").str.to_datetime("%Y-%m-%d")
    )
    folder = make_project(USERS, {"a.yaml": WATCHED})
    for name, frame in (("users", USERS), ("events", events)):
        (frame.clear() if name == empty else frame).write_parquet(folder / f"{name}.parquet")
    for allowed in (False, True):
        text = PROJECT
        for name in ("users", "events"):
            key = ", allow_empty: true" if allowed and name == empty else ""
            text = text.replace(f" {name.upper()}", key)
        (folder / "audience.yaml").write_text(text)
        done = run("build-pack", at=folder)
        assert done.code == (0 if allowed else 4)
        if not allowed:
            wanted = f"table `{empty}`: `{empty}.parquet` has no rows; `allow_empty: true`"
            assert wanted in done.err
            assert not (folder / "packs/c").exists() or not list(
                (folder / "packs/c").rglob("*.json")
            )


def test_the_group_may_be_let_in(make_project: MakeProject, run: Run) -> None:
    folder = make_project(USERS, {"a.yaml": RULE}, extra="access: group\n")
    assert run("build-pack", at=folder).code == 0
    assert run("export-pack", "c/p/a", "out/a.csv", at=folder).code == 0
    written = [*(folder / "packs").rglob("*"), *(folder / ".audience/cache").rglob("*")]
    written += [folder / "packs", folder / "out", folder / "out/a.csv"]
    assert len(written) > 8
    for path in written:
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            assert mode == (0o750 if path.is_dir() else 0o640), path


@pytest.mark.parametrize(
    ("extra", "told"),
    [
        ("access: everybody\n", "`everybody` is no access"),
        ("access: [owner]\n", "`access`"),
        ("min_cell: few\n", "`few` is no least count"),
        ('min_cell: "10"\n', "`10` is no least count"),
        ("min_cell: -1\n", "`-1` is no least count"),
    ],
)
def test_settings_that_there_are_not(
    make_project: MakeProject, run: Run, extra: str, told: str
) -> None:
    done = run("check", at=make_project(USERS, extra=extra))
    assert done.code == 3
    assert told in done.err
    assert "audience.yaml:4:" in done.err


MANY = pl.DataFrame({"user_id": range(300), "age": [n % 60 for n in range(300)]})
SMALL = """\
campaign: c
phase: PHASE
as_of: 2024-03-01
packs:
  few: {where: {age: ..0}}
  old: {where: {age: 30..}}
  most: {where: {age: 1..}}
"""


@pytest.fixture
def small(make_project: MakeProject, run: Run) -> Path:
    rules = {f"{name}.yaml": SMALL.replace("PHASE", name) for name in ("p", "q")}
    rules["q.yaml"] = rules["q.yaml"].replace("30..", "31..")
    folder = make_project(MANY, rules)
    assert run("build-pack", at=folder).code == 0
    return folder


def test_what_is_pasted_elsewhere_hides_small_counts(small: Path, run: Run) -> None:
    shown = run("size", "rules/p.yaml", at=small).out
    assert "hidden" not in shown
    markdown = run("size", "rules/p.yaml", "-f", "markdown", at=small).out
    # 5 in the pack; the other 295 of 300 would tell it.
    assert "| 1 | few |  | hidden | hidden |" in markdown
    assert "| 2 | old |  | 150 | 50.0% |" in markdown
    assert "| 3 | most |  | hidden | hidden |" in markdown
    assert "295" not in markdown
    assert (
        "hidden"
        not in run("size", "rules/p.yaml", "-f", "markdown", "--min-cell", "0", at=small).out
    )
    (small / "audience.yaml").write_text((small / "audience.yaml").read_text() + "min_cell: 5\n")
    assert "hidden" not in run("size", "rules/p.yaml", "-f", "markdown", at=small).out


def test_json_and_tables_hide_what_they_are_told_to(small: Path, run: Run) -> None:
    words = ("size", "rules/p.yaml", "--min-cell", "10")
    (told,) = json.loads(run(*words, "-f", "json", at=small).out)["builds"]
    assert [pack["size"] for pack in told["packs"]] == [None, 150, None]
    assert [pack["share"] for pack in told["packs"]] == [None, 0.5, None]
    assert run(*words, at=small).out.count("hidden") >= 4


def test_no_sentence_and_no_list_tells_what_the_table_hides(small: Path, run: Run) -> None:
    (small / "vip.txt").write_text("1\n2\n9999\n")
    rule = SMALL.replace("PHASE", "r") + (
        "  named: {where: {ids: {path: vip.txt}}, expect: {size: 50..}}\n"
    )
    (small / "rules/r.yaml").write_text(rule)
    words = ("size", "rules/r.yaml", "-f", "json")
    (plain,) = json.loads(run(*words, at=small).out)["builds"]
    assert plain["lists"][0]["size"] == 3
    assert "1 id" in " ".join(plain["warnings"])
    assert "pack `named` has 2 users, expected 50.." in plain["broken"][0]
    (told,) = json.loads(run(*words, "--min-cell", "10", at=small).out)["builds"]
    assert told["lists"][0]["size"] is None
    assert "… id" in " ".join(told["warnings"])
    assert "pack `named` has … users" in told["broken"][0]
    assert "(rules/r.yaml:8:" in told["broken"][0]


def test_so_do_comparisons(small: Path, run: Run) -> None:
    markdown = run("diff-packs", "c/p", "c/q", "--matrix", "-f", "markdown", at=small).out
    (line, _) = [line for line in markdown.splitlines() if line.startswith("| old |")]
    # 5 went. The matrix tells the 150 of before, as all are in `most`; none is new: so it is
    # the 145 who were kept that must not be told, in either column.
    assert line == "| old |  | 150 | hidden | hidden | hidden | 0 | hidden | hidden |"
    assert "145" not in markdown
    told = json.loads(
        run("diff-packs", "c/p", "c/q", "-f", "json", "--min-cell", "10", at=small).out
    )
    (old,) = [pack for pack in told["packs"] if pack["name"] == "old"]
    assert old["removed"] is None
    assert None in (old["old_size"], old["new_size"])
