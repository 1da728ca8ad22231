"""Hypothesis strategies for conditions of every form, over drawn tables.

Simple choices come first: that is what failures shrink to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from fractions import Fraction
from typing import Any

from hypothesis import strategies as st

from fuzz.evaluator import exact
from fuzz.literals import Drawer, flat
from fuzz.scalars import Quoted
from fuzz.tables import tables
from fuzz.world import Condition, RuleFile, Table, World

FORMS = frozenset({"each", "first", "hours", "ids", "stages", "then", "weekdays"})
"""The forms that are drawn beside tags and counted events; for looking at some of them only."""

MAIN, OTHER = "fuzz/main", "fuzz/other"
LIST = "vip.txt"
PACKS = 10
"""How many packs a rule file has, at most and mostly."""

WITHIN = ("30d", "7d", "1m", "1d", "2w", "3m", "1y", "14d")
AGO = (
    "0d..",
    "..30d",
    "7d..",
    "0d",
    "7d..30d",
    "..1m",
    "1m",
    "2w..1y",
    "4w..1m",
    "1m..",
    "90d..",
    "1d",
)
AFTER_DAYS = ("0d..", "..7d", "1d..", "0d", "1d", "..1w", "1d..14d", "1w..2w", "0d..1d", "30d..")
AFTER_HOURS = ("..24h", "0h..", "..1h", "24h", "0h", "1h..48h", "24h..", "23h..25h", "2h")
HOURS = ("22..5", "0..12", "12..22", "2", "1..3", "..6", "18..", "22..0", "23", "5..22", "0..24")
WEEKDAYS = ("mon", "sat", "sun", "fri", "周日", "周三", "wed", "tue", "thu", "周一")
TIMES = ("1..", "2..", "..1", "1", "0", "1..2", "..0", "3..", "0..", "4+")
COUNTS = ("1..", "2..", "1", "..1", "0", "1..2", "3..")
AMOUNTS = ("0..", "1..", "..0", "20..", "..100", "-5..5", "0.000001..", "0.1K+", "0", "33.3..")
PATTERNS = ("a", "^a", "1$", "^.$", "[a-z]", r"\d", "(?i)NEW", "^$", r"\p{Han}", r"^\w+$", r"\s")
PIECES = ("a", "1", "new", " ", "北", "i", "no", "..", "A")
EVENTS = ("buy", "browse", "open")

ALWAYS_SUMMABLE = ("amount", "fee", "count", "big", "sku", "single")
"""Columns without infinite values, which can't be summed."""


