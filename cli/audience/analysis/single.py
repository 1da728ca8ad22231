"""The one pack that a question is about."""

from __future__ import annotations

from collections.abc import Sequence

from audience.errors import UsageError
from audience.plan.build import Request
from audience.rules.naming import packs_named
from audience.rules.tree import Pack


def single(requests: Sequence[Request], name: str) -> tuple[Request, Pack]:
    """The pack of that name, ``[[campaign/]phase/]pack``, with its file. Raises UsageError."""
    own = name.rpartition("/")[2]
    by_name = {request.file.name: request for request in requests}
    found = packs_named([request.file for request in requests], name)
    exact = [each for each in found if each[1].name == own]
    if len(exact) != 1:
        names = ", ".join(f"{file.name}/{pack.name}" for file, pack in exact or found)
        raise UsageError(f"`{name}` is not one pack: {names}")
    ((file, pack),) = exact
    return by_name[file.name], pack
