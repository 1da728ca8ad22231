"""What a report was computed from: tables, days, and the text of the rules without their ids."""

from __future__ import annotations

from datetime import date

from audience.errors import Source
from audience.insight.report import Input, Provenance, RuleText
from audience.rules.tree import RuleFile
from audience.store.manifest import Manifest


def provenance_of(manifest: Manifest, file: RuleFile) -> Provenance:
    """What a build's manifest says of it; ``file`` has the lines that no report may have."""
    days = {window.table: window for window in manifest.windows}
    inputs = []
    for table in dict.fromkeys(each.table for each in manifest.inputs):
        files = [each for each in manifest.inputs if each.table == table]
        first, last = (
            (_day(days[table].first), _day(days[table].last)) if table in days else (None, None)
        )
        inputs.append(Input(table, len(files), sum(each.size for each in files), first, last))
    shown = {source.text: _without_ids(source) for source in file.sources}
    return Provenance(
        tuple(
            RuleText(
                each.path,
                shown.get(each.text, each.text),
                tuple(each.variables.items()),
            )
            for each in manifest.rules
        ),
        tuple(inputs),
        _day(manifest.snapshot),
        manifest.program.rpartition(" ")[2],
    )


def _without_ids(source: Source) -> str:
    """A text without the lines that have ids on them."""
    lines = enumerate(source.lines, 1)
    return "\n".join("…" if number in source.private else line for number, line in lines)


def _day(text: str) -> date | None:
    return date.fromisoformat(text) if text else None
