"""Tables in an object store: the same answers, checks and errors as of tables on disk."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from threading import Barrier
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import audience
from audience.engine.footers import read_footer
from audience.engine.polars import PolarsEngine
from audience.errors import AudienceError, RuleError, UsageError
from audience.records import changed_inputs
from audience.store.manifest import Manifest
from engine.stores import Answer, Store
from engine.ways import answer, event, every_way, forget, ids, project, put, rule
from support import Run

ROOT = Path(__file__).parents[2]
DAY = "2024-03-03"
ASKED = {
    "old": "{age: 30..}",
    "of": "{city: [北京, 上海]}",
    "liked": "{likes: a}",
    "did": "{did: {within: 2d}}",
    "then": "{did: {then: {after: 0d..}}}",
    "not": "{not: {age: 30..}}",
}
BY_DAY = "  events: {{path: '{}', key: id, time: ts, day: dt, known_gaps: [..2030-01-01]}}\n"


def table(folder: Path, **options: Any) -> Path:
    """Users and three days of events on disk."""
    users = pa.table(
        {
            "id": list(range(1, 41)),
            "age": list(range(10, 50)),
            "city": ["北京", "上海", None, "x"] * 10,
            "likes": [["a", "b"], ["b"], [], None] * 10,
        }
    )
    path = folder / "users/p.parquet"
    path.parent.mkdir(parents=True)
    pq.write_table(users, path, row_group_size=16, **options)
    for day in (1, 2, 3):
        event(folder, day, id=[day, day + 1, day + 10])
    return path


def far(folder: Path, users: str, events: str = "") -> Any:
    """A project over tables in a store."""
    text = f"  users: {{path: '{users}', key: id}}\n"
    return project(folder, BY_DAY.format(events) if events else "", text)


def refused(opened: Any) -> str:
    """Why the tables can't be opened."""
    with pytest.raises(AudienceError) as told:
        audience.check(opened)
    assert "\n" not in str(told.value)
    assert "unspoken" not in str(told.value)
    return str(told.value)


def ask(opened: Any, where: str, day: str = DAY) -> list[Any]:
    return ids(answer(opened, rule(opened.root, {"p": where}, day), "polars"))["p"]


# The same answers


def test_the_shipped_rules_select_the_same(store: Store, tmp_path: Path) -> None:
    store.upload(ROOT / "fixtures", "dmp/")
    text = (ROOT / "audience.yaml").read_text()
    (tmp_path / "audience.yaml").write_text(text.replace("fixtures/", f"{store.url}/dmp/"))
    shutil.copytree(ROOT / "rules/mi13-2023", tmp_path / "rules/mi13-2023")
    here = audience.build(
        audience.load(ROOT), [ROOT / "rules/mi13-2023"], dry_run=True, cache=False
    )
    there = audience.build(audience.load(tmp_path), dry_run=True)
    assert sum(len(each.packs) for each in here) > 10
    for mine, other in zip(here, there, strict=True):
        assert other.summary == mine.summary
        for pack in mine.packs:
            assert other.ids(pack).equals(mine.ids(pack))


@pytest.mark.parametrize(
    ("users", "events"),
    [
        ("users/", "events"),
        ("users/p.parquet", "events/dt=*/*.parquet"),
        ("users/*", "events/**/*.parquet"),
        ("u*/?.parquet", "events/"),
    ],
)
def test_every_way_and_every_form_of_path(
    store: Store, tmp_path: Path, users: str, events: str
) -> None:
    table(tmp_path)
    store.upload(tmp_path)
    near = every_way(
        project(tmp_path, BY_DAY.format(events), f"  users: {{path: '{users}', key: id}}\n"),
        ASKED,
        "polars",
        DAY,
    )
    opened = far(tmp_path, f"{store.url}/{users}", f"{store.url}/{events}")
    assert every_way(opened, ASKED, "polars", DAY) == near
    assert ids(near)["did"] == [2, 3, 4, 12, 13]


def test_keys_with_signs_of_all_kinds(store: Store, tmp_path: Path) -> None:
    names = ["sp ace", "p%20c", "h#x", "q?x", "s*[a]", "plus+x", "amp&=", "城市", "quo'te", "a=b~c"]
    for number, name in enumerate(names):
        store.put(f"users/{name}.parquet", put(tmp_path, "u.parquet", id=[number]).read_bytes())
    assert ask(far(tmp_path, f"{store.url}/users"), "{id: known}") == list(range(len(names)))


