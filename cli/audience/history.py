"""Runs, looked back on: what the log says of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from audience.builder import BuildResult
from audience.rules.project import Project
from audience.store.chain import Log
from audience.store.manifest import InputFile
from audience.store.shelves import shelves


def read_log(project: Project) -> Log:
    """The runs of a project, oldest first, each as a mapping. Raises StoreError."""
    return shelves(project.packs).read_log()


def facts_of(results: Iterable[BuildResult]) -> dict[str, Any]:
    """What the log says of a run's builds: sizes, and what they were made from. No id."""
    builds, inputs = [], {}
    for result in results:
        summary = result.summary
        fact: dict[str, Any] = {
            "build": f"{summary.name}@{summary.as_of}",
            "base": summary.base,
            "packs": {pack.name: pack.size for pack in summary.packs},
        }
        if result.published:
            manifest = result.published.manifest
            fact |= {"manifest": manifest.sha256, "unchanged": result.published.unchanged}
            for each in manifest.inputs:
                inputs[each.table, each.path] = each
        if result.broken:
            fact["broken"] = list(result.broken)
        builds.append(fact)
    tables: dict[str, list[InputFile]] = {}
    for each in inputs.values():
        tables.setdefault(each.table, []).append(each)
    return {
        "builds": builds,
        "inputs": [
            {
                "table": table,
                "files": len(files),
                "bytes": sum(each.size for each in files),
                "newest": max(each.modified for each in files),
            }
            for table, files in tables.items()
        ],
    }
