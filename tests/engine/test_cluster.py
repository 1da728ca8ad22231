"""A cluster of Spark, each worker a process: the same packs as here, also when a worker dies."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

import audience
from audience.store.manifest import Manifest
from cluster import HOST, Cluster, cluster

ROOT = Path(__file__).parents[2]
_PATIENCE = 120.0
pytestmark = pytest.mark.soak


@pytest.fixture(scope="module")
def workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("cluster")) as found:
        yield found


def on_cluster(folder: Path, found: Cluster) -> None:
    """Let a project run on a cluster; the driver has 1 GB, Java's and no more."""
    config = {
        "spark.driver.memory": "1g",
        "spark.driver.host": HOST,
        "spark.driver.bindAddress": HOST,
        "spark.executor.memory": "800m",
        "spark.sql.shuffle.partitions": "4",
    }
    path = folder / "audience.yaml"
    lines = f"engine: spark\nspark: {{master: '{found.master}', config: {json.dumps(config)}}}\n"
    path.write_text(lines + path.read_text())


def builder(folder: Path, rules: str) -> subprocess.Popen[str]:
    words = [sys.executable, "-m", "audience", "build-pack", rules, "--quiet"]
    return subprocess.Popen(words, cwd=folder, stderr=subprocess.PIPE, text=True)


def ids_of(manifest: Manifest) -> Mapping[str, Any]:
    """Sizes and checksums of ids, which follow from the ids alone."""
    return {each.name: (each.size, each.ids) for each in manifest.packs}


def expected_of(folder: Path, rules: str) -> Mapping[str, Any]:
    (found,) = audience.build(audience.load(folder), folder / rules, engine="polars")
    assert found.published is not None
    return ids_of(found.published.manifest)


def published(folder: Path) -> Mapping[str, Any]:
    opened = audience.load(folder)
    assert [each.faults for each in audience.verify(opened)] == [()]
    (manifest,) = audience.list_builds(opened).builds
    return ids_of(manifest)


def test_thirty_packs_of_a_million_users(workers: Cluster, tmp_path: Path) -> None:
    """The benchmark's packs over 10 million events, published by the workers."""
    made = subprocess.run(
        [sys.executable, ROOT / "bench/data.py", "--size", "S"], check=True, capture_output=True
    )
    data = Path(made.stdout.decode().strip())
    for name in ("users", "events"):
        (tmp_path / name).symlink_to(data / name)
    (tmp_path / "rules").mkdir()
    shutil.copy(data / "rules/thirty.yaml", tmp_path / "rules")
    shutil.copy(data / "audience.yaml", tmp_path)
    expected = expected_of(tmp_path, "rules/thirty.yaml")
    assert len(expected) == 30
    on_cluster(tmp_path, workers)
    run = builder(tmp_path, "rules/thirty.yaml")
    _, told = run.communicate()
    assert run.returncode == 0, told
    assert published(tmp_path) == expected
    build = (tmp_path / "packs/bench/thirty/latest").resolve()
    assert all((build / f"{name}.parquet").is_dir() for name in expected)


def test_a_worker_dies_in_the_middle(workers: Cluster, tmp_path: Path) -> None:
    """What it held is computed again by the other one."""
    shutil.copytree(ROOT / "fixtures", tmp_path / "fixtures")
    shutil.copytree(ROOT / "rules/mi13-2023", tmp_path / "rules/mi13-2023")
    shutil.copy(ROOT / "audience.yaml", tmp_path)
    rules = "rules/mi13-2023/4-optimise.yaml"
    expected = expected_of(tmp_path, rules)
    shutil.rmtree(tmp_path / "packs")
    on_cluster(tmp_path, workers)
    run = builder(tmp_path, rules)
    # Everything is evaluated, and held by both workers, when the draft is there.
    end = time.monotonic() + _PATIENCE
    while not list(tmp_path.glob("packs/*/*/.builds/.draft-*")):
        assert run.poll() is None, run.communicate()[1]
        assert time.monotonic() < end
        time.sleep(0.01)
    workers.kill(0)
    _, told = run.communicate()
    assert run.returncode == 0, told
    assert published(tmp_path) == expected