@dataclass
class Maker(Drawer):
    """Draws conditions."""

    names: list[str] = field(default_factory=list)
    """What a plain string may name."""
    listed: bool = False
    """Whether the list file may be named."""

    # Tags

    def tag(self, table: Table) -> Condition:
        """One tag and what stands behind it."""
        columns = list(table.columns)[1:]
        if self.chance(3):
            columns = [name for name in columns if table.columns[name] in ("date", "text")]
        column = table.key if self.chance(16) else self.pick(columns)
        second = {column: label for label, column in table.labels.items()}
        entry = {second.get(column, column): self.behind(table, column)}
        return {"tags": entry} if column == "not" or self.chance(16) else entry

    def behind(self, table: Table, column: str) -> Any:
        """What stands behind a tag."""
        kind = table.columns[column]
        if self.chance(10):
            return self.pick(("known", "unknown", {"is": "known"}, {"is": "unknown"}))

        def one() -> str:
            return self.literal(table, column)

        if kind.startswith("list of "):
            if self.chance(2):
                return {self.pick(("has_all", "has_any")): self.one_or_some(one)}
            return self.one_or_some(one)

        def some() -> list[str]:
            return self.some(one)

        choices: list[Callable[[], Any]] = [
            one,
            some,
            lambda: self.operators({"eq": one, "ne": one, "in": some, "not_in": some}),
        ]
        if kind not in ("bool", "text"):
            compare = {"gte": one, "lte": one, "gt": one, "lt": one, "ne": one}
            choices += [lambda: self.limits(table, column)] * 4
            choices += [lambda: self.operators(compare)] * 2
        if kind in ("date", "timestamp"):
            choices += [self.window_of_days] * 3
        if kind == "text":
            choices += [self.text_operators] * 2
        return self.pick(choices)()

    def window_of_days(self) -> dict[str, str]:
        return {"ago": self.pick(AGO)} if self.chance(2) else {"within": self.pick(WITHIN)}

    def text_operators(self) -> dict[str, Any]:
        def piece() -> str:
            return Quoted(self.pick(PIECES))

        def pattern() -> str:
            return Quoted(self.pick(PATTERNS))

        words = {"contains": piece, "starts_with": piece, "ends_with": piece}
        return self.operators({**words, "matches": pattern})

    def operators(self, words: dict[str, Callable[[], Any]]) -> dict[str, Any]:
        """One operator, at times several."""
        out = {word: words[word]() for word in self.some(lambda: self.pick(list(words)), 1)}
        if self.chance(5):
            word = self.pick(list(words))
            out[word] = words[word]()
        if self.chance(12):
            out["is"] = self.pick(("known", "unknown"))
        return out

    # Conditions

    def condition(self, leaf: Callable[[], Condition], depth: int = 3) -> Condition:
        """A leaf, or conditions made of others by a keyword."""
        if depth == 0 or not self.chance(3):
            return leaf()

        def part() -> Condition:
            return self.condition(leaf, depth - 1)

        word = self.pick(
            ("all", "any", "not", "minus", "at_least", "entries", "union", "intersect")
        )
        if word == "not":
            return {"not": part()}
        if word == "entries":
            return self.joined(self.some(part))
        if word == "minus":
            whole, less = part(), self.one_or_some(part)
            if isinstance(whole, str) or "minus" in whole:
                whole = {"all": [whole]}
            return {**whole, "minus": less}
        parts = self.some(part, 4)
        if word != "at_least":
            return self.joined([{word: parts}, *([leaf()] if self.chance(4) else [])])
        return {"at_least": str(self.draw(st.integers(1, len(parts)))), "of": parts}

    def joined(self, parts: Sequence[Condition]) -> Condition:
        """One mapping with the entries of all; what doesn't fit in stands in an `all`."""
        out: dict[str, Any] = {}
        rest = []
        for part in parts:
            # `at_least` and `of` belong together, and a name is no entry.
            if isinstance(part, str) or out.keys() & part.keys():
                rest.append(part)
            else:
                out |= part
        if rest and "all" in out:
            return {"all": [*rest, out]}
        return {"all": rest, **out} if rest else out

    def leaf(self) -> Condition:
        """A condition on users that isn't made of others."""
        choices: list[Callable[[], Condition]] = [
            *[lambda: self.tag(self.data.users)] * 4,
            *[lambda: {"did": self.behaviours()}] * 6,
            lambda: {"did_not": self.behaviours()},
        ]
        if self.names:
            choices += [lambda: str(self.pick(self.names))] * 2
        if "ids" in FORMS:
            choices.append(self.ids)
        return self.pick(choices)()

    def ids(self) -> Condition:
        if self.listed and self.chance(2):
            return {"ids": {"path": LIST}}
        users = self.data.users
        return {"ids": self.some(lambda: self.key_literal(users), 4)}

    def key_literal(self, users: Table) -> str:
        if self.chance(4):
            return "nobody" if users.columns[users.key] == "text" else "12345"
        return str(self.pick(users.rows)[users.key])

    # Behaviour

    def behaviours(self) -> Any:
        """What stands behind `did`."""
        return self.some(self.behaviour, 2) if self.chance(8) else self.behaviour()

    def behaviour(self) -> dict[str, Any]:
        table = self.data.events[self.pick(list(self.data.events))]
        spec: dict[str, Any] = {}
        if len(self.data.events) > 1 or self.chance(2):
            spec["in"] = table.name
        # Who was followed by what is seldom true of everybody: little else beside it.
        followed = "then" in FORMS and self.chance(3)
        if not followed or self.chance(2):
            spec |= self.rows(table, 1 if followed else 2)
        if self.chance(6 if followed else 3):
            spec |= self.period()
        if followed:
            spec["then"] = self.then(table, 2)
            return spec | (self.measured(table) if self.chance(3) else {})
        return spec | self.measured(table)

    def rows(self, table: Table, most: int) -> dict[str, Any]:
        """What rows must be like, by a few of the keys."""
        choices: dict[str, Callable[[], Any]] = {}
        if table.action:
            choices["event"] = lambda: self.one_or_some(lambda: self.action(table))
        choices["where"] = lambda: self.condition(lambda: self.tag(table), 2)
        if "hours" in FORMS and table.columns[table.time] == "timestamp":
            choices["hours"] = lambda: self.pick(HOURS)
        if "weekdays" in FORMS:
            choices["weekdays"] = lambda: self.some(lambda: self.pick(WEEKDAYS), 4)
        words: list[str] = []
        while len(words) < most and self.chance(2):
            words.append(self.pick(list(choices)))
        return {word: choices[word]() for word in dict.fromkeys(words)}

    def action(self, table: Table) -> str:
        stored = str(self.pick(EVENTS))
        labels = {stored: label for label, stored in table.values.get("action", {}).items()}
        return labels.get(stored, stored) if self.chance(4) else stored

    def period(self) -> dict[str, str]:
        if self.chance(2):
            return {"within": self.pick(WITHIN)}
        return {"between": self.days()}

    def days(self) -> str:
        low, high = sorted((self.day(), self.day()))
        return str(self.pick((f"{low}..", f"..{high}", f"{low}..{high}")))

    def then(self, table: Table, depth: int) -> dict[str, Any]:
        """What a row is followed by."""
        other = self.data.events[self.pick([table.name, *self.data.events])]
        spec: dict[str, Any] = {}
        if other.name != table.name or self.chance(3):
            spec["in"] = other.name
        if self.chance(2):
            spec |= self.rows(other, 1)
        if self.chance(4):
            spec |= self.period()
        shared = [
            column
            for column, kind in table.columns.items()
            if other.columns.get(column) == kind and not kind.startswith("list of ")
        ]
        if self.chance(3):
            names = self.some(lambda: "sku" if self.chance(2) else self.pick(shared), 2)
            spec["same"] = list(dict.fromkeys(names)) if self.chance(2) else names[0]
        if not self.chance(3):
            kinds = {each.columns[each.time] for each in (table, other)}
            spec["after"] = self.after(table, other, "date" not in kinds and not self.chance(4))
        if depth > 1 and self.chance(4):
            spec["then"] = self.then(other, depth - 1)
        return spec

    def after(self, table: Table, other: Table, hours: bool) -> str:
        """So long after, mostly about as long as lies between two rows of somebody."""
        one = self.pick(table.rows) if table.rows else {}
        moment = one.get(table.time)
        theirs = [row[other.time] for row in other.rows if one and row[other.key] == one[table.key]]
        if self.chance(3) or moment is None or not any(theirs):
            return str(self.pick(AFTER_HOURS if hours else AFTER_DAYS))
        if hours:
            naive = any(each.tzinfo is None for each in (moment, *theirs) if each)
            clocks = [each.replace(tzinfo=None) if naive else each for each in theirs if each]
            start = moment.replace(tzinfo=None) if naive else moment
            apart = [(each - start) // timedelta(hours=1) for each in clocks]
        else:
            apart = [(self.local(each) - self.local(moment)).days for each in theirs if each]
        # The next ones decide.
        long = self.pick(sorted(map(abs, apart))[:4])
        return self.near(f"{long}{'h' if hours else 'd'}")

    def measured(self, table: Table) -> dict[str, Any]:
        """Measures and their ranges; often none."""
        numbers = [name for name in ALWAYS_SUMMABLE if name in table.columns]
        each = "each" in FORMS and self.chance(4)
        # An infinite value is a least or greatest like another, but can't be summed.
        single = [*numbers, "price"] if "price" in table.columns and not each else numbers
        counted = [name for name in table.columns if name != table.key]
        choices: dict[str, Callable[[], Any]] = {
            "times": lambda: self.count(table),
            "days": lambda: self.pick(COUNTS),
            "distinct": lambda: {self.pick(counted): self.pick(COUNTS)},
            "sum": lambda: self.amounts(table, numbers),
            "mean": lambda: self.amounts(table, numbers, mean=True),
            "min": lambda: self.amounts(table, single),
            "max": lambda: self.amounts(table, single),
        }
        if "first" in FORMS:
            choices |= {"first": self.edge, "last": self.edge}
        # What `each` changes comes first; beside it, something must be measured.
        words = [self.pick(("times", "mean", "max", *choices))] if each else []
        while len(words) < 2 and self.chance(2):
            words.append(self.pick(list(choices)))
        out = {word: choices[word]() for word in dict.fromkeys(words)}
        if each:
            out["each"] = self.pick(["sku", *table.columns])
        return out

    def amounts(self, table: Table, columns: Sequence[str], mean: bool = False) -> dict[str, str]:
        """Columns and the ranges of what is measured of them."""
        names = dict.fromkeys(self.some(lambda: self.pick(columns), 2))
        choices: list[Callable[[str], str]] = [
            lambda name: self.near(self.total(table, name, mean)),
            lambda name: self.limits(table, name),
            lambda _: str(self.pick(AMOUNTS)),
        ]
        return {name: self.pick(choices)(name) for name in names}

    def count(self, table: Table) -> str:
        """A range of how many events, mostly about as many as somebody has."""
        if self.chance(3) or not table.rows:
            return str(self.pick(TIMES))
        user = self.pick(table.rows)[table.key]
        return self.near(str(sum(row[table.key] == user for row in table.rows)))

    def total(self, table: Table, column: str, mean: bool) -> str:
        """The sum or the mean of some user's values."""
        user = self.pick(table.rows)[table.key] if table.rows else None
        values = flat(row[column] for row in table.rows if row[table.key] == user)
        total = sum(map(exact, map(float, values)), Fraction(0))
        total = round(total / max(len(values), 1) if mean else total, 9)
        if abs(total) > 10**18:
            return "0"
        # More digits than a decimal has by default.
        whole, part = divmod(int(abs(total) * 10**9), 10**9)
        return f"{'-' if total < 0 else ''}{whole}.{part:09}"

    def near(self, value: str) -> str:
        return str(self.pick((f"{value}..", f"..{value}", value)))

    def edge(self) -> dict[str, str]:
        """A window for the day of the first or the last event."""
        return {"between": self.days()} if self.chance(3) else self.window_of_days()


@st.composite
def maybe(draw: st.DrawFn, maker: Maker, out_of: int) -> Condition:
    """A condition but once in so many times; drawn as one piece, so that it shrinks away as one."""
    return maker.condition(maker.leaf) if draw(st.integers(0, out_of - 1)) else None


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Tables and two rule files; `fuzz/main` is what is built."""
    data = draw(tables())
    maker = Maker(draw, data)

    def several(prefix: str, most: int, out_of: int) -> dict[str, Condition]:
        """Conditions, each of which may name those before it."""
        out: dict[str, Condition] = {}
        while len(out) < most and (part := draw(maybe(maker, out_of))) is not None:
            out[f"{prefix}{len(out)}"] = part
            maker.names.append(f"{prefix}{len(out) - 1}")
        return out

    far = several("far", 2, 2)
    far_base = maker.tag(data.users) if maker.chance(2) else None
    base = maker.tag(data.users) if maker.chance(8) else None
    maker.names = [f"{place}/{name}" for place in ("other", OTHER) for name in far]
    maker.listed = "ids" in FORMS
    define = several("d", 3, 2)
    stages: dict[str, dict[str, Condition]] = {}
    if "stages" in FORMS and maker.chance(2):
        parts = maker.some(lambda: maker.condition(maker.leaf), 3)
        named = {f"s{number}": part for number, part in enumerate(parts)}
        stages["life"] = {**named, "rest": "otherwise"}
        maker.names += [f"life.{name}" for name in stages["life"]]
    packs = several("p", PACKS, 40) or {"p0": {"user_id": "known"}}
    if maker.chance(2):
        # Names may stand before what they name.
        packs, define = dict(reversed(packs.items())), dict(reversed(define.items()))
    files = {MAIN: RuleFile(packs, define, stages, base)}
    if far:
        files[OTHER] = RuleFile({"far0": far.pop("far0")}, far, {}, far_base)
    lists = {LIST: [row["user_id"] for row in data.users.rows[::2]]} if maker.listed else {}
    return World(data.users, data.events, data.as_of, data.time_zone, files, lists)
