"""The steps of a run: what each did, over how many rows and bytes, and how long it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Step:
    """A step of a run. ``rows`` and ``bytes`` are those it read, ``kept`` bytes of earlier runs."""

    what: str
    on: str
    rows: int = 0
    bytes: int = 0
    kept: int = 0
    seconds: float = 0.0
    cpu: float = 0.0


OnStep = Callable[[str, str, Step | None], None]
"""Told of each step: what, on which table, and when it is done the finished step."""


class Steps:
    """Measures steps and tells whoever watches."""

    def __init__(self, on_step: OnStep | None = None) -> None:
        self.done: list[Step] = []
        self._on_step = on_step

    @contextmanager
    def step(self, what: str, on: str, *, told: bool = True) -> Iterator[Step]:
        """Measure what happens inside. Unless ``told``, nobody hears of it meanwhile."""
        step = Step(what, on)
        if self._on_step is not None and told:
            self._on_step(what, on, None)
        wall, cpu = time.perf_counter(), time.process_time()
        yield step
        step.seconds = time.perf_counter() - wall
        step.cpu = time.process_time() - cpu
        self.done.append(step)
        if self._on_step is not None and told:
            self._on_step(what, on, step)
