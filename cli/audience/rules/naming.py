"""Packs and stages of rule files, by the names that callers give."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from audience.errors import UsageError, listed, nearest
from audience.rules.tree import Pack, RuleFile, StageSet


def is_in(name: str, place: Sequence[str]) -> bool:
    """Whether a file's name, ``campaign/phase``, is what stands before a pack: all, phase, none."""
    return not place or name.split("/")[-len(place) :] == list(place)


def packs_named(files: Sequence[RuleFile], wanted: str) -> list[tuple[RuleFile, Pack]]:
    """The packs of a name, of which there may be several, each with its file.

    The name is ``pack``, ``phase/pack`` or ``campaign/phase/pack``. A pack's name stands for the
    sides of its split too, the name of stages for each of them. Raises UsageError where there is
    none.
    """
    *place, own = wanted.split("/")
    found = [
        (file, pack)
        for file in files
        if is_in(file.name, place)
        for pack in file.packs
        if pack.name == own or pack.name.startswith(own + ".")
    ]
    if not found:
        raise UsageError(_no_pack(files, wanted))
    return found


def sets_named(files: Sequence[RuleFile], wanted: str) -> list[tuple[RuleFile, StageSet]]:
    """The sets of stages of a name, as :func:`packs_named`. Raises UsageError."""
    *place, own = wanted.split("/")
    every = [(file, each) for file in files for each in file.stages]
    found = [each for each in every if is_in(each[0].name, place) and each[1].name == own]
    if not found:
        known = list(dict.fromkeys(each.name for _, each in every))
        there = f"there is {listed(known)}" if known else "the rules have none"
        raise UsageError(f"no set of stages `{wanted}`; {there}" + _meant(nearest(own, known)))
    return found


def _no_pack(files: Sequence[RuleFile], wanted: str) -> str:
    """What is there instead: a phase of that name, or a pack with a name or label like it."""
    for file in files:
        if wanted in (file.name, file.phase):
            packs = listed(pack.name for pack in file.packs)
            path = file.source.path
            # Where files can be named too, this one is all of its packs.
            return f"`{wanted}` is a phase, not a pack; its file is {path}, its packs are {packs}"
    *place, own = wanted.split("/")
    fitting = [file for file in files if is_in(file.name, place)]
    known: dict[str, str] = {}
    for name, told in _known(fitting or files, place, whole=not fitting):
        known.setdefault(name, told)
    close = nearest(own, known)
    return f"no pack `{wanted}`" + _meant(known[close] if close else "")


def _known(
    files: Sequence[RuleFile], place: Sequence[str], *, whole: bool
) -> Iterator[tuple[str, str]]:
    """Names and then labels of packs, and how a pack is told: by its place, or the whole name."""
    packs = [
        ("/".join((*((file.name,) if whole else place), pack.name)), pack)
        for file in files
        for pack in file.packs
    ]
    yield from ((pack.name, told) for told, pack in packs)
    yield from ((pack.label, f"{told} ({pack.label})") for told, pack in packs if pack.label)


def _meant(close: str) -> str:
    return f"; did you mean {close}?" if close else ""
