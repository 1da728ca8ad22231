"""The table of predicates on a column and of measures over a user's events.

One function an operator. The parser, the JSON Schema, the documentation, the suggestions and the
engines all read these two tables, so a new operator is one function here and one case file in
``tests/cases/operators``.
"""

from audience.operators import measures as measures
from audience.operators import predicates as predicates
from audience.operators.table import (
    MEASURES,
    PREDICATES,
    Measure,
    Predicate,
    Takes,
)

__all__ = ["MEASURES", "PREDICATES", "Measure", "Predicate", "Takes"]
