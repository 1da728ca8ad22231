"""``check`` and ``schema``: rule files before anything is run."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from audience.commands.exits import ExitCode
from audience.commands.options import (
    FormatOption,
    ProjectOption,
    QuietOption,
    RulesArgument,
    VarOption,
    read_variables,
)
from audience.commands.output import Format, guarded, say, write_json
from audience.errors import RuleError, count_of


class SchemaKind(StrEnum):
    """Which file a schema is of."""

    RULES = "rules"
    PROJECT = "project"


@guarded
def check(
    rules: RulesArgument = None,
    var: VarOption = None,
    format: FormatOption = Format.TABLE,
    project: ProjectOption = None,
    quiet: QuietOption = False,
) -> None:
    """Find every problem of the project and its rule files, without reading rows."""
    from audience import api
    from audience.report.problems import problem_dict, render_problems
    from audience.report.words import counted

    try:
        report = api.check(api.load(project), rules or (), variables=read_variables(var))
    except RuleError as error:
        report = api.CheckReport((), error.problems, ())
    told = report.problems if quiet else (*report.problems, *report.warnings)
    if format is Format.JSON:
        write_json({"files": len(report.files), "problems": [problem_dict(each) for each in told]})
    elif told:
        say(render_problems(told))
    if report.problems:
        if format is Format.TABLE:
            say(f"\n{counted(count_of(report.problems), 'error')}")
        raise typer.Exit(ExitCode.RULES)
    if not quiet and format is Format.TABLE:
        packs = sum(len(file.packs) for file in report.files)
        warnings = counted(count_of(report.warnings), "warning")
        text = f"{counted(len(report.files), 'rule file')}, {counted(packs, 'pack')}: no errors"
        say(("\n" if told else "") + text + (f", {warnings}" if report.warnings else ""))


@guarded
def schema(
    kind: Annotated[SchemaKind, typer.Argument(help="Which file it is of.")] = SchemaKind.RULES,
    write: Annotated[
        bool, typer.Option("--write", help="Write both schemas into the project's .audience/.")
    ] = False,
    project: ProjectOption = None,
) -> None:
    """Print the JSON Schema of rule files or of audience.yaml, for editors.

    Inside a project, the schema of rule files knows its tags and their values.
    """
    from audience import api

    if write:
        for path in api.write_schemas(api.load(project)):
            say(f"wrote {path}")
        return
    write_json(api.schema(kind.value, api.load_if_any(project)))
