"""Small cells of a whole report: what one part hides, all parts together do not tell.

A made-up population is counted into every part of a report. An attacker knows the rules: which
kinds of people there can be, and of which kinds each count is. He is given all counts that are
shown, in all parts at once, and solves for the hidden ones.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience.bits import pack
from audience.insight.causes import Cause, Explained, Reasons, Transition
from audience.insight.cells import Cell
from audience.insight.convert import Conversion, Split, lines_of, rate_of
from audience.insight.flow import NOWHERE, flow_between, size_of_stage
from audience.insight.overlap import overlaps
from audience.insight.profile import Counts, profile_of
from audience.insight.report import (
    Headline,
    Headlines,
    Part,
    Provenance,
    Report,
    StageFlow,
)
from audience.insight.report_cells import with_hidden
from audience.insight.sharing import both_of, region_of, size_of
from audience.insight.waterfall import Step, Waterfall
from audience.membership import Membership

LEAST = 10
OLD, NEW = date(2024, 3, 1), date(2024, 3, 8)

People = Mapping[str, npt.NDArray[Any]]
Mask = npt.NDArray[np.bool_]
Who = Callable[[People], Mask]
"""Whom a count is of, of any people: of those there are, and of all kinds there can be."""

KINDS: dict[str, Sequence[Any]] = {
    "s0": (False, True),
    "s1": (False, True),
    "s2": (False, True),
    "then": range(5),
    "p1": (False, True),
    "p2": (False, True),
    "x": (False, True),
    "q": (False, True),
    "p_then": (False, True),
    "city": range(4),
    "likes": range(4),
    "did": (False, True),
}
STAGES = ("new", "active", "sleepy", "lost")


def stage(number: int) -> Who:
    """The first of three conditions that holds, and otherwise the last stage."""
    return lambda of: np.select([of["s0"], of["s1"], of["s2"]], [0, 1, 2], 3) == number


def both(one: Who, *others: Who) -> Who:
    def found(of: People) -> Mask:
        mask = one(of)
        for other in others:
            mask = mask & other(of)
        return mask

    return found


def less(one: Who, other: Who) -> Who:
    return lambda of: one(of) & ~other(of)


def is_(name: str, value: Any = True) -> Who:
    return lambda of: of[name] == value


def everybody(of: People) -> Mask:
    return np.ones(len(of["city"]), dtype=bool)


P = both(is_("p1"), is_("p2"))
PACKS: dict[str, Who] = {
    **{f"life.{name}": stage(number) for number, name in enumerate(STAGES)},
    "p": P,
    "p.x": both(P, is_("x")),
    "p.y": both(P, is_("x", False)),
    "q": is_("q"),
    "p_or_q": lambda of: P(of) | is_("q")(of),
}
BEFORE: dict[str, Who] = {
    **{f"life.{name}": is_("then", number) for number, name in enumerate(STAGES)},
    "p": is_("p_then"),
    "p.x": both(is_("p_then"), is_("x")),
    "p.y": both(is_("p_then"), is_("x", False)),
}
LINES: dict[tuple[str, str], Who] = {
    **{("city", f"c{n}"): is_("city", n) for n in range(4)},
    ("likes", "l0"): lambda of: of["likes"] % 2 == 1,
    ("likes", "l1"): lambda of: of["likes"] >= 2,
    ("likes", "(missing)"): is_("likes", 0),
}


@dataclass
class Made:
    """A report on made-up people, and of whom each of its counts is."""

    people: People
    whom: dict[tuple[str, Cell], Who]
    report: Report = field(init=False)

    def count(self, who: Who) -> int:
        return int(who(self.people).sum())


def made(seed: int, size: int, names: Sequence[str], top: int) -> Made:
    draw = np.random.default_rng(seed)
    people = {
        name: draw.choice(list(values), size, p=draw.dirichlet([0.5] * len(values)))
        for name, values in KINDS.items()
    }
    # As a rule people are what they were.
    still = draw.random(size) < 0.9
    people["then"] = np.where(still, np.select([people[f"s{n}"] for n in range(3)], range(3), 3), 4)
    people["p_then"] = np.where(still, people["p1"] & people["p2"], people["p_then"])
    out = Made(people, {})
    out.report = Report(
        "c",
        "p",
        "",
        NEW,
        Part(headlines_of(out, names)),
        Provenance((), (), None, ""),
        tuple(Part(each) for each in waterfalls_of(out, names)),
        overlaps_of(out, names),
        tuple(Part(each) for each in profiles_of(out, names, top)),
        tuple(Part(each) for each in conversions_of(out, names, top)),
        tuple(flows_of(out, names)),
        Part(reasons_of(out, names)),
    )
    return out


def headlines_of(out: Made, names: Sequence[str]) -> Headlines:
    base = len(out.people["city"])
    out.whom["headlines", "base"] = everybody
    heads = []
    for name in names:
        out.whom["headlines", size_of(name)] = PACKS[name]
        before = None
        if name in BEFORE:
            out.whom["headlines", size_of(name, "old")] = BEFORE[name]
            before = out.count(BEFORE[name])
        users = out.count(PACKS[name])
        heads.append(Headline(name, "", users, users / base, before, OLD))
    return Headlines(base, 0, tuple(heads))


def waterfalls_of(out: Made, names: Sequence[str]) -> Iterator[Waterfall]:
    for number, name in enumerate(names):
        steps: list[tuple[str, Who, Who, Who | None]] = []
        if name == "p" or name.startswith("p."):
            steps = [("p1", is_("p1"), is_("p1"), is_("p2")), ("p2", is_("p2"), P, is_("p1"))]
        if name.startswith("p."):
            side = is_("x", name == "p.x")
            steps = [(text, a, b, both(w, side)) for text, a, b, w in steps if w is not None]
            steps.append(("this side of the split", PACKS[name], PACKS[name], P))
        if name in {"life.active", "life.sleepy"}:
            at = STAGES.index(name.removeprefix("life."))
            own, later = is_(f"s{at}"), not_before(at)
            steps = [
                (f"s{at}", own, own, later),
                ("in none of the stages before", later, PACKS[name], own),
            ]
        part, made_steps = f"waterfall {number}", []
        out.whom[part, "base"], out.whom[part, "size"] = everybody, PACKS[name]
        for at, (text, alone, after, without) in enumerate(steps):
            marks = {"alone": alone, "after": after, "without": without}
            out.whom |= {(part, (at, what)): who for what, who in marks.items() if who is not None}
            out.whom[part, (at, "only_missing")] = lambda of: ~everybody(of)
            left = None if without is None else out.count(without)
            made_steps.append(Step(0, text, "", out.count(alone), out.count(after), left, 0, ()))
        size, base = out.count(PACKS[name]), len(out.people["city"])
        yield Waterfall(f"c/p/{name}", "", NEW, base, size, tuple(made_steps))


def not_before(at: int) -> Who:
    return lambda of: np.all([~of[f"s{n}"].astype(bool) for n in range(at)], axis=0)


def overlaps_of(out: Made, names: Sequence[str]) -> Part[Any] | None:
    if len(names) < 2 or set(names) == {f"life.{name}" for name in STAGES}:
        return None
    base = len(out.people["city"])
    bits = {name: pack(PACKS[name](out.people)) for name in names}
    found = overlaps(Membership(base, bits, lambda: None), [(name, "") for name in names], base)
    out.whom["overlaps", "base"] = everybody
    out.whom["overlaps", "outside"] = exactly((), names)
    for name in names:
        out.whom["overlaps", size_of(name)] = PACKS[name]
    for pair in found.pairs:
        who = both(PACKS[pair.one], PACKS[pair.other])
        out.whom["overlaps", both_of(pair.one, pair.other)] = who
    for region in found.regions:
        out.whom["overlaps", region_of(region.packs)] = exactly(region.packs, names)
    return Part(found)


def exactly(inside: Sequence[str], names: Sequence[str]) -> Who:
    return lambda of: np.all([PACKS[name](of) == (name in inside) for name in names], axis=0)


def profiles_of(out: Made, names: Sequence[str], top: int) -> Iterator[Any]:
    base = len(out.people["city"])
    for number, name in enumerate(names):
        part, size = f"profile {number}", out.count(PACKS[name])
        out.whom[part, "size"], out.whom[part, "baseline"] = PACKS[name], everybody
        counts = []
        for (tag, value), who in LINES.items():
            inside, whole = out.count(both(PACKS[name], who)), out.count(who)
            counts.append(Counts(tag, "", value, inside, whole, whole - inside))
        found = profile_of(name, "base", (size, base, base - size, size), counts)
        found = replace(found, lines=found.lines[:top])
        for at, line in enumerate(found.lines):
            who = LINES[line.tag, line.value]
            out.whom[part, (at, "users")] = both(PACKS[name], who)
            out.whom[part, (at, "baseline")] = who
        yield found


def conversions_of(out: Made, names: Sequence[str], top: int) -> Iterator[Conversion]:
    for number, name in enumerate(names):
        part, did = f"conversion {number}", both(PACKS[name], is_("did"))
        users, converted = out.count(PACKS[name]), out.count(did)
        out.whom[part, "users"], out.whom[part, "converted"] = PACKS[name], did
        splits = [
            Split(tag, "", value, out.count(both(PACKS[name], who)), out.count(both(did, who)))
            for (tag, value), who in LINES.items()
        ]
        lines = lines_of(splits, users, converted)[:top]
        for at, line in enumerate(lines):
            who = LINES[line.tag, line.value]
            out.whom[part, (at, "users")] = both(PACKS[name], who)
            out.whom[part, (at, "converted")] = both(did, who)
        yield Conversion(name, "goal", "", None, NEW, rate_of(converted, users), lines)


def flows_of(out: Made, names: Sequence[str]) -> Iterator[StageFlow]:
    if not {f"life.{name}" for name in STAGES} <= set(names):
        return

    def ids(who: Who) -> pa.Array:
        return pa.array(np.flatnonzero(who(out.people)), pa.int64())

    before = {name: BEFORE[f"life.{name}"] for name in STAGES}
    after = {name: PACKS[f"life.{name}"] for name in STAGES}
    found = flow_between(
        OLD,
        {name: ids(who) for name, who in before.items()},
        NEW,
        {name: ids(who) for name, who in after.items()},
    )
    for name in STAGES:
        out.whom["flow 0", size_of_stage("before", name)] = before[name]
        out.whom["flow 0", size_of_stage("after", name)] = after[name]
    nowhere = {NOWHERE: lambda of: of["then"] == 4}, {NOWHERE: lambda of: ~everybody(of)}
    for (one, was), (other, now) in product(
        [*before.items(), *nowhere[0].items()], [*after.items(), *nowhere[1].items()]
    ):
        out.whom["flow 0", (one, other)] = both(was, now)
    yield StageFlow("life", Part(found))


def reasons_of(out: Made, names: Sequence[str]) -> Reasons:
    """Who was added or removed has moved to another city, or else a window slid."""
    packs = []
    for name in names:
        if name not in BEFORE:
            continue
        now, then = PACKS[name], BEFORE[name]
        whom = {
            "old_size": then,
            "new_size": now,
            "kept": both(now, then),
            "added": less(now, then),
            "removed": less(then, now),
        }
        out.whom |= {("reasons", (name, what)): who for what, who in whom.items()}
        causes = []
        for kind, mine in (
            ("tag", lambda of: of["city"] < 2),
            ("window", lambda of: of["city"] > 1),
        ):
            parts = {part: both(whom[part], mine) for part in ("added", "removed")}
            counts = [out.count(who) for who in parts.values()]
            if not any(counts):
                continue
            at = len(causes)
            out.whom |= {("reasons", (name, at, part)): who for part, who in parts.items()}
            shifts = []
            if kind == "tag":
                changed = lambda of, now=now, then=then: now(of) != then(of)  # noqa: E731
                for value in (0, 1):
                    who = both(changed, is_("city", value))
                    if users := out.count(who):
                        out.whom["reasons", (name, at, len(shifts))] = who
                        shifts.append(Transition("?", f"c{value}", users))
            causes.append(Cause(kind, "why", "", counts[0], counts[1], tuple(shifts)))
        sizes = [out.count(who) for who in whom.values()]
        packs.append(Explained(name, "", *sizes, tuple(causes)))
    return Reasons("c/p@old", "c/p@new", tuple(packs), ())


def hidden_in(report: Report) -> dict[str, frozenset[Cell]]:
    """What each part hides."""
    out = {"headlines": report.headlines.hidden}
    for name, parts in (
        ("waterfall", report.waterfalls),
        ("profile", report.profiles),
        ("conversion", report.conversions),
        ("flow", [each.flow for each in report.flows]),
    ):
        out |= {f"{name} {number}": each.hidden for number, each in enumerate(parts)}
    if report.overlaps:
        out["overlaps"] = report.overlaps.hidden
    if report.reasons:
        out["reasons"] = report.reasons.hidden
    return out


def kinds(people: People, seed: int) -> People:
    """Kinds of people there can be: some thousands of all, more than there are counts, and those
    that there are."""
    draw = np.random.default_rng(seed)
    return {
        name: np.concatenate([people[name], draw.choice(list(values), 3_000)])
        for name, values in KINDS.items()
    }


WORLDS = {
    "stages": [f"life.{name}" for name in STAGES],
    "a split": ["p", "p.x", "p.y"],
    "two": ["p", "q"],
    "all": list(PACKS),
    "one": ["p"],
}


@pytest.mark.parametrize("world", WORLDS)
@given(st.integers(0, 10**6), st.sampled_from([60, 200, 1_000, 5_000]), st.sampled_from([4, 5, 99]))
@settings(deadline=None, max_examples=25, derandomize=True)
def test_no_solver_finds_a_small_count(world: str, seed: int, size: int, top: int) -> None:
    found = made(seed, size, WORLDS[world], top)
    hidden = hidden_in(with_hidden(found.report, LEAST))
    counts = {at: found.count(who) for at, who in found.whom.items()}
    shown = [at for at in counts if at[1] not in hidden[at[0]]]
    for at, count in counts.items():
        assert not 0 < count < LEAST or at not in shown, at
    possible = kinds(found.people, seed)
    # Where a count is none there is nobody of its kinds; of exclusive regions all are shown.
    nobody = np.zeros(len(possible["city"]), dtype=bool)
    for at in shown:
        if not counts[at]:
            nobody |= found.whom[at](possible)
    if found.report.overlaps:
        regions = [who for (part, cell), who in found.whom.items() if cell[0] == "region"]
        outside = found.whom["overlaps", "outside"]
        nobody |= ~np.any([who(possible) for who in (*regions, outside)], axis=0)
    possible = {name: values[~nobody] for name, values in possible.items()}
    known = np.array([found.whom[at](possible) for at in shown if counts[at]], dtype=float)
    _, sizes, rows = np.linalg.svd(known, full_matrices=False)
    rows = rows[sizes > 1e-8 * sizes[0]]
    for at, who in [*found.whom.items(), *lines_that_are_not_shown(found)]:
        if 0 < found.count(who) < LEAST:
            target = who(possible).astype(float)
            left = target - rows.T @ (rows @ target)
            assert np.abs(left).max() > 1e-6, (at, found.count(who))


def lines_that_are_not_shown(found: Made) -> Iterator[tuple[Any, Who]]:
    """Lines beyond the first ones are small counts too."""
    for profile in found.report.profiles:
        shown = {(line.tag, line.value) for line in profile.found.lines}
        for line in LINES.keys() - shown:
            yield (profile.found.pack, line), both(PACKS[profile.found.pack], LINES[line])


@pytest.mark.parametrize("world", WORLDS)
@given(st.integers(0, 10**6), st.sampled_from([60, 1_000]), st.sampled_from([4, 99]))
@settings(deadline=None, max_examples=10)
def test_what_one_part_hides_no_other_shows(world: str, seed: int, size: int, top: int) -> None:
    """By count, too: one that another part has as well may be of the same people."""
    found = made(seed, size, WORLDS[world], top)
    hidden = hidden_in(with_hidden(found.report, LEAST))
    where: dict[int, dict[bool, set[str]]] = {}
    for (part, cell), who in found.whom.items():
        sides = where.setdefault(found.count(who), {True: set(), False: set()})
        sides[cell in hidden[part]].add(part)
    for count, sides in where.items():
        if len(sides[True] | sides[False]) > 1 and count:
            assert not (sides[True] and sides[False]), (count, sides)


def test_a_stage_that_is_small_is_not_the_rest_of_the_others() -> None:
    """Stages have nobody in common and leave nobody out: one that is hidden is not alone."""
    heads = [
        Headline(f"life.{name}", "", size, None)
        for name, size in zip("abc", (60, 35, 5), strict=True)
    ]
    found = Report(
        "c", "p", "", NEW, Part(Headlines(100, 0, tuple(heads))), Provenance((), (), None, "")
    )
    hidden = with_hidden(found, LEAST).headlines.hidden
    assert hidden == {size_of("life.c"), size_of("life.b")}


def test_a_stage_of_a_value_is_not_the_rest_of_the_others() -> None:
    """The same of a value in the profiles of stages: 40 in the base, 18, 9 and 13 in stages."""
    sizes, values = {"life.a": 60, "life.b": 40, "life.c": 50}, (18, 9, 13)
    heads = [Headline(name, "", size, None) for name, size in sizes.items()]
    profiles = []
    for (name, size), users in zip(sizes.items(), values, strict=True):
        counts = [
            Counts("t", "", "v", users, 40, 40 - users),
            Counts("t", "", "w", size - users, 110, 110 - size + users),
        ]
        profiles.append(Part(profile_of(name, "base", (size, 150, 150 - size, size), counts)))
    found = Report(
        "c",
        "p",
        "",
        NEW,
        Part(Headlines(150, 0, tuple(heads))),
        Provenance((), (), None, ""),
        profiles=tuple(profiles),
    )
    shared = with_hidden(found, LEAST)
    at = [
        next(n for n, line in enumerate(each.found.lines) if line.value == "v")
        for each in shared.profiles
    ]
    own = [(n, "users") in each.hidden for n, each in zip(at, shared.profiles, strict=True)]
    base = [(n, "baseline") in each.hidden for n, each in zip(at, shared.profiles, strict=True)]
    assert own[1]
    assert own[0] or own[2] or all(base)
    assert len(set(base)) == 1


def test_a_line_beyond_the_first_ones_is_not_the_rest_of_them() -> None:
    """Of 100 users 60 and 35 have the values that are told: 5 have neither."""
    counts = [Counts("t", "", value, n, 2 * n, n) for value, n in (("v", 60), ("w", 35), ("x", 5))]
    profile = profile_of("p", "base", (100, 200, 100, 100), counts)
    profile = replace(profile, lines=tuple(each for each in profile.lines if each.value != "x"))
    heads = Headlines(200, 0, (Headline("p", "", 100, 0.5),))
    found = Report(
        "c", "p", "", NEW, Part(heads), Provenance((), (), None, ""), profiles=(Part(profile),)
    )
    # Nothing in the table itself is small; the five are.
    (part,) = with_hidden(found, LEAST).profiles
    assert part.hidden & {(0, "users"), (1, "users")}
    assert not with_hidden(found, 5).hides


@pytest.mark.parametrize("least", [0, 1])
def test_nothing_is_hidden_where_nothing_is_small(least: int) -> None:
    report = made(3, 200, WORLDS["all"], 99).report
    assert with_hidden(report, least) is report
    assert not with_hidden(report, least).hides
    assert with_hidden(report, LEAST).hides


def test_every_process_hides_the_same() -> None:
    """The order of sets of texts, which is another one in each process, plays no part."""
    code = (
        "from test_report_cells import *; import hashlib; "
        "hidden = hidden_in(with_hidden(made(11, 1_000, WORLDS['all'], 5).report, LEAST)); "
        "cells = sorted(f'{part} {sorted(map(tell, own))}' for part, own in hidden.items()); "
        "print(hashlib.sha256(repr(cells).encode()).hexdigest())"
    )
    tests = Path(__file__).parent
    out = set()
    for seed in "012":
        path = os.pathsep.join([str(tests), *sys.path])
        env = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path}
        words = [sys.executable, "-c", code]
        done = subprocess.run(words, env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        out.add(done.stdout)
    assert len(out) == 1


def tell(cell: Any) -> str:
    """A cell's name, sets in order."""
    if isinstance(cell, frozenset):
        return str(sorted(map(tell, cell)))
    return str([tell(each) for each in cell]) if isinstance(cell, tuple) else str(cell)
