"""One chart of a report, by its name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from audience.errors import UsageError, nearest
from audience.insight.report import Report
from audience.report import pictures, portraits, rates
from audience.report.charts import (
    Bars,
    Changes,
    Chart,
    Drops,
    Heat,
    Indices,
    Rates,
    Sankey,
    Upset,
)
from audience.report.language import Language, Words
from audience.report.telling import Telling, pack_name

_NUMBERS: Mapping[type[Chart], str] = {
    Bars: "numbers_bars",
    Drops: "numbers_drops",
    Heat: "numbers_heat",
    Upset: "numbers_users",
    Indices: "numbers_indices",
    Rates: "numbers_rates",
    Sankey: "numbers_users",
    Changes: "numbers_users",
}
"""What the numbers of each kind of chart are, by the key of its words."""


def chart_of(report: Report, name: str, language: str | None = None) -> Chart:
    """The chart that ``kind`` or ``kind:PACK`` names, in `en` or `zh`, or the report's language.

    Raises UsageError with what there is.
    """
    charts = _charts(report, Words(Language.of(language or report.language)))
    made = charts.get(name)
    if made is None:
        if not report.conversions and name.partition(":")[0] in {"conversions", "conversion"}:
            raise UsageError(f"no chart `{name}`: it needs --goal, what users are to have done")
        close = nearest(name, charts)
        hint = f"; did you mean {close}?" if close else ""
        there = sorted(charts, key=lambda each: each != close)
        raise UsageError(f"no chart `{name}`{hint}; there is {', '.join(there)}")
    return made()


def heading_of(
    report: Report, name: str, chart: Chart, language: str | None = None
) -> tuple[str, ...]:
    """What stands above a chart by itself: its title, of what pack and day it is, its numbers."""
    words = Words(Language.of(language or report.language))
    subject = report.name + (f"/{of}" if (of := name.partition(":")[2]) else "")
    numbers = words(_NUMBERS[type(chart)])
    return chart.title, " · ".join((subject, report.as_of.isoformat(), numbers))


def _charts(report: Report, words: Words) -> dict[str, Callable[[], Chart]]:
    """All charts by name, each drawn when it is asked for."""
    out: dict[str, Callable[[], Chart]] = {
        "sizes": partial(pictures.sizes_chart, report.headlines, words)
    }
    if report.overlaps is not None:
        out["heat"] = partial(pictures.heat_chart, report.overlaps, words)
        out["upset"] = partial(pictures.upset_chart, report.overlaps, words)
    for waterfall in report.waterfalls:
        name = f"waterfall:{pack_name(waterfall.found.pack)}"
        out[name] = partial(pictures.waterfall_chart, waterfall, words)
    for profile in report.profiles:
        pack = pack_name(profile.found.pack)
        label = report.labels.get(pack, "")
        out[f"profile:{pack}"] = partial(portraits.profile_chart, profile, words, label)
    if report.conversions:
        out["conversions"] = partial(rates.overview_chart, report, words)
    for parts in rates.conversions_of(report):
        name = f"conversion:{pack_name(parts[0].found.source)}"
        out[name] = partial(rates.conversions_chart, report, parts, words)
    for flow in report.flows:
        out[f"flow:{flow.stages}"] = partial(portraits.flow_chart, flow, words, report.labels)
    if report.reasons is not None:
        tell = Telling(words, report.reasons.hidden)
        for each in report.reasons.found.packs:
            out[f"reasons:{pack_name(each.pack)}"] = partial(portraits.causes_chart, each, tell)
    return out
