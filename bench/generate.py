"""Write the workload's other rule files out of bench/workload/thirty.yaml.

    python bench/generate.py

tags.yaml, behaviour.yaml and the two of one pack are cut out; thirty-next.yaml has every threshold
or window moved a little; hundred.yaml is put together out of 25 conditions.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

WORKLOAD = Path(__file__).resolve().parent / "workload"
_PACK = re.compile(r"^  (\w+):$", re.MULTILINE)

# What the next phase asks for in place of what thirty.yaml does, in each pack's own words.
MOVED = {
    "jd_5k_plus": ("5K+", "4.5K+"),
    "young_women_cities": ("18..29", "18..31"),
    "rich_families": ("..12", "..10"),
    "owners": ("30..55", "28..55"),
    "apple_premium": ("3000..", "2800.."),
    "android_upgraders": ("..1500", "..1600"),
    "gamers": ("16..30", "16..32"),
    "cooks_and_beauties": ("[cooking, beauty]", "[cooking, beauty, cars]"),
    "phone_owners": ("[huawei, apple]", "[huawei, apple, honor]"),
    "new_customers": ("180d", "170d"),
    "sleeping": ("60d..180d", "50d..180d"),
    "lapsed_buyers": ("91d..365d", "101d..365d"),
    "churn_risk": ("0.7..", "0.72.."),
    "bargain_hunters": ("0.5..", "0.48.."),
    "coast": ("60..", "58.."),
    "educated": ("[B6, B7, B8]", "[B5, B6, B7, B8]"),
    "quality": ("2K+", "1.8K+"),
    "birthday_club": ("[6, 7]", "[7, 8]"),
    "xiaomi_lookers": ("30d", "28d"),
    "phone_fans": ("14d", "16d"),
    "big_spenders": ("5K..", "4.5K.."),
    "comparers": ("60d", "55d"),
    "drifting": ("30d..60d", "25d..60d"),
    "full_carts": ("event: cart, within: 7d", "event: cart, within: 8d"),
    "swing": ("brand: apple}, within: 90d", "brand: apple}, within: 80d"),
    "valuable_lookers": ("[jd_5k_plus, xiaomi_lookers]", "[jd_5k_plus, comparers]"),
    "young_reach": ("[big_spenders, sleeping]", "[big_spenders]"),
    "quality_drifting": ("drifting], not: churn_risk", "drifting], not: bargain_hunters"),
    "phone_minded": ("apple_premium, phone_owners", "phone_owners"),
    "win_back": ("rich_families, full_carts", "rich_families"),
}

# Conditions of hundred.yaml; the rivals have each of them in their own language.
CONDITIONS = {
    "valuable": "{jd_value: 2K+}",
    "frugal": "{jd_value: ..600}",
    "member": "{plus: true}",
    "level": "{member_level: 3..}",
    "woman": "{gender: F}",
    "man": "{gender: M}",
    "young": "{age: 18..30}",
    "middle": "{age: 31..50}",
    "city": '{city_tier: ["1", new1]}',
    "town": '{city_tier: ["4", "5"]}',
    "south": "{province: [广东, 福建, 广西, 海南]}",
    "power": "{purchase_power: [L4, L5]}",
    "owner": "{any: [{car_owner: true}, {house_owner: true}]}",
    "desk": "{job: [white_collar, programmer, finance, lawyer, teacher]}",
    "degree": "{education: [bachelor, master, doctor]}",
    "parent": "{child_age: known}",
    "apple": "{device_brand: apple}",
    "dear_phone": "{device_price: 2500..}",
    "active": "{last_active_on: {within: 14d}}",
    "buyer": "{last_buy_on: {within: 60d}}",
    "new": "{registered_on: {ago: ..365d}}",
    "loyal": "{rfm_score: 60.., churn_score: ..0.5}",
    "promo": "{promo_score: 0.6..}",
    "gamer": "{interests: [gaming, digital, sports]}",
    "phone": "{categories_owned: phone}",
}


# Nobody is in both of these.
APART = [("valuable", "frugal"), ("woman", "man"), ("young", "middle"), ("city", "town")]


def hundred() -> dict[str, tuple[list[str], list[str], list[str]]]:
    """By pack of hundred.yaml: what all must hold, what any must hold, what must not."""
    rng = np.random.default_rng(100)
    names = list(CONDITIONS)
    packs: dict[str, tuple[list[str], list[str], list[str]]] = {}
    while len(packs) < 100:
        drawn = [names[place] for place in rng.choice(len(names), 5, replace=False)]
        if any(one in drawn and other in drawn for one, other in APART):
            continue
        number = len(packs)
        any_of = drawn[3:] if number % 2 else []
        packs[f"p{number:03d}"] = (drawn[:2], any_of, drawn[2:3] if number % 3 else [])
    return packs


def head(phase: str, what: str) -> str:
    """The lines above a file's packs."""
    lines = [f"# {what} Written by bench/generate.py.", "campaign: bench", f"phase: {phase}"]
    return "\n".join([*lines, "as_of: 2023-06-30", ""])


def main() -> None:
    """Write the files."""
    text = (WORKLOAD / "thirty.yaml").read_text(encoding="utf-8")
    text = re.sub(r"^  # .*\n", "", text.split("packs:\n", 1)[1], flags=re.MULTILINE)
    starts = list(_PACK.finditer(text))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    blocks = {s[1]: text[s.start() : end].rstrip() for s, end in zip(starts, ends, strict=True)}
    names = list(blocks)
    cuts = {
        "tags": (names[:18], "The packs by tags."),
        "behaviour": (names[18:25], "The packs by behaviour."),
        "one-tag": (["jd_5k_plus"], "One pack by tags."),
        "one-behaviour": (["phone_fans"], "One pack by behaviour."),
    }
    for phase, (chosen, what) in cuts.items():
        _write(phase, what, [blocks[name] for name in chosen])
    moved = []
    for name, (old, new) in MOVED.items():
        # A label would go on to tell the old threshold.
        block = re.sub(r"^    label: .*\n", "", blocks[name], flags=re.MULTILINE)
        if block.count(old) != 1:
            raise SystemExit(f"{name}: {old} is not there once")
        moved.append(block.replace(old, new))
    if list(MOVED) != names:
        raise SystemExit("MOVED has other packs than thirty.yaml")
    _write("thirty-next", "The next phase: everything a little different.", moved)
    defined = [f"  {name}: {condition}" for name, condition in CONDITIONS.items()]
    packs = []
    for name, parts in hundred().items():
        words = [
            f"{word}: [{', '.join(named)}]"
            for word, named in zip(("all", "any", "minus"), parts, strict=True)
            if named
        ]
        packs.append(f"  {name}: {{where: {{{', '.join(words)}}}}}")
    start = "\n".join(["define:", *defined, ""])
    _write("hundred", "100 packs out of 25 conditions.", packs, start + "\n")


def _write(phase: str, what: str, packs: list[str], before: str = "") -> None:
    lines = "\n".join(packs)
    path = WORKLOAD / f"{phase}.yaml"
    path.write_text(f"{head(phase, what)}{before}packs:\n{lines}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
