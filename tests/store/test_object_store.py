"""Publishing into an object store: one object is the commit, and nothing is visible before it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from audience.errors import BusyError, NotPublishedError, StoreError
from audience.objects import ObjectPath
from audience.rules.reference import Reference
from audience.store import uploads
from audience.store.buckets import ObjectShelves
from audience.store.commits import NOTHING
from audience.store.manifest import Manifest, RuleText, digest_of, to_json
from audience.store.packs import PackData, Published
from audience.store.read import find_build, list_all, open_build, open_side
from audience.store.uploads import ObjectWriter
from audience.store.verify import verify
from engine.stores import Answer, Store

DAY = date(2024, 3, 1)
NEXT = date(2024, 3, 2)
LATER = date(2024, 3, 3)
CONTENTS = ([1, 2, 3], list(range(0, 5_000, 3)))
BUILDS = "packs/c/p/.builds"
DENIED = "403 AccessDenied"


@pytest.fixture
def root(store: Store) -> ObjectPath:
    return ObjectPath(store.bucket) / "packs"


def publish(writer: ObjectWriter, number: int, day: date = DAY) -> Published:
    """Publish one of the two contents."""
    ids = pa.array(CONTENTS[number % 2])
    text = RuleText("audience.yaml", "", "")
    manifest = Manifest(
        "c", "p", "", day, "test", text, (), (), "user_id", len(ids), partial=False, packs=()
    )
    packs = [PackData(name, "", lambda: ids) for name in ("one", "two")]
    return writer.publish(manifest, packs, to_json({"content": number % 2}))


def publish_one(root: ObjectPath, number: int, day: date = DAY) -> Published:
    with ObjectShelves(root).writing("c") as writer:
        return publish(writer, number, day)


def content(root: ObjectPath, day: date = DAY) -> int | None:
    """Which of the two contents is published, whole; None for none."""
    reference = Reference("c", "p", day, "")
    try:
        side = open_side(root, str(reference))
    except NotPublishedError:
        return None
    number = CONTENTS.index(side.packs["one"].to_pylist())
    assert side.packs["two"].to_pylist() == CONTENTS[number]
    return number


def whole(root: ObjectPath) -> None:
    assert [each.faults for each in verify(root) if each.faults] == []


def commits(root: ObjectPath, day: date = DAY) -> list[str]:
    """The names that a day's commits have, the last one last."""
    return [each.read_bytes().decode().strip() for each in (root / f"c/p/{day}").walk()]


def builds(root: ObjectPath) -> set[str]:
    return {each.parent.name for each in (root / "c/p/.builds").walk()}


def keys(root: ObjectPath) -> dict[str, bytes]:
    return {each.key: each.read_bytes() for each in root.walk()}


def told(use: Callable[[], Any]) -> str:
    """What it said when it failed, in one line; '' where it did not."""
    try:
        use()
    except StoreError as error:
        text = str(error)
    else:
        return ""
    assert "\n" not in text
    return text


def draft_of(day: date, number: int) -> str:
    """What the folder of somebody's draft is called."""
    return f"{day}.{number:08}-{'0' * 32}"


def watch(store: Store, look: Callable[[Answer], str | None]) -> None:
    """Look at each request before it is answered, but not at those of whoever looks."""
    busy: list[Answer] = []

    def before(asked: Answer) -> str | None:
        if busy:
            return None
        busy.append(asked)
        try:
            return look(asked)
        finally:
            busy.clear()

    store.before = before


def test_the_layout_is_what_is_promised(root: ObjectPath) -> None:
    published = publish_one(root, 0)
    assert published.folder.parent == root / "c/p/.builds"
    name = published.folder.name
    assert name.startswith("2024-03-01.00000001-")
    found = keys(root)
    assert found.pop("packs/c/p/2024-03-01/00000001") == f"{name}\n".encode()
    files = {"one.parquet", "two.parquet", "summary.json", "manifest.json"}
    assert found.keys() == {f"{BUILDS}/{name}/{file}" for file in files}
    for entry in published.manifest.packs:
        assert digest_of(found[f"{BUILDS}/{name}/{entry.file}"]) == entry.sha256
    assert content(root) == 0
    whole(root)


