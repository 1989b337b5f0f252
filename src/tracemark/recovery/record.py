"""Received frames on the canonical grids, averaged into short bins of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.frames import layout_of, luma_and_chroma, planes
from tracemark.geometry import Geometry

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.frames import Frame
    from tracemark.profile import Profile
    from tracemark.signal.grid import Grid

    Samples = NDArray[np.float32]

BINS_PER_SLOT = 12
"""Resolution in time; at 25 frames/s a bin is a frame."""


@dataclass
class Record:
    """A stretch of a leak, from which evidence is drawn for any key and offset.

    Parameters
    ----------
    profile : Profile
    pixel_aspect : float
        Displayed width over height of a pixel.
    first : int
        Bin number of the first bin that may be held.

    Attributes
    ----------
    frames : int
        Frames taken in.
    shape : Geometry or None
        The first frame's; its grids serve the whole leak.
    """

    profile: Profile
    pixel_aspect: float = 1.0
    first: int = 0
    frames: int = 0
    shape: Geometry | None = None
    _luma: list[Samples] = field(default_factory=list)
    _chroma: list[Samples] = field(default_factory=list)
    _counts: list[int] = field(default_factory=list)

    @property
    def bin_seconds(self) -> float:
        """Length of a bin in seconds."""
        return self.profile.slot_seconds / BINS_PER_SLOT

    @property
    def bins(self) -> int:
        """Bins held."""
        return len(self._counts)

    def successor(self) -> Record:
        """Begin an empty record that goes on where this one ends."""
        return Record(self.profile, self.pixel_aspect, self.first + self.bins, shape=self.shape)

    def add(self, frame: Frame, time: float) -> None:
        """Take in a frame.

        Parameters
        ----------
        frame : av.VideoFrame or ndarray
        time : float
            Seconds from the beginning of the leak; frames earlier than this record are dropped.
        """
        number = int(time / self.bin_seconds + 1e-6) - self.first
        if number < 0:
            return
        layout = layout_of(frame)
        luma, chroma = luma_and_chroma(planes(frame, layout), layout)
        geometry = Geometry.of(frame, layout, self.pixel_aspect, self.profile)
        if self.shape is None:
            self.shape = geometry
        scale = np.float32(1 / layout.levels)
        small = self.shape.chroma
        picture = self.shape.luma.canonical(geometry.shown(luma)) * scale
        colours = np.zeros((2, small.height, small.width), np.float32)
        for colour, plane in zip(colours, chroma, strict=False):  # grey leaks have none
            np.multiply(small.canonical(geometry.shown(plane)), scale, out=colour)
        self._place(number, picture, colours)
        self.frames += 1

    def _place(self, number: int, luma: Samples, chroma: Samples) -> None:
        while self.bins < number:  # bins that no frame fell into
            self._luma.append(np.zeros_like(luma))
            self._chroma.append(np.zeros_like(chroma))
            self._counts.append(0)
        if number == self.bins:
            self._luma.append(luma)
            self._chroma.append(chroma)
            self._counts.append(1)
        else:
            self._luma[number] += luma
            self._chroma[number] += chroma
            self._counts[number] += 1

    def averages(self, start: int, length: int) -> tuple[Samples, Samples, NDArray[np.int64]]:
        """Average neighbouring bins.

        Parameters
        ----------
        start : int
            Place, relative to this record's first bin, at which the first average begins; may be negative.
        length : int
            Bins that one average spans.

        Returns
        -------
        luma : ndarray of float32, shape (averages, rows * cell, columns * cell)
            Padded to whole cells; zero where no frame fell.
        chroma : ndarray of float32, shape (averages, 2, rows * cell, columns * cell)
        frames : ndarray of int64, shape (averages,)
            Frames in each.
        """
        assert self.shape is not None
        edges = list(range(start, self.bins, length))
        spans = [range(max(edge, 0), min(edge + length, self.bins)) for edge in edges]
        frames = np.array([sum(self._counts[i] for i in span) for span in spans], np.int64)
        luma = [self._mean(self._luma, self.shape.luma, span, total) for span, total in zip(spans, frames, strict=True)]
        chroma = [
            [self._mean([both[k] for both in self._chroma], self.shape.chroma, span, total) for k in (0, 1)]
            for span, total in zip(spans, frames, strict=True)
        ]
        return np.array(luma, np.float32), np.array(chroma, np.float32), frames

    def _mean(self, bins: list[Samples], grid: Grid, span: range, frames: int) -> Samples:
        total = np.zeros((grid.height, grid.width), np.float32)
        for index in span:
            if self._counts[index]:
                cv2.add(total, bins[index], dst=total)
        return grid.pad(total * np.float32(1 / max(frames, 1)))
