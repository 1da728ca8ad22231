"""Audience packs (人群包) from readable rules: YAML in, Parquet out.

The functions here are the whole program; the command line calls nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from audience.api import (
        build,
        check,
        check_cases,
        convert,
        diff,
        explain,
        export,
        flow,
        forget,
        list_builds,
        load,
        members,
        overlap,
        profile,
        prune,
        read_log,
        reasons,
        report_on,
        show,
        tags,
        verify,
        waterfall,
        why,
    )

__all__ = [
    "build",
    "check",
    "check_cases",
    "convert",
    "diff",
    "explain",
    "export",
    "flow",
    "forget",
    "list_builds",
    "load",
    "members",
    "overlap",
    "profile",
    "prune",
    "read_log",
    "reasons",
    "report_on",
    "show",
    "tags",
    "verify",
    "waterfall",
    "why",
]


def __getattr__(name: str) -> Any:
    # On demand: `audience --help` must not wait for a data engine.
    if name in __all__:
        from audience import api

        return getattr(api, name)
    raise AttributeError(f"module 'audience' has no attribute '{name}'")
