"""Booleans packed into whole numbers: a row with a hundred of them is two numbers to be sent on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from pyspark.sql import functions as F

if TYPE_CHECKING:
    from pyspark.sql import Column

BITS = 63
"""Booleans in one whole number: a bit each, and none for the sign."""


class Words:
    """Booleans by name, in columns called by a prefix and a number."""

    def __init__(self, prefix: str, names: Sequence[str]) -> None:
        self.prefix = prefix
        self.places = {name: divmod(number, BITS) for number, name in enumerate(names)}
        """By name which word, and which bit of it."""

    @property
    def columns(self) -> list[str]:
        """The names of the columns."""
        return [f"{self.prefix}{word}" for word in range(-(-len(self.places) // BITS))]

    def pack(self, flags: Mapping[str, Column]) -> list[Column]:
        """The columns, of booleans by their names; one that is missing counts as false."""
        bits: list[list[Column]] = [[] for _ in self.columns]
        for name, (word, place) in self.places.items():
            bit = F.when(flags[name], F.lit(1 << place)).otherwise(F.lit(0))
            bits[word].append(bit.cast("bigint"))
        summed = [sum(each[1:], each[0]) for each in bits]
        return [made.alias(name) for made, name in zip(summed, self.columns, strict=True)]

    def bit(self, name: str) -> Column:
        """One of the booleans; missing where the number is."""
        word, place = self.places[name]
        return self.at(word, place)

    def at(self, word: int, place: int) -> Column:
        """The boolean at a place."""
        return F.getbit(F.col(f"{self.prefix}{word}"), F.lit(place)) == 1
