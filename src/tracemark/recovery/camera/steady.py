"""Pictures are brought to where the first of them lay, as a follower says that the camera moved."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np

from tracemark.cores import in_order
from tracemark.recovery.reel import Picture

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.recovery.reel import Reel

    Bytes = NDArray[np.uint8]
    Doubles = NDArray[np.float64]

SIDE = 640
"""Longest side of the pictures that a camera is followed in, in pixels."""

MOVED = 3.0
"""Pixels of a working picture, a quarter of the finest carrier's wave, from which on a motion does harm."""


class Follower(Protocol):
    """Tells how the camera moved since the first picture."""

    def follow(self, now: Bytes) -> Doubles:
        """Follow it to the next picture; the motion from the first one to it, shape (3, 3)."""


class Steadier:
    """Brings pictures to where the first one lay.

    Parameters
    ----------
    first : Picture
    follower : Follower
        Made of `small` of the first picture.
    before : Steadier, optional
        Whose pictures these are.

    Attributes
    ----------
    travelled : float
        Farthest that a corner of the picture has come so far, in pixels.
    """

    def __init__(self, first: Picture, follower: Follower, before: Steadier | None = None) -> None:
        height, width = first.luma.shape
        self._follower = follower
        self._before = before
        self._small = shrinking((width, height))
        self._corners = np.array([[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]], np.float64)
        self._latest = (first, first)
        self.travelled = 0.0

    def steadied(self, picture: Picture) -> Picture:
        """Bring the next picture to where the first one lay.

        Parameters
        ----------
        picture : Picture
            Of the first one's size, as it was filmed; the one given last is not followed anew.

        Returns
        -------
        Picture
        """
        if picture is not self._latest[0]:
            seen = self._before.steadied(picture) if self._before else picture
            self._latest = (picture, _moved_back((seen, self._followed(seen))))
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
        motion = np.linalg.inv(self._small) @ self._follower.follow(small(picture)) @ self._small
        moved = motion @ self._corners
        self.travelled = max(self.travelled, float(np.hypot(*(moved[:2] / moved[2] - self._corners[:2])).max()))
        return np.asarray(motion, np.float64)


def small(picture: Picture) -> Bytes:
    """Bring a picture's luma to the size that a camera is followed in.

    Parameters
    ----------
    picture : Picture

    Returns
    -------
    ndarray of uint8, shape (height, width)
    """
    height, width = picture.luma.shape
    size = _smaller((width, height))
    return np.asarray(cv2.resize(picture.luma, size, interpolation=cv2.INTER_AREA), np.uint8)


def shrinking(size: tuple[int, int]) -> Doubles:
    """Map a picture's pixels to those of its `small`, both counted from their middles.

    Parameters
    ----------
    size : tuple of int
        Width and height.

    Returns
    -------
    ndarray of float64, shape (3, 3)
    """
    across, down = (less / more for less, more in zip(_smaller(size), size, strict=True))
    return np.array([[across, 0, (across - 1) / 2], [0, down, (down - 1) / 2], [0, 0, 1]])


def enlarged(points: Doubles, size: tuple[int, int]) -> Doubles:
    """Bring points of a `small` picture to the picture itself.

    Parameters
    ----------
    points : ndarray of float64, shape (points, 2)
        In pixels from their middles.
    size : tuple of int
        Width and height of the picture.

    Returns
    -------
    ndarray of float64, shape (points, 2)
        In pixels from the picture's corner.
    """
    back = np.linalg.inv(shrinking(size))
    return np.asarray(points @ back[:2, :2].T + back[:2, 2] + 0.5, np.float64)


def _smaller(size: tuple[int, int]) -> tuple[int, int]:
    shrink = min(1.0, SIDE / max(size))
    return round(size[0] * shrink), round(size[1] * shrink)


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
