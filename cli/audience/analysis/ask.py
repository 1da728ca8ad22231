"""Conditions that no file has as packs, evaluated as packs are: all of them in one pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import pyarrow as pa

from audience.cautions import data_cautions
from audience.engine.codes import Codebook
from audience.engine.run import missing_name, node_name
from audience.engine.tables import TableData
from audience.evaluation import Evaluation, evaluate
from audience.membership import Among, Members
from audience.plan.build import Request
from audience.rules.tree import Condition, Pack
from audience.store.manifest import ListInput
from audience.workspace import Workspace

Conditions = Mapping[str, Condition]


@dataclass(frozen=True)
class Answers:
    """For whom each of some conditions holds: users of one request's base, nobody suppressed."""

    request: Request
    base: int
    """Users in the base."""

    members: Members = field(repr=False)
    nodes: Mapping[str, int] = field(repr=False)
    users: TableData = field(repr=False)
    """The user table at the request's snapshot."""

    lists: tuple[ListInput, ...] = ()
    """The lists and published packs that were read."""

    warnings: tuple[str, ...] = ()
    """What there is to be said of the data that was read."""

    sizes: dict[int, int] = field(default_factory=dict, repr=False, compare=False)
    """By node, what was counted before."""

    def size(self, name: str) -> int:
        """For how many users a condition holds."""
        node = self.nodes[name]
        if node not in self.sizes:
            self.sizes[node] = self.members.size(node_name(node))
        return self.sizes[node]

    def both(self, one: str, other: str) -> int:
        """For how many users two conditions hold."""
        return self.members.both(node_name(self.nodes[one]), node_name(self.nodes[other]))

    def only_missing(self, name: str) -> int:
        """For how many users a condition holds only because a value is missing."""
        missing = missing_name(self.nodes[name])
        return self.members.size(missing) if missing in self.members.names else 0

    def ids(self, name: str) -> pa.Array:
        """Of whom a condition holds: ids, ascending, of the user table's key type."""
        return self.members.ids(node_name(self.nodes[name])).cast(self.users.key_type)

    def among(self, ids: pa.Array) -> Among:
        """Of whom of some users each condition holds."""
        return self.upon(list(self.nodes)).among(ids)

    def upon(self, names: Sequence[str]) -> Members:
        """Some conditions by their names, to be held against each other."""
        return self.members.renamed({name: node_name(self.nodes[name]) for name in names})


def ask(
    workspace: Workspace,
    asked: Sequence[tuple[Request, Conditions]],
    *,
    cache: bool = True,
    codes: Codebook | None = None,
) -> tuple[Answers, ...]:
    """Answer all that is asked in one run: for each request, conditions by name.

    They may be of any file; the request has the base, the day and the snapshot. ``codes`` are of
    columns that were read before. Raises DataError, NotPublishedError, StoreError.
    """
    requests = [asking(request, conditions) for request, conditions in asked]
    found = evaluate(workspace, requests, use_cache=cache, codes=codes)
    return tuple(answers_of(found, number, asked[number][0]) for number in range(len(asked)))


def warnings_of(answers: Iterable[Answers]) -> tuple[str, ...]:
    """What there is to be said of several answers, each once."""
    return tuple(dict.fromkeys(text for each in answers for text in each.warnings))


def asking(request: Request, conditions: Conditions) -> Request:
    """A request for conditions in the place of the packs of its file."""
    packs = tuple(Pack(name, "", each, each.at) for name, each in conditions.items())
    return replace(request, file=replace(request.file, packs=packs, stages=()), packs=None)


def answers_of(found: Evaluation, number: int, request: Request) -> Answers:
    """The answers to what was asked so, by its number in a run; ``request`` as it was before."""
    file = found.plan.files[number]
    members = found.members(number)
    return Answers(
        request,
        members.size(node_name(file.base)),
        members,
        {pack.name: pack.node for pack in file.packs},
        found.users[file.snapshot],
        found.inputs(number),
        tuple(
            data_cautions(
                request.file,
                file.snapshot,
                found.outcome,
                found.plan.inputs[number],
                found.workspace.tables,
                {node: len(found.lists.ids[node]) for node in found.listed(number)},
            )
        ),
    )
