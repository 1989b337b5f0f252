"""The frame round a screen: straight edges that move as the camera does, whatever happens within them.

Sides are looked for near the edges of the first picture: the straight line along which the slope across it is most
alike. Then points along them are followed by where, on the normal of their side, that slope is steepest, and the
affine map that serves them all is the camera's motion (edges as control points after Harris and Stennett 1990, weighed
after Huber 1964). Nothing is handed on from picture to picture but where to look, so that nothing drifts.

Inside of the frame lies the host, as a whole: its outline is a place to look at without any search.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Bytes = NDArray[np.uint8]
    Samples = NDArray[np.float32]
    Doubles = NDArray[np.float64]

SMOOTH = 1.0
"""Deviation, in pixels, of the blur before slopes are measured."""

STEEP = 6.0
"""Slope, in levels a pixel, that counts in full: so a long edge counts for more than a strong one."""

DEEP = 0.25
"""Share of the picture's width or height within which a side is looked for."""

LEAN = 0.12
"""Share of its length by which a side may lean."""

ENDS = (0.06, 0.94)
"""Part of the picture's length along which a side is looked at."""

POINTS = 64
"""Points along a side."""

SEEN = 0.5
"""Mean slope of a side, over `STEEP`, from which it is believed."""

DARK = 0.8
"""What a side counts that is darker on its inside, over one that is brighter: frames are mostly dark, and it is their
inner edge that the host fills."""

REACH = 7.0
"""Farthest, in pixels, that an edge is looked for from where it is expected."""

FINE = 0.5
"""Step of that, in pixels."""

TIMES = 2
"""Times that a motion is improved for a picture."""

ALLOWED = 0.7
"""Pixels by which a point may be off and still count in full."""

NEAR = 1.5
"""Pixels by which a point may be off and still be one that was found."""

HELD = 0.3
"""Share of points that must be found; where fewer are, after a fade to black say, the hand is taken to rest."""

REWEIGHED = 8
"""Times that points are weighed by how far they are off."""

STIFF = np.diag([0.5, 0.5, 0.01, 0.5, 0.5, 0.01])
"""What keeps a motion near the last one where no edge tells: turns and sizes more than shifts."""


@dataclass(frozen=True)
class _Side:
    """A straight edge of the frame in the first picture.

    Attributes
    ----------
    points : ndarray of float64, shape (POINTS, 2)
        In pixels from their middles.
    normal : ndarray of float64, shape (2,)
        Unit vector across it, uphill.
    """

    points: Doubles
    normal: Doubles


