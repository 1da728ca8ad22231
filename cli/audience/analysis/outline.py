"""What tags' columns hold, in outline: the most frequent values, or where a quarter lies."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import narwhals.stable.v2 as nw

from audience.cache import Cache
from audience.engine.base import OWN, Engine
from audience.engine.choice import open_engine
from audience.engine.codes import Codebook
from audience.engine.columns import scan
from audience.engine.diagnosis import named_files
from audience.engine.tables import TableData
from audience.insight.tags import (
    ValueCount,
    is_listed,
    listed_values,
    values_among,
    values_at,
)
from audience.kinds import Kind, Tag
from audience.rules.project import Project
from audience.threads import in_threads

EDGES = (0.25, 0.5, 0.75, 0.9)
_COUNT = OWN + "count"


@dataclass(frozen=True)
class Outline:
    """A tag's most frequent values, or of numbers and dates those at :data:`EDGES` of all."""

    tag: Tag
    values: tuple[ValueCount, ...]
    edges: tuple[Any, ...]


def outlines(
    project: Project,
    table: TableData,
    tags: Sequence[Tag],
    top: int,
    codes: Codebook,
    cache: Cache,
) -> tuple[Outline, ...]:
    """The outlines of some columns of a user table. Columns that are read go into ``codes``.

    Raises DataError.
    """
    running = open_engine(project)
    try:
        with named_files([table], running), running.refusals():

            def find(tag: Tag) -> Outline:
                if is_listed(tag):
                    counts = _counts(running, table, tag, codes, cache)
                    return Outline(tag, listed_values(tag, counts, top), ())
                if running.far:
                    return Outline(tag, (), values_among(counted_there(running, table, tag), EDGES))
                column = running.fetch(_read(running, table, tag))[tag.name].drop_null()
                return Outline(tag, (), values_at(column, EDGES))

            if running.concurrent:
                return tuple(in_threads(find, tags))
            return tuple(map(find, tags))
    finally:
        running.close()


def _counts(
    engine: Engine, table: TableData, tag: Tag, book: Codebook, cache: Cache
) -> Iterable[tuple[Any, int]]:
    """How many users have each value of a tag, or how often their lists have it."""
    codes = book.read(table, tag.name, cache)
    if codes is not None:
        return codes.counts()
    return counted_there(engine, table, tag)


def counted_there(engine: Engine, table: TableData, tag: Tag) -> list[tuple[Any, int]]:
    """The same, counted by the engine."""
    known = _read(engine, table, tag).filter(~nw.col(tag.name).is_null())
    if tag.type.kind is Kind.LIST:
        known = known.explode(tag.name).filter(~nw.col(tag.name).is_null())
    counted = engine.fetch(known.group_by(tag.name).agg(nw.len().alias(_COUNT)))
    return list(zip(counted[tag.name].to_pylist(), counted[_COUNT].to_pylist(), strict=True))


def _read(engine: Engine, table: TableData, tag: Tag) -> nw.LazyFrame[Any]:
    return scan(engine, table, table.files, [tag.name]).select(tag.name)
