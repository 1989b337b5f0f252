"""What is searched for, and what a search finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.keys import Key

    Doubles = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Pilot:
    """A key's carriers.

    Parameters
    ----------
    key : Key
    frequencies : ndarray of float64, shape (carriers, 2)
        Cycles per long side of the host.
    phases : ndarray of float64, shape (carriers,)
        Radians at its middle.
    """

    key: Key
    frequencies: Doubles
    phases: Doubles


@dataclass(frozen=True)
class Placement:
    """A way to look at a leak.

    Attributes
    ----------
    key : Key
        Whose pilot it is.
    score : float
        How well the carriers' phases fit: see `placing.Place`.
    matrix : ndarray of float64, shape (3, 3)
        Homography from the canvas (long sides of the host, from its middle) to pixels of the reel.
    speed : float
        How much faster the leak runs than the stream did.
    moment : float or None
        Time of the one key frame that it was seen in, in seconds of the leak; None if it was seen over time.
    aspect : float or None
        The host's width over its height where it is known.
    """

    key: Key
    score: float
    matrix: Doubles
    speed: float
    moment: float | None
    aspect: float | None = None


def upright(size: tuple[int, int]) -> Doubles:
    """Give the matrix of a placement that shows a leak as it stands.

    Parameters
    ----------
    size : tuple of int
        Width and height of the leak, in pixels.

    Returns
    -------
    ndarray of float64, shape (3, 3)
        From the canvas to pixels: the leak's middle in its middle, its longer side along all of it.
    """
    side, (width, height) = max(size), size
    return np.array([[side, 0, width / 2], [0, side, height / 2], [0, 0, 1]], np.float64)
