"""Telling of a failure: whom, and what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

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


class _Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.told.append(json.loads(self.rfile.read(length)))  # type: ignore[attr-defined]
        self.send_response(500 if self.path == "/broken" else 204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Not on the tests' stderr."""


@pytest.fixture
def hook() -> Iterator[HTTPServer]:
    server = HTTPServer(("127.0.0.1", 0), _Hook)
    server.told = []  # type: ignore[attr-defined]
    Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_an_address_gets_the_record(folder: Path, run: Run, hook: Any) -> None:
    spoil(folder)
    address = f"http://127.0.0.1:{hook.server_port}"
    assert run("build-pack", "--notify", f"{address}/hook", at=folder).code == 8
    assert [each["exit"] for each in hook.told] == [8]
    done = run("build-pack", "--notify", f"{address}/broken", at=folder)
    assert "could not be told: Internal Server Error" in done.err


def test_an_address_where_nobody_answers(folder: Path, run: Run) -> None:
    spoil(folder)
    done = run("build-pack", "--notify", "http://127.0.0.1:9/", at=folder)
    assert done.code == 8
    assert "warning: --notify could not be told:" in done.err
