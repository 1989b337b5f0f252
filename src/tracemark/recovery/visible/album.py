"""A leak as a few averaged pictures: what stands still stays sharp, and the film behind it fades."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.frames import layout_of, luma_and_chroma, planes, quarter_turns

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.frames import Frame

    Grey = NDArray[np.float32]

LONGEST_SIDE = 1440
"""Longest side of a page, in pixels; letters of a code that fills a quarter of the width are 14 pixels wide then."""

PAGE_SECONDS = 1.0
"""Time that a page averages: a code stays where it is for much longer."""

APART = 0.09
"""Seconds between two frames that are taken; those between show the same."""

MOST_PAGES = 48
"""Pages held; when there are more, every second one goes, and the next ones are spaced twice as far."""


@dataclass(frozen=True)
class Page:
    """Some frames of a leak, averaged, upright, with square pixels.

    Attributes
    ----------
    grey : ndarray of uint8, shape (height, width)
    start, end : float
        Seconds from the beginning of the leak of the first and the last frame.
    """

    grey: NDArray[np.uint8]
    start: float
    end: float


@dataclass
class Album:
    """Averages frames as they come.

    Parameters
    ----------
    pixel_aspect : float
        Displayed width over height of a pixel.
    """

    pixel_aspect: float = 1.0
    _pages: list[Page] = field(default_factory=list)
    _sum: Grey | None = None
    _count: int = 0
    _start: float = 0.0
    _last: float = -np.inf
    _begun: int = 0
    _stride: int = 1
    _origin: float | None = None

    def add(self, frame: Frame, time: float) -> None:
        """Take in a frame.

        Parameters
        ----------
        frame : av.VideoFrame or ndarray
        time : float
            Presentation time in seconds; only differences count.
        """
        if self._origin is None:
            self._origin = time
        elapsed = time - self._origin
        if self._count and not 0 <= elapsed - self._start < PAGE_SECONDS:
            self._turn()
        if self._count == 0:
            self._start = elapsed
        elif elapsed - self._last < APART:
            return
        self._last = elapsed
        if self._begun % self._stride == 0:
            self._lay(self._upright(frame))
        self._count += 1

    def pages(self) -> list[Page]:
        """Return all pages, the last one included, in the order of time."""
        held = [] if self._sum is None else [self._page(self._sum)]
        return [*self._pages, *held]

    def _lay(self, grey: Grey) -> None:
        if self._sum is None or self._sum.shape != grey.shape:
            self._sum, self._count = grey, 0
        else:
            cv2.add(self._sum, grey, dst=self._sum)

    def _turn(self) -> None:
        if self._sum is not None:
            self._pages.append(self._page(self._sum))
        self._sum, self._count = None, 0
        self._begun += 1
        if len(self._pages) > MOST_PAGES:
            self._pages = self._pages[::2]
            self._stride *= 2

    def _page(self, total: Grey) -> Page:
        return Page(np.rint(total / max(self._count, 1)).astype(np.uint8), self._start, self._last)

    def _upright(self, frame: Frame) -> Grey:
        layout = layout_of(frame)
        luma, _ = luma_and_chroma(planes(frame, layout), layout)
        height, width = luma.shape
        shrink = min(1.0, LONGEST_SIDE / max(width * self.pixel_aspect, height))
        size = max(round(width * self.pixel_aspect * shrink), 16), max(round(height * shrink), 16)
        grey = np.asarray(luma, np.float32)
        if size != (width, height):
            method = cv2.INTER_AREA if shrink < 1 else cv2.INTER_LINEAR
            grey = np.asarray(cv2.resize(luma, size, interpolation=method), np.float32)
        grey = grey * np.float32(1 / layout.levels)
        return np.ascontiguousarray(np.rot90(grey, quarter_turns(frame)))
