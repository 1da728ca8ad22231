"""Patterns of rules that run on Spark: Java must be able to take them."""

from __future__ import annotations

from collections.abc import Iterable

from audience.operators.java import for_java
from audience.operators.pattern import PatternError
from audience.rules.reader import Problems
from audience.rules.tree import RuleFile
from audience.rules.walk import tests_of


def check_for_java(files: Iterable[RuleFile], problems: Problems) -> None:
    """Note the patterns that other engines take and Spark does not."""
    for test in (test for file in files for test in tests_of(file)):
        if test.predicate.name == "matches":
            try:
                for_java(str(test.argument))
            except PatternError as error:
                problems.error(
                    test.at,
                    f"not a usable pattern on Spark: {error}",
                    "repetitions of a fixed form, as `(ab)+` or `[ab]+`, or the polars engine",
                )
