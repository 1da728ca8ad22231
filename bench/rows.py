"""The rows of the benchmark: who runs, on what, and what is compared."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import data
import pyarrow.compute as pc
import pyarrow.parquet as pq
from harness import OURS, Comparison, Contestant, Row, our_answer, their_answer, their_sizes, timed

RIVALS = Path(__file__).resolve().parent / "rivals"
ALL = ["duckdb_packs", "duckdb_pass", "polars_packs", "polars_pass", "clickhouse"]
AS_OF, NEXT_DAY = "2023-06-30", "2023-07-01"
TOMORROW = f"dt={NEXT_DAY}"


@dataclass(frozen=True)
class Ground:
    """The tables and folders of one size."""

    size: str
    keys: str

    @property
    def folder(self) -> Path:
        """The project with its tables."""
        return data.folder_of(self.size, self.keys)

    @property
    def out(self) -> Path:
        """Where the rivals write, and what everybody printed."""
        return self.folder / "out"

    def cold(self) -> None:
        """Nothing is published and nothing remembered."""
        shutil.rmtree(self.folder / "packs", ignore_errors=True)
        shutil.rmtree(self.folder / ".audience" / "cache", ignore_errors=True)

    def ours(self, command: str, phase: str, *more: str) -> list[str | Path]:
        """A command of the program over one rule file, its summary as JSON."""
        rules = str(self.folder / "rules" / f"{phase}.yaml")
        return [program(), command, rules, "-f", "json", "-p", self.folder, *more]

    def published(self, phase: str, day: str = AS_OF) -> Path:
        """Where the packs of a phase are."""
        return self.folder / "packs" / "bench" / phase / day

    def build(self, phase: str, name: str = OURS) -> Contestant:
        """A cold build."""
        words = self.ours("build-pack", phase)
        return Contestant(name, words, self.cold, self.published(phase), our_answer)

    def rival(self, name: str, workload: str) -> Contestant:
        """The same work by hand."""
        out = self.out / workload / name
        words: list[str | Path] = [
            sys.executable,
            RIVALS / f"{name}.py",
            self.folder,
            workload,
            out,
        ]
        if name == "floor":
            return Contestant(name, words, lambda: self.tell_sizes(workload), None, their_sizes)
        return Contestant(name, words, packs=out, answer=their_answer)

    def tell_sizes(self, workload: str) -> None:
        """How many ids the floor has to write: as many as the program did just before."""
        found = our_answer(self.out / workload / f"{OURS}.json")["sizes"]
        (self.folder / "sizes.json").write_text(json.dumps({workload: found}))


def program() -> str:
    """The command, of the environment this runs in."""
    beside = Path(sys.executable).parent / "audience"
    return str(beside) if beside.exists() else shutil.which("audience") or "audience"


def thirty(at: Ground) -> Row:
    """Thirty packs of all kinds in one file."""
    players = [at.build("thirty"), *(at.rival(name, "thirty") for name in [*ALL, "floor"])]
    return Row(
        "thirty",
        "30 packs",
        players,
        [
            Comparison("wall", ALL, target="0.50"),
            Comparison("cpu", ["polars_packs"], target="0.45"),
            Comparison("wall", ["floor"], target="2.2"),
            Comparison("memory", ALL, target="1.5 GB at M, 4.5 GB at L"),
            Comparison("bytes", ["polars_packs"], target="0.35"),
        ],
    )


def behaviour(at: Ground) -> Row:
    """Seven packs by behaviour."""
    players = [at.build("behaviour"), *(at.rival(name, "behaviour") for name in ALL)]
    return Row(
        "behaviour", "7 packs by behaviour", players, [Comparison("wall", ALL, target="0.5")]
    )


def tags(at: Ground) -> Row:
    """Eighteen packs by tags."""
    players = [at.build("tags"), *(at.rival(name, "tags") for name in ALL)]
    return Row("tags", "18 packs by tags", players, [Comparison("wall", ALL, target="0.9")])


def one(at: Ground, phase: str, title: str) -> Row:
    """One pack, beside what it costs to start."""
    startup = Contestant("startup", [sys.executable, "-c", "import typer, polars"])
    players = [at.build(phase), at.rival("polars_packs", phase), startup]
    return Row(
        phase,
        title,
        players,
        [
            Comparison("wall", ["polars_packs"]),
            Comparison("wall", ["polars_packs", "startup"], "sum", target="1.15 + start-up"),
        ],
    )


def hundred(at: Ground) -> Row:
    """A hundred packs out of 25 conditions."""
    rivals = ["duckdb_pass", "polars_pass"]
    players = [at.build("hundred"), *(at.rival(name, "hundred") for name in rivals)]
    comparisons = [Comparison("wall", ["duckdb_pass"], target="0.4"), Comparison("wall", rivals)]
    return Row("hundred", "100 packs by tags", players, comparisons)


def text(at: Ground) -> Row:
    """The thirty packs over keys of text, to whole numbers."""
    others = [Ground(at.size, keys) for keys in ("text", "int")]
    for ground in others:
        data.make(ground.size, ground.keys)
    names = ("text keys", "int keys")
    players = []
    for name, ground in zip(names, others, strict=True):
        # Ids differ, so only sizes and overlaps can be compared.
        words = ground.ours("build-pack", "thirty")
        players.append(Contestant(name, words, ground.cold, None, our_answer))
    compared = Comparison("wall", ["int keys"], ours="text keys", target="1.5")
    return Row("text", "30 packs, keys of text", players, [compared])


def diff(at: Ground) -> Row:
    """What moved between two phases of thirty packs."""
    old, new = at.published("thirty"), at.published("thirty-next")

    def published() -> None:
        if not (old.exists() and new.exists()):
            at.cold()
            for phase in ("thirty", "thirty-next"):
                words = at.ours("build-pack", phase)
                timed(words, at.folder, at.out / "diff" / f"build-{phase}.json")

    def changes(printed: Path) -> dict[str, dict[str, int]]:
        packs = json.loads(printed.read_text(encoding="utf-8"))["packs"]
        return {p["name"]: {n: p[n] for n in ("kept", "added", "removed")} for p in packs}

    words = [program(), "diff-packs", "bench/thirty", "bench/thirty-next", "-f", "json"]
    rivals = ["polars_anti", "polars_diff"]
    players = [Contestant(OURS, [*words, "-p", at.folder], published, answer=changes)]
    for name in rivals:
        theirs: list[str | Path] = [sys.executable, RIVALS / f"{name}.py", old, new]
        players.append(Contestant(name, theirs, answer=their_answer))
    compared = [Comparison("wall", ["polars_anti"], target="0.55"), Comparison("wall", rivals)]
    return Row("diff", "diff-packs, 30 packs", players, compared)


def edit(at: Ground, key: str, title: str, old: str, new: str) -> Row:
    """`size`, then once more with one threshold edited; the same rules cold must say the same."""
    rules = at.folder / "rules" / "thirty.yaml"
    plain = (data.WORKLOAD / "thirty.yaml").read_text(encoding="utf-8")
    if old not in plain:
        raise SystemExit(f"thirty.yaml has no `{old}`")

    def write(content: str) -> Callable[[], None]:
        return lambda: void(rules.write_text(content, encoding="utf-8"))

    def fresh() -> None:
        at.cold()
        write(plain)()

    edited = plain.replace(old, new, 1)
    words = at.ours("size", "thirty")
    players = [
        Contestant("first", words, fresh),
        Contestant("second", words, write(edited), answer=our_answer),
        Contestant("cold, edited", words, at.cold, answer=our_answer, timed=False),
    ]
    compared = [Comparison("wall", ["first"], ours="second", target="0.25")]
    return Row(key, title, players, compared, after=write(plain))


def void(_: object) -> None:
    """Nothing of it."""


def tomorrow(at: Ground, key: str, title: str, moved_users: bool) -> Row:
    """The next day's build with yesterday's remembered, to one that remembers nothing."""
    kept, there = at.folder / "tomorrow" / TOMORROW, at.folder / "events" / TOMORROW
    users, other = at.folder / "users", at.folder / "users-next"

    def yesterday() -> None:
        put_back(at)
        at.cold()
        timed(at.ours("build-pack", "thirty"), at.folder, at.out / key / "yesterday.json")
        kept.replace(there)
        if moved_users:
            if not other.exists():
                rewrite_users(users, other)
            users.replace(at.folder / "users-today")
            other.replace(users)

    words = at.ours("build-pack", "thirty", "--as-of", NEXT_DAY)
    packs = at.published("thirty", NEXT_DAY)
    players = [
        Contestant("next day", words, yesterday, packs, our_answer),
        Contestant("cold", words, at.cold, packs, our_answer),
    ]
    compared = [Comparison("wall", ["cold"], ours="next day", target="0.6")]
    return Row(key, title, players, compared, after=lambda: put_back(at))


def put_back(at: Ground) -> None:
    """The tables as they were made, also after a run that was broken off."""
    there, users = at.folder / "events" / TOMORROW, at.folder / "users"
    if there.exists():
        there.replace(at.folder / "tomorrow" / TOMORROW)
    if (at.folder / "users-today").exists():
        if users.exists():
            users.replace(at.folder / "users-next")
        (at.folder / "users-today").replace(users)


def rewrite_users(users: Path, other: Path) -> None:
    """The user table as the next day's export would have it: the same people, some values moved."""
    made = other.with_suffix(".making")
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir()
    for path in sorted(users.glob("*.parquet")):
        table = pq.read_table(path)
        for name in ("visits_30d", "cart_items"):
            place = table.schema.get_field_index(name)
            column = pc.add(table[name], pc.cast(pc.equal(table["member_level"], 1), "int32"))
            table = table.set_column(place, name, column)
        pq.write_table(table, made / path.name, row_group_size=data.ROW_GROUP, compression="zstd")
    made.rename(other)


