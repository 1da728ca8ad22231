"""What the rivals share: their arguments, the packs of each workload, and what they print."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
from generate import hundred

AS_OF = date(2023, 6, 30)
FIRST_DAY = date(2023, 3, 3)
TAGS = [
    "jd_5k_plus",
    "young_women_cities",
    "rich_families",
    "owners",
    "apple_premium",
    "android_upgraders",
    "gamers",
    "cooks_and_beauties",
    "phone_owners",
    "new_customers",
    "sleeping",
    "lapsed_buyers",
    "churn_risk",
    "bargain_hunters",
    "coast",
    "educated",
    "quality",
    "birthday_club",
]
BEHAVIOUR = [
    "xiaomi_lookers",
    "phone_fans",
    "big_spenders",
    "comparers",
    "drifting",
    "full_carts",
    "swing",
]
SETS = ["valuable_lookers", "young_reach", "quality_drifting", "phone_minded", "win_back"]
WORKLOADS = {
    "thirty": [*TAGS, *BEHAVIOUR, *SETS],
    "tags": TAGS,
    "behaviour": BEHAVIOUR,
    "one-tag": ["jd_5k_plus"],
    "one-behaviour": ["phone_fans"],
    "hundred": list(hundred()),
}
# How many days back from the day of the build each behaviour looks.
WINDOWS = {
    "xiaomi_lookers": 30,
    "phone_fans": 14,
    "big_spenders": 90,
    "comparers": 60,
    "drifting": 120,
    "full_carts": 7,
    "swing": 90,
}

Bits = NDArray[np.uint8]


@dataclass(frozen=True)
class Job:
    """What a rival is asked for."""

    folder: Path
    workload: str
    out: Path

    @property
    def packs(self) -> list[str]:
        """The packs to write, in the order of the rule file."""
        return WORKLOADS[self.workload]

    @property
    def users(self) -> str:
        """The files of the user table."""
        return f"{self.folder}/users/*.parquet"

    @property
    def window(self) -> int:
        """Days of events that some pack needs; 0 for tags alone."""
        return max((WINDOWS.get(name, 0) for name in self.packs), default=0)

    def days(self, back: int) -> list[str]:
        """The event files of the last so many days."""
        names = [AS_OF - timedelta(days=n) for n in range(back)]
        return [str(self.folder / f"events/dt={d}/part-0.parquet") for d in reversed(names)]


def job() -> Job:
    """The job of the command line: FOLDER WORKLOAD OUT."""
    folder, workload, out = sys.argv[1:]
    Path(out).mkdir(parents=True, exist_ok=True)
    return Job(Path(folder), workload, Path(out))


def first(back: int) -> date:
    """The first of the last so many days, the day of the build among them."""
    return AS_OF - timedelta(days=back - 1)


def ago(days: int) -> date:
    """The day so many days ago."""
    return AS_OF - timedelta(days=days)


def pair_counts(packs: Sequence[str], bits: Sequence[Bits]) -> dict[str, int]:
    """How many users each two packs share, from a bitmap of the users for each pack.

    Words of 64 users at a time, in blocks that stay in the cache.
    """
    words = -(-max(len(b) for b in bits) // 8)
    table = np.zeros((len(bits), words * 8), dtype=np.uint8)
    for row, b in zip(table, bits, strict=True):
        row[: len(b)] = b
    wide = table.view(np.uint64)
    totals = np.zeros((len(bits), len(bits)), dtype=np.int64)
    block = 4096
    for start in range(0, words, block):
        part = wide[:, start : start + block]
        for one in range(len(bits) - 1):
            both = np.bitwise_count(part[one] & part[one + 1 :])
            totals[one, one + 1 :] += both.sum(axis=1, dtype=np.int64)
    return {
        f"{packs[i]}|{packs[j]}": int(totals[i, j])
        for i in range(len(packs))
        for j in range(i + 1, len(packs))
    }


def mask_counts(
    packs: Sequence[str], masks: Sequence[NDArray[Any]], counts: NDArray[Any]
) -> dict[str, int]:
    """The same from the sets of packs that occur: words of 32 packs each, and users of each."""
    total, rows, block = len(packs), len(counts), 1 << 16
    both = np.zeros((total, total))
    for start in range(0, rows, block):
        part = slice(start, start + block)
        member = np.zeros((min(block, rows - start), total))
        for place in range(total):
            word = masks[place // 32][part].astype(np.int64)
            member[:, place] = (word >> (place % 32)) & 1
        both += member.T @ (member * counts[part, None])
    return {
        f"{packs[i]}|{packs[j]}": int(both[i, j]) for i in range(total) for j in range(i + 1, total)
    }


def tell(sizes: Mapping[str, int], overlaps: Mapping[str, int]) -> None:
    """Print the result."""
    print(json.dumps({"sizes": sizes, "overlaps": overlaps}))
