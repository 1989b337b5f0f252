"""Formats of pictures, and how one picture lies in another."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from typing import Self

Matrix = NDArray[np.float64]
"""Homography of shape (3, 3) on positions whose width and height are normalised to 1, from edge to edge."""

FALLBACK_RATE = 25.0
"""Frames per second assumed of a picture."""


@dataclass(frozen=True)
class Format:
    """Size and rate of a clip.

    Parameters
    ----------
    width, height : int
        In pixels.
    rate : float
        Frames per second.
    """

    width: int
    height: int
    rate: float = FALLBACK_RATE

    @classmethod
    def of(cls, path: Path) -> Self:
        """Look at a file."""
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            return cls(stream.width, stream.height, float(stream.average_rate or FALLBACK_RATE))

    @cached_property
    def scale(self) -> Matrix:
        """Matrix from normalised positions to pixels, whose centres are at halves."""
        return np.diag([self.width, self.height, 1.0])

    def resized(self, width: float, height: float) -> Format:
        """Keep the rate, and take another size, rounded to even numbers, which 4:2:0 encoders demand."""
        return Format(even(width), even(height), self.rate)


@dataclass(frozen=True)
class Placement:
    """How a picture lies in what was made of it.

    Parameters
    ----------
    format : Format
        Of what was made.
    matrix : ndarray of float64, shape (3, 3), or None
        From normalised positions in what was made to those in the picture; None where there is no single one.
    """

    format: Format
    matrix: Matrix | None

    @classmethod
    def inside(cls, outer: Format, left: float, top: float, width: float, height: float) -> Placement:
        """Place a picture in a larger one, or show a part of it: its left top corner and size in outer pixels."""
        matrix = np.array(
            [[outer.width / width, 0, -left / width], [0, outer.height / height, -top / height], [0, 0, 1]]
        )
        return cls(outer, matrix)


def even(length: float) -> int:
    """Round to an even number, at least 2."""
    return max(2, 2 * round(length / 2))


def normalised(pixels: Matrix, source: Format, target: Format) -> Matrix:
    """Turn a homography from target pixels to source pixels into one on normalised positions."""
    matrix: Matrix = np.linalg.inv(source.scale) @ pixels @ target.scale
    matrix /= matrix[2, 2]
    return matrix
