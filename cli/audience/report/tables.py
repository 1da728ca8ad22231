"""Results as grids."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from audience.engine.steps import Step
from audience.insight.tags import QUANTILES, TagReport
from audience.kinds import Value
from audience.report.grid import Column, Grid
from audience.report.words import duration, number, percent, size
from audience.store.manifest import Manifest
from audience.store.read import Build
from audience.store.verify import Verified


def steps_grid(steps: Sequence[Step]) -> Grid:
    """The steps of a run, a line each, and all of them together."""
    columns = (
        Column("step"),
        Column("of"),
        Column("rows", True),
        Column("read", True),
        Column("kept before", True),
        Column("time", True),
        Column("processor", True),
    )
    lines = [_step_line(step) for step in steps]
    whole = Step("all", "")
    whole.bytes, whole.kept = sum(step.bytes for step in steps), sum(step.kept for step in steps)
    whole.seconds, whole.cpu = sum(step.seconds for step in steps), sum(step.cpu for step in steps)
    return Grid("profile", columns, (*lines, _step_line(whole)))


def _step_line(step: Step) -> tuple[str, ...]:
    return (
        step.what,
        step.on,
        number(step.rows) if step.rows else "",
        size(step.bytes) if step.bytes else "",
        size(step.kept) if step.kept else "",
        f"{step.seconds:.2f} s",
        f"{step.cpu:.2f} s",
    )


def tag_grid(reports: Sequence[TagReport], table: str = "") -> Grid:
    """The tag dictionary, a line a tag."""
    columns = (
        Column("tag"),
        Column("label"),
        Column("type"),
        Column("missing", True),
        Column("values"),
    )
    lines = tuple(
        (tag.name, tag.label, tag.type, percent(tag.missing), _values(tag)) for tag in reports
    )
    rows = number(reports[0].rows if reports else 0)
    title = f"columns of {rows} {table}" if table else f"tags of {rows} users"
    return Grid(title, columns, lines)


def _values(tag: TagReport) -> str:
    if tag.values:
        listed = [
            (f"{each.label} ({_shown(each.value)})" if each.label else _shown(each.value))
            + f": {number(each.count)}"
            for each in tag.values
        ]
        more = tag.distinct - sum(1 for each in tag.values if each.count)
        return ", ".join(listed) + (f", … {number(more)} more" if more > 0 else "")
    if tag.quantiles:
        pairs = zip(QUANTILES, tag.quantiles, strict=True)
        names = {0.0: "min", 1.0: "max"}
        return "  ".join(f"{names.get(at, f'{at:.0%}')} {_shown(value)}" for at, value in pairs)
    return "nothing but missing values"


def _shown(value: Value) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) else str(value)


def builds_grid(manifests: Sequence[Manifest]) -> Grid:
    """All that is published, a line a pack."""
    columns = (
        Column("build"),
        Column("pack"),
        Column("label"),
        Column("size", True),
        Column("of base", True),
    )
    rows = tuple(
        (
            manifest.name,
            entry.name,
            entry.label,
            number(entry.size),
            percent(entry.size / manifest.base_size if manifest.base_size else None),
        )
        for manifest in manifests
        for entry in manifest.packs
    )
    return Grid("published packs", columns, rows)


def _suppressed(manifest: Manifest) -> str:
    return f", {number(manifest.suppressed)} suppressed" if manifest.suppressed else ""


def verified_grid(builds: Sequence[Verified]) -> Grid:
    """What was looked at, and whether it is whole."""
    columns = (
        Column("build"),
        Column("packs", True),
        Column("users", True),
        Column("as published"),
    )
    rows = tuple(
        (each.build, number(each.packs), number(each.users), "no" if each.faults else "yes")
        for each in builds
    )
    return Grid("files held against their manifests", columns, rows)


def log_grid(runs: Sequence[Mapping[str, Any]]) -> Grid:
    """Runs, the newest last: a line for each build, or for the run where it made none."""
    columns = (
        Column("time (UTC)"),
        Column("command"),
        Column("exit", True),
        Column("took", True),
        Column("build"),
        Column("packs", True),
        Column("base", True),
        Column("what"),
    )
    rows = []
    for run in runs:
        head = (
            str(run.get("time", "")).replace("T", " ").removesuffix("Z"),
            str(run.get("command", "")),
            str(run.get("exit", "")),
            duration(float(run.get("seconds", 0))),
        )
        message = str(run.get("message", "")).split("\n", 1)[0]
        for build, packs, base, what in _made(run):
            rows.append((*head, build, packs, base, message or what))
            head = ("", "", "", "")
    return Grid("runs", columns, tuple(rows))


def _made(run: Mapping[str, Any]) -> Iterator[tuple[str, str, str, str]]:
    """What a run made: builds, of so many packs out of such a base, and what became of them."""
    builds: Sequence[Mapping[str, Any]] = run.get("builds") or ()
    for fact in builds:
        what = "unchanged" if fact.get("unchanged") else "published" if "manifest" in fact else ""
        yield str(fact["build"]), number(len(fact["packs"])), number(fact["base"]), what
    for changed in run.get("changed") or ():
        yield str(changed["build"]), "", "", "people were taken out"
    for removed in run.get("removed") or ():
        yield str(removed), "", "", "removed"
    for side in run.get("from") or ():
        yield str(side), "", "", f"written to {run.get('file', '')}"
    if not any(run.get(name) for name in ("builds", "changed", "removed", "from")):
        yield "", "", "", ""


def build_grids(build: Build, pack: str, members: Sequence[object]) -> list[Grid]:
    """One build, or one of its packs with a few members."""
    manifest = build.manifest
    inputs = len(manifest.inputs)
    facts = [
        ("build", manifest.name + (" (some packs only)" if manifest.partial else "")),
        ("label", manifest.label),
        ("base", f"{number(manifest.base_size)} users" + _suppressed(manifest)),
        *([("snapshot", manifest.snapshot)] if manifest.snapshot else []),
        *((each.kind, f"{each.name}, {number(each.size)} ids") for each in manifest.lists),
        (
            "rules",
            ", ".join(f"{rule.path} (sha256 {rule.sha256[:12]}…)" for rule in manifest.rules),
        ),
        ("inputs", f"{number(inputs)} files, {size(sum(each.size for each in manifest.inputs))}"),
        ("program", manifest.program),
        ("folder", str(build.folder)),
    ]
    if pack:
        entry = build.entry(pack)
        share = entry.size / manifest.base_size if manifest.base_size else None
        facts = [
            ("pack", entry.name),
            ("label", entry.label),
            ("size", f"{number(entry.size)} users, {percent(share)} of the base"),
            ("key", manifest.key),
            (
                "members",
                ", ".join(map(str, members)) + (", …" if entry.size > len(members) else ""),
            ),
            ("file", str(build.folder / entry.file)),
            ("sha256", entry.sha256),
            ("ids", entry.ids),
            *facts[:1],
            *facts[2:-1],
        ]
    columns = (Column(""), Column(""))
    grids = [Grid(str(facts[0][1]), columns, tuple((name, str(value)) for name, value in facts))]
    return grids if pack else [*grids, builds_grid([manifest])]
