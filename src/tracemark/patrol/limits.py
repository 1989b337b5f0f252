"""What the work on one file may cost."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

GRACE = 5.0
"""Seconds beyond a download's own time after which it is killed, whatever it waits for."""

_REPORT = 1 << 20  # bytes a child may say at most


@dataclass(frozen=True)
class Limits:
    """What the work on one file may cost, at most.

    Parameters
    ----------
    memory : int
        Bytes of address space beyond what the program itself takes.
    cpu : int
        Seconds of processor time of each look; reading stops after half of it, and the verdict is of what was read.
    wall : float
        Seconds that a look may take on the clock.
    pixels : int
        Of a picture or frame. 8K has 33 million.
    size : int
        Bytes of a file or download.
    download : float
        Seconds that a download may take.
    redirects : int
        That are followed.
    """

    memory: int = 2 << 30
    cpu: int = 600
    wall: float = 1800.0
    pixels: int = 1 << 26
    size: int = 4 << 30
    download: float = 600.0
    redirects: int = 5


def constrain(limits: Limits, *, writes: int) -> None:
    """Bind the calling process to its limits, for ever.

    Parameters
    ----------
    limits : Limits
    writes : int
        Bytes that it may write to any one file.

    References
    ----------
    setrlimit(2), Linux manual.
    """
    pages = int(Path("/proc/self/statm").read_text().split()[0]) if Path("/proc/self/statm").exists() else 0
    space = pages * resource.getpagesize() + limits.memory
    for what, soft, hard in (
        (resource.RLIMIT_AS, space, space),
        (resource.RLIMIT_CPU, limits.cpu, limits.cpu + 1),  # a signal that can be told from others, then the end
        (resource.RLIMIT_FSIZE, writes, writes),
        (resource.RLIMIT_CORE, 0, 0),  # its memory holds keys
    ):
        resource.setrlimit(what, (soft, hard))
