"""Which file is being opened: what is said of a library that ends the whole process over it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

_opened: list[str] = []


@contextmanager
def opening(what: str) -> Iterator[None]:
    """Remember what is being opened; in the order of nesting, not to be used by threads."""
    _opened.append(what)
    try:
        yield
    finally:
        _opened.pop()


def last() -> str:
    """What is being opened; '' where nothing is."""
    return _opened[-1] if _opened else ""
