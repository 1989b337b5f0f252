"""What happens to a clip on its way out: named leaks, each from a file to a file.

A leak is a chain of small steps (an encode, a cut, a saved picture), so that leaks are built out of leaks:
``half_size(crf=30).then(still(2.0, jpeg_quality=60))``. Pictures keep their whole frame. Sound is dropped.
"""

from __future__ import annotations

import re
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import cv2

from benchmarks import ffmpeg

if TYPE_CHECKING:
    from collections.abc import Sequence

FILM_SIZE = (1280, 720)
"""Size of the film that all clips are joined into, in pixels."""
FILM_RATE = 25
"""Its frames per second."""
KEY_FRAME_GAP = 60
"""Frames between key frames of the low-delay encodes."""


class Step(Protocol):
    """One step of a leak; a frozen dataclass, because a workshop names files after how it looks."""

    @property
    def suffix(self) -> str:
        """Suffix of the file it writes."""

    def __call__(self, source: Path, target: Path) -> None:
        """Read `source`, write `target`."""


@dataclass(frozen=True)
class Encode:
    """One run of ffmpeg: filters, then an encoder.

    Parameters
    ----------
    suffix : str
        Suffix of the file it writes, which chooses the container.
    encoder : tuple of str
        Arguments that choose and set the encoder.
    filters : tuple of str
        Video filters, in order.
    """

    suffix: str
    encoder: tuple[str, ...]
    filters: tuple[str, ...] = ()

    def __call__(self, source: Path, target: Path) -> None:
        """Read `source`, write `target`."""
        filters = ["-vf", ",".join(self.filters)] if self.filters else []
        ffmpeg.run(["-i", source, "-map", "0:v:0", *filters, *self.encoder, target])


@dataclass(frozen=True)
class SaveJpeg:
    """A picture saved as JPEG by libjpeg, whose quality scale is the one people mean (ffmpeg's encoder has its own).

    Parameters
    ----------
    quality : int
        1 to 100.
    """

    quality: int
    suffix: str = ".jpg"

    def __call__(self, source: Path, target: Path) -> None:
        """Read `source`, write `target`."""
        picture = cv2.imread(str(source))
        if picture is None or not cv2.imwrite(str(target), picture, [cv2.IMWRITE_JPEG_QUALITY, self.quality]):
            raise ffmpeg.FfmpegError(f"{source.name} cannot be saved as JPEG")


@dataclass(frozen=True)
class Leak:
    """A named chain of steps.

    Parameters
    ----------
    name : str
        As in the tables.
    steps : tuple of Step
        At least one.
    """

    name: str
    steps: tuple[Step, ...]

    @property
    def suffix(self) -> str:
        """Suffix of the file the chain ends in."""
        return self.steps[-1].suffix

    @property
    def slug(self) -> str:
        """The name fit for a file name."""
        return re.sub(r"[^a-z0-9.]+", "-", self.name.lower()).strip("-")

    def then(self, after: Leak, name: str = "") -> Leak:
        """Chain another leak behind this one; the name is both names unless given."""
        return Leak(name or f"{self.name}, {after.name}", self.steps + after.steps)

    def apply(self, source: str | Path, target: str | Path) -> None:
        """Run the chain; `target` appears only when it is whole.

        Raises
        ------
        FfmpegError
            If a step fails.
        """
        target = Path(target)
        with tempfile.TemporaryDirectory(prefix="leak-", dir=target.parent) as folder:
            current = Path(source)
            for number, step in enumerate(self.steps):
                following = Path(folder, f"{number}{step.suffix}")
                step(current, following)
                current = following
            current.replace(target)


def x264(crf: int) -> Leak:
    """Encode to H.264 at constant quality, preset medium."""
    return Leak(f"x264 CRF {crf}", (_x264(crf),))


def x265(crf: int) -> Leak:
    """Encode to H.265 at constant quality, preset medium."""
    options = ("-c:v", "libx265", "-crf", str(crf), "-x265-params", f"pools={ffmpeg.THREADS}:log-level=error")
    return Leak(f"x265 CRF {crf}", (Encode(".mp4", (*options, "-pix_fmt", "yuv420p"), (_even(),)),))


def svt_av1(crf: int) -> Leak:
    """Encode to AV1 at constant quality, preset 8."""
    options = ("-c:v", "libsvtav1", "-crf", str(crf), "-preset", "8", "-svtav1-params", f"lp={ffmpeg.THREADS}")
    return Leak(f"SVT-AV1 CRF {crf}", (Encode(".mp4", (*options, "-pix_fmt", "yuv420p"), (_even(),)),))


