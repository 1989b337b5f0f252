"""Where the mark lies: a square canvas of cells, centred on the picture, scaled to its long side.

The canvas does not depend on the picture's shape. A picture of any shape uses the middle of the canvas, so a decoder
need not know the host's aspect ratio, and a cropped leak differs from its host by a similarity alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True)
class Grid:
    """The part of the canvas that a picture covers.

    Parameters
    ----------
    width, height : int
        Canonical samples that the picture covers; the longer one is the canvas' side.
    left, top : int
        Place of the picture's first sample on the canvas, in samples.
    cell : int
        Side of a cell in samples.
    """

    width: int
    height: int
    left: int
    top: int
    cell: int

    @classmethod
    def of(cls, aspect: float, long_side: int, cell: int) -> Grid:
        """Grid of a picture of a given shape.

        Parameters
        ----------
        aspect : float
            Displayed width over height.
        long_side : int
            Side of the canvas in samples, a multiple of `cell`.
        cell : int
            Side of a cell in samples.

        Returns
        -------
        Grid
            The shorter side is even, so that the picture is centred on the canvas to the sample.
        """
        # to 6 digits first, so that an exact half falls alike from width / height and from 1 / (height / width)
        short = max(2, 2 * round(round(long_side * min(aspect, 1 / aspect) / 2, 6)))
        width, height = (long_side, short) if aspect >= 1 else (short, long_side)
        return cls(width, height, (long_side - width) // 2, (long_side - height) // 2, cell)

    @property
    def columns(self) -> slice:
        """Columns of the canvas' cells that the picture touches."""
        return slice(self.left // self.cell, -(-(self.left + self.width) // self.cell))

    @property
    def rows(self) -> slice:
        """Rows of the canvas' cells that the picture touches."""
        return slice(self.top // self.cell, -(-(self.top + self.height) // self.cell))

    @property
    def cells(self) -> tuple[int, int]:
        """Rows and columns of cells that the picture touches."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    @property
    def border(self) -> tuple[int, int, int, int]:
        """Samples from the touched cells' outer edges to the picture: top, bottom, left, right."""
        top = self.top - self.rows.start * self.cell
        left = self.left - self.columns.start * self.cell
        rows, columns = self.cells
        return (top, rows * self.cell - top - self.height, left, columns * self.cell - left - self.width)

    def window(self, canvas: NDArray[np.float32]) -> NDArray[np.float32]:
        """Cut the cells that the picture touches out of arrays on the canvas.

        Parameters
        ----------
        canvas : ndarray, shape (..., side, side)
            One sample per canonical sample.

        Returns
        -------
        ndarray, shape (..., rows * cell, columns * cell)
            A view.
        """
        rows, columns, size = self.rows, self.columns, self.cell
        return canvas[..., rows.start * size : rows.stop * size, columns.start * size : columns.stop * size]

    def canonical(self, plane: NDArray[np.generic]) -> NDArray[np.float32]:
        """Bring a plane of any size onto the grid, without its border.

        Parameters
        ----------
        plane : ndarray of uint8, uint16 or float32, shape (plane height, plane width)
            In display orientation.

        Returns
        -------
        ndarray of float32, shape (height, width)
            Mean level over the area of each canonical sample; smoothly interpolated where the plane is smaller.
        """
        grows = plane.shape[1] < self.width or plane.shape[0] < self.height
        method = cv2.INTER_CUBIC if grows else cv2.INTER_AREA
        levels = np.ascontiguousarray(plane, np.float32)
        return np.asarray(cv2.resize(levels, (self.width, self.height), interpolation=method), np.float32)

    def pad(self, picture: NDArray[np.float32]) -> NDArray[np.float32]:
        """Extend canonical samples to whole cells by mirroring them at the picture's edge.

        Parameters
        ----------
        picture : ndarray of float32, shape (height, width)

        Returns
        -------
        ndarray of float32, shape (rows * cell, columns * cell)
        """
        return np.asarray(cv2.copyMakeBorder(picture, *self.border, cv2.BORDER_REFLECT), np.float32)

    def crop(self, padded: NDArray[Scalar]) -> NDArray[Scalar]:
        """Undo `pad`: the samples inside the picture.

        Parameters
        ----------
        padded : ndarray, shape (..., rows * cell, columns * cell)

        Returns
        -------
        ndarray, shape (..., height, width)
            A view.
        """
        top, _, left, _ = self.border
        return padded[..., top : top + self.height, left : left + self.width]
