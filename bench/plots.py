"""Pictures of what the benchmark found; needs altair and vl-convert."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import altair
import vl_convert  # noqa: F401 - altair writes PNG with it

alt: Any = altair  # it has types for half of what it does


def draw(found: dict[str, Any], folder: Path, name: str) -> None:
    """The ratios of all rows, and the seconds of everybody in rows with several rivals."""
    folder.mkdir(exist_ok=True)
    bars, seconds = [], []
    for row in found["rows"].values():
        for one in row["comparisons"]:
            if one["metric"] == "wall":
                shown = f"{row['title']}: {one['ours']} to {' + '.join(one['to'])}"
                low, high = min(one["ratios"]), max(one["ratios"])
                bars.append({"row": shown, "ratio": one["median"], "low": low, "high": high})
        if len(row["runs"]) > 3:
            for who, runs in row["runs"].items():
                wall = statistics.median(run["wall"] for run in runs)
                seconds.append({"row": row["title"], "who": who, "seconds": wall})
    about = f"size {found['size']}, {found['keys']} keys, {found['pairs']} pairs"
    order = [bar["row"] for bar in bars]
    base = alt.Chart(alt.Data(values=bars)).encode(
        y=alt.Y("row:N", sort=order, title=None, axis=alt.Axis(labelLimit=420))
    )
    ratio = base.mark_bar(height=12).encode(
        x=alt.X("ratio:Q", title="wall time, ours to theirs"),
        color=alt.condition("datum.ratio <= 1", alt.value("#3a7d44"), alt.value("#c8553d")),
    )
    spans = base.mark_rule(color="#333").encode(x="low:Q", x2="high:Q")
    even = alt.Chart(alt.Data(values=[{"x": 1}])).mark_rule(strokeDash=[4, 3]).encode(x="x:Q")
    picture = (ratio + spans + even).properties(title=f"Wall time, {about}", width=420)
    picture.save(str(folder / f"ratios-{name}.png"), scale_factor=2)
    if seconds:
        chart = (
            alt.Chart(alt.Data(values=seconds))
            .mark_bar()
            .encode(
                x=alt.X("seconds:Q"),
                y=alt.Y("who:N", title=None, sort="x"),
                color=alt.condition(
                    "datum.who == 'audience'", alt.value("#3a7d44"), alt.value("#9aa5b1")
                ),
                facet=alt.Facet("row:N", columns=2, title=None),
            )
            .properties(title=f"Wall time, {about}", width=300)
            .resolve_scale(x="independent", y="independent")
        )
        chart.save(str(folder / f"seconds-{name}.png"), scale_factor=2)
