"""A report on one phase at one day, as a value: what its page shows, in no language yet."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Generic, TypeVar

from audience.insight.causes import Reasons
from audience.insight.cells import Cell
from audience.insight.convert import Conversion
from audience.insight.flow import Flow
from audience.insight.overlap import Overlaps
from audience.insight.profile import Profile
from audience.insight.waterfall import Waterfall
from audience.rules.language import Language

Found = TypeVar("Found")


@dataclass(frozen=True)
class Part(Generic[Found]):
    """A result, and those of its cells that can't be shared: nothing may tell their counts.

    Cells are named as the result's ``hidden_in_*`` names them. Those of a conversion are
    ``users`` and, of them, ``converted``, and for its lines (line, ``users``) and
    (line, ``converted``): a rate's ``of`` and its ``users``. Those of reasons are
    (pack, ``old_size``), (pack, ``new_size``), (pack, ``kept``), (pack, ``added``),
    (pack, ``removed``), (pack, cause, ``added``), (pack, cause, ``removed``) and
    (pack, cause, transition). Lines, causes and transitions are named by number, from 0.
    """

    found: Found
    hidden: frozenset[Cell] = frozenset()


@dataclass(frozen=True)
class Headline:
    """A pack's size in users, its share of the base (0 to 1), and what it was in the last build.

    ``before`` and ``before_as_of`` are None where there is no build before.
    """

    pack: str
    label: str
    size: int
    share: float | None
    before: int | None = None
    before_as_of: date | None = None


@dataclass(frozen=True)
class Headlines:
    """The base and its packs.

    Their cells are ``base``, ``suppressed``, and by ``size_of`` of :mod:`audience.insight.sharing`
    each pack's size now, and with the side ``old`` that in the last build.
    """

    base: int
    suppressed: int
    packs: tuple[Headline, ...]

    @property
    def compared(self) -> bool:
        """Whether any pack was in a build before."""
        return any(pack.before is not None for pack in self.packs)


@dataclass(frozen=True)
class StageFlow:
    """A set of stages, and how users moved between them."""

    stages: str
    flow: Part[Flow]


@dataclass(frozen=True)
class RuleText:
    """A file of rules as it was read, with the values of the variables in it."""

    path: str
    text: str
    variables: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Input:
    """What was read of a table: files, bytes, and the first and last day (None of undated ones).

    ``first`` alone is None of files that no day is known of, where all up to ``last`` was read.
    """

    table: str
    files: int
    bytes: int
    first: date | None = None
    last: date | None = None


@dataclass(frozen=True)
class Provenance:
    """What a report was computed from, and by which version of the program.

    ``lists`` are the lists of ids that rules name, and published packs.
    """

    rules: tuple[RuleText, ...]
    inputs: tuple[Input, ...]
    snapshot: date | None
    version: str
    lists: tuple[str, ...] = ()


@dataclass(frozen=True)
class Goal:
    """What users are to have done: its name, a pack's label, and how it was given.

    ``label`` is '' of what is no pack, ``text`` of what has ids. ``words`` is a condition in the
    report's language, '' of a pack.
    """

    name: str
    label: str = ""
    text: str = ""
    words: str = ""

    @property
    def unnamed(self) -> bool:
        """Whether it is called as it was given, in full or cut."""
        return self.text.startswith(self.name.removesuffix("…"))


@dataclass(frozen=True)
class Report:
    """Everything that a report on ``campaign/phase`` shows.

    ``conversions`` from the same source to the same target are one conversion in several periods;
    ``goal`` tells more of their target. ``warnings`` are sentences, as conditions are in
    ``language``.
    """

    campaign: str
    phase: str
    label: str
    as_of: date
    headlines: Part[Headlines]
    provenance: Provenance
    waterfalls: tuple[Part[Waterfall], ...] = ()
    overlaps: Part[Overlaps] | None = None
    profiles: tuple[Part[Profile], ...] = ()
    conversions: tuple[Part[Conversion], ...] = ()
    flows: tuple[StageFlow, ...] = ()
    reasons: Part[Reasons] | None = None
    warnings: tuple[str, ...] = ()
    goal: Goal | None = None
    language: Language = Language.ENGLISH

    @property
    def labels(self) -> dict[str, str]:
        """The packs' labels by their names, '' of those that have none."""
        return {pack.pack: pack.label for pack in self.headlines.found.packs}

    @property
    def name(self) -> str:
        """``campaign/phase``."""
        return f"{self.campaign}/{self.phase}"

    @property
    def hides(self) -> bool:
        """Whether any count is hidden."""
        parts: list[Part[Any] | None] = [self.headlines, self.overlaps, self.reasons]
        parts += [*self.waterfalls, *self.profiles, *self.conversions]
        parts += [each.flow for each in self.flows]
        return any(part is not None and part.hidden for part in parts)
