"""Random rules over random tables: the program against a plain evaluator.

A case is one pack or stage, a condition tree; one build evaluates about ten of them. The default
run tries more than 1,000 cases on Polars and some more on DuckDB, always the same ones.
``AUDIENCE_FUZZ=20 pytest tests/fuzz`` tries twenty times as many, other ones each time; a failure
is made small and printed with its seed, and ``AUDIENCE_FUZZ_SEED`` repeats it.
"""

from __future__ import annotations

import os
import random
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

import audience
from fuzz.evaluator import members
from fuzz.project import rule_path, rule_text, tables_text, write
from fuzz.reducing import reduced
from fuzz.strategies import MAIN, worlds
from fuzz.world import World

TIMES = int(os.environ.get("AUDIENCE_FUZZ", "0"))
START = int(os.environ.get("AUDIENCE_FUZZ_SEED", random.randrange(2**32) if TIMES else 0))

# Hypothesis draws its first ten examples afresh and makes most of the later ones from them: many
# short runs see more than a long one.
EXAMPLES = 10
RUNS = {"polars": 13, "duckdb": 3}


LIMITS = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def packs_of(world: World) -> list[str]:
    rules = world.files[MAIN]
    stages = [f"{name}.{stage}" for name, parts in rules.stages.items() for stage in parts]
    return [*stages, *rules.packs]


def disagreement(world: World, engine: str) -> str:
    """What the program says otherwise than the evaluator; nothing where they agree."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(world, folder)
        rules = folder / "rules" / rule_path(MAIN)
        try:
            result = audience.build(audience.load(folder), rules, dry_run=True, engine=engine)[0]
        except Exception as error:
            return f"{type(error).__name__}: {error}".replace(name, "")
    for pack in packs_of(world):
        found, expected = result.ids(pack).to_pylist(), members(world, MAIN, pack)
        if len(found) != len(set(found)) or set(found) != expected:
            return f"differs: `{pack}` has {found}, by the evaluator {expected}"
    return ""


def alike(one: str, other: str) -> bool:
    """Whether two disagreements are of one cause, as far as the first words tell."""
    return re.split(r"[\d`]", one)[0] == re.split(r"[\d`]", other)[0]


@pytest.mark.parametrize("engine", RUNS)
def test_packs_have_the_ids_that_the_evaluator_finds(engine: str) -> None:
    reports: list[str] = []

    def check(world: World) -> None:
        if reports:  # Hypothesis repeats what failed
            pytest.fail(reports[0], pytrace=False)
        if found := disagreement(world, engine):
            # Not left to Hypothesis: each try is a build, and it would make too many.
            small = reduced(world, lambda each: alike(found, quietly(each, engine)))
            rules = "\n".join(rule_text(small, file) for file in small.files)
            again = f"AUDIENCE_FUZZ=1 AUDIENCE_FUZZ_SEED={number}, on {engine}"
            differs = disagreement(small, engine)
            reports.append(f"{differs}\n{again}\n\n{rules}\n{tables_text(small)}")
            pytest.fail(reports[0], pytrace=False)

    for number in range(START, START + RUNS[engine] * max(TIMES, 1)):
        seed(number)(LIMITS(given(worlds())(check)))()


def quietly(world: World, engine: str) -> str:
    """As :func:`disagreement`; nothing where a world makes no sense, as smaller ones may not."""
    try:
        return disagreement(world, engine)
    except Exception:
        return ""
