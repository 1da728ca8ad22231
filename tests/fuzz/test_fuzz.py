"""Random rules over random tables: the program against a plain evaluator.

A case is one pack or stage, a condition tree; one build evaluates about ten of them, and each world
is built in every way there is: see :mod:`fuzz.ways`. The default run tries some 1,000 cases
on Polars and some more on DuckDB and Spark, always the same ones; the soak 500 on all three.
``AUDIENCE_FUZZ=20 pytest tests/fuzz`` tries twenty times as many, other ones each time; a failure
is made small and printed with its seed, and ``AUDIENCE_FUZZ_SEED`` repeats it.
"""

from __future__ import annotations

import os
import random
import re
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, Phase, given, seed, settings

from fuzz.project import rule_text, tables_text
from fuzz.reducing import reduced
from fuzz.strategies import worlds
from fuzz.ways import WAYS, difference, packs_of
from fuzz.world import World

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

TIMES = int(os.environ.get("AUDIENCE_FUZZ", "0"))
START = int(os.environ.get("AUDIENCE_FUZZ_SEED", random.randrange(2**32) if TIMES else 0))

# Hypothesis draws its first ten examples afresh and makes most of the later ones from them: many
# short runs see more than a long one.
RUNS = {"polars": (3, 10), "duckdb": (1, 7), "spark": (1, 4)}
"""How many runs, and how many worlds in each."""

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
    packs_tried([engine], START, *RUNS[engine])


@pytest.mark.soak
def test_packs_are_the_same_on_all_engines(spark: SparkSession) -> None:
    """Each is what the evaluator finds; other worlds than those above, as many as 500 packs take.

    How many packs a run has is not fixed: what Hypothesis draws depends on the code it finds.
    """
    tried, number = 0, START + 1_000_000
    while tried < 500:
        tried += packs_tried(list(RUNS), number, 1, 11)
        number += 1


def packs_tried(engines: Sequence[str], start: int, runs: int, examples: int) -> int:
    """Try packs on some engines in every way; how many there were."""
    reports: list[str] = []
    tried = 0

    def check(world: World) -> None:
        nonlocal tried
        if reports:  # Hypothesis repeats what failed
            pytest.fail(reports[0], pytrace=False)
        tried += len(packs_of(world))
        for engine in engines:
            found, way = disagreement(world, engine, OF_ENGINE.get(engine, WAYS))
            if found:
                # Not left to Hypothesis: each try is a build, and it would make too many.
                reports.append(_report(world, engine, way, found, number))
                pytest.fail(reports[0], pytrace=False)

    for number in range(start, start + runs * max(TIMES, 1)):
        few = settings(LIMITS, max_examples=examples)
        seed(number)(few(given(worlds())(check)))()
    return tried


def _report(world: World, engine: str, way: str, found: str, number: int) -> str:
    small = reduced(world, lambda each: alike(found, quietly(each, engine, way)))
    rules = "\n".join(rule_text(small, file) for file in small.files)
    again = f"AUDIENCE_FUZZ=1 AUDIENCE_FUZZ_SEED={number}, on {engine}, {way}"
    differs, _ = disagreement(small, engine, [way])
    return f"{differs}\n{again}\n\n{rules}\n{tables_text(small)}"


def quietly(world: World, engine: str, way: str) -> str:
    """As :func:`disagreement`; nothing where a world makes no sense, as smaller ones may not."""
    try:
        return disagreement(world, engine, [way])[0]
    except Exception:
        return ""
