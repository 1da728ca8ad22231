"""Telling somebody that a run failed: a web hook or a command of one's own."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from threading import Thread
from typing import Any, BinaryIO

from audience.errors import UsageError

SECONDS = 30.0
"""For all of it: to find the address, to connect, to send, to be answered; or for the command."""

_LONGEST = 200
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_HALF = re.compile(r"https?:(?!//)", re.IGNORECASE)
_ADDRESS = re.compile(r"://(?:[^\s/?#]*@)?([^\s/?#]*)\S*")


class NotifyError(Exception):
    """Nobody could be told; in one line, and without what may be secret in an address."""


def check_target(target: str) -> None:
    """Raises UsageError where a target can be neither an address nor a command.

    What is wrong is told without the target: the path of a web hook is often its password.
    """
    text = target.strip()
    scheme = _SCHEME.match(text)
    wrong = ""
    if not text:
        wrong = "it is empty"
    elif _HALF.match(text):
        wrong = "`//` is missing in the address"
    elif scheme and not _is_address(text):
        wrong = f"nobody can be told by {scheme[1]}://"
    if wrong:
        raise UsageError(f"--notify: {wrong}; expected an http:// or https:// address or a command")


def notify(target: str, run: Mapping[str, Any]) -> None:
    """Post a run's record as JSON to an address, or give it to a command on its input.

    The command runs in a shell and has ``AUDIENCE_EXIT`` and ``AUDIENCE_MESSAGE`` in its
    environment. Raises NotifyError.
    """
    text = target.strip()
    # What is no character, of a file's name, is escaped as JSON does.
    body = json.dumps(run, ensure_ascii=False).encode(errors="backslashreplace")
    if _is_address(text):
        _post(text, body)
    else:
        _start(text, body, run)


def _is_address(text: str) -> bool:
    return text.lower().startswith(("http://", "https://"))


def _late() -> NotifyError:
    return NotifyError(f"it took more than {SECONDS:g} seconds")


def _post(address: str, body: bytes) -> None:
    """Post in a thread: each wait for a socket has a limit, but their sum or a name's has none."""
    failures: list[str] = []

    def post() -> None:
        # Whatever it is, it must not end the run that is to be told of.
        try:
            _send(address, body)
        except Exception as error:
            failures.append(_words(error))

    thread = Thread(target=post, daemon=True)
    thread.start()
    thread.join(SECONDS)
    if thread.is_alive():
        raise _late()
    if failures:
        raise NotifyError(failures[0])


def _send(address: str, body: bytes) -> None:
    import urllib.request

    class Stay(urllib.request.HTTPRedirectHandler):
        """A redirected POST becomes a GET: it would look as if somebody had been told."""

        def redirect_request(self, *_: object) -> None:
            """Go nowhere else: the redirect is the answer."""

    headers = {"Content-Type": "application/json; charset=utf-8"}
    # The scheme was looked at: no file is ever opened.
    request = urllib.request.Request(address, body, headers)  # noqa: S310
    urllib.request.build_opener(Stay).open(request, timeout=SECONDS).close()


def _words(error: Exception) -> str:
    """What went wrong; of errors' own texts only those in which no address can be."""
    from http.client import HTTPException, InvalidURL, responses
    from urllib.error import HTTPError, URLError

    if isinstance(error, HTTPError):
        error.close()
        return f"the server answered {error.code} {responses.get(error.code, '')}".rstrip()
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(cause, TimeoutError):
        return str(_late())
    if isinstance(cause, (InvalidURL, ValueError, str)):
        return "the address is not valid"
    if isinstance(cause, HTTPException):
        return "what answered is no web server"
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return f"the connection failed ({type(cause).__name__})"


def _start(command: str, body: bytes, run: Mapping[str, Any]) -> None:
    """Run a command until its shell ends.

    Files, and not pipes, are its input and its stderr: a pipe would have to be read until the last
    of its children has closed it.
    """
    environment = os.environ | {
        "AUDIENCE_EXIT": str(run.get("exit", "")),
        "AUDIENCE_MESSAGE": str(run.get("message", "")).replace("\0", ""),
    }
    try:
        with _scratch() as told, _scratch() as said:
            told.write(body)
            told.seek(0)
            code = _wait(
                subprocess.Popen(  # noqa: S603 - it is the caller's own command
                    ["/bin/sh", "-c", command],
                    stdin=told,
                    stdout=subprocess.DEVNULL,
                    stderr=said,
                    env=environment,
                    start_new_session=True,
                )
            )
            said.seek(0)
            text = said.read().decode(errors="replace")
    except (OSError, ValueError) as error:
        raise NotifyError(getattr(error, "strerror", None) or "it cannot be started") from None
    if code:
        text = " ".join(_ADDRESS.sub(r"://\1/…", text).split())[-_LONGEST:]
        raise NotifyError(f"it ended with {code}" + (f": {text}" if text else ""))


def _scratch() -> BinaryIO:
    """A file for a while; in memory where that can be: a full disk may be what is to be told."""
    if hasattr(os, "memfd_create"):
        return os.fdopen(os.memfd_create("audience"), "w+b")
    return tempfile.TemporaryFile()


def _wait(process: subprocess.Popen[bytes]) -> int:
    """The command's exit code. Where it takes too long it ends, with all that it has started."""
    try:
        return process.wait(SECONDS)
    except BaseException as error:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            raise _late() from None
        raise
