"""Redaction: ids taken out of the texts that builds keep, wherever people wrote them.

Lists of ids and conditions on the key are found by the grammar of rules. Comments, labels and
variables have none: there an id is a word like others, which a short number may be by chance.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from audience.errors import Location, Source
from audience.insight.summary import Summary
from audience.rules.source import Mapping, Node, Scalar, parse
from audience.rules.source import Sequence as Items
from audience.store.manifest import Manifest, RuleText

GONE = "forgotten"
"""What stands in the place of an id."""

_BREAK = re.compile("(\r\n|\r|\n)")
_NO_IDS = {"path", "column", "allow_empty", "is"}
"""Keys of a list, and of a test of the key, behind which no ids are written."""

_LEAST_LENGTH = 5
"""So many characters make an id a word that stands for nothing else."""


def without_ids(
    manifest: Manifest, summary: Summary, ids: Sequence[str]
) -> tuple[Manifest, Summary]:
    """A manifest and a summary whose texts have none of some ids."""
    long = [re.escape(each) for each in ids if len(each) >= _LEAST_LENGTH]
    words = re.compile(rf"(?<!\w)(?:{'|'.join(long)})(?!\w)") if long else None

    def plain(text: str) -> str:
        return words.sub(GONE, text) if words else text

    def of_rules(rule: RuleText) -> RuleText:
        variables = {
            name: GONE if value in ids else plain(value) for name, value in rule.variables.items()
        }
        text = plain(_without_listed(rule, manifest.key, ids))
        return replace(rule, text=text, variables=variables)

    packs = tuple(replace(each, label=plain(each.label)) for each in manifest.packs)
    shown = tuple(replace(each, label=plain(each.label)) for each in summary.packs)
    return (
        replace(
            manifest,
            label=plain(manifest.label),
            project=of_rules(manifest.project),
            rules=tuple(map(of_rules, manifest.rules)),
            packs=packs,
        ),
        replace(summary, label=plain(summary.label), packs=shown),
    )


def listed_in(source: Source, key: str) -> list[str]:
    """What a rule file has where it asks for ids, as it is written: ids and variables."""
    document, _ = parse(Source(source.path, source.text))
    return [] if document is None else [each.text for each in _listed(document, {"ids", key})]


def _without_listed(rule: RuleText, key: str, ids: Sequence[str]) -> str:
    """A rule's text without some ids where it asks for ids; what can't be read asks for none."""
    document, _ = parse(Source(rule.path, rule.text))
    if document is None:
        return rule.text
    places = [each.at for each in _listed(document, {"ids", key}) if each.text in ids]
    parts = _BREAK.split(rule.text)  # every other one is a line break
    for at in sorted(places, key=lambda at: (at.line, at.column), reverse=True):
        parts[2 * at.line - 2] = _cut(parts[2 * at.line - 2], at)
    return "".join(parts)


def _cut(line: str, at: Location) -> str:
    start = at.column - 1
    return line[:start] + GONE + line[start + at.length :]


def _listed(node: Node, keys: set[str], *, inside: bool = False) -> Iterator[Scalar]:
    """The values below some keys."""
    match node:
        case Mapping(entries):
            for key, value in entries:
                within = key.text in keys or (inside and key.text not in _NO_IDS)
                yield from _listed(value, keys, inside=within)
        case Items(items):
            for item in items:
                yield from _listed(item, keys, inside=inside)
        case Scalar() if inside:
            yield node
