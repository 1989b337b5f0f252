"""What is added to a stored plane, on its way from the canonical grid to the plane's size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.embedder import kernels

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Samples = NDArray[np.float32]

SHARPNESS = -0.75
"""Slope of the cubic's far ends (Keys 1981, eq. 4, whose ``a`` this is): as in OpenCV's INTER_CUBIC."""


OVERSHOOT = 1.375
"""Largest result of interpolating samples of magnitude 1, along one side: the weights halfway, added unsigned."""

FINEST, COARSEST = 12, 2
"""Largest and least shift: a step of 1/4096 is far finer than the rounding that follows, and nothing is ever so large
that it needs the other."""


@dataclass(frozen=True)
class Taps:
    """Cubic convolution along one side: which samples each new one is made of.

    Attributes
    ----------
    places : ndarray of int64, shape (wanted, 4)
        Beyond the ends the last sample stands for all.
    weights : ndarray of float32, shape (wanted, 4)
        Their sum is 1.

    References
    ----------
    R. Keys, "Cubic convolution interpolation for digital image processing", IEEE Trans. ASSP 29 (1981).
    """

    places: NDArray[np.int64]
    weights: Samples

    @classmethod
    def of(cls, samples: int, wanted: int) -> Taps:
        """Bring so many samples to so many others that cover the same length.

        Parameters
        ----------
        samples, wanted : int

        Returns
        -------
        Taps
        """
        centre = (np.arange(wanted) + 0.5) * samples / wanted - 0.5
        first = np.floor(centre)
        near = centre - first
        far = 1 + near
        ends = [SHARPNESS * (x**3 - 5 * x**2 + 8 * x - 4) for x in (far, 3 - far)]
        middle = [(SHARPNESS + 2) * x**3 - (SHARPNESS + 3) * x**2 + 1 for x in (near, 1 - near)]
        places = np.clip(first[:, None] + np.arange(-1, 3), 0, samples - 1)
        return cls(places.astype(np.int64), np.stack([ends[0], *middle, ends[1]], axis=1).astype(np.float32))

    def whole(self, total: int) -> NDArray[np.int16]:
        """Bring the weights to whole numbers of a given sum.

        Parameters
        ----------
        total : int

        Returns
        -------
        ndarray of int16, shape (wanted, 4)
        """
        near = np.round(self.weights * total).astype(np.int16)
        largest = near.argmax(axis=1)
        near[np.arange(len(near)), largest] += np.int16(total) - near.sum(axis=1, dtype=np.int16)
        return near

    def beside(self, samples: int, colours: int) -> Taps:
        """Do so with several rows of samples, one after the other, whose results stand in turn.

        Parameters
        ----------
        samples : int
            In each of them.
        colours : int
            How many there are.

        Returns
        -------
        Taps
        """
        places = self.places[:, None] + samples * np.arange(colours)[:, None]
        return Taps(np.ascontiguousarray(places.reshape(-1, 4)), self.weights.repeat(colours, axis=0))


class Field:
    """Changes of one plane: as wide as the plane, and as high as the grid. The last step is made where they are added.

    Parameters
    ----------
    grid : tuple of int
        Height and width of a change, as it lies in storage.
    shape : tuple of int
        Of the plane: height, width and, where several colours lie side by side, their number.
    versions : int

    Attributes
    ----------
    wide : ndarray of int16, shape (versions, grid height, width times colours)
    taps : ndarray of int64, shape (height, 4)
        Rows of these that each row of the plane is made of.
    weights : ndarray of int16, shape (height, 4)
        What each of them counts, of `kernels.WEIGHT`.
    """

    def __init__(self, grid: tuple[int, int], shape: tuple[int, ...], versions: int) -> None:
        height, width = grid
        colours = shape[2] if len(shape) > 2 else 1
        self.wide: NDArray[np.int16] = np.empty((versions, height, shape[1] * colours), np.int16)
        down = Taps.of(height, shape[0])
        self.taps, self.weights = down.places, down.whole(kernels.WEIGHT)
        self._columns = Taps.of(width, shape[1]).beside(width, colours)
        self._turned: Samples = np.empty((colours, width, height), np.float32)
        self._made: NDArray[np.int16] = np.empty((shape[1] * colours, height), np.int16)

    def fill(self, version: int, shift: int, *changes: Samples) -> None:
        """Take a change over.

        Parameters
        ----------
        version : int
        shift : int
            From `shift_of`.
        *changes : ndarray of float32, shape (grid height, grid width)
            One for each colour in the plane, in steps of the plane.
        """
        for turned, change in zip(self._turned, changes, strict=True):
            cv2.transpose(change, dst=turned)
        flat = self._turned.reshape(-1, self._turned.shape[-1])
        scale = 2**shift / kernels.WEIGHT
        kernels.widen(flat, self._columns.places, self._columns.weights, scale, self._made)
        cv2.transpose(self._made, dst=self.wide[version])


def shift_of(largest: float) -> int:
    """Choose the steps that changes are held in, as fine as 16 bits allow.

    Parameters
    ----------
    largest : float
        Magnitude that no sample of the changes, or of those that are added up, exceeds; in steps of the plane.

    Returns
    -------
    int
        There are ``2 ** shift`` of them to a step of the plane.
    """
    room = np.iinfo(np.int16).max / (OVERSHOOT**2 * max(largest, 1))
    return max(COARSEST, min(FINEST, math.floor(math.log2(room))))