def test_snapshots(store: Store, tmp_path: Path) -> None:
    for day, name in enumerate(("2024-03-01", "2024-03-03"), 1):
        put(tmp_path, f"users/dt={name}/p.parquet", id=[day, 9], age=[day, 50])
    store.upload(tmp_path)
    users = f"  users: {{path: {store.url}/users/, key: id, snapshot: dt}}\n"
    opened = project(tmp_path, "", users)
    assert ask(opened, "{age: 1..}", "2024-03-02") == [1, 9]
    assert ask(opened, "{age: 1..}", "2024-03-03") == [2, 9]
    with pytest.raises(AssertionError, match="no snapshot of 2024-02-01 or before"):
        ask(opened, "{age: 1..}", "2024-02-01")


def test_what_other_programs_leave_is_not_read(store: Store, tmp_path: Path) -> None:
    table(tmp_path)
    store.upload(tmp_path)
    for name in ("_SUCCESS", "_temporary/x.parquet", ".x.parquet", "p.parquet.crc", "sub/"):
        store.put(f"users/{name}", b"")
    assert len(ask(far(tmp_path, f"{store.url}/users"), "{id: known}")) == 40


# What is asked of the store


def test_a_table_is_listed_once_and_each_footer_is_one_request(
    store: Store, tmp_path: Path
) -> None:
    table(tmp_path)
    store.upload(tmp_path)
    opened = far(tmp_path, f"{store.url}/users", f"{store.url}/events")
    rule(tmp_path, ASKED, DAY)
    store.answers.clear()
    audience.check(opened)
    assert len(store.listings) == 2
    assert len(store.asked("GET", "users/")) == 1
    assert len(store.asked("GET", "events/")) == 3
    assert not store.asked("HEAD")


def test_footers_are_asked_for_several_at_a_time(store: Store, tmp_path: Path) -> None:
    for number in range(4):
        put(tmp_path, f"users/{number}.parquet", id=[number])
    store.upload(tmp_path)
    all_here = Barrier(4, timeout=10)
    store.before = lambda asked: all_here.wait() and None if "users/" in asked.path else None
    opened = far(tmp_path, f"{store.url}/users")
    rule(tmp_path, {"p": "{id: known}"}, DAY)
    audience.check(opened)
    assert not all_here.broken


def test_a_long_footer_is_two_requests(store: Store, tmp_path: Path) -> None:
    columns = {f"{'c' * 100}{number}": [1, 2] for number in range(400)}
    put(tmp_path, "users/p.parquet", id=[1, 2], age=[20, 40], **columns)
    store.upload(tmp_path)
    opened = far(tmp_path, f"{store.url}/users")
    path = rule(tmp_path, {"p": ASKED["old"]}, DAY)
    store.answers.clear()
    audience.check(opened, [path])
    first, second = store.asked("GET", "users/")
    assert first.bytes == 65_536 < second.bytes < (tmp_path / "users/p.parquet").stat().st_size
    assert ask(opened, ASKED["old"]) == [2]


def test_only_the_columns_that_are_asked_for_come_over(store: Store, tmp_path: Path) -> None:
    count = 300_000
    noise = pa.array([f"{n * 7919 % 1_000_003:x}{n}" for n in range(count)])
    put(tmp_path, "users/p.parquet", id=list(range(count)), age=[n % 90 for n in range(count)])
    path = tmp_path / "users/p.parquet"
    pq.write_table(pq.read_table(path).append_column("noise", noise), path)
    store.upload(tmp_path)
    opened = far(tmp_path, f"{store.url}/users/")
    store.answers.clear()
    assert len(ask(opened, "{age: 89}")) == count // 90
    came = sum(each.bytes for each in store.asked("GET"))
    sizes = read_footer("users", "", path).sizes
    assert came < sizes["id"] + sizes["age"] + 700_000  # footers
    assert came < path.stat().st_size / 2


def test_nothing_is_read_again_while_nothing_changes(store: Store, tmp_path: Path) -> None:
    table(tmp_path)
    store.upload(tmp_path)
    opened = far(tmp_path, f"{store.url}/users", f"{store.url}/events")
    cold = ask(opened, ASKED["did"])
    store.answers.clear()
    assert ask(opened, ASKED["did"]) == cold
    assert len(store.asked("GET", "events/")) == 3, "the footers"
    old = (tmp_path / "events/dt=2024-03-03/e.parquet").stat().st_size
    assert event(tmp_path, 3, id=[3, 4, 40]).stat().st_size == old
    store.upload(tmp_path)
    assert ask(opened, ASKED["did"]) == [2, 3, 4, 12, 40]


def test_a_manifest_names_objects_and_tells_when_they_change(store: Store, tmp_path: Path) -> None:
    path = table(tmp_path)
    store.upload(tmp_path)
    opened = far(tmp_path, f"{store.url}/users", f"{store.url}/events")
    rule(opened.root, {"p": "{did: {within: 1d}}"}, DAY)
    built = audience.build(opened)[0].published
    manifest: Manifest = built.manifest
    assert [(each.table, each.path, each.size) for each in manifest.inputs] == [
        ("users", f"{store.url}/users/p.parquet", path.stat().st_size),
        (
            "events",
            f"{store.url}/events/dt=2024-03-03/e.parquet",
            (tmp_path / "events/dt=2024-03-03/e.parquet").stat().st_size,
        ),
    ]
    assert not changed_inputs(opened, manifest)
    store.delete("users/p.parquet")
    assert [each.table for each in changed_inputs(opened, manifest)] == ["users"]


