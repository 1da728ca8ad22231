"""Bad rule files are refused in bounded time and memory, and nothing is written anywhere."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from support import MakeProject

HEAD = "campaign: c\nphase: p\nas_of: 2024-03-01\n"
USERS = [{"user_id": 1, "age": 20, "name": "a" * 40, "gender": "m"}]
DICTIONARY = "tags: {gender: {values: [m, f]}}\n"
SECONDS, BYTES = 2, 200_000_000


def merge_bomb() -> str:
    lines = ["a0: &a0 {x: 1}"]
    lines += [f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 20)}]}}" for n in range(1, 30)]
    return HEAD + "\n".join(lines) + "\n"


def alias_bomb() -> str:
    lines = ["a0: &a0 [x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 20)}]" for n in range(1, 30)]
    return HEAD + "\n".join(lines) + "\n"


def packs(body: str) -> str:
    return f"{HEAD}packs: {{{body}}}\n"


def stages(count: int) -> str:
    lines = "".join(f"    x{n}: {{age: {n}}}\n" for n in range(count))
    return f"{HEAD}stages:\n  s:\n{lines}    rest: otherwise\n"


FILES: dict[str, bytes] = {
    "ten million bytes": (HEAD + "packs:\n" + "  a: {where: {age: 1..}}\n" * 450_000).encode(),
    "ten million bytes in one line": (HEAD + f'label: "{"a" * 10_000_000}"\n').encode(),
    "ten million brackets": b"[" * 10_000_000,
    "10,000 levels of lists": (HEAD + "packs: " + "[" * 10_000 + "]" * 10_000).encode(),
    "10,000 levels of mappings": (HEAD + "packs: " + "{a: " * 10_000 + "}" * 10_000).encode(),
    "10,000 levels of not": packs(
        "a: {where: " + "{not: " * 10_000 + "{age: 1..}" + "}" * 10_000 + "}"
    ).encode(),
    "10,000 indented levels": (
        HEAD + "packs:\n" + "\n".join(" " * n + "a:" for n in range(1, 1_300))
    ).encode(),
    "an alias bomb": alias_bomb().encode(),
    "a merge bomb": merge_bomb().encode(),
    "a Python object": packs("a: !!python/object/apply:os.system ['touch HACKED']").encode(),
    "a Python name": packs("a: !!python/name:os.system").encode(),
    "a NUL": packs("a\0b: {where: {age: 1..}}").encode(),
    "an escaped NUL": packs('"a\\0b": {where: {age: 1..}}').encode(),
    "UTF-16": packs("a: {where: {age: 1..}}").encode("utf-16"),
    "UTF-16 without a mark": packs("a: {where: {age: 1..}}").encode("utf-16-le"),
    "UTF-32": packs("a: {where: {age: 1..}}").encode("utf-32"),
    "bytes that are no text": b"\xff\xfe\x00\x01" * 100,
    "a pack that is a path": packs("../../HACKED: {where: {age: 1..}}").encode(),
    "a pack that is an absolute path": packs("/tmp/HACKED: {where: {age: 1..}}").encode(),
    "a campaign that is a path": packs("a: {where: {age: 1..}}")
    .replace("campaign: c", "campaign: ../../HACKED")
    .encode(),
    "a phase that is a path": packs("a: {where: {age: 1..}}")
    .replace("phase: p", "phase: ..")
    .encode(),
    "a side that is a path": packs(
        "a: {where: {age: 1..}, split: {../HACKED: 50%, b: 50%}}"
    ).encode(),
    "a right-to-left mark in a name": packs('"a\\u202eb": {where: {age: 1..}}').encode(),
    "a right-to-left mark": packs("a\u202eb: {where: {age: 1..}}").encode(),
    "a mark of no width": packs("a\u200bb: {where: {age: 1..}}").encode(),
    "a name of 10,000 letters": packs(f"{'a' * 10_000}: {{where: {{age: 1..}}}}").encode(),
    "100,000 unknown tags": (
        HEAD + "packs:\n" + "".join(f"  p{n}: {{where: {{t{n}: 1}}}}\n" for n in range(30_000))
    ).encode(),
    "90,000 values that are not in the dictionary": packs(
        f"a: {{where: {{gender: [{', '.join(f'v{n}' for n in range(90_000))}]}}}}"
    ).encode(),
    "9,900 packs with three typos each": (
        HEAD
        + "packs:\n"
        + "".join(f"  p{n}: {{where: {{aeg: 1, gneder: f, nmae: x}}}}\n" for n in range(9_900))
    ).encode(),
    "15,000 names that are not there among 15,000 that are": (
        HEAD + "packs:\n" + "".join(f"  p{n}: {{where: q{n}}}\n" for n in range(15_000))
    ).encode(),
    "100 names that are not there among 9,000 that are long and alike": (
        HEAD
        + "packs:\n"
        + "".join(f"  {'x' * 40}{n}: {{where: {{age: 1}}}}\n" for n in range(9_000))
        + "".join(f"  p{n}: {{where: y{'x' * 40}{n}}}\n" for n in range(100))
    ).encode(),
    "an alias of a long text 90,000 times": packs(
        f'a: {{where: {{age: [&a "{"x" * 500_000}", {", ".join(["*a"] * 90_000)}]}}}}'
    ).encode(),
    "3,000 stages": stages(3_000).encode(),
    "20,000 stages": stages(20_000).encode(),
    "a split of 10,000 sides": packs(
        f"a: {{where: {{age: 1}}, split: {{{', '.join(f's{n}: 0.01%' for n in range(10_000))}}}}}"
    ).encode(),
    "a number of 100,000 digits": packs(f"a: {{where: {{age: {'9' * 100_000}..}}}}").encode(),
    "a duration of 100,000 digits": packs(
        f"a: {{where: {{age: {{within: {'9' * 100_000}d}}}}}}"
    ).encode(),
    "a regex of a million letters": packs(
        f'a: {{where: {{name: {{matches: "({"a|" * 400_000}b)*"}}}}}}'
    ).encode(),
    "a regex that repeats a thousand times a thousand": packs(
        'a: {where: {name: {matches: "((((a{1,1000}){1,1000}){1,1000}){1,1000})"}}}'
    ).encode(),
}


# A small process of its own starts the program: the most memory that a process had is counted from
# before it became the program, when it was a copy of the one that started it.
MEASURE = f"""\
import os, resource, sys
process = os.fork()
if not process:
    resource.setrlimit(resource.RLIMIT_CPU, ({SECONDS}, {SECONDS}))
    os.execv(sys.argv[1], sys.argv[1:])
