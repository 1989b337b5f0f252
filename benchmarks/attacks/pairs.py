"""Two viewers' copies made one."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from benchmarks import ffmpeg
from benchmarks.leaks import lossless

KEPT = ("-fps_mode", "passthrough", *lossless())
"""Every frame at its time, without loss; some clips have gaps."""


@dataclass(frozen=True)
class Splice:
    """The first seconds of one copy, then what follows of the other; or its last seconds, where it is shorter.

    Parameters
    ----------
    seconds : float
        Taken of each copy.
    length : float
        Seconds of the copies.
    """

    seconds: float
    length: float
    suffix: ClassVar[str] = ".mkv"

    def __call__(self, first: Path, second: Path, target: Path) -> None:
        """Read two copies of the same clip, write `target`."""
        start = max(min(self.seconds, self.length - self.seconds), 0)
        graph = (
            f"[0:v:0]trim=0:{self.seconds:.6f},setpts=PTS-STARTPTS[a];"
            f"[1:v:0]trim={start:.6f}:{start + self.seconds:.6f},setpts=PTS-STARTPTS[b];"
            "[a][b]concat=n=2:v=1:a=0[out]"
        )
        ffmpeg.run(["-i", first, "-i", second, "-filter_complex", graph, "-map", "[out]", *KEPT, target])


@dataclass(frozen=True)
class SideBySide:
    """Both copies beside each other.

    Parameters
    ----------
    seconds : float
        Taken of each copy.
    widest : int
        Width of both together, in pixels, above which they are shrunk.
    """

    seconds: float
    widest: int = 1920
    suffix: ClassVar[str] = ".mkv"

    def __call__(self, first: Path, second: Path, target: Path) -> None:
        """Read two copies of the same clip, write `target`."""
        graph = f"[0:v:0][1:v:0]hstack,trim=0:{self.seconds:.6f},scale='min({self.widest},iw)':-2,setsar=1[out]"
        ffmpeg.run(["-i", first, "-i", second, "-filter_complex", graph, "-map", "[out]", *KEPT, target])


Pair = Splice | SideBySide
