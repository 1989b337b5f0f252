"""Run the command in a process of its own, as a shell would, and read what it says."""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

COMMAND = [sys.executable, "-c", "import sys; from tracemark.cli import main; sys.exit(main())", "patrol"]
PATIENCE = 600
"""Seconds to wait for a patrol; it takes seconds on a machine that does nothing else."""


def start(*arguments: object) -> subprocess.Popen[str]:
    """Start a patrol."""
    words = [*COMMAND, *map(str, arguments)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())


def run(*arguments: object, expected: int = 0) -> list[dict[str, Any]]:
    """Run a patrol to its end, and return its hits."""
    with start(*arguments) as patrol:
        said, talk = patrol.communicate(timeout=PATIENCE)
    assert expected == patrol.returncode, talk
    return hits(said)


def hits(said: str) -> list[dict[str, Any]]:
    """Read lines of JSON; the kill may have cut the last."""
    return [json.loads(line) for line in said.splitlines(keepends=True) if line.endswith("\n")]


def rows(state: Path, query: str) -> list[tuple[Any, ...]]:
    """Ask a patrol's state."""
    connection = sqlite3.connect(f"file:{state}?mode=ro", uri=True, timeout=30)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


def outcomes(state: Path, folder: Path) -> dict[str, str]:
    """List what became of every file, by its name in the folder."""
    found = rows(state, "SELECT place, outcome FROM places")
    return {os.fsdecode(place).removeprefix(f"{folder}/"): outcome for place, outcome in found}


def environment() -> dict[str, str]:
    """Return this process' own, with the working copy's modules in it."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(["src", *filter(None, [os.environ.get("PYTHONPATH")])])}


@contextlib.contextmanager
def dask(folder: Path, workers: int) -> Iterator[tuple[str, list[subprocess.Popen[bytes]]]]:
    """Start a Dask cluster on loopback, of workers with one thread each; yields its address and the workers."""
    file = folder / "scheduler.json"
    with contextlib.ExitStack() as stack:
        stack.enter_context(_started("scheduler", "--port", "0", "--no-dashboard", "--scheduler-file", str(file)))
        deadline = time.monotonic() + PATIENCE
        while not (file.exists() and file.read_text().rstrip().endswith("}")):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        address: str = json.loads(file.read_text())["address"]
        # Without a nanny, which would bring back a worker that was killed.
        words = ["worker", address, "--no-nanny", "--no-dashboard", "--nthreads", "1", "--local-directory", str(folder)]
        yield address, [stack.enter_context(_started(*words)) for _ in range(workers)]


@contextlib.contextmanager
def _started(kind: str, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", f"distributed.cli.dask_{kind}", *words, "--host", "127.0.0.1"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, env=environment(), stdin=quiet, stdout=quiet, stderr=quiet) as process:
        try:
            yield process
        finally:
            process.kill()


def finished(state: Path) -> int:
    """Count the contents that a patrol is done with."""
    if not (state.exists() and rows(state, "SELECT 1 FROM sqlite_master WHERE name = 'hits'")):
        return 0
    count: int = rows(state, "SELECT count(*) FROM contents WHERE outcome IS NOT NULL")[0][0]
    return count
