"""Telling of a failure: whom, and what."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NoReturn

import pytest

from audience import notify
from audience.commands.exits import Terminated
from audience.notify import NotifyError, check_target
from support import MakeProject, Run

RULE = """\
campaign: c
phase: p
as_of: 2024-03-01
packs:
  老客: {where: {age: 40..}, expect: {size: SIZE}}
"""
USERS = [{"user_id": 1, "age": 20}, {"user_id": 2, "age": 45}]
TELL = 'cat > told.json; echo "$AUDIENCE_EXIT" > exit.txt; echo "$AUDIENCE_MESSAGE" > message.txt'


@pytest.fixture
def folder(make_project: MakeProject) -> Path:
    return make_project(USERS, {"a.yaml": RULE.replace("SIZE", "1..")})


def spoil(folder: Path) -> None:
    (folder / "rules/a.yaml").write_text(RULE.replace("SIZE", "100.."))


def test_success_is_nobodys_business(folder: Path, run: Run) -> None:
    assert run("build-pack", "--notify", TELL, at=folder).code == 0
    assert not (folder / "told.json").exists()


def test_a_broken_expectation_is_told_to_a_command(folder: Path, run: Run) -> None:
    spoil(folder)
    assert run("build-pack", "-q", "--notify", TELL, at=folder).code == 8
    told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    assert told["exit"] == 8
    assert told["builds"][0]["packs"] == {"老客": 1}
    assert "100" in told["message"]
    assert (folder / "exit.txt").read_text() == "8\n"
    assert "老客" in (folder / "message.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("words", [["rules/none.yaml"], ["--project", "nowhere"]])
def test_so_is_a_failure_before_anything_is_opened(
    folder: Path, run: Run, words: list[str]
) -> None:
    assert run("build-pack", *words, "--notify", TELL, at=folder).code == 2
    assert json.loads((folder / "told.json").read_text())["exit"] == 2


def test_a_command_that_fails_is_a_warning(folder: Path, run: Run) -> None:
    spoil(folder)
    done = run("build-pack", "--notify", "echo no network >&2; exit 3", at=folder)
    assert done.code == 8
    assert "warning: --notify could not be told: it ended with 3: no network" in done.err


class _Server(HTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Hook)
        self.told: list[Any] = []


class _Hook(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.told.append(json.loads(self.rfile.read(length)))
        self.send_response({"/broken": 500, "/moved": 302}.get(self.path, 204), "secret")
        self.send_header("Location", "/secret")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Not on the tests' stderr."""


@pytest.fixture
def hook() -> Iterator[_Server]:
    server = _Server()
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_an_address_gets_the_record(folder: Path, run: Run, hook: _Server) -> None:
    spoil(folder)
    address = f"http://127.0.0.1:{hook.server_port}"
    assert run("build-pack", "--notify", f"{address}/hook", at=folder).code == 8
    assert [each["exit"] for each in hook.told] == [8]
    done = run("build-pack", "--notify", f"{address}/broken", at=folder)
    assert "could not be told: the server answered 500 Internal Server Error\n" in done.err
    assert "secret" not in done.err


def test_a_redirect_tells_nobody(folder: Path, run: Run, hook: _Server) -> None:
    """It would be followed without the record."""
    spoil(folder)
    address = f"http://127.0.0.1:{hook.server_port}/moved"
    done = run("build-pack", "--notify", address, at=folder)
    assert "could not be told: the server answered 302 Found\n" in done.err


def test_an_address_where_nobody_answers(folder: Path, run: Run) -> None:
    spoil(folder)
    done = run("build-pack", "--notify", "http://127.0.0.1:9/", at=folder)
    assert done.code == 8
    assert "warning: --notify could not be told:" in done.err


