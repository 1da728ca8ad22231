"""Write the generated tables of the documentation: `python docs/generate.py [--check]`.

A table stands between `<!-- name -->` and `<!-- /name -->` and is made from the program's own
tables, so that it can't fall behind them. With `--check` nothing is written, and the exit code is 1
where a file is stale.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from audience.commands.exits import ExitCode
from audience.kinds import Kind
from audience.operators import MEASURES, PREDICATES

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("README.md", "docs/rule-language.md", "docs/commands.md")
WORDS = {
    "bool": {Kind.BOOL},
    "number": {Kind.INTEGER, Kind.NUMBER},
    "text": {Kind.TEXT},
    "date": {Kind.DATE, Kind.TIMESTAMP},
    "list": {Kind.LIST},
}


def operators() -> str:
    rows = (
        (f"`{name}`", columns(each.kinds), each.takes.value, each.doc)
        for name, each in PREDICATES.items()
    )
    return table(("operator", "on columns of", "takes", "meaning"), rows)


def measures() -> str:
    rows = (
        (
            f"`{name}`",
            columns(each.kinds) if each.over_column else "the events themselves",
            "missing" if each.of_nothing is None else str(each.of_nothing),
            each.doc,
        )
        for name, each in MEASURES.items()
    )
    return table(("measure", "on columns of", "of no event", "what is measured"), rows)


def exits() -> str:
    rows = (
        (str(code.value), code.name.lower().replace("_", " "), code.meaning) for code in ExitCode
    )
    return table(("code", "name", "meaning"), rows)


TABLES: Mapping[str, Callable[[], str]] = {
    "operators": operators,
    "measures": measures,
    "exits": exits,
}


def columns(kinds: Iterable[Kind]) -> str:
    found = set(kinds)
    words = [word for word, some in WORDS.items() if some <= found]
    return "all" if len(words) == len(WORDS) else ", ".join(words)


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    cells = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell(text) for text in row) + " |" for row in cells)


def cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def filled(text: str) -> str:
    """A page with its tables made anew."""
    for name, make in TABLES.items():
        start, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        made = start + make() + "\n" + end
        pattern = re.escape(start) + ".*?" + re.escape(end)
        text = re.sub(pattern, made.replace("\\", r"\\"), text, flags=re.DOTALL)
    return text


def main(arguments: Sequence[str]) -> int:
    stale = []
    for name in PAGES:
        path = ROOT / name
        before = path.read_text(encoding="utf-8")
        after = filled(before)
        if before != after:
            stale.append(name)
            if "--check" not in arguments:
                path.write_text(after, encoding="utf-8")
    for name in stale:
        print(f"{name}: {'stale' if '--check' in arguments else 'written'}")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
