"""Results as grids."""

from __future__ import annotations

from collections.abc import Sequence

from audience.engine.steps import Step
from audience.insight.diff import BuildDiff
from audience.insight.summary import Summary, overlap_table
from audience.insight.tags import QUANTILES, TagReport
from audience.kinds import Value
from audience.report.grid import Column, Grid
from audience.report.words import change, number, percent, size
from audience.store.manifest import Manifest
from audience.store.read import Build


def summary_grids(summary: Summary) -> list[Grid]:
    """Sizes, that stages add up, then the overlap of all packs with each other."""
    label = f"  {summary.label}" if summary.label else ""
    title = f"{summary.name}{label}  as of {summary.as_of}"
    title += f"  snapshot {summary.snapshot}" if summary.snapshot else ""
    title += f"  base {number(summary.base)} of {number(summary.users)} users"
    title += f", {number(summary.suppressed)} suppressed" if summary.suppressed else ""
    columns = [
        Column("#", True),
        Column("pack"),
        Column("label"),
        Column("size", True),
        Column("of base", True),
    ]
    doubtful = any(pack.only_missing for pack in summary.packs)
    if doubtful:
        columns.append(Column("only by a missing value", True))
    rows = []
    for place, pack in enumerate(summary.packs, 1):
        row = [str(place), pack.name, pack.label, number(pack.size), percent(pack.share)]
        rows.append(tuple(row + ([number(pack.only_missing)] if doubtful else [])))
    grids = [Grid(title, tuple(columns), tuple(rows))]
    if summary.stages:
        grids.append(_stages_grid(summary))
    stages = [set(each.packs) for each in summary.stages]
    names = {pack.name for pack in summary.packs}
    if len(names) > 1 and not any(names <= each for each in stages):  # stages have no overlap
        grids.append(_overlap_grid(summary))
    return grids


def _stages_grid(summary: Summary) -> Grid:
    """That everybody in the base is in one stage, or how many are in none."""
    rows = []
    for stages in summary.stages:
        parts = [(f"{len(stages.packs)} stages", stages.total)]
        parts += [("in none", stages.rest)] if stages.rest else []
        for what, users in parts:
            share = percent(users / summary.base if summary.base else None)
            rows.append((stages.name, what, number(users), share))
    columns = (Column("stages"), Column(""), Column("size", True), Column("of base", True))
    title = f"stages: parts of the base of {number(summary.base)} users"
    return Grid(title, columns, tuple(rows))


def _overlap_grid(summary: Summary) -> Grid:
    pairs = overlap_table(summary)
    heads = [Column(str(place), True) for place in range(1, len(summary.packs) + 1)]
    rows = []
    for place, one in enumerate(summary.packs, 1):
        cells = []
        for other in summary.packs:
            if one is other:
                cells.append("·")
            else:
                both = pairs[one.name, other.name]
                cells.append(f"{number(both.both)} {percent(both.share)}" if both.both else "0")
        rows.append((str(place), one.name, *cells))
    title = "overlap: users in both, and their share of the row's pack"
    return Grid(title, (Column("#", True), Column("pack"), *heads), tuple(rows))


def diff_grids(diff: BuildDiff, *, matrix: bool) -> list[Grid]:
    """What changed, what is on one side only, and on request how users moved."""
    grids = []
    title = f"{diff.old} → {diff.new}"
    if diff.packs:
        names = ("pack", "label", "old", "new", "change", "kept", "added", "removed", "Jaccard")
        columns = tuple(Column(name, name not in {"pack", "label"}) for name in names)
        rows = tuple(
            (
                pack.name,
                pack.label,
                number(pack.old_size),
                number(pack.new_size),
                change(pack.change),
                number(pack.kept),
                number(pack.added),
                number(pack.removed),
                "–" if pack.jaccard is None else f"{pack.jaccard:.3f}",
            )
            for pack in diff.packs
        )
        grids.append(Grid(title, columns, rows))
    lone = [(diff.old, pack) for pack in diff.only_old] + [
        (diff.new, pack) for pack in diff.only_new
    ]
    if lone:
        heads = (Column("pack"), Column("label"), Column("size", True), Column("only in"))
        head = "packs on one side only" if diff.packs else f"{title}: no pack on both sides"
        lines = tuple((pack.name, pack.label, number(pack.size), where) for where, pack in lone)
        grids.append(Grid(head, heads, lines))
    if matrix:
        grids.append(_matrix_grid(diff))
    return grids


def _matrix_grid(diff: BuildDiff) -> Grid:
    names = list(diff.matrix[0].into) if diff.matrix else []
    heads = (Column("old pack"), Column("size", True), *(Column(name, True) for name in names))
    rows = tuple(
        (
            row.pack,
            number(row.size),
            *(number(row.into[name]) for name in names),
            number(row.out),
        )
        for row in diff.matrix
    )
    title = "where each old pack's users are among the new packs (one user may be in several)"
    return Grid(title, (*heads, Column("in none", True)), rows)


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
