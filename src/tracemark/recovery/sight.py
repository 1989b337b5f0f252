"""A leak seen through a placement: its pictures brought to the square canvas."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.frames import LAYOUTS
from tracemark.geometry import Geometry
from tracemark.recovery import outline, verdict
from tracemark.recovery.record import Record
from tracemark.recovery.search.bending import on_canvas, shown_on_canvas
from tracemark.recovery.search.placement import upright

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.profile import Profile
    from tracemark.recovery.reel import Picture
    from tracemark.recovery.search import Placement

    Samples = NDArray[np.float32]
    Doubles = NDArray[np.float64]


ASKEW = 0.008
"""Share of the picture by which a corner must be off its place to be told of; aligned clips measure to 0.005."""

STRETCHED = 0.05
"""Logarithm of width over height by which a leak that was read as it stands is stretched, and not merely askew."""


class Sight:
    """Brings pictures of a reel to the canvas.

    Parameters
    ----------
    placement : Placement
    size : tuple of int
        Width and height of the reel's pictures.
    profile : Profile
    """

    def __init__(self, placement: Placement, size: tuple[int, int], profile: Profile) -> None:
        self.placement = placement
        self.size = size
        self._profile = profile
        self._half = np.diag([0.5, 0.5, 1]) @ placement.matrix
        side = profile.luma.long_side
        shown = shown_on_canvas(size[::-1], placement.matrix, side)
        cells = side // profile.cell
        share = shown.reshape(cells, profile.cell, cells, profile.cell).mean(axis=(1, 3))
        self.valid = share > 0.99
        self._grain = max(1, 2 * round((abs(np.linalg.det(placement.matrix[:2, :2])) ** 0.5 / side - 1) / 2) + 1)

    def record(self, picture: Picture) -> Record:
        """Begin a record of what is seen this way, from a picture on."""
        side = self._profile.luma.long_side
        shape = Geometry(side, side, 0, LAYOUTS["yuv444p"], 1.0, self._profile)
        return Record(self._profile, shape=shape, valid=self.valid).successor(self.time(picture))

    def time(self, picture: Picture) -> float:
        """Time of a picture at the stream's own speed, in seconds from the beginning of the leak."""
        return picture.time * self.placement.speed

    def show(self, picture: Picture, record: Record) -> None:
        """Put a picture into a record."""
        luma = self._seen(picture.luma, self.placement.matrix, self._profile.luma.long_side)
        small = self._profile.chroma.long_side
        colours = np.zeros((2, small, small), np.float32)
        for colour, plane in zip(colours, picture.chroma, strict=False):
            colour[:] = self._seen(plane, self._half, small)
        record.place(luma, colours, self.time(picture), key_frame=picture.key_frame)

    def _seen(self, plane: NDArray[np.uint8], matrix: Doubles, side: int) -> Samples:
        levels = plane.astype(np.float32)
        if self._grain > 1:  # a sample of the canvas is the mean over what it covers
            levels = np.asarray(cv2.blur(levels, (self._grain, self._grain)), np.float32)
        return on_canvas(levels, matrix, side)

    def covers(self, other: Placement, places: Doubles | None) -> bool:
        """Tell whether another placement looks at much the same part of the leak.

        Parameters
        ----------
        other : Placement
        places : ndarray of float64, shape (rows, columns), or None
            What the pilot answers in every cell of this one, which tells the shape of its host; the other's is taken to
            be like it.

        Returns
        -------
        bool
            Whether the middle of what the leak shows of the other's host lies within this one's.
        """
        limits = np.array([[0, self.size[0], self.size[0], 0], [0, 0, self.size[1], self.size[1]]], np.float32).T
        wide, tall = _sides(self._aspect(places))
        hosts = []
        for placement in (self.placement, other):
            corners = placement.matrix @ np.array(
                [[-wide / 2, wide / 2, wide / 2, -wide / 2], [-tall / 2, -tall / 2, tall / 2, tall / 2], [1] * 4]
            )
            drawn = (corners[:2] / corners[2]).T.astype(np.float32)
            hosts.append(cv2.intersectConvexConvex(cv2.convexHull(drawn), limits)[1])
        if hosts[0] is None or hosts[1] is None:
            return False
        middle = hosts[1].reshape(-1, 2).mean(axis=0)
        return bool(cv2.pointPolygonTest(hosts[0], (float(middle[0]), float(middle[1])), measureDist=False) >= 0)

    def geometry(self, places: Doubles | None) -> verdict.Geometry:
        """Tell where the host lies in the leak.

        Parameters
        ----------
        places : ndarray of float64, shape (rows, columns), or None
            What the pilot answers in every cell, which tells the host's shape.

        Returns
        -------
        Geometry
        """
        return geometry_of(self.placement, self.size, self._aspect(places))

    def _aspect(self, places: Doubles | None) -> float:
        """Width of the host over its height."""
        if self.placement.aspect is not None:
            return self.placement.aspect
        width, height = self.size
        shown = np.linalg.inv(self.placement.matrix) @ np.array(
            [[0, width, width, 0], [0, 0, height, height], [1, 1, 1, 1]]
        )
        return outline.aspect_of(places, self.valid, (shown[:2] / shown[2]).T)


