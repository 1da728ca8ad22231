"""Time the program against the same work by hand: whole processes, in turns, ratios of each pair.

    python bench/run.py --size S|M|L --pairs 5 [--only thirty,tags] [--keys int|text]

Tables are made once by bench/data.py. Every contestant runs once untimed, which warms the files,
and then in turns with the others; sizes and overlaps must agree each time, and ids once. A cold run
of ours has no published packs and no cache. The rows are in rows.py, the rivals in rivals/; what
was found is put on top of RESULTS.md, into work/results-SIZE.json and, where altair and vl-convert
are installed, into plots/.
"""

from __future__ import annotations

import argparse
import sys

import data
from harness import play
from rows import ROWS, SMALL, Ground, put_back

import report


def main() -> None:
    """Run the rows and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    parser.add_argument("--size", choices=list(data.USERS), default="S")
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--only", default="", help=f"rows, of {','.join(ROWS)}")
    parser.add_argument("--keys", choices=["int", "text"], default="int")
    parser.add_argument("--no-report", action="store_true", help="print the table and keep nothing")
    chosen = parser.parse_args()
    wanted = chosen.only.split(",") if chosen.only else SMALL if chosen.size == "S" else list(ROWS)
    if unknown := set(wanted) - set(ROWS):
        parser.error(f"no such row: {', '.join(sorted(unknown))}")
    ground = Ground(chosen.size, chosen.keys)
    data.make(chosen.size, chosen.keys)
    put_back(ground)
    rows = []
    for key in wanted:
        row = ROWS[key](ground)
        play(row, ground.folder, ground.out, chosen.pairs)
        rows.append(row)
        # One row after another, so that a long run that is broken off has told what it found.
        print("\n".join(report.lines_of(row)), file=sys.stderr)
    found = report.Found(chosen.size, chosen.keys, chosen.pairs, rows)
    print(found.markdown())
    if not chosen.no_report:
        found.write()


if __name__ == "__main__":
    main()
