"""Values of a tag that became others: from what to what, the most frequent first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from math import floor
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from audience.engine.choice import open_engine
from audience.engine.columns import scan
from audience.engine.tables import TableData
from audience.insight.causes import Transition
from audience.membership import combined
from audience.rules.speech import Speech, label_of
from audience.rules.tree import Test
from audience.rules.variations import step_of
from audience.workspace import Workspace

_MOST = 5
_MOST_VALUES = 12


def values_of(workspace: Workspace, users: TableData, tag: str, ids: pa.Array) -> pa.Array:
    """A tag's values of some users; missing too where the user is not there."""
    running = open_engine(workspace.project)
    key = users.spec.key
    try:
        frame = scan(running, users, users.files, list(dict.fromkeys((key, tag))))
        found = running.fetch(running.narrowed(frame, key, ids))
    finally:
        running.close()
    keys = combined(found[key])
    rows = pc.index_in(ids.cast(keys.type), value_set=keys)
    return combined(found[tag]).take(rows)


def transitions(
    test: Test, old: list[Any], new: list[Any], speech: Speech
) -> tuple[Transition, ...]:
    """How often which value became which other one; numbers in steps of the bound tested.

    The last one stands for all pairs that are rarer than those before it.
    """
    spell, exactly = _spellers(test, {*map(_hashable, old), *map(_hashable, new)}, speech)
    pairs: Counter[tuple[str, str]] = Counter()
    for one, other in zip(old, new, strict=True):
        if one != other:
            # Two values of one stretch are told as they are.
            own = exactly if spell(one) == spell(other) else spell
            pairs[own(one), own(other)] += 1
    ordered = sorted(pairs.items(), key=lambda item: (-item[1], item[0]))
    out = [Transition(one, other, count) for (one, other), count in ordered[:_MOST]]
    left = sum(count for _, count in ordered[_MOST:])
    return (*out, Transition(speech.others, speech.others, left)) if left else tuple(out)


def _hashable(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


Spell = Callable[[Any], str]


def _spellers(test: Test, values: set[Any], speech: Speech) -> tuple[Spell, Spell]:
    """How values are told: in stretches where there are many, and exactly."""
    return _speller(test, speech, len(values) > _MOST_VALUES), _speller(test, speech, False)


def _speller(test: Test, speech: Speech, coarse: bool) -> Spell:
    bound = test.argument
    step = step_of(Decimal(str(bound))) if _is_number(bound) else None

    @cache
    def spell(value: Any) -> str:
        labelled = bool(label_of(value, test.tag.choices))
        if coarse and step is not None and _is_number(value) and not labelled:
            low = floor(Decimal(str(value)) / step) * step
            return speech.below(_plain(low), _plain(low + step))
        if coarse and isinstance(value, date) and not labelled:
            return f"{value:%Y-%m}"
        return speech.found(test.tag, value)

    return lambda value: spell(_hashable(value))


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def _plain(value: Decimal) -> str:
    return f"{value.normalize():,f}"
