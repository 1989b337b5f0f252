"""Run the command in a process of its own, as a shell would, and read what it says."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
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
