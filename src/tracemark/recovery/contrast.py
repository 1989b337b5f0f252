"""What a frame shows more than those beside it: the copies of members who took frames in turn, told apart.

Two members who give every second frame each leave an average of both marks, and an encoder that predicts every second
frame from its neighbours hides one of them there. But from frame to frame the picture hardly changes, and the marks
do: a frame less the mean of its neighbours is one mark less the other. The sign turns with every frame, so that it
adds up over a slot; whose mark it then shows first is not known, and both signs are asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]
    Shown = tuple[Samples, Samples, float]

MIDDLE = 128.0
"""Level that stands for no difference."""

GAIN = 4.0
"""Differences are shown so many times as large: what reads them expects noise as pictures have it."""


class Contrast:
    """Holds every frame against its neighbours."""

    def __init__(self) -> None:
        self._before: Shown | None = None
        self._now: Shown | None = None
        self._sign = 1.0

    def add(self, luma: Samples, chroma: Samples, time: float) -> Shown | None:
        """Take in a frame on the canonical grids.

        Parameters
        ----------
        luma : ndarray of float32, shape (height, width)
            In 8-bit levels; it is kept, and not changed.
        chroma : ndarray of float32, shape (2, height, width)
            Cb and Cr; likewise.
        time : float
            Seconds from the beginning of the leak.

        Returns
        -------
        tuple of ndarray, ndarray and float, or None
            Luma, chroma and time of the frame before this one, held against its own neighbours; None for the first two.
        """
        before, now, after = self._before, self._now, (luma, chroma, time)
        self._before, self._now = now, after
        if before is None or now is None:
            return None
        self._sign = -self._sign
        gain = np.float32(GAIN * self._sign)
        held = [
            gain * (own - np.float32(0.5) * (one + other)) + np.float32(MIDDLE)
            for own, one, other in zip(now[:2], before[:2], after[:2], strict=True)
        ]
        return held[0], held[1], now[2]
