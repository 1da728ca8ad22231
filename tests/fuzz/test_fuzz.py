"""Random rules over random tables: the program against a plain evaluator.

A case is one pack or stage, a condition tree; one build evaluates about ten of them, and each world
is built in every way there is: see :mod:`fuzz.ways`. The default run tries some 2,000 cases
on Polars and some more on DuckDB and Spark, always the same ones.
``AUDIENCE_FUZZ=20 pytest tests/fuzz`` tries twenty times as many, other ones each time; a failure
is made small and printed with its seed, and ``AUDIENCE_FUZZ_SEED`` repeats it.
"""

from __future__ import annotations

import os
import random
import re
import tempfile
from collections.abc import Collection
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from fuzz.project import rule_text, tables_text
from fuzz.reducing import reduced
from fuzz.strategies import worlds
from fuzz.ways import WAYS, difference
from fuzz.world import World

TIMES = int(os.environ.get("AUDIENCE_FUZZ", "0"))
START = int(os.environ.get("AUDIENCE_FUZZ_SEED", random.randrange(2**32) if TIMES else 0))

# Hypothesis draws its first ten examples afresh and makes most of the later ones from them: many
# short runs see more than a long one.
RUNS = {"polars": 5, "duckdb": 1, "spark": 1}
EXAMPLES = {"polars": 10, "duckdb": 7, "spark": 4}

OF_ENGINE: dict[str, Collection[str]] = {"spark": ["plain"]}
"""What Spark keeps from run to run is nothing: there is one way."""


LIMITS = settings(
    deadline=None,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


def disagreement(world: World, engine: str, ways: Collection[str] = WAYS) -> tuple[str, str]:
    """What the program says otherwise than the evaluator, and in which way it says so."""
    for way in ways:
        with tempfile.TemporaryDirectory() as name:
            try:
                told = next(filter(None, map(difference, WAYS[way](world, Path(name), engine))), "")
            except Exception as error:
                told = f"{type(error).__name__}: {error}".replace(name, "")
        if told:
            return told, way
    return "", ""


def alike(one: str, other: str) -> bool:
    """Whether two disagreements are of one cause, as far as the first words tell."""
    return re.split(r"[\d`]", one)[0] == re.split(r"[\d`]", other)[0]


@pytest.mark.parametrize("engine", RUNS)
def test_packs_have_the_ids_that_the_evaluator_finds(engine: str) -> None:
    reports: list[str] = []

    def check(world: World) -> None:
        if reports:  # Hypothesis repeats what failed
            pytest.fail(reports[0], pytrace=False)
        found, way = disagreement(world, engine, OF_ENGINE.get(engine, WAYS))
        if found:
            # Not left to Hypothesis: each try is a build, and it would make too many.
            small = reduced(world, lambda each: alike(found, quietly(each, engine, way)))
            rules = "\n".join(rule_text(small, file) for file in small.files)
            again = f"AUDIENCE_FUZZ=1 AUDIENCE_FUZZ_SEED={number}, on {engine}, {way}"
            differs, _ = disagreement(small, engine, [way])
            reports.append(f"{differs}\n{again}\n\n{rules}\n{tables_text(small)}")
            pytest.fail(reports[0], pytrace=False)

    for number in range(START, START + RUNS[engine] * max(TIMES, 1)):
        few = settings(LIMITS, max_examples=EXAMPLES[engine])
        seed(number)(few(given(worlds())(check)))()


def quietly(world: World, engine: str, way: str) -> str:
    """As :func:`disagreement`; nothing where a world makes no sense, as smaller ones may not."""
    try:
        return disagreement(world, engine, [way])[0]
    except Exception:
        return ""
