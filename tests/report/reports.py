"""Reports to draw: one of the shipped project's own numbers, and made-up ones of any size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from math import sqrt
from pathlib import Path

import numpy as np
import pyarrow as pa

import audience
from audience.insight.causes import Cause, Explained, Reasons, Transition
from audience.insight.convert import Conversion, ConversionLine, Rate
from audience.insight.flow import Flow, flow_between, hidden_in_flows
from audience.insight.overlap import overlaps
from audience.insight.profile import Counts, Profile, hidden_in_profile, profile_of
from audience.insight.report import (
    Goal,
    Headline,
    Headlines,
    Input,
    Part,
    Provenance,
    Report,
    RuleText,
    StageFlow,
)
from audience.insight.sharing import hidden_in_overlaps, hidden_in_summary, size_of
from audience.insight.waterfall import Nearby, Step, Waterfall, hidden_in_waterfall
from audience.membership import Membership

ROOT = Path(__file__).parents[2]
AS_OF = date(2023, 4, 30)
NAMES = ("high_value", "高端换机", "rivals", "silent", "new_users", "gamers", "parents", "photo")
LABELS = ("高价值用户", "高端换机人群", "", "沉默用户", "新客", "游戏玩家", "", "摄影爱好者")


def named(at: int) -> tuple[str, str]:
    """The name and label of the pack of this number."""
    more = f"_{at // len(NAMES)}" if at >= len(NAMES) else ""
    name, label = NAMES[at % len(NAMES)], LABELS[at % len(NAMES)]
    return name + more, label + more.replace("_", "第") if label else ""


def rate_of(users: int, of: int) -> Rate:
    if not of:
        return Rate(users, of, None, None, None)
    share, z = users / of, 1.96
    middle, width = share + z * z / (2 * of), z * sqrt(share * (1 - share) / of + (z / 2 / of) ** 2)
    scale = 1 + z * z / of
    return Rate(users, of, share, (middle - width) / scale, (middle + width) / scale)


def made_conversion(period: str, seed: int, count: int = 15) -> Conversion:
    draw = np.random.default_rng(seed)
    lines = []
    for at in range(count):
        of = int(draw.integers(80, 3000))
        tgi = float(draw.uniform(40, 260))
        lines.append(
            ConversionLine(
                "city_tier" if at % 2 else "年龄段",
                "城市线级" if at % 2 else "",
                f"{'一二三四五'[at % 5]}线 {at}",
                rate_of(int(of * draw.uniform(0.02, 0.3)), of),
                tgi,
                tgi * 0.8,
                tgi * 1.25,
                0.01,
                at < count - 3,
                at == count - 1,
            )
        )
    first = date(2023, 5, 23) if period == "promo" else date(2023, 3, 1)
    last = date(2023, 6, 18) if period == "promo" else date(2023, 4, 30)
    whole = rate_of(1234 + seed, 15678)
    return Conversion("浏览小米高端机", "购买小米高端机", period, first, last, whole, tuple(lines))


GOAL = Goal(
    "{did: {event: 购买, where: {商品品牌: [小米, 红米], 商品品类: 手机}, within: 30d}}",
    text="{did: {event: 购买, where: {商品品牌: [小米, 红米], 商品品类: 手机}, within: 30d}}",
)


def several(packs: int, goal: Goal | None = None) -> Report:
    """A report in which every pack converts to one goal, with lines of its own."""
    report = made_up(packs)
    found = [
        replace(
            made_conversion("", at),
            source=pack.pack,
            target=goal.name if goal else "buyers",
            rate=rate_of(100 + 37 * at % 90, 400),
        )
        for at, pack in enumerate(report.headlines.found.packs)
    ]
    return replace(report, conversions=tuple(map(Part, found)), goal=goal)


def made_reasons(packs: Sequence[tuple[str, str]]) -> Reasons:
    explained = []
    for at, (name, label) in enumerate(packs):
        changed = (Transition("二线", "一线", 63 + at), Transition("(missing)", "新一线", 21))
        causes = (
            Cause(
                "rule", "京享值 (jd_value) >= 5000, was >= 4000", "rules/a.yaml:22:18", 0, 612, ()
            ),
            Cause("window", "浏览 小米 within 30d", "rules/a.yaml:25:9", 341, 287, ()),
            Cause("tag", "城市线级 (city_tier) in [一线, 新一线]", "", 84, 40, changed),
            Cause("suppressed", "", "", 0, 17, ()),
            Cause("entered", "", "", 205, 0, ()),
        )
        explained.append(Explained(name, label, 2048, 1722, 1092, 630, 956, causes))
    return Reasons(
        "mi13-2023/2-expand-category@2023-04-30",
        "mi13-2023/2-expand-category@2023-06-30",
        tuple(explained),
        ("The list 黑名单.csv of 2023-04-30 is not there any more.",),
    )


def made_waterfall(name: str, label: str, base: int, size: int) -> Waterfall:
    left = (base * 2 // 3, base // 3, size)
    asked = (
        "年龄 (age) in 25..44",
        "at least 3 times: action = browse, 商品品牌 (brand) = 小米, 商品价格 (price) "
        "in 4000..6000, within 30 days up to 2023-04-30",
        "any of",
        "购买力 (purchasing_power) = 土豪",
        "not 最近活跃时间 (last_active) < 2023-03-01",
    )
    around = (Nearby(">= 3,000", size + 120, 120), Nearby(">= 6,000", size - 55, -55))
    steps = (
        Step(0, asked[0], "rules/a.yaml:3:9", left[0], left[0], left[1], 0, ()),
        Step(0, asked[1], "rules/a.yaml:4:9", left[1] + 40, left[1], left[0], 7, around),
        Step(0, asked[2], "rules/a.yaml:5:9", left[2] + 90, left[2], left[1], 0, ()),
        Step(1, asked[3], "rules/a.yaml:6:9", size // 2, None, size // 3, 0, ()),
        Step(1, asked[4], "rules/a.yaml:7:9", size // 3, None, size // 2, 0, ()),
    )
    return Waterfall(f"mi13-2023/2-expand-category/{name}", label, AS_OF, base, size, steps)


def made_profile(name: str, size: int, base: int, seed: int, values: int = 30) -> Profile:
    draw = np.random.default_rng(seed)
    counts = []
    for at in range(values):
        whole = int(draw.integers(base // 30, base // 3))
        mine = min(int(size * whole / base * draw.uniform(0.3, 2.6)), size, whole)
        label = ("城市线级", "年龄", "")[at % 3]
        counts.append(Counts(f"tag_{at % 3}", label, f"值 {at}", mine, whole, whole - mine))
    sizes = (size, base, base - size, size)
    return profile_of(f"mi13-2023/2-expand-category/{name}", "base", sizes, counts)


def made_flow(seed: int = 3) -> Flow:
    draw = np.random.default_rng(seed)
    stages = ("认知 aware", "吸引 appeal", "询问 ask", "行动 act", "拥护 advocate")
    where = draw.choice(6, 4000, p=[0.4, 0.25, 0.15, 0.1, 0.05, 0.05])
    then = np.where(draw.random(4000) < 0.7, where, draw.choice(6, 4000))
    sides = [
        {name: pa.array(np.flatnonzero(side == at)) for at, name in enumerate(stages)}
        for side in (where, then)
    ]
    return flow_between(AS_OF, sides[0], date(2023, 6, 30), sides[1])


def made_up(packs: int = 5, least: int = 0, seed: int = 1, base: int = 12_000) -> Report:
    """A report on so many packs; counts below ``least`` are hidden as commands hide them."""
    draw = np.random.default_rng(seed)
    groups = draw.random((packs, 4)) < 0.5
    rows = draw.random((base, 4)) < (0.3, 0.2, 0.1, 0.02)
    names = [named(at) for at in range(packs)]
    ids = {
        name: pa.array(
            np.flatnonzero(
                rows[:, groups[at] | (np.arange(4) == at % 4)].any(axis=1)
                & (draw.random(base) < (0.9, 0.4, 0.01)[at % 3])
            )
        )
        for at, (name, _) in enumerate(names)
    }
    found = overlaps(Membership.from_ids(ids), names, base)
    headlines = Headlines(
        base,
        321,
        tuple(
            Headline(
                pack.name,
                pack.label,
                pack.size,
                pack.size / base,
                None if at == 3 else int(pack.size * draw.uniform(0.8, 1.2)),
                None if at == 3 else date(2023, 4, 15),
            )
            for at, pack in enumerate(found.packs)
        ),
    )
    small = frozenset(
        cell
        for pack in headlines.packs
        for cell, size in (
            (size_of(pack.pack), pack.size),
            (size_of(pack.pack, "old"), pack.before or 0),
        )
        if 0 < size < least
    )
    shapes = [made_waterfall(pack.name, pack.label, base, pack.size) for pack in found.packs]
    looks = [made_profile(pack.name, pack.size, base, at) for at, pack in enumerate(found.packs)]
    moves = made_flow()
    return Report(
        "mi13-2023",
        "2-expand-category",
        "二阶段 扩量类目高端用户",
        AS_OF,
        Part(headlines, small),
        Provenance(
            (
                RuleText(
                    "rules/a.yaml",
                    "campaign: mi13-2023\n# 高端\u3000用户\npacks: {}\n",
                    (("day", "30d"),),
                ),
            ),
            (
                Input("users", 3, 1_234_567, date(2023, 2, 28), date(2023, 6, 30)),
                Input("events", 90, 98_765_432, date(2023, 4, 1), AS_OF),
                Input("黑名单.csv", 1, 2048),
            ),
            date(2023, 2, 28),
            "0.1.0",
        ),
        tuple(Part(each, hidden_in_waterfall(each, least)) for each in shapes),
        Part(found, hidden_in_overlaps(found, least)),
        tuple(Part(each, hidden_in_profile(each, least)) for each in looks),
        (Part(made_conversion("promo", 1)), Part(made_conversion("flat", 2))),
        (StageFlow("5A", Part(moves, hidden_in_flows([moves], least)[0])),),
        Part(made_reasons(names[:3])),
        ("Pack `silent` shrank by 40%; expected at most 30%.",),
    )


def shipped(packs: Path, least: int = 0) -> Report:
    """A report on a shipped phase, by the program's own functions; builds go to a folder."""
    project = replace(audience.load(ROOT), packs=packs)
    rules = ROOT / "rules/mi13-2023/2-expand-category.yaml"
    (result,) = audience.build(project, rules)
    summary = result.summary
    name = summary.name
    waterfalls = audience.waterfall(project, rules)
    found = audience.overlap(project, [name])
    profiles = [audience.profile(project, f"{name}/{pack.name}") for pack in summary.packs]
    (moves,) = audience.flow(project, "lifecycle", "2023-06-15", "2023-06-30")
    rest = made_up(3)
    headlines = Headlines(
        summary.base,
        summary.suppressed,
        tuple(
            Headline(pack.name, pack.label, pack.size, pack.share, pack.size - 40 + at * 9, AS_OF)
            for at, pack in enumerate(summary.packs)
        ),
    )
    return replace(
        rest,
        headlines=Part(headlines, hidden_in_summary(summary, least)),
        provenance=replace(
            rest.provenance,
            rules=(RuleText("rules/mi13-2023/2-expand-category.yaml", rules.read_text("utf-8")),),
        ),
        waterfalls=tuple(Part(each, hidden_in_waterfall(each, least)) for each in waterfalls),
        overlaps=Part(found, hidden_in_overlaps(found, least)),
        profiles=tuple(Part(each, hidden_in_profile(each, least)) for each in profiles),
        flows=(StageFlow("lifecycle", Part(moves, hidden_in_flows([moves], least)[0])),),
        reasons=Part(made_reasons([(pack.name, pack.label) for pack in summary.packs[:2]])),
    )
