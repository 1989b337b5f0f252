"""The DCT of cells, as two matrix products over a whole plane."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@lru_cache(maxsize=4)
def basis(cell: int) -> NDArray[np.float32]:
    """Orthonormal DCT-II matrix (Ahmed, Natarajan and Rao 1974).

    Parameters
    ----------
    cell : int
        Side of a cell in samples.

    Returns
    -------
    ndarray of float32, shape (cell, cell)
        Row k is the basis function of frequency k.
    """
    k, n = np.arange(cell)[:, None], np.arange(cell)[None]
    matrix = np.cos(np.pi * (2 * n + 1) * k / (2 * cell)) * np.sqrt(2 / cell)
    matrix[0] /= np.sqrt(2)
    return np.asarray(matrix, np.float32)


@lru_cache(maxsize=8)
def band_mask(cell: int, band: tuple[float, float]) -> NDArray[np.bool_]:
    """Coefficients of a cell inside a radial band.

    Parameters
    ----------
    cell : int
        Side of a cell in samples.
    band : tuple of float
        Lowest and highest radial frequency in cycles per sample.

    Returns
    -------
    ndarray of bool, shape (cell, cell)
    """
    frequency = np.arange(cell) / (2 * cell)
    radius = np.hypot(frequency[:, None], frequency[None])
    return (radius >= band[0]) & (radius <= band[1])


def forward(plane: NDArray[np.float32], cell: int) -> NDArray[np.float32]:
    """DCT of every cell.

    Parameters
    ----------
    plane : ndarray of float32, shape (..., rows * cell, columns * cell)
    cell : int

    Returns
    -------
    ndarray of float32, shape (..., rows, columns, cell, cell)
        The last two axes are vertical and horizontal frequency.
    """
    *lead, height, width = plane.shape
    matrix = basis(cell)
    # columns first: (cell x cell) times (cell x width) for every row of cells, then the rows of each cell
    vertical = matrix @ plane.reshape(*lead, height // cell, cell, width)
    split = vertical.reshape(*lead, height // cell, cell, width // cell, cell)
    return np.swapaxes(split @ matrix.T, -3, -2)


def inverse(coefficients: NDArray[np.float32], cell: int) -> NDArray[np.float32]:
    """Undo `forward`.

    Parameters
    ----------
    coefficients : ndarray of float32, shape (..., rows, columns, cell, cell)
    cell : int

    Returns
    -------
    ndarray of float32, shape (..., rows * cell, columns * cell)
    """
    *lead, rows, columns, _, _ = coefficients.shape
    matrix = basis(cell)
    horizontal = np.swapaxes(coefficients @ matrix, -3, -2).reshape(*lead, rows, cell, columns * cell)
    return (matrix.T @ horizontal).reshape(*lead, rows * cell, columns * cell)


def per_cell(values: NDArray[np.float32], cell: int) -> NDArray[np.float32]:
    """Repeat one value per cell over the cell's samples.

    Parameters
    ----------
    values : ndarray of float32, shape (rows, columns)
    cell : int

    Returns
    -------
    ndarray of float32, shape (rows * cell, columns * cell)
    """
    return np.repeat(np.repeat(values, cell, axis=-2), cell, axis=-1)
