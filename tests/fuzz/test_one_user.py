"""Random rules over random tables: what is told of one user against a plain evaluator."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import Phase, given, seed, settings

import audience
from audience.insight.why import walk
from fuzz.evaluator import members
from fuzz.project import write
from fuzz.strategies import MAIN, worlds
from fuzz.test_fuzz import LIMITS
from fuzz.ways import packs_of
from fuzz.world import World
from support import follows

WORLDS = {"polars": 10, "duckdb": 4}


@pytest.mark.parametrize("engine", WORLDS)
def test_held_is_what_the_evaluator_finds(engine: str) -> None:
    asked = set()

    def check(world: World) -> None:
        draw = random.Random(repr(world.files))
        keys = [row[world.users.key] for row in world.users.rows]
        with tempfile.TemporaryDirectory() as name:
            write(world, Path(name))
            project = audience.load(Path(name))
            for pack in packs_of(world):
                inside = members(world, MAIN, pack)
                some = [draw.choice(keys), *sorted(inside, key=repr)[:1]] if keys else []
                for user in some:
                    found = audience.why(project, f"{MAIN}/{pack}", user, engine=engine, events=1)
                    assert found.held == (user in inside), (pack, user)
                    assert bool(found.missing) == (not found.held)
                    assert all(follows(each) for _, each in walk(found.tree))
                    asked.add((found.held, pack))

    few = settings(LIMITS, max_examples=WORLDS[engine], phases=[Phase.generate])
    seed(5)(few(given(worlds())(check)))()
    assert len({held for held, _ in asked}) == 2
