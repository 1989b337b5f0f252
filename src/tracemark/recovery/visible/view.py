"""Ways to look at the pages of an album for a code: where the mark's geometry puts it, or anywhere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.overlay.lettering import LINE_HEIGHT, LINE_WIDTH
from tracemark.overlay.places import corner, schedule_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tracemark.overlay import SessionCode
    from tracemark.recovery.verdict import Geometry

    Doubles = NDArray[np.float64]
    Points = tuple[tuple[float, float], ...]

LONGEST_SIDE = 1600
"""Longest side of a picture that was brought upright, in pixels."""

NEAR = (0.95, 0.975, 1.0, 1.025, 1.05)
"""Widths of a box around the known one: a geometry is known to a few percent, and reading reaches as far on."""

NARROWEST = 5.0
"""Narrowest box that is looked for where nothing is known, in pixels."""

LEGIBLE = 7.0
"""The same where the mark has told how its hosts lie: any other code is one that was pasted to be read."""

STEP = 1.035
"""Ratio of widths tried one after the other where nothing is known."""

AROUND = 1.5
"""How far from its scheduled place a code may be, in boxes: geometries are known to about so much."""


@dataclass(frozen=True)
class View:
    """A way to look at a page.

    Attributes
    ----------
    matrix : ndarray of float64, shape (3, 3)
        Homography from pixels of the page to pixels of what is looked at.
    size : tuple of int
        Width and height of what is looked at.
    widths : tuple of float
        Widths of a box to try, in its pixels.
    scheduled : tuple of tuple of float
        Left top corners at which a strip of the middle width is scheduled; empty if anywhere is as good.
    """

    matrix: Doubles
    size: tuple[int, int]
    widths: tuple[float, ...]
    scheduled: Points = ()

    def of(self, page: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Look at a page."""
        if self.size == page.shape[::-1] and np.array_equal(self.matrix, np.eye(3)):
            return page
        half = np.array([[1, 0, 0.5], [0, 1, 0.5], [0, 0, 1]])  # positions count from a pixel's corner, OpenCV's do not
        seen = cv2.warpPerspective(page, np.linalg.inv(half) @ self.matrix @ half, self.size, flags=cv2.INTER_LINEAR)
        return np.asarray(seen, np.uint8)

    def outline(self, x: float, y: float, box: float, page: tuple[int, int]) -> Points:
        """Corners of a strip in the leak, both coordinates normalised to 1, from its left top one clockwise.

        Parameters
        ----------
        x, y, box : float
            As a strip has them.
        page : tuple of int
            Width and height of the page.
        """
        wide, high = LINE_WIDTH * box, LINE_HEIGHT * box
        corners = np.array([[x, x + wide, x + wide, x], [y, y, y + high, y + high], [1] * 4])
        seen = np.linalg.inv(self.matrix) @ corners
        places = (seen[:2] / seen[2]).T / page
        return tuple((round(float(across), 4), round(float(down), 4)) for across, down in places)

    @property
    def reach(self) -> float:
        """How far from its scheduled place a code may be, in pixels."""
        return AROUND * self.widths[len(self.widths) // 2]


def known(geometry: Geometry, page: tuple[int, int], code: SessionCode) -> View:
    """Look at the host, its geometry being known.

    Parameters
    ----------
    geometry : Geometry
    page : tuple of int
        Width and height of the pages.
    code : SessionCode
        What its marker was told to draw.
    """
    corners = np.array(geometry.outline) * page
    across = (np.linalg.norm(corners[1] - corners[0]) + np.linalg.norm(corners[2] - corners[3])) / 2
    down = (np.linalg.norm(corners[3] - corners[0]) + np.linalg.norm(corners[2] - corners[1])) / 2
    if np.array_equal(geometry.matrix, np.eye(3)):
        size = page
    else:
        shrink = min(1.0, LONGEST_SIDE / max(float(across), float(down)))
        size = max(round(across * shrink), 1), max(round(down * shrink), 1)
    matrix = np.diag([*size, 1]) @ np.array(geometry.matrix) @ np.diag([1 / page[0], 1 / page[1], 1])
    width = code.size * min(size) / LINE_WIDTH
    drawn = round(LINE_WIDTH * width), round(LINE_HEIGHT * width)
    columns, rows = code.tiles
    room = size[0] // columns, size[1] // rows
    places = schedule_of(code.position).places
    scheduled = tuple(
        (x + column * room[0], y + row * room[1])
        for x, y in (corner(place, drawn, room, code.margin) for place in places)
        for column in range(columns)
        for row in range(rows)
    )
    return View(matrix, size, tuple(width * factor for factor in NEAR), scheduled)


def anywhere(page: tuple[int, int], narrowest: float = NARROWEST, *, mirrored: bool = False) -> View:
    """Look at a page as it is, or mirrored, for strips of any width.

    Parameters
    ----------
    page : tuple of int
        Width and height.
    narrowest : float
        Width of the narrowest box, in pixels.
    mirrored : bool
    """
    widest = page[0] / LINE_WIDTH
    steps = max(int(np.log(max(widest / narrowest, 1)) / np.log(STEP)), 0)
    matrix = np.array([[-1.0, 0, page[0]], [0, 1, 0], [0, 0, 1]]) if mirrored else np.eye(3)
    return View(matrix, page, tuple(narrowest * STEP**step for step in range(steps + 1)))


def distinct(geometries: Sequence[Geometry]) -> list[Geometry]:
    """Leave out geometries that are there already."""
    kept: list[Geometry] = []
    for geometry in geometries:
        corners = np.array(geometry.outline)
        if not any(np.abs(corners - np.array(each.outline)).max() < 0.01 for each in kept):
            kept.append(geometry)
    return kept