def flat(at: Ground) -> Row:
    """A hundred packs that share 25 conditions, to the first ten of them."""
    words = at.ours("size", "hundred", "--no-cache")
    ten = [word for number in range(10) for word in ("--pack", f"p{number:03d}")]
    players = [Contestant("100 packs", words), Contestant("10 packs", [*words, *ten])]
    compared = Comparison("wall", ["10 packs"], ours="100 packs")
    return Row("flat", "size, shared conditions", players, [compared])


def told(at: Ground, key: str, title: str, phase: str, more: list[str | Path]) -> Row:
    """What is told of packs, to their build: each with nothing kept from earlier runs."""
    words: list[str | Path] = [program(), more[0], at.folder / "rules" / f"{phase}.yaml"]
    players = [
        Contestant("insight", [*words, "-p", at.folder, *more[1:]], at.cold),
        at.build(phase, "build"),
    ]
    compared = [
        Comparison(metric, ["build"], ours="insight", target=target)
        for metric, target in (("wall", "2"), ("cpu", "–"), ("memory", "–"))
    ]
    return Row(key, title, players, compared)


def help_row(_: Ground) -> Row:
    """What the command line costs before anything is done."""
    players = [
        Contestant(OURS, [program(), "--help"]),
        Contestant("empty Typer", [sys.executable, RIVALS / "empty.py", "--help"]),
    ]
    return Row(
        "help", "audience --help", players, [Comparison("wall", ["empty Typer"], target="1.3")]
    )


