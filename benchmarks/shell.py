"""`tracemark` as somebody runs it in a shell: a process of its own, start-up included."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

from tracemark.errors import TracemarkError

if TYPE_CHECKING:
    from pathlib import Path

COMMAND = """
import re
import resource
from pathlib import Path
from tracemark.cli import main
try:
    main()
finally:
    status = Path("/proc/self/status")
    peak = status.exists() and re.search(r"VmHWM:\\s*(\\d+) kB", status.read_text())
    print(int(peak[1]) if peak else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
"""What the installed `tracemark` script does, for an interpreter that it may not be installed beside; then the largest
size that it had, KiB (bytes on macOS).

Linux's `ru_maxrss` survives exec: a command run by a large process is told to have been as large as that. `VmHWM`
belongs to the program alone."""


def decode(leak: Path, key: Path, *options: str) -> tuple[str, int]:
    """Run `tracemark decode`.

    Parameters
    ----------
    leak, key : Path
        Files.
    *options : str

    Returns
    -------
    said : str
        Standard output.
    memory : int
        Largest resident size of the process, MiB.

    Raises
    ------
    TracemarkError
        If the command fails.
    """
    words = [sys.executable, "-c", COMMAND, "decode", str(leak), "--key", str(key), *options]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(words, check=False, capture_output=True, text=True, env=environment)
    # 1 says that nothing was found, which takes as long; anything else is no measurement.
    if done.returncode not in (0, 1):
        raise TracemarkError(f"tracemark decode failed on {leak.name}: {done.stderr.strip()}")
    said, _, size = done.stdout.rstrip("\n").rpartition("\n")
    return said, int(size) // 1024
