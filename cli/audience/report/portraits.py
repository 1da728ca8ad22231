"""Profiles, flows and reasons as charts, without what must be hidden."""

from __future__ import annotations

from collections.abc import Mapping

from audience.insight.causes import Explained
from audience.insight.convert import ConversionLine
from audience.insight.flow import NOWHERE, Flow, size_of_stage
from audience.insight.profile import Line, Profile
from audience.insight.report import Part, StageFlow
from audience.report.charts.causes import Both, Changes
from audience.report.charts.indices import Index, Indices
from audience.report.charts.rows import Label
from audience.report.charts.sankey import Node, Sankey, Stream
from audience.report.language import Words
from audience.report.telling import Telling, called, pack_name
from audience.report.words import number

MOST_BARS = 12


def profile_chart(part: Part[Profile], words: Words, label: str = "") -> Indices:
    """The values that set a pack apart most, by their TGI."""
    tell = Telling(words, part.hidden)
    found = part.found
    rows = []
    for at, line in enumerate(found.lines[:MOST_BARS]):
        hidden = hides_line(tell, at)
        known = None if hidden else line.tgi
        low, high = (None, None) if hidden else (line.low, line.high)
        text = words("hidden") if hidden else index_text(line)
        sure = line.significant and not line.few
        rows.append(Index(value_label(line), known, low, high, text, sure, hidden))
    first = "–"
    if rows and not rows[0].hidden:
        first = f"{rows[0].label.text}, TGI {rows[0].text}"
    pack = called(found.pack, label)
    return Indices(
        words("profile_chart", pack=pack, baseline=baseline_of(found, words)),
        words(
            "profile_told",
            size=tell.users("size", found.size),
            baseline=tell.users("baseline", found.baseline_size),
            first=first,
        ),
        tuple(rows),
        (words("over"), words("under")),
    )


def baseline_of(found: Profile, words: Words) -> str:
    """What a profile's baseline is called."""
    return words("the_base") if found.baseline == "base" else pack_name(found.baseline)


def hides_line(tell: Telling, at: int) -> bool:
    """Whether a profile's TGI would tell a hidden count: it is made from all four."""
    return tell.hides((at, "users"), (at, "baseline"), "size", "baseline")


def index_text(line: Line | ConversionLine) -> str:
    """A TGI with its interval."""
    if line.tgi is None:
        return "–"
    if line.low is None or line.high is None:
        return f"{line.tgi:.0f}"
    return f"{line.tgi:.0f} ({line.low:.0f}–{line.high:.0f})"


def value_label(line: Line | ConversionLine) -> Label:
    """A tag by its label, and the value."""
    name = line.label or line.tag
    return Label(f"{name}: {line.value}", f"{name} ({line.tag}): {line.value}")


def flow_chart(each: StageFlow, words: Words, labels: Mapping[str, str] | None = None) -> Sankey:
    """Moves from each stage to each; ``labels`` are those of packs, a set's stages among them."""
    tell = Telling(words, each.flow.hidden)
    found = each.flow.found
    hues = {name: at for at, name in enumerate(dict.fromkeys([*found.before, *found.after]))}
    left = [
        Node(stage_called(each, name, labels), known, words.count(known), hues[name])
        for name, size in found.before.items()
        for known in [tell.known(size_of_stage("before", name), size)]
    ]
    right = [
        Node(stage_called(each, name, labels), known, words.count(known), hues[name])
        for name, size in found.after.items()
        for known in [tell.known(size_of_stage("after", name), size)]
    ]
    left.append(_nowhere(words("entered"), entered(found, tell), words))
    right.append(_nowhere(words("left"), gone(found, tell), words))
    sources, targets = [*found.before, NOWHERE], [*found.after, NOWHERE]
    streams = {}
    for row, source in enumerate(sources):
        for column, target in enumerate(targets):
            users = found.moved[source][target]
            if users:
                known = tell.known((source, target), users)
                told = f"{left[row].name} → {right[column].name}: {words.users(known)}"
                streams[row, column] = Stream(known, told)
    told = words(
        "flow_told",
        start=found.start,
        end=found.end,
        stayed=tell.of(words.users(found.stayed), *each.flow.hidden),
        entered=left[-1].text,
        left=right[-1].text,
    )
    return Sankey(
        words("flow_chart", stages=each.stages),
        told,
        (found.start.isoformat(), found.end.isoformat()),
        tuple(left if found.entered else left[:-1]),
        tuple(right if found.left else right[:-1]),
        streams,
    )


def stage_called(each: StageFlow, name: str, labels: Mapping[str, str] | None) -> str:
    """A stage's label, or its name."""
    return called(name, (labels or {}).get(f"{each.stages}.{name}", ""))


def entered(found: Flow, tell: Telling) -> int | None:
    """Who came into the stages; None where it would tell a hidden count."""
    cells = [(NOWHERE, target) for target in found.after]
    return None if tell.hides(*cells) else found.entered


def gone(found: Flow, tell: Telling) -> int | None:
    """Who left the stages; None where it would tell a hidden count."""
    cells = [(source, NOWHERE) for source in found.before]
    return None if tell.hides(*cells) else found.left


def _nowhere(name: str, users: int | None, words: Words) -> Node:
    return Node(name, users, words.count(users), None)


def causes_chart(found: Explained, tell: Telling) -> Changes:
    """One pack's causes: who was removed and added by each."""
    words = tell.words
    pack = found.pack
    rows = []
    for at, cause in enumerate(found.causes[:MOST_BARS]):
        added = tell.known((pack, at, "added"), cause.added)
        removed = tell.known((pack, at, "removed"), cause.removed)
        kind = kind_of(cause.kind, words)
        text = f"{kind}: {cause.detail}" if cause.detail else kind
        more = f"{text}\n{cause.at}" if cause.at else text
        gain = words("hidden") if added is None else f"+{number(added)}"
        loss = words("hidden") if removed is None else f"−{number(removed)}"
        rows.append(Both(Label(text, more), removed, added, loss, gain))
    told = words(
        "reasons_told",
        old=tell.users((pack, "old_size"), found.old_size),
        new=tell.users((pack, "new_size"), found.new_size),
        added=tell.count((pack, "added"), found.added),
        removed=tell.count((pack, "removed"), found.removed),
        kept=tell.count((pack, "kept"), found.kept),
    )
    title = words("reasons_chart", pack=called(pack, found.label))
    return Changes(title, told, tuple(rows), (words("removed"), words("added")))


def kind_of(kind: str, words: Words) -> str:
    """A cause's kind in words; one that has none as it is."""
    try:
        return words(f"kind_{kind}")
    except KeyError:
        return kind
