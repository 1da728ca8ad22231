"""Differences against Python's own sets."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audience.errors import UsageError
from audience.insight.diff import NOBODY, compare

IDS = st.sets(st.integers(0, 30))
SIDES = st.dictionaries(st.sampled_from("abcd"), IDS, min_size=1)


def arrays(side: dict[str, set[int]]) -> dict[str, pa.Array]:
    return {name: pa.array(sorted(ids), pa.int64()) for name, ids in side.items()}


@settings(derandomize=True, deadline=None)
@given(old=SIDES, new=SIDES)
def test_builds_pack_by_pack(old: dict[str, set[int]], new: dict[str, set[int]]) -> None:
    diff = compare("old", arrays(old), "new", arrays(new), {}, pair=False, key="id")
    assert [pack.name for pack in diff.packs] == [name for name in old if name in new]
    for pack in diff.packs:
        before, after = old[pack.name], new[pack.name]
        assert (pack.old_size, pack.new_size) == (len(before), len(after))
        assert pack.kept == len(before & after)
        assert pack.added == len(after - before)
        assert pack.removed == len(before - after)
        assert pack.change == (len(after) / len(before) - 1 if before else None)
        assert pack.jaccard == (
            len(before & after) / len(before | after) if before | after else None
        )
        ids = {name: array.to_pylist() for name, array in diff.ids(pack).items()}
        assert ids == {
            "kept": sorted(before & after),
            "added": sorted(after - before),
            "removed": sorted(before - after),
        }
    assert [pack.name for pack in diff.only_old] == [name for name in old if name not in new]
    assert [pack.name for pack in diff.only_new] == [name for name in new if name not in old]
    everybody_new = set().union(*new.values())
    newcomers = everybody_new - set().union(*old.values())
    for row in diff.matrix:
        users = newcomers if row.pack == NOBODY else old[row.pack]
        assert row.size == len(users)
        assert row.into == {name: len(users & ids) for name, ids in new.items()}
        assert row.out == len(users - everybody_new)


def test_two_packs_of_different_names() -> None:
    diff = compare(
        "o", {"a": pa.array(["x", "y"])}, "n", {"b": pa.array(["y"])}, {}, pair=True, key="id"
    )
    assert [(pack.name, pack.kept, pack.removed) for pack in diff.packs] == [("a → b", 1, 1)]
    assert not diff.only_old
    assert not diff.only_new


def test_keys_of_different_types_are_refused() -> None:
    with pytest.raises(UsageError, match="different types"):
        compare("o", {"a": pa.array(["1"])}, "n", {"a": pa.array([1])}, {}, pair=False, key="id")
