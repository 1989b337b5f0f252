"""The true geometry of a leak, and how far a decoder's is from it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks.drawing import Drawing
from benchmarks.attacks.moves import Moved
from benchmarks.attacks.placement import Format, Matrix
from benchmarks.leaks import Leak

LATTICE = 33
"""Positions across and down at which two geometries are compared."""


def homography(leak: Leak, source: Format) -> Matrix | None:
    """Compose where the host lies in a leak.

    Plain encodes and saved pictures are taken to leave it where it is.

    Parameters
    ----------
    leak : Leak
    source : Format
        Of the file that is leaked.

    Returns
    -------
    ndarray of float64, shape (3, 3), or None
        From normalised positions in the leak to those in the host; None where there is no single one.
    """
    matrix: Matrix = np.eye(3)
    for step in leak.steps:
        if isinstance(step, Moved | Drawing):
            placed = step.placement(source)
            if placed.matrix is None:
                return None
            matrix = matrix @ placed.matrix
            source = placed.format
    return matrix


def corner_error(found: Sequence[Sequence[float]] | Matrix, true: Matrix, host: Format) -> float:
    """Give the greatest distance between two geometries over the part of the host that the leak shows.

    Parameters
    ----------
    found, true : array, shape (3, 3)
        From leak to host, normalised.
    host : Format

    Returns
    -------
    float
        As a share of the host's width. Homographies differ most at the corners of what is shown.
    """
    lattice = np.linspace(0, 1, LATTICE)
    in_host = np.stack(np.meshgrid(lattice, lattice), axis=-1).reshape(-1, 2).astype(np.float64)
    in_leak = mapped(np.linalg.inv(true).astype(np.float64), in_host)
    edge = 1e-9
    shown = ((in_leak >= -edge) & (in_leak <= 1 + edge)).all(axis=1)
    off = mapped(np.asarray(found, np.float64), in_leak[shown]) - in_host[shown]
    distance = np.hypot(off[:, 0], off[:, 1] * host.height / host.width)
    return float(distance.max(initial=0.0))


def mapped(matrix: Matrix, points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Map points of shape (n, 2) by a homography."""
    lifted = np.column_stack([points, np.ones(len(points))]) @ matrix.T
    projected: NDArray[np.float64] = lifted[:, :2] / lifted[:, 2:]
    return projected
