"""How people name what is published: ``campaign/phase``, a day, a pack."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

from audience.errors import UsageError
from audience.rules.grammar import is_slug


@dataclass(frozen=True)
class Reference:
    """``campaign/phase``, with ``@as_of`` and ``/pack`` where they were given."""

    campaign: str
    phase: str
    as_of: date | None
    pack: str

    def __str__(self) -> str:
        day = f"@{self.as_of}" if self.as_of else ""
        return f"{self.campaign}/{self.phase}{day}" + (f"/{self.pack}" if self.pack else "")


def parse_reference(text: str) -> Reference:
    """``campaign/phase[@as_of][/pack]``, or the day at the end. Raises UsageError."""
    day: date | None = None
    found = re.findall(r"@([^/]*)", text)
    bare = re.sub(r"@[^/]*", "", text)
    parts = bare.split("/")
    if (
        len(found) > 1
        or len(parts) not in (2, 3)
        or not all(parts)
        or not all(map(is_slug, parts[:2]))
    ):
        raise UsageError(
            f"`{text}` names no build; expected campaign/phase, campaign/phase@2023-04-30, "
            "campaign/phase/pack, or a path"
        )
    if found:
        try:
            day = date.fromisoformat(found[0])
        except ValueError:
            raise UsageError(
                f"`{text}`: `{found[0]}` is no date; expected one such as 2023-04-30"
            ) from None
    return Reference(parts[0], parts[1], day, parts[2] if len(parts) == 3 else "")