class Border:
    """Follows the frame round a screen.

    Made by `of`.

    Attributes
    ----------
    corners : ndarray of float64, shape (4, 2)
        Of the frame in the first picture, in pixels from their middles: left top, right top, right bottom, left bottom.
    """

    def __init__(self, first: Bytes, sides: list[_Side]) -> None:
        self._sides = sides
        self._motion: Doubles = np.eye(3)
        self._begun: Doubles = np.eye(3)
        # a side is found to a pixel or worse, where slopes are steep far and wide: it begins where it will be followed
        self._begun = self.follow(first)
        left, top, right, bottom = sides
        pairs = (left, top), (right, top), (right, bottom), (left, bottom)
        found = np.stack([_crossing(one.points, other.points) for one, other in pairs])
        self.corners: Doubles = found @ self._begun[:2, :2].T + self._begun[:2, 2]

    @classmethod
    def of(cls, first: Bytes) -> Border | None:
        """Look for a frame.

        Parameters
        ----------
        first : ndarray of uint8, shape (height, width)
            The first picture's luma.

        Returns
        -------
        Border or None
            None unless all four sides are seen: an edge tells nothing of a motion along itself.
        """
        across, down = _slopes(first)
        height, width = first.shape
        found = [
            _side(across, lambda along, depth: (depth, along)),
            _side(down.T, lambda along, depth: (along, depth)),
            _side(-across[:, ::-1], lambda along, depth: (width - 1 - depth, along)),
            _side(-down[::-1].T, lambda along, depth: (along, height - 1 - depth)),
        ]
        sides = [side for side in found if side]
        return cls(first, sides) if len(sides) == len(found) else None

    def follow(self, now: Bytes) -> Doubles:
        """Follow the camera to the next picture, as `Corners.follow`."""
        slopes = _slopes(now)
        for _ in range(TIMES):
            moved = self._improved(slopes)
            if moved is None:
                break
            self._motion = moved
        return np.asarray(self._motion @ np.linalg.inv(self._begun), np.float64)

    def _improved(self, slopes: tuple[Samples, Samples]) -> Doubles | None:
        """Motion that serves what is seen near where the last one puts the sides; None if little is seen."""
        height, width = slopes[0].shape
        rows, offsets, weights = (
            np.concatenate(parts) for parts in zip(*(self._answers(side, slopes) for side in self._sides), strict=True)
        )
        counted, off = weights, offsets
        moves = np.zeros(len(STIFF))
        for _ in range(REWEIGHED):
            weighed = (rows * counted[:, None]).T
            moves = np.linalg.solve(weighed @ rows + STIFF, weighed @ offsets)
            off = np.abs(rows @ moves - offsets)
            counted = weights * np.minimum(1, ALLOWED / np.maximum(off, 1e-6))
        if weights[off < NEAR].sum() < HELD * len(weights):
            return None
        a, b, x, c, d, y = moves
        to_share = np.array([[1 / width, 0, -0.5], [0, 1 / height, -0.5], [0, 0, 1]])
        shift = np.array([[a, b, x], [c, d, y], [0, 0, 0]])
        return np.asarray((np.eye(3) + shift @ to_share) @ self._motion, np.float64)

    def _answers(self, side: _Side, slopes: tuple[Samples, Samples]) -> tuple[Doubles, Doubles, Doubles]:
        """How far a side is off at its points: equations of the six moves, offsets in pixels, and weights."""
        across, down = slopes
        points = side.points @ self._motion[:2, :2].T + self._motion[:2, 2]
        normal = np.linalg.inv(self._motion[:2, :2]).T @ side.normal
        normal /= np.hypot(*normal)
        steps = np.arange(-REACH, REACH + FINE / 2, FINE)
        x, y = ((points[:, axis, None] + steps * normal[axis]).astype(np.float32) for axis in (0, 1))
        uphill = normal[0] * cv2.remap(across, x, y, cv2.INTER_LINEAR)
        uphill += normal[1] * cv2.remap(down, x, y, cv2.INTER_LINEAR)
        uphill = np.asarray(cv2.blur(uphill, (1, 5)), np.float64)  # over the points beside
        number = np.arange(len(points))
        best = uphill.argmax(axis=1)
        inside = np.clip(best, 1, len(steps) - 2)
        before, peak, after = (uphill[number, inside + beside] for beside in (-1, 0, 1))
        bend = np.minimum(before - 2 * peak + after, -1e-6)
        offsets = steps[inside] + FINE * np.clip(0.5 * (before - after) / bend, -1, 1)
        weights = np.where(best == inside, np.clip(peak / STEEP, 0, 1), 0)
        share = points / across.shape[::-1] - 0.5
        one = np.column_stack([share, np.ones(len(points))])
        return np.hstack([normal[0] * one, normal[1] * one]), offsets, weights


def _slopes(picture: Bytes) -> tuple[Samples, Samples]:
    """Slopes across and down, in levels a pixel."""
    smooth = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), SMOOTH)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, *axis, scale=1 / 8) for axis in ((1, 0), (0, 1)))
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


def _side(slope: Samples, place: Callable[[Doubles, Doubles], tuple[Doubles, Doubles]]) -> _Side | None:
    """Look for a side that runs down the left of a slope across; `place` turns length and depth into x and y."""
    length, breadth = slope.shape
    clipped = np.clip(slope / STEEP, -1, 1)
    along = np.linspace(*ENDS, POINTS)
    top, bottom = (each.ravel() for each in np.meshgrid(*[np.arange(int(DEEP * breadth), dtype=np.float64)] * 2))
    upright = np.abs(top - bottom) < LEAN * length
    top, bottom = top[upright], bottom[upright]
    x = (top[:, None] * (1 - along) + bottom[:, None] * along).astype(np.float32)
    y = np.broadcast_to((along * (length - 1)).astype(np.float32), x.shape)
    means = cv2.remap(clipped, x, np.ascontiguousarray(y), cv2.INTER_LINEAR).mean(axis=1)
    best = int(np.where(means > 0, means, -DARK * means).argmax())
    if abs(means[best]) < SEEN:
        return None
    depth = top[best] * (1 - along) + bottom[best] * along
    points, inside = (np.column_stack(place(along * (length - 1), each)) for each in (depth, depth + 1))
    run = points[-1] - points[0]
    normal = np.array([run[1], -run[0]]) / np.hypot(*run)
    if normal @ (inside[0] - points[0]) < 0:
        normal = -normal
    return _Side(points, normal * np.sign(means[best]))


def _crossing(one: Doubles, other: Doubles) -> Doubles:
    """Where two lines cross, each given by points on it."""
    runs = [points[-1] - points[0] for points in (one, other)]
    share = np.linalg.solve(np.column_stack([runs[0], -runs[1]]), other[0] - one[0])[0]
    return np.asarray(one[0] + share * runs[0], np.float64)
