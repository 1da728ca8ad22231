"""Each rewrite before and after, and the law they all keep: who is selected never changes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience.kinds import Value
from audience.plan.build import reachable
from audience.plan.nodes import (
    And,
    Arena,
    AtLeast,
    Const,
    Fold,
    Left,
    Limit,
    Node,
    Not,
    Or,
    Rows,
    exact,
    parts_of,
)
from audience.plan.nodes import Test as Leaf
from audience.plan.rewrite import (
    REWRITES,
    as_complement,
    cancel_opposites,
    drop_constants,
    empty_window,
    flatten,
    fold_not,
    leave_nobody,
    merge_values,
    order_parts,
    simplify,
    unwrap,
)

LEAVES = 4
ALL, NOBODY = Const(True), Const(False)
DAY, NEXT = date(2024, 3, 1), date(2024, 3, 2)


def leaf(number: int) -> Leaf:
    return Leaf(f"c{number}", "eq", True, "bool:True")


def one(*values: Value) -> Leaf:
    """The test that a column, the same each time, is one of the values."""
    listed = tuple(sorted(values, key=exact))
    operator, argument = ("in", listed) if len(listed) > 1 else ("eq", listed[0])
    return Leaf("value", operator, argument, exact(argument))


def fold(first: date | None, last: date, low: int | None, high: int | None) -> Fold:
    return Fold(Rows("events", None, None, (first, last)), None, (Limit("times", None, low, high),))


def arena_of(*nodes: Node) -> Arena:
    """An arena with the leaves A, B, C, D as 0 to 3 and the nodes from 4 on, as they are."""
    arena = Arena()
    for node in (*map(leaf, range(LEAVES)), *nodes):
        arena.add(node)
    assert len(arena.nodes) == LEAVES + len(nodes)
    return arena


A, B, C, D = range(LEAVES)
FIRST, SECOND, NEW = range(LEAVES, LEAVES + 3)
Rewrite = Callable[[Node, Arena], Node]

CASES: list[tuple[Rewrite, tuple[Node, ...], Node, Node]] = [
    # as_complement
    (as_complement, (one(1),), Leaf("value", "ne", 1, exact(1)), Not(FIRST)),
    (as_complement, (one(1, 2),), Leaf("value", "not_in", (1, 2), exact((1, 2))), Not(FIRST)),
    (as_complement, (), one(1), one(1)),
    # fold_not
    (fold_not, (Not(A),), Not(FIRST), leaf(A)),
    (fold_not, (ALL,), Not(FIRST), NOBODY),
    (fold_not, (NOBODY,), Not(FIRST), ALL),
    (fold_not, (And((A, B)),), Not(FIRST), Not(FIRST)),
    (fold_not, (), Not(A), Not(A)),
    (fold_not, (Not(A),), And((FIRST, B)), And((FIRST, B))),
    # flatten
    (flatten, (And((A, B)),), And((FIRST, C)), And((A, B, C))),
    (flatten, (And((A, B)),), And((C, FIRST)), And((C, A, B))),
    (flatten, (Or((A, B)),), Or((FIRST, C)), Or((A, B, C))),
    (flatten, (And((A, B)), And((C, D))), And((FIRST, SECOND)), And((A, B, C, D))),
    (flatten, (Or((A, B)),), And((FIRST, C)), And((FIRST, C))),
    (flatten, (And((A, B)),), Or((FIRST, C)), Or((FIRST, C))),
    (flatten, (And((A, B)),), AtLeast(2, (FIRST, C)), AtLeast(2, (FIRST, C))),
    (flatten, (And((A, B)),), Not(FIRST), Not(FIRST)),
    # drop_constants
    (drop_constants, (ALL,), And((A, FIRST)), And((A,))),
    (drop_constants, (NOBODY,), And((A, FIRST, B)), NOBODY),
    (drop_constants, (ALL,), Or((A, FIRST, B)), ALL),
    (drop_constants, (NOBODY,), Or((A, FIRST)), Or((A,))),
    (drop_constants, (ALL,), And((FIRST, FIRST)), ALL),
    (drop_constants, (NOBODY,), Or((FIRST,)), NOBODY),
    (drop_constants, (), And(()), ALL),
    (drop_constants, (), Or(()), NOBODY),
    (drop_constants, (), And((A, B)), And((A, B))),
    (drop_constants, (ALL,), Not(FIRST), Not(FIRST)),
    # order_parts
    (order_parts, (), And((B, A)), And((A, B))),
    (order_parts, (), Or((C, A, C, B, A)), Or((A, B, C))),
    (order_parts, (), AtLeast(2, (C, A, B)), AtLeast(2, (A, B, C))),
    (order_parts, (), AtLeast(2, (B, A, B)), AtLeast(2, (A, B, B))),
    (order_parts, (), Not(A), Not(A)),
    # cancel_opposites
    (cancel_opposites, (Not(A),), And((A, B, FIRST)), NOBODY),
    (cancel_opposites, (Not(A),), Or((FIRST, A)), ALL),
    (cancel_opposites, (Not(A),), And((B, FIRST)), And((B, FIRST))),
    (cancel_opposites, (Not(A), Not(B)), Or((FIRST, SECOND)), Or((FIRST, SECOND))),
    (cancel_opposites, (Or((A, B)), Not(FIRST)), And((FIRST, SECOND)), NOBODY),
    (cancel_opposites, (Not(A),), AtLeast(1, (A, FIRST)), AtLeast(1, (A, FIRST))),
    # merge_values: what is new stands behind what was there
    (merge_values, (one(1), one(2)), Or((FIRST, SECOND)), Or((NEW,))),
    (merge_values, (one(1), one(2, 3)), Or((A, FIRST, SECOND)), Or((A, NEW))),
    (merge_values, (one(1), one(1, 2)), Or((FIRST, SECOND)), Or((SECOND,))),
    (merge_values, (one(1), one(2)), And((FIRST, SECOND)), And((FIRST, SECOND))),
    (merge_values, (one(1), one(2)), AtLeast(2, (FIRST, SECOND)), AtLeast(2, (FIRST, SECOND))),
    (merge_values, (one(1), Not(FIRST)), Or((A, FIRST, SECOND)), Or((A, FIRST, SECOND))),
    (merge_values, (), Or((A, B)), Or((A, B))),
    # unwrap
    (unwrap, (), And((A,)), leaf(A)),
    (unwrap, (), Or((B,)), leaf(B)),
    (unwrap, (Not(A),), And((FIRST,)), Not(A)),
    (unwrap, (), AtLeast(1, (A, B)), Or((A, B))),
    (unwrap, (), AtLeast(3, (A, B, C)), And((A, B, C))),
    (unwrap, (), AtLeast(2, (A, A)), And((A, A))),
    (unwrap, (), AtLeast(2, (A, B, C)), AtLeast(2, (A, B, C))),
    (unwrap, (), And((A, B)), And((A, B))),
    # empty_window
    (empty_window, (), fold(NEXT, DAY, 1, None), NOBODY),
    (empty_window, (), fold(NEXT, DAY, None, 3), ALL),
    (empty_window, (), fold(NEXT, DAY, 0, 0), ALL),
    (empty_window, (), fold(DAY, DAY, 1, None), fold(DAY, DAY, 1, None)),
    (empty_window, (), fold(None, DAY, 1, None), fold(None, DAY, 1, None)),
    # leave_nobody
    (leave_nobody, (ALL,), Left(FIRST, A), Not(A)),
    (leave_nobody, (NOBODY,), Left(A, FIRST), leaf(A)),
    (leave_nobody, (ALL,), Left(A, FIRST), NOBODY),
    (leave_nobody, (), Left(A, B), Left(A, B)),
]


@pytest.mark.parametrize(("rewrite", "given_nodes", "before", "after"), CASES)
def test_before_and_after(
    rewrite: Rewrite, given_nodes: tuple[Node, ...], before: Node, after: Node
) -> None:
    arena = arena_of(*given_nodes)
    known = list(arena.nodes)
    assert rewrite(before, arena) == after
    assert arena.nodes[: len(known)] == known, "numbers that are given stay what they are"


@pytest.mark.parametrize(
    ("listed", "merged"),
    [
        ([one(1), one(2)], one(1, 2)),
        ([one(2, 1), one(3)], one(1, 2, 3)),
        ([one(1, 2), one(2, 3)], one(1, 2, 3)),
        ([one("b"), one("a")], one("a", "b")),
    ],
)
def test_values_of_one_column_are_one_list(listed: list[Leaf], merged: Leaf) -> None:
    arena = Arena()
    number = simplify(Or(tuple(arena.add(each) for each in listed)), arena)
    assert arena.nodes[number] == merged


def test_each_rewrite_has_a_case_that_changes_something_and_one_that_does_not() -> None:
    assert {rewrite for rewrite, _, before, after in CASES if before != after} == set(REWRITES)
    assert {rewrite for rewrite, _, before, after in CASES if before == after} == set(REWRITES)


@pytest.mark.parametrize(
    ("name", "low", "high", "absent"),
    [
        ("times", 1, None, False),
        ("times", None, 2, True),
        ("days", 0, 0, True),
        ("distinct", 0, 3, True),
        ("sum", None, 100, True),
        ("sum", 1, 100, False),
        ("sum", None, -1, False),
        ("sum", -5, None, True),
        ("mean", None, 100, False),
        ("mean", 0, None, False),
        ("min", None, 0, False),
        ("max", 0, None, False),
    ],
)
def test_the_answer_for_nobody_that_ever_came(
    name: str, low: int | None, high: int | None, absent: bool
) -> None:
    column = "amount" if name in {"distinct", "sum", "mean", "min", "max"} else None
    empty = Fold(Rows("events", None, None, (NEXT, DAY)), None, (Limit(name, column, low, high),))
    assert empty_window(empty, Arena()) == Const(absent)


# A tree as rules have it, before any rewrite: a leaf's number, a constant, or a word and parts.
Tree = int | bool | Fold | Leaf | tuple[str, int, tuple["Tree", ...]]

leaves = st.one_of(
    st.integers(0, LEAVES - 1),
    st.integers(0, LEAVES - 1),
    st.booleans(),
    st.sampled_from([fold(NEXT, DAY, 1, None), fold(NEXT, DAY, None, 1)]),
    st.sampled_from([one(1), one(2), one(1, 2), one(2, 3)]),
)


def branches(part: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    parts = st.lists(part, min_size=1, max_size=4).map(tuple)
    counted = parts.flatmap(
        lambda drawn: st.integers(1, len(drawn)).map(lambda count: ("at least", count, drawn))
    )
    return st.one_of(
        part.map(lambda drawn: ("not", 0, (drawn,))),
        parts.map(lambda drawn: ("and", 0, drawn)),
        parts.map(lambda drawn: ("or", 0, drawn)),
        counted,
    )


trees: st.SearchStrategy[Tree] = st.recursive(leaves, branches, max_leaves=12)
exhaustive = settings(derandomize=True, deadline=None, max_examples=200)


def lower(tree: Tree, arena: Arena) -> int:
    """The tree in an arena, simplified on the way as a plan is."""
    if isinstance(tree, bool):
        return simplify(Const(tree), arena)
    if isinstance(tree, int):
        return simplify(leaf(tree), arena)
    if isinstance(tree, Fold | Leaf):
        return simplify(tree, arena)
    word, count, parts = tree
    numbers = tuple(lower(part, arena) for part in parts)
    nodes: dict[str, Node] = {"not": Not(numbers[0]), "and": And(numbers), "or": Or(numbers)}
    return simplify(nodes.get(word, AtLeast(count, numbers)), arena)


@dataclass(frozen=True)
class User:
    """Which leaves hold, and the value of the column that several values are asked of."""

    true: tuple[bool, ...]
    value: int | None

    def passes(self, test: Leaf) -> bool:
        if test.column != "value":
            return self.true[int(test.column[1:])]
        listed = test.argument if isinstance(test.argument, tuple) else (test.argument,)
        return self.value in listed


def tree_holds(tree: Tree, user: User) -> bool:
    """Whether the tree as it was written holds of a user."""
    match tree:
        case bool():
            return tree
        case int():
            return user.true[tree]
        case Fold():
            return tree.absent
        case Leaf():
            return user.passes(tree)
    word, count, parts = tree
    held = sum(tree_holds(part, user) for part in parts)
    return {"not": held == 0, "and": held == len(parts), "or": held > 0}.get(word, held >= count)


def node_holds(number: int, arena: Arena, user: User) -> bool:
    """Whether the simplified node holds of a user."""
    node = arena.nodes[number]
    match node:
        case Leaf():
            return user.passes(node)
        case Const(value):
            return value
        case Not(part):
            return not node_holds(part, arena, user)
        case Fold():
            raise AssertionError("a window that is empty is a constant")
    held = sum(node_holds(part, arena, user) for part in node.parts)
    match node:
        case And(parts):
            return held == len(parts)
        case Or():
            return held > 0
        case AtLeast(count, _):
            return held >= count


USERS = [
    User(true, value)
    for true in itertools.product([False, True], repeat=LEAVES)
    for value in (None, 1, 2, 3, 4)
]


@exhaustive
@given(tree=trees)
def test_simplifying_never_changes_who_is_selected(tree: Tree) -> None:
    arena = Arena()
    number = lower(tree, arena)
    for user in USERS:
        assert node_holds(number, arena, user) == tree_holds(tree, user)


@exhaustive
@given(tree=trees)
def test_what_is_simple_is_left_alone(tree: Tree) -> None:
    arena = Arena()
    number = lower(tree, arena)
    known = list(arena.nodes)
    assert simplify(arena.nodes[number], arena) == number
    assert arena.nodes == known


@exhaustive
@given(tree=trees)
def test_parts_stand_before_what_is_made_of_them(tree: Tree) -> None:
    arena = Arena()
    lower(tree, arena)
    for number, node in enumerate(arena.nodes):
        assert all(part < number for part in parts_of(node))
    assert len(set(arena.nodes)) == len(arena.nodes)


@exhaustive
@given(tree=trees)
def test_the_form_that_is_reached_is_simple(tree: Tree) -> None:
    arena = Arena()
    number = lower(tree, arena)
    for each in reachable(arena.nodes, [number]):
        node = arena.nodes[each]
        inner = [arena.nodes[part] for part in parts_of(node)]
        match node:
            case Not():
                assert not isinstance(inner[0], Not | Const)
            case And(parts) | Or(parts):
                assert len(parts) > 1
                assert list(parts) == sorted(set(parts))
                assert not any(isinstance(part, Const | type(node)) for part in inner)
                assert not {part.part for part in inner if isinstance(part, Not)} & set(parts)
            case AtLeast(count, parts):
                assert 1 < count < len(parts)


@exhaustive
@given(tree=trees, random=st.randoms(use_true_random=False))
def test_order_makes_no_other_plan(tree: Tree, random: Random) -> None:
    def mixed(part: Tree) -> Tree:
        if not isinstance(part, tuple):
            return part
        word, count, parts = part
        return (word, count, tuple(random.sample([mixed(each) for each in parts], len(parts))))

    arena = Arena()
    assert lower(tree, arena) == lower(mixed(tree), arena)


def test_equal_nodes_are_one_and_unlike_arguments_are_two() -> None:
    arena = Arena()
    one = arena.add(Leaf("c", "eq", 1, "int:1"))
    assert arena.add(Leaf("c", "eq", 1, "int:1")) == one
    assert arena.add(Leaf("c", "eq", True, "bool:True")) != one
    assert arena.add(Leaf("c", "eq", 1.0, "float:1.0")) != one
    assert len(arena.nodes) == 3