ROWS: dict[str, Callable[[Ground], Row]] = {
    "thirty": thirty,
    "behaviour": behaviour,
    "tags": tags,
    "one-tag": lambda at: one(at, "one-tag", "1 pack by tags"),
    "one-behaviour": lambda at: one(at, "one-behaviour", "1 pack by behaviour"),
    "hundred": hundred,
    "text": text,
    "diff": diff,
    "edit-tag": lambda at: edit(
        at, "edit-tag", "size, a tag edited", "jd_value: 5K+", "jd_value: 6K+"
    ),
    "edit-count": lambda at: edit(
        at, "edit-count", "size, a count edited", "times: 5..", "times: 4.."
    ),
    "tomorrow": lambda at: tomorrow(at, "tomorrow", "the next day, users as before", False),
    "tomorrow-users": lambda at: tomorrow(at, "tomorrow-users", "the next day, new users", True),
    "flat": flat,
    "report": lambda at: told(
        at,
        "report",
        "report, 30 packs",
        "thirty",
        ["report", "-o", at.folder / "out" / "report.html", "--min-cell", "0"],
    ),
    "waterfall-tag": lambda at: told(
        at, "waterfall-tag", "waterfall, 1 pack by tags", "one-tag", ["waterfall"]
    ),
    "waterfall-behaviour": lambda at: told(
        at, "waterfall-behaviour", "waterfall, 1 pack by behaviour", "one-behaviour", ["waterfall"]
    ),
    "help": help_row,
}
# What fits into ten minutes at S with five pairs.
SMALL = [
    "thirty",
    "behaviour",
    "tags",
    "one-tag",
    "one-behaviour",
    "hundred",
    "diff",
    "edit-tag",
    "help",
]
