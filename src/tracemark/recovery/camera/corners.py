"""What most corners of the picture do is the camera's motion.

Corners are followed from picture to picture (Lucas and Kanade 1981; pyramids after Bouguet 2001), and the affine map
that most of them obey (Fischler and Bolles 1981) is taken for the camera's motion. A host that moves as one, by a pan
say, is held still together with its screen, and the mark then moves instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Doubles = NDArray[np.float64]
    Points = NDArray[np.float32]

CORNERS = 400
"""Corners looked for at a time."""

QUALITY = 0.005
"""Weakest corner that counts, over the strongest (Shi and Tomasi 1994)."""

APART = 7
"""Pixels between two corners at least."""

FEW = 80
"""Corners left at which new ones are looked for."""

WINDOW = 21
"""Side of the neighbourhood that is followed, in pixels."""

LEVELS = 3
"""Halvings of the picture: what moves up to 8 times as far as a window shows is still followed."""

ALLOWED = 1.0
"""Pixels by which a corner may miss the common motion and still obey it."""

OBEYED = 0.3
"""Share of the corners that must obey; where fewer do, there was a cut, or the picture moves in itself."""

LEAST_CORNERS = 12
"""Corners from which a motion is believed."""


class Corners:
    """Follows corners.

    Parameters
    ----------
    first : ndarray of uint8, shape (height, width)
        The first picture's luma.
    """

    def __init__(self, first: Bytes) -> None:
        self._before = first
        self._begun, self._points = self._looked_for()
        self._base = self._motion = np.eye(3)

    def follow(self, now: Bytes) -> Doubles:
        """Follow the camera to the next picture.

        Parameters
        ----------
        now : ndarray of uint8, shape (height, width)

        Returns
        -------
        ndarray of float64, shape (3, 3)
            Motion from the first picture to this one, in pixels from their middles.
        """
        if len(self._points) < FEW:
            self._begun, self._points = self._looked_for()
            self._base = self._motion
        followed = False
        if len(self._points) >= LEAST_CORNERS:
            size = (WINDOW, WINDOW)
            points, status, _ = cv2.calcOpticalFlowPyrLK(
                self._before, now, self._points, np.empty_like(self._points), winSize=size, maxLevel=LEVELS
            )
            kept = status.ravel() == 1
            self._begun, self._points = self._begun[kept], np.asarray(points, np.float32)[kept]
            if len(self._points) >= LEAST_CORNERS:
                linear, obeyed = cv2.estimateAffine2D(self._begun, self._points, ransacReprojThreshold=ALLOWED)
                if linear is not None and obeyed.mean() >= OBEYED:
                    followed = True
                    self._motion = np.vstack([linear, [0, 0, 1]]) @ self._base
        if not followed:  # after a cut, say: the hand is taken to rest for a moment
            self._points = self._points[:0]
        self._before = now
        return self._motion

    def _looked_for(self) -> tuple[Points, Points]:
        found = cv2.goodFeaturesToTrack(self._before, CORNERS, QUALITY, APART)
        points = np.zeros((0, 1, 2), np.float32) if found is None else np.asarray(found, np.float32)
        return points, points
