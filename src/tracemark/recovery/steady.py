"""A hand that moves, followed: each picture is brought to where the first of them lay.

Corners are followed from picture to picture (Lucas and Kanade 1981; pyramids after Bouguet 2001), and the affine map
that most of them obey (Fischler and Bolles 1981) is taken for the camera's motion. It knows no key and needs none: it
only says how to look. A host that moves as one, by a pan say, is held still together with its screen, and the mark then
moves instead; so pictures are looked at as they are first.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.cores import in_order
from tracemark.recovery.reel import Picture, Reel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Doubles = NDArray[np.float64]
    Points = NDArray[np.float32]

SIDE = 640
"""Longest side of the pictures that corners are followed in, in pixels."""

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

MOVED = 3.0
"""Pixels of a working picture, a quarter of the finest carrier's wave, from which on a motion does harm."""


class Steadier:
    """Brings pictures to where the first one lay.

    Parameters
    ----------
    first : Picture

    Attributes
    ----------
    travelled : float
        Farthest that a corner of the picture has come so far, in pixels.
    """

    def __init__(self, first: Picture) -> None:
        height, width = first.luma.shape
        shrink = min(1.0, SIDE / max(width, height))
        self._size = (round(width * shrink), round(height * shrink))
        across, down = self._size[0] / width, self._size[1] / height
        # pixels are counted from their middles, so a smaller picture's lie half a pixel off
        self._small = np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])
        self._corners = np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]], np.float64)
        self._before = self._shrunk(first)
        self._begun, self._points = self._looked_for()
        self._base = self._motion = np.eye(3)
        self._latest = (first, first)
        self.travelled = 0.0

    def steadied(self, picture: Picture) -> Picture:
        """Bring the next picture to where the first one lay.

        Parameters
        ----------
        picture : Picture
            Of the first one's size; the one given last is not followed anew.

        Returns
        -------
        Picture
        """
        if picture is not self._latest[0]:
            self._latest = (picture, _moved_back((picture, self._followed(picture))))
        return self._latest[1]

    def steady(self, reel: Reel) -> None:
        """Bring all pictures of a reel to where the first one lay, in place: two copies would fill the memory.

        Parameters
        ----------
        reel : Reel
            Whose first picture this began with.
        """
        last, places = reel.pictures[-1], range(1, len(reel.pictures))
        motions = ((picture, self._followed(picture)) for picture in (reel.pictures[place] for place in places))
        # one thread follows, and the others bring back
        with closing(in_order(_moved_back, motions)) as steadied:
            for place, picture in zip(places, steadied, strict=True):
                reel.pictures[place] = picture
        self._latest = (last, reel.pictures[-1])

    def _followed(self, picture: Picture) -> Doubles:
        """Follow the camera to a picture; its motion from the first one there, in pixels of the leak."""
        self._follow(self._shrunk(picture))
        motion = np.linalg.inv(self._small) @ self._motion @ self._small
        moved = (motion @ self._corners)[:2] - self._corners[:2]
        self.travelled = max(self.travelled, float(np.hypot(*moved).max()))
        return np.asarray(motion, np.float64)

    def _follow(self, now: Bytes) -> None:
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

    def _looked_for(self) -> tuple[Points, Points]:
        found = cv2.goodFeaturesToTrack(self._before, CORNERS, QUALITY, APART)
        points = np.zeros((0, 1, 2), np.float32) if found is None else np.asarray(found, np.float32)
        return points, points

    def _shrunk(self, picture: Picture) -> Bytes:
        return np.asarray(cv2.resize(picture.luma, self._size, interpolation=cv2.INTER_AREA), np.uint8)


def steady(reel: Reel) -> Steadier:
    """Bring all pictures of a reel to where the first one lay, in place.

    Parameters
    ----------
    reel : Reel
        With one picture at least.

    Returns
    -------
    Steadier
        Goes on with the pictures after these.
    """
    steadier = Steadier(reel.pictures[0])
    steadier.steady(reel)
    return steadier


def _moved_back(moved: tuple[Picture, Doubles]) -> Picture:
    picture, motion = moved
    half = np.array([[2, 0, 0.5], [0, 2, 0.5], [0, 0, 1]])
    in_chroma = np.linalg.inv(half) @ motion @ half
    return replace(
        picture,
        luma=_warped(picture.luma, motion),
        chroma=tuple(_warped(plane, in_chroma) for plane in picture.chroma),
    )


def _warped(plane: Bytes, motion: Doubles) -> Bytes:
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    size = (plane.shape[1], plane.shape[0])
    return np.asarray(cv2.warpPerspective(plane, motion, size, flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)
