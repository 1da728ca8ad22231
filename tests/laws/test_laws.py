"""Laws of the language: what holds of any conditions over any tables, on every engine.

``LAW_EXAMPLES`` sets how many examples each law is tried with on Polars (on DuckDB a quarter).
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import audience

EXAMPLES = int(os.environ.get("LAW_EXAMPLES", "16"))
ENGINES = {"polars": EXAMPLES, "duckdb": max(EXAMPLES // 4, 1)}
TRIED = {**ENGINES, "spark": max(EXAMPLES // 8, 1)}

AS_OF = date(2024, 3, 1)
PROJECT = """\
time_zone: Asia/Shanghai
tables:
  users: {path: users.parquet, key: user_id, allow_empty: true}
  events: {path: events.parquet, key: user_id, time: ts, action: action, allow_empty: true}
"""

Condition = dict[str, Any]
"""A condition as YAML has it: mappings and lists; every scalar is the text that is written."""

EVERYBODY: Condition = {"any": [{"age": "known"}, {"age": "unknown"}]}


# Tables


@dataclass(frozen=True)
class Tables:
    """What small tables are made from; equal seeds make equal tables."""

    users: int
    events: int
    seed: int
    text_keys: bool

    def write(self, folder: Path) -> None:
        rng = random.Random(self.seed)
        pick = rng.choice
        keys: list[Any] = rng.sample(range(-5, 1000), self.users)
        strangers: list[Any] = [None, 2000]
        if self.text_keys:
            keys = [f"{pick(['u', '用户', ''])}{key}" for key in keys]
            strangers = [None, "nobody"]
        users = [
            {
                "user_id": key,
                "age": pick([None, 0, 17, 18, 19, 30, 65]),
                "price": pick([None, float("nan"), 0.0, 0.1, 19.99, -1.5, 1e9]),
                "plus": pick([None, True, False]),
                "city": pick([None, "", "1", "new1", "New1", "北京", "unknown", "a b"]),
                "registered": pick([None, *(AS_OF - timedelta(days=d) for d in DAYS)]),
                "seen": pick([None, *(moment(d) for d in DAYS)]),
                "interests": pick([None, [], ["a"], ["a", "b"], ["b", None], [None], ["c", "a"]]),
                "badges": pick([None, [], [1], [1, 2], [2, None]]),
            }
            for key in keys
        ]
        events = [
            {
                "user_id": pick([*keys, *strangers]),
                "ts": pick([None, *(moment(d) for d in DAYS)]),
                "action": pick([None, "buy", "browse", "open"]),
                "amount": pick([None, float("nan"), 0.0, 0.1, 19.99, 100.0, -5.0]),
                "count": pick([None, 0, 1, 2, 7]),
                "brand": pick([None, "", "mi", "Mi", "华为"]),
            }
            for _ in range(self.events)
        ]
        pl.DataFrame(users, schema=users_schema(self.text_keys)).write_parquet(
            folder / "users.parquet"
        )
        pl.DataFrame(events, schema=events_schema(self.text_keys)).write_parquet(
            folder / "events.parquet"
        )


DAYS = (-1, 0, 1, 6, 7, 29, 30, 31, 90, 400)


def moment(days: int) -> datetime:
    """So many days before as_of, at a different hour each."""
    day = AS_OF - timedelta(days=days)
    return datetime(day.year, day.month, day.day, days % 24, 59)


def users_schema(text_keys: bool) -> dict[str, Any]:
    return {
        "user_id": pl.String if text_keys else pl.Int64,
        "age": pl.Int32,
        "price": pl.Float64,
        "plus": pl.Boolean,
        "city": pl.String,
        "registered": pl.Date,
        "seen": pl.Datetime("us"),
        "interests": pl.List(pl.String),
        "badges": pl.List(pl.Int64),
    }


def events_schema(text_keys: bool) -> dict[str, Any]:
    return {
        "user_id": pl.String if text_keys else pl.Int64,
        "ts": pl.Datetime("us"),
        "action": pl.String,
        "amount": pl.Float64,
        "count": pl.Int16,
        "brand": pl.String,
    }


tables = st.builds(
    Tables,
    users=st.integers(0, 30),
    events=st.integers(0, 80),
    seed=st.integers(0, 2**32),
    text_keys=st.booleans(),
)


# Conditions


def one_of(*texts: str) -> st.SearchStrategy[Any]:
    return st.sampled_from(texts)


def some(*texts: str) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(texts), min_size=1, max_size=4)


def scalars(values: Sequence[str], *more: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """What may stand behind a tag whose values are such, beside what only some types take."""
    operators = st.one_of(
        st.fixed_dictionaries({"eq": one_of(*values)}),
        st.fixed_dictionaries({"ne": one_of(*values)}),
        st.fixed_dictionaries({"in": some(*values)}),
        st.fixed_dictionaries({"not_in": some(*values)}),
        st.fixed_dictionaries({"is": one_of("known", "unknown")}),
    )
    bare = one_of(*values, "known", "unknown")
    return st.one_of(bare, some(*values), operators, *more)


def ordered(*values: str) -> st.SearchStrategy[Any]:
    """Comparisons and ranges; the values are in their order."""
    sides = st.tuples(st.integers(0, len(values) - 1), st.integers(0, len(values) - 1))
    ranges = sides.map(lambda pair: f"{values[min(pair)]}..{values[max(pair)]}")
    compare = st.dictionaries(
        one_of("gt", "gte", "lt", "lte"), one_of(*values), min_size=1, max_size=2
    )
    open_sides = st.tuples(st.booleans(), one_of(*values)).map(
        lambda pair: f"{pair[1]}.." if pair[0] else f"..{pair[1]}"
    )
    return st.one_of(ranges, open_sides, compare)


AGES = ("0", "17", "18", "30", "70")
PRICES = ("-1.5", "0", "0.1", "19.99", "1K")
CITIES = ('""', "1", "new1", "北京", '"unknown"', "a b")
DATES = ("2023-01-26", "2023-12-02", "2024-01-31", "2024-02-29", "2024-03-01")
AGO = ("0d", "7d", "30d..90d", "90d..", "..1m", "1w..1y")
WITHIN = ("1d", "7d", "1m", "30d", "1y")
WORDS = ("n", "new", "北", "1", '" "')

recent = st.one_of(
    st.fixed_dictionaries({"within": one_of(*WITHIN)}),
    st.fixed_dictionaries({"ago": one_of(*AGO)}),
)
texts = st.one_of(
    st.dictionaries(
        one_of("starts_with", "ends_with", "contains"), one_of(*WORDS), min_size=1, max_size=2
    ),
    st.fixed_dictionaries({"matches": one_of("^n", "'1$'", "'[a-z]\\d'", "'(?i)NEW'", "'^$'")}),
)


def lists(*values: str) -> st.SearchStrategy[Any]:
    return st.one_of(
        one_of(*values, "known", "unknown"),
        some(*values),
        st.dictionaries(one_of("has_all", "has_any"), some(*values), min_size=1, max_size=2),
    )


TAGS: dict[str, st.SearchStrategy[Any]] = {
    "age": scalars(AGES, ordered(*AGES)),
    "price": scalars(PRICES, ordered(*PRICES)),
    "plus": scalars(("true", "false")),
    "city": scalars(CITIES, texts),
    "registered": scalars(DATES, ordered(*DATES), recent),
    "seen": scalars(DATES, ordered(*DATES), recent),
    "interests": lists("a", "b", "c"),
    "badges": lists("1", "2"),
}
COLUMNS: dict[str, st.SearchStrategy[Any]] = {
    "amount": scalars(("0", "0.1", "100"), ordered("-5", "0", "19.99", "100")),
    "count": scalars(("0", "2"), ordered("0", "1", "7")),
    "brand": scalars(("mi", '""', "华为"), texts),
}


def entries(of: Mapping[str, st.SearchStrategy[Any]]) -> st.SearchStrategy[Condition]:
    """A mapping of one to three tags."""

    def choose(names: list[str]) -> st.SearchStrategy[Condition]:
        return st.fixed_dictionaries({name: of[name] for name in names})

    names = st.lists(st.sampled_from(sorted(of)), min_size=1, max_size=3, unique=True)
    return names.flatmap(choose)


def compound(part: st.SearchStrategy[Condition]) -> st.SearchStrategy[Condition]:
    """Conditions made of others by every keyword."""
    parts = st.lists(part, min_size=1, max_size=3)
    word = one_of("all", "any", "intersect", "union")
    counted = parts.flatmap(
        lambda drawn: st.integers(1, len(drawn)).map(
            lambda count: {"at_least": str(count), "of": drawn}
        )
    )
    taken = st.one_of(part, parts)
    return st.one_of(
        st.tuples(word, parts).map(lambda pair: {pair[0]: pair[1]}),
        st.fixed_dictionaries({"not": part}),
        counted,
        st.tuples(part, taken).map(lambda pair: {"all": [pair[0]], "minus": pair[1]}),
        st.tuples(part, part).map(lambda pair: {"any": [pair[0]], "not": pair[1]}),
    )


rows = st.recursive(entries(COLUMNS), compound, max_leaves=3)
window = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"within": one_of(*WITHIN)}),
    st.fixed_dictionaries(
        {"between": one_of("2024-01-31..2024-02-29", "2024-02-01..", "..2024-01-30")}
    ),
)
counts = one_of("0", "1", "1..", "2..", "..1", "1..2", "0..")
amounts = one_of("0..", "..0", "0.1..", "19.99..100", "..19.99", "5..")
measured = st.fixed_dictionaries(
    {},
    optional={
        "times": counts,
        "days": counts,
        "distinct": st.fixed_dictionaries({"brand": counts}),
        "sum": st.dictionaries(one_of("amount", "count"), amounts, min_size=1, max_size=2),
        "mean": st.fixed_dictionaries({"amount": amounts}),
        "min": st.fixed_dictionaries({"count": amounts}),
        "max": st.fixed_dictionaries({"amount": amounts}),
    },
)
behaviour = st.tuples(
    st.one_of(st.just({}), st.fixed_dictionaries({"where": rows})),
    window,
    measured,
    st.fixed_dictionaries({"event": st.one_of(one_of("buy", "browse"), some("buy", "open"))}),
).map(lambda parts: {**parts[0], **parts[1], **parts[2], **parts[3]})
did = st.fixed_dictionaries({"did": behaviour})
leaves = st.one_of(entries(TAGS), entries(TAGS), did, st.fixed_dictionaries({"did_not": behaviour}))
conditions = st.recursive(leaves, compound, max_leaves=5)
several = st.lists(conditions, min_size=3, max_size=4)


def render(part: Any) -> str:
    """A condition as YAML in flow style."""
    if isinstance(part, Mapping):
        return "{" + ", ".join(f"{key}: {render(value)}" for key, value in part.items()) + "}"
    if isinstance(part, list):
        return "[" + ", ".join(map(render, part)) + "]"
    return str(part)


def shuffled(part: Any, rng: random.Random) -> Any:
    """The condition with the entries of its mappings and the items of its lists in any order."""
    if isinstance(part, Mapping):
        keys = rng.sample(list(part), len(part))
        return {key: shuffled(part[key], rng) for key in keys}
    if isinstance(part, list):
        return [shuffled(item, rng) for item in rng.sample(part, len(part))]
    return part


# Laws


@dataclass(frozen=True)
class World:
    """A project and an engine; rule files are built over it."""

    folder: Path
    engine: str

    def build(
        self,
        packs: Mapping[str, Any],
        base: Condition | None = None,
        define: Mapping[str, Any] | None = None,
    ) -> dict[str, set[Any]]:
        """The ids of each condition; those of the whole base are `everybody`."""
        lines = ["campaign: laws", "phase: all", f"as_of: {AS_OF}"]
        if base is not None:
            lines.append(f"base: {render(base)}")
        if define:
            lines.append("define:")
            lines += [f"  {name}: {render(part)}" for name, part in define.items()]
        lines.append("packs:")
        whole = {"everybody": EVERYBODY, **packs}
        lines += [f"  {name}:\n    where: {render(part)}" for name, part in whole.items()]
        (self.folder / "rules" / "laws.yaml").write_text("\n".join(lines) + "\n")
        project = audience.load(self.folder)
        result = audience.build(project, dry_run=True, engine=self.engine)[0]
        out = {}
        for name in whole:
            ids = result.ids(name).to_pylist()
            assert ids == sorted(set(ids)), "not ascending, or not unique"
            out[name] = set(ids)
        assert result.summary.base == len(out["everybody"])
        return out


Law = Callable[[World, Any], None]


def law(strategy: st.SearchStrategy[Any]) -> Callable[[Law], Callable[..., None]]:
    """Make a test of a law: it is tried on each engine with what the strategy draws."""

    def make(check: Law) -> Callable[..., None]:
        @pytest.mark.parametrize("engine", ENGINES)
        def test(tmp_path: Path, engine: str) -> None:
            (tmp_path / "rules").mkdir()
            (tmp_path / "audience.yaml").write_text(PROJECT)

            @settings(
                max_examples=TRIED[engine],
                derandomize=True,
                deadline=None,
                database=None,
                phases=(Phase.generate, Phase.shrink),  # to explain takes minutes of builds
                suppress_health_check=list(HealthCheck),
            )
            @given(drawn=strategy, small=tables)
            def holds(drawn: Any, small: Tables) -> None:
                small.write(tmp_path)
                check(World(tmp_path, engine), drawn)

            holds()

        test.__doc__ = check.__doc__
        return test

    return make


@law(several)
def test_a_condition_and_its_complement_partition_the_base(
    world: World, drawn: list[Condition]
) -> None:
    packs = {f"yes{number}": part for number, part in enumerate(drawn)}
    packs |= {f"no{number}": {"not": part} for number, part in enumerate(drawn)}
    packs |= {f"again{number}": {"not": {"not": part}} for number, part in enumerate(drawn)}
    found = world.build(packs)
    for number in range(len(drawn)):
        yes, no = found[f"yes{number}"], found[f"no{number}"]
        assert not yes & no
        assert yes | no == found["everybody"]
        assert found[f"again{number}"] == yes


@law(several)
def test_de_morgan(world: World, drawn: list[Condition]) -> None:
    nots = [{"not": part} for part in drawn]
    found = world.build(
        {
            "not_all": {"not": {"all": drawn}},
            "any_not": {"any": nots},
            "not_any": {"not": {"any": drawn}},
            "all_not": {"all": nots},
        }
    )
    assert found["not_all"] == found["any_not"]
    assert found["not_any"] == found["all_not"]


@law(st.tuples(several, st.randoms(use_true_random=False)))
def test_order_never_matters(world: World, drawn: tuple[list[Condition], random.Random]) -> None:
    parts, rng = drawn
    packs = {f"one{number}": part for number, part in enumerate(parts)}
    packs |= {f"other{number}": shuffled(part, rng) for number, part in enumerate(parts)}
    apart = {name: part for name, part in packs.items() if name.startswith("other")}
    together, alone = world.build(packs), world.build(apart)
    for number in range(len(parts)):
        assert together[f"one{number}"] == together[f"other{number}"] == alone[f"other{number}"]


@law(several)
def test_keywords_are_operations_on_sets(world: World, drawn: list[Condition]) -> None:
    first, *rest = drawn
    words = {
        "all": {"all": drawn},
        "intersect": {"intersect": drawn},
        "any": {"any": drawn},
        "union": {"union": drawn},
        "minus": {"all": [first], "minus": rest},
        "minus_one": {"all": [first], "minus": rest[0]},
        "two": {"at_least": "2", "of": drawn},
        "twice": {"at_least": "2", "of": [first, first, rest[0]]},
    }
    found = world.build(words | {f"p{number}": part for number, part in enumerate(drawn)})
    sets = [found[f"p{number}"] for number in range(len(drawn))]
    assert found["all"] == found["intersect"] == set.intersection(*sets)
    assert found["any"] == found["union"] == set.union(*sets)
    assert found["minus"] == sets[0] - set.union(*sets[1:])
    assert found["minus_one"] == sets[0] - sets[1]
    everybody = found["everybody"]
    assert found["two"] == {user for user in everybody if sum(user in each for each in sets) >= 2}
    assert found["twice"] == sets[0], "a condition that stands twice counts twice"


VALUES = {
    "age": AGES,
    "price": PRICES,
    "plus": ("true", "false"),
    "city": CITIES,
    "registered": DATES,
    "seen": DATES,
}
values = st.fixed_dictionaries({name: some(*texts) for name, texts in VALUES.items()})


@law(values)
def test_in_is_any_eq_and_the_negatives_are_complements(
    world: World, drawn: dict[str, list[str]]
) -> None:
    packs: dict[str, Condition] = {}
    for tag, listed in drawn.items():
        packs[f"{tag}_in"] = {tag: {"in": listed}}
        packs[f"{tag}_list"] = {tag: listed}
        packs[f"{tag}_not_in"] = {tag: {"not_in": listed}}
        packs[f"{tag}_unknown"] = {tag: "unknown"}
        for number, value in enumerate(listed):
            packs[f"{tag}_eq{number}"] = {tag: {"eq": value}}
            packs[f"{tag}_bare{number}"] = {tag: value}
            packs[f"{tag}_ne{number}"] = {tag: {"ne": value}}
    found = world.build(packs)
    everybody = found["everybody"]
    for tag, listed in drawn.items():
        equal = [found[f"{tag}_eq{number}"] for number in range(len(listed))]
        assert found[f"{tag}_in"] == found[f"{tag}_list"] == set.union(*equal)
        assert found[f"{tag}_not_in"] == everybody - found[f"{tag}_in"]
        assert found[f"{tag}_unknown"] <= found[f"{tag}_not_in"]
        for number, same in enumerate(equal):
            assert found[f"{tag}_bare{number}"] == same
            assert found[f"{tag}_ne{number}"] == everybody - same
            assert not same & found[f"{tag}_unknown"]


bounds = st.fixed_dictionaries(
    {name: one_of(*VALUES[name]) for name in ("age", "price", "registered", "seen")}
)


@law(bounds)
def test_comparisons_of_one_bound_divide_those_with_a_value(
    world: World, drawn: dict[str, str]
) -> None:
    operators = ("lt", "lte", "eq", "gt", "gte")
    packs: dict[str, Any] = {f"{tag}_known": {tag: "known"} for tag in drawn}
    for tag, value in drawn.items():
        packs |= {f"{tag}_{name}": {tag: {name: value}} for name in operators}
        packs |= {f"{tag}_from": {tag: f"{value}.."}, f"{tag}_to": {tag: f"..{value}"}}
    found = world.build(packs)
    for tag in drawn:
        less, at_most, same, more, at_least = (found[f"{tag}_{name}"] for name in operators)
        assert at_most == less | same == found[f"{tag}_to"]
        assert at_least == more | same == found[f"{tag}_from"]
        assert not less & same and not more & same and not less & more  # noqa: PT018
        assert less | same | more == found[f"{tag}_known"]


listed = st.fixed_dictionaries({"interests": some("a", "b", "c"), "badges": some("1", "2")})


@law(listed)
def test_has_all_and_has_any_are_all_and_any_of_has(
    world: World, drawn: dict[str, list[str]]
) -> None:
    packs: dict[str, Condition] = {}
    for tag, items in drawn.items():
        packs[f"{tag}_has_all"] = {tag: {"has_all": items}}
        packs[f"{tag}_has_any"] = {tag: {"has_any": items}}
        packs[f"{tag}_list"] = {tag: items}
        packs[f"{tag}_all"] = {"all": [{tag: item} for item in items]}
        packs[f"{tag}_any"] = {"any": [{tag: item} for item in items]}
    found = world.build(packs)
    for tag in drawn:
        assert found[f"{tag}_has_all"] == found[f"{tag}_all"]
        assert found[f"{tag}_has_any"] == found[f"{tag}_list"] == found[f"{tag}_any"]
        assert found[f"{tag}_has_all"] <= found[f"{tag}_has_any"]


@law(several)
def test_at_least_lies_between_any_and_all(world: World, drawn: list[Condition]) -> None:
    packs: dict[str, Condition] = {"any": {"any": drawn}, "all": {"all": drawn}}
    for count in range(1, len(drawn) + 1):
        packs[f"at_least{count}"] = {"at_least": str(count), "of": drawn}
    found = world.build(packs)
    assert found["at_least1"] == found["any"]
    assert found[f"at_least{len(drawn)}"] == found["all"]
    for count in range(1, len(drawn)):
        assert found[f"at_least{count + 1}"] <= found[f"at_least{count}"]


@law(st.lists(behaviour, min_size=3, max_size=3))
def test_did_not_is_not_did(world: World, drawn: list[Condition]) -> None:
    packs: dict[str, Condition] = {}
    for number, part in enumerate(drawn):
        packs[f"did{number}"] = {"did": part}
        packs[f"did_not{number}"] = {"did_not": part}
        packs[f"not_did{number}"] = {"not": {"did": part}}
    packs |= {"did_all": {"did": drawn}, "did_none": {"did_not": drawn}}
    found = world.build(packs)
    everybody = found["everybody"]
    done = [found[f"did{number}"] for number in range(len(drawn))]
    for number, each in enumerate(done):
        assert found[f"did_not{number}"] == found[f"not_did{number}"] == everybody - each
    assert found["did_all"] == set.intersection(*done)
    assert found["did_none"] == everybody - set.union(*done)


plain = behaviour.map(
    lambda part: {key: part[key] for key in ("event", "where", "within", "between") if key in part}
)


@law(st.lists(plain, min_size=3, max_size=3))
def test_ranges_of_a_count_divide_the_base_users_without_events_included(
    world: World, drawn: list[Condition]
) -> None:
    measures: dict[str, Callable[[str], Condition]] = {
        "times": lambda limits: {"times": limits},
        "days": lambda limits: {"days": limits},
        "distinct": lambda limits: {"distinct": {"brand": limits}},
        "sum": lambda limits: {"sum": {"count": limits}},
    }
    packs: dict[str, Condition] = {}
    for number, part in enumerate(drawn):
        packs[f"came{number}"] = {"did": part}
        for name, measure in measures.items():
            packs[f"{name}{number}_few"] = {"did": {**part, **measure("..1")}}
            packs[f"{name}{number}_many"] = {"did": {**part, **measure("2..")}}
    found = world.build(packs)
    everybody = found["everybody"]
    for number in range(len(drawn)):
        absent = everybody - found[f"came{number}"]
        for name in measures:
            few, many = found[f"{name}{number}_few"], found[f"{name}{number}_many"]
            assert few == everybody - many
            assert absent <= few


@law(st.lists(plain, min_size=3, max_size=3))
def test_no_event_has_no_mean_no_least_and_no_greatest(
    world: World, drawn: list[Condition]
) -> None:
    sides = {"low": "..0", "high": "0.."}
    packs: dict[str, Condition] = {}
    for number, part in enumerate(drawn):
        packs[f"came{number}"] = {"did": {**part, "where": {"amount": "known"}}}
        for name in ("mean", "min", "max"):
            for side, limits in sides.items():
                packs[f"{name}{number}_{side}"] = {
                    "did": {**part, "where": {"amount": "known"}, name: {"amount": limits}}
                }
    found = world.build(packs)
    for number in range(len(drawn)):
        for name in ("mean", "min", "max"):
            either = found[f"{name}{number}_low"] | found[f"{name}{number}_high"]
            assert either == found[f"came{number}"]


@law(st.tuples(several, st.one_of(st.none(), conditions)))
def test_a_name_stands_for_its_condition(
    world: World, drawn: tuple[list[Condition], Condition | None]
) -> None:
    parts, base = drawn
    define: dict[str, Any] = {f"d{number}": part for number, part in enumerate(parts)}
    define |= {"none_of_them": {"not": "some_of_them"}}
    define |= {"some_of_them": {"any": [f"d{number}" for number in range(len(parts))]}}
    packs: dict[str, Any] = {}
    for number, part in enumerate(parts):
        packs[f"written{number}"] = part
        packs[f"named{number}"] = f"d{number}"
        packs[f"pack{number}"] = f"written{number}"
        packs[f"inside{number}"] = {"all": [f"d{number}", parts[0]]}
        packs[f"spelled{number}"] = {"all": [part, "d0"]}
    packs |= {"none_named": "none_of_them", "none_spelled": {"not": {"any": parts}}}
    found = world.build(packs, base, define)
    for number in range(len(parts)):
        assert found[f"written{number}"] == found[f"named{number}"] == found[f"pack{number}"]
        assert found[f"inside{number}"] == found[f"spelled{number}"]
    assert found["none_named"] == found["none_spelled"]


@law(st.tuples(several, conditions))
def test_a_pack_is_drawn_from_the_base(
    world: World, drawn: tuple[list[Condition], Condition]
) -> None:
    parts, base = drawn
    packs: dict[str, Condition] = {f"p{number}": part for number, part in enumerate(parts)}
    packs |= {f"not{number}": {"not": part} for number, part in enumerate(parts)}
    packs["universe"] = base
    whole, within = world.build(packs), world.build(packs, base)
    universe = whole["universe"]
    assert within["everybody"] == within["universe"] == universe
    for name in packs:
        assert within[name] == whole[name] & universe, name
    for number in range(len(parts)):
        assert within[f"p{number}"] | within[f"not{number}"] == universe


@law(several)
def test_engines_agree(world: World, drawn: list[Condition]) -> None:
    packs = {f"p{number}": part for number, part in enumerate(drawn)}
    found = [World(world.folder, engine).build(packs) for engine in ENGINES]
    assert found[0] == found[1]