def vp8_call(kbit: int) -> Leak:
    """Encode to VP8 as a video call does: real time, constant rate, no look-ahead, one key frame at the start."""
    speed = ("-deadline", "realtime", "-cpu-used", "8", "-lag-in-frames", "0", "-g", "3000")
    options = ("-c:v", "libvpx", *speed, *_constant_rate(kbit), "-minrate", f"{kbit}k", *_threads())
    return Leak(f"VP8 real-time {kbit} kbit/s", (Encode(".webm", options, (_even(),)),))


def x264_live(kbit: int) -> Leak:
    """Encode to H.264 as a live stream does: ultrafast, no delay, a key frame every 60 frames."""
    speed = ("-preset", "ultrafast", "-tune", "zerolatency", "-g", str(KEY_FRAME_GAP))
    options = ("-c:v", "libx264", *speed, *_constant_rate(kbit), "-pix_fmt", "yuv420p", *_threads())
    return Leak(f"x264 ultrafast {kbit} kbit/s", (Encode(".mp4", options, (_even(),)),))


def frame_rate(rate: int, crf: int = 28) -> Leak:
    """Change the frame rate by dropping and repeating frames."""
    return Leak(f"{rate} frames/s, CRF {crf}", (_x264(crf, f"fps={rate}"),))


def half_size(crf: int) -> Leak:
    """Halve the width and height."""
    return Leak(f"half size, CRF {crf}", (_x264(crf, _scaled(2)),))


def quarter_size(crf: int) -> Leak:
    """Quarter the width and height."""
    return Leak(f"quarter size, CRF {crf}", (_x264(crf, _scaled(4)),))


def excerpt(start: float, seconds: float, crf: int = 28) -> Leak:
    """Cut out so many seconds, with times that begin at 0 again."""
    cut = (f"trim=start={start:.6f}:duration={seconds:.6f}", "setpts=PTS-STARTPTS")
    return Leak(f"{seconds:g} s from {start:.2f} s, CRF {crf}", (_x264(crf, *cut),))


def still(at: float, *, jpeg_quality: int | None = None) -> Leak:
    """Save the first frame at or after a time in seconds, as PNG or as JPEG of some quality."""
    picked = Encode(".png", ("-frames:v", "1", "-update", "1"), (f"trim=start={at:.6f}",))
    if jpeg_quality is None:
        return Leak(f"PNG at {at:.2f} s", (picked,))
    return Leak(f"JPEG {jpeg_quality} at {at:.2f} s", (picked, SaveJpeg(jpeg_quality)))


def join(sources: Sequence[str | Path], target: str | Path) -> None:
    """Join clips of any size and rate into one lossless film of 1280x720 at 25 frames a second.

    Every clip is stretched to the whole picture: bars would be smooth blocks that no real film of that size has.

    Raises
    ------
    FfmpegError
        If one of them cannot be read.
    """
    width, height = FILM_SIZE
    inputs = [argument for source in sources for argument in ("-i", source)]
    same = f"scale={width}:{height}:out_range=tv:out_color_matrix=bt709,setsar=1,fps={FILM_RATE},format=yuv420p"
    chains = "".join(f"[{number}:v:0]{same}[v{number}];" for number in range(len(sources)))
    labels = "".join(f"[v{number}]" for number in range(len(sources)))
    graph = f"{chains}{labels}concat=n={len(sources)}:v=1:a=0[film]"
    ffmpeg.run([*inputs, "-filter_complex", graph, "-map", "[film]", "-c:v", "ffv1", target])


def h264(crf: int) -> tuple[str, ...]:
    """Arguments for H.264 at constant quality, preset medium."""
    return ("-c:v", "libx264", "-preset", "medium", "-crf", str(crf), "-pix_fmt", "yuv420p", *_threads())


def lossless() -> tuple[str, ...]:
    """Arguments for an encode without loss."""
    return ("-c:v", "ffv1", *_threads())


def _x264(crf: int, *filters: str) -> Encode:
    return Encode(".mp4", h264(crf), (*filters, _even()))


def _even() -> str:
    """Resize to even sizes, which 4:2:0 encoders demand; leaves even ones alone."""
    return _scaled(1)


def _scaled(divisor: int) -> str:
    return f"scale=trunc(iw/{2 * divisor})*2:trunc(ih/{2 * divisor})*2"


def _constant_rate(kbit: int) -> tuple[str, ...]:
    # A buffer of one second, as streaming services ask for.
    return ("-b:v", f"{kbit}k", "-maxrate", f"{kbit}k", "-bufsize", f"{kbit}k")


def _threads() -> tuple[str, str]:
    return ("-threads", str(ffmpeg.THREADS))


ROBUST: tuple[Leak, ...] = (
    x264(23),
    x264(28),
    x264(34),
    x265(34),
    svt_av1(45),
    vp8_call(400),
    x264_live(600),
    frame_rate(25),
    frame_rate(15),
    x264(30).then(x264(32)),
    half_size(30),
    x264(40),
    quarter_size(28),
)
"""The leaks of whole clips that the main job is judged by."""
