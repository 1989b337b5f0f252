"""Mean and mean square of a plane over its canonical samples: all that the mask has to know of a picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.signal.grid import Grid
    from tracemark.signal.scratch import Scratch

    Samples = NDArray[np.float32]
    Plane = NDArray[np.uint8] | NDArray[np.uint16]


HIGH = 4.0
"""Rows of a plane to a canonical sample from which on half a row does not matter."""

EXACT = (2.0, 3.0)
"""Lower heights of a sample whose groups of rows lie right where the samples do."""


CHUNK = 32
"""Canonical rows that are summed at a time, so that the sums stay in the core's own cache."""


def mean(plane: Plane, grid: Grid, scratch: Scratch, name: str) -> Samples:
    """Mean level over the area of each canonical sample.

    Parameters
    ----------
    plane : ndarray of uint8 or uint16, shape (plane height, plane width)
        In display orientation.
    grid : Grid
    scratch : Scratch
        Where the result lies, under `name`, and all steps towards it.
    name : str

    Returns
    -------
    ndarray of float32, shape (grid.height, grid.width)
        In steps of the plane.

    Notes
    -----
    See `moments`.
    """
    out = scratch.array(name, (grid.height, grid.width))
    if _in_groups(plane, grid):
        _sum(plane, grid, scratch, out)
    else:
        _resize(plane, grid, scratch, out)
    return out


def moments(plane: Plane, grid: Grid, scratch: Scratch) -> tuple[Samples, Samples]:
    """Mean, and mean of the squares, over the area of each canonical sample.

    Parameters
    ----------
    plane : ndarray of uint8 or uint16, shape (plane height, plane width)
        In display orientation.
    grid : Grid
    scratch : Scratch
        Where the results and all steps towards them lie.

    Returns
    -------
    mean, squares : ndarray of float32, shape (grid.height, grid.width)
        In steps of the plane, and steps squared.

    Notes
    -----
    Rows are summed straight from the plane's own type, in groups as high as a canonical sample, rounded up: a large
    plane is never brought to float32, which would take longer than all the rest. A group lies within half a row of
    where its samples do. Where that would be much of a sample, the plane is small, and is brought to float32.
    """
    first, second = (scratch.array(name, (grid.height, grid.width)) for name in ("mean level", "mean square"))
    if _in_groups(plane, grid):
        _sum(plane, grid, scratch, first, second)
        return first, second
    levels = _resize(plane, grid, scratch, first)
    np.multiply(levels, levels, out=levels)
    cv2.resize(levels, (grid.width, grid.height), dst=second, interpolation=cv2.INTER_AREA)
    return first, second


def _in_groups(plane: Plane, grid: Grid) -> bool:
    ratio = plane.shape[0] / grid.height
    return plane.shape[1] >= grid.width and (ratio >= HIGH or ratio in EXACT)


def _sum(plane: Plane, grid: Grid, scratch: Scratch, first: Samples, second: Samples | None = None) -> None:
    height, width = plane.shape
    ratio = height / grid.height
    depth = math.ceil(ratio)
    starts = np.round(np.arange(grid.height) * ratio + (ratio - depth) / 2).astype(np.intp)
    wanted = [(cv2.accumulate, first)] + ([] if second is None else [(cv2.accumulateSquare, second)])
    for top in range(0, grid.height, CHUNK):
        part = slice(top, min(top + CHUNK, grid.height))
        count = part.stop - part.start
        sums = scratch.array("sums", (count, width))
        if depth == ratio:
            rows = [plane[top * depth + row : part.stop * depth : depth] for row in range(depth)]
        else:
            room = scratch.array("rows", (depth, count, width), plane.dtype)
            rows = [plane.take(starts[part] + row, 0, room[row], "clip") for row in range(depth)]
        for accumulate, out in wanted:
            sums[:] = 0
            for row in rows:
                accumulate(row, sums)
            cv2.resize(sums, (grid.width, count), dst=out[part], interpolation=cv2.INTER_AREA)
            out[part] *= 1 / depth


def _resize(plane: Plane, grid: Grid, scratch: Scratch, out: Samples) -> Samples:
    """As `Grid.canonical`; returns the plane as float32."""
    levels = scratch.array("levels", plane.shape)
    np.copyto(levels, plane)
    grows = plane.shape[1] < grid.width or plane.shape[0] < grid.height
    method = cv2.INTER_CUBIC if grows else cv2.INTER_AREA
    cv2.resize(levels, (grid.width, grid.height), dst=out, interpolation=method)
    return levels