def test_what_is_published_stays_as_it_is_where_nothing_differs(root: ObjectPath) -> None:
    first, before = publish_one(root, 0), keys(root)
    second = publish_one(root, 0)
    assert (first.unchanged, second.unchanged) == (False, True)
    assert second.folder == first.folder
    assert keys(root) == before


DAMAGES: list[Callable[[Store, str], None]] = [
    lambda store, at: store.put(f"{at}/one.parquet", b"x"),
    lambda store, at: store.put(f"{at}/summary.json", b"{}"),
    lambda store, at: store.put(f"{at}/manifest.json", b"{}"),
    lambda store, at: store.delete(f"{at}/two.parquet"),
    lambda store, at: store.delete(f"{at}/manifest.json"),
    lambda store, at: store.put(f"{at}/more.parquet", b"x"),
]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_build_is_published_anew(
    store: Store, root: ObjectPath, damage: Callable[[Store, str], None]
) -> None:
    first = publish_one(root, 0)
    damage(store, f"{BUILDS}/{first.folder.name}")
    again = publish_one(root, 0)
    assert not again.unchanged
    assert again.folder != first.folder
    assert content(root) == 0
    whole(root)


@pytest.mark.parametrize("text", [b"", b"x\n", b"../q/.builds/x\n", b"2024-03-01.x"])
def test_a_commit_that_names_no_build_is_told_and_overcome(
    store: Store, root: ObjectPath, text: bytes
) -> None:
    publish_one(root, 0)
    store.put("packs/c/p/2024-03-01/00000001", text)
    (told,) = verify(root)
    assert told.faults == (f"{root}/c/p/2024-03-01/00000001 is damaged: it names no build",)
    with pytest.raises(StoreError, match="it names no build"):
        content(root)
    assert len(list_all(root).damaged) == 1
    publish_one(root, 0)
    assert content(root) == 0
    whole(root)


def test_what_is_replaced_stays_until_the_next_commit(root: ObjectPath) -> None:
    for number in range(4):
        publish_one(root, number)
    names = commits(root)
    assert len(set(names)) == 4
    assert builds(root) == {*names[-2:]}
    publish_one(root, 3)
    assert commits(root) == names
    assert builds(root) == {*names[-2:]}


# What others see


def test_a_reader_between_any_two_requests(store: Store, root: ObjectPath) -> None:
    for number in (0, 1):
        publish_one(root, number)
    seen: list[Any] = []

    def look(asked: Answer) -> None:
        try:
            seen.append(content(root))
            seen.extend(each.faults for each in verify(root) if each.faults)
        except Exception as error:
            seen.append(error)

    watch(store, look)
    publish_one(root, 0)
    store.before = lambda _: None
    assert seen == sorted(seen, reverse=True), seen
    assert {*seen} == {0, 1}
    assert len(seen) > 10


def test_a_crash_at_any_request(store: Store, root: ObjectPath) -> None:
    ends = set()
    for nth in range(1, 100):
        at = root / str(nth)
        for number in (1, 0):
            publish_one(at, number)
        left = [nth]

        def die(_: Answer, left: list[int] = left) -> str | None:
            left[0] -= 1
            return DENIED if left[0] <= 0 else None

        store.before = die
        ended = not told(lambda at=at: publish_one(at, 1))
        store.before = lambda _: None
        found = content(at)
        assert found == 1 if ended else found in (0, 1)
        ends.add((ended, found))
        whole(at)
        for number in (1, 0, 0):
            publish_one(at, number)
        assert content(at) == 0
        assert builds(at) == {*commits(at)[-2:]}
        if left[0] > 0:
            break
    assert nth > 10
    # It may end behind the commit without being able to clear away, but not without the commit.
    assert ends == {(False, 0), (True, 1)}


def test_an_interruption_leaves_no_draft(root: ObjectPath) -> None:
    publish_one(root, 0)
    before = keys(root)
    manifest = open_build(root, Reference("c", "p", DAY, "")).manifest

    def interrupt() -> pa.Array:
        raise KeyboardInterrupt

    packs = [PackData("one", "", lambda: pa.array([1])), PackData("two", "", interrupt)]
    with ObjectShelves(root).writing("c") as writer:
        with pytest.raises(KeyboardInterrupt):
            writer.publish(manifest, packs, "{}")
        assert keys(root) == before


