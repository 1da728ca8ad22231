"""The lists that a plan names, read: files of ids, published packs, those who are suppressed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import pyarrow as pa

from audience.engine.lists import IdList, check_list, read_list
from audience.errors import DataError, Location, NotPublishedError, Problem, StoreError
from audience.kinds import Kind
from audience.plan.nodes import Ids, Listed, Plan, Published, Suppressed
from audience.rules import tree
from audience.rules.project import Project, SuppressSpec
from audience.rules.tree import RuleFile
from audience.rules.walk import conditions_of, lists_of
from audience.store.manifest import ListInput
from audience.store.read import newest_with, read_pack
from audience.workspace import Workspace


@dataclass(frozen=True)
class Lists:
    """The ids of each list, distinct, as 64-bit integers or texts, and what they were read from."""

    ids: Mapping[Listed, pa.Array]
    inputs: Mapping[Listed, tuple[ListInput, ...]]


def read_lists(workspace: Workspace, plan: Plan) -> Lists:
    """Read all lists of a plan. Raises DataError, NotPublishedError, StoreError with the place."""
    users = workspace.catalog.users
    whole = users.tags[users.key].type.kind is Kind.INTEGER
    reader = _Reader(workspace.project, whole=whole)
    ids, inputs = {}, {}
    for node in plan.nodes:
        if isinstance(node, Listed):
            ids[node], inputs[node] = reader.read(node)
    return Lists(ids, inputs)


def list_problems(project: Project, files: Iterable[RuleFile]) -> Iterator[Problem]:
    """The lists that are not there or lack their column, for `check`, which reads no id."""
    named = [(each.path, each.column, each.at) for file in files for each in lists_of(file)]
    named += [(spec.path, spec.column, spec.at) for spec in project.suppress]
    for path, column, at in dict.fromkeys(named):
        if not (project.root / path).is_file():
            yield Problem(f"there is no file `{path}` in {project.root}", at, "a list of ids")
            continue
        try:
            check_list(project.root / path, column)
        except DataError as error:
            yield Problem(f"the list `{path}`: {error}", at, "a column of ids")


def place_of(listed: Listed, file: RuleFile) -> Location | None:
    """Where a file mentions a list: one that several files mention is read once for all."""
    for condition in conditions_of(file):
        match condition, listed:
            case (tree.Ids() as one, Ids() as other) if (one.values, one.path, one.column) == (
                other.values,
                other.path,
                other.column,
            ):
                return one.at
            case (tree.Published() as one, Published() as other) if (
                one.reference == other.reference
            ):
                return one.at
    return None


def suppressed_ids(project: Project, *, whole: bool) -> pa.Array | None:
    """The ids on a project's suppress lists; None where it has none. Raises DataError."""
    return _Reader(project, whole=whole).suppressed()[0] if project.suppress else None


class _Reader:
    def __init__(self, project: Project, *, whole: bool) -> None:
        self.project = project
        self.whole = whole

    def read(self, node: Listed) -> tuple[pa.Array, tuple[ListInput, ...]]:
        match node:
            case Ids(None, path, column):
                try:
                    found = self._file(path, column, node.allow_empty)
                except DataError as error:
                    raise DataError(f"{node.at}: the list `{path}`: {error}") from None
                return found.ids, (ListInput("ids", path, len(found.ids), found.sha256),)
            case Ids(values):
                return pa.array(values, self._type), ()
            case Published():
                try:
                    return self._published(node)
                except NotPublishedError as error:
                    if node.allow_missing:
                        return pa.array([], self._type), ()
                    raise NotPublishedError(f"{node.at}: {error}") from None
            case Suppressed():
                return self.suppressed()

    @property
    def _type(self) -> pa.DataType:
        return pa.int64() if self.whole else pa.large_string()

    def _file(self, path: str, column: str, allow_empty: bool) -> IdList:
        found = read_list(self.project.root / path, column, whole=self.whole)
        if not len(found.ids) and not allow_empty:
            raise DataError("it is empty; `allow_empty: true` takes it so")
        return found

    def _published(self, node: Published) -> tuple[pa.Array, tuple[ListInput, ...]]:
        reference = node.reference
        if reference.as_of is not None and reference.as_of > node.until:
            text = f"`{reference}` is later than this build reads: up to {node.until}"
            raise DataError(f"{node.at}: {text}; a second run would not give the same")
        try:
            dated = newest_with(self.project.packs, reference, node.until)
            build, ids = read_pack(self.project.packs, dated)
        except StoreError as error:
            raise StoreError(f"{node.at}: {error}") from None
        if pa.types.is_integer(ids.type) != self.whole:
            raise DataError(f"{node.at}: `{dated}` holds {ids.type}, keys are {self._type}")
        entry = build.entry(reference.pack)
        return ids.cast(self._type), (ListInput("published", str(dated), len(ids), entry.sha256),)

    def suppressed(self) -> tuple[pa.Array, tuple[ListInput, ...]]:
        parts, inputs = [], []
        for spec in self.project.suppress:
            try:
                self._check_age(spec)
                found = self._file(spec.path, spec.column, spec.allow_empty)
            except DataError as error:
                message = f"{spec.at}: suppress list `{spec.path}`: {error}; nothing is published"
                raise DataError(message) from None
            parts.append(found.ids.cast(self._type))
            inputs.append(ListInput("suppress", spec.path, len(found.ids), found.sha256))
        return pa.concat_arrays(parts).unique(), tuple(inputs)

    def _check_age(self, spec: SuppressSpec) -> None:
        """A list must have been written lately: one that nobody renews lacks new opt-outs."""
        if spec.max_age is None:
            return
        try:
            written = datetime.fromtimestamp((self.project.root / spec.path).stat().st_mtime)
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                raise DataError("there is no such file") from None
            raise DataError(f"cannot be read: {error.strerror}") from None
        now = datetime.now()
        oldest = datetime.combine(spec.max_age.before(now.date()), now.time())
        if written < oldest:
            shown = f"{written:%Y-%m-%d %H:%M}"
            raise DataError(f"it was written {shown}, before `max_age: {spec.max_age}` allows")
