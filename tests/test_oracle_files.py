"""Whole rule files of tests/oracle/files against SQL: stages, limit, split, names."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
from typer.testing import CliRunner

import audience
from audience.commands.app import app
from oracle import tables
from test_oracle import HEAD, make_project, pack_text

HERE = Path(__file__).parent / "oracle"
FILES = sorted((HERE / "files").glob("*.yaml"))
ZONES = list(tables.load_cases(HERE / "zones.yaml"))
NEW_YORK = "America/New_York"
SALTS = ("oracle/halves", "oracle/thirds", "oracle/tiny", "oracle/top", "oracle/split_of_a_side",
         "oracle/lifecycle.active_paid", "spring", "2024")  # fmt: skip

_HEAD = re.compile(r"^-- (?:pack: (\S+)|(base))(?: .*)?$", re.MULTILINE)


def read_queries(path: Path) -> dict[str, str]:
    """The queries by pack name; behind the base's stand the tables that the others use."""
    text = path.read_text(encoding="utf-8")
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return {
        head[1] or head[2]: text[head.end() : end].strip().rstrip(";")
        for head, end in zip(heads, ends, strict=True)
    }


def compare(path: Path, folder: Path, result: Any) -> dict[str, tuple[int, int]]:
    """How many users each pack has too many and too few of, where it has any."""
    database = tables.connect(folder, salts=SALTS)
    queries = read_queries(path.with_suffix(".sql"))
    base, *prepare = queries.pop("base").split(";\n")
    assert result.summary.base == len(database.sql(base).fetchall())
    for statement in prepare:
        database.execute(statement)
    assert queries
    wrong = {}
    for name, query in queries.items():
        found = result.ids(name).to_pylist()
        wanted = {row[0] for row in database.sql(query).fetchall()}
        if set(found) != wanted or len(found) != len(wanted):
            wrong[name] = (len(set(found) - wanted), len(wanted - set(found)))
    return wrong


@pytest.mark.parametrize(
    ("engine", "key", "by_day"),
    [
        ("polars", "int", True),
        ("polars", "text", False),
        ("duckdb", "int", False),
        ("duckdb", "text", True),
    ],
)
def test_files_select_what_sql_selects(
    tmp_path: Path, engine: str, key: Literal["int", "text"], by_day: bool
) -> None:
    folder = make_project(tmp_path, key, by_day=by_day)
    for path in FILES:
        (folder / "rules" / path.name).write_bytes(path.read_bytes())
    results = audience.build(audience.load(folder), dry_run=True, engine=engine)
    by_phase = {result.summary.phase: result for result in results}
    assert len(by_phase) == len(FILES)
    wrong = {path.stem: compare(path, folder, by_phase[path.stem]) for path in FILES}
    assert not any(wrong.values()), wrong


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
@pytest.mark.parametrize("key", ["int", "text"])
def test_a_zone_with_summer_time(tmp_path: Path, engine: str, key: Literal["int", "text"]) -> None:
    folder = make_project(tmp_path, key, by_day=False)
    project = folder / "audience.yaml"
    project.write_text(project.read_text().replace(tables.TIME_ZONE, NEW_YORK))
    (folder / "rules/all.yaml").write_text(HEAD + "".join(map(pack_text, ZONES)))
    result = audience.build(audience.load(folder), dry_run=True, engine=engine)[0]
    database = tables.connect(folder, NEW_YORK)
    wrong = {}
    for case in ZONES:
        found = set(result.ids(case.name).to_pylist())
        wanted = {row[0] for row in database.sql(case.sql).fetchall()}
        if found != wanted:
            wrong[case.name] = (case.where, len(found - wanted), len(wanted - found))
    assert not wrong


RunFile = Callable[..., int]


def run_in(folder: Path, text: str, command: str = "size", as_of: str = "2024-03-01") -> int:
    """Run `size` or `build-pack` over one rule file, given without its head; the exit code."""
    path = folder / "rules/one.yaml"
    path.write_text(f"campaign: oracle\nphase: one\nas_of: {as_of}\n" + text)
    words = [command, "--project", str(folder), str(path)]
    result = CliRunner().invoke(app, words)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code


@pytest.fixture(scope="module")
def run_file(tmp_path_factory: pytest.TempPathFactory) -> RunFile:
    folder = make_project(tmp_path_factory.mktemp("files"), "int", by_day=True)
    return lambda text: run_in(folder, text)


