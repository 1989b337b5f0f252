"""The lines of the main job: what is tried, and what has to come out of it.

Every line has a bar, which has to be reached, and an aim, which is worth trying for.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import av

from benchmarks import leaks

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.leaks import Leak
    from benchmarks.quality import Quality

SUFFIXES = (".avi", ".m4v", ".mkv", ".mov", ".mp4", ".mpg", ".ts", ".webm")
LARGE = 700
"""Least height of a clip, in lines, that has to survive all leaks; smaller ones have less room for the mark."""
EXCERPT_SECONDS = 2.0
VIDEO_SEAL_CLIP = "penguins_1904x1080"
"""The clip of Video Seal's own notebook."""
VIDEO_SEAL_PSNR = 48.3
"""Video Seal's distance from the host on it, in dB over RGB."""


@dataclass(frozen=True)
class Clip:
    """A host.

    Parameters
    ----------
    path : Path
    name : str
        As in the tables.
    width, height : int
        In pixels.
    seconds : float
        Length.
    """

    path: Path
    name: str
    width: int
    height: int
    seconds: float

    @property
    def large(self) -> bool:
        """Whether all leaks of whole clips are tried on it."""
        return self.height >= LARGE

    @classmethod
    def read(cls, path: Path, name: str = "") -> Clip:
        """Look at a file; it is called after itself unless named."""
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            if stream.duration and stream.time_base:
                seconds = float(stream.duration * stream.time_base)
            else:
                seconds = float(container.duration or 0) / av.time_base
            return cls(path, name or path.stem, stream.width, stream.height, seconds)


def clips_in(folder: Path) -> list[Clip]:
    """Look at every video in a folder, in the order of their names."""
    return [Clip.read(path) for path in sorted(folder.iterdir()) if path.suffix in SUFFIXES]


@dataclass(frozen=True)
class Meter:
    """A line about how far the marked clip is from its host; every clip has to keep it.

    Parameters
    ----------
    name, unit : str
    value : callable
        Takes the number from a `Quality`.
    bar, aim : float
    at_least : bool
        Whether more is better.
    digits : int
        Shown behind the point.
    """

    name: str
    unit: str
    value: Callable[[Quality], float]
    bar: float
    aim: float
    at_least: bool = False
    digits: int = 2

    def reaches(self, number: float, level: float) -> bool:
        """Whether a number is as good as a level; a clip without smooth blocks keeps any line about them."""
        if math.isnan(number):
            return True
        return number >= level if self.at_least else number <= level


METERS: tuple[Meter, ...] = (
    Meter("VMAF lost", "points", lambda q: q.vmaf_drop, 5.0, 3.0),
    Meter("PSNR-Y", "dB", lambda q: q.psnr_y, 44.0, 44.0, at_least=True),
    Meter("PSNR over RGB", "dB", lambda q: q.psnr_rgb, 43.0, 43.0, at_least=True),
    Meter("CIEDE2000", "", lambda q: q.ciede2000, 1.0, 1.0),
    Meter("RMS in smooth blocks", "levels", lambda q: q.smooth_rms, 0.6, 0.6),
)


@dataclass(frozen=True)
class Line:
    """A line about leaks: the share of them that has to be found, with the right ID.

    Parameters
    ----------
    section, name : str
    bar, aim : float
        Shares, 0 to 1.
    """

    section: str
    name: str
    bar: float = 1.0
    aim: float = 1.0


@dataclass(frozen=True)
class Trial:
    """One leak of one clip.

    Parameters
    ----------
    line : Line
        The line it counts for.
    clip : Clip
    chain : tuple of Leak
        In order; every stage is kept, so that stages in common are made once. Empty for the marked file itself.
    marked : bool
        False for a host that never was marked.
    strength : float
    """

    line: Line
    clip: Clip
    chain: tuple[Leak, ...] = ()
    marked: bool = True
    strength: float = 1.0


_BARS = {
    leaks.half_size(30).name: 0.75,
    leaks.x264(40).name: 0.75,
    leaks.quarter_size(28).name: 0.5,
}
"""Leaks of whole large clips that not all have to survive."""

LOSSLESS = Line("Robust", "marked file itself, FFV1")
SMALL = Line("Robust", "clips under 700 lines, x264 CRF 28")
WHOLE: tuple[tuple[Leak, Line], ...] = tuple(
    (leak, Line("Robust", leak.name, _BARS.get(leak.name, 1.0))) for leak in leaks.ROBUST
)
FILM: tuple[tuple[Leak, Line], ...] = tuple(
    (leak, Line("Robust", f"all clips as one film, {leak.name}")) for leak in (leaks.x264(40), leaks.quarter_size(28))
)
EXCERPTS = Line("Short", f"{EXCERPT_SECONDS:g} s from a random start, x264 CRF 28", 0.95, 1.0)
STILLS: tuple[tuple[int, int | None, Line], ...] = tuple(
    (crf, jpeg, Line("Short", f"single frame, x264 CRF {crf}, {f'JPEG {jpeg}' if jpeg else 'PNG'}", bar, 0.9))
    for crf, bar in ((23, 0.9), (28, 0.6))
    for jpeg in (None, 60)
)
VIDEO_SEAL: tuple[tuple[Leak, Line], ...] = tuple(
    (leak, Line("Video Seal", f"at Video Seal's distance, {leak.name}")) for leak in (leaks.x264(40), leaks.x264(50))
)
UNMARKED = Line("Absent", "unmarked clips")
WRONG_KEY = Line("Absent", "marked files themselves, wrong key")
WRONG_KEY_LEAKS = Line("Absent", "all leaks above, wrong key")

LINES: tuple[Line, ...] = (
    LOSSLESS,
    *(line for _, line in WHOLE),
    SMALL,
    *(line for _, line in FILM),
    EXCERPTS,
    *(line for _, _, line in STILLS),
    *(line for _, line in VIDEO_SEAL),
    UNMARKED,
    WRONG_KEY,
    WRONG_KEY_LEAKS,
)


def trials(clips: Sequence[Clip], *, excerpts: int, stills: int) -> list[Trial]:
    """List what is tried on whole clips and parts of them.

    Parameters
    ----------
    clips : sequence of Clip
    excerpts, stills : int
        How many of each are taken from a clip, at times that depend on its name alone.
    """
    tried = []
    for clip in clips:
        chance = random.Random(clip.name)  # noqa: S311 - repeatable, not secret
        tried += [Trial(UNMARKED, clip, marked=False), Trial(LOSSLESS, clip)]
        if clip.large:
            tried += [Trial(line, clip, (leak,)) for leak, line in WHOLE]
        else:
            tried.append(Trial(SMALL, clip, (leaks.x264(28),)))
        for _ in range(excerpts):
            start = chance.uniform(0, clip.seconds - EXCERPT_SECONDS)
            tried.append(Trial(EXCERPTS, clip, (leaks.excerpt(start, EXCERPT_SECONDS),)))
        for _ in range(stills if clip.large else 0):
            at = chance.uniform(0, 0.95 * clip.seconds)
            for crf, jpeg, line in STILLS:
                tried.append(Trial(line, clip, (leaks.x264(crf), leaks.still(at, jpeg_quality=jpeg))))
    return tried
