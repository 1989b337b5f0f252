"""A stretch of a leak kept as pictures of working size, to be looked at again in any geometry."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
from av import VideoFrame

from tracemark.frames import layout_of, luma_and_chroma, planes, quarter_turns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.frames import Frame

    Bytes = NDArray[np.uint8]

WORKING_SIDE = 960
"""Longest side of a kept picture, in pixels: three for each canonical sample of a picture that fills the leak."""

STEP_SECONDS = 1 / 32
"""Pictures closer in time than this to the one before are left out: what a leak of 60 frames/s adds is not worth it."""


@dataclass(frozen=True)
class Picture:
    """One frame of a leak at working size, upright, with square pixels.

    Attributes
    ----------
    luma : ndarray of uint8, shape (height, width)
    chroma : tuple of ndarray of uint8
        Cb and Cr at half that size; empty for a grey leak.
    time : float
        Seconds from the beginning of the leak.
    key_frame : bool
        Whether it was coded without reference to others.
    """

    luma: Bytes
    chroma: tuple[Bytes, ...]
    time: float
    key_frame: bool


@dataclass
class Reel:
    """Pictures of a leak in the order of time, all of one size.

    Parameters
    ----------
    pixel_aspect : float
        Displayed width over height of a pixel.

    Attributes
    ----------
    pictures : list of Picture
    size : tuple of int
        Width and height of the pictures; (0, 0) before the first.
    side : int
        Longest side that a picture is shrunk to, in pixels.
    grey : bool
        Whether chroma is left out.
    """

    pixel_aspect: float = 1.0
    pictures: list[Picture] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    side: int = WORKING_SIDE
    grey: bool = False

    @property
    def seconds(self) -> float:
        """From the first picture to the last."""
        return self.pictures[-1].time - self.pictures[0].time if self.pictures else 0.0

    def smaller(self, side: int) -> Reel:
        """Make a reel of smaller pictures, in grey, and go on with it.

        Parameters
        ----------
        side : int
            Longest side of a picture, in pixels; no picture is made larger.

        Returns
        -------
        Reel
        """
        made = Reel(self.pixel_aspect, side=side, grey=True)
        if self.pictures:
            made.size = _fitting(*self.size, side)
        for each in self.pictures:
            made.pictures.append(Picture(_shrunk(each.luma, made.size, 1, 0), (), each.time, each.key_frame))
        return made

    def add(self, frame: Frame, time: float) -> None:
        """Keep a frame.

        Parameters
        ----------
        frame : av.VideoFrame or ndarray
        time : float
            Seconds from the beginning of the leak.
        """
        key_frame = isinstance(frame, VideoFrame) and bool(frame.key_frame)
        if self.pictures and time - self.pictures[-1].time < STEP_SECONDS - 1e-6 and not key_frame:
            return
        layout = layout_of(frame)
        luma, chroma = luma_and_chroma(planes(frame, layout), layout)
        turns = quarter_turns(frame)
        if self.size == (0, 0):
            height, width = luma.shape
            size = _fitting(width * self.pixel_aspect, height, self.side)
            self.size = size if turns % 2 == 0 else size[::-1]
        size = self.size if turns % 2 == 0 else self.size[::-1]
        half = (-(-size[0] // 2), -(-size[1] // 2))
        self.pictures.append(
            Picture(
                _shrunk(luma, size, layout.levels, turns),
                () if self.grey else tuple(_shrunk(plane, half, layout.levels, turns) for plane in chroma),
                time,
                key_frame,
            )
        )


def _fitting(width: float, height: float, side: int) -> tuple[int, int]:
    """Size of a picture whose longest side is shrunk to so many pixels, if it is longer."""
    shrink = min(1.0, side / max(width, height))
    return max(round(width * shrink), 16), max(round(height * shrink), 16)


def _shrunk(plane: NDArray[np.generic], size: tuple[int, int], levels: int, turns: int) -> Bytes:
    if plane.shape[::-1] != size:
        method = cv2.INTER_AREA if plane.shape[1] >= size[0] else cv2.INTER_CUBIC
        plane = np.asarray(cv2.resize(np.ascontiguousarray(plane), size, interpolation=method))
    if levels > 1:
        plane = np.asarray(plane // levels)
    return np.ascontiguousarray(np.rot90(np.array(plane, np.uint8), turns))
