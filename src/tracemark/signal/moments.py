"""Mean and mean square of a plane over its canonical samples: all that the mask has to know of a picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numba import types

from tracemark.compiled import compiled, result, rows

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.signal.grid import Grid
    from tracemark.signal.scratch import Scratch

    Samples = NDArray[np.float32]
    Plane = NDArray[np.uint8] | NDArray[np.uint16]

PAIRED = 4
"""Columns of a plane to a canonical sample from which on half a pixel does not matter."""

CHUNK = 32
"""Canonical rows that are averaged at a time, so that the sums stay in the core's own cache."""


def moments(plane: Plane, width: int, grid: Grid, scratch: Scratch, name: str, *, squares: bool = False) -> Samples:
    """Mean and, if wanted, mean of the squares over the area of each canonical sample.

    Parameters
    ----------
    plane : ndarray of uint8 or uint16, shape (plane height, at least width)
        In display orientation, in rows that lie in one piece.
    width : int
        Samples of a row.
    grid : Grid
    scratch : Scratch
        Where the results lie, under `name`, and all steps towards them.
    name : str
    squares : bool

    Returns
    -------
    ndarray of float32, shape (1 or 2, grid.height, grid.width)
        In steps of the plane, and steps squared; smoothly interpolated where the plane is smaller.
    """
    count = 2 if squares else 1
    out = scratch.array(name, (count, grid.height, grid.width))
    if plane.shape[0] < grid.height or width < grid.width:
        levels = scratch.array("levels", (plane.shape[0], width))
        np.copyto(levels, plane[:, :width])
        cv2.resize(levels, (grid.width, grid.height), dst=out[0], interpolation=cv2.INTER_CUBIC)
        if squares:
            np.multiply(levels, levels, out=levels)
            cv2.resize(levels, (grid.width, grid.height), dst=out[1], interpolation=cv2.INTER_AREA)
        return out
    # where pixels in pairs are fine enough, pairs are averaged: half of the sums
    pair = 2 if width % (2 * grid.width) == 0 or (width % 2 == 0 and width >= PAIRED * grid.width) else 1
    for top in range(0, grid.height, CHUNK):
        part = slice(top, min(top + CHUNK, grid.height))
        lines = scratch.array("lines", (count, part.stop - top, width // pair))
        _average_rows(plane, grid.height, top, pair, lines)
        for line, made in zip(lines, out, strict=True):
            cv2.resize(line, (grid.width, len(line)), dst=made[part], interpolation=cv2.INTER_AREA)
    return out


@compiled(*(types.void(rows(sample), *(types.int64,) * 3, result("float32", 3)) for sample in ("uint8", "uint16")))
def _average_rows(plane: Plane, height: int, first: int, pair: int, out: Samples) -> None:
    """Average the rows under some rows of a grid of that height, and their squares where there is room for them."""
    count, many, width = out.shape
    ratio = plane.shape[0] / height
    for line in range(many):
        top, bottom = (first + line) * ratio, (first + line + 1) * ratio
        mean, square = out[0, line], out[count - 1, line]
        mean[:] = 0
        square[:] = 0
        for y in range(int(top), min(math.ceil(bottom), plane.shape[0])):
            share = np.float32((min(y + 1.0, bottom) - max(float(y), top)) / (ratio * pair))
            row = plane[y]
            if count == 1 and pair == 1:
                for x in range(width):
                    mean[x] += np.float32(row[x]) * share
            elif count == 1:
                for x in range(width):
                    mean[x] += (np.float32(row[2 * x]) + np.float32(row[2 * x + 1])) * share
            elif pair == 1:
                for x in range(width):
                    level = np.float32(row[x])
                    mean[x] += level * share
                    square[x] += level * level * share
            else:
                for x in range(width):
                    one, other = np.float32(row[2 * x]), np.float32(row[2 * x + 1])
                    mean[x] += (one + other) * share
                    square[x] += (one * one + other * other) * share