@pytest.fixture
def answer() -> Iterator[Callable[[list[bytes]], int]]:
    """A server that says whatever it is given, a piece every 0.2 s; its port."""
    open_ones: list[socket.socket] = []

    def serve(pieces: list[bytes]) -> int:
        server = socket.create_server(("127.0.0.1", 0))
        open_ones.append(server)

        def talk() -> None:
            connection, _ = server.accept()
            with connection, suppress(OSError):
                connection.recv(65_536)
                for piece in pieces:
                    connection.sendall(piece)
                    time.sleep(0.2)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65_536):
                    pass  # a request that is not read to its end would be a reset

        Thread(target=talk, daemon=True).start()
        return int(server.getsockname()[1])

    yield serve
    for each in open_ones:
        each.close()


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:9/a secret",
        "http://127.0.0.1:9/a\nsecret",
        "http://localhost:80a/secret",
        "http://me:secret@localhost/x",
        "http://[::1/secret",
        "http:///secret",
        "http://127.0.0.1:9/密secret",
        "HTTPS://127.0.0.1:9/secret",
    ],
)
def test_an_address_that_is_none_keeps_the_runs_own_end(
    folder: Path, run: Run, address: str
) -> None:
    spoil(folder)
    done = run("build-pack", "-q", "--notify", address, at=folder)
    assert done.code == 8
    warning, error = done.err.splitlines()
    assert warning.startswith("warning: --notify could not be told: ")
    assert "secret" not in done.err
    assert error.startswith("error: c/p: pack `老客`")


def test_so_does_a_server_that_talks_nonsense(
    folder: Path, run: Run, answer: Callable[[list[bytes]], int]
) -> None:
    spoil(folder)
    address = f"http://127.0.0.1:{answer([b'nonsense secret'])}/secret"
    done = run("build-pack", "-q", "--notify", address, at=folder)
    assert done.code == 8
    assert "could not be told: what answered is no web server\nerror: " in done.err


def test_so_does_a_fault_that_nobody_thought_of(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> NoReturn:
        raise RuntimeError("secret")

    monkeypatch.setattr(notify, "_send", fail)
    spoil(folder)
    done = run("build-pack", "-q", "--notify", "http://127.0.0.1:9/", at=folder)
    assert done.code == 8
    assert "could not be told: the connection failed (RuntimeError)\nerror: " in done.err


def test_a_server_that_dribbles_holds_nobody(
    monkeypatch: pytest.MonkeyPatch, answer: Callable[[list[bytes]], int]
) -> None:
    monkeypatch.setattr(notify, "SECONDS", 0.5)
    port = answer([b"HTTP/1.1 204 OK\r\n", *(f"X-{n}: 1\r\n".encode() for n in range(20))])
    begun = time.monotonic()
    with pytest.raises(NotifyError, match=r"it took more than 0\.5 seconds"):
        notify.notify(f"http://127.0.0.1:{port}/", {})
    assert time.monotonic() - begun < 2


def test_a_command_that_takes_too_long_ends_with_all_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "SECONDS", 0.5)
    begun = time.monotonic()
    with pytest.raises(NotifyError, match=r"it took more than 0\.5 seconds"):
        notify.notify(f"sleep 45 & echo $! > {tmp_path}/number; sleep 45", {})
    assert time.monotonic() - begun < 5
    number = int((tmp_path / "number").read_text())
    for _ in range(50):
        if not alive(number):
            return
        time.sleep(0.1)
    raise AssertionError("it was left behind")


def alive(number: int) -> bool:
    """Whether a process runs; one that ended and was not waited for does not."""
    try:
        os.kill(number, 0)
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_nobody_waits_for_what_a_command_leaves_in_the_background(tmp_path: Path) -> None:
    begun = time.monotonic()
    notify.notify(f"sleep 20 & echo $! > {tmp_path}/number; echo hi; echo ho >&2", {})
    assert time.monotonic() - begun < 5
    os.kill(int((tmp_path / "number").read_text()), 9)


def test_what_a_command_says_is_one_line_without_addresses() -> None:
    command = "echo 'no\nway: https://me:pw@host.example/secret?a=b' >&2; exit 3"
    with pytest.raises(NotifyError) as told:
        notify.notify(command, {})
    assert str(told.value) == "it ended with 3: no way: https://host.example/…"


def test_a_command_need_not_read_a_long_record() -> None:
    notify.notify("true", {"rules": ["x" * 1_000_000], "exit": 8})


