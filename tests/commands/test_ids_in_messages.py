"""No id of a user in what is told of lists and rules: masked where it is named, its line unquoted.

Every id here has `10007` in it, which must be nowhere in the output.
"""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from audience.commands.exits import ExitCode
from audience.engine.lists import check_list, read_list
from audience.errors import DataError
from support import MakeProject, Ran, Run

SECRET = "10007"
HEAD = "campaign: c\nphase: p\nas_of: 2024-03-01\n"
USERS = {"user_id": [1000701, 1000702], "age": [20, 30]}
TEXTS = {"user_id": ["u1000701", "u1000702"], "age": [20, 30]}


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    return make_project(pl.DataFrame(USERS))


@pytest.fixture
def texts(make_project: MakeProject) -> Path:
    return make_project(pl.DataFrame(TEXTS))


def silent(done: Ran) -> str:
    assert SECRET not in done.out + done.err
    assert "Traceback" not in done.err
    return done.err


def built(folder: Path, run: Run, data: str | bytes, options: str = "", name: str = "v.csv") -> str:
    """What a build, and `check`, say of a list, as `ids` and as a suppress list."""
    (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    rule = f"{HEAD}packs:\n  x: {{where: {{ids: {{path: {name}{options}}}}}}}\n"
    (folder / "rules/a.yaml").write_text(rule)
    silent(run("check", at=folder))
    done = run("build-pack", at=folder)
    assert done.code == ExitCode.DATA, done.err
    told = silent(done)
    (folder / "rules/a.yaml").write_text(f"{HEAD}packs: {{x: {{where: {{age: 1..}}}}}}\n")
    project = folder / "audience.yaml"
    before = project.read_text()
    project.write_text(f"{before}suppress: [{{path: {name}{options}}}]\n")
    silent(run("check", at=folder))
    done = run("build-pack", at=folder)
    assert done.code == ExitCode.DATA, done.err
    silent(done)
    project.write_text(before)
    return told


LISTS: dict[str, tuple[str, str, str]] = {
    "a row with too many values": (
        "user_id\n1000701\n1000702,x\n",
        "",
        "cannot be read: line 3 has 2 values, its first line names 1 column",
    ),
    "a row with too few values": (
        "user_id,n\n1000701,x\n\n1000702\n",
        ", column: user_id",
        "cannot be read: line 4 has 1 value, its first line names 2 columns",
    ),
    "a quote inside a value": (
        'user_id,n\n1000701,x\n1000702,"a"b"\n"1000703",x"\n',
        ", column: user_id",
        "cannot be read: line 3: a quote inside a value",
    ),
    "a plus sign": (
        "user_id\n1000702\n+1000701\n",
        "",
        "row 2: `+1…01` has a plus sign, no key has",
    ),
    "beyond 64 bits": (
        "user_id\n1000701\n9999910007999999999\n",
        "",
        "row 2: `99…99` cannot be read as a key, a whole number of 64 bits",
    ),
    "below 64 bits": ("user_id\n-9999910007999999999\n", "", "row 1: `-9…99` cannot be read"),
    "no head": ("1000709\n1000701\n", "", "its first line is `1…9`"),
    "no head and a column": (
        "1000709\n1000701\n",
        ", column: user_id",
        "it has no column `user_id`; there is 1 column, not shown: it looks like a row, and the "
        "first line must name the columns",
    ),
    "no head and several columns": (
        "1000709,u1000709@example.com\n1000701,x\n",
        "",
        "there is 2 columns, not shown: it looks like a row",
    ),
}


@pytest.mark.parametrize("name", LISTS)
def test_lists(run: Run, folder: Path, name: str) -> None:
    text, options, told = LISTS[name]
    assert told in built(folder, run, text, options)


def test_lists_of_texts(run: Run, texts: Path) -> None:
    """Where keys are texts any word may be one."""
    for ids in ("u1000709\nu1000701\n", "id10007\n"):
        told = built(texts, run, ids, ", column: user_id")
        assert "1 column, not shown" in told
    assert "alicia" not in built(texts, run, "alicia\nbob\n", ", column: user_id")
    assert "did you mean user_id?" in built(texts, run, "user_id,n\nx,y\n", ", column: userid")
    built(texts, run, "user_id\nu1000701,u1000702\n")


def test_the_largest_numbers_are_taken(folder: Path) -> None:
    path = folder / "v.csv"
    path.write_text("id\n9223372036854775807\n-9223372036854775808\n")
    assert read_list(path, "", whole=True).ids.to_pylist() == [2**63 - 1, -(2**63)]


def parquet(folder: Path, table: pa.Table) -> bytes:
    pq.write_table(table, folder / "t")
    return (folder / "t").read_bytes()


def test_parquet_lists(run: Run, folder: Path) -> None:
    large = pa.table({"id": pa.array([1, 2**64 - 1], pa.uint64())})
    told = built(folder, run, parquet(folder, large), name="v.parquet")
    assert "row 2: `18…15` cannot be read as a key, a whole number of 64 bits" in told
    named = pa.table({"1000709": [1], "x": [2]})
    told = built(folder, run, parquet(folder, named), ", column: id", name="v.parquet")
    assert "2 columns, not shown" in told
    whole = parquet(folder, pa.table({"id": pa.array(range(1_000_701, 1_002_701))}))
    spoilt = whole[:200] + b"1000701" * 20 + whole[340:]
    for data in (whole[:-9], spoilt, b"1000701\n1000702\n"):
        told = built(folder, run, data, name="v.parquet")
        assert "cannot be read: it is no Parquet file, or a damaged one" in told


def test_check_in_words_of_its_own(folder: Path) -> None:
    path = folder / "v.csv"
    path.write_bytes("用户1000701".encode("gbk"))
    with pytest.raises(DataError, match="it is not UTF-8 text"):
        check_list(path, "")
    path.write_text(f'"{"1000701" * 30_000}"\n1\n')
    with pytest.raises(DataError, match="it is no table"):
        check_list(path, "")


# Rules


def checked(folder: Path, run: Run, rule: str) -> str:
    (folder / "rules/a.yaml").write_text(HEAD + rule)
    done = run("check", at=folder)
    assert done.code == ExitCode.RULES, done.err
    silent(run("check", "--format", "json", at=folder))
    silent(run("build-pack", at=folder))
    return silent(done)


def rule(where: str) -> str:
    return f"packs:\n  x:\n    where: {where}\n"


RULES = {
    "a text": ('{ids: [1000711, "1000712", 1000713]}', '6:28: error: `"1…2"` is text, the key'),
    "a fraction": ("{ids: [1000711, 1000712.5]}", "6:28: error: `10….5` is no id"),
    "a list in the list": ("{ids: [1000711, [1000712]]}", "6:28: error: an id must be a single"),
    "one id": ("{ids: 1000711}", "6:18: error: `ids` names no list"),
    "a set": ("{ids: {1000711, 1000712}}", "6:18: error: `ids` names no list"),
    "a set with one twice": ("{ids: {1000711, 1000711}}", "error: duplicate key `1…1`"),
    "a problem beside": ("{ids: [1000711], aeg: 1}", "6:29: error: unknown tag or keyword `aeg`"),
    "a problem before": ("{aeg: 1, ids: [1000711]}", "6:13: error: unknown tag or keyword `aeg`"),
    "no end": ('{ids: [1000711, "1000712}\n', "error: not valid YAML"),
    "no end, lines below": ("\n      ids: [1000711,\n        1000712, }]\n", "not valid YAML"),
    "a control character": ("\n      ids: [1000711,\n        1000712\x01]\n", "not valid YAML"),
    "a block": ('\n      ids:\n        - 1000711\n        - "1000712"\n', "9:11: error: "),
    "the key": ('{user_id: [1000711, "1000712"]}', '6:32: error: `"1…2"` is text'),
    "a key of letters": ("{user_id: x1000711}", "6:22: error: `x1…11` is not a number"),
    "a span of keys": ("{user_id: 1000711-1000712}", "6:22: error: `10…12` is not a number"),
    "a fraction of a key": ("{user_id: 1000711.5}", "6:22: error: `10….5` is not a whole"),
    "an operator of the key": ("{user_id: {gtee: 1000711}}", "did you mean `gte`?"),
    "a backward range of keys": ("{user_id: 1000712..1000711}", "runs backwards"),
}


@pytest.mark.parametrize("name", RULES)
def test_rules(run: Run, folder: Path, name: str) -> None:
    where, told = RULES[name]
    err = checked(folder, run, rule(where))
    assert told in err
    assert " | " not in err  # no line is quoted


def test_a_variable_in_a_list(run: Run, folder: Path) -> None:
    for where in ('{ids: ["${who}"]}', '{user_id: ["${who}"]}'):
        err = checked(folder, run, f"vars: {{who: 1000712.5}}\n{rule(where)}")
        assert "7:" in err


def test_too_many_ids(run: Run, folder: Path) -> None:
    told = checked(folder, run, rule(f"{{ids: [{', '.join(['1000711'] * 100_100)}]}}"))
    assert "more than 100,000 values" in told


def test_lines_without_ids_are_quoted(run: Run, folder: Path) -> None:
    err = checked(folder, run, rule("{any: [{aeg: 1}]}") + "  y: {where: {ids: [1000711]}}\n")
    assert "  6 |     where: {any: [{aeg: 1}]}" in err


def test_the_key_is_still_tested(run: Run, folder: Path) -> None:
    (folder / "rules/a.yaml").write_text(HEAD + rule("{user_id: [1000701, 5]}"))
    assert run("build-pack", at=folder).code == 0
    pack = pq.read_table(folder / "packs/c/p/latest/x.parquet")
    assert pack["user_id"].to_pylist() == [1000701]
