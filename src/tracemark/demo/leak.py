"""What a leaker does: record again, smaller, coarser, at another frame rate, without the start and the sound."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from tracemark.video import Progress, Source
from tracemark.video.pixels import convert


@dataclass(frozen=True)
class Leak:
    """One way to leak a video.

    Parameters
    ----------
    short_side : int
        Lines (or columns, upright) that are left.
    crf : int
        Constant rate factor of x264.
    rate : int
        Frames per second.
    trim : float
        Seconds cut off at the start.
    """

    short_side: int = 480
    crf: int = 30
    rate: int = 24
    trim: float = 0.7

    def make(self, source: Path, target: Path, progress: Progress | None = None) -> str:
        """Leak a file.

        Parameters
        ----------
        source : Path
        target : Path
            An .mp4 file to write.
        progress : callable, optional
            See `tracemark.video.Progress`.

        Returns
        -------
        str
            What was done, in words.
        """
        with Source(source) as opened, av.open(f"file:{target}", "w") as output:
            context = opened.stream.codec_context
            width, height = self.size(context.width, context.height)
            stream = output.add_stream("libx264", rate=self.rate, options={"crf": str(self.crf), "preset": "veryfast"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            due = Fraction(0)
            start: float | None = None
            for frame in opened.frames():
                start = frame.time + self.trim if start is None else start
                # Shown until the next one comes: a higher rate repeats it, a lower one skips it.
                if frame.time - start >= due:
                    small = convert(frame, "yuv420p").reformat(width, height, interpolation="AREA")
                    while frame.time - start >= due:
                        small.pts, small.time_base = int(due * self.rate), Fraction(1, self.rate)
                        output.mux(stream.encode(small))
                        due += Fraction(1, self.rate)
                if progress:
                    progress(opened.position, opened.duration)
            output.mux(stream.encode())
        return (
            f"cut the first {self.trim:g} s, made it {width}x{height} at {self.rate} frames/s, dropped the sound, "
            f"and encoded it again (H.264, CRF {self.crf})"
        )

    def size(self, width: int, height: int) -> tuple[int, int]:
        """Scale a picture down to the short side, in even numbers.

        Parameters
        ----------
        width, height : int
            Of the marked video, in pixels.

        Returns
        -------
        tuple of int
            Width and height of the leak; never larger than the marked video.
        """
        scale = min(1.0, self.short_side / min(width, height))
        return round(width * scale / 2) * 2, round(height * scale / 2) * 2
