"""What a decode's drawing needs: evidence by the second, and maps that put places on the leak."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from tracemark.recovery.verdict import Matrix
    from tracemark.signal.grid import Grid


def by_the_second(
    times: Sequence[float], sums: Sequence[float], energies: Sequence[float]
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Add measurements up, second by second.

    Parameters
    ----------
    times : sequence of float
        Seconds of the leak, of any order: the middle of each measurement, such as a slot's.
    sums : sequence of float
        Evidence of each for one message, or for the pilot.
    energies : sequence of float
        Variance that chance gives each.

    Returns
    -------
    times : tuple of float
        Middles of the seconds that were measured, ascending.
    scores : tuple of float
        In deviations of chance; zero where there was nothing to measure.
    """
    if not len(times):
        return (), ()
    seconds, which = np.unique(np.floor(np.asarray(times, np.float64)), return_inverse=True)
    total = np.bincount(which, np.asarray(sums, np.float64))
    energy = np.bincount(which, np.asarray(energies, np.float64))
    scores = np.where(energy > 0, total / np.sqrt(np.maximum(energy, 1e-12)), 0.0)
    return tuple((seconds + 0.5).tolist()), tuple(np.round(scores, 3).tolist())


def of_grid(grid: Grid) -> Matrix:
    """Map from a grid's touched cells, edge to edge 0..1, to the picture that it covers.

    Parameters
    ----------
    grid : Grid
        Of the luma plane of a leak that is seen as it stands.

    Returns
    -------
    tuple
        `Places.matrix`.
    """
    rows, columns = grid.cells
    top, _, left, _ = grid.border
    across, down = columns * grid.cell / grid.width, rows * grid.cell / grid.height
    return (
        (across, 0.0, -left / grid.width),
        (0.0, down, -top / grid.height),
        (0.0, 0.0, 1.0),
    )


def of_canvas(matrix: NDArray[np.float64], size: tuple[int, int]) -> Matrix:
    """Map from the whole canvas, edge to edge 0..1, to a leak that is seen through a placement.

    Parameters
    ----------
    matrix : ndarray of float64, shape (3, 3)
        `Placement.matrix`: from the canvas (long sides of the host, from its middle) to pixels.
    size : tuple of int
        Width and height of the leak in those pixels.

    Returns
    -------
    tuple
        `Places.matrix`.
    """
    to_middle = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
    whole = np.diag([1 / size[0], 1 / size[1], 1]) @ matrix @ to_middle
    whole = whole / whole[2, 2]
    return tuple(tuple(float(x) for x in row) for row in whole)  # type: ignore[return-value]
