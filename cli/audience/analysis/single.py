"""The one pack that a question is about."""

from __future__ import annotations

from collections.abc import Sequence

from audience.errors import UsageError
from audience.plan.build import Request
from audience.rules.tree import Pack


def single(requests: Sequence[Request], name: str) -> tuple[Request, Pack]:
    """The pack of that name, or ``campaign/phase/pack``, with its file. Raises UsageError."""
    found = [
        (request, pack)
        for request in requests
        for pack in request.file.packs
        if request.packs and pack.name in request.packs
    ]
    exact = [
        each for each in found if name in (each[1].name, f"{each[0].file.name}/{each[1].name}")
    ]
    if len(exact) != 1:
        names = ", ".join(f"{request.file.name}/{pack.name}" for request, pack in exact or found)
        raise UsageError(f"`{name}` is not one pack: {names}")
    return exact[0]
