"""Published packs upon each other, from one build or several."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa

from audience.errors import UsageError
from audience.given import several
from audience.insight.overlap import Overlaps, overlaps
from audience.membership import Membership
from audience.rules.project import Project
from audience.store.read import open_side


def overlap(project: Project | None, names: str | Sequence[str]) -> Overlaps:
    """What packs have in common; a name is a pack's, a build's, or the path of one.

    A build is all of its packs. A project is needed for names only. Packs of one build are called
    as there, out of its base; those of several by build and pack, and no base is known. Raises
    NotPublishedError, StoreError, UsageError.
    """
    root = project.packs if project else None
    sides = [open_side(root, text) for text in several(names)]
    origins = {side.origin for side in sides}
    alone = len(origins) == 1
    ids: dict[str, pa.Array] = {}
    labels: dict[str, str] = {}
    for side in sides:
        for pack, each in side.packs.items():
            name = pack if alone else _title(side.title, pack, is_pack=side.is_pack)
            ids[name], labels[name] = each, side.labels.get(pack, "")
    kinds = {each.type for each in ids.values()}
    if len(kinds) > 1:
        shown = ", ".join(sorted(map(str, kinds)))
        raise UsageError(f"these packs have keys of different types: {shown}")
    if len(ids) < 2:
        raise UsageError("one pack overlaps with nothing: expected two packs, or a build")
    base = sides[0].base if alone else None
    return overlaps(Membership.from_ids(ids), list(labels.items()), base)


def _title(title: str, pack: str, *, is_pack: bool) -> str:
    """What a pack is called among those of other builds."""
    if not is_pack:
        return f"{title}/{pack}"
    return Path(title).stem if title.endswith(".parquet") else title