def test_a_name_of_no_characters_is_told(tmp_path: Path) -> None:
    notify.notify(f"cat > {tmp_path}/told", {"rules": ["\udcff.yaml"], "message": "a\0b\udcff"})
    assert json.loads((tmp_path / "told").read_bytes())["rules"] == ["\udcff.yaml"]


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("", "it is empty"),
        (" \n", "it is empty"),
        ("ftp://x/secret", "nobody can be told by ftp://"),
        ("file:///secret", "nobody can be told by file://"),
        ("https:/x/secret", "`//` is missing in the address"),
    ],
)
@pytest.mark.parametrize("command", ["build-pack", "schedule"])
def test_a_target_that_can_never_be_told_stops_the_run(
    folder: Path, run: Run, target: str, told: str, command: str
) -> None:
    done = run(command, "--notify", target, at=folder)
    assert (done.code, done.out) == (2, "")
    expected = "expected an http:// or https:// address or a command"
    assert done.err == f"error: --notify: {told}; {expected}\n"
    assert not (folder / "packs").exists()


@pytest.mark.parametrize("target", ["true", "curl -d @- ftp://x/y", "HTTP://x/", " https://x/y"])
def test_targets(target: str) -> None:
    check_target(target)


@pytest.mark.parametrize(
    ("end", "code", "words"),
    [
        (Terminated, 143, "told to end (SIGTERM); "),
        (KeyboardInterrupt, 130, "interrupted; "),
        (ZeroDivisionError, 1, "a fault of the program; "),
    ],
)
def test_an_end_without_words_gets_some(
    folder: Path,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    end: type[BaseException],
    code: int,
    words: str,
) -> None:
    def build(*_: object, **__: object) -> NoReturn:
        raise end

    monkeypatch.setattr("audience.api.build", build)
    assert run("build-pack", "--notify", TELL, at=folder).code == code
    assert (folder / "exit.txt").read_text() == f"{code}\n"
    assert (folder / "message.txt").read_text().startswith(words)


def test_who_is_told_hears_of_which_project_on_which_machine(folder: Path, run: Run) -> None:
    spoil(folder)
    run("build-pack", "-q", "--notify", TELL, at=folder)
    told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    assert (told["host"], told["project"]) == (socket.gethostname(), str(folder / "audience.yaml"))
    (folder / "audience.yaml").unlink()
    run("build-pack", "-q", "--notify", TELL, at=folder)
    told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    assert (told["exit"], told["project"]) == (2, str(folder))


def test_a_pack_that_is_not_there_tries_it_out(folder: Path, run: Run) -> None:
    """As docs/commands.md says: it is told, and nothing is published."""
    assert run("build-pack", "--pack", "no-such-pack", "--notify", TELL, at=folder).code == 2
    assert json.loads((folder / "told.json").read_text())["rules"] == []
    assert "no-such-pack" in (folder / "message.txt").read_text()
    assert not list((folder / "packs").glob("c*"))


def test_a_log_that_cannot_be_written_is_the_failure(folder: Path, run: Run) -> None:
    (folder / "packs/log.jsonl").mkdir(parents=True)
    assert run("build-pack", "-q", "--notify", TELL, at=folder).code == 5
    told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
    assert told["exit"] == 5
    assert told["message"].startswith("the run is not in the log: ")


def test_after_another_failure_it_is_a_warning(folder: Path, run: Run) -> None:
    (folder / "packs/log.jsonl").mkdir(parents=True)
    spoil(folder)
    done = run("build-pack", "-q", "--notify", TELL, at=folder)
    assert done.code == 8
    assert "warning: the run is not in the log: " in done.err
    assert json.loads((folder / "told.json").read_text(encoding="utf-8"))["exit"] == 8


def test_a_rule_file_whose_name_is_not_utf8_keeps_the_runs_own_end(folder: Path, run: Run) -> None:
    done = run("build-pack", os.fsdecode(b"\xff.yaml"), "--notify", TELL, at=folder)
    assert done.code == 2
    assert "warning: the run is not in the log: a name in it is not UTF-8" in done.err
    assert json.loads((folder / "told.json").read_bytes())["rules"] == ["\udcff.yaml"]
