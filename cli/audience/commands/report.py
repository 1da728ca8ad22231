"""``report``: everything about a phase's packs as one page, or one chart of it as a picture."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audience.commands.options import (
    AsOfOption,
    EngineOption,
    NoCacheOption,
    PackOption,
    ProjectOption,
    VarOption,
    read_as_of,
    read_day,
    read_names,
    read_variables,
)
from audience.commands.output import guarded, say
from audience.errors import UsageError

if TYPE_CHECKING:
    from audience.insight.report import Report


class ReportFormat(StrEnum):
    """What a report is written as."""

    HTML = "html"
    SVG = "svg"
    PNG = "png"


class Theme(StrEnum):
    """The colours of a page or a picture."""

    AUTO = "auto"
    LIGHT = "light"
    DARK = "dark"


@guarded
def report(
    subject: Annotated[
        str,
        typer.Argument(
            metavar="RULES|BUILD",
            help=r"A rule file, or what is published: campaign/phase\[@as_of].",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="The file; default: campaign-phase-as_of.html in the working directory.",
            show_default=False,
        ),
    ] = None,
    goal: Annotated[
        str | None,
        typer.Option(
            help="What users are to have done, a pack or a condition: of each pack who did.",
            show_default=False,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            help="The earlier day it is compared with; default: that of the last build before.",
            show_default=False,
        ),
    ] = None,
    tags: Annotated[
        str | None,
        typer.Option(help="Profiles by these tags alone, with commas.", show_default=False),
    ] = None,
    lang: Annotated[
        str | None,
        typer.Option(help="en or zh; default: the project's `lang`.", show_default=False),
    ] = None,
    theme: Annotated[
        Theme, typer.Option(help="A page's colours; auto is what the reader's system prefers.")
    ] = Theme.AUTO,
    chart: Annotated[
        str | None,
        typer.Option(
            help="The one chart of a picture: sizes, heat, upset, waterfall:PACK, profile:PACK, "
            "conversions, conversion:PACK, flow:STAGES, reasons:PACK.",
            show_default=False,
        ),
    ] = None,
    pack: PackOption = None,
    as_of: AsOfOption = None,
    var: VarOption = None,
    engine: EngineOption = None,
    no_cache: NoCacheOption = False,
    format: Annotated[
        ReportFormat, typer.Option("--format", "-f", help="A page, or one chart as a picture.")
    ] = ReportFormat.HTML,
    min_cell: Annotated[
        int | None,
        typer.Option(
            min=0,
            help="Hide counts below this, and those that would tell them; default: the project's "
            "`min_cell`.",
            show_default=False,
        ),
    ] = None,
    project: ProjectOption = None,
) -> None:
    """Write all about a phase's packs into one page to be sent: sizes, who, what changed, why."""
    from audience import api
    from audience.insight.report_cells import with_hidden
    from audience.report.language import Language

    picture = format is not ReportFormat.HTML
    if picture != (chart is not None):
        raise UsageError("--format svg and png are of one chart, which --chart names")
    opened = api.load(project)
    language = Language.of(lang or opened.lang)
    found = api.report_on(
        opened,
        subject,
        as_of=read_as_of(as_of, opened),
        packs=pack or (),
        variables=read_variables(var),
        tags=read_names(tags),
        goal=goal,
        since=None if since is None else read_day("--since", since, opened),
        engine=engine,
        cache=not no_cache,
        lang=language,
    )
    shared = with_hidden(found, opened.min_cell if min_cell is None else min_cell)
    name = f"{found.campaign}-{found.phase}-{found.as_of}"
    path = out or Path(f"{name}.{format.value}")
    data = _drawn(shared, format, theme, chart or "")
    api.write_report(path, data)
    say(f"wrote {path}")


def _drawn(report: Report, format: ReportFormat, theme: Theme, chart: str) -> bytes:
    from audience.report.charts import draw, to_png, to_svg
    from audience.report.page import render_page
    from audience.report.picture import chart_of, heading_of

    if format is ReportFormat.HTML:
        return render_page(report, theme="" if theme is Theme.AUTO else theme.value).encode()
    found = chart_of(report, chart)
    drawn, heading = draw(found), heading_of(report, chart, found)
    colours = Theme.LIGHT.value if theme is Theme.AUTO else theme.value
    if format is ReportFormat.SVG:
        return to_svg(drawn, colours, heading=heading).encode()
    return to_png(drawn, colours, heading=heading)
