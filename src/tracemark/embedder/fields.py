"""What is added to a stored plane, brought from the canonical grid to the plane's size."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from tracemark.signal.scratch import Scratch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from tracemark.frames import Plane

    Samples = NDArray[np.float32]

ZERO = 128
"""What stands for no change in a `ByteField`: the middle of its range."""

HEADROOM = 0.9
"""Share of a `ByteField`'s range that its canonical samples fill: cubic interpolation goes a little beyond them."""


class ByteField:
    """A change in fine steps, one byte a pixel: fast, for planes of 8 bits.

    Parameters
    ----------
    shape : tuple of int
        Of the plane: height, width and, where several colours lie side by side, their number.

    Notes
    -----
    A step is the largest change of the frame over 115, about a twentieth of a level: the byte moves the change of a
    pixel by at most half a step before the sum with the host is rounded to a whole level, as it is anyway.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._steps = np.empty(shape, np.uint8)
        self._step = 1.0
        self._scratch = Scratch()

    def fill(self, changes: list[Samples], largest: float) -> None:
        """Take a change over.

        Parameters
        ----------
        changes : list of ndarray of float32, shape (grid height, grid width)
            One for each colour in the plane, as it lies in storage, in levels.
        largest : float
            Magnitude that no sample of the change exceeds.
        """
        self._step = largest / (HEADROOM * (ZERO - 1)) if largest > 0 else 1.0
        small = self._scratch.array("small", changes[0].shape, np.uint8)
        height, width = size = self._steps.shape[:2]
        one = self._steps if len(changes) == 1 else self._scratch.array("one colour", size, np.uint8)
        for index, change in enumerate(changes):
            cv2.convertScaleAbs(change, dst=small, alpha=1 / self._step, beta=ZERO)
            cv2.resize(small, (width, height), dst=one, interpolation=cv2.INTER_CUBIC)
            if one is not self._steps:
                cv2.insertChannel(one, self._steps, index)

    def add(self, plane: Plane, sign: int, out: Plane) -> None:
        """Add the change, or its negative, to a plane: rounded and saturated.

        Parameters
        ----------
        plane : ndarray of uint8
        sign : {1, -1}
        out : ndarray of uint8
            Where the sum lies.
        """
        step = sign * self._step
        cv2.addWeighted(plane, 1.0, self._steps, step, -step * ZERO, dst=out)


class FloatField:
    """A change in full precision, for planes of more than 8 bits, or that are sums of several changes.

    Parameters
    ----------
    shape : tuple of int
        As for `ByteField`.
    top : int
        Largest value of a sample.

    Attributes
    ----------
    levels : ndarray of float32
        The change in steps of the plane.
    """

    def __init__(self, shape: tuple[int, ...], top: int) -> None:
        self.levels: Samples = np.empty(shape, np.float32)
        self._top = top

    def fill(self, changes: list[Samples], largest: float) -> None:  # noqa: ARG002 - floats need no range
        """Take a change over, as `ByteField.fill`."""
        height, width = self.levels.shape[:2]
        cv2.resize(changes[0], (width, height), dst=self.levels, interpolation=cv2.INTER_CUBIC)

    def add(self, plane: Plane, sign: int, out: Plane) -> None:
        """Add the change or its negative, as `ByteField.add`."""
        add = cv2.add if sign > 0 else cv2.subtract
        add(plane, self.levels, dst=out, dtype=cv2.CV_8U if out.dtype == np.uint8 else cv2.CV_16U)
        if out.dtype != np.uint8:
            np.minimum(out, out.dtype.type(self._top), out=out)


Field = ByteField | FloatField
