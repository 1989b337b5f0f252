"""Steps that are drawn picture by picture: decode, draw on BGR, keep without loss for the step that encodes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import ClassVar

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace
from numpy.typing import NDArray

from benchmarks.attacks.placement import Format, Placement
from benchmarks.attacks.timing import TICKS

Picture = NDArray[np.uint8]
"""Of shape (height, width, 3): blue, green, red."""

Painter = Callable[[Picture, float], Picture]
"""Makes a picture of a picture and its time in seconds."""

Timed = Iterator[tuple[Picture, float]]
"""Pictures and their times in seconds."""

LOSSLESS = {"preset": "ultrafast", "qp": "0"}
"""Options of x264: several times as fast as FFV1."""


class Drawing(ABC):
    """A step that redraws every picture of a clip. Pictures come out in even sizes."""

    suffix: ClassVar[str] = ".mp4"

    @abstractmethod
    def painter(self, source: Format) -> Painter:
        """Prepare to draw the pictures of a clip, which are given in order."""

    @abstractmethod
    def placement(self, source: Format) -> Placement:
        """Say where the picture comes to lie."""

    def clocked(self, frames: Timed) -> Timed:
        """Choose the frames that are drawn, and their times."""
        return frames

    def __call__(self, source: Path, target: Path) -> None:
        """Read `source`, write `target`."""
        given = Format.of(source)
        made = self.placement(given).format
        painter = self.painter(given)
        with av.open(str(source)) as reading, av.open(str(target), "w") as writing:
            ticks = Fraction(1, TICKS)
            rate = Fraction(made.rate).limit_denominator(1001)
            stream = writing.add_stream("libx264", rate=rate, options=LOSSLESS, time_base=ticks)
            stream.width, stream.height, stream.pix_fmt = made.width, made.height, "yuv420p"
            context = stream.codec_context
            context.time_base = ticks
            context.colorspace, context.color_range = Colorspace.ITU709, ColorRange.MPEG
            for picture, time in self.clocked(_pictures(reading)):
                frame = _encodable(painter(picture, time))
                frame.pts, frame.time_base = round(time * TICKS), ticks
                writing.mux(stream.encode(frame))
            writing.mux(stream.encode(None))


def _pictures(container: av.container.InputContainer) -> Timed:
    for frame in container.decode(video=0):
        yield np.asarray(frame.to_ndarray(format="bgr24"), np.uint8), float(frame.time or 0)


def _encodable(picture: Picture) -> av.VideoFrame:
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "bgr24")
    made = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709, dst_color_range=ColorRange.MPEG)
    made.colorspace, made.color_range = Colorspace.ITU709, ColorRange.MPEG
    return made
