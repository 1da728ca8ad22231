"""The same work on several things, a few at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

THREADS = 2

Thing = TypeVar("Thing")
Found = TypeVar("Found")


def in_threads(
    function: Callable[[Thing], Found], things: Iterable[Thing], at_once: int = THREADS
) -> list[Found]:
    """What a function finds for each of some things, in their order; its first error is raised.

    For work that lets other threads run: on large arrays, or on files. One thing needs no thread.
    """
    things = list(things)
    if len(things) < 2:
        return [function(each) for each in things]
    with ThreadPoolExecutor(at_once) as threads:
        return list(threads.map(function, things))
