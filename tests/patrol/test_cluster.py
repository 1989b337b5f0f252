"""The same patrol on a Dask cluster of two workers on loopback, one of which is killed in the middle."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.patrol.field import Field
from tests.patrol.running import PATIENCE, dask, finished, hits, outcomes, rows, run, start
from tracemark.errors import PatrolError
from tracemark.patrol.hands import cluster


@pytest.fixture(scope="module")
def scheduler(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Start a scheduler and two workers of one thread each; yields its address and the workers."""
    with dask(tmp_path_factory.mktemp("cluster"), 2) as started:
        yield started


def test_a_cluster_gives_the_same_results_though_a_worker_dies(
    field: Field, tmp_path: Path, scheduler: tuple[str, list[subprocess.Popen[bytes]]]
) -> None:
    """Outcomes and hits are those of local processes, and each file was finished once, with a worker killed midway."""
    address, workers = scheduler
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    words = [field.folder, "--once", "--key", field.key, "--full", "none"]
    expected = run(*words, "--state", alone)
    with start(*words, "--state", shared, "--cluster", address) as patrol:
        deadline = time.monotonic() + PATIENCE
        while finished(shared) < 8:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        workers[0].send_signal(signal.SIGKILL)
        found = hits(patrol.communicate(timeout=PATIENCE)[0])
    assert {hit["file"]: hit["member"] for hit in expected} == {hit["file"]: hit["member"] for hit in found}
    assert field.marked == {hit["file"].removeprefix(f"{field.folder}/"): hit["member"] for hit in found}
    assert outcomes(alone, field.folder) == outcomes(shared, field.folder)
    assert {1} == {looks for (looks,) in rows(shared, "SELECT looks FROM contents")}


def test_no_cluster_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no scheduler answers, one line says so."""
    monkeypatch.setattr("tracemark.patrol.hands.PATIENCE", 0.5)
    with pytest.raises(PatrolError, match="no cluster answers at"), cluster("tcp://127.0.0.1:1"):
        pass