def _sides(aspect: float) -> tuple[float, float]:
    """Width and height of a host, in its long sides."""
    return (1.0, 1 / aspect) if aspect >= 1 else (aspect, 1.0)


def geometry_of(placement: Placement, size: tuple[int, int], aspect: float) -> verdict.Geometry:
    """Tell where a host of known shape lies in the leak.

    Parameters
    ----------
    placement : Placement
    size : tuple of int
        Width and height of the reel's pictures.
    aspect : float
        The host's width over its height.

    Returns
    -------
    Geometry
    """
    wide, tall = _sides(aspect)
    to_host = np.array([[1 / wide, 0, 0.5], [0, 1 / tall, 0.5], [0, 0, 1]])
    whole = to_host @ np.linalg.inv(placement.matrix) @ np.diag([*size, 1])
    whole = whole / whole[2, 2]
    corners = np.linalg.inv(whole) @ np.array([[0, 1, 1, 0], [0, 0, 1, 1], [1, 1, 1, 1]])
    places = (corners[:2] / corners[2]).T
    return verdict.Geometry(
        matrix=tuple(tuple(round(float(x), 6) for x in row) for row in whole),  # type: ignore[arg-type]
        flipped=bool(np.linalg.det(placement.matrix[:2, :2]) < 0),
        outline=tuple((round(float(x), 4), round(float(y), 4)) for x, y in places),
    )


def settled(placement: Placement, size: tuple[int, int], between_bars: float | None) -> verdict.Geometry:
    """Tell how a leak lies that was read as it stands.

    Parameters
    ----------
    placement : Placement
        From `search.settle`.
    size : tuple of int
        Width and height of the reel's pictures.
    between_bars : float or None
        The host's width over its height where it lies between bars, from `outline.aspect_between_bars`.

    Returns
    -------
    Geometry
        In place, or in place between bars, unless a corner is off by more than `ASKEW`.
    """
    in_place = verdict.Geometry()
    lies = geometry_of(placement, size, size[0] / size[1])
    if np.abs(np.subtract(lies.outline, in_place.outline)).max() < ASKEW:
        if between_bars is None:
            return in_place
        return geometry_of(replace(placement, matrix=upright(size)), size, between_bars)
    sides = np.linalg.norm(placement.matrix[:2, :2], axis=0)
    stretched = float(sides[1] / sides[0])  # what a leak's shape has to be multiplied with to be the host's
    if abs(np.log(stretched)) > STRETCHED:  # what looks like bars is as likely a part that was not read
        return geometry_of(placement, size, outline.aspect_of_whole(stretched * size[0] / size[1]))
    return geometry_of(placement, size, between_bars or outline.aspect_of_whole(size[0] / size[1]))
