"""Received frames on the canonical grids, averaged into short bins of time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
from av import VideoFrame

from tracemark.frames import layout_of, luma_and_chroma, planes
from tracemark.geometry import Geometry

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from tracemark.frames import Frame
    from tracemark.profile import Profile

    Samples = NDArray[np.float32]

BINS_PER_SLOT = 12
"""Resolution in time; at 25 frames/s a bin is a frame."""


@dataclass(frozen=True)
class KeyFrame:
    """A frame that was coded without reference to others.

    Parameters
    ----------
    number : int
        Its bin, counted from the beginning of the leak.
    luma : ndarray of float32, shape (height, width)
    chroma : ndarray of float32, shape (2, height, width)
    """

    number: int
    luma: Samples
    chroma: Samples


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
    valid : ndarray of bool, shape (rows, columns), or None
        Luma cells that the leak shows; all of them if None.
    key_frames : list of KeyFrame
        At most one a slot length: a coarse encode often keeps the mark in them alone.
    """

    profile: Profile
    pixel_aspect: float = 1.0
    first: int = 0
    frames: int = 0
    shape: Geometry | None = None
    valid: NDArray[np.bool_] | None = None
    key_frames: list[KeyFrame] = field(default_factory=list)
    _sums: list[tuple[Samples, Samples] | None] = field(default_factory=list)
    _counts: list[int] = field(default_factory=list)

    @property
    def bin_seconds(self) -> float:
        """Length of a bin in seconds."""
        return self.profile.slot_seconds / BINS_PER_SLOT

    @property
    def bins(self) -> int:
        """Bins held."""
        return len(self._counts)

    def successor(self, time: float) -> Record:
        """Begin an empty record at a time, in seconds from the beginning of the leak."""
        return Record(self.profile, self.pixel_aspect, self._bin(time), shape=self.shape, valid=self.valid)

    def add(self, frame: Frame, time: float) -> None:
        """Take in a frame.

        Parameters
        ----------
        frame : av.VideoFrame or ndarray
        time : float
            Seconds from the beginning of the leak; frames earlier than this record are dropped.
        """
        if self._bin(time) >= self.first:
            picture, colours = self.seen(frame)
            self.place(picture, colours, time, key_frame=isinstance(frame, VideoFrame) and bool(frame.key_frame))

    def seen(self, frame: Frame) -> tuple[Samples, Samples]:
        """Bring a frame to the canonical grids.

        Parameters
        ----------
        frame : av.VideoFrame or ndarray

        Returns
        -------
        picture : ndarray of float32, shape (height, width)
            Luma in 8-bit levels.
        colours : ndarray of float32, shape (2, height, width)
            Cb and Cr; zero for a grey leak.
        """
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
        return picture, colours

    def place(self, picture: Samples, colours: Samples, time: float, *, key_frame: bool) -> None:
        """Take in a frame that lies on the canonical grids already.

        Parameters
        ----------
        picture : ndarray of float32, shape (height, width)
            Luma in 8-bit levels. It belongs to the record from now on.
        colours : ndarray of float32, shape (2, height, width)
            Cb and Cr; likewise.
        time : float
            Seconds from the beginning of the leak; frames earlier than this record are dropped.
        key_frame : bool
            Whether it was coded without reference to others.
        """
        number = self._bin(time)
        if number < self.first:
            return
        self._place(number - self.first, picture, colours)
        self.frames += 1
        last = self.key_frames[-1].number if self.key_frames else -BINS_PER_SLOT
        if key_frame and number - last >= BINS_PER_SLOT:
            self.key_frames.append(KeyFrame(number, picture.copy(), colours.copy()))

    def _bin(self, time: float) -> int:
        # a time stamp rounded down by its container still belongs to the bin it was made for
        return int(time / self.bin_seconds + 1e-6)

    def _place(self, number: int, luma: Samples, chroma: Samples) -> None:
        missing = number + 1 - self.bins
        self._sums += [None] * missing
        self._counts += [0] * missing
        held = self._sums[number]
        if held is None:
            self._sums[number] = (luma, chroma)
        else:
            cv2.add(held[0], luma, dst=held[0])
            np.add(held[1], chroma, out=held[1])
        self._counts[number] += 1

    def counts(self, start: int, length: int) -> NDArray[np.int64]:
        """Count the frames behind every average.

        Parameters
        ----------
        start : int
            Place, relative to this record's first bin, at which the first average begins; may be negative.
        length : int
            Bins that one average spans.

        Returns
        -------
        ndarray of int64, shape (averages,)
        """
        return np.array([sum(self._counts[i] for i in span) for span in self._spans(start, length)], np.int64)

    def averages(self, start: int, length: int, kind: str) -> Iterator[Samples]:
        """Average neighbouring bins, one average after the other: all of them at once would take as much as the record.

        Parameters
        ----------
        start, length : int
            As for `counts`.
        kind : {"luma", "chroma"}

        Yields
        ------
        ndarray of float32, shape (rows * cell, columns * cell), for chroma (2, rows * cell, columns * cell)
            Padded to whole cells; zero where no frame fell.
        """
        assert self.shape is not None
        grid = self.shape.luma if kind == "luma" else self.shape.chroma
        size = (grid.height, grid.width) if kind == "luma" else (2, grid.height, grid.width)
        add = cv2.add if kind == "luma" else np.add
        for span, count in zip(self._spans(start, length), self.counts(start, length).tolist(), strict=True):
            total = np.zeros(size, np.float32)
            for sums in (self._sums[i] for i in span):
                if sums is not None:
                    add(total, sums[kind == "chroma"], total)
            total *= np.float32(1 / max(count, 1))
            yield grid.pad(total) if kind == "luma" else np.array([grid.pad(colour) for colour in total], np.float32)

    def _spans(self, start: int, length: int) -> list[range]:
        edges = range(start, self.bins, length)
        return [range(max(edge, 0), min(edge + length, self.bins)) for edge in edges]
