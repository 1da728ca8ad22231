"""Frames that nobody holds any more, given back beside whatever else is asked of Java.

Who holds a frame last may let go of it at any moment, amid a question to Java too. To ask another
one there and then would mix up both answers, as a thread has one line to Java; so a thread of its
own does it.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cache
from queue import SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_DROPPED: SimpleQueue[DataFrame] = SimpleQueue()


def release(frame: DataFrame) -> None:
    """Give back what is held of a frame, soon. May be called at any moment."""
    _DROPPED.put(frame)


@cache
def start_releasing() -> None:
    """From now on frames are given back."""
    Thread(target=_work, name="release", daemon=True).start()


def _work() -> None:
    while True:
        with suppress(Exception):  # the session is gone, and with it what was held
            _DROPPED.get().unpersist()
