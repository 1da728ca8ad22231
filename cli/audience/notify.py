"""Telling somebody that a run failed: a web hook or a command of one's own."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Mapping
from typing import Any

_SECONDS = 30


class NotifyError(Exception):
    """Nobody could be told."""


def notify(target: str, run: Mapping[str, Any]) -> None:
    """Post a run's record as JSON to an address, or give it to a command on its input.

    The command runs in a shell and has ``AUDIENCE_EXIT`` and ``AUDIENCE_MESSAGE`` in its
    environment. Raises NotifyError.
    """
    body = json.dumps(run, ensure_ascii=False).encode()
    try:
        if target.startswith(("http://", "https://")):
            headers = {"Content-Type": "application/json; charset=utf-8"}
            # The scheme was looked at: no file is ever opened.
            request = urllib.request.Request(target, body, headers)  # noqa: S310
            with urllib.request.urlopen(request, timeout=_SECONDS):  # noqa: S310
                return
        environment = os.environ | {
            "AUDIENCE_EXIT": str(run.get("exit", "")),
            "AUDIENCE_MESSAGE": str(run.get("message", "")),
        }
        words = ["/bin/sh", "-c", target]
        done = subprocess.run(  # noqa: S603 - it is the caller's own command
            words, input=body, env=environment, timeout=_SECONDS, capture_output=True, check=False
        )
    except subprocess.TimeoutExpired:
        raise NotifyError(f"it took more than {_SECONDS} seconds") from None
    except (OSError, ValueError) as error:
        raise NotifyError(str(getattr(error, "reason", error))) from None
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip()[-200:]
        raise NotifyError(f"it ended with {done.returncode}" + (f": {told}" if told else ""))
