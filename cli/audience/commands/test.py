"""``test``: the cases beside rule files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from audience.commands.exits import ExitCode
from audience.commands.options import (
    EngineOption,
    FormatOption,
    ProjectOption,
    QuietOption,
    RulesArgument,
    VarOption,
    read_variables,
)
from audience.commands.output import Format, guarded, say, write_json

if TYPE_CHECKING:
    from audience.cases.run import CasesReport


@guarded
def run_cases(
    rules: RulesArgument = None,
    var: VarOption = None,
    engine: EngineOption = None,
    format: FormatOption = Format.TABLE,
    project: ProjectOption = None,
    quiet: QuietOption = False,
) -> None:
    """Run the cases of rule files: X.cases.yaml beside X.yaml."""
    from audience import api
    from audience.report.cases import render_failure

    reports = api.check_cases(
        api.load(project), rules or (), variables=read_variables(var), engine=engine
    )
    failures = [failure for report in reports for failure in report.failures]
    if format is Format.JSON:
        write_json({"files": [_report_dict(report) for report in reports]})
    else:
        for each in failures:
            typer.echo(
                render_failure(each.case, each.pack, each.user, each.must_be_in, each.at, each.why)
            )
            typer.echo("")
        if not quiet:
            for report in reports:
                _tell(report)
    if failures:
        if format is Format.TABLE:
            say(f"{len(failures)} of {sum(each.checks for each in reports):,} checks failed")
        raise typer.Exit(ExitCode.CASES)


def _tell(report: CasesReport) -> None:
    from audience.report.words import counted

    failed = f", {len(report.failures)} failed" if report.failures else ""
    counts = f"{counted(report.cases, 'case')}, {counted(report.checks, 'check')}"
    say(f"{report.path}: {counts}{failed}")
    if report.untested:
        say(f"  no case has {', '.join(report.untested)}")


def _report_dict(report: CasesReport) -> dict[str, Any]:
    from audience.report.cases import why_dicts

    return {
        "path": report.path,
        "rules": report.rules,
        "cases": report.cases,
        "checks": report.checks,
        "failures": [
            {
                "case": each.case,
                "pack": each.pack,
                "user": each.user,
                "must_be_in": each.must_be_in,
                "line": each.at.line,
                "column": each.at.column,
                "why": why_dicts(each.why),
            }
            for each in report.failures
        ],
        "untested": list(report.untested),
    }
