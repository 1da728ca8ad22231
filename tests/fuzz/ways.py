"""The ways in which the program comes to an answer; each must say what the evaluator says."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import audience
from audience.api import BuildResult
from fuzz.evaluator import members
from fuzz.project import Layout, rule_path, rule_text, write
from fuzz.strategies import AFTER_DAYS, AGO, COUNTS, HOURS, MAIN, TIMES, WEEKDAYS, WITHIN
from fuzz.world import Condition, RuleFile, World

Asked = tuple[World, BuildResult]
"""A build, and the world that it is of."""

Way = Callable[[World, Path, str], Iterator[Asked]]


def build(folder: Path, engine: str, *, cache: bool = True, plain: bool = False) -> BuildResult:
    rules = folder / "rules" / rule_path(MAIN)
    project = audience.load(folder)
    return audience.build(project, rules, dry_run=True, engine=engine, cache=cache, plain=plain)[0]


def plain(world: World, folder: Path, engine: str) -> Iterator[Asked]:
    """By relations alone."""
    write(world, folder)
    yield world, build(folder, engine, plain=True, cache=False)


def counted(world: World, folder: Path, engine: str) -> Iterator[Asked]:
    """Row by row; then from what was kept."""
    write(world, folder)
    yield world, build(folder, engine)
    yield world, build(folder, engine)


def by_day(world: World, folder: Path, engine: str) -> Iterator[Asked]:
    """From a file or several for each day; then with other rules, from what was kept."""
    write(world, folder, Layout.BARE if len(world.users.rows) % 5 == 4 else Layout.DAYS)
    yield world, build(folder, engine)
    other = edited(world)
    for file in other.files:
        (folder / "rules" / rule_path(file)).write_text(rule_text(other, file), encoding="utf-8")
    yield other, build(folder, engine)


WAYS: Mapping[str, Way] = {"plain": plain, "counted": counted, "by day": by_day}


def packs_of(world: World) -> list[str]:
    rules = world.files[MAIN]
    stages = [f"{name}.{stage}" for name, parts in rules.stages.items() for stage in parts]
    return [*stages, *rules.packs]


def difference(asked: Asked) -> str:
    """What a build says otherwise than the evaluator; nothing where they agree."""
    world, result = asked
    for pack in packs_of(world):
        found, expected = result.ids(pack).to_pylist(), members(world, MAIN, pack)
        if len(found) != len(set(found)) or set(found) != expected:
            return f"differs: `{pack}` has {found}, by the evaluator {expected}"
    return ""


# Edits

EDITS: Mapping[str, tuple[str, ...]] = {
    "within": WITHIN,
    "ago": AGO,
    "times": TIMES,
    "days": COUNTS,
    "hours": HOURS,
    "weekdays": WEEKDAYS,
    "after": AFTER_DAYS,
}
"""What may stand behind a key of a condition in place of what does."""


def edited(world: World) -> World:
    """The same tables and rules with other windows and thresholds here and there."""
    rng = random.Random(repr(world.files))
    return replace(world, files={name: _edited(file, rng) for name, file in world.files.items()})


def _edited(file: RuleFile, rng: random.Random) -> RuleFile:
    def every(parts: Mapping[str, Condition]) -> dict[str, Condition]:
        return {name: _changed(part, rng) for name, part in parts.items()}

    return RuleFile(
        every(file.packs),
        every(file.define),
        {name: every(parts) for name, parts in file.stages.items()},
        file.base,
    )


def _changed(part: Any, rng: random.Random) -> Any:
    if isinstance(part, Mapping):
        return {
            word: rng.choice(EDITS[word])
            if word in EDITS and not isinstance(value, Mapping) and rng.random() < 0.5
            else _changed(value, rng)
            for word, value in part.items()
        }
    return [_changed(each, rng) for each in part] if isinstance(part, list) else part
