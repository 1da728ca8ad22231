"""The case files of a project, and what is needed to run them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path

from audience.cases.reader import SUFFIX, Case, CaseFile, read_case_file
from audience.cases.run import Prepared, spellings
from audience.errors import UsageError, listed
from audience.rules.project import Project
from audience.rules.reader import Problems
from audience.rules.tree import Published, RuleFile
from audience.rules.walk import conditions_of, lists_of
from audience.workspace import RULE_SUFFIXES, Workspace, read_rules, shown

Given = tuple[tuple[str, str], ...]


def find_cases(project: Project, rules: Sequence[str | Path]) -> list[tuple[Path, Path]]:
    """Rule files with the case files beside them. Raises UsageError where there is none."""
    wanted = [Path(each) for each in rules] or [project.rules]
    found = {path.resolve(): path for each in wanted for path in _below(each)}
    if not found:
        where = ", ".join(shown(each) for each in wanted)
        raise UsageError(f"no case file in {where}; the cases of X.yaml are in X{SUFFIX} beside it")
    return [(_rules_of(path), path) for _, path in sorted(found.items())]


def read_cases(
    workspace: Workspace, paths: Sequence[tuple[Path, Path]], problems: Problems
) -> list[CaseFile]:
    """The case files; their problems go to ``problems``."""
    zone = workspace.project.time_zone
    read = (
        read_case_file(path, shown(path), rules, workspace.catalog, zone, problems)
        for rules, path in paths
    )
    return [found for found in read if found is not None]


def prepare_cases(
    workspace: Workspace, case_file: CaseFile, variables: Mapping[str, str], problems: Problems
) -> list[Prepared]:
    """The cases by day and variables, with the rule file as these make it."""
    groups: dict[tuple[date | None, Given], list[Case]] = {}
    for case in case_file.cases:
        given = tuple(sorted({**case.variables, **variables}.items()))
        groups.setdefault((case.as_of, given), []).append(case)
    files: dict[Given, RuleFile | None] = {}
    out = []
    for (_, given), cases in groups.items():
        if given not in files:
            try:
                read = read_rules(workspace, [case_file.rules], problems, dict(given))
            except UsageError as error:
                if any(f"variable `{name}`" in str(error) for name in variables):
                    raise  # one of the command line's
                problems.error(cases[0].at, str(error), "a variable of the rule file")
                read = []
            files[given] = read[0] if read else None
        file = files[given]
        if file is None:
            continue
        day = cases[0].as_of or file.as_of
        if day is None:
            expected = "`as_of:` in the case file or in the rule file"
            problems.error(cases[0].at, "the case has no day", expected)
        else:
            _check_packs(file, cases, problems)
            _check_lists(file, cases, problems)
            out.append(Prepared(file, day, tuple(cases)))
    return out


def _check_lists(file: RuleFile, cases: Sequence[Case], problems: Problems) -> None:
    """A list that no rule reads is a slip in its name: the one that is meant would be empty."""
    known = {each.path for each in lists_of(file)}
    for condition in conditions_of(file):
        if isinstance(condition, Published):
            known |= {*spellings(condition.reference)}
    for case in cases:
        for name in case.lists:
            if name not in known:
                problems.error(
                    case.at,
                    f"no rule reads the list `{name}`",
                    "one of " + listed(sorted(known)),
                    meant=(name, known),
                )


def _check_packs(file: RuleFile, cases: Sequence[Case], problems: Problems) -> None:
    names = [pack.name for pack in file.packs]
    for expected in (each for case in cases for each in case.expected):
        if expected.pack not in names:
            problems.error(
                expected.at,
                f"no pack `{expected.pack}` in {file.name}",
                "one of " + listed(names),
                meant=(expected.pack, names),
            )


def _below(path: Path) -> Iterator[Path]:
    if path.is_dir():
        yield from sorted(each for each in path.rglob(f"*{SUFFIX}") if each.is_file())
    elif path.name.endswith(SUFFIX):
        if not path.is_file():
            raise UsageError(f"there is no case file {path}")
        yield path
    else:
        beside = path.with_name(path.stem + SUFFIX)
        if not path.is_file():
            raise UsageError(f"there is no rule file {path}")
        if beside.is_file():
            yield beside


def _rules_of(path: Path) -> Path:
    name = path.name.removesuffix(SUFFIX)
    for suffix in sorted(RULE_SUFFIXES):
        if (path.with_name(name + suffix)).is_file():
            return path.with_name(name + suffix)
    raise UsageError(f"{shown(path)} is beside no rule file {name}.yaml")