# What is refused


def test_places_that_hold_no_table(store: Store, tmp_path: Path) -> None:
    store.put("notes/n.txt", b"x")
    url = store.url
    for path, told in {
        f"{url}/none/": f"table `users`: there is no `{url}/none/`",
        f"{url}/none.parquet": f"table `users`: there is no `{url}/none.parquet`",
        f"{url}/notes/": f"table `users`: no Parquet file in `{url}/notes/`",
        f"{url}/n*/*.parquet": f"table `users`: no Parquet file in `{url}/n*/*.parquet`",
        "s3://nobody-has-it/a/": "table `users`: cannot read `s3://nobody-has-it/a/`: "
        "there is no bucket `nobody-has-it`",
        f"{url}/a/../b": f"table `users`: cannot read `{url}/a/../b`: "
        "`..` leads nowhere in an object store",
        "s3://": "table `users`: cannot read `s3://`: it names no bucket; expected s3://bucket/…",
        "gs://b/a": "table `users`: cannot read `gs://b/a`: expected a local path or s3://bucket/…",
    }.items():
        assert refused(far(tmp_path, path)) == told


def test_an_empty_object_or_a_wrong_one_is_no_table(store: Store, tmp_path: Path) -> None:
    for content in (b"", b"no parquet at all", b"PAR1" * 20):
        store.put("users/p.parquet", content)
        told = refused(far(tmp_path, f"{store.url}/users"))
        assert told.startswith(f"table `users`: cannot read {store.url}/users/p.parquet: "), told
    store.put("users/p.parquet", put(tmp_path, "u.parquet", id=pa.array([], "int64")).read_bytes())
    told = refused(far(tmp_path, f"{store.url}/users"))
    assert told.endswith("has no rows; `allow_empty: true` takes it so")


REFUSALS: dict[str, Callable[[Answer], bool]] = {
    "`{}/users`": lambda asked: "list-type" in asked.query,
    "{}/users/p.parquet": lambda asked: asked.path.endswith("p.parquet"),
}


@pytest.mark.parametrize("place", REFUSALS)
def test_a_store_that_denies_access(store: Store, tmp_path: Path, place: str) -> None:
    table(tmp_path)
    store.upload(tmp_path)
    store.before = lambda asked: "403 AccessDenied" if REFUSALS[place](asked) else None
    assert refused(far(tmp_path, f"{store.url}/users")) == (
        f"table `users`: cannot read {place.format(store.url)}: "
        "the object store denies access (403 AccessDenied)"
    )


def test_access_that_ends_while_rows_are_read(store: Store, tmp_path: Path) -> None:
    table(tmp_path)
    store.upload(tmp_path)
    text = f"  users: {{path: {store.url}/users, key: id, checksums: 'off'}}\n"
    opened = project(tmp_path, "", text)
    path = rule(tmp_path, {"p": ASKED["old"]}, DAY)
    seen: list[str] = []

    def deny(asked: Answer) -> str | None:
        seen.extend([asked.path] if asked.method == "GET" and not asked.query else [])
        return "403 ExpiredToken" if len(seen) > 1 else None

    store.before = deny
    assert answer(opened, path, "polars") == (
        f"table `users`: {store.url}/users/p.parquet cannot be read: the tables could not be read: "
        "the object store denies access (403 ExpiredToken)"
    )


def test_a_store_that_is_not_there(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}")
        told = refused(far(tmp_path, f"{store.url}/users/"))
        assert told == (
            f"table `users`: cannot read `{store.url}/users/`: "
            f"the object store at {host} does not answer"
        )
        assert run("check", at=tmp_path).code == 4


@pytest.mark.parametrize("engine", ["duckdb", "spark"])
def test_engines_that_read_local_files_alone(store: Store, tmp_path: Path, engine: str) -> None:
    table(tmp_path)
    store.upload(tmp_path)
    opened = far(tmp_path, f"{store.url}/users/")
    rule(tmp_path, {"p": ASKED["old"]}, DAY)
    with pytest.raises(UsageError) as told:
        audience.build(opened, dry_run=True, engine=engine)
    assert str(told.value) == (
        f"{store.url}/users/p.parquet: only the polars engine reads s3://…, not the {engine} engine"
    )