_, status, usage = os.wait4(process, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def limited() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))


def everything(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if ".audience" not in path.parts}


@pytest.mark.parametrize("name", FILES)
def test_refused(make_project: MakeProject, tmp_path: Path, name: str) -> None:
    folder = make_project(USERS, extra=DICTIONARY)
    (folder / "rules/a.yaml").write_bytes(FILES[name])
    before = everything(tmp_path)
    environment = os.environ | {"POLARS_MAX_THREADS": "1"}
    words = [sys.executable, "-c", MEASURE, sys.executable, "-m", "audience", "check"]
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, check=False)
    told = done.stderr.decode(errors="replace")
    assert done.returncode == 3, told[-2_000:]
    kilobytes = int(done.stdout.split()[-1])
    assert kilobytes * 1024 < BYTES, f"{kilobytes:,} KB"
    assert "Traceback" not in told
    assert "a.yaml" in told
    assert len(told) < 200_000
    assert everything(tmp_path) == before


EVIL = ["(a+)+$", "(a|aa)+$", "(a*)*b", "(a|a)*b", "([a-zA-Z]+)*x", "(.*a){20}"]


@pytest.mark.parametrize("engine", ["polars", "duckdb"])
@pytest.mark.parametrize("pattern", EVIL)
def test_a_catastrophic_regex_is_harmless(
    make_project: MakeProject, pattern: str, engine: str
) -> None:
    rule = packs(f"a: {{where: {{name: {{matches: '{pattern}'}}}}}}")
    folder = make_project([{"user_id": n, "name": "a" * 5_000 + "!"} for n in range(50)])
    (folder / "rules/a.yaml").write_text(rule)
    words = [sys.executable, "-m", "audience", "size", "--engine", engine]
    done = subprocess.run(
        words, cwd=folder, capture_output=True, text=True, preexec_fn=limited, check=False
    )
    assert done.returncode in (0, 3), done.stderr


def test_links_below_the_packs_are_not_followed(make_project: MakeProject, tmp_path: Path) -> None:
    rule = packs("a: {where: {age: 1..}}")
    for place in ("packs/c", "packs/c/p", "packs/c/p/.builds"):
        folder = make_project(USERS, {"a.yaml": rule})
        outside = tmp_path / "outside"
        outside.mkdir()
        link = folder / place
        link.parent.mkdir(parents=True)
        link.symlink_to(outside)
        done = subprocess.run(
            [sys.executable, "-m", "audience", "build-pack"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 5
        assert f"{link} is a symbolic link" in done.stderr
        assert list(outside.iterdir()) == []
        outside.rmdir()
        folder.rename(tmp_path / place.replace("/", "-"))


def test_the_packs_may_lie_elsewhere(make_project: MakeProject, tmp_path: Path) -> None:
    """The folder itself may be a link: that is its owner's choice."""
    folder = make_project(USERS, {"a.yaml": packs("a: {where: {age: 1..}}")})
    (tmp_path / "elsewhere").mkdir()
    (folder / "packs").symlink_to(tmp_path / "elsewhere")
    done = subprocess.run(
        [sys.executable, "-m", "audience", "build-pack"],
        cwd=folder,
        check=False,
        capture_output=True,
    )
    assert done.returncode == 0
    assert (tmp_path / "elsewhere/c/p/latest/a.parquet").is_file()
