"""What viewers' frames take over from the host frame: read once, for all of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from av import VideoFrame

from tracemark.frames import planes

if TYPE_CHECKING:
    from fractions import Fraction

    from tracemark.frames import Frame, Layout, Plane


@dataclass(frozen=True)
class Framing:
    """How a frame is made of planes.

    Attributes
    ----------
    layout : Layout
    tags : Tags, optional
        What frames of PyAV carry beside the picture; None for arrays.
    """

    layout: Layout
    tags: Tags | None

    @classmethod
    def of(cls, frame: Frame, layout: Layout) -> Framing:
        """Read a host frame.

        Parameters
        ----------
        frame : av.VideoFrame or ndarray
        layout : Layout
            Of the frame.

        Returns
        -------
        Framing
        """
        if not isinstance(frame, VideoFrame):
            return cls(layout, None)
        tags = Tags(
            frame.format.name,
            frame.width,
            frame.height,
            frame.pts,
            frame.time_base,
            frame.color_range,
            frame.colorspace,
            frame.color_primaries,
            frame.color_trc,
        )
        return cls(layout, tags)

    def frame(self, views: list[Plane]) -> Frame:
        """Make a frame of its planes.

        Parameters
        ----------
        views : list of ndarray
            As `frames.planes` shows them; the frame refers to their memory wherever it can.

        Returns
        -------
        av.VideoFrame or ndarray
            Of the host's kind, size and format, with its time stamp, time base and colour metadata.
        """
        tags = self.tags
        if tags is None:
            return np.ascontiguousarray(views[0])
        made = self._bare(tags, views)
        made.pts = tags.pts
        if tags.time_base is not None:
            made.time_base = tags.time_base
        made.color_range = tags.color_range
        made.colorspace = tags.colorspace
        made.color_primaries = tags.color_primaries
        made.color_trc = tags.color_trc
        return made

    def _bare(self, tags: Tags, views: list[Plane]) -> VideoFrame:
        layout = self.layout
        if layout.kind == "packed":
            return VideoFrame.from_numpy_buffer(views[0], tags.format)
        if tags.width % layout.across == 0 and tags.height % layout.down == 0:
            return VideoFrame.from_dlpack(views, tags.format)
        # PyAV takes foreign memory only where chroma samples cover the picture evenly
        made = VideoFrame(tags.width, tags.height, tags.format)
        for target, view in zip(planes(made, layout), views, strict=True):
            np.copyto(target, view)
        return made


@dataclass(frozen=True)
class Tags:
    """What a frame of PyAV carries beside the picture, by PyAV's names; the colour's are FFmpeg's numbers."""

    format: str
    width: int
    height: int
    pts: int | None
    time_base: Fraction | None
    color_range: int
    colorspace: int
    color_primaries: int
    color_trc: int
