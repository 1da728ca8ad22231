"""What a report was computed from, as it can be sent: texts of rules without ids of users."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from audience.engine.files import hive_keys
from audience.errors import Source
from audience.insight.causes import Reasons
from audience.insight.report import Input, Provenance, RuleText
from audience.insight.waterfall import Waterfall
from audience.kinds import Tag
from audience.redaction import listed_in
from audience.rules.project import Project
from audience.rules.tree import RuleFile
from audience.store.manifest import InputFile, Manifest, Window

_GONE = "…"
_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LONG = 5
"""So many characters make an id a word that stands for nothing else."""


@dataclass(frozen=True)
class Ids:
    """The ids that rules write out, behind `ids` or the key, by themselves or as variables.

    ``paths`` are rule files as the project names them, by how they are called elsewhere.
    """

    keys: tuple[str, ...]
    texts: frozenset[str]
    variables: frozenset[str]
    paths: Mapping[str, str]

    @classmethod
    def of(cls, file: RuleFile, key: Tag, paths: Mapping[str, str]) -> Ids:
        """Those of a rule file, and of others that it names; the key may have a label."""
        keys = tuple(name for name in (key.name, key.label) if name)
        written = {text for each in file.sources for name in keys for text in listed_in(each, name)}
        names = frozenset(name for text in written for name in _VARIABLE.findall(text))
        values = {own[name] for own in file.variables.values() for name in names.intersection(own)}
        return cls(keys, frozenset(written | values), names, paths)

    def out_of(self, text: str, *, short: bool = False) -> str:
        """A text without them; short ones are words like others, but in a test of the key."""
        words = [re.escape(each) for each in self.texts if short or len(each) >= _LONG]
        return re.sub(rf"(?<!\w)(?:{'|'.join(words)})(?!\w)", _GONE, text) if words else text

    def out_of_test(self, text: str) -> str:
        """A condition in words without them: of a test of the key."""
        names = "|".join(map(re.escape, self.keys))
        of_key = re.search(rf"(?<!\w)(?:{names})(?!\w)", text)
        return self.out_of(text, short=of_key is not None)

    def out_of_waterfall(self, found: Waterfall) -> Waterfall:
        """A waterfall whose conditions have none."""
        steps = tuple(
            replace(step, asked=self.out_of_test(step.asked), at=self._place(step.at))
            for step in found.steps
        )
        return replace(found, steps=steps)

    def _place(self, at: str) -> str:
        path, *rest = at.rsplit(":", 2)
        return ":".join((self.paths.get(path, path), *rest))

    def out_of_reasons(self, found: Reasons) -> Reasons:
        """Causes whose conditions have none."""
        packs = []
        for each in found.packs:
            causes = tuple(
                replace(cause, detail=self.out_of_test(cause.detail)) for cause in each.causes
            )
            packs.append(replace(each, causes=causes))
        return replace(found, packs=tuple(packs))

    def out_of_source(self, source: Source) -> str:
        """A rule file's text without the lines that have ids, and without such variables."""
        lines = enumerate(source.lines, 1)
        text = "\n".join(_GONE if number in source.private else line for number, line in lines)
        for name in sorted(self.variables):
            value = rf"(?m)(?<![\w.-]){re.escape(name)}(\s*:\s*)(?:\"[^\"]*\"|'[^']*'|[^,}}\s]+)"
            text = re.sub(value, rf"{name}\g<1>{_GONE}", text)
        return self.out_of(text)


def with_reads(manifest: Manifest, own: Manifest, read: Manifest) -> Manifest:
    """A manifest with what was read besides: files and lists of ``read`` that are not of ``own``.

    The windows are those of both.
    """
    known = {each.path for each in (*manifest.inputs, *own.inputs)}
    more = (each for each in read.inputs if each.path not in known)
    windows = {each.table: each for each in manifest.windows}
    for each in read.windows:
        one = windows.get(each.table, each)
        # '' is from the first day there is, and the least of texts.
        both = min(one.first, each.first), max(one.last, each.last)
        windows[each.table] = Window(each.table, *both)
    lists = (each for each in read.lists if each not in (*manifest.lists, *own.lists))
    return replace(
        manifest,
        inputs=(*manifest.inputs, *more),
        windows=tuple(windows.values()),
        lists=(*manifest.lists, *lists),
    )


def provenance_of(manifest: Manifest, file: RuleFile, ids: Ids, project: Project) -> Provenance:
    """What a build was computed from, or would be; the project tells of what day a file is."""
    windows = {window.table: window for window in manifest.windows}
    inputs = []
    for table in dict.fromkeys(each.table for each in manifest.inputs):
        files = [each for each in manifest.inputs if each.table == table]
        days = _days_read(files, windows.get(table), project)
        inputs.append(Input(table, len(files), sum(each.size for each in files), *days))
    return Provenance(
        tuple(_rules_of(manifest, file.sources, ids)),
        tuple(inputs),
        manifest.snapshot_day,
        manifest.program.rpartition(" ")[2],
        tuple(dict.fromkeys(each.name for each in manifest.lists if each.kind != "suppress")),
    )


def _rules_of(manifest: Manifest, sources: Sequence[Source], ids: Ids) -> list[RuleText]:
    shown = {source.text: ids.out_of_source(source) for source in sources}
    out = []
    for each in manifest.rules:
        values = tuple(
            (name, _GONE if name in ids.variables else ids.out_of(value))
            for name, value in each.variables.items()
        )
        out.append(RuleText(each.path, shown.get(each.text, ids.out_of(each.text)), values))
    return out


def _days_read(
    files: Sequence[InputFile], window: Window | None, project: Project
) -> tuple[date | None, date | None]:
    """The first and last day of an event table's files; where no folder tells, of the window."""
    if window is None:
        return None, None
    spec = project.events.get(window.table)
    days = [_day_of(each.path, spec.day) for each in files] if spec and spec.day else [None]
    known = [day for day in days if day is not None]
    if len(known) < len(days):
        return _day(window.first), _day(window.last)
    return min(known), max(known)


def _day_of(path: str, name: str) -> date | None:
    """The day that a partition folder of this name says, in a path of a manifest."""
    place = Path(path)
    return _day(hive_keys(place, Path(place.anchor)).get(name, ""))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
