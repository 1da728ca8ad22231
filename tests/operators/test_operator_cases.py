"""Every operator's case file: what is in, out and missing, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml
from yaml.constructor import SafeConstructor

import audience
from audience.kinds import Kind
from audience.operators import MEASURES, PREDICATES, Measure, Predicate

FOLDER = Path(__file__).parent.parent / "cases" / "operators"
HEAD = "campaign: operators\nphase: all\nas_of: 2024-03-01\npacks:\n"
HEAD_LINES = HEAD.count("\n")

COLUMNS: dict[str, tuple[Kind, pl.DataType]] = {
    "bool": (Kind.BOOL, pl.Boolean()),
    "integer": (Kind.INTEGER, pl.Int64()),
    "small integer": (Kind.INTEGER, pl.Int8()),
    "unsigned integer": (Kind.INTEGER, pl.UInt64()),
    "number": (Kind.NUMBER, pl.Float64()),
    "single number": (Kind.NUMBER, pl.Float32()),
    "decimal": (Kind.NUMBER, pl.Decimal(12, 2)),
    "text": (Kind.TEXT, pl.String()),
    "category": (Kind.TEXT, pl.Categorical()),
    "date": (Kind.DATE, pl.Date()),
    "timestamp": (Kind.TIMESTAMP, pl.Datetime("us")),
    "zoned timestamp": (Kind.TIMESTAMP, pl.Datetime("us", "UTC")),
}
LIST_OF = "list of "
LISTS = [f"{LIST_OF}{item}" for item in COLUMNS if "timestamp" not in item and item != "decimal"]


def kind_of(column: str) -> Kind:
    return Kind.LIST if column.startswith(LIST_OF) else COLUMNS[column][0]


def type_of(column: str) -> pl.DataType:
    item = column.removeprefix(LIST_OF)
    return COLUMNS[item][1] if item == column else pl.List(COLUMNS[item][1])


def stored(value: Any, column: str) -> Any:
    """A value of a case file as Polars takes it for a column."""
    if value is None:
        return None
    if column.startswith(LIST_OF):
        return [stored(item, column.removeprefix(LIST_OF)) for item in value]
    if column == "decimal":
        return Decimal(value)
    if column == "timestamp":
        return at(value)
    return value


def at(value: Any) -> datetime | None:
    """A time; a day is its first moment."""
    if isinstance(value, date) and not isinstance(value, datetime):
        return datetime.combine(value, time())
    assert value is None or isinstance(value, datetime)
    return value


@dataclass(frozen=True)
class Case:
    """What is written on a column, and of which values (for a measure: of which users' rows) it
    holds. ``column`` is '' for a measure of the events themselves: the rows are their times.
    """

    operator: str
    number: int
    column: str
    written: str
    inside: Sequence[Any]
    outside: Sequence[Any]

    @property
    def place(self) -> str:
        return f"{self.operator}.yaml, case {self.number}, {self.column}: {self.written}"

    @property
    def rows(self) -> list[Any]:
        return [*self.inside, *self.outside]


@dataclass(frozen=True)
class Refused:
    operator: str
    column: str
    written: str
    message: str

    @property
    def place(self) -> str:
        return f"{self.operator}.yaml, refused, {self.column}: {self.written}"


@dataclass(frozen=True)
class CaseFile:
    operator: str
    doc: str
    cases: list[Case] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)


def load(path: Path) -> CaseFile:
    """A case file; what is `written` stays the text it was written as."""
    text = path.read_text(encoding="utf-8")
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, yaml.MappingNode)
    for section, items in root.value:
        for item in items.value if section.value != "doc" else ():
            for place, (key, value) in enumerate(item.value):
                if key.value == "written":
                    source = text[value.start_mark.index : value.end_mark.index]
                    item.value[place] = (key, yaml.ScalarNode("tag:yaml.org,2002:str", source))
    data = SafeConstructor().construct_document(root)
    assert set(data) == {"doc", "cases", "refused"}, path
    file = CaseFile(path.stem, data["doc"])
    for number, item in enumerate(data["cases"], 1):
        assert set(item) - {"column"} == {"written", "in", "out"}, f"{path}, case {number}"
        column, written = item.get("column", ""), item["written"]
        file.cases.append(Case(path.stem, number, column, written, item["in"], item["out"]))
    for item in data["refused"]:
        assert set(item) - {"column"} == {"written", "message"}, f"{path}, {item}"
        column = item.get("column", "")
        file.refused.append(Refused(path.stem, column, item["written"], item["message"]))
    return file


FILES = {path.stem: load(path) for path in sorted(FOLDER.glob("*.yaml"))}
CASES = [case for file in FILES.values() for case in file.cases]
REFUSED = [case for file in FILES.values() for case in file.refused]
OPERATORS: dict[str, Predicate | Measure] = {**PREDICATES, **MEASURES}


def condition(operator: str, column: str, name: str, written: str, event: str = "") -> str:
    """The condition of a case whose column is called ``name``."""
    if operator in PREDICATES:
        return f"{{{name}: {written}}}"
    measured = f"{{{name}: {written}}}" if column else written
    return f"{{did: {{{event}{operator}: {measured}}}}}"


def pack(number: int, where: str) -> str:
    """A pack on one line, so that a problem's line tells the pack."""
    assert "\n" not in where
    return f"  p{number}: {{where: {where}}}\n"


class Project:
    """One project for all cases: a column for each, the users its values in their order."""

    def __init__(self, folder: Path, cases: Sequence[Case]) -> None:
        self.folder = folder
        self.size = max(len(case.rows) for case in cases)
        (folder / "rules").mkdir(parents=True)
        (folder / "audience.yaml").write_text(
            "time_zone: Asia/Shanghai\ntables:\n"
            "  users: {path: users.parquet, key: user_id, allow_empty: true}\n"
            "  events: {path: events.parquet, key: user_id, time: ts, action: action,\n"
            "    allow_empty: true}\n"
        )
        users: dict[str, pl.Series] = {"user_id": pl.Series(range(self.size))}
        events = []
        for number, case in enumerate(cases):
            if case.operator in PREDICATES:
                values = [stored(value, case.column) for value in case.rows]
                values += [None] * (self.size - len(values))
                users[f"c{number}"] = pl.Series(values, dtype=type_of(case.column))
            else:
                events.append(self._events(number, case))
        pl.DataFrame(users).write_parquet(folder / "users.parquet")
        pl.concat(events, how="diagonal").write_parquet(folder / "events.parquet")

    def _events(self, number: int, case: Case) -> pl.DataFrame:
        pairs = [(user, value) for user, values in enumerate(case.rows) for value in values]
        keys = pl.Series([user for user, _ in pairs], dtype=pl.Int64())
        actions = pl.Series([f"c{number}"] * len(pairs), dtype=pl.String())
        times = [datetime(2024, 2, 1, 12) if case.column else at(value) for _, value in pairs]
        columns = {"user_id": keys, "action": actions, "ts": pl.Series(times, dtype=pl.Datetime())}
        if case.column:
            values = [stored(value, case.column) for _, value in pairs]
            columns[f"c{number}"] = pl.Series(values, dtype=type_of(case.column))
        return pl.DataFrame(columns)

    def select(self, cases: Mapping[int, Case], engine: str) -> dict[int, set[int] | str]:
        """For each case its users, or why there is no answer."""
        texts = []
        for number, case in cases.items():
            event = f"event: c{number}, "
            written = condition(case.operator, case.column, f"c{number}", case.written, event)
            texts.append(pack(number, written))
        path = self.folder / "rules" / "all.yaml"
        path.write_text(HEAD + "".join(texts))
        try:
            result = audience.build(audience.load(self.folder), dry_run=True, engine=engine)[0]
        except Exception as error:
            # One case that fails must not hide what is wrong with others: halve until it is alone.
            if len(cases) == 1:
                return dict.fromkeys(cases, f"{type(error).__name__}: {error}")
            numbers = list(cases)
            half = len(numbers) // 2
            return {
                **self.select({number: cases[number] for number in numbers[:half]}, engine),
                **self.select({number: cases[number] for number in numbers[half:]}, engine),
            }
        return {number: set(result.ids(f"p{number}").to_pylist()) for number in cases}


def test_every_operator_has_its_case_file_and_every_case_file_its_operator() -> None:
    assert set(FILES) == set(OPERATORS)


@pytest.mark.parametrize(
    "engine", ["polars", "duckdb", pytest.param("spark", marks=pytest.mark.soak)]
)
def test_what_is_in_is_in_and_what_is_out_is_out(tmp_path: Path, engine: str) -> None:
    project = Project(tmp_path / "project", CASES)
    found = project.select(dict(enumerate(CASES)), engine)
    wrong = []
    for number, case in enumerate(CASES):
        users = found[number]
        if isinstance(users, str):
            wrong.append(f"{case.place}: {users}")
            continue
        for row, value in enumerate(case.rows):
            wanted = row < len(case.inside)
            if (row in users) is not wanted:
                wrong.append(f"{case.place}: {value!r} is {'out' if wanted else 'in'}")
    assert not wrong, "\n".join(wrong[:40])


@pytest.mark.parametrize("operator", OPERATORS)
def test_a_case_file_covers_each_kind_of_column(operator: str) -> None:
    file = FILES[operator]
    kinds = OPERATORS[operator].kinds
    assert file.doc
    assert file.refused
    for kind in kinds or {None}:
        cases = [case for case in file.cases if (kind_of(case.column) if kind else None) is kind]
        assert any(case.inside for case in cases), f"nothing is in on {kind}"
        assert any(case.outside for case in cases), f"nothing is out on {kind}"
        values = [row for case in cases for row in case.rows]
        if operator in MEASURES:
            assert [] in values, f"no user without an event on {kind}"
            values = [value for rows in values for value in rows]
        assert None in values, f"no missing value on {kind}"


def problems_of(folder: Path, conditions: Sequence[str]) -> dict[int, list[str]]:
    """The problems of each condition that has any, over tables with a column of every type."""
    (folder / "rules").mkdir()
    names = [*COLUMNS, *LISTS]
    columns = {slug(name): pl.Series([], dtype=type_of(name)) for name in names}
    key = {"user_id": pl.Series([], dtype=pl.Int64())}
    times = {
        "ts": pl.Series([], dtype=pl.Datetime()),
        "action": pl.Series([], dtype=pl.String()),
    }
    pl.DataFrame(key | columns).write_parquet(folder / "users.parquet")
    pl.DataFrame(key | times | columns).write_parquet(folder / "events.parquet")
    (folder / "audience.yaml").write_text(
        "tables:\n  users: {path: users.parquet, key: user_id, allow_empty: true}\n"
        "  events: {path: events.parquet, key: user_id, time: ts, action: action,\n"
        "    allow_empty: true}\n"
    )
    texts = [pack(number, where) for number, where in enumerate(conditions)]
    (folder / "rules" / "all.yaml").write_text(HEAD + "".join(texts))
    out: dict[int, list[str]] = {}
    for problem in audience.check(audience.load(folder)).problems:
        assert problem.at is not None
        out.setdefault(problem.at.line - HEAD_LINES - 1, []).append(problem.message)
    return out


def slug(column: str) -> str:
    return column.replace(" ", "_")


def test_what_is_refused_is_refused_with_the_reason(tmp_path: Path) -> None:
    found = problems_of(
        tmp_path,
        [
            condition(case.operator, case.column, slug(case.column), case.written)
            for case in REFUSED
        ],
    )
    wrong = [
        f"{case.place}: {found.get(number, 'taken')}, not `{case.message}`"
        for number, case in enumerate(REFUSED)
        if not any(case.message in message for message in found.get(number, ()))
    ]
    assert not wrong, "\n".join(wrong[:40])


def test_an_operator_stands_on_its_kinds_of_column_only(tmp_path: Path) -> None:
    pairs = [
        (operator, column)
        for operator, entry in OPERATORS.items()
        for column in [*COLUMNS, *LISTS]
        if entry.kinds and kind_of(column) not in entry.kinds
    ]
    found = problems_of(
        tmp_path,
        [
            condition(
                operator,
                column,
                slug(column),
                "1.." if operator in MEASURES else f"{{{operator}: 1}}",
            )
            for operator, column in pairs
        ],
    )
    assert len(pairs) > 100
    for number, (operator, column) in enumerate(pairs):
        messages = found.get(number, [])
        assert len(messages) == 1, (operator, column, messages)
        assert f"`{operator}` does not stand on" in messages[0]


def test_what_is_in_a_case_file_is_taken_by_check(tmp_path: Path) -> None:
    conditions = [
        condition(case.operator, case.column, slug(case.column), case.written) for case in CASES
    ]
    found = problems_of(tmp_path, conditions)
    assert not {CASES[number].place: messages for number, messages in found.items()}


def test_no_operator_is_both_a_predicate_and_a_measure() -> None:
    assert not set(PREDICATES) & set(MEASURES)