GROWN = "packs:\n  p:\n    where: {age: 18..}\n"

BROKEN = {
    "a stage set that leaves users over": "stages:\n  s:\n    a: {age: 18..}\n",
    "one user only is left over": "stages:\n  s:\n    a: {not: {ids: [1002]}}\n",
    "fewer than expected": GROWN + "    expect: {size: 400..}\n",
    "more than expected": GROWN + "    expect: {size: ..10}\n",
    "a limit below what is expected": GROWN + "    limit: {keep: 10}\n    expect: {size: 11..}\n",
    "a stage smaller than expected": (
        "stages:\n  s:\n    a: {where: {age: 100..}, expect: {size: 1..}}\n    b: otherwise\n"
    ),
}


@pytest.mark.parametrize("text", BROKEN.values(), ids=BROKEN)
def test_broken_expectations_end_with_8(run_file: RunFile, text: str) -> None:
    assert run_file(text) == 8


HELD = {
    "stages that cover everybody": "stages:\n  s:\n    a: {age: 18..}\n    b: {not: {age: 18..}}\n",
    "just the size": GROWN + "    limit: {keep: 10}\n    expect: {size: 10..10}\n",
    "no build to compare with": GROWN + "    expect: {change: ..0%}\n",
    "a signed change": GROWN + "    expect: {size: 1.., change: -10%..50%}\n",
    "a split of one in ten thousand": GROWN + "    split: {a: 0.01%, b: 99.99%}\n",
    "an empty side": "packs:\n  p:\n    where: {age: 100..}\n    split: {a: 50%, b: 50%}\n",
}


@pytest.mark.parametrize("text", HELD.values(), ids=HELD)
def test_kept_expectations_end_with_0(run_file: RunFile, text: str) -> None:
    assert run_file(text) == 0