def answer_lost(error: OSError) -> Callable[..., None]:
    real = ObjectPath.put

    def put(self: ObjectPath, data: bytes, *, create: bool) -> None:
        real(self, data, create=create)
        if create:
            raise error

    return put


def test_a_commit_that_is_made_twice_meets_itself(
    root: ObjectPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_one(root, 0)
    monkeypatch.setattr(ObjectPath, "put", answer_lost(FileExistsError()))
    publish_one(root, 1)
    assert content(root) == 1
    whole(root)


def test_a_commit_whose_answer_is_lost_may_stand(
    root: ObjectPath, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_one(root, 0)
    with monkeypatch.context() as patch:
        patch.setattr(ObjectPath, "put", answer_lost(ConnectionError("it does not answer")))
        with pytest.raises(StoreError, match=r"cannot publish to s3://.*/c/p: it does not answer"):
            publish_one(root, 1)
    assert content(root) == 1
    whole(root)
    assert publish_one(root, 1).unchanged


def overtaking(store: Store, root: ObjectPath) -> list[int]:
    """Let who first reads a pack be overtaken twice; how often that was, as it happens."""
    publish_one(root, 0)
    times = [0]

    def overtake(asked: Answer) -> None:
        if asked.path.endswith(".parquet") and not times[0]:
            times[0] += 1
            for number in (1, 0, 1):
                publish_one(root, number)

    watch(store, overtake)
    return times


def test_a_reader_that_is_overtaken_twice_begins_anew(store: Store, root: ObjectPath) -> None:
    times = overtaking(store, root)
    assert content(root) == 1
    assert times == [1]


def test_verifying_while_it_is_replaced(store: Store, root: ObjectPath) -> None:
    times = overtaking(store, root)
    whole(root)
    assert times == [1]


# Two at once


@pytest.mark.parametrize("day", [DAY, NEXT])
def test_the_second_to_commit_is_refused(root: ObjectPath, day: date) -> None:
    publish_one(root, 0)
    shelves = ObjectShelves(root)
    with shelves.writing("c") as first, shelves.writing("c") as second:
        publish(second, 1, day)
        before = keys(root)
        with pytest.raises(BusyError, match=f"^c/p@{day} was published by another process mean"):
            publish(first, 0, day)
    assert keys(root) == before
    assert content(root, day) == 1


def test_who_is_overtaken_at_the_last_moment_is_refused(store: Store, root: ObjectPath) -> None:
    publish_one(root, 0)

    faster: list[Published] = []

    def overtake(asked: Answer) -> None:
        if asked.method == "PUT" and asked.path.endswith("/00000002"):
            faster.append(publish_one(root, 1))

    watch(store, overtake)
    with pytest.raises(BusyError, match=r"^c/p@2024-03-01 was published by another process"):
        publish_one(root, 1)
    store.before = lambda _: None
    assert commits(root)[1:] == [faster[0].folder.name]
    assert builds(root) == {*commits(root)}
    assert content(root) == 1
    whole(root)


def test_a_writer_publishes_several_times(root: ObjectPath) -> None:
    with ObjectShelves(root).writing("c") as writer:
        for number in (0, 1, 0):
            publish(writer, number)
        publish(writer, 1, NEXT)
    assert (content(root), content(root, NEXT)) == (0, 1)


# What is left behind


def age(store: Store, key: str, hours: float) -> None:
    """Let an object be older than it is, by the clock of the store."""
    from moto.core import DEFAULT_ACCOUNT_ID
    from moto.s3.models import s3_backends

    bucket = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[store.bucket]
    bucket.keys[key].last_modified = datetime.now(UTC).replace(tzinfo=None) - timedelta(hours=hours)


@pytest.mark.parametrize(("hours", "stays"), [(23.9, True), (24.1, False)])
@pytest.mark.parametrize("name", [draft_of(LATER, 1), draft_of(DAY, 9), "what.somebody.left"])
def test_a_draft_goes_when_all_of_it_is_old(
    store: Store, root: ObjectPath, name: str, hours: float, stays: bool
) -> None:
    publish_one(root, 0)
    draft = f"{BUILDS}/{name}"
    for file, old in (("a.parquet", 1_000), ("b.parquet", hours)):
        store.put(f"{draft}/{file}", b"x")
        age(store, f"{draft}/{file}", old)
    for at in builds(root) - {name}:
        for path in (root / "c/p/.builds" / at).walk():
            age(store, path.key, 10_000)
    publish_one(root, 0, NEXT)
    assert (name in builds(root)) == stays
    assert content(root) == content(root, NEXT) == 0
    whole(root)


def test_what_was_meant_for_a_commit_that_is_made_goes_at_once(
    store: Store, root: ObjectPath
) -> None:
    publish_one(root, 0)
    name = draft_of(DAY, 2)
    store.put(f"{BUILDS}/{name}/one.parquet", b"x")
    publish_one(root, 0)
    assert name in builds(root)
    publish_one(root, 1)
    assert builds(root) == {*commits(root)}


# Removing


def days(root: ObjectPath) -> Sequence[date]:
    return ObjectShelves(root).days("c", "p")


def test_removing(store: Store, root: ObjectPath) -> None:
    for number in (0, 1):
        publish_one(root, number)
    publish_one(root, 0, NEXT)
    seen: list[Any] = []

    def look(asked: Answer) -> None:
        seen.append(content(root))
        seen.extend(each.faults for each in verify(root) if each.faults)

    watch(store, look)
    with ObjectShelves(root).writing("c") as writer:
        writer.remove([Reference("c", "p", DAY, "")])
        store.before = lambda _: None
        with pytest.raises(StoreError, match="c/p@2024-03-02 is the newest build of its phase"):
            writer.remove([Reference("c", "p", NEXT, "")])
    order = {1: 0, None: 1}
    assert {*seen} == {1, None}
    assert seen == sorted(seen, key=lambda each: order[each])
    assert days(root) == [NEXT]
    # That it is gone is told to those who may be publishing it.
    found = {key: text for key, text in keys(root).items() if "2024-03-01" in key}
    assert found == {"packs/c/p/2024-03-01/00000003": b"nothing\n"}
    assert content(root, NEXT) == 0


def test_a_day_that_was_removed_can_be_published_again(store: Store, root: ObjectPath) -> None:
    for day in (DAY, NEXT):
        publish_one(root, 0, day)
    with ObjectShelves(root).writing("c") as writer:
        writer.remove([Reference("c", "p", DAY, "")])
        writer.remove([Reference("c", "p", DAY, "")])
    publish_one(root, 1)
    assert days(root) == [DAY, NEXT]
    assert content(root) == 1
    whole(root)


@pytest.mark.parametrize(("hours", "stays"), [(23.9, True), (24.1, False)])
def test_what_tells_that_a_day_is_gone_goes_after_a_day(
    store: Store, root: ObjectPath, hours: float, stays: bool
) -> None:
    for day in (DAY, NEXT):
        publish_one(root, 0, day)
    with ObjectShelves(root).writing("c") as writer:
        writer.remove([Reference("c", "p", DAY, "")])
    (left,) = (root / "c/p/2024-03-01").walk()
    age(store, left.key, hours)
    publish_one(root, 1, NEXT)
    assert bool((root / "c/p/2024-03-01").walk()) == stays
    whole(root)


def test_what_tells_that_a_day_is_gone_goes_last(store: Store, root: ObjectPath) -> None:
    publish_one(root, 0)
    for number, text in ((1, draft_of(DAY, 1)), (2, draft_of(DAY, 2)), (3, NOTHING)):
        store.put(f"packs/c/p/{NEXT}/{number:08}", f"{text}\n".encode())
        age(store, f"packs/c/p/{NEXT}/{number:08}", 25)
    seen = []
    watch(store, lambda _: seen.append(content(root, NEXT)))
    publish_one(root, 1)
    store.before = lambda _: None
    assert {*seen} == {None}
    assert not (root / f"c/p/{NEXT}").walk()


def test_who_publishes_what_is_being_removed_is_refused(store: Store, root: ObjectPath) -> None:
    for day in (DAY, NEXT):
        publish_one(root, 0, day)
    shelves = ObjectShelves(root)
    with shelves.writing("c") as one, shelves.writing("c") as other:
        one.remove([Reference("c", "p", DAY, "")])
        with pytest.raises(BusyError):
            publish(other, 1)
    assert (content(root), content(root, NEXT)) == (None, 0)
    publish_one(root, 0)
    with shelves.writing("c") as one, shelves.writing("c") as other:
        publish(other, 1)
        with pytest.raises(BusyError, match="c/p@2024-03-01 was published by another"):
            one.remove([Reference("c", "p", DAY, "")])
    assert content(root) == 1
    whole(root)


@pytest.mark.parametrize("nth", range(1, 12))
def test_a_crash_while_removing(store: Store, root: ObjectPath, nth: int) -> None:
    for number in (0, 1):
        publish_one(root, number)
    publish_one(root, 0, NEXT)
    asked = [0]

    def die(_: Answer) -> str | None:
        asked[0] += 1
        return DENIED if asked[0] >= nth else None

    def remove() -> None:
        with ObjectShelves(root).writing("c") as writer:
            writer.remove([Reference("c", "p", DAY, "")])

    store.before = die
    told(remove)
    store.before = lambda _: None
    found = content(root)
    assert found in (1, None)
    whole(root)
    if found is None:
        publish_one(root, 1, NEXT)
        assert {each.partition(".")[0] for each in builds(root)} == {str(NEXT)}
    else:
        remove()
        assert content(root) is None


def test_clearing_leaves_what_is_published_alone(store: Store, root: ObjectPath) -> None:
    for number in (0, 1, 0):
        publish_one(root, number)
    publish_one(root, 1, NEXT)
    for name in (draft_of(DAY, 7), draft_of(LATER, 1), "left"):
        store.put(f"{BUILDS}/{name}/one.parquet", b"x")
    with ObjectShelves(root).writing("c") as writer:
        writer.clear("p")
    found = [find_build(root, Reference("c", "p", day, ""))[1].name for day in (DAY, NEXT)]
    assert builds(root) == {*found}
    assert days(root) == [DAY, NEXT]
    assert (content(root), content(root, NEXT)) == (0, 1)
    whole(root)
    # A day that was only refused can be published.
    publish_one(root, 1, LATER)
    assert content(root, LATER) == 1


@pytest.mark.parametrize("day", [DAY, NEXT])
def test_who_is_uploading_while_it_is_cleared_is_refused(
    store: Store, root: ObjectPath, day: date
) -> None:
    publish_one(root, 0)
    times = [0]

    def clear(asked: Answer) -> None:
        if f"{day}%2F" in asked.query and not times[0]:
            times[0] += 1
            with ObjectShelves(root).writing("c") as writer:
                writer.clear("p")

    watch(store, clear)
    with pytest.raises(BusyError):
        publish_one(root, 1, day)
    store.before = lambda _: None
    assert times == [1]
    assert content(root) == 0
    assert len(builds(root)) == 1
    assert commits(root, day)[-1] == (NOTHING if day == NEXT else commits(root)[0])
    whole(root)
    publish_one(root, 1, day)
    assert content(root, day) == 1


def test_who_clears_learns_of_what_was_published_meanwhile(root: ObjectPath) -> None:
    publish_one(root, 0)
    with ObjectShelves(root).writing("c") as writer:
        publish_one(root, 1)
        with pytest.raises(BusyError, match="c/p@2024-03-01 was published by another"):
            writer.clear("p")
    assert content(root) == 1


# Damages


def whose(root: ObjectPath) -> str:
    return find_build(root, Reference("c", "p", DAY, ""))[1].name


def damages() -> Iterator[tuple[str, Callable[[Store, str], None], str]]:
    yield (
        "changed",
        lambda store, at: store.put(f"{at}/one.parquet", b"x"),
        ("{at}/one.parquet is not the file that was published: its SHA-256 differs"),
    )
    yield (
        "missing",
        lambda store, at: store.delete(f"{at}/one.parquet"),
        ("{at}/one.parquet is missing"),
    )
    yield (
        "no summary",
        lambda store, at: store.delete(f"{at}/summary.json"),
        ("{at}/summary.json is missing"),
    )
    yield (
        "no manifest",
        lambda store, at: store.delete(f"{at}/manifest.json"),
        ("{at}/manifest.json cannot be read: there is no such object"),
    )
    yield (
        "extra",
        lambda store, at: store.put(f"{at}/more.txt", b"x"),
        ("{at}/more.txt was not published"),
    )
    yield "below", lambda store, at: store.put(f"{at}/more/a", b"x"), "{at}/more was not published"
    yield (
        "beside",
        lambda store, _: store.put("packs/c/p/notes", b"x"),
        ("{root}/c/p/notes was not published"),
    )
    yield (
        "in a day",
        lambda store, _: store.put("packs/c/p/2024-03-01/latest", b"x"),
        ("{root}/c/p/2024-03-01/latest was not published"),
    )

    def lead(store: Store, name: str) -> None:
        store.put("packs/c/p/2024-03-01/00000002", f"{name}\n".encode())

    nowhere = f"2024-03-01.00000002-{'0' * 32}"
    yield (
        "nowhere",
        lambda store, _: lead(store, nowhere),
        (f"{{root}}/c/p/2024-03-01/00000002 leads to .builds/{nowhere}: nothing"),
    )


@pytest.mark.parametrize(("name", "damage", "told"), [*damages()], ids=lambda each: str(each)[:12])
def test_a_damage_is_found_and_named(
    store: Store, root: ObjectPath, name: str, damage: Callable[[Store, str], None], told: str
) -> None:
    publish_one(root, 0)
    at = f"{BUILDS}/{whose(root)}"
    damage(store, at)
    (found,) = verify(root)
    assert found.faults == (told.format(at=f"s3://{root.bucket}/{at}", root=root),)


def test_a_day_that_is_another_ones(store: Store, root: ObjectPath) -> None:
    publish_one(root, 0)
    store.put("packs/c/p/2024-03-02/00000001", f"{whose(root)}\n".encode())
    told = [fault for each in verify(root) for fault in each.faults]
    assert [each.partition("manifest.json ")[2] for each in told] == [
        "is of c/p@2024-03-01, not of c/p@2024-03-02"
    ]
    with pytest.raises(StoreError, match="is of c/p@2024-03-01"):
        content(root, NEXT)


def test_what_others_keep_beside_is_not_looked_at(store: Store, root: ObjectPath) -> None:
    publish_one(root, 0)
    for key in ("packs/notes.txt", "packs/c/notes.txt", "packs/Other/x/y", "packs/c/q/y", "else/z"):
        store.put(key, b"x")
    assert ObjectShelves(root).phases() == [("c", "p")]
    whole(root)
    listing = list_all(root)
    assert ([each.name for each in listing.builds], listing.damaged) == (["c/p@2024-03-01"], ())


def test_a_whole_bucket(store: Store) -> None:
    root = ObjectPath(store.bucket)
    publish_one(root, 0)
    assert content(root) == 0
    whole(root)


# Errors


@pytest.mark.parametrize("nth", range(1, 9))
def test_a_store_that_denies_is_told_in_one_line(store: Store, root: ObjectPath, nth: int) -> None:
    publish_one(root, 0)
    asked = [0]

    def deny(_: Answer) -> str | None:
        asked[0] += 1
        return DENIED if asked[0] >= nth else None

    use: tuple[Callable[[], Any], ...] = (
        lambda: open_side(root, "c/p"),
        lambda: list(verify(root)),
        lambda: list_all(root),
        lambda: publish_one(root, 1),
    )
    for each in use:
        asked[0], store.before = 0, deny
        text = told(each)
        assert text.count("the object store denies access (403 AccessDenied)") == bool(text)
        store.before = lambda _: None


def test_a_store_that_hiccups_is_asked_again(store: Store, root: ObjectPath) -> None:
    publish_one(root, 0)
    asked = [0]

    def hiccup(_: Answer) -> str | None:
        asked[0] += 1
        return "500 InternalError" if asked[0] % 4 == 0 else None

    store.before = hiccup
    publish_one(root, 1)
    store.before = lambda _: None
    assert content(root) == 1
    assert len(builds(root)) == 2


def test_a_bucket_that_is_not_there(store: Store) -> None:
    with pytest.raises(StoreError, match="there is no bucket `nobody-has-it`"):
        publish_one(ObjectPath("nobody-has-it") / "packs", 0)


def test_packs_of_several_parts(root: ObjectPath, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent in parts is the same bytes."""
    monkeypatch.setattr(uploads, "write_ids_to", lambda file, *_: file.write(b"x" * 12_000_000))
    published = publish_one(root, 0)
    for entry in published.manifest.packs:
        assert digest_of((published.folder / entry.file).read_bytes()) == entry.sha256
    assert json.loads((published.folder / "summary.json").read_bytes()) == {"content": 0}