def test_lists_are_local(store: Store, tmp_path: Path) -> None:
    table(tmp_path)
    opened = far(tmp_path, "users/")
    path = rule(tmp_path, {"p": "{ids: {path: s3://bucket/vip.csv}}"}, DAY)
    expected = r"`s3://bucket/vip.csv` is not on this machine; expected a local path"
    with pytest.raises(RuleError, match=expected):
        audience.build(opened, [path], dry_run=True)
    more = "suppress: [{path: 's3://bucket/vip.csv', column: id}]\n"
    with pytest.raises(RuleError, match=expected):
        project(tmp_path, "", more=more)


# Checks


@pytest.mark.parametrize("column", ["age", "id"])
def test_a_damaged_page_is_refused(store: Store, tmp_path: Path, column: str) -> None:
    path = table(tmp_path, write_page_checksum=True)
    whole = path.read_bytes()
    *_, last = (each for each in read_footer("users", "", path).chunks if each.column == column)
    damaged = whole[: last.end - 3] + bytes([whole[last.end - 3] ^ 4]) + whole[last.end - 2 :]
    store.put("users/p.parquet", whole)
    opened = far(tmp_path, f"{store.url}/users")
    assert len(ask(opened, ASKED["old"])) == 20
    store.put("users/p.parquet", damaged)
    assert answer(opened, rule(tmp_path, {"p": ASKED["old"]}, DAY), "polars") == (
        f"table `users`: {store.url}/users/p.parquet: column `{column}` is damaged: "
        "a page differs from its checksum"
    )


def test_checksums_may_be_required(store: Store, tmp_path: Path) -> None:
    for checksums in (True, False):
        shutil.rmtree(tmp_path / "users", ignore_errors=True)
        shutil.rmtree(tmp_path / "events", ignore_errors=True)
        store.put("users/p.parquet", table(tmp_path, write_page_checksum=checksums).read_bytes())
        text = f"  users: {{path: {store.url}/users, key: id, checksums: require}}\n"
        path = rule(tmp_path, {"p": ASKED["old"]}, DAY)
        told = answer(project(tmp_path, "", text), path, "polars")
        assert isinstance(told, str) != checksums
        assert checksums or "has pages without a checksum" in str(told)


@pytest.mark.parametrize("name", ["users/p.parquet", "events/dt=2024-03-03/e.parquet"])
@pytest.mark.parametrize("gone", [False, True])
def test_an_object_that_changes_while_it_is_read(
    store: Store, tmp_path: Path, name: str, gone: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    table(tmp_path)
    store.upload(tmp_path)
    opened = far(tmp_path, f"{store.url}/users", f"{store.url}/events")
    path = rule(tmp_path, {"p": ASKED["did"], "q": ASKED["old"]}, DAY)
    content = pq.read_table(tmp_path / name)
    fetch = PolarsEngine.fetch

    def changed(self: Any, frame: Any) -> Any:
        found = fetch(self, frame)
        if gone:
            store.delete(name)
        else:
            pq.write_table(content, tmp_path / "new", compression="none")
            store.put(name, (tmp_path / "new").read_bytes())
        return found

    monkeypatch.setattr(PolarsEngine, "fetch", changed)
    told = answer(opened, path, "polars")
    assert isinstance(told, str)
    assert f"{store.url}/{name}" in told
    assert gone or "changed while it was read" in told
    monkeypatch.undo()
    forget(opened)
    if gone:
        store.upload(tmp_path)


def test_an_object_that_was_replaced_since_it_was_listed(store: Store, tmp_path: Path) -> None:
    table(tmp_path)
    store.upload(tmp_path)
    other = put(tmp_path, "other.parquet", id=[1]).read_bytes()
    opened = far(tmp_path, f"{store.url}/users")

    def replace(asked: Answer) -> None:
        if asked.method == "GET" and asked.path.endswith("p.parquet"):
            store.before = lambda _: None
            store.put("users/p.parquet", other)

    store.before = replace
    assert refused(opened) == (
        f"table `users`: cannot read {store.url}/users/p.parquet: it changed while it was read"
    )


PLACES = {
    "dt=2024-13-45": "the partition `dt=2024-13-45` of {} is no day",
    "x": "{} is in no partition folder `dt=…`",
    "dt=2024-03-03/backup": "{} is in a folder `backup` among partition folders",
    "dt=20240303": "are both of the day 2024-03-03",
    "dt=2024-03-04": "has rows of 2024-03-01",
}


@pytest.mark.parametrize("place", PLACES)
def test_partition_folders(store: Store, tmp_path: Path, place: str) -> None:
    table(tmp_path)
    store.upload(tmp_path)
    copy = (tmp_path / "events/dt=2024-03-01/e.parquet").read_bytes()
    store.put(f"events/{place}/e.parquet", copy)
    told = refused(far(tmp_path, f"{store.url}/users", f"{store.url}/events"))
    assert PLACES[place].format(f"{store.url}/events/{place}/e.parquet") in told