REFUSED = {
    "keep of nothing": GROWN + "    limit: {keep: 0}\n",
    "keep below nothing": GROWN + "    limit: {keep: -5}\n",
    "keep of a fraction": GROWN + "    limit: {keep: 1.5}\n",
    "keep of a range": GROWN + "    limit: {keep: 1..5}\n",
    "no keep": GROWN + "    limit: {by: jd_value}\n",
    "limit without a mapping": GROWN + "    limit: 100\n",
    "by an unknown tag": GROWN + "    limit: {keep: 5, by: jd_valu}\n",
    "by a text": GROWN + "    limit: {keep: 5, by: nick}\n",
    "by a bool": GROWN + "    limit: {keep: 5, by: plus}\n",
    "by a list": GROWN + "    limit: {keep: 5, by: interests}\n",
    "another order": GROWN + "    limit: {keep: 5, by: jd_value, order: down}\n",
    "an unknown key of limit": GROWN + "    limit: {keep: 5, per: jd_value}\n",
    "one side": GROWN + "    split: {a: 100%}\n",
    "less than all": GROWN + "    split: {a: 50%, b: 49.9999%}\n",
    "more than all": GROWN + "    split: {a: 50%, b: 50.0001%}\n",
    "a side of nothing": GROWN + "    split: {a: 0%, b: 100%}\n",
    "a side below nothing": GROWN + "    split: {a: -10%, b: 110%}\n",
    "five decimals": GROWN + "    split: {a: 0.00001%, b: 99.99999%}\n",
    "no percent": GROWN + "    split: {a: 50, b: 50}\n",
    "an unsafe side": GROWN + "    split: {../a: 50%, b: 50%}\n",
    "a seed alone": GROWN + "    split: {seed: x}\n",
    "an unknown key of expect": GROWN + "    expect: {sizes: 1..}\n",
    "a size without ends": GROWN + "    expect: {size: ..}\n",
    "a size backwards": GROWN + "    expect: {size: 5..1}\n",
    "a size below nothing": GROWN + "    expect: {size: -5..}\n",
    "a size of a fraction": GROWN + "    expect: {size: 1.5..}\n",
    "a change without percent": GROWN + "    expect: {change: ..30}\n",
    "a change backwards": GROWN + "    expect: {change: 50%..10%}\n",
    "an empty expect": GROWN + "    expect: {}\n",
    "otherwise before the last": "stages:\n  s:\n    a: otherwise\n    b: {age: 18..}\n",
    "an empty stage set": "stages:\n  s: {}\n",
    "no stage set": "stages: {}\n",
    "a list of stages": "stages:\n  s: [{age: 18..}]\n",
    "an unknown tag in a stage": "stages:\n  s:\n    a: {agee: 18..}\n    b: otherwise\n",
    "a stage with a dot": "stages:\n  s:\n    a.b: {age: 18..}\n    b: otherwise\n",
    "a stage twice": "stages:\n  s:\n    a: {age: 18..}\n    a: {age: 20..}\n    b: otherwise\n",
    "a stage set and a pack of one name": GROWN + "stages:\n  p:\n    a: otherwise\n",
    "a circle through a stage": (
        "stages:\n  s:\n    a: p\n    b: otherwise\npacks:\n  p: {where: {not: s.a}}\n"
    ),
    "a circle within a stage set": "stages:\n  s:\n    a: s.b\n    b: otherwise\n",
    "an unknown stage": "stages:\n  s:\n    a: otherwise\npacks:\n  p: {where: s.b}\n",
    "an unknown side": (
        "packs:\n  p: {where: {age: 18..}, split: {a: 50%, b: 50%}}\n  q: {where: p.c}\n"
    ),
    "neither packs nor stages": "define:\n  d: {age: 18..}\n",
    "a limit of a definition": "define:\n  d: {where: {age: 18..}, limit: {keep: 5}}\n" + GROWN,
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_files_that_are_refused_end_with_3(run_file: RunFile, text: str) -> None:
    assert run_file(text) == 3


KNOWN = "packs:\n  p:\n    where: {jd_value: known}\n"


@pytest.fixture(scope="module")
def published_hundred(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project in which `oracle/one/p` was published with 100 users, and `nobody` with none."""
    folder = make_project(tmp_path_factory.mktemp("published"), "int", by_day=True)
    text = KNOWN + "    limit: {keep: 100}\n  nobody: {where: {age: 100..}}\n"
    assert run_in(folder, text, "build-pack", "2024-02-01") == 0
    return folder


@pytest.mark.parametrize(
    ("bounds", "size", "code"),
    [
        ("..30%", 130, 0),
        ("..30%", 131, 8),
        ("..30%", 70, 0),
        ("..30%", 69, 8),
        ("..0%", 100, 0),
        ("..0%", 101, 8),
        ("..0%", 99, 8),
        ("..0.5%", 100, 0),
        ("..0.5%", 101, 8),
        ("-10%..50%", 90, 0),
        ("-10%..50%", 89, 8),
        ("-10%..50%", 150, 0),
        ("-10%..50%", 151, 8),
        ("-20%..", 80, 0),
        ("-20%..", 79, 8),
        ("-20%..", 350, 0),
        ("10%..50%", 110, 0),
        ("10%..50%", 109, 8),
    ],
)
def test_change_against_the_last_build(
    published_hundred: Path, bounds: str, size: int, code: int
) -> None:
    text = KNOWN + f"    limit: {{keep: {size}}}\n    expect: {{change: {bounds}}}\n"
    assert run_in(published_hundred, text, "size", "2024-02-02") == code
    if code == 8:  # what is published would be what the next one is held against
        assert run_in(published_hundred, text, "build-pack", "2024-02-02") == code


def test_change_of_a_build_after_as_of_is_not_looked_at(published_hundred: Path) -> None:
    text = KNOWN + "    limit: {keep: 5}\n    expect: {change: ..1%}\n"
    assert run_in(published_hundred, text, "size", "2024-01-31") == 0


def test_any_growth_of_nobody_is_too_much(published_hundred: Path) -> None:
    grown = "packs:\n  nobody:\n    where: {age: 40..}\n    expect: {change: ..100%}\n"
    assert run_in(published_hundred, grown, "size", "2024-02-02") == 8
    still = "packs:\n  nobody:\n    where: {age: 100..}\n    expect: {change: ..100%}\n"
    assert run_in(published_hundred, still, "size", "2024-02-02") == 0


PUBLISHED = """\
packs:
  recent: {where: {did: {in: events, within: 7d}}, split: {a: 50%, b: 50%}}
stages:
  s:
    buyers: {did: {in: events, event: buy, within: 30d}}
    others: otherwise
"""
READERS = """\
campaign: oracle
phase: readers
as_of: AS_OF
base: {age: 18..}
packs:
  newest: {where: {published: oracle/one/recent}}
  of_a_day: {where: {published: oracle/one/recent@2024-02-01}}
  none_of_them: {where: {not: {published: oracle/one/recent}}}
  stage: {where: {published: oracle/one/s.buyers}}
  side: {where: {any: [{published: oracle/one/recent.a}], minus: {published: oracle/one/s.others}}}
"""


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
@pytest.mark.parametrize("key", ["int", "text"])
def test_what_was_published(tmp_path: Path, engine: str, key: Literal["int", "text"]) -> None:
    folder = make_project(tmp_path, key, by_day=True)
    for day in ("2024-02-01", "2024-02-15", "2024-02-29"):
        assert run_in(folder, PUBLISHED, "build-pack", day) == 0
    (folder / "rules/one.yaml").unlink()
    database = tables.connect(folder, salts=["oracle/recent"])

    def ids(query: str) -> set[Any]:
        return {row[0] for row in database.sql(query).fetchall()}

    def recent(day: str) -> set[Any]:
        return ids(
            f"SELECT uid FROM users WHERE uid IN (SELECT uid FROM events"
            f" WHERE day BETWEEN DATE '{day}' - 6 AND DATE '{day}')"
        )

    def buyers(day: str) -> set[Any]:
        return ids(
            f"SELECT uid FROM users WHERE uid IN (SELECT uid FROM events"
            f" WHERE action = 'buy' AND day BETWEEN DATE '{day}' - 29 AND DATE '{day}')"
        )

    base = ids("SELECT uid FROM users WHERE age >= 18")
    a_side = ids("SELECT uid FROM salted WHERE h * 2 < 18446744073709551616")
    for as_of, last in (("2024-02-28", "2024-02-15"), ("2024-02-29", "2024-02-29")):
        (folder / "rules/readers.yaml").write_text(READERS.replace("AS_OF", as_of))
        result = audience.build(audience.load(folder), dry_run=True, engine=engine)[0]
        wanted = {
            "newest": base & recent(last),
            "of_a_day": base & recent("2024-02-01"),
            "none_of_them": base - recent(last),
            "stage": base & buyers(last),
            "side": base & recent(last) & a_side & buyers(last),
        }
        assert {name: set(result.ids(name).to_pylist()) for name in wanted} == wanted


def test_a_phase_reads_what_it_published_before_its_day(tmp_path: Path) -> None:
    folder = make_project(tmp_path, "int", by_day=True)
    assert run_in(folder, PUBLISHED, "build-pack", "2024-02-01") == 0
    more = PUBLISHED.replace(
        "packs:\n",
        "packs:\n  kept: {where: {all: [recent], minus: {published: oracle/one/recent}}}\n",
    )
    database = tables.connect(folder)
    query = """
        SELECT uid FROM users WHERE uid IN (SELECT uid FROM events
        WHERE day BETWEEN DATE '2024-02-09' AND DATE '2024-02-15') AND uid NOT IN (
        SELECT uid FROM events WHERE day BETWEEN DATE '2024-01-26' AND DATE '2024-02-01'
        AND uid IS NOT NULL)
    """
    wanted = {row[0] for row in database.sql(query).fetchall()}
    for _ in range(2):
        assert run_in(folder, more, "build-pack", "2024-02-15") == 0
        result = audience.build(audience.load(folder), dry_run=True)[0]
        assert set(result.ids("kept").to_pylist()) == wanted


@pytest.mark.parametrize(
    "name",
    ["oracle/one/nothing", "oracle/two/recent", "oracle/one/recent@2024-02-02", "other/one/recent"],
)
def test_nothing_published_of_that_name_ends_with_7(tmp_path: Path, name: str) -> None:
    folder = make_project(tmp_path, "int", by_day=True)
    assert run_in(folder, PUBLISHED, "build-pack", "2024-02-01") == 0
    assert run_in(folder, f"packs:\n  p: {{where: {{published: {name}}}}}\n") == 7


def test_nothing_published_up_to_as_of_ends_with_7(tmp_path: Path) -> None:
    folder = make_project(tmp_path, "int", by_day=True)
    assert run_in(folder, PUBLISHED, "build-pack", "2024-02-15") == 0
    text = "packs:\n  p: {where: {published: oracle/one/recent}}\n"
    assert run_in(folder, text, as_of="2024-02-14") == 7
    assert run_in(folder, text, as_of="2024-02-15") == 7
    assert run_in(folder, text, as_of="2024-02-16") == 0
