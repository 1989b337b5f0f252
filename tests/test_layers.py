"""The house stands: imports point down only."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

HOUSE = Path(__file__).parents[1]


def test_imports_point_down() -> None:
    """import-linter finds every contract of pyproject.toml kept."""
    lint = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()", "--no-cache"]
    path = os.pathsep.join([str(HOUSE / "src"), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        lint, cwd=HOUSE, env=os.environ | {"PYTHONPATH": path}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
