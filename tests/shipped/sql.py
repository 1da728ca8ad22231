"""Files of hand-written SQL: one query a pack, introduced by `-- pack: NAME` (and `-- base`)."""

from __future__ import annotations

import re
from pathlib import Path

_HEAD = re.compile(r"^-- (?:pack: (\S+)|(base))\b.*$", re.MULTILINE)


def read_queries(path: Path) -> dict[str, str]:
    """The queries by pack name; the base's is called `base`."""
    text = path.read_text()
    heads = list(_HEAD.finditer(text))
    ends = [head.start() for head in heads[1:]] + [len(text)]
    return {
        head[1] or head[2]: text[head.end() : end].strip().rstrip(";")
        for head, end in zip(heads, ends, strict=True)
    }
